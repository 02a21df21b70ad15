"""Orders in which a tensor of another shape may hold the numbers of one whose shape is known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod

import numpy as np

Order = tuple[int, ...]


def axis_orders(shape: Sequence[int], target: Sequence[int]) -> list[Order]:
    """Orders of the axes of `target` in which a tensor of `shape` may hold its numbers.

    Neighbouring axes may be merged or split, and axes of length one added: a kernel of shape
    (32, 16, 3, 3) may be a matrix of shape (32, 144), or (144, 32). None where no order fits,
    and only the natural one where the shapes are the same.
    """
    if tuple(shape) == tuple(target):
        return [tuple(range(len(target)))]
    found: dict[Order, Order] = {}
    for order in itertools.permutations(range(len(target))):
        ends, own = _ends([target[axis] for axis in order]), _ends(shape)
        if ends <= own or own <= ends:
            found.setdefault(tuple(axis for axis in order if target[axis] > 1), order)
    return list(found.values()) if prod(shape) == prod(target) else []


def arranged(values: np.ndarray, order: Order, shape: Sequence[int]) -> np.ndarray:
    """The numbers of a tensor in another shape, with its axes in that order."""
    return values.transpose(order).reshape(tuple(shape))


def restored(values: np.ndarray, order: Order, target: Sequence[int]) -> np.ndarray:
    """The tensor of shape `target` whose numbers are `arranged` in that order."""
    return values.reshape([target[axis] for axis in order]).transpose(np.argsort(order))


def _ends(sizes: Sequence[int]) -> set[int]:
    """How many numbers lie before the end of each axis, where all before it are taken together."""
    return set(itertools.accumulate((size for size in sizes if size > 1), int.__mul__))
