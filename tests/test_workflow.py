"""The workflow that students get, run as GitHub would run it, on sample submissions."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import nbformat
import pytest
import yaml
from nbformat import NotebookNode

from tests.conftest import ROOT
from tests.runner import Command, Ran, obeyed, run_steps
from tests.submissions.build import perfect, with_mistakes

WORKFLOW = ROOT / "student_template" / "hw5" / ".github" / "workflows" / "grade.yml"
# Parts of the first cells: what lies below is not run.
PARTS = "1b,1c,1d"

Job = Callable[..., Ran]


def workflow() -> dict[str, Any]:
    # YAML takes the key `on` for a truth value.
    read: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in read.items()}


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"]["grade"]["steps"]
    return found


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Run the job's steps, all but the installation, in a checkout with a notebook."""

    def run(notebook: NotebookNode, name: str = "homework5.ipynb", **variables: str) -> Ran:
        checkout = tmp_path / "checkout"
        checkout.mkdir()
        nbformat.write(notebook, checkout / name)
        environment = {**workflow()["env"], "PARTS": PARTS, "NOTEBOOK": name, **variables}
        own = [step for step in steps() if "run" in step and step["name"] != "Install"]
        return run_steps(own, checkout, environment, Path(sys.executable).parent)

    return run


def test_the_workflow_may_read_and_nothing_else() -> None:
    told = workflow()
    assert set(told["on"]) == {"push", "pull_request", "workflow_dispatch"}
    assert told["permissions"] == {"contents": "read"}
    assert "permissions" not in told["jobs"]["grade"]
    assert 0 < float(told["env"]["PASS_MARK"]) <= 1
    checkout = next(step for step in steps() if step.get("uses", "").startswith("actions/checkout"))
    assert checkout["with"]["persist-credentials"] is False


def test_no_step_has_an_expression_that_a_name_could_break_out_of() -> None:
    assert "${{" not in WORKFLOW.read_text(encoding="utf-8")


def test_tracebacks_that_a_report_quotes_are_no_errors_of_the_job() -> None:
    # setup-python has the runner turn them into annotations, even while commands are stopped.
    before = [step for step in steps() if step.get("name") != "Grade"]
    said = "\n".join(re.findall(r'echo "(.*)"', "".join(s.get("run", "") for s in before)))
    assert obeyed(said) == [Command("remove-matcher", {"owner": "python"}, "")]


def test_the_report_is_kept_even_of_a_job_that_fails() -> None:
    *_, last = steps()
    assert last["uses"].startswith("actions/upload-artifact@") and last["if"] == "always()"
    assert last["with"]["path"].split() == ["report.html", "results.xml"]


def test_perfect_homework_is_green(job: Job, tmp_path: Path) -> None:
    ran = job(perfect(), PASS_MARK="1")
    assert (ran.code, ran.commands) == (0, [])
    assert "**4 of 4 points**" in ran.summary
    assert ran.summary.endswith("\nPass mark of 100 % reached: 4 of 4 automatic points.\n")
    suites = ET.parse(tmp_path / "checkout" / "results.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("3", "0")
    page = (tmp_path / "checkout" / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "Squared L2 norm" in page


def test_mistakes_are_shown_at_their_lines_and_counted_against_the_mark(
    job: Job, tmp_path: Path
) -> None:
    ran = job(with_mistakes(["1b-matrix-product", "1d-not-squared"]))
    assert ran.code == 1
    assert [(c.name, c.properties["title"].split(":")[0]) for c in ran.commands] == [
        ("error", "1b"), ("error", "1d"),
    ]  # fmt: skip
    checkout = tmp_path / "checkout"
    text = (checkout / "homework5.ipynb").read_text(encoding="utf-8").split("\n")
    for command in ran.commands:
        assert command.properties["file"] == "homework5.ipynb"
        shown = json.loads(text[int(command.properties["line"]) - 1].strip().rstrip(","))
        assert shown == "## Problem 1\n"
    assert "**1 of 4 points**" in ran.summary
    assert "Pass mark of 60 % not reached: 1 of 4 automatic points" in ran.summary
    suites = ET.parse(checkout / "results.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("3", "2")
    assert "1 of 4 points" in (checkout / "report.html").read_text(encoding="utf-8")


FORGED = """\
import os, sys
for line in ("::error file=a.py::forged", "::set-output name=grade::100", "##[error]forged",
             "::stop-commands::x", "::x::", "::add-path::/tmp", "::endgroup::"):
    print(line, flush=True)
    print(line, file=sys.stderr, flush=True)
    for stream in (1, 2):
        os.write(stream, f"\\n{line}\\n".encode())
for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"):
    if name in os.environ:
        open(os.environ[name], "a").write("forged=1\\n")
raise ValueError("\\n::error::forged\\n##[error]forged\\r::set-output name=a::b")
"""


def test_nothing_that_a_student_writes_is_obeyed(job: Job, tmp_path: Path) -> None:
    notebook = with_mistakes(["1b-matrix-product"])
    cell = next(c for c in notebook.cells if c.source.startswith("## Problem 1\n"))
    cell.source = FORGED + cell.source
    heading = "# Problem 1 (b)\n\n::error::forged\n\n##[error]forged"
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(heading))
    name = "\n::error::forged\n##[error]forged,line=1.ipynb"
    ran = job(notebook, name)
    assert "\n    ::error::forged\n" in ran.output  # the runner obeys indented lines too
    told = [(c.name, c.properties["title"][:2], c.properties["file"]) for c in ran.commands]
    assert told == [("error", "1b", name), ("warning", "1c", name), ("warning", "1d", name)]
    text = (tmp_path / "checkout" / name).read_text(encoding="utf-8").split("\n")
    (line,) = {int(command.properties["line"]) for command in ran.commands}
    assert text[line - 1].strip().startswith('"raise ValueError(')
    assert set(ran.leftovers.values()) == {""}


def test_homework_that_cannot_be_read_says_so_in_one_command(tmp_path: Path) -> None:
    name = "a\n::error::forged.ipynb"
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / name).write_text('{"cells": [')
    variables = {"NOTEBOOK": name, "PARTS": "", "PASS_MARK": "0"}
    grading = [step for step in steps() if step.get("name") == "Grade"]
    ran = run_steps(grading, tmp_path / "checkout", variables, Path(sys.executable).parent)
    told = (
        r"a\n::error::forged.ipynb is not a notebook: its JSON is broken (line 1). "
        "Download the .ipynb again."
    )
    assert (ran.code, ran.commands) == (3, [Command("error", {"file": name}, told)])
    assert ran.summary.startswith("## Not graded\n\n```") and told in ran.summary


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("::error::a\n  ::warning file=x::b\nx::error::c", ["error", "warning"]),
        ("::stop-commands::t\n::error::a\n::t::\n::notice::b", ["notice"]),
        ("::stop-commands::t\n::stop-commands::u\n::u::\n##[error]a\n::t::", []),
        ("a ##[error]b\n::unknown::c", ["error"]),
    ],
    ids=["lines", "stopped", "not restarted by a guess", "older form"],
)
def test_the_runner_of_these_tests_obeys_what_githubs_does(output: str, names: list[str]) -> None:
    assert [command.name for command in obeyed(output)] == names
