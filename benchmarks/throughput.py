"""How near grading a class comes to what the students' own code takes.

Makes whole submissions from the rubric's variants, measures the CPU time of each one's cells alone,
two at a time, and grades them all with two workers. Printed are the students' own CPU time divided
by two, the time that grading took, and their ratio; those whose own time is under 3 s are left out.

    python -m benchmarks.throughput [--submissions 40] [--out build/throughput]
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import statistics
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat

from benchmarks.class_run import command, variant
from benchmarks.overhead import plain
from grader.assignment import load_assignment
from grader.datasets import public_data
from grader.sandbox import zygote
from grader.submission import read_submission
from grader.variants import Edit

_JOBS = 2
_LEAST_S = 3.0


def start() -> None:
    """Give a process what a kernel has imported, and let it fork as a kernel does."""
    multiprocessing.set_start_method("fork", force=True)
    assignment = load_assignment("hw5")
    zygote.preload([*assignment.rubric.preload, "numpy", "torch", "matplotlib.pyplot"])
    import torch

    torch.set_num_threads(1)


def own_seconds(path: Path) -> float:
    """CPU seconds of a submission's cells alone."""
    return plain(read_submission(path), public_data(load_assignment("hw5")))[0]


def main() -> None:
    """Make the submissions, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("build/throughput"))
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    folder = arguments.out / "submissions"
    folder.mkdir(parents=True)
    variants = [v for v in load_assignment("hw5").variants if isinstance(v.edit, Edit)]
    choice, paths = random.Random(7), []
    for place in range(arguments.submissions):
        paths.append(folder / f"student{place:03}.ipynb")
        nbformat.write(variant(choice, variants, whole=True), paths[-1])
    # Not a pool of `multiprocessing`: its workers may start no processes, as loaders of data do.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_JOBS, mp_context=spawn, initializer=start) as pool:
        own = dict(zip(paths, pool.map(own_seconds, paths), strict=True))
    for path in [path for path, seconds in own.items() if seconds < _LEAST_S]:
        path.unlink()
        del own[path]
    started = time.perf_counter()
    subprocess.run(
        command(folder, arguments.out / "graded", _JOBS), capture_output=True, check=False
    )
    taken, ideal = time.perf_counter() - started, sum(own.values()) / _JOBS
    print(f"{len(own)} submissions, own CPU {statistics.median(own.values()):.1f} s (median)")
    print(f"own time divided by {_JOBS}: {ideal:.1f} s; graded in {taken:.1f} s, with the start; "
          f"{taken / ideal - 1:+.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
