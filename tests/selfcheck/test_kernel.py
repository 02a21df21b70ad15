"""Checks in a real Jupyter kernel, with the kit that students get."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from grader.assignment import Assignment
from grader.datasets import public_data
from grader.exam.notebooks import Blank, read_blank
from grader.model import CheckResult, Status
from grader.sandbox.launcher import Launcher
from grader.variants import Accepted, Mistake, Variant
from tests.kits import rubric_of
from tests.selfcheck.compare import Compared, answered, compare
from tests.selfcheck.kernels import Kernel, kernel

# About one variant in so many is judged both ways; `python -m benchmarks.selfcheck` takes them all.
EVERY = 60


@pytest.fixture(scope="module")
def live(hw5: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel beside the homework's data."""
    data = public_data(hw5)
    assert data is not None
    folder = tmp_path_factory.mktemp("kernel") / "work"
    shutil.copytree(data.work, folder)
    with kernel(folder) as started:
        yield started


@pytest.fixture(scope="module")
def rubric(kit: Path) -> Path:
    """The rubric as the kit's wheel has it."""
    return rubric_of(kit)


@pytest.fixture(scope="module")
def blank(hw5: Assignment) -> Blank:
    """The template and the model answers."""
    return read_blank(hw5)


def cells(*sources: str) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])


def checks(live: Kernel, rubric: Path, part: str) -> dict[str, CheckResult]:
    (told,) = live.judge(rubric, part)
    return {check.id: check for check in told.checks}


SIGMOID = "import numpy as np\ndef sigmoid(x):\n    return 1 / (1 + np.exp(-x))"


def test_a_right_answer_passes(live: Kernel, rubric: Path) -> None:
    live.start_again(cells(SIGMOID))
    told = checks(live, rubric, "5b-i")
    assert [c.status for c in told.values() if c.max_score] == [Status.PASSED] * 2


def test_a_wrong_answer_is_named_with_a_small_example(live: Kernel, rubric: Path) -> None:
    live.start_again(cells(SIGMOID.replace("-x", "x")))
    check = checks(live, rubric, "5b-i")["sigmoid_of_arrays"]
    assert check.status is Status.FAILED and check.diagnosis is not None
    assert "sign" in check.diagnosis.casefold()
    assert check.counterexample is not None and check.counterexample.code is not None
    assert check.counterexample.actual is not None
    assert live.paste(check.counterexample.code)[check.counterexample.actual.text][0]


def test_the_last_form_of_a_cell_counts(live: Kernel, rubric: Path) -> None:
    live.start_again(cells(SIGMOID.replace("-x", "x"), SIGMOID))
    assert checks(live, rubric, "5b-i")["sigmoid_of_arrays"].status is Status.PASSED


def test_what_uses_a_wrong_part_waits_for_it(live: Kernel, rubric: Path, blank: Blank) -> None:
    answers = blank.answers
    wrong = answers["5b-i"].replace("-x", "x")
    assert wrong != answers["5b-i"]
    live.start_again(cells(wrong, answers["5b-ii"], answers["5b-iii"]))
    told = checks(live, rubric, "5b-iii")["output_of_the_forward_pass"]
    assert told.status is Status.NEEDS_REVIEW
    assert "uses part 5b-i, which is not right yet" in told.message


def test_a_part_that_is_not_there_is_missing(live: Kernel, rubric: Path) -> None:
    live.start_again(cells("x = 1"))
    assert checks(live, rubric, "6")["convolution_matches_torch"].status is Status.MISSING


def test_the_notebook_shows_html_and_is_left_as_it_was(live: Kernel, rubric: Path) -> None:
    live.start_again(cells(SIGMOID, "before = sorted(globals())"))
    printed, raised = live.run(
        f"import grader.selfcheck as g; g.check('5b-i', assignment={str(rubric)!r})"
    )
    assert (printed, raised) == ("", "")
    printed, _ = live.run("print(sorted(set(globals()) - set(before) - {'before'}))")
    assert [n for n in eval(printed) if not n.startswith("_")] == ["g"]


def test_an_unknown_part_is_refused_without_a_traceback(live: Kernel, rubric: Path) -> None:
    live.start_again(cells("x = 1"))
    _, raised = live.run(f"import grader.selfcheck as g; g.check('9z', assignment={str(rubric)!r})")
    assert raised == ""


def test_a_cell_that_checks_itself_can_be_run_again(live: Kernel, rubric: Path) -> None:
    # 1a is read off its cells, which are run again: with the check that stands among them.
    code = "import torch\nv1 = torch.tensor([[1], [2]])\nv2 = torch.tensor([[-2], [-1]])\n"
    code += "A = torch.tensor([[1, -1], [0, 1]])\nV = torch.cat((v1, v2), dim=1)\n"
    check = f"import grader.selfcheck as g\ng.check('1a', assignment={str(rubric)!r})"
    live.start_again(cells(f"{code}{check}\nv1 = 5"))
    told = checks(live, rubric, "1a")
    assert told["v1_and_v2_hold_the_vectors"].status is Status.PASSED


# What their failure shows is another thing each time: memory that nothing was written to, or what
# the calls before have left.
OTHER_EACH_TIME = {"5d-batch-elsewhere", "6-other-each-time"}


def drawn(variant: Variant, every: int) -> bool:
    """Whether a variant is in the sample, which a new one beside it does not change."""
    return zlib.crc32(variant.id.encode()) % every == 0


@pytest.fixture(scope="module")
def compared(
    hw5: Assignment, blank: Blank, live: Kernel, rubric: Path, stock: object
) -> list[Compared]:
    """A sample of the variants, judged both ways."""
    shown = {p.id for p in hw5.rubric.parts if any(c.public for c in p.checks)}
    mistakes = [v for v in hw5.variants if isinstance(v, Mistake) and v.part in shown]
    accepted = [v for v in hw5.variants if isinstance(v, Accepted) and v.part in shown]
    launcher: Launcher = stock.make_launcher(hw5)  # type: ignore[attr-defined]
    # What a cell prints decides about one, and a shape without entries about another.
    picked = [v for v in mistakes if v.id in ("2b-two-decimals", "5b-iii-shape")]
    chosen = [v for v in mistakes if drawn(v, EVERY)] + picked
    chosen += [v for v in accepted if drawn(v, 2 * EVERY)]
    return [compare(hw5, blank, v, launcher, live, rubric) for v in chosen]


def test_verdicts_equal_those_of_the_sandbox(compared: list[Compared]) -> None:
    assert [line for told in compared for line in told.differences()] == []


def test_little_is_left_open(compared: list[Compared]) -> None:
    undecided = [line for told in compared for line in told.left_open()]
    assert len(undecided) <= len(compared) / 5, undecided


def test_pasted_code_shows_each_failure(compared: list[Compared]) -> None:
    assert [(t.variant, name, text) for t in compared for name, text in t.pasted.items()
            if text and t.variant not in OTHER_EACH_TIME] == []  # fmt: skip
    assert any(told.pasted for told in compared)


def test_variants_can_be_answered(hw5: Assignment, blank: Blank) -> None:
    assert all(answered(blank, variant).cells for variant in hw5.variants[::20])
