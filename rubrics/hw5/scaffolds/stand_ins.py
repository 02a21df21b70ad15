"""Stand-ins for what a part needs of another part and that cannot be lent call by call."""

from torch import nn


class MySimpleCNN(nn.Module):
    """Some network for images of 8 by 8 pixels and ten classes: not the one asked for."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10)
        )

    def forward(self, x):
        return self.layers(x)
