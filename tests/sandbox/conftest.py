"""A light warm launcher for the whole session, and kernels that run one cell at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from grader.sandbox.launcher import ColdLauncher, Launcher, WarmLauncher
from grader.sandbox.notebook_run import NotebookRun
from grader.sandbox.spec import JobSpec

PRELOAD = (
    "numpy",
    "torch",
    "torch.utils.data",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "IPython",
    "ipykernel.kernelapp",
    "grader.sandbox.kernel_process",
)


class Kernel:
    """A student's kernel in a test: cells are made as they are run."""

    def __init__(self, launcher: Launcher, **spec: Any) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
        self.run = NotebookRun(notebook, launcher, JobSpec(**{"sessions": 8, **spec}))
        try:
            self.run.start()
        except BaseException:
            self.run.close()
            raise

    def cell(self, source: str, timeout_s: float = 60.0) -> NotebookNode:
        """Run one cell and give it back with its outputs."""
        cell = nbformat.v4.new_code_cell(source)
        self.run.execute(cell, 0, timeout_s)
        return cell

    def text(self, source: str, timeout_s: float = 60.0) -> str:
        """What one cell prints."""
        outputs = self.cell(source, timeout_s).outputs
        return "".join(o.text for o in outputs if o.output_type == "stream")


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmLauncher]:
    """A zygote without an assignment's libraries."""
    made = WarmLauncher(PRELOAD)
    yield made
    made.close()


@pytest.fixture(scope="session")
def cold() -> Iterator[ColdLauncher]:
    """A launcher that starts an interpreter for each job."""
    made = ColdLauncher(PRELOAD)
    yield made
    made.close()


@pytest.fixture
def start(warm: WarmLauncher) -> Iterator[Callable[..., Kernel]]:
    """Start a kernel that the test's end will close: `start(seed=1)`."""
    made: list[Kernel] = []

    def start_kernel(launcher: Launcher = warm, **spec: Any) -> Kernel:
        made.append(Kernel(launcher, **spec))
        return made[-1]

    yield start_kernel
    for kernel in made:
        kernel.run.close()


@pytest.fixture
def kernel(start: Callable[..., Kernel]) -> Kernel:
    """A warm kernel of the test's own."""
    return start()
