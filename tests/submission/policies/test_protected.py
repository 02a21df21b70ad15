"""Protected code: what means the same is no change, what means something else is one."""

from __future__ import annotations

import ast
import io
import tokenize
from copy import deepcopy

import nbformat
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from grader.policy_entries import Protected
from grader.submission import Submission
from grader.submission.policies.finding import Finding
from grader.submission.policies.protected import judge_protected
from grader.submission.policies.statements import fingerprint

OPTIONS = Protected(
    policy="protected", price=2, below=["don't change below"], above=["don't change above"]
)
SETTINGS = settings(
    max_examples=120, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip

GIVEN = """\
import numpy as np
scale, names = 2.5, ["a", 'b']
# --- Don't change above ---
answer = None
# --- Don't change below ---
@np.vectorize
def check(value, *rest, limit=10, **more):
    '''Say whether it is right.'''
    total = [v ** 2 for v in rest if v is not None and v < limit]
    if value == answer or not total:
        return {"value": value, "total": sum(total)}
    elif value[0:2] != -limit:
        raise ValueError(f"{value!r:>{limit}} is wrong: {sum(total) / 3:.2f}")
    while (limit := limit - 1) > 0x1F:
        total += [lambda x: x @ rest]
    return more


for other in names:
    print(other)
print("The answer is", answer, check(answer))
"""
ANSWERED = GIVEN.replace("answer = None", "answer = 42  # of course\nanswer += 0")
INNER = """\
def f(x):
    '''Document it.'''
    # Don't change above
    return None
    # Don't change below
    print(x)
y = 1
"""
OTHERS = [f"# Don't change below\nz{i} = {i}" for i in range(4)]


def book(*sources: str) -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def judge(template: NotebookNode, *sources: str, form: str = "notebook") -> Finding:
    notebook = book(*sources, *OTHERS)
    template = deepcopy(template)
    template.cells += book(*OTHERS).cells
    handed = Submission("a", "a", "a.ipynb", notebook, "0" * 64, form=form)
    return judge_protected(handed, template, OPTIONS)


SAME = {
    "as given": ANSWERED,
    "unparsed": ast.unparse(ast.parse(ANSWERED)),
    "other quotes": ANSWERED.replace('"a", \'b\'', "'a', \"b\""),
    "blank lines": ANSWERED.replace("\n    if", "\n\n\n    if"),
    "comments": ANSWERED.replace("while", "# again\n    while"),
    "continued": ANSWERED.replace("total = [", "total = \\\n        ["),
    "trailing comma": ANSWERED.replace("check(answer))", "check(answer),)"),
    "joined text": ANSWERED.replace('"The answer is"', '"The " "answer is"'),
    "numbers otherwise": ANSWERED.replace("0x1F", "31").replace("2.5", "25e-1"),
    "parentheses": ANSWERED.replace("return more", "return (more)"),
    "else if": ANSWERED.replace(
        "    elif value[0:2] != -limit:\n        raise",
        "    else:\n      if value[0:2] != -limit:\n        raise",
    ),
    "docstring": ANSWERED.replace("Say whether", "Tell if"),
    "no docstring": ANSWERED.replace("    '''Say whether it is right.'''\n", ""),
    "indented by two": ANSWERED.replace("        ", "   ").replace("    ", "  "),
    "semicolon": ANSWERED.replace("limit - 1) > 0x1F:\n        total", "limit - 1) > 0x1F: total"),
    "more above the line": ANSWERED.replace("import numpy", "import os\nimport numpy"),
    "counts with its name": ANSWERED + "for other in range(3):\n    print(other)\n",
    "looks at it": ANSWERED + "answer\nprint(check)\n",
    "other dashes": ANSWERED.replace("# --- Don't change below ---", "# don't change BELOW!"),
    "magic": "%matplotlib inline\n" + ANSWERED,
}  # fmt: skip


@pytest.mark.parametrize("form", SAME)
def test_what_means_the_same_is_no_change(form: str) -> None:
    finding = judge(book(GIVEN), SAME[form])
    assert finding.state == "met", finding.evidence


def test_cells_may_be_split_and_merged_and_moved() -> None:
    above, mark, below = ANSWERED.partition("# --- Don't change below ---\n")
    head, last = below.split("\n\n\n")
    for sources in (
        (above, mark + below),
        (above, mark, below),
        (above, head, "scratch = 1", last),
        ("other = 1\n" + above, mark + below + "\ndef g():\n    return 1"),
    ):
        assert judge(book(GIVEN), *sources).state == "met"
    assert judge(book("a = 1", GIVEN), ANSWERED, "a = 2").state == "met"


CHANGED = {
    "number": (ANSWERED.replace("limit=10", "limit=11"), "changed to `def check"),
    "inside": (ANSWERED.replace("0x1F", "32"), "changed inside, in code cell 1"),
    "above": (ANSWERED.replace("2.5", "2"), "changed to `scale, names = 2,"),
    "name": (ANSWERED.replace("check(answer))", "check(scale))"), "changed to"),
    "operator": (ANSWERED.replace("v < limit", "v <= limit"), "`def check"),
    "line deleted": (ANSWERED.rpartition("print")[0], "changed or taken out of code cell 1"),
    "line added": (ANSWERED.replace("@np", "answer = 1\n@np"), "`answer = 1` was added"),
    "undone": (ANSWERED + "check = print\n", "`check = print` was added"),
    "decorator": (ANSWERED.replace("@np.vectorize\n", ""), "`def check"),
    "all": ("answer = 42", "is gone"),
}


@pytest.mark.parametrize("form", CHANGED)
def test_what_means_something_else_is_a_change(form: str) -> None:
    source, told = CHANGED[form]
    finding = judge(book(GIVEN), source)
    assert finding.state == "broken"
    assert told in " ".join(finding.evidence)


IMPORTS = "import os\nimport sys\nfrom re import match\nx = 1\nimport abc\n# Don't change above\n"


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ("from re import match\nimport os\nimport sys\nx = 1\nimport abc\n", "met"),
        ("import sys\nfrom re import match\nimport os\nx = 1\nimport abc\ny = 2\n", "met"),
        ("import abc\nimport os\nimport sys\nfrom re import match\nx = 1\n", "met"),
        ("import sys\nx = 1\nimport abc\nimport os\nfrom re import match\n", "met"),
        ("import os\nimport sys\nfrom re import match\nimport abc\nx = 2\n", "broken"),
        ("import os\nimport os\nimport sys\nx = 1\nimport abc\n", "broken"),
        ("import sys\nimport os\nx = 1\nimport abc\n", "broken"),
    ],
)
def test_the_order_of_imports_in_a_row_says_nothing(source: str, state: str) -> None:
    assert judge(book(IMPORTS), source).state == state


@pytest.mark.parametrize(
    ("source", "state"),
    [
        (INNER, "met"),
        (INNER.replace("return None", "x += 1\n    y = [\n      x]"), "met"),
        (INNER.replace("'''Document it.'''\n", "\n"), "met"),
        (INNER.replace("def f(x)", "def f(x, y=1)"), "broken"),
        (INNER.replace("print(x)", "print(1)"), "broken"),
        (INNER.replace("y = 1", "y = 2"), "broken"),
    ],
)
def test_lines_inside_of_a_function_leave_a_hole(source: str, state: str) -> None:
    assert judge(book(INNER), source).state == state


def test_cells_that_do_not_parse_are_read_beyond_the_line() -> None:
    broken = ANSWERED.replace("answer += 0", "answer += ")
    assert judge(book(GIVEN), broken).state == "met"
    assert judge(book(GIVEN), broken.replace("limit=10", "limit=")).state == "undecided"


def test_modules_and_other_editions_are_for_a_person() -> None:
    assert judge(book(GIVEN), ANSWERED.rpartition("print")[0], form="module").state == "undecided"
    template = book(*(f"# Don't change below\nw{i} = {i}" for i in range(20)))
    assert "another edition" in judge(template, "w = 1").evidence[0]
    handed = Submission("a", "a", "a.ipynb", book("x = 1"), "0" * 64)
    assert judge_protected(handed, None, OPTIONS).state == "undecided"


def test_deep_and_large_code_is_no_hindrance() -> None:
    deep = f"x = {'-' * 150}1\ny = {' + '.join('1' * 900)}\nz = 0x{'f' * 5000}"
    assert judge(book(GIVEN), deep, ANSWERED).state == "met"
    assert fingerprint(ast.parse(deep)) == fingerprint(ast.parse(deep))


# ---- any layout, any token ----

TOKENS = [
    token
    for token in tokenize.generate_tokens(io.StringIO(GIVEN).readline)
    if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP)
]
OPERATORS = ["+", "-", "*", "/", "@", "==", "!=", "<", ">", "<=", ">=", "**", "=", "+=", "-="]
WORDS = ["is", "in", "and", "or", "not", "if", "while", "return", "raise", "None", "value", "rest"]


def other_token(draw: st.DrawFn, token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return draw(st.sampled_from([*WORDS, f"{token.string}_", "limit"]))
    if token.type == tokenize.NUMBER:
        return draw(st.sampled_from(["0", "1", "2", "7.5", f"{token.string}0"]))
    if token.type == tokenize.STRING:
        return draw(st.sampled_from(["''", "'other'", "b'a'", f"{token.string} 'more'"]))
    return draw(st.sampled_from(OPERATORS))


def with_token(token: tokenize.TokenInfo, text: str) -> str:
    lines = GIVEN.split("\n")
    (row, start), (_, end) = token.start, token.end
    lines[row - 1] = f"{lines[row - 1][:start]}{text}{lines[row - 1][end:]}"
    return "\n".join(lines)


@SETTINGS
@given(st.data())
def test_any_single_token_that_changes_the_meaning_is_a_change(data: st.DataObject) -> None:
    token = data.draw(
        st.sampled_from([t for t in TOKENS if t.start[0] != 4 and t.end[0] == t.start[0]])
    )
    text = data.draw(st.composite(lambda draw: other_token(draw, token))())
    source = with_token(token, text)
    try:
        changed = ast.parse(source)
    except SyntaxError:
        assume(False)
    assume(fingerprint(changed) != fingerprint(ast.parse(GIVEN)))
    assert judge(book(GIVEN), source).state == "broken"


@SETTINGS
@given(st.data())
def test_any_layout_is_no_change(data: st.DataObject) -> None:
    """Breaks within brackets, spaces, comments and blank lines, drawn for each token."""
    pieces, depth, row, column = [], 0, 1, 0
    for token in tokenize.generate_tokens(io.StringIO(ANSWERED).readline):
        if token.type == tokenize.ENDMARKER:
            break
        if token.start[0] > row:
            row, column = token.start[0], 0
        gap = " " * (token.start[1] - column)
        if depth and token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP):
            gap += data.draw(st.sampled_from(["", " ", "\n", "  # why\n", "\n\n     "]))
        elif column and token.type == tokenize.OP and gap:
            gap = data.draw(st.sampled_from([" ", "   ", " \\\n "]))
        pieces.append(gap + token.string)
        depth += (
            (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        )
        row, column = token.end
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            row, column = row + 1, 0
            if not depth:
                pieces.append(data.draw(st.sampled_from(["", "", "\n", "# a comment\n"])))
    source = "".join(pieces)
    assume(_parses(source))
    finding = judge(book(GIVEN), source)
    assert finding.state == "met", finding.evidence


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
