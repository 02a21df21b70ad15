"""A whole class, graded by `grader grade`: every one graded or explained, memory, throughput.

Makes submissions from the rubric's variants, one in twenty of them broken or hostile, grades them
with two workers and prints how many came to what, the memory of all processes together at each
tenth of the way, and the throughput; then runs again with nothing changed.

    python -m benchmarks.class_run [--submissions 500] [--jobs 2] [--out build/class-run] [--whole]

Without `--whole` the notebooks lack the cells that only draw or run pretrained models.
`--kill N` kills a second run N times at random moments, 2 to 60 s after it was started, resumes it,
and compares what it says of each submission with what the undisturbed run says. `--again` leaves
out the first run where its gradebook is there already.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from grader.assignment import load_assignment
from grader.errors import UsageError
from grader.gradebook import NAME, Gradebook
from grader.variants import Edit
from tests.processes import below
from tests.submissions.build import perfect, slim, with_edit
from tests.submissions.hostile import attacks

_HOSTILE = 20
# How long a run lives before it is killed.
_ALIVE_S = (2.0, 60.0)


def write_class(folder: Path, number: int, whole: bool) -> None:
    """Write the submissions: variants in turn, and now and then one that is broken or hostile."""
    folder.mkdir(parents=True)
    variants = [v for v in load_assignment("hw5").variants if isinstance(v.edit, Edit)]
    choice = random.Random(5)
    hostile = [a for a in attacks() if "files" not in a.entry and "file" not in a.entry]
    # Nothing is planted that they could find.
    planted = dict.fromkeys(
        ("reference", "rubric", "roster", "unix", "grader", "bystander", "udp", "tcp"), 1
    )
    for place in range(number):
        path = folder / f"student{place:03}.ipynb"
        if place % _HOSTILE == 3:
            if place % (2 * _HOSTILE) == 3:
                path.write_bytes(b'{"cells": [')
            else:
                choice.choice(hostile).write(folder, planted)
                (folder / "submission.ipynb").rename(path)
            continue
        nbformat.write(variant(choice, variants, whole), path)


def variant(choice: random.Random, variants: list[Any], whole: bool) -> Any:
    """The perfect submission with one of the variants' edits."""
    for _ in range(100):
        edit = choice.choice(variants).edit
        with contextlib.suppress(UsageError):  # an edit of a light cell
            notebook = with_edit(edit.cell, edit.old, edit.new)
            return notebook if whole else slim(notebook, (edit.cell,))
    return perfect()


def memory_mb(root: int) -> float:
    """The memory of a process and all below it, what they share counted once."""
    total = 0
    for pid in {root, *below(root)}:
        with contextlib.suppress(OSError, StopIteration):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
            total += int(next(line for line in text.splitlines() if "Pss:" in line).split()[1])
    return total / 1024


def command(folder: Path, out: Path, jobs: int) -> list[str]:
    """The program as it is called."""
    program = "from grader.cli import main; main()"
    return [sys.executable, "-c", program, "grade", str(folder), "--out", str(out), "--jobs",
            str(jobs)]  # fmt: skip


def graded(out: Path) -> int:
    """How many have been looked at."""
    if not (out / NAME).exists():
        return 0
    with Gradebook(out / NAME) as book:
        return len(book.basis())


def watch(process: subprocess.Popen[bytes], out: Path, number: int) -> list[float]:
    """The most memory in each tenth of the way."""
    most = [0.0] * 10
    while process.poll() is None:
        tenth = min(10 * graded(out) // number, 9)
        most[tenth] = max(most[tenth], memory_mb(process.pid))
        time.sleep(1.0)
    return most


def run(folder: Path, out: Path, number: int, jobs: int) -> None:
    """Grade the class, and print what came of it."""
    started = time.perf_counter()
    with (out.parent / "run.log").open("wb") as log:
        process = subprocess.Popen(command(folder, out, jobs), stdout=log, stderr=log)
        most = watch(process, out, number)
    taken = time.perf_counter() - started
    with Gradebook(out / NAME) as book:
        states = Counter(str(grade and grade.state.value) for _, grade in book.grades())
        own = [g.report.duration_s for _, g in book.grades() if g and g.report]
    print(f"{number} submissions, {jobs} workers: {taken:.0f} s, exit code {process.returncode}")
    print(f"  {dict(states)}; without a reason: {states.get('None', 0)}")
    print(
        f"  {60 * number / taken:.1f} a minute; a submission takes {statistics.median(own):.1f} s"
    )
    print(f"  most memory by tenths, MiB: {', '.join(f'{one:.0f}' for one in most)}")
    started = time.perf_counter()
    subprocess.run(command(folder, out, jobs), capture_output=True, check=False)
    print(f"  again, nothing changed: {time.perf_counter() - started:.1f} s")


def kills(folder: Path, out: Path, times: int, jobs: int) -> Iterator[int]:
    """Kill the run at random moments; how many were done at each."""
    choice = random.Random(9)
    for _ in range(times):
        process = subprocess.Popen(
            command(folder, out, jobs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(choice.uniform(*_ALIVE_S))
        process.send_signal(signal.SIGKILL)
        process.wait()
        yield graded(out)
    subprocess.run(command(folder, out, jobs), capture_output=True, check=False)


def verdicts(out: Path) -> dict[str, Any]:
    """What was found of each submission: its state, its score, and each check's verdict.

    Texts are left out where a limit was hit: they tell how long something took.
    """
    found = {}
    with Gradebook(out / NAME) as book:
        for handed, grade in book.grades():
            report = grade.report if grade else None
            parts = {
                check.id: (check.status, check.score, check.stage, check.diagnosis)
                for part in (report.parts if report else ())
                for check in part.checks
            }
            found[handed.id] = (grade and grade.state, report and report.score, parts)
    return found


def compare(undisturbed: Path, killed: Path) -> None:
    """Print where two runs differ."""
    first, second = verdicts(undisturbed), verdicts(killed)
    differing = [one for one in sorted({*first, *second}) if first.get(one) != second.get(one)]
    print(f"  of {len(first)} and {len(second)} verdicts {len(differing)} differ")
    for one in differing:
        (state, score, parts), (state_2, score_2, parts_2) = (
            told.get(one, (None, None, {})) for told in (first, second)
        )
        print(f"  {one}: {state} {score} and {state_2} {score_2}")
        for check in sorted({*parts, *parts_2}):
            if parts.get(check) != parts_2.get(check):
                print(f"    {check}: {parts.get(check)} and {parts_2.get(check)}")


def main() -> None:
    """Make the class, grade it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("build/class-run"))
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    folder, out = arguments.out / "submissions", arguments.out / "graded"
    if not (arguments.again and graded(out)):
        shutil.rmtree(arguments.out, ignore_errors=True)
        write_class(folder, arguments.submissions, arguments.whole)
        run(folder, out, arguments.submissions, arguments.jobs)
    if arguments.kill:
        killed = arguments.out / "killed"
        shutil.rmtree(killed, ignore_errors=True)
        done = list(kills(folder, killed, arguments.kill, arguments.jobs))
        print(f"killed {arguments.kill} times, with so many done: {done}", flush=True)
        compare(out, killed)


if __name__ == "__main__":
    main()
