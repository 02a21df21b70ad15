"""Right alternatives for hw5's functions, and what each check of them is asked with.

A check runs here against a stand-in for the student, so that it is the rubric's own examples,
comparison and seed that are measured.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.signal
import scipy.special
import torch

from grader.assignment import load_assignment
from grader.checks.context import CheckContext, running
from grader.checks.oracle import Expected
from grader.checks.reference import Reference
from grader.checks.verdict import CheckFailed, NeedsReview
from grader.model import Stage
from rubrics.hw5 import test_p5_passes as p5
from rubrics.hw5 import test_p6_convolution as p6

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = load_assignment(str(ROOT / "rubrics" / "hw5"))
REFERENCE = Reference(ASSIGNMENT.reference_folder)
Answer = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One check of the rubric: the function that it calls, and the item of it that it compares."""

    check: Callable[..., None]
    function: str
    item: int | None = None

    def right(self, *args: Any) -> Expected:
        """The oracle's answer to a call of the function, or the item that is compared."""
        whole: Expected = getattr(REFERENCE, self.function)(*args)
        return whole if self.item is None else whole[self.item]

    def verdict(self, answer: Answer) -> CheckFailed | None:
        """What the check says to a student whose function is `answer`; tensors lose nothing."""
        try:
            self.ask(answer)
        except CheckFailed as failure:
            return failure
        except NeedsReview as doubt:
            assert p5.IN_TENSORS in str(doubt)
        return None

    def ask(self, answer: Answer) -> None:
        """Run the check for a student whose function is `answer`; it raises its verdict."""
        context = CheckContext(
            shrink_s=0, seed=ASSIGNMENT.rubric.seed, example_count=ASSIGNMENT.rubric.examples
        )
        names = {self.function: _as_remote(answer)}
        with running(context):
            self.check(
                student=_Names(**names, memo={"called": []}, mutated={}), reference=REFERENCE
            )


class _Names(SimpleNamespace):
    """A student's names, reached as attributes or as entries."""

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise CheckFailed(Stage.PRESENT, f"{name} is not defined") from None


def _as_remote(answer: Answer) -> Answer:
    """`answer` as in the student's process: what it raises is a verdict."""

    def call(*args: Any) -> Any:
        try:
            return answer(*args)
        except (TypeError, RuntimeError, ValueError) as error:
            raise CheckFailed(Stage.RETURNS, f"{type(error).__name__}: {error}") from error

    return call


CASES = {
    "sigmoid": Case(p5.test_sigmoid_of_arrays, "sigmoid"),
    "sigmoid-number": Case(p5.test_sigmoid_of_a_number, "sigmoid"),
    "softmax": Case(p5.test_softmax_of_rows, "softmax"),
    "output": Case(p5.test_output_of_the_forward_pass, "feed_forward", 0),
    "hidden": Case(p5.test_hidden_layers_are_stored, "feed_forward", 1),
    "sigmoid_prime": Case(p5.test_sigmoid_prime_of_outputs, "sigmoid_prime"),
    "single-step": Case(p5.test_step_of_a_single_layer, "back_prop"),
    "step": Case(p5.test_step_of_all_layers, "back_prop"),
    "my_convolution": Case(p6.test_convolution_matches_torch, "my_convolution"),
}


@functools.cache
def calls(name: str) -> tuple[tuple[Any, ...], ...]:
    """The arguments of every call that a check makes, on all its examples."""
    made: list[tuple[Any, ...]] = []
    case = CASES[name]

    def record(*args: Any) -> Any:
        made.append(args)
        return REFERENCE.find(case.function)(*args)

    assert case.verdict(record) is None
    return tuple(made)


def _single(function: Answer) -> Answer:
    """`function` by torch, on arguments rounded to single precision; the answer as a tensor."""
    return lambda *args: function(*(torch.from_numpy(np.array(a, dtype=np.float32)) for a in args))


def _f32(x: Any) -> np.ndarray:
    return np.asarray(x, dtype=np.float32)


def _unshifted(x: np.ndarray) -> np.ndarray:
    return np.exp(_f32(x)) / np.exp(_f32(x)).sum(axis=1, keepdims=True)


def _row_by_row(x: np.ndarray) -> np.ndarray:
    return np.array([scipy.special.softmax(row) for row in x])


def _forward(batch: np.ndarray, hidden: Any, weights: Any, product: Answer, act: Answer) -> Any:
    layers = [_f32(batch)]
    for weight in weights:
        layers.append(act(product(layers[-1], _f32(weight))))
    return _unshifted(layers[-1]), layers


def _textbook(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def _by_tanh(z: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(z / 2)) / 2


def _forward_torch(batch: np.ndarray, hidden: Any, weights: Any) -> Any:
    layers = [torch.tensor(np.array(batch))]
    for weight in weights:
        layers.append(torch.sigmoid(layers[-1] @ torch.tensor(np.array(weight))))
    return torch.softmax(layers[-1], dim=1), tuple(layers)


def _step(
    output: Any, y: Any, layers: Any, weights: Any, batch_size: int, lr: float, first: bool = False
) -> list[np.ndarray]:
    """One step in single precision, with einsum and the gradient before the learning rate."""
    made = [_f32(weight) for weight in weights]
    h = [_f32(layer) for layer in layers]
    delta = (_f32(output) - _f32(y)) * (h[-1] - h[-1] ** 2)
    for i in range(len(made) - 1, -1, -1):
        updated = made[i] - np.float32(lr) * (np.einsum("ni,nj->ij", h[i], delta) / batch_size)
        delta = np.einsum("nj,ij->ni", delta, updated if first else made[i]) * h[i] * (1 - h[i])
        made[i] = updated
    return made


def _step_by_samples(
    output: Any, y: Any, layers: Any, weights: Any, batch_size: int, lr: float
) -> tuple[torch.Tensor, ...]:
    """One step as a sum over samples from the last to the first, each subtracted by itself."""
    updated = [_f32(weight).copy() for weight in weights]
    for n in range(len(output) - 1, -1, -1):
        delta = (_f32(output[n]) - _f32(y[n])) * _f32(layers[-1][n]) * (1 - _f32(layers[-1][n]))
        for i in range(len(updated) - 1, -1, -1):
            updated[i] -= np.float32(lr / batch_size) * np.outer(_f32(layers[i][n]), delta)
            h = _f32(layers[i][n])
            delta = (_f32(weights[i]) @ delta) * h * (1 - h)
    return tuple(torch.from_numpy(weight) for weight in updated)


def _shifted_sums(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Shifted images added up from the last kernel entry to the first, in single precision."""
    image, kernel = _f32(image), _f32(kernel)
    height, width = (n - m + 1 for n, m in zip(image.shape[2:], kernel.shape[2:], strict=True))
    total = np.zeros((len(image), len(kernel), height, width), dtype=np.float32)
    for c, i, j in reversed(list(np.ndindex(kernel.shape[1:]))):
        part = image[:, None, c, i : i + height, j : j + width]
        total += part * kernel[:, c, i, j, None, None]
    return total


def _einsum(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(_f32(image), kernel.shape[2:], axis=(2, 3))
    return np.asarray(np.einsum("nchwij,ocij->nohw", windows, _f32(kernel)))


def _fourier(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    size = image.shape[2:]
    spectrum = torch.fft.rfft2(kernel, s=size).conj()
    product = torch.einsum("nchw,ochw->nohw", torch.fft.rfft2(image), spectrum)
    full = torch.fft.irfft2(product, s=size)
    return full[..., : size[0] - kernel.shape[2] + 1, : size[1] - kernel.shape[3] + 1]


def _scipy(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.array(
        [[sum(map(_correlate, x, k)) for k in np.array(kernel)] for x in np.array(image)]
    )


def _correlate(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.signal.correlate2d(x, k, mode="valid"))


_FORWARD: dict[str, Answer] = {
    "textbook": functools.partial(_forward, product=np.matmul, act=_textbook),
    "tanh": functools.partial(_forward, product=np.matmul, act=_by_tanh),
    "einsum": functools.partial(
        _forward, product=functools.partial(np.einsum, "ni,ij->nj"), act=_textbook
    ),
    "transposed": functools.partial(
        _forward, product=lambda h, w: (w[::-1].T @ h[:, ::-1].T).T, act=scipy.special.expit
    ),
    "torch-double": _forward_torch,
}
_STEP: dict[str, Answer] = {
    "einsum": _step,
    "update-first": functools.partial(_step, first=True),
    "by-samples": _step_by_samples,
}

# Right answers that round differently from the reference, by case.
RIGHT: dict[str, dict[str, Answer]] = {
    "sigmoid": {
        "torch": _single(torch.sigmoid),
        "textbook": lambda x: _textbook(_f32(x)),
        "tanh": lambda x: _by_tanh(_f32(x)),
        "scipy-fortran": lambda x: scipy.special.expit(x).copy(order="F"),
    },
    "sigmoid-number": {
        "torch": _single(torch.sigmoid),
        "python": lambda x: np.array([1 / (1 + math.exp(-v)) for v in np.ravel(x)]).reshape(
            np.shape(x)
        ),
        "single": lambda x: np.float32(1) / (1 + np.exp(-np.float32(x))),
    },
    "softmax": {
        "torch": _single(lambda x: torch.softmax(x, dim=1)),
        "unshifted": _unshifted,
        "logarithms": _single(lambda x: torch.exp(x - torch.logsumexp(x, dim=1, keepdim=True))),
        "row-by-row": _row_by_row,
    },
    "output": _FORWARD,
    "hidden": _FORWARD,
    "sigmoid_prime": {
        "difference": lambda h: _f32(h) - _f32(h) ** 2,
        "product": lambda h: _f32(h) * (1 - _f32(h)),
        "torch-strided": _single(lambda h: torch.stack([h * (1 - h)] * 2, dim=-1)[..., 1]),
    },
    "single-step": _STEP,
    "step": _STEP,
    "my_convolution": {
        "torch": _single(torch.conv2d),
        "torch-double": lambda x, k: torch.conv2d(
            torch.tensor(np.array(x)).double(), torch.tensor(np.array(k)).double()
        ),
        "einsum": _einsum,
        "shifted-sums": _shifted_sums,
        "fourier": _single(_fourier),
        "scipy": _scipy,
    },
}
