"""How long comparing a class takes, and which copies are found.

    python -m benchmarks.similarity time [--submissions 500] [--kilobytes 100]
    python -m benchmarks.similarity found [--submissions 200] [--kilobytes 20]
    python -m benchmarks.similarity homework

`time` compares a synthetic class and prints seconds and memory; `found` plants copies in one, for
each way to copy, and prints precision and recall; `homework` does so with the known right answers
of hw5, and prints what the most similar independent ones share. All that is random has a seed.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Sequence

from grader.similarity import Comparison, Pair, Settings, SubmittedCode, compare
from tests.similarity.classes import hw5_class, hw5_template, synthetic_class, synthetic_template
from tests.similarity.copying import WAYS, copied

# So low that the best of those that are not listed can be seen too.
_LOW = Settings(containment=0.01, part_containment=0.3, least_shared=5, most_pairs=5000)


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["time", "found", "homework"])
    parser.add_argument("--submissions", type=int, default=None)
    parser.add_argument("--kilobytes", type=int, default=None)
    chosen = parser.parse_args()
    if chosen.what == "time":
        measure_time(chosen.submissions or 500, chosen.kilobytes or 100)
    elif chosen.what == "found":
        count = chosen.submissions or 200
        size = 1000 * (chosen.kilobytes or 20)
        measure_found(synthetic_class(count, size), synthetic_template(), copies=10)
    else:
        measure_found(hw5_class(), hw5_template(), copies=10)


def measure_time(count: int, kilobytes: int) -> None:
    """Compare a synthetic class with some copies in it, one of one file, and hostile files."""
    submissions = synthetic_class(count, 1000 * kilobytes)
    for place in range(0, count - 1, 20):
        submissions[place + 1] = copied(submissions[place], "disguised", {}, place)
    _timed(f"{count} submissions of {kilobytes} kB", submissions)
    _timed(f"{count} identical submissions", [
        SubmittedCode(f"s{n}", "", submissions[0].parts) for n in range(count)
    ])  # fmt: skip
    hostile = ["(" * 10**6, "\0" * 10**6, "x = y + 1; " * 10**5, "'''\n" * 250_000]
    _timed("40 submissions of 1 MB that are no Python", [
        SubmittedCode(f"s{n}", "", {"1": hostile[n % len(hostile)]}) for n in range(40)
    ])  # fmt: skip


def _timed(what: str, submissions: Sequence[SubmittedCode]) -> None:
    before = _peak_mb()
    start = time.process_time()
    found = compare(submissions, synthetic_template())
    seconds = time.process_time() - start
    print(f"{what}: {seconds:.1f} s of one core, {_peak_mb() - before:.0f} MB beside the "
          f"{before:.0f} MB of the class itself; {len(found.pairs)} pairs, "
          f"{found.left_out} left out", flush=True)  # fmt: skip


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_found(submissions: list[SubmittedCode], template: dict[str, str], copies: int) -> None:
    """Plant copies of each kind in a class, and print which are listed and what else is."""
    _tell_independent(compare(submissions, template, _LOW), compare(submissions, template))
    for way in WAYS:
        chosen = random.Random(2).sample(submissions, min(copies, len(submissions)))
        planted = [copied(code, way, template, seed) for seed, code in enumerate(chosen)]
        wanted = {frozenset((a.id, b.id)) for a, b in zip(chosen, planted, strict=True)}
        found = compare([*submissions, *planted], template)
        _tell_found(way, found, wanted)


def _tell_independent(low: Comparison, usual: Comparison) -> None:
    print(f"{low.submissions} independent submissions: {len(usual.pairs)} pairs are listed; the "
          "most alike are")  # fmt: skip
    for pair in sorted(low.pairs, key=lambda pair: -pair.containment)[:3]:
        print(f"  {_told(pair)}")


def _tell_found(way: str, found: Comparison, wanted: set[frozenset[str]]) -> None:
    listed = {frozenset((pair.left, pair.right)): pair for pair in found.pairs}
    right = [pair for names, pair in listed.items() if names in wanted]
    precision = f"{len(right) / len(listed):.2f}" if listed else "none listed"
    weakest = min(right, key=lambda pair: pair.containment, default=None)
    told = f"; the weakest found is {_told(weakest)}" if weakest else ""
    print(f"{way}: recall {len(right)} of {len(wanted)}, precision {precision}{told}", flush=True)


def _told(pair: Pair) -> str:
    return (f"{pair.left} and {pair.right}: containment {pair.containment:.2f}, "
            f"Jaccard {pair.jaccard:.2f}, {pair.shared} shared")  # fmt: skip


if __name__ == "__main__":
    main()
