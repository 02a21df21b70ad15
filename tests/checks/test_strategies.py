"""Inputs: their shapes, limits and layouts, and that they are the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from grader.checks import arrays, fill, seeds, shapes
from grader.checks.examples import draw_examples
from grader.checks.strategies import CONTENT, ELEMENTS, LAYOUTS

each_kind = pytest.mark.parametrize("kind", CONTENT)
each_meaning = pytest.mark.parametrize("elements", ELEMENTS)
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
FUZZ = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
SHAPES = shapes(min_dims=0, max_dims=4, min_side=0)


@FUZZ
@given(shape=SHAPES, seed=seeds(), data=st.data())
@each_kind
@each_meaning
def test_numbers_stay_within_their_limits(
    kind: str, elements: str, shape: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    layout = data.draw(st.sampled_from(list(LAYOUTS)))
    made = fill(shape, kind, seed, elements=elements, layout=layout)
    meant = ELEMENTS[elements]
    assert made.shape == shape and made.dtype == np.float64
    assert np.isfinite(made).all()
    assert (made >= meant.low).all() and (made <= meant.high).all()


@each_kind
@each_layout
def test_same_choices_give_the_same_numbers(kind: str, layout: str) -> None:
    first, again = (fill((3, 4), kind, 7, layout=layout) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, fill((3, 4), kind, 7))


@pytest.mark.parametrize("kind", ["random", "large", "negative", "one-hot"])
def test_seeds_give_different_numbers(kind: str) -> None:
    assert len({fill((4, 5), kind, seed).tobytes() for seed in range(20)}) > 8


@each_kind
def test_numbers_have_four_decimals_at_most(kind: str) -> None:
    made = fill((5, 5), kind, 3)
    assert np.array_equal(made, np.round(made, 4))


@pytest.mark.parametrize("kind", CONTENT)
def test_pixels_are_whole_numbers(kind: str) -> None:
    array = fill((4, 16), kind, 3, elements="pixels")
    assert np.array_equal(array.astype(np.uint8), array)


def test_contents_are_what_their_names_say() -> None:
    assert fill((2, 2), "ramp", 0).tolist() == [[-0.25, 0], [0.25, 0.5]]
    one_hot = fill((3, 4), "one-hot", 1)
    assert sorted(set(one_hot.flat)) == [0, 1] and one_hot.sum() == 1
    assert (fill((9, 9), "negative", 2) <= 0).all()
    assert np.abs(fill((9, 9), "large", 2)).max() > 10


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@each_layout
def test_dtype_and_layout_are_as_asked(dtype: str, layout: str) -> None:
    made = fill((3, 4), "ramp", 0, dtype=dtype, layout=layout)
    assert made.dtype == dtype
    flags = made.flags.c_contiguous, made.flags.f_contiguous
    wanted = {"contiguous": (True, False), "fortran": (False, True), "strided": (False, False)}
    assert flags == wanted[layout]


@pytest.mark.parametrize("name", ["kind", "elements", "layout"])
def test_unknown_choices_are_refused(name: str) -> None:
    with pytest.raises(KeyError):
        fill((2,), **{"kind": "ramp", "seed": 0, name: "unknown"})  # type: ignore[arg-type]


@FUZZ
@given(shapes(min_dims=2, max_dims=3, min_side=2, max_side=4))
def test_shapes_stay_within_their_bounds(shape: tuple[int, ...]) -> None:
    assert isinstance(shape, tuple)
    assert 2 <= len(shape) <= 3 and all(2 <= side <= 4 for side in shape)


@FUZZ
@given(arrays(shapes(), dtype="float32"))
def test_arrays_are_made_of_drawn_shapes(array: np.ndarray) -> None:
    assert 1 <= array.ndim <= 3 and array.dtype == np.float32 and array.size


@FUZZ
@given(arrays((2, 3), kinds=("ramp",), layouts=("contiguous",)))
def test_fixed_choices_leave_nothing_to_draw(array: np.ndarray) -> None:
    assert np.array_equal(array, fill((2, 3), "ramp", 0))


def test_failures_shrink_to_small_plain_arrays() -> None:
    smallest = find(
        arrays(shapes()), lambda array: array.size >= 2, settings=settings(database=None)
    )
    assert smallest.shape == (2,)
    assert np.array_equal(smallest, fill((2,), "ramp", 0)) and smallest.flags.c_contiguous


def test_a_checks_examples_cover_contents_layouts_and_shapes() -> None:
    strategy = st.fixed_dictionaries({"x": arrays(shapes(min_dims=2, max_dims=2))})
    drawn = [example["x"] for example in draw_examples(strategy, 20250314, 25)]
    assert len({array.shape for array in drawn}) > 8
    assert any(array.shape[0] != array.shape[1] for array in drawn)
    assert any(not a.flags.c_contiguous and a.flags.f_contiguous for a in drawn)
    assert any(not a.flags.c_contiguous and not a.flags.f_contiguous for a in drawn)
    assert any(np.abs(array).max() > 10 for array in drawn)
    assert any((array <= 0).all() and array.size > 1 for array in drawn)


def test_sides_of_one_shape_differ_more_often_than_not() -> None:
    strategy = st.fixed_dictionaries({"shape": shapes(min_dims=2, max_dims=2)})
    drawn = [example["shape"] for example in draw_examples(strategy, 1, 25)]
    assert sum(first != second for first, second in drawn) > len(drawn) / 2
