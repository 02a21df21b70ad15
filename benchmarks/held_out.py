"""How the checks do on answers that were written by someone who had not seen them.

Grades `tests/submissions/hw5/held_out/*.yaml`: mistakes should lose points in their part, accepted
alternatives none anywhere. Prints what does not, what goes to a person, and the shares.

    python -m benchmarks.held_out [accepted|mistakes] [--every N]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import nbformat
import yaml

from grader.assignment import load_assignment
from grader.grading import grade
from grader.judge import make_launcher
from grader.model import GradeReport, Status
from grader.submission import read_submission
from tests.submissions.build import HW5, slim, with_edit


def lost(report: GradeReport) -> dict[str, str]:
    """Parts that lost points, with the first message; what goes to a person is not lost."""
    return {
        part.id: check.message
        for part in report.parts
        for check in reversed(part.checks)
        if check.score < check.max_score and check.status is not Status.NEEDS_REVIEW
    }


def main() -> None:
    """Grade one list and print what is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list", choices=["accepted", "mistakes"])
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    entries = yaml.safe_load((HW5 / "held_out" / f"{arguments.list}.yaml").read_text("utf-8"))
    assignment = load_assignment("hw5")
    launcher = make_launcher(assignment)
    wrong = 0
    chosen = entries[:: arguments.every]
    try:
        for entry in chosen:
            path = Path(tempfile.mkdtemp()) / "submission.ipynb"
            nbformat.write(slim(with_edit(entry["cell"], **entry["replace"])), path)
            found = lost(grade(assignment, read_submission(path), launcher))
            right = not found if arguments.list == "accepted" else entry["part"] in found
            wrong += not right
            if not right:
                print(f"{entry['case']}: {found or 'lost nothing'} ({entry['why']})", flush=True)
    finally:
        launcher.close()
    print(f"{len(chosen) - wrong} of {len(chosen)} {arguments.list} as they should be")


if __name__ == "__main__":
    main()
