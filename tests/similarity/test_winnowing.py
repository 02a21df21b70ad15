"""Winnowing: its guarantee, its threshold, and that it is what the paper says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.similarity.tokens import Symbols, alphabet, read_symbols
from grader.similarity.winnowing import PASSED_OVER, encode, hash_runs, pass_over, winnow

K, W = 5, 4
LETTERS = alphabet()[:60]
OURS, THEIRS, SHARED = LETTERS[:20], LETTERS[20:40], LETTERS[40:]


def runs(names: list[str], k: int = K) -> np.ndarray:
    return hash_runs(encode(Symbols(names, [1] * len(names))), k)


def prints(names: list[str]) -> set[int]:
    return set(winnow(runs(names), W).hashes.tolist())


def words(letters: tuple[str, ...], least: int = 0, most: int = 30) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(letters), min_size=least, max_size=most)


@given(words(OURS), words(OURS), words(SHARED, K + W - 1), words(THEIRS), words(THEIRS))
def test_long_match_is_never_missed(
    a: list[str], b: list[str], shared: list[str], c: list[str], d: list[str]
) -> None:
    assert prints([*a, *shared, *b]) & prints([*c, *shared, *d])


@given(words(OURS), words(OURS), words(SHARED, 0, K - 1), words(THEIRS), words(THEIRS))
def test_short_match_never_counts(
    a: list[str], b: list[str], shared: list[str], c: list[str], d: list[str]
) -> None:
    assert not prints([*a, *shared, *b]) & prints([*c, *shared, *d])


def _naive(hashes: list[int]) -> list[int]:
    """Places, as the paper has it: of each window the rightmost of its smallest."""
    windows = max(1, len(hashes) - W + 1) if hashes else 0
    found = set()
    for start in range(windows):
        window = hashes[start : start + W]
        found.add(max(start + i for i, h in enumerate(window) if h == min(window)))
    return sorted(found)


@given(st.lists(st.integers(0, 9), max_size=60))
def test_places_are_those_of_the_definition(values: list[int]) -> None:
    kept = winnow(np.array(values, np.uint64), W)
    assert kept.places.tolist() == _naive(values)
    assert kept.hashes.tolist() == [values[place] for place in kept.places]


@settings(max_examples=50)
@given(words(LETTERS[:4], 0, 60))
def test_equal_runs_have_equal_hashes_and_others_have_not(names: list[str]) -> None:
    hashes = runs(names).tolist()
    seen = {tuple(names[i : i + K]): value for i, value in enumerate(hashes)}
    assert len(set(seen.values())) == len(seen)
    assert all(seen[tuple(names[i : i + K])] == value for i, value in enumerate(hashes))


@given(words(OURS, 10), words(SHARED, K + W - 1), words(OURS, 10))
def test_template_pushes_nothing_else_out(a: list[str], own: list[str], b: list[str]) -> None:
    known = np.unique(np.concatenate([runs(a), runs(b)]))
    kept = winnow(pass_over(runs([*a, *own, *b]), known), W)
    assert not set(kept.hashes.tolist()) & set(known.tolist())
    assert set(kept.hashes.tolist()) & prints([*THEIRS[:9], *own, *THEIRS[:9]])


def test_nothing_but_the_template_leaves_nothing() -> None:
    hashes = runs(list(OURS))
    assert pass_over(hashes, np.sort(hashes)).tolist() == [int(PASSED_OVER)] * len(hashes)
    assert len(winnow(pass_over(hashes, np.sort(hashes)), W).hashes) == 0
    assert pass_over(hashes, np.zeros(0, np.uint64)) is hashes


def test_hashes_are_the_same_in_every_run() -> None:
    code = "for x, y in loader:\n    loss = criterion(net(x), y)\n"
    assert [hex(value) for value in hash_runs(encode(read_symbols(code)), 12)[:2].tolist()] == [
        "0x7a69048cf924d41e", "0xd1786d6b863e32b9",
    ]  # fmt: skip


def test_less_than_a_run_has_no_hash() -> None:
    assert len(runs(list(OURS[: K - 1]))) == 0 and len(prints(list(OURS[: K - 1]))) == 0
    assert len(prints(list(OURS[:K]))) == 1
