"""Problem 5 (d)'s class, step by step against a twin that torch trains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from reference.hw5 import p5_mlp as p5
from reference.hw5.p3_digits import load_split


class TorchMLP:
    """What `MLP.train` does, by autograd; `batches` are row numbers."""

    def __init__(self, model: p5.MLP) -> None:
        self.x, self.y = torch.tensor(model.X), torch.tensor(model.Y)
        self.weights = [torch.tensor(w, requires_grad=True) for w in model.weights]

    def forward(self, rows: np.ndarray | slice) -> torch.Tensor:
        """The last layer's output: softmax is part of the loss."""
        h = self.x[rows]
        for weight in self.weights:
            h = torch.sigmoid(h @ weight)
        return h

    def run(self, batches: list[np.ndarray], batch_size: int, lr: float) -> list[float]:
        losses = []
        optimizer = torch.optim.SGD(self.weights, lr=lr)
        for rows in batches:
            optimizer.zero_grad()
            total = functional.cross_entropy(self.forward(rows), self.y[rows], reduction="sum")
            (total / batch_size).backward()
            optimizer.step()
            losses.append(total.item() / len(rows))
        return losses


def _small_model(samples: int, **sizes: int) -> p5.MLP:
    rng = np.random.default_rng(3)
    x, y = rng.random((samples, 6)), rng.integers(0, 10, samples).astype(np.float32)
    np.random.seed(0)
    return p5.MLP(x, y, x[:3], y[:3], **sizes)


def test_class_has_the_homeworks_attributes() -> None:
    model = _small_model(5, L=2, N_l=7)
    assert model.layer_sizes.tolist() == [7, 7, 7, 10] and model.n_samples == 5
    assert model.X.shape == (5, 7) and (model.X[:, -1] == 1).all() and model.Y.shape == (5, 10)
    assert [w.shape for w in model.weights] == [(7, 7), (7, 7), (7, 10)]
    assert (model.L, model.N_l) == (2, 7) and model.metrics == [[]] * 6
    private = "sigmoid softmax loss accuracy sigmoid_prime to_categorical init_weights"
    for name in f"{private} init_layers feed_forward back_prop".split():
        assert callable(getattr(model, f"_MLP__{name}"))


@pytest.mark.parametrize(
    ("samples", "batch_size", "batches"),
    [(8, 8, 1), (12, 4, 3), (10, 4, 2), (3, 8, 1), (1, 1, 1)],
    ids=["one_step", "even", "uneven", "small_batch", "single"],
)
def test_epoch_agrees_with_torch(samples: int, batch_size: int, batches: int) -> None:
    model = _small_model(samples, L=1, N_l=5)
    twin = TorchMLP(model)
    np.random.seed(5)
    model.train(batch_size=batch_size, epochs=1, lr=0.7)
    order = np.random.RandomState(5).permutation(samples)
    losses = twin.run(np.array_split(order, batches), batch_size, 0.7)
    for ours, theirs in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=0, atol=1e-13)
    assert model.train_loss == [pytest.approx(np.mean(losses), rel=1e-12)]


def test_prediction_is_the_most_probable_class() -> None:
    model = _small_model(9, L=1, N_l=5)
    x = model.X[:, :-1]
    rows = functional.one_hot(TorchMLP(model).forward(slice(None)).argmax(1), 10).numpy()
    assert np.array_equal(model.predict(x), rows)
    assert model.evaluate(x, rows) == 1
    assert model.evaluate(x, np.roll(rows, 1, axis=1)) == 0
    assert model.predict(x[:0]).shape == (0, 10)


def test_training_learns_digits_and_keeps_its_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    X, X_test, y, y_test = load_split()
    np.random.seed(0)
    model = p5.MLP(p5.scale(X), y, p5.scale(X_test), y_test, L=1, N_l=16)
    model.train(batch_size=8, epochs=15, lr=1.0)
    printed = capsys.readouterr().out.splitlines()
    assert [len(metric) for metric in model.metrics] == [15] * 6 == [len(printed)] * 6
    assert model.train_loss[-1] < model.train_loss[0]
    assert model.val_acc[-1] > 0.8
    assert model.evaluate(p5.scale(X_test), p5.one_hot(y_test)) == model.val_acc[-1]
    assert printed[0].startswith(f"Epoch 1: loss = {round(model.train_loss[0], 3)} | acc = ")
