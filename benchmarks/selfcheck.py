"""How the self-check does on the wrong variants of the rubric, next to the grader.

Each variant is graded in the sandbox, and checked in a real Jupyter kernel with a kit's rubric.
Prints where the two differ, what the kit leaves open, which mistakes only the grader names, which
counterexamples hold more than 16 numbers an array, and of which the code, pasted into the kernel,
does not show the failure.

    python -m benchmarks.selfcheck [--every N] [--from K] [--parts ID,ID] [--accepted]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grader.assignment import load_assignment
from grader.datasets import public_data
from grader.exam.notebooks import read_blank
from grader.judge import make_launcher
from grader.kit.folder import prune_assignment
from grader.model import CheckResult, Status
from grader.variants import Accepted, Mistake
from tests.selfcheck.compare import MOST_NUMBERS, Compared, compare, numbers_shown
from tests.selfcheck.kernels import kernel


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--parts", default="")
    parser.add_argument("--accepted", action="store_true")
    options = parser.parse_args()
    kinds = Accepted if options.accepted else Mistake
    wanted = set(filter(None, options.parts.split(",")))
    hw5 = load_assignment("hw5")
    shown = {part.id for part in hw5.rubric.parts if any(check.public for check in part.checks)}
    chosen = [
        v
        for v in hw5.variants
        if isinstance(v, kinds) and v.part in (wanted & shown if wanted else shown)
    ]
    with tempfile.TemporaryDirectory() as folder:
        report(list(judged(chosen[options.first :: options.every], Path(folder))))


def judged(variants: list[Mistake | Accepted], folder: Path) -> Iterator[Compared]:
    """Compare one variant after the other, and say at once what is wrong."""
    hw5 = load_assignment("hw5")
    blank, launcher, data = read_blank(hw5), make_launcher(hw5), public_data(hw5)
    assert data is not None
    prune_assignment(hw5, folder / "kit")
    shutil.copytree(data.work, folder / "work")
    try:
        with kernel(folder / "work") as live:
            for variant in variants:
                rubric = folder / "kit" / "rubrics" / hw5.name
                told = compare(hw5, blank, variant, launcher, live, rubric)
                for line in [*told.differences(), *(f"open: {o}" for o in told.left_open())]:
                    print(line, flush=True)
                yield told
    finally:
        launcher.close()


def report(told: list[Compared]) -> None:
    """Print the shares."""
    failed = [(c, check) for c in told for check in c.checked.values() if _fails(check)]
    large = [(c, k) for c, k in failed if numbers_shown(k) > MOST_NUMBERS]
    bad = [(c, name, text) for c in told for name, text in c.pasted.items() if text]
    for compared, check in large:
        print(f"large: {compared.variant}: {check.id}: {numbers_shown(check)} numbers")
    for compared, name, text in bad:
        print(f"pasted: {compared.variant}: {name}: {text}")
    for compared in told:
        if compared.unnamed():
            print(f"unnamed: {compared.variant}")
    for compared in told:
        if not compared.loses() or not compared.is_named():
            print(f"{'unnamed' if compared.loses() else 'kept'} by the grader: {compared.variant}")
    counts = {
        "variants": len(told),
        "that lose points": sum(c.loses() for c in told),
        "named": sum(c.is_named() for c in told),
        "that differ": sum(bool(c.differences()) for c in told),
        "left open": sum(bool(c.left_open()) for c in told),
        "named by the grader alone": sum(c.unnamed() for c in told),
        "failed checks": len(failed),
        "with more numbers": len(large),
        "with code": sum(len(c.pasted) for c in told),
        "whose code does not show it": len(bad),
    }
    print(", ".join(f"{name} {count}" for name, count in counts.items()))


def _fails(check: CheckResult) -> bool:
    return check.status in (Status.FAILED, Status.ERROR) and check.max_score > 0


if __name__ == "__main__":
    main()
