"""Problem 5: a multilayer perceptron in NumPy, from its data's encoding to its training.

Every layer, the last one too, ends in a sigmoid; softmax turns the last layer's output o into
probabilities p, and the loss is the mean cross-entropy of p.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grader.checks.oracle import forward_error
from grader.checks.rounding import Array, Rounded, float64

from ._activations import (
    T,
    rounded_sigmoid,
    rounded_softmax,
    sigmoid,
    sigmoid_prime,
    slope,
    softmax,
)

__all__ = [
    "MLP",
    "back_prop",
    "back_prop_update_first",
    "feed_forward",
    "init_layers",
    "init_weights",
    "one_hot",
    "scale",
    "sgd_step",
    "sigmoid",
    "sigmoid_prime",
    "softmax",
]

CLASSES = 10

# The seeds of the homework's `init_weights`: 8803 for its second matrix, 4803 for all others.
SEEDS = (4803, 8803)


def _scale_error(x: ArrayLike) -> Array:
    """Three roundings: of x, of its maximum's reciprocal, of the product."""
    return 3 * np.abs(scale(x))


@forward_error(_scale_error)
def scale(x: ArrayLike) -> Array:
    """Return non-negative data, of any shape, divided by its maximum: in [0, 1], Problem 5 (a).

    Data without a positive entry, or without any, comes back as it is.
    """
    data = float64(x)
    peak = data.max(initial=0.0)
    return data / peak if peak > 0 else data.copy()


def one_hot(labels: ArrayLike, classes: int = CLASSES) -> Array:
    """Return the rows, (N, classes), that mark each of N labels 0 to classes-1, Problem 5 (a).

    Labels may be floats, as the homework's loader leaves them, and of any shape with N entries.
    Raises ValueError where a label is not one of the classes.
    """
    flat = np.asarray(labels).reshape(-1)
    known = np.isin(flat, np.arange(classes))
    if not known.all():
        raise ValueError(f"label={flat[~known][0]}, but should be one of 0 to {classes - 1}")
    rows = np.zeros((flat.size, classes))
    rows[np.arange(flat.size), flat.astype(np.intp)] = 1
    return rows


def init_layers(batch_size: int, layer_sizes: Sequence[int] | NDArray[np.int_]) -> list[Array]:
    """Return one array (batch_size, size) a layer, for `feed_forward` to fill."""
    return [np.zeros((batch_size, size)) for size in layer_sizes]


def init_weights(
    layer_sizes: Sequence[int] | NDArray[np.int_], fix_seed: bool = False
) -> list[Array]:
    """Return one matrix (size, next size) a pair of layers, uniform on [-1, 1), Problem 5 (b-iii).

    With `fix_seed` the homework's numbers; without, NumPy's global generator, so that
    np.random.seed fixes these too.
    """
    weights = []
    for i, shape in enumerate(pairwise(layer_sizes)):
        seeded = np.random.default_rng(SEEDS[i == 1]) if fix_seed else np.random
        weights.append(seeded.uniform(-1, 1, size=shape))
    return weights


def _feed_forward_error(
    batch: ArrayLike, hidden_layers: Sequence[Array] | None, weights: Sequence[ArrayLike]
) -> tuple[Array, list[Array]]:
    """Each layer carries its input's error through |W|, and adds its products' and sigmoid's."""
    output, layers = _rounded_forward(batch, weights)
    return output.error, [layer.error for layer in layers]


@forward_error(_feed_forward_error)
def feed_forward(
    batch: ArrayLike, hidden_layers: Sequence[Array] | None, weights: Sequence[ArrayLike]
) -> tuple[Array, list[Array]]:
    """Return the probabilities (B, classes) and every layer's output, Problem 5 (b-iii).

    Item 0 of the list is the batch (B, features), item i+1 is sigmoid(item i @ weights[i]);
    the probabilities are the softmax of the last. `hidden_layers` is the homework's storage:
    left alone here, and its contents play no part.
    """
    layers = [np.array(batch, dtype=np.float64)]
    for weight in weights:
        layers.append(sigmoid(layers[-1] @ float64(weight)))
    return softmax(layers[-1]), layers


def _rounded_forward(
    batch: ArrayLike, weights: Sequence[ArrayLike]
) -> tuple[Rounded, list[Rounded]]:
    """`feed_forward` on numbers that carry errors."""
    layers = [Rounded.given(batch)]
    for weight in weights:
        layers.append(rounded_sigmoid(layers[-1] @ Rounded.given(weight)))
    return rounded_softmax(layers[-1]), layers


def _descend(
    output: T, batch_y: T, layers: Sequence[T], weights: Sequence[T], rate: float, first: bool
) -> list[T]:
    """Return the weights less `rate` times the gradients of the summed cross-entropy.

    dL/do = p - y (Problem 5 (c)); a layer's delta is dL/dz, and its gradient input.T @ delta.
    With `first`, a delta is passed down through weights that are updated already.
    """
    updated = list(weights)
    delta = (output - batch_y) * slope(layers[-1])
    for i in reversed(range(len(weights))):
        updated[i] = weights[i] - rate * (layers[i].T @ delta)
        if i > 0:
            delta = (delta @ (updated if first else weights)[i].T) * slope(layers[i])
    return updated


def _rate(lr: float, batch_size: int) -> float:
    """The step for a mean over the batch; an empty batch moves nothing."""
    return lr / batch_size if batch_size else 0.0


def _exact_step(
    output: ArrayLike,
    batch_y: ArrayLike,
    hidden_layers: Sequence[ArrayLike],
    weights: Sequence[ArrayLike],
    rate: float,
    first: bool,
) -> list[Array]:
    layers, matrices = ([float64(x) for x in group] for group in (hidden_layers, weights))
    return _descend(float64(output), float64(batch_y), layers, matrices, rate, first)


def _step_error(
    output: Rounded,
    batch_y: ArrayLike,
    layers: Sequence[Rounded],
    weights: Sequence[ArrayLike],
    rate: float,
    first: bool,
) -> list[Array]:
    """The step's own formula, and a rounding of |W| a sample: an answer may subtract in turn."""
    matrices = [Rounded.given(weight) for weight in weights]
    updated = _descend(output, Rounded.given(batch_y), layers, matrices, rate, first)
    samples = len(output.value)
    return [weight.error + samples * np.abs(weight.value) for weight in updated]


def _back_prop_error(
    output: ArrayLike,
    batch_y: ArrayLike,
    hidden_layers: Sequence[ArrayLike],
    weights: Sequence[ArrayLike],
    batch_size: int,
    lr: float,
) -> list[Array]:
    """|W|, the products |h|.T |delta| lr / batch_size, and what the deltas bring along."""
    given, rate = Rounded.given, _rate(lr, batch_size)
    layers = [given(layer) for layer in hidden_layers]
    return _step_error(given(output), batch_y, layers, weights, rate, first=False)


@forward_error(_back_prop_error)
def back_prop(
    output: ArrayLike,
    batch_y: ArrayLike,
    hidden_layers: Sequence[ArrayLike],
    weights: Sequence[ArrayLike],
    batch_size: int,
    lr: float,
) -> list[Array]:
    """Return the weights after one step of gradient descent, as new arrays, Problem 5 (c-ii).

    Exactly the gradient of the cross-entropy summed over the batch and divided by
    `batch_size`: every delta passes down through the weights as they were. `output` and
    `hidden_layers` are those of `feed_forward`, `batch_y` is one-hot (B, classes).
    """
    rate = _rate(lr, batch_size)
    return _exact_step(output, batch_y, hidden_layers, weights, rate, first=False)


def _update_first_error(
    output: ArrayLike,
    batch_y: ArrayLike,
    hidden_layers: Sequence[ArrayLike],
    weights: Sequence[ArrayLike],
    batch_size: int,
    lr: float,
) -> list[Array]:
    """As for `back_prop`, with the updated weights' errors in the deltas below."""
    given, rate = Rounded.given, _rate(lr, batch_size)
    layers = [given(layer) for layer in hidden_layers]
    return _step_error(given(output), batch_y, layers, weights, rate, first=True)


@forward_error(_update_first_error)
def back_prop_update_first(
    output: ArrayLike,
    batch_y: ArrayLike,
    hidden_layers: Sequence[ArrayLike],
    weights: Sequence[ArrayLike],
    batch_size: int,
    lr: float,
) -> list[Array]:
    """Return what `back_prop` does where each delta passes down through updated weights.

    Not quite the gradient, but what a loop that updates in place computes: accepted as well.
    """
    rate = _rate(lr, batch_size)
    return _exact_step(output, batch_y, hidden_layers, weights, rate, first=True)


def _sgd_step_error(
    batch: ArrayLike,
    batch_y: ArrayLike,
    weights: Sequence[ArrayLike],
    batch_size: int,
    lr: float,
    update_first: bool = False,
) -> list[Array]:
    """As for the step alone, with the forward pass's errors carried into it."""
    output, layers = _rounded_forward(batch, weights)
    return _step_error(output, batch_y, layers, weights, _rate(lr, batch_size), update_first)


@forward_error(_sgd_step_error)
def sgd_step(
    batch: ArrayLike,
    batch_y: ArrayLike,
    weights: Sequence[ArrayLike],
    batch_size: int,
    lr: float,
    update_first: bool = False,
) -> list[Array]:
    """Return the weights after a forward pass and one step: what `MLP` does with one batch."""
    output, layers = feed_forward(batch, None, weights)
    step = back_prop_update_first if update_first else back_prop
    return step(output, batch_y, layers, weights, batch_size, lr)


class MLP:
    """Problem 5 (d): a network with L hidden layers of N_l units, trained on mini-batches.

    Samples (N, features) get a column of ones for the bias; labels are class numbers.
    """

    def __init__(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        X_val: ArrayLike,
        Y_val: ArrayLike,
        L: int = 1,
        N_l: int = 128,
    ) -> None:
        self.X, self.Y = _with_bias(X), one_hot(Y)
        self.X_val, self.Y_val = _with_bias(X_val), one_hot(Y_val)
        self.L, self.N_l = L, N_l
        self.n_samples = len(self.X)
        self.layer_sizes = np.array([self.X.shape[1], *[N_l] * L, CLASSES])
        self.__init_weights()
        self.train_loss: list[float] = []
        self.train_acc: list[float] = []
        self.val_loss: list[float] = []
        self.val_acc: list[float] = []
        self.train_time: list[float] = []
        self.tot_time: list[float] = []
        self.metrics = [
            *(self.train_loss, self.train_acc, self.val_loss, self.val_acc),
            *(self.train_time, self.tot_time),
        ]

    def __sigmoid(self, x: ArrayLike) -> Array:
        return sigmoid(x)

    def __softmax(self, x: ArrayLike) -> Array:
        return softmax(x)

    def __loss(self, y_pred: Array, y: Array) -> float:
        """The mean cross-entropy of probabilities against one-hot rows, both (B, classes)."""
        return float(-(y * np.log(y_pred)).sum(axis=1).mean())

    def __accuracy(self, y_pred: Array, y: Array) -> float:
        """The share of one-hot rows that agree in every cell."""
        return float((y_pred == y).all(axis=1).mean())

    def __sigmoid_prime(self, h: ArrayLike) -> Array:
        return sigmoid_prime(h)

    def __to_categorical(self, x: Array) -> Array:
        """The one-hot rows, (B, classes), of each row's most probable class."""
        return one_hot(x.argmax(axis=1), x.shape[1])

    def __init_weights(self) -> None:
        self.weights = init_weights(self.layer_sizes)

    def __init_layers(self, batch_size: int) -> None:
        self.__h = init_layers(batch_size, self.layer_sizes)

    def __feed_forward(self, batch: Array) -> None:
        self.__out, self.__h = feed_forward(batch, self.__h, self.weights)

    def __back_prop(self, batch_y: Array) -> None:
        self.weights = back_prop(
            self.__out, batch_y, self.__h, self.weights, self.batch_size, self.lr
        )

    def __judge(self, batch_y: Array) -> tuple[float, float]:
        """Loss and accuracy of the last forward pass."""
        categories = self.__to_categorical(self.__out)
        return self.__loss(self.__out, batch_y), self.__accuracy(categories, batch_y)

    def predict(self, X: ArrayLike) -> Array:
        """Return one-hot rows (N, classes) for samples (N, features)."""
        samples = _with_bias(X)
        self.__init_layers(len(samples))
        self.__feed_forward(samples)
        return self.__to_categorical(self.__out)

    def evaluate(self, X: ArrayLike, Y: ArrayLike) -> float:
        """Return the accuracy on samples (N, features) with one-hot labels (N, classes)."""
        return self.__accuracy(self.predict(X), float64(Y))

    def train(self, batch_size: int = 8, epochs: int = 25, lr: float = 1.0) -> None:
        """Run stochastic gradient descent, append to the metrics, and print them every epoch.

        As in the homework, batches come from np.array_split, so that some may be larger than
        `batch_size`, by which the gradient is divided all the same.
        """
        self.batch_size, self.lr = batch_size, lr
        for epoch in range(1, epochs + 1):
            start = time.time()
            loss, accuracy = self.__train_epoch()
            train_time = round(time.time() - start, 3)
            self.__init_layers(len(self.X_val))
            self.__feed_forward(self.X_val)
            val_loss, val_accuracy = self.__judge(self.Y_val)
            row = [loss, accuracy, val_loss, val_accuracy]
            row += [train_time, round(time.time() - start, 3)]
            for metric, value in zip(self.metrics, row, strict=True):
                metric.append(value)
            names = ("loss", "acc", "val_loss", "val_acc", "train_time", "tot_time")
            shown = (f"{name} = {round(x, 3)}" for name, x in zip(names, row, strict=True))
            print(f"Epoch {epoch}:", " | ".join(shown))

    def __train_epoch(self) -> tuple[float, float]:
        """Step through shuffled batches; return the means over batches, each before its step."""
        order = np.random.permutation(self.n_samples)
        judged = []
        for rows in np.array_split(order, max(1, self.n_samples // self.batch_size)):
            self.__init_layers(len(rows))
            self.__feed_forward(self.X[rows])
            judged.append(self.__judge(self.Y[rows]))
            self.__back_prop(self.Y[rows])
        loss, accuracy = np.mean(judged, axis=0)
        return float(loss), float(accuracy)


def _with_bias(X: ArrayLike) -> Array:
    """Append the column of ones."""
    samples = float64(X)
    return np.hstack([samples, np.ones((len(samples), 1))])
