"""How far code is run for what names hold before they are used or bound for a later part."""

from __future__ import annotations

import pytest

from grader.checks.settled import until_settled

FILLED = """\
v, w = empty(), empty()
for i in range(2):
    v[i] = i
w.copy_(ones)
print(v, w)
product = v * w
product *= 2
v = again()
"""

# Code, and the last lines of the three ends: names bound once, settled, filled.
ENDS = {
    "filled": (FILLED, 1, 4, 7),
    "nothing-follows": ("v, w = a, b\nproduct = v * w\nv = again()", 1, 1, 1),
    "bound-again-before-use": ("v, w = a, b\nv = v.T\nw = w.T\nproduct = v * w\nv = c", 1, 3, 1),
    "bound-for-the-later-part": ("v, w = a, b\nv = v.float()\nlater = v", 1, 1, 1),
    "bound-again-and-nothing-else": ("v, w = a, b\nv = v.T", 1, 2, 1),
    "written-over": ("v, w = a, b\nv *= w\nproduct = v", 1, 1, 2),
    "written-over-by-another-name": ("v, w = a, b\nd = v\nd -= w\nproduct = d", 1, 1, 3),
    "augmented": ("v, w = a, b\nv += 1\nproduct = v", 1, 2, 2),
    "attribute": ("v, w = a, b\nv.data = c\nproduct = v", 1, 2, 2),
    "output": ("v, w = a, b\nc = add(a, b, out=w)\nproduct = v", 1, 2, 2),
    "several-lines": ("v, w = (a,\n b)\nv[:] = (\n1)\nproduct = v", 2, 4, 4),
}


@pytest.mark.parametrize(("code", "first", "settled", "filled"), ENDS.values(), ids=ENDS)
def test_code_goes_on_over_what_fills_the_names(
    code: str, first: int, settled: int, filled: int
) -> None:
    lines = code.split("\n")
    ends = until_settled([code], ("v", "w"), ("product",), ("later",))
    assert ends == tuple("\n".join(lines[:end]) for end in (first, settled, filled))


def test_names_that_are_never_bound_have_no_ends() -> None:
    assert until_settled(["v = 1"], ("v", "w"), (), ()) is None
    assert until_settled(["v = ("], ("v",), (), ()) is None
