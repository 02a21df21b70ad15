"""One submission from its first cell to its report: what stops, what it costs, and who is told.

Everything runs as in earnest: real kernels, forks and checks of a small assignment.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.assignment import Assignment, load_assignment
from grader.errors import GraderError
from grader.grading import grade
from grader.model import CheckResult, Stage, Status
from grader.report import render_json
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.small.assignment import (
    CHECKS,
    FAULTY,
    PARTS,
    POINTS,
    WRONG_DOUBLE,
    Grade,
    check,
    limited,
    part,
    short_of,
    write_assignment,
    write_small,
)

ENDLESS = "while True:\n    pass"


def test_right_submission_gets_every_automatic_point(graded: Grade) -> None:
    report = graded()
    assert {p.id: p.score for p in report.parts if p.checks} == POINTS
    assert (report.score, report.auto_score, report.auto_max_score) == (12, 12, 12)
    assert (report.max_score, report.pending_points) == (14, 2)
    assert part(report, "2").status is Status.NEEDS_REVIEW
    assert all(p.problems == () for p in report.parts)


# What a cell does, and the kind and the words of the problem that the report has of it.
STOPS = {
    "raises": ("raise ValueError('no more')", "raised", "ValueError: no more"),
    "hangs": (ENDLESS, "timeout", "ran longer than 2 s"),
    "leaves": ("import sys; sys.exit(3)", "raised", "SystemExit: 3"),
    "calls-exit": ("exit()", "raised", "SystemExit: exit() was called"),
    "ends-process": ("import os; os._exit(3)", "died", "ended its own process (exit code 3)"),
    "crashes": (
        "import os; os.kill(os.getpid(), 11)", "died", "ended its own process (signal SIGSEGV)",
    ),
    "does-not-parse": ("v = (", "syntax", "SyntaxError: "),
}  # fmt: skip


@pytest.mark.parametrize(("source", "kind", "told"), STOPS.values(), ids=STOPS)
def test_cell_that_stops_costs_its_part_and_what_uses_it(
    small: Assignment, graded: Grade, source: str, kind: str, told: str
) -> None:
    report = graded({"1a": source}, limited(small, cell_s=2))
    assert short_of(report) == {"1a", "1e"}
    (problem,) = part(report, "1a").problems
    assert (problem.cell, problem.kind) == (2, kind)
    assert problem.message.startswith(told)
    message = check(report, "vector").message
    assert message == f"`v` is not defined. Code cell 2 stopped before that: {problem.message}"
    assert part(report, "1a").status is Status.ERROR
    assert check(report, "scaled").message == (
        "scaled(2.5) raised NameError: name 'v' is not defined"
    )


@pytest.mark.parametrize(
    ("source", "part_", "waits"),
    [
        ("import shared_tools_of_ours\nv = shared_tools_of_ours.v()", "1a", {"1a", "1e"}),
        ("def double(x):\n    import shared_tools_of_ours\n    return 2 * x", "1b", {"1b"}),
    ],
)
def test_what_needs_a_module_that_is_not_installed_waits_for_a_person(
    graded: Grade, source: str, part_: str, waits: set[str]
) -> None:
    report = graded({part_: source})
    assert {p.id for p in report.parts if p.status is Status.NEEDS_REVIEW} == {*waits, "2"}
    assert short_of(report) == waits
    told = part(report, part_).checks[0].message
    assert told.startswith("`shared_tools_of_ours` is not installed where this was graded")


def test_misspelt_module_is_a_mistake(graded: Grade) -> None:
    report = graded({"1a": "import numpi as np\nv = np.ones(3)"})
    assert part(report, "1a").status is Status.ERROR


@pytest.mark.parametrize("source", ["raise ValueError('no more')", "import os; os._exit(3)"])
def test_helper_whose_cell_stops_is_lent_to_what_uses_it(graded: Grade, source: str) -> None:
    report = graded({"1b": source})
    assert short_of(report) == {"1b"}
    assert check(report, "total").message == (
        "Checked with a correct `double` in place of yours: a mistake in yours counts in part 1b "
        "only. "
        "With yours: total(x) raised NameError: name 'double' is not defined"
    )


def test_cell_that_raises_is_shown_with_its_line(graded: Grade) -> None:
    report = graded({"1a": "v = 1\nw = 2\nv = w / 0"})
    (problem,) = part(report, "1a").problems
    assert problem.raised is not None
    assert [(f.where, f.line, f.code) for f in problem.raised.frames] == [
        ("cell 2", 4, "v = w / 0")
    ]
    assert check(report, "vector").message.startswith("v.shape=(), but should be (3,)")


def test_what_no_part_owns_costs_those_that_use_it(graded: Grade) -> None:
    report = graded({"start": "raise ImportError('no numpy today')"})
    assert short_of(report) == {"1a", "1e"}
    assert "Code cell 2 stopped before that: NameError" in check(report, "vector").message


def test_missing_part_says_what_was_looked_for_and_blocks_what_uses_it(graded: Grade) -> None:
    report = graded({"1a": None})
    assert short_of(report) == {"1a", "1e"}
    missing, blocked = part(report, "1a"), part(report, "1e")
    assert (missing.status, blocked.status) == (Status.MISSING, Status.BLOCKED)
    assert missing.message == (
        "No cell of this part was found. We looked for its heading and for a cell that defines `v`."
    )
    assert check(report, "scaled").message == (
        "This could not be judged: it uses part 1a, which is missing."
    )


def test_call_that_hangs_is_stopped(small: Assignment, graded: Grade) -> None:
    report = graded(
        {"1b": "def double(x):\n    while True: pass"}, limited(small, call_s=2), parts=("1b",)
    )
    told = [(c.status, c.message) for c in part(report, "1b").checks]
    end = "gave no answer within 2 s. Is there a loop that does not end?"
    assert told == [(Status.ERROR, f"{call} {end}") for call in ("double(x)", "double(3.5)")]


def test_call_that_ends_its_process_costs_one_check(graded: Grade) -> None:
    source = "import os\ndef double(x):\n    return 2 * x if np.ndim(x) else os._exit(5)"
    report = graded({"1b": source}, parts=("1b", "1c"))
    assert part(report, "1b").status is Status.PARTIAL
    assert check(report, "double_of_a_number").message == (
        "double(3.5) ended its own process (exit code 5)"
    )
    assert short_of(report) == {"1b"}


def test_notebook_that_takes_too_long_is_given_up(small: Assignment, graded: Grade) -> None:
    report = graded({"1c": ENDLESS}, limited(small, notebook_s=2))
    assert {p: part(report, p).status for p in PARTS} == {
        "1a": Status.PASSED, "1b": Status.PASSED, "1c": Status.ERROR, "1d": Status.ERROR,
        "1e": Status.ERROR,
    }  # fmt: skip
    (problem,) = part(report, "1d").problems
    assert (problem.cell, problem.kind) == (5, "timeout")
    assert problem.message == "The notebook ran longer than 2 s."
    assert check(report, "scaled").message == (
        "The notebook was stopped before this part: see the cells that stopped it."
    )


def test_notebook_that_keeps_ending_its_process_is_given_up(graded: Grade) -> None:
    report = graded(dict.fromkeys(("start", *PARTS), "import os; os._exit(1)"))
    assert report.auto_score == 0
    assert {p: part(report, p).status for p in PARTS} == dict.fromkeys(PARTS, Status.ERROR)
    assert [problem.cell for p in PARTS for problem in part(report, p).problems] == [2, 3, 4, 5, 6]


def test_wrong_helper_is_charged_once_and_both_outcomes_are_shown(graded: Grade) -> None:
    report = graded({"1b": WRONG_DOUBLE})
    assert short_of(report) == {"1b"}
    charged = check(report, "double_of_a_number")
    assert charged.message == "double(3.5)=5.5, but should be 7 [double(3.5)]"
    for name, outcome in (
        ("total", "total(x)=2, but should be 0"),
        ("slope_is_learned", "slope=1"),
    ):
        result = check(report, name)
        lent, own = result.message.split(" With yours: ")
        assert (result.status, result.score) == (Status.PASSED, result.max_score)
        assert lent == (
            "Checked with a correct `double` in place of yours: a mistake in yours counts in part "
            "1b only."
        )
        assert own.startswith(outcome)


def test_what_spoils_a_helper_does_not_spoil_the_one_that_is_lent(graded: Grade) -> None:
    report = graded({
        "1b": "def double(x):\n    return 2 * x\n"
              "for wrong in (lambda f: lambda x: f(x) + 2,):\n    double = wrong(double)"
    })  # fmt: skip
    assert short_of(report) == {"1b"}
    assert check(report, "slope_is_learned").message.startswith("Checked with a correct `double`")


def test_what_a_cell_of_a_wrong_helper_computes_with_it_is_computed_anew(graded: Grade) -> None:
    report = graded({
        "1b": "def double(x):\n    return x + 2\nhalf_slope = double(0.75)",
        "1d": "slope = 2 * half_slope",
    })  # fmt: skip
    assert short_of(report) == {"1b"}


def test_failure_that_counts_is_that_with_everything_computed_anew(graded: Grade) -> None:
    report = graded({
        "1b": "def double(x):\n    return x + 2\nhalf_slope = double(0.75)",
        "1d": "slope = 5 * half_slope",
    })  # fmt: skip
    assert short_of(report) == {"1b", "1d"}
    assert check(report, "slope_is_learned").message.startswith("slope=7.5, but should be 3")


def test_mistake_of_ones_own_counts_beside_a_wrong_helper(graded: Grade) -> None:
    own = {
        "1c": "def total(x):\n    return double(x).max()",
        "1d": "slope = 0.0\nfor _ in range(200):\n    slope += 0.1 * double(slope - 3.0)",
    }
    report = graded({"1b": WRONG_DOUBLE, **own})
    assert short_of(report) == {"1b", "1c", "1d"}
    assert "Judged with" not in check(report, "total").message


def test_part_that_leaves_a_state_behind_is_run_again_with_the_right_helper(graded: Grade) -> None:
    """The cell's own start, and not what the wrong helper left, is what the replay goes on from."""
    report = graded({"1b": "def double(x):\n    raise RuntimeError('not today')"})
    assert [p.cell for p in part(report, "1d").problems] == [5]
    assert part(report, "1d").status is Status.PASSED
    assert check(report, "slope_is_learned").message.endswith("slope=0, but should be 3")


def test_checks_do_not_see_what_another_one_left_behind(graded: Grade) -> None:
    source = "calls = []\ndef double(x):\n    calls.append(x)\n    return 2 * x + (len(calls) > 5)"
    report = graded({"1b": source}, parts=("1b",), examples=5)
    assert part(report, "1b").status is Status.PASSED


def test_fault_of_a_check_leaves_the_submission_ungraded(warm: Launcher, tmp_path: Path) -> None:
    folder = write_assignment(tmp_path, checks=FAULTY, name="test_faulty.py")
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    with pytest.raises(GraderError) as caught:
        grade(load_assignment(str(folder)), submission, warm)
    line = FAULTY.splitlines().index("    1 / 0") + 1
    place = f"{folder / 'test_faulty.py'}:{line}"
    assert str(caught.value) == f"test_vector: ZeroDivisionError: division by zero at {place}"


def test_wrong_answers_do_not_hide_a_fault_of_a_later_check(warm: Launcher, tmp_path: Path) -> None:
    checks = CHECKS + "    raise KeyError('ours')\n"
    folder = write_assignment(tmp_path, checks=checks, name="test_faulty_end.py")
    path = write_small(tmp_path / "submission.ipynb", {"1c": "total = 0"})
    with pytest.raises(GraderError, match="test_scaled: KeyError: 'ours'"):
        grade(load_assignment(str(folder)), read_submission(path), warm)


@pytest.mark.skipif(torch.cuda.is_available(), reason="what asks for a GPU gets one here")
def test_code_that_takes_a_gpu_for_granted_is_told_so(graded: Grade) -> None:
    report = graded(
        {
            "1a": "import torch\nv = torch.tensor([1.0, 2.0, 3.0]).cuda()",
            "1b": "def double(x):\n    return 2 * torch.as_tensor(x).cuda()",
        }
    )
    needs = (
        "This code needs a GPU, and it was graded on a machine without one: choose the device "
        'with `torch.device("cuda" if torch.cuda.is_available() else "cpu")`.'
    )
    assert check(report, "vector").message == (
        f"`v` is not defined. Code cell 2 stopped before that: {needs}"
    )
    assert check(report, "double_of_a_number").message == needs
    assert (part(report, "1a").status, part(report, "1b").status) == (Status.ERROR, Status.ERROR)


def test_only_the_chosen_parts_are_judged_in_the_rubrics_order(graded: Grade) -> None:
    report = graded(parts=("1e", "1a"))
    assert [p.id for p in report.parts] == ["1a", "1e"]
    assert (report.auto_score, report.max_score, report.pending_points) == (3, 3, 0)


def test_cells_below_the_chosen_parts_are_not_run(small: Assignment, graded: Grade) -> None:
    report = graded({"1d": ENDLESS}, limited(small, notebook_s=5), parts=("1a", "1b"))
    assert (report.auto_score, report.auto_max_score) == (6, 6)


def test_examples_of_a_check_can_be_given(graded: Grade) -> None:
    for count in (1, 9):
        report = graded(parts=("1b",), examples=count)
        assert check(report, "double_of_arrays").examples == count


def test_public_checks_alone_give_their_share_of_the_points(graded: Grade) -> None:
    report = graded(public_only=True, parts=("1b",))
    (only,) = part(report, "1b").checks
    assert (only.id, only.public, only.max_score) == ("double_of_arrays", True, 3)


def test_progress_and_results_are_told_as_they_come(
    small: Assignment, warm: Launcher, tmp_path: Path
) -> None:
    submission = read_submission(write_small(tmp_path / "submission.ipynb"))
    steps: list[str] = []
    seen: list[CheckResult] = []
    report = grade(small, submission, warm, progress=steps.append, on_check=seen.append)
    assert steps == [f"cell {n} of 6" for n in range(1, 7)]
    assert [c.id for c in seen] == [c.id for p in report.parts for c in p.checks]


def without_durations(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_durations(v) for k, v in value.items() if k != "duration_s"}
    return [without_durations(item) for item in value] if isinstance(value, list) else value


def test_two_runs_differ_in_nothing_but_durations(
    small: Assignment, warm: Launcher, tmp_path: Path
) -> None:
    answers: dict[str, str | None] = {
        "1a": "v = np.random.rand(3)",
        "1b": WRONG_DOUBLE,
        "1c": "def total(x):\n    return np.random.rand()",
        "1e": "raise ValueError(str(hash('text')))",
    }
    submission = read_submission(write_small(tmp_path / "submission.ipynb", answers))
    first, second = (json.loads(render_json(grade(small, submission, warm))) for _ in range(2))
    assert without_durations(first) == without_durations(second)


def test_what_a_kept_call_raises_is_told_though_nobody_waits_for_it(
    warm: Launcher, tmp_path: Path
) -> None:
    compared = 'assert_matches(student.total(x), reference.total(x), what="total(x)")'
    checks = CHECKS.replace(compared, "student.total.keep(None)")
    folder = write_assignment(tmp_path, checks=checks, name="test_kept.py")
    path = write_small(tmp_path / "submission.ipynb")
    report = grade(load_assignment(str(folder)), read_submission(path), warm)
    told = check(report, "total")
    assert told.stage is Stage.RETURNS
    assert told.message.startswith("total(None) raised TypeError")


OTHER_SLOPE = """\
- mistake: 1d-other
  part: 1d
  name: Another slope
  say: Look at the slope.
  edit: {cell: 1d, old: a, new: b}
  oracles: ["SLOPE = 0.0"]
"""


def test_what_nobody_waited_for_is_not_taken_for_a_known_mistake(
    warm: Launcher, tmp_path: Path
) -> None:
    compared = 'assert_matches(student.slope, reference.SLOPE, what="slope")'
    checks = CHECKS.replace(compared, "student.double.keep(None)")
    folder = write_assignment(tmp_path, checks=checks, name="test_kept_last.py")
    (folder / "variants").mkdir()
    (folder / "variants" / "known.yaml").write_text(OTHER_SLOPE)
    path = write_small(tmp_path / "submission.ipynb")
    report = grade(load_assignment(str(folder)), read_submission(path), warm)
    told = check(report, "slope_is_learned")
    assert (told.stage, told.diagnosis) == (Stage.RETURNS, None)


def test_statement_that_stops_a_shared_cell_costs_its_own_part_only(graded: Grade) -> None:
    """Parts 1b and 1c in one cell: the first raises, and what follows is run all the same."""
    shared = "double = undefined\n\n\ndef total(x):\n    return np.sum(2 * x)"
    report = graded({"1b": shared, "1c": None})
    assert "1b" in short_of(report)
    assert "1c" not in short_of(report)
    assert check(report, "total").message.startswith(
        "Code cell 3 stopped at line 2, before it came to this; the rest of the cell was then "
        "run too. Without that: `total` is not defined."
    )
