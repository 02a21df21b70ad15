"""Code that is read and not run: up to where names are bound, and without definitions."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.checks.static import at_work, statements, typed_in, until_bound, without_definitions
from grader.submission.source import defined_names

FUZZ = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _lines(code: str | None) -> list[str]:
    """The lines with anything on them: between cells there may be blank ones."""
    return [line for line in (code or "").split("\n") if line]


CELLS = ["import torch\nv = 1\nw = v", "A = v\nv = 2\nV = 3"]


@pytest.mark.parametrize(
    ("names", "lines"),
    [(["v"], 2), (["w"], 3), (["A"], 4), (["v", "A"], 4), (["V", "v"], 6), ([], 1)],
    ids=str,
)
def test_code_ends_where_each_name_has_been_bound_once(names: list[str], lines: int) -> None:
    whole = "\n".join(CELLS).split("\n")
    assert _lines(until_bound(CELLS, names)) == whole[:lines]


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["v = 1"], ["u"]),
        (["v = (", "u = 1"], ["u"]),
        ([], ["u"]),
        (["def f():\n    u = 1"], ["u"]),
    ],
    ids=["unbound", "broken", "none", "local"],
)
def test_names_that_are_never_bound_give_no_code(sources: list[str], names: list[str]) -> None:
    assert until_bound(sources, names) is None


def test_statement_over_several_lines_is_kept_whole() -> None:
    assert until_bound(["v = [\n1,\n]\nw = 2"], ["v"]) == "v = [\n1,\n]"


def test_magics_become_python() -> None:
    code = until_bound(["%matplotlib inline\n!ls\nv = 1\nw = 2"], ["v"])
    assert code is not None
    compile(code, "cell", "exec")
    assert code.endswith("v = 1")


SOURCE = """import numpy as np

@cache
@other(
    1)
def f(x):
    return x

class g:
    pass

async def h(): pass
f2 = f(3); k = 1
if True:
    def f(x): return 2
"""


@pytest.mark.parametrize("name", ["f", "g", "h"])
def test_own_definitions_are_left_out_and_lines_keep_their_numbers(name: str) -> None:
    left = without_definitions(SOURCE, [name])
    assert len(left.split("\n")) == len(SOURCE.split("\n"))
    for old, new in zip(SOURCE.split("\n"), left.split("\n"), strict=True):
        assert new in (old, "")
    assert f"\ndef {name}(" not in left and f"\nclass {name}:" not in left
    assert "f2 = f(3); k = 1" in left
    compile(left, "cell", "exec")


def test_decorators_go_with_their_definition() -> None:
    left = without_definitions(SOURCE, ["f"])
    assert "@cache" not in left and "@other" not in left


@pytest.mark.parametrize("names", [[], ["np"], ["unknown"]], ids=str)
def test_other_names_are_left_alone(names: list[str]) -> None:
    assert without_definitions(SOURCE, names) == SOURCE


def test_cell_that_does_not_parse_is_left_as_it_is() -> None:
    broken = "def f(x):\n    return x\ndef g(:\n    pass"
    assert without_definitions(broken, ["f", "g"]).rstrip("\n") == broken


def test_definitions_that_share_a_line_with_other_code_keep_it() -> None:
    left = without_definitions("def f(x): return x\nv = 1; w = 2", ["f"])
    assert left.rstrip("\n") == "\nv = 1; w = 2"


LINES = st.sampled_from(
    ["f = 1", "def f(x):", "    return x", "@cache", "class g:", "    f = 2", "'''", "!ls", "(",
     ")",     "%%time", "for f in x: pass", "\\", "import f as g", "\x0c"]
)  # fmt: skip
SOURCES = st.lists(LINES, max_size=12).map("\n".join)


@FUZZ
@given(st.lists(SOURCES, max_size=3))
def test_any_code_is_read(sources: list[str]) -> None:
    code = until_bound(sources, ["f"])
    if code is not None:
        assert "f" in defined_names(code)
    for source in sources:
        left = without_definitions(source, ["f", "g"])
        assert "f" not in defined_names(left) or "f" in defined_names(source)


TYPED = {
    "tensor": "h = torch.tensor([[1, 2], [0, -1]])",
    "array-in-torch": "h = torch.from_numpy(np.array([[1.0, 2.0]])).float()",
    "by-another-name": "values = [[1, 2]]\nh = torch.tensor(values, dtype=torch.float32)",
    "number": "h = 18",
    "negative": "h = -18.0",
    "after-a-computation": "h = A * V\nh = torch.tensor([[1]])",
    "printed": "h = torch.tensor([1])\nprint(h)",
    "a-number-among-others": "h = 18\ndraw({'h': h})",
    "two-at-once": "h, k = torch.tensor([1]), A * V",
    "times one": "h = torch.tensor([[1, 2], [0, -1]]) * 1",
    "and nothing": "k = 18\nh = 0 + k - 0",
    "to the first power": "h = (1.0 * torch.tensor([3])) ** 1 / 1",
}
COMPUTED = {
    "product": "h = A * V",
    "function": "h = torch.mul(A, V)",
    "method": "h = A.mul(V)",
    "own-function": "def f(a, b): return a * b\nh = f(A, V)",
    "of-typed-numbers": "h = torch.tensor([[1]]) * torch.tensor([[2]])",
    "power": "h = 3**2 + 3**2",
    "one minus": "h = 1 - 19",
    "idle, of an operand": "h = A * 1",
    "an-operand": "A = torch.tensor([[1]])\nh = A",
    "indexed": "rows = [[1, 2]]\nh = rows[0]",
    "loop": "h = 0\nfor a in [1, 2]:\n    h = h + a",
    "in-place": "h = torch.tensor([0])\nh += A",
    "imported": "from other import h",
    "two-from-one": "h, k = f(A)",
    "two-with-an-operand": "k, h = 2, A",
    "exchanged": "h, k = 1, 2\nh, k = k, h",
    "the-rest": "h, *k = 1, 2, 3",
    "filled-by-entries": "h = torch.tensor([[0, 0]])\nfor j in range(2):\n    h[0, j] = A[0, j]",
    "filled-by-a-method": "h = torch.tensor([0])\nh.add_(A)",
    "filled-under-another-name": "h = torch.tensor([0])\nk = h\nk.copy_(A)",
    "filled-by-a-function": "h = torch.tensor([0])\nfill(h)",
    "added-up-first": "total = 0\nfor a, v in zip(A, V):\n    total += a * v\nh = total",
    "counted-first": "n = 0\nwhile n < A:\n    n = n + 1\nh = n",
    "list-filled-first": "C = [[0]]\nfor j in A:\n    C[0][0] += j\nh = torch.tensor(C)",
    "list-appended-to-first": "C = []\nC.append(A * V)\nh = torch.tensor(C)",
    "row-filled-first": "r = [0]\nC = [r]\nr[0] = A\nh = torch.tensor(C)",
    "filled-first-by-a-function": "C = [0]\nfill(C, A)\nh = torch.tensor(C)",
    "an-output": "h = torch.tensor([0])\n_ = torch.mul(A, V, out=h)",
    "not-there": "k = 1",
    "not-python": "h = = 1",
}


@pytest.mark.parametrize("code", TYPED.values(), ids=TYPED)
def test_typed_numbers_are_seen(code: str) -> None:
    assert typed_in([code], "h", ("A", "V"))


@pytest.mark.parametrize("code", COMPUTED.values(), ids=COMPUTED)
def test_what_may_be_computed_is_not_called_typed(code: str) -> None:
    assert not typed_in(["import torch", code], "h", ("A", "V"))


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("v = 1\nv = v + 1", "pass\nv = v + 1"),
        ("a = 1; v = 'é'; b = 2", "a = 1; pass; b = 2"),
        ("v = (1,\n     2)\nb = v", "\npass\nb = v"),
        ("a = 1; v = (1,\n     2); b = v", "a = 1\npass; b = v"),
        ("v, w = 1, 2", "v, w = 1, 2"),
        ("v: int = 3", "pass"),
        ("if True:\n    v = 1", "if True:\n    v = 1"),
        ("a = v = 1", "a = v = 1"),
    ],
)
def test_first_assignment_to_a_name_alone_is_left_out(source: str, left: str) -> None:
    assert without_definitions(source, ["v"]).rstrip("\n") == left
    compile(left, "cell", "exec")


def test_statements_keep_their_lines() -> None:
    source = "a = 1\nb = (\n  2)\n@cache\ndef f():\n    pass\nc = 3"
    assert statements(source, after=1) == [
        "\nb = (\n  2)",
        "\n\n\n@cache\ndef f():\n    pass",
        "\n\n\n\n\n\nc = 3",
    ]
    assert statements("a = (") == []


AT_WORK = """\
import shown  # not shown
def used():
    return other()
def unused():
    return show()
def other():
    return work()
value = used()
"""


def test_functions_that_nothing_uses_are_not_at_work() -> None:
    left = at_work([AT_WORK])
    assert "work()" in left and "other()" in left
    assert "show" not in left
    assert at_work(["def f(:"]) == ""
