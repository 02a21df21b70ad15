"""Problem 4: the image Dataset, the homework's transform, and classes predicted by a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from grader.compat import import_torchvision

IMAGE_SIZE = (224, 224)
# Mean and standard deviation of ImageNet's channels, as Problem 4 (c) gives them.
CHANNEL_MEAN = (0.485, 0.456, 0.406)
CHANNEL_STD = (0.229, 0.224, 0.225)


def data_transform() -> Callable[[Any], Tensor]:
    """Build the transform of Problem 4 (c): a PIL image to a float32 tensor (3, 224, 224).

    A function, because torchvision is imported only where someone asks for it.
    """
    import_torchvision()
    from torchvision import transforms

    composed: Callable[[Any], Tensor] = transforms.Compose(
        [
            transforms.Resize(IMAGE_SIZE),
            transforms.ToTensor(),
            transforms.Normalize(mean=CHANNEL_MEAN, std=CHANNEL_STD),
        ]
    )
    return composed


class myDataset(Dataset[Any]):
    """Problem 4 (c): a list of images, each through `data_transform` if there is one."""

    def __init__(
        self, img_list: Sequence[Any], data_transform: Callable[[Any], Any] | None = None
    ) -> None:
        self.img_list = img_list
        self.length = len(img_list)
        self.data_transform = data_transform

    def __getitem__(self, index: int) -> Any:
        """Return image `index`: with the homework's transform a float32 tensor (3, 224, 224)."""
        image = self.img_list[index]
        return image if self.data_transform is None else self.data_transform(image)

    def __len__(self) -> int:
        return self.length


def image_count(images: Sequence[Any]) -> int:
    """Return the length of a dataset of these images."""
    return len(images)


def image_item(colours: NDArray[Any], index: int) -> NDArray[Any]:
    """Return the corner (3, 2, 2) of item `index` where each image has one of `colours`, (N, 3)."""
    return np.broadcast_to(colours[index][:, None, None], (3, 2, 2))


def likeliest(scores: NDArray[Any], batch_size: int) -> NDArray[np.int64]:
    """Return the class of the largest of each row's scores (N, classes); batches play no part."""
    return scores.argmax(axis=1)


def predict(model: nn.Module, dataloader: Iterable[Tensor]) -> NDArray[np.int64]:
    """Return the most probable class of every image in `dataloader`, int64 (N,), Problem 4 (e).

    Softmax keeps the order of the logits, so their argmax is that of the probabilities. The
    model computes where its parameters are, in inference mode; each of its modules, frozen
    ones too, is left in the mode that it was in.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    modes = [(module, module.training) for module in model.modules()]
    classes = [np.empty(0, dtype=np.int64)]
    model.eval()
    try:
        with torch.no_grad():
            classes += [model(batch.to(device)).argmax(1).cpu().numpy() for batch in dataloader]
    finally:
        for module, training in modes:
            module.training = training
    return np.concatenate(classes)
