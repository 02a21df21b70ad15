"""Passages: which lines of both are shared, merged, the longest first."""

from __future__ import annotations

import pytest

from grader.similarity import Pair, Settings, SubmittedCode, compare
from grader.similarity.tokens import read_symbols
from tests.similarity.classes import hw5_class, hw5_template, synthetic_class, synthetic_template
from tests.similarity.copying import WAYS, copied

SHARED = """\
def forward(self, batch):
    hidden = np.maximum(batch @ self.first + self.offset, 0)
    scores = np.exp(hidden @ self.second - hidden.max())

    # a comment
    total = scores.sum(axis=1, keepdims=True)
    return scores / total, hidden
"""
SHORTER = """\
for row, column in zip(range(10), data[::-1]):
    table[row, column] += np.sqrt(row) if row > column else -row ** 2
"""
OTHERS = ("with open(path) as file:\n    text = file.read()\n", "while not done: done = step()\n")
CLASSES = (
    (synthetic_class(3, 6000), synthetic_template()),
    (hw5_class()[:6], hw5_template()),
)
LOW = Settings(least_shared=1, containment=0.01, common_least=50)


def only_pair(left: str, right: str, template: str = "") -> Pair:
    codes = [SubmittedCode(n, n, {"1": code}) for n, code in (("left", left), ("right", right))]
    (pair,) = compare(codes, {"1": template} if template else {}, LOW).pairs
    return pair


def test_lines_are_those_of_both_originals() -> None:
    renamed = WAYS["disguised"](SHARED, 1)
    pair = only_pair(f"{OTHERS[0]}\n{SHARED}", f"{OTHERS[1]}\n\n\n{renamed}")
    (passage,) = pair.passages
    assert (passage.left.first, passage.left.last) == (4, 10)
    assert passage.left.shared == (4, 5, 6, 9, 10)
    lines = f"{OTHERS[1]}\n\n\n{renamed}".split("\n")
    assert lines[passage.right.first - 1].startswith("def other")
    assert lines[passage.right.last - 1].strip().startswith("return")
    # What stands before and behind may be equal too, by a bracket or two.
    assert 0 <= passage.symbols - len(read_symbols(SHARED).names) <= 4


def test_longest_passage_comes_first() -> None:
    pair = only_pair(f"{SHORTER}{OTHERS[0]}\n\n\n{SHARED}", f"{SHARED}{OTHERS[1]}\n\n\n{SHORTER}")
    assert [(p.left.first, p.right.first) for p in pair.passages] == [(8, 1), (1, 12)]


def test_passages_with_a_changed_line_between_are_one() -> None:
    changed = SHARED.replace("    # a comment\n", "    print(hidden.shape, flush=True)\n")
    (passage,) = only_pair(SHARED, changed).passages
    assert (passage.left.first, passage.left.last, passage.right.last) == (1, 7, 7)
    assert 5 not in passage.left.shared and 5 not in passage.right.shared


def test_code_that_stands_twice_is_shown_once_for_each() -> None:
    pair = only_pair(f"{SHARED}\n\n\n\n\n{SHARED}", SHARED)
    assert [(p.left.first, p.right.first) for p in pair.passages] == [(1, 1)]
    both = only_pair(f"{SHARED}{OTHERS[0]}\n\n\n{SHARED}", f"{SHARED}{OTHERS[1]}\n\n\n{SHARED}")
    assert {(p.left.first, p.right.first) for p in both.passages} == {(1, 1), (13, 12)}


def test_template_in_both_is_in_no_passage() -> None:
    pair = only_pair(f"{SHORTER}\n{SHARED}", f"{SHORTER}\n{SHARED}", SHORTER)
    assert {line for p in pair.passages for line in p.left.shared} == {4, 5, 6, 9, 10}


def test_endless_repetition_is_bounded() -> None:
    code = SHARED * 300
    pair = only_pair(code, f"{OTHERS[0]}{code}")
    assert 1 <= len(pair.passages) <= 36


@pytest.mark.parametrize("way", WAYS)
def test_passages_hold_equal_code_and_lie_in_it(way: str) -> None:
    for made, template in CLASSES:
        copy = copied(made[1], way, template, 3)
        found = compare([*made, copy], template, Settings(containment=0.2))
        (pair,) = (p for p in found.pairs if (p.left, p.right) == (made[1].id, copy.id))
        assert pair.passages
        for passage in pair.passages:
            assert passage.symbols >= found.settings.k
            for lines, code in ((passage.left, made[1]), (passage.right, copy)):
                assert lines.first == lines.shared[0] and lines.last == lines.shared[-1]
                assert lines.last <= code.parts[lines.part].count("\n") + 1
        lengths = [passage.symbols for passage in pair.passages]
        assert lengths == sorted(lengths, reverse=True)
