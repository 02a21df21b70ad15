"""How long the files of a large class take, and how long its page takes to open.

Mixes the parts of real reports into those of a class of made-up students, writes the class's
files and opens the page in a headless Chromium, if one is there.

    python -m benchmarks.class_page GRADED [--students 500] [--out build/class]

GRADED is a folder that `grader grade` wrote to; the more there are in it, the better the mixture.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from grader.assignment import load_assignment
from grader.class_files import PAGE, write_class
from grader.gradebook import NAME, Grade, Gradebook, Handed, Kind, State
from grader.grading import totalled
from grader.model import GradeReport

_NAMES = (
    "Ada",
    "Bela",
    "Chen",
    "Dana",
    "Emeka",
    "Fatima",
    "Goran",
    "Hana",
    "Ines",
    "Jonas",
    "Kenji",
    "Lucía",
    "Mircea",
    "Nadia",
    "Olu",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Thuy",
)
_FAMILIES = (
    "Abara",
    "Björk",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "García",
    "Hoang",
    "Ito",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Popescu",
)


def mixed(reports: list[GradeReport], name: str, choice: random.Random) -> GradeReport:
    """A report whose parts come from several others."""
    skill = choice.random()
    ranked = sorted(reports, key=lambda report: report.auto_score)
    parts = []
    for place in range(len(ranked[0].parts)):
        draw = min(max(choice.gauss(skill, 0.3), 0), 0.999)
        parts.append(ranked[int(draw * len(ranked))].parts[place])
    info = reports[0].submission.model_copy(update={"id": name, "student": name})
    return totalled(reports[0].model_copy(update={"parts": tuple(parts), "submission": info}), ())


def main() -> None:
    """Make the class, write its files, open its page; print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graded", type=Path)
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("build/class"))
    arguments = parser.parse_args()
    with Gradebook(arguments.graded / NAME) as book:
        found = [grade.report for _, grade in book.grades() if grade and grade.report]
    shutil.rmtree(arguments.out, ignore_errors=True)
    choice = random.Random(1)
    assignment = load_assignment(found[0].assignment)
    with Gradebook(arguments.out / NAME) as book:
        handed = [
            Handed(f"s{n:03}", f"{choice.choice(_FAMILIES)}, {choice.choice(_NAMES)}", "hw5.ipynb")
            for n in range(arguments.students)
        ]
        book.enrol(handed)
        for number, one in enumerate(handed):
            if number % 40 == 7:
                told = (
                    State.UNREADABLE,
                    "hw5.ipynb is not a notebook: its JSON is broken (line 1).",
                )
                book.record(Grade(one.id, Kind.AUTOMATIC, *told))
                continue
            report = mixed(found, one.id, choice)
            book.record(Grade(one.id, Kind.AUTOMATIC, State.GRADED, "", "c", {}, report))
        for again in ("written", "left alone"):
            started = time.perf_counter()
            write_class(book, assignment, arguments.out)
            print(f"class files {again}: {time.perf_counter() - started:.2f} s")
    page = arguments.out / PAGE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{page}: {page.stat().st_size / 1e6:.2f} MB; memory of it all: {peak:.0f} MiB")
    open_in_browser(page.resolve())


def open_in_browser(page: Path) -> None:
    """Time Chromium from its start to the page's whole picture, against that of an empty page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no Chromium here")
        return
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.html"
        empty.write_text("<!doctype html><title>x</title>", encoding="utf-8")
        times: dict[Path, list[float]] = {empty: [], page: []}
        for _ in range(5):
            for file, taken in times.items():
                command = [
                    browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={folder}/profile", f"--screenshot={folder}/picture.png",
                    "--window-size=1200,900", file.as_uri(),
                ]  # fmt: skip
                started = time.perf_counter()
                subprocess.run(command, check=True, capture_output=True)
                taken.append(time.perf_counter() - started)
        base, whole = (statistics.median(taken) for taken in times.values())
        print(f"opened in Chromium: {whole:.2f} s, an empty page {base:.2f} s (medians of 5)")


if __name__ == "__main__":
    main()
