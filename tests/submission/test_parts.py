"""Which cells are which part: by metadata, headings, comments, and the names defined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.rubric import CheckEntry, PartEntry
from grader.submission.parts import PartMap, map_parts
from tests.submissions.build import perfect

FUZZ = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

IDS = ("1a", "1b", "1c", "3a", "3c", "5b-i", "5b-ii", "5b-iii", "6")


def _part(part: str, *names: str, headings: Sequence[str] = ()) -> PartEntry:
    check = CheckEntry(test=f"test_{part}")
    return PartEntry(
        id=part, title=part, points=1, names=names, headings=tuple(headings), checks=(check,)
    )


PARTS = tuple(_part(part) for part in IDS)


def _text(source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def _code(source: str, *parts: str) -> NotebookNode:
    told = {"grader": {"id": "x", "parts": list(parts)}} if parts else {}
    return nbformat.v4.new_code_cell(source, metadata=told)


def _map(parts: Sequence[PartEntry], *cells: NotebookNode) -> PartMap:
    return map_parts(nbformat.v4.new_notebook(cells=list(cells)), parts)


def _claimed(found: PartMap) -> list[str]:
    return [part for part, cells in found.cells.items() if cells]


HEADINGS = {
    "Problem 3 (c)": ["3c"],
    "Problem 3(c)": ["3c"],
    "Problem 3c": ["3c"],
    "Problem 3 c)": ["3c"],
    "Problem 3, part c": ["3c"],
    "problem #3 part (C)": ["3c"],
    "PROBLEM 3 - (c): A CNN": ["3c"],
    "Problem 5 Part (b-i)": ["5b-i"],
    "Problem 5 (b)(i)": ["5b-i"],
    "Problem 5 (b) (ii)": ["5b-ii"],
    "Problem 5 (b-iii)": ["5b-iii"],
    "Problem 5b-ii": ["5b-ii"],
    "Problem 5 (b)": ["5b-i", "5b-ii", "5b-iii"],
    "Problem 1 (a)-(c)": ["1a", "1b", "1c"],
    "Problem 1 (a)\N{EN DASH}(b)": ["1a", "1b"],
    "Problem 1 (a) to (b)": ["1a", "1b"],
    "Problem 1 Part (b)-(c)": ["1b", "1c"],
    "Problem 6": ["6"],
    "Problem 6 Solution": ["6"],
    "Solution to Problem 6": ["6"],
    "Problem 6: A convolution": ["6"],
    "Problem 3: A network": [],
    "Problem 3 A network": [],
    "Problem 3 Convolution": [],
    "Problem 4 (c)": [],
    "Problem 33 (c)": [],
}


@pytest.mark.parametrize(
    "form",
    [
        "# {}", "### {}", "**{}**", '<font color="red">**{}**</font>', "{}", "## *{}*",
        '<h2 style="color:red">{}</h2>', "Read this first.\n\n## {}\n\nMore text.",
    ],
    ids=["heading", "third", "bold", "red", "plain", "italic", "html", "among-text"],
)  # fmt: skip
@pytest.mark.parametrize("heading", HEADINGS)
def test_headings_name_parts(heading: str, form: str) -> None:
    found = _map(PARTS, _text(form.format(heading)), _code("x = 1"))
    assert _claimed(found) == HEADINGS[heading]


@pytest.mark.parametrize(
    "line",
    [
        "As in Problem 3 (c), the network is small.",
        "My thoughts on problem 3 (c) " + "go on and on " * 10,
        "The 3 (c) layers",
        "Problems 3 and 4",
    ],
    ids=["mention", "long", "without-the-word", "plural"],
)
def test_running_text_names_no_part(line: str) -> None:
    assert _claimed(_map(PARTS, _text(line), _code("x = 1"))) == []


@pytest.mark.parametrize(
    "comment",
    ["# Problem 3 (c)", "#problem 3c", "## Problem 3 (c): the CNN", "#### Problem 3, part c"],
)
def test_comments_name_parts(comment: str) -> None:
    found = _map(PARTS, _code("y = 1"), _code(f"\n{comment}\nx = 1"), _code("z = 1"))
    assert found.cells["3c"] == (1,)
    assert _claimed(found) == ["3c"]


def test_comment_says_more_than_the_heading_above() -> None:
    cells = [
        _text("# Problem 1 (a)"),
        _code("x = 1"),
        _code("# Problem 1 (b)\ny = 1"),
        _code("z = 1"),
    ]
    found = _map(PARTS, *cells)
    assert (found.cells["1a"], found.cells["1b"]) == ((1, 3), (2,))


def test_bare_problem_in_a_comment_leaves_the_heading_in_force() -> None:
    found = _map(PARTS, _text("# Problem 1 (a)"), _code("# Problem 1\nx = 1"))
    assert found.cells["1a"] == (1,)


def test_heading_in_the_rubrics_own_words() -> None:
    parts = (_part("1a", headings=["Warm-up"]), _part("1b"))
    assert _claimed(_map(parts, _text("## The WARM-UP"), _code("x = 1"))) == ["1a"]
    assert _claimed(_map(parts, _text("## Cool-down"), _code("x = 1"))) == []


def test_metadata_wins_over_headings_and_names() -> None:
    parts = (_part("1a", "x"), _part("1b", "y"))
    found = _map(parts, _text("# Problem 1 (b)"), _code("x = y = 1", "1a"), _code("z = 1"))
    assert found.cells == {"1a": (1,), "1b": (2,)}


def test_one_cell_may_serve_several_parts() -> None:
    found = _map(PARTS, _code("x = 1", "1a", "1b"))
    assert found.parts_of(0) == ("1a", "1b")
    assert found.last("1a") == 0 and found.last("3c") is None


@pytest.mark.parametrize(
    "told", [{"parts": "1a"}, {"parts": None}, {"parts": {"1a": 1}}, {"parts": [["1a"], 3]}, {}],
    ids=str,
)  # fmt: skip
def test_metadata_of_another_form_is_read_over(told: Any) -> None:
    cell = nbformat.v4.new_code_cell("x = 1", metadata={"grader": told})
    assert _claimed(_map(PARTS, cell)) == []


NAMED = (_part("1a", "f"), _part("1b", "g", "h"))


@pytest.mark.parametrize(
    "source",
    ["def f(x): return x", "f = 3", "class f: pass", "from m import f", "import m as f",
     "if True:\n    f = 1", "for f in []: pass", "f, z = 1, 2", "with m as f: pass", "f: int = 3",
     "%%time\nf = 1", "!ls\nf = 2", "def f(x:\n    return x", "(f := 2)"],
)  # fmt: skip
def test_names_without_any_heading(source: str) -> None:
    found = _map(NAMED, _code("print(1)"), _code(source))
    assert found.cells == {"1a": (1,), "1b": ()}


@pytest.mark.parametrize(
    "source", ["f(1)", "def k():\n    f = 1", "class K:\n    f = 1", "[f for f in y]", "# f = 1",
               "'''\nf = 1\n'''", "k = lambda f: f", "f.x = 1", "f[0] = 1"],
)  # fmt: skip
def test_names_that_a_cell_only_uses_do_not_count(source: str) -> None:
    assert _claimed(_map(NAMED, _code(source))) == []


def test_split_cells_belong_to_one_part() -> None:
    found = _map(NAMED, _text("# Problem 1 (b)"), _code("g = 1"), _code("print(g)"), _code("h = 2"))
    assert found.cells["1b"] == (1, 2, 3)


def test_split_cells_without_headings_are_found_by_their_names() -> None:
    found = _map(NAMED, _code("g = 1"), _code("print(g)"), _code("f = 0"), _code("h = 2"))
    assert found.cells == {"1a": (2,), "1b": (0, 3)}


def test_moved_cells_keep_their_part_by_name() -> None:
    cells = [_text("# Problem 1 (b)"), _code("g = h = 1"), _text("# Problem 9"), _code("f = 2")]
    assert _map(NAMED, *cells).cells == {"1a": (3,), "1b": (1,)}


def test_renamed_heading_does_not_matter_where_names_are_known() -> None:
    found = _map(
        NAMED, _text("# First things first"), _code("f = 1"), _text("# Then"), _code("g=h=1")
    )
    assert found.cells == {"1a": (1,), "1b": (3,)}


def test_last_of_duplicated_cells_counts() -> None:
    assert _map(NAMED, _code("f = 1"), _code("x = 2"), _code("f = 3")).cells["1a"] == (2,)


def test_duplicates_under_the_heading_run_up_to_the_last() -> None:
    found = _map(NAMED, _text("# Problem 1 (a)"), _code("f = 1"), _code("f = 2"))
    assert found.last("1a") == 2


def test_name_under_another_parts_heading_is_not_taken_from_it() -> None:
    cells = [
        _text("# Problem 1 (a)"), _code("f = 1"),
        _text("# Problem 1 (b)"), _code("f = 2\ng = h = 1"),
    ]  # fmt: skip
    assert _map(NAMED, *cells).cells == {"1a": (1,), "1b": (3,)}


def test_answer_under_the_wrong_heading_is_found_where_there_is_no_other() -> None:
    found = _map(NAMED, _text("# Problem 1 (b)"), _code("f = 1"), _code("g = h = 2"))
    assert found.cells["1a"] == (1,)


SOLUTIONS = [
    "## Solution",
    "**Solution to Problem 1 (a)**",
    "# Problem 1 (a) Solution",
    "## My solution:",
]


@pytest.mark.parametrize("names", [(), ("f",)], ids=["by-heading", "by-name"])
@pytest.mark.parametrize("solution", SOLUTIONS)
def test_only_the_solutions_cells_count(solution: str, names: tuple[str, ...]) -> None:
    cells = [
        _text("# Problem 1 (a)"), _code("f = 'an example'"), _text(solution), _code("f = 1"),
        _code("print(f)"),
    ]  # fmt: skip
    assert _map((_part("1a", *names), _part("1b")), *cells).cells["1a"] == (3, 4)


def test_example_counts_where_the_solution_lacks_the_name() -> None:
    cells = [_text("# Problem 1 (b)"), _code("g = 1"), _text("## Solution"), _code("h = 2")]
    assert _map(NAMED, *cells).cells["1b"] == (1, 3)


def test_an_answer_in_several_cells_below_the_word_solution_is_all_of_them() -> None:
    cells = [_text("# Problem 1 (a) Solution"), _code("u = 1"), _code("u = 2"), _code("f = u")]
    assert _map(NAMED, *cells).cells["1a"] == (1, 2, 3)


SEVERAL = "**Solution to Problem 1 (a)**\n\nf is one.\n\n**Solution to Problem 1 (b)**\n\ng is two."


def test_one_cell_below_the_headings_of_several_parts_is_each_ones() -> None:
    parts = (*NAMED, _part("2a"))
    cells = [_text(SEVERAL), _code("f = 1\ng = 2"), _text("# Problem 2 (a)"), _code("f = 3")]
    found = _map(parts, *cells)
    assert (found.cells["1a"], found.cells["1b"]) == ((1,), (1,))


def test_comments_within_a_cell_name_its_parts() -> None:
    source = "import os\n" * 9 + "# Problem 1 (a)\nf = 1\n\n## Problem 1 (b)\ng = 2"
    cells = [_text("# Problem 2 (a)"), _code(source), _code("# Problem 1 (b) again\ng = 3")]
    found = _map((*NAMED, _part("2a")), *cells)
    assert (found.cells["1a"], found.cells["1b"]) == ((1,), (2,))


def test_a_mention_in_a_later_cell_takes_nothing_from_the_cell_that_has_the_answer() -> None:
    parts = (*NAMED, _part("2a", "h"))
    later = "h = 1\n" * 9 + "# Problem 1 (a) again\nf = f / 16"
    found = _map(parts, _text("# Data"), _code("f = 1"), _text("# Problem 2 (a)"), _code(later))
    assert found.cells["1a"] == (1,)
    between = [_text("# Problem 1 (a)"), _text("# Problem 1 (b)"), _code("g = 1")]
    found = _map(parts, *between, _text("# Problem 2 (a)"), _code("f = 1\nh = 2"))
    assert found.cells["1a"] == (4,)


def test_a_part_in_words_gets_no_code_of_the_others() -> None:
    parts = (_part("1a"), _part("1b", "g"))
    found = _map(parts, _text("# Problem 1 (a)"), _text("# Problem 1 (b)"), _code("g = 2"))
    assert (found.cells["1a"], found.cells["1b"]) == ((), (2,))


def test_text_below_the_headings_of_several_parts_is_shared_out() -> None:
    found = _map(NAMED, _text(SEVERAL), _code("f = 1"))
    assert (found.texts["1a"], found.texts["1b"]) == ((0,), (0,))
    told = {part: text.split("\n\n")[1].strip() for (_, part), text in found.sections.items()}
    assert told == {"1a": "f is one.", "1b": "g is two."}


def test_cells_before_the_first_definition_are_examples() -> None:
    found = _map(NAMED, _text("# Problem 1 (a)"), _code("print(1)"), _code("f = 1"), _code("f"))
    assert found.cells["1a"] == (2, 3)


@pytest.mark.parametrize(
    "heading",
    ["# Problem 2", "# Problem 1 (b)", "# Problem 2 (a)", "# Problem 2: More", "**Problem 7**"],
)
def test_heading_of_another_problem_ends_the_part(heading: str) -> None:
    found = _map(PARTS, _text("# Problem 1 (a)"), _code("x = 1"), _text(heading), _code("y = 1"))
    assert found.cells["1a"] == (1,)


def test_heading_that_names_no_problem_goes_on_with_the_part() -> None:
    found = _map(PARTS, _text("# Problem 1 (a)"), _code("x = 1"), _text("## Plot"), _code("y = 1"))
    assert found.cells["1a"] == (1, 3)


def test_empty_and_markdown_cells_belong_to_no_part() -> None:
    found = _map(PARTS, _text("# Problem 1 (a)"), _code(" \n"), _text("x = 1"), _code("x = 1"))
    assert found.cells["1a"] == (3,)
    assert set(found.defines) == {3}


def test_headings_find_what_the_templates_metadata_tell(hw5: Assignment) -> None:
    notebook = perfect()
    found = map_parts(notebook, hw5.rubric.parts)
    judged = [part.id for part in hw5.rubric.parts if part.checks and part.names]
    assert [part for part in judged if not found.cells[part]] == []
    written = [part for part in ("2c", "3e", "4d", "4e", "4f", "4g") if found.texts[part]]
    for cell in notebook.cells:
        cell.metadata.pop("grader", None)
    untold = map_parts(notebook, hw5.rubric.parts)
    assert [p for p in judged if not set(found.cells[p]) <= set(untold.cells[p])] == []
    assert "2c" in written
    assert [p for p in written if not set(found.texts[p]) <= set(untold.texts[p])] == []


FRAGMENTS = st.sampled_from(
    ["Problem", "problem 3", "(a)", "(b-i)", "-", "to", "part", "Solution", "#", "**", "<font>",
     "5",
     "f = 1", "g = f(", "\n", "def h(x):", "%%time", "\N{EN DASH}", "(z)", "3c", "99999999999"]
)  # fmt: skip
SOURCES = st.lists(FRAGMENTS, max_size=8).map(" ".join) | st.text(max_size=40)
CELLS = st.lists(st.tuples(st.sampled_from(["markdown", "code", "raw"]), SOURCES), max_size=6)
JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["1a", "5b-i", ""]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@FUZZ
@given(CELLS, JSON)
@example([("code", "0\x85")], None)
def test_any_notebook_is_mapped(cells: list[tuple[str, str]], told: Any) -> None:
    makers = {"markdown": _text, "code": _code, "raw": nbformat.v4.new_raw_cell}
    made = [makers[kind](source) for kind, source in cells]
    if made:
        made[-1].metadata["grader"] = {"parts": told}
    found = _map((*PARTS, _part("7", "f", "g", "h", headings=["solution"])), *made)
    code = {i for i, cell in enumerate(made) if cell.cell_type == "code" and cell.source.strip()}
    assert set(found.defines) == code
    for indices in found.cells.values():
        assert list(indices) == sorted(set(indices)) and set(indices) <= code
