"""What isolation costs a submission: a job under each tier against one under limits only.

Starts a job, runs one cell in it and ends it, under the tiers in turn; prints the median and the
spread of the wall time, and what a tier adds to the weakest.

    python -m benchmarks.lockdown [--rounds 25]
"""

from __future__ import annotations

import argparse
import statistics
import time
from unittest.mock import patch

import nbformat

from grader.assignment import load_assignment
from grader.judge import make_launcher
from grader.sandbox.launcher import Launcher
from grader.sandbox.notebook_run import NotebookRun
from grader.sandbox.spec import JobSpec
from grader.sandbox.tiers import TIERS


def once(launcher: Launcher, tier: str) -> float:
    """Wall time of one job under a tier, in ms: from its start to the end of its processes."""
    cell = nbformat.v4.new_code_cell("1 + 1")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with patch("grader.sandbox.spec.best_tier", TIERS[tier]):
        started = time.perf_counter()
        run = NotebookRun(notebook, launcher, JobSpec(sessions=32))
        run.start()
        run.execute(cell, 0, 60)
        run.close()
        return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Time the tiers in turn and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    tiers = [name for name, tier in TIERS.items() if tier.available()]
    launcher = make_launcher(load_assignment("hw5"))
    try:
        launcher.wait_ready()
        times: dict[str, list[float]] = {name: [] for name in tiers}
        for name in tiers:
            once(launcher, name)
        for _ in range(rounds):
            for name in tiers:
                times[name].append(once(launcher, name))
    finally:
        launcher.close()
    base = times["process"]
    for name in tiers:
        added = [time - plain for time, plain in zip(times[name], base, strict=True)]
        low, median, high = statistics.quantiles(times[name], n=4)
        print(f"{name:<11} {median:6.1f} ms (quartiles {low:.1f} to {high:.1f}), "
              f"adds {statistics.median(added):+.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
