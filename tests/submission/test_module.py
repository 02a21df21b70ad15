"""Modules become cells: percent format as it says, plain files one definition a cell."""

from __future__ import annotations

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionError
from grader.submission.module import read_module

FUZZ = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _cells(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    notebook = read_module(data, "hw.py")
    nbformat.validate(notebook)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def _refusal(data: bytes) -> str:
    with pytest.raises(SubmissionError) as caught:
        read_module(data, "hw.py")
    return str(caught.value)


PLAIN = '''"""Homework."""
import numpy as np

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

@cache
@other
def softmax(x):
    # not a heading
    return x

class Net:
    def forward(self):
        pass

# Problem 6
kernel = np.ones(3)
print(kernel)
'''


def test_plain_module_has_a_cell_for_each_definition() -> None:
    firsts = [cell.split("\n")[0] for cell in _cells(PLAIN)]
    assert firsts == [
        '"""Homework."""',
        "def sigmoid(x):",
        "@cache",
        "class Net:",
        "# Problem 6",
    ]


def test_comment_with_code_below_opens_a_cell_of_its_own() -> None:
    assert _cells("a = 1\n# Problem 2\n# more of it\nb = 2\n") == [
        "a = 1",
        "# Problem 2\n# more of it\nb = 2",
    ]


def test_async_definitions_open_cells_too() -> None:
    assert len(_cells("x = 1\nasync def f():\n    pass\ny = 2\n")) == 3


@pytest.mark.parametrize(
    "text",
    [
        "x = '''\ndef f():\n    # no\nclass A:\n'''",
        "values = [\n1,\n# two\n2,\n]",
        "if x:\n    a = 1\n# otherwise\nelse:\n    a = 2",
        "try:\n    import torch\n# or not\nexcept ImportError:\n    torch = None",
        "total = (1 +\n2)",
    ],
    ids=["text", "list", "else", "except", "parentheses"],
)
def test_statements_over_several_lines_stay_whole(text: str) -> None:
    assert _cells(text) == [text]


BROKEN = """def first(x):
    return x

def second(x):
    return (x

def third(x):
    return x

def fourth(x):
return x

def fifth(x):
    return x
"""


def test_broken_function_leaves_the_others_in_cells_of_their_own() -> None:
    cells = _cells(BROKEN)
    for name in ("first", "third", "fifth"):
        assert f"def {name}(x):\n    return x" in cells
    assert "def second(x):\n    return (x" in cells


def test_text_over_several_lines_stays_whole_beside_a_broken_function() -> None:
    text = (
        "note = '''\ndef f():\n    pass\n'''\n\ndef broken(:\n    pass\n\ndef good():\n    pass\n"
    )
    cells = _cells(text)
    assert "note = '''\ndef f():\n    pass\n'''" in cells
    assert "def good():\n    pass" in cells


@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["crlf", "cr"])
def test_line_ends_of_other_systems_do_not_matter(end: str) -> None:
    assert _cells(PLAIN.replace("\n", end)) == _cells(PLAIN)


def test_tabs_and_a_byte_order_mark_do_not_matter() -> None:
    data = b"\xef\xbb\xbfdef f(x):\n\treturn x\n\ndef g(x):\n\treturn x\n"
    assert _cells(data) == ["def f(x):\n\treturn x", "def g(x):\n\treturn x"]


PERCENT = """# %% [markdown]
# # Problem 1 (a)

# %% tags=["skip-execution"] grader={"id": "1", "parts": ["1a"]}
a = 1

# %%
def f(
    return 1

# %%
b = 2
"""


def test_percent_format_keeps_its_cells_and_markdown() -> None:
    notebook = read_module(PERCENT.encode(), "hw.py")
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code", "code"]
    assert notebook.cells[0].source == "# Problem 1 (a)"
    assert [cell.source for cell in notebook.cells[1:]] == [
        "a = 1",
        "def f(\n    return 1",
        "b = 2",
    ]


def test_percent_format_keeps_no_tags() -> None:
    notebook = read_module(PERCENT.encode(), "hw.py")
    told = {"grader": {"id": "1", "parts": ["1a"]}}
    assert [cell.metadata for cell in notebook.cells] == [{}, told, {}, {}]


@pytest.mark.parametrize("header", ["#%%", "#  %%", "# %%% deeper", "# %% a title"])
def test_other_spellings_of_percent_format_are_known(header: str) -> None:
    assert _cells(f"a = 1\n\n{header}\nb = 2\n\nclass C:\n    pass\n")[0] == "a = 1"
    assert len(_cells(f"{header}\nb = 2\n\nclass C:\n    pass\n")) == 1


@pytest.mark.parametrize(
    "header",
    ["---\n# jupyter: [\n---", "# ---\n# jupyter: {a: [}\n# ---", "# ---\n# - 1\n# ---"],
)
def test_odd_yaml_headers_are_read_or_refused(header: str) -> None:
    try:
        read_module(f"{header}\n\n# %%\na = 1\n".encode(), "hw.py")
    except SubmissionError as error:
        assert str(error).startswith("hw.py is not in percent format: ")


@pytest.mark.parametrize("data", [b"", b"\n \n", b"# only\n# comments\n", b"\xef\xbb\xbf"])
def test_module_without_code_is_refused(data: bytes) -> None:
    assert _refusal(data) == "hw.py holds no code."


def test_other_encodings_are_refused_with_the_byte() -> None:
    assert _refusal(b"a = '\xfc'\n") == "hw.py is not UTF-8 text (byte 5): save it again as UTF-8."


LINES = st.sampled_from(
    [
        "", "    ", "x = 1", "def f(x):", "    return x", "\treturn x", "class A:", "@cache",
        "# no",
        "    # inner", "'''", '"""', ")", "(", "else:", "if x:", "x = [", "]", "\\", "%matplotlib",
        "!ls", "x = '''", "async def g():", "@", "\x0c", "return", "ü = 1", "for i in x:",
    ]
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=25).map("\n".join) | st.text(max_size=80)


def _nonblank(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


@FUZZ
@given(TEXTS)
def test_every_line_of_a_plain_module_is_kept_in_order(text: str) -> None:
    try:
        cells = _cells(text)
    except SubmissionError:
        assert not any(
            line.strip() and not line.strip().startswith("#") for line in text.splitlines()
        )
        return
    told = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    told = told.replace("\r\n", "\n").replace("\r", "\n")
    assert _nonblank("\n".join(cells)) == _nonblank(told)


@FUZZ
@given(TEXTS, TEXTS)
def test_any_percent_module_is_read_or_refused(first: str, second: str) -> None:
    try:
        notebook = read_module(f"{first}\n# %%\n{second}".encode(errors="replace"), "hw.py")
    except SubmissionError as error:
        assert str(error).startswith("hw.py ")
        return
    nbformat.validate(notebook)


@FUZZ
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_module(data, "hw.py")
    except SubmissionError as error:
        assert str(error).startswith("hw.py ")
