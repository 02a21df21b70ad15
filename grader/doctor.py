"""What this machine has for grading: `grader doctor`."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from grader.datasets import cache_folder
from grader.errors import GraderException
from grader.sandbox.canaries import MENDS, REQUIRED, missing, try_layers
from grader.sandbox.launcher import ColdLauncher, Launcher, WarmLauncher
from grader.sandbox.tiers import best_tier

# What a kernel needs at least; the sandbox is the same without torch.
KERNEL = (
    "IPython", "ipykernel.kernelapp", "matplotlib_inline.backend_inline",
    "grader.sandbox.kernel_process",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is ok, note or wrong; `mend` is what to do about it."""

    state: str
    what: str
    detail: str
    mend: str = ""


def examine(assignment: str) -> Iterator[Finding]:
    """Look at the interpreter, the libraries, the device, the sandbox and the assignment."""
    yield from _interpreter()
    yield from _libraries()
    yield from _device()
    yield from _sandbox()
    yield from _assignment(assignment)


def _interpreter() -> Iterator[Finding]:
    fine = (3, 10) <= sys.version_info[:2] <= (3, 13)
    yield Finding(
        "ok" if fine else "wrong",
        "Python",
        f"{platform.python_version()} at {sys.executable}",
        "" if fine else "use Python 3.10 to 3.13",
    )


def _libraries() -> Iterator[Finding]:
    for name in (
        "torch",
        "torchvision",
        "numpy",
        "scikit-learn",
        "hypothesis",
        "ipykernel",
        "nbclient",
    ):
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("wrong", name, "not installed", f"pip install -c constraints.txt {name}")
    from grader.compat import import_torchvision, torchvision_lacks_operators

    try:
        import_torchvision()
    except (ImportError, RuntimeError) as error:
        yield Finding("wrong", "torchvision's import", str(error), "install the version that "
                      "belongs to your torch: see constraints.txt")  # fmt: skip
        return
    if torchvision_lacks_operators():
        yield Finding(
            "note",
            "torchvision's compiled operators",
            "absent: this torchvision was built for another torch (a CPU build beside a CUDA "
            "build); models and transforms work, torchvision.ops.nms and the like do not",
        )


def _device() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        yield Finding("ok", "GPU", torch.cuda.get_device_name())
    else:
        yield Finding("note", "GPU", "none that torch can use: grading runs on the CPU")


def _sandbox() -> Iterator[Finding]:
    tier = best_tier()
    yield Finding("ok" if tier.name != "process" else "note", "isolation tier", tier.name)
    warm = WarmLauncher.available()
    launcher: Launcher = WarmLauncher(KERNEL) if warm else ColdLauncher(KERNEL)
    try:
        layers = try_layers(launcher)
    except GraderException as error:
        yield Finding("wrong", "isolation", str(error))
        return
    finally:
        launcher.close()
    for layer, (state, detail) in layers.items():
        text = f"{state}, {detail}" if detail else state
        weak = state in ("absent", "best effort")
        yield Finding("note" if weak else "ok", f"isolation: {layer}", text,
                      MENDS.get(layer, "") if weak else "")  # fmt: skip
    levels = [level for level in REQUIRED if not missing(level, layers)]
    yield Finding("ok" if "strict" in levels else "note", "--require-isolation",
                  f"{levels[-1]} is met")  # fmt: skip
    yield Finding("ok" if warm else "note", "kernels", "warm forks" if warm else "cold starts")


def _assignment(name: str) -> Iterator[Finding]:
    from grader.assignment import pick_assignment

    try:
        loaded = pick_assignment(name)
    except GraderException as error:
        yield Finding("wrong", f"assignment {name}".strip(), str(error))
        return
    points = sum(part.points for part in loaded.rubric.parts)
    told = f"{len(loaded.parts)} parts, {points:g} points, {len(loaded.checks)} checks"
    yield Finding("ok", f"assignment {loaded.name}", told)
    yield Finding("ok", "cache", str(cache_folder()))
