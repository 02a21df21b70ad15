"""What grading costs above the student's own running time.

Each round runs the notebook twice, in turn: plain, by IPython in a fork of a process that has
everything imported, and graded, with a warm zygote and warm examples. Printed are median and
spread of the differences in CPU time (grader and every process of the job) and in wall time.

    python benchmarks/overhead.py FILE [--rounds 7] [--assignment hw5]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from grader.assignment import load_assignment
from grader.datasets import PublicData, public_data
from grader.grading import Options, grade
from grader.judge import make_launcher
from grader.sandbox import zygote
from grader.sandbox.launcher import WarmLauncher
from grader.submission import Submission, read_submission


def plain(submission: Submission, data: PublicData | None) -> tuple[float, float]:
    """CPU and wall seconds of the notebook's cells alone, in a forked process."""
    folder = Path(tempfile.mkdtemp())
    if data is not None:
        shutil.copytree(data.work, folder, dirs_exist_ok=True)
        os.environ["TORCH_HOME"] = str(data.torch_home)
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        _run_cells(submission)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - started
    shutil.rmtree(folder)
    if status:
        sys.exit("the plain run failed")
    return used.ru_utime + used.ru_stime, wall


def _run_cells(submission: Submission) -> None:
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.pylabtools import select_figure_formats
    from IPython.utils.capture import capture_output
    from matplotlib_inline.backend_inline import configure_inline_support

    shell = InteractiveShell.instance()
    backend = "module://matplotlib_inline.backend_inline"
    matplotlib.use(backend)
    matplotlib.interactive(True)  # as in a kernel: figures are shown at the end of a cell
    configure_inline_support(shell, backend)
    select_figure_formats(shell, {"png"})
    with capture_output():
        for cell in submission.notebook.cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source, store_history=True)
    os._exit(0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--assignment", default="hw5")
    arguments = parser.parse_args()
    assignment = load_assignment(arguments.assignment)
    data = public_data(assignment)
    launcher = make_launcher(assignment)
    assert isinstance(launcher, WarmLauncher)
    zygote.preload([*assignment.rubric.preload, "numpy", "torch", "matplotlib.pyplot"])
    import torch

    torch.set_num_threads(1)
    rows = []
    try:
        for number in range(arguments.rounds + 1):
            rows.append((*plain(read_submission(arguments.file), data),
                         *_graded(assignment, arguments.file, launcher)))  # fmt: skip
            print(_row(f"round {number}" if number else "warming", rows[-1]), flush=True)
    finally:
        launcher.close()
    cpu = [g - p for p, _, g, _ in rows[1:]]
    wall = [g - p for _, p, _, g in rows[1:]]
    for name, values in (("CPU", cpu), ("wall", wall)):
        middle = statistics.median(values)
        print(f"overhead {name}: median {middle:.2f} s, {min(values):.2f} to {max(values):.2f} s")


def _graded(assignment, file: Path, launcher: WarmLauncher) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    own, started = time.process_time(), time.perf_counter()
    submission = read_submission(file)
    report = grade(assignment, submission, launcher, Options())
    from grader.report import render_html

    render_html(report)
    wall, own = time.perf_counter() - started, time.process_time() - own
    job = launcher.last_job_cpu_s()
    return own + job, wall


def _row(name: str, row: tuple[float, float, float, float]) -> str:
    return (f"{name}: plain {row[0]:.2f} s CPU, {row[1]:.2f} s wall; "
            f"graded {row[2]:.2f} s CPU, {row[3]:.2f} s wall")  # fmt: skip


if __name__ == "__main__":
    main()
