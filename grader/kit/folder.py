"""What students get: the template, the public data, and a grader that has no reference."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from grader.assignment import KITS, Assignment
from grader.datasets import public_data
from grader.errors import UsageError
from grader.kit.pruning import prune_rubric, public_checks, public_mistakes, write_mistakes
from grader.kit.recording import record_book
from grader.kit.wheel import build_wheel
from grader.rubric import PartEntry

_SHIPPED = Path(__file__).parent / "shipped"
_PRIVATE = ("rubric.yaml", "rubrics", "reference", "variants")
_STAMP = (2020, 1, 1, 0, 0, 0)

Progress = Callable[[str], None]


def write_kit(assignment: Assignment, target: Path, progress: Progress = lambda _: None) -> Path:
    """Write an assignment's kit as a ZIP file.

    Raises UsageError where the assignment has no template, where a private folder lies in that
    of the template, or where the model answers fail a check.
    """
    template = _template(assignment)
    with tempfile.TemporaryDirectory(prefix="grader-kit-") as made:
        folder = Path(made) / assignment.name
        shutil.copytree(template.parent, folder, ignore=shutil.ignore_patterns("__pycache__",
                        ".ipynb_checkpoints"))  # fmt: skip
        _add_data(assignment, folder)
        own = Path(made) / "own"
        prune_assignment(assignment, own, progress)
        progress("building the wheel")
        build_wheel(folder, {f"grader/{KITS.name}": own})
        _add_pages(assignment, template.name, folder)
        return _zipped(folder, target)


def prune_assignment(
    assignment: Assignment, into: Path, progress: Progress = lambda _: None
) -> None:
    """Write what of an assignment comes with a student's grader, as `KITS` has it.

    Its examples come from another seed: an answer that looks up what the book says of them finds
    nothing where it is graded.
    """
    other = assignment.rubric.model_copy(update={"seed": assignment.rubric.seed + 1})
    assignment = Assignment(assignment.folder, other)
    rubric = into / "rubrics" / assignment.name
    prune_rubric(assignment, rubric)
    progress("recording the reference's answers")
    mistakes = public_mistakes(assignment)
    record_book(assignment, rubric / assignment.book.name, mistakes, progress)
    write_mistakes(mistakes, public_checks(assignment), rubric)
    for path in (assignment.template, assignment.data_script):
        if path is not None:
            beside = Path(os.path.normpath(rubric / os.path.relpath(path, assignment.folder)))
            beside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, beside)


def _template(assignment: Assignment) -> Path:
    path = assignment.template
    if path is None or not path.is_file():
        raise UsageError(f"{assignment.name} has no template: name one in rubric.yaml")
    private = [name for name in _PRIVATE if (path.parent / name).exists()]
    if private or assignment.reference_folder.is_relative_to(path.parent):
        raise UsageError(
            f"{path.parent} holds {private[0] if private else 'the reference'}, and students get "
            "all of this folder: move it out."
        )
    return path


def _add_data(assignment: Assignment, folder: Path) -> None:
    """The public data, but for what the template has itself."""
    data = public_data(assignment)
    for path in sorted(data.work.rglob("*")) if data else ():
        beside = folder / path.relative_to(data.work)  # type: ignore[union-attr]  # as above
        if path.is_file() and not beside.exists():
            beside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, beside)


def _add_pages(assignment: Assignment, notebook: str, folder: Path) -> None:
    (folder / "CHECKS.md").write_text(_checks_page(assignment), encoding="utf-8")
    tests = (_SHIPPED / "test_homework.py").read_text(encoding="utf-8")
    filled = tests.replace("NOTEBOOK", notebook).replace("ASSIGNMENT", assignment.name)
    (folder / "test_homework.py").write_text(filled, encoding="utf-8")


def _checks_page(assignment: Assignment) -> str:
    head = (_SHIPPED / "CHECKS.md").read_text(encoding="utf-8")
    filled = head.rstrip().replace("TITLE", assignment.rubric.title)
    return "\n".join([filled, *map(_row, assignment.rubric.parts), ""])


def _row(part: PartEntry) -> str:
    shown, hidden = (sum(c.public is public for c in part.checks) for public in (True, False))
    told = [f"{shown} check{'s' * (shown != 1)}"] if shown else []
    told += [f"{hidden} that only the course sees"] if hidden else []
    told += ["a person reads your answer"] if part.manual else []
    return f"| {part.id} | {part.title} | {', '.join(told)} |"


def _zipped(folder: Path, target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in _files(folder):
                entry = zipfile.ZipInfo(name, _STAMP)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    return target


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder.parent).as_posix(), path
