"""How the checks do on answers that were written by someone who had not seen them.

Grades a list of `tests/submissions/hw5/held_out/`: mistakes should lose points in their part and be
named, accepted alternatives should lose none in their part or in those that use it; with
`--whole` all parts are graded, and a mistake should lose points in its part only. Prints what is
not as it should be, what goes to a person, and the shares.

    python -m benchmarks.held_out LIST [--every N] [--from K] [--whole] [--jobs 2]

LIST is a file's name there, without `.yaml`: `mistakes`, `accepted`, `mistakes_2`, ...

A mistake counts as named where the diagnosis has one of the words that its author listed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml

from grader.assignment import Assignment, load_assignment
from grader.grading import Options, grade
from grader.judge import make_launcher
from grader.model import GradeReport, Status
from grader.sandbox.launcher import Launcher
from grader.submission import read_submission
from tests.submissions.build import HW5, slim, with_edit

_PER_PROCESS: list[Any] = []


@dataclass
class Outcome:
    """What became of one held-out answer."""

    entry: dict[str, Any]
    lost: dict[str, str] = field(default_factory=dict)
    review: list[str] = field(default_factory=list)
    diagnosis: str = ""
    text: str = ""

    @property
    def is_named(self) -> bool:
        """Whether the diagnosis has one of the words that the mistake's author listed."""
        return self._has_word(self.diagnosis)

    @property
    def is_told(self) -> bool:
        """Whether anything that the student reads of the part has one of them."""
        return self._has_word(self.text)

    def _has_word(self, text: str) -> bool:
        return any(str(word).casefold() in text.casefold() for word in self.entry["names"])


def start() -> None:
    """Give a worker process its assignment and launcher."""
    assignment = load_assignment("hw5")
    _PER_PROCESS[:] = [assignment, make_launcher(assignment)]


def judge(task: tuple[dict[str, Any], bool]) -> Outcome:
    """Grade one held-out answer."""
    entry, whole = task
    assignment: Assignment = _PER_PROCESS[0]
    launcher: Launcher = _PER_PROCESS[1]
    part = entry["part"]
    using = tuple(p.id for p in assignment.rubric.parts if part in p.needs)
    parts = () if whole else (part,) if "names" in entry else (part, *using)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.ipynb"
        nbformat.write(slim(with_edit(entry["cell"], **entry["replace"]), (entry["cell"],)), path)
        report = grade(assignment, read_submission(path), launcher, Options(parts=parts))
    return read(entry, report)


def read(entry: dict[str, Any], report: GradeReport) -> Outcome:
    """What a report says of one held-out answer; what goes to a person is not lost."""
    outcome = Outcome(entry)
    for part in report.parts:
        if part.id == entry["part"] and not part.checks:
            outcome.review.append("a person marks this part")
        for check in part.checks:
            if check.score >= check.max_score:
                continue
            if check.status is Status.NEEDS_REVIEW:
                outcome.review.append(check.id)
                continue
            outcome.lost.setdefault(part.id, f"{check.message} [{check.diagnosis}]")
            if part.id == entry["part"]:
                outcome.diagnosis += f" {check.diagnosis or ''}"
                outcome.text += f" {check.diagnosis or ''} {check.message} {check.hint}"
    return outcome


def main() -> None:
    """Grade one list and print what is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list", choices=sorted(p.stem for p in (HW5 / "held_out").glob("*.yaml")))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--part", default="")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    entries = yaml.safe_load((HW5 / "held_out" / f"{arguments.list}.yaml").read_text("utf-8"))
    chosen = [e for e in entries[arguments.first :: arguments.every]
              if e["part"].startswith(arguments.part)]  # fmt: skip
    tasks = [(entry, arguments.whole) for entry in chosen]
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, start) as pool:
        outcomes = []
        for outcome in pool.imap(judge, tasks):
            outcomes.append(outcome)
            tell(outcome)
    are_mistakes = all("names" in entry for entry in entries)
    (sum_mistakes if are_mistakes else sum_accepted)(outcomes)


def tell(outcome: Outcome) -> None:
    """Print an outcome that is not as it should be."""
    entry, lost = outcome.entry, outcome.lost
    if "names" not in entry:
        if lost:
            print(f"{entry['case']} LOST: {lost} ({entry['why']})", flush=True)
        return
    if entry["part"] not in lost:
        state = f"review {outcome.review}" if outcome.review else "lost nothing"
        print(f"{entry['case']} MISSED, {entry['severity']}: {state} ({entry['why']})", flush=True)
    elif set(lost) != {entry["part"]}:
        print(f"{entry['case']} ALSO: {sorted(lost)} ({entry['why']})", flush=True)
    elif not outcome.is_named:
        print(f"{entry['case']} UNNAMED, told={outcome.is_told}: {lost[entry['part']]} "
              f"({entry['why']}) words={entry['names']}", flush=True)  # fmt: skip


def sum_accepted(outcomes: list[Outcome]) -> None:
    """Print how many alternatives lost nothing."""
    right = sum(not outcome.lost for outcome in outcomes)
    print(f"accepted: {right} of {len(outcomes)} lost nothing")
    print(f"sent to a person: {[o.entry['case'] for o in outcomes if o.review]}")


def sum_mistakes(outcomes: list[Outcome]) -> None:
    """Print how many mistakes were found, found only there, and named."""
    for severity in ("major", "minor"):
        own = [o for o in outcomes if o.entry["severity"] == severity]
        found = sum(o.entry["part"] in o.lost for o in own)
        review = sum(o.entry["part"] not in o.lost and bool(o.review) for o in own)
        print(f"{severity}: {found} of {len(own)} lost points in their part, {review} to a person")
    found_all = [o for o in outcomes if o.entry["part"] in o.lost]
    print(f"elsewhere too: {sum(set(o.lost) != {o.entry['part']} for o in found_all)}")
    print(f"named: {sum(o.is_named for o in found_all)} of {len(outcomes)}; "
          f"told in some words: {sum(o.is_told for o in found_all)}")  # fmt: skip


if __name__ == "__main__":
    main()
