"""An assignment: its rubric and the folders around it.

Plain data, no torch. Folders are found by name below `rubrics/` of the working directory or
its parents, then beside the installed package; a path to a folder works as well.
"""

from __future__ import annotations

import difflib
import hashlib
from functools import cached_property
from pathlib import Path

from grader.errors import UsageError
from grader.rubric import CheckEntry, PartEntry, Rubric, read_rubric
from grader.variants import (
    RECORDED,
    KnownMistake,
    Mistake,
    Variant,
    read_recorded,
    read_variants,
)

RUBRIC = "rubric.yaml"
_RUBRICS = f"rubrics/*/{RUBRIC}"

#: Assignments that came with this installation, made for students: without a reference.
KITS = Path(__file__).resolve().parent / "kits"

#: Recorded answers, which stand in for the reference where there is none.
BOOK = "answers.zip"


class Assignment:
    """A rubric and the folders around it."""

    def __init__(self, folder: Path, rubric: Rubric) -> None:
        self.folder = folder
        self.rubric = rubric

    @property
    def name(self) -> str:
        """The assignment's short name, as in file names and reports."""
        return self.rubric.assignment

    @property
    def reference_folder(self) -> Path:
        """Where the reference solution lies."""
        return (self.folder / self.rubric.reference).resolve()

    @property
    def has_reference(self) -> bool:
        """Whether the reference solution is here: students have recorded answers instead."""
        return self.reference_folder.is_dir()

    @property
    def book(self) -> Path:
        """Where the recorded answers lie that stand in for the reference."""
        return self.folder / BOOK

    @property
    def template(self) -> Path | None:
        """The notebook that students get, if the assignment has one."""
        return (self.folder / self.rubric.template).resolve() if self.rubric.template else None

    @property
    def data_script(self) -> Path | None:
        """The script that makes the public data, if the assignment has any."""
        return (self.folder / self.rubric.data).resolve() if self.rubric.data else None

    @cached_property
    def parts(self) -> dict[str, PartEntry]:
        """Parts by id, in the rubric's order."""
        return {part.id: part for part in self.rubric.parts}

    @cached_property
    def checks(self) -> dict[str, tuple[PartEntry, CheckEntry]]:
        """Part and entry of each check, by the test function's name."""
        return {c.test: (part, c) for part in self.rubric.parts for c in part.checks}

    def scaffold(self, name: str) -> str:
        """The source of `scaffolds/NAME.py`; empty where there is none."""
        path = self.folder / "scaffolds" / f"{name}.py"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @cached_property
    def variants(self) -> tuple[Variant, ...]:
        """Known mistakes and accepted alternatives; none where there is no such folder."""
        return read_variants(self.folder / "variants")

    @cached_property
    def known_mistakes(self) -> tuple[KnownMistake, ...]:
        """Known mistakes of all parts: variants, or what a book of answers brings of them."""
        if not self.has_reference:
            return read_recorded(self.folder / RECORDED)
        return tuple(variant for variant in self.variants if isinstance(variant, Mistake))

    def mistakes(self, part: str) -> tuple[KnownMistake, ...]:
        """Known mistakes of one part."""
        return tuple(mistake for mistake in self.known_mistakes if mistake.part == part)

    def select(self, ids: tuple[str, ...]) -> tuple[PartEntry, ...]:
        """The named parts in order, all where none is named.

        Raises UsageError for an unknown id.
        """
        for name in ids:
            if name not in self.parts:
                near = difflib.get_close_matches(name, self.parts, 1, 0.4)
                hint = f" Did you mean {near[0]}?" if near else ""
                known = ", ".join(self.parts)
                raise UsageError(f"{self.name} has no part {name!r}.{hint} Its parts: {known}")
        return tuple(p for p in self.rubric.parts if not ids or p.id in ids)

    def with_needs(self, ids: tuple[str, ...]) -> tuple[PartEntry, ...]:
        """The named parts and all that these need, in order; all where none is named.

        Raises UsageError for an unknown id.
        """
        wanted, ahead = set[str](), [part.id for part in self.select(ids)]
        while ahead:
            name = ahead.pop()
            if name not in wanted:
                wanted.add(name)
                ahead += self.parts[name].needs
        return tuple(part for part in self.rubric.parts if part.id in wanted)

    @cached_property
    def digest(self) -> str:
        """A hash over the rubric and its checks: it changes where a grade could."""
        total = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in (".py", ".yaml") and path.is_file():
                for part in (path.relative_to(self.folder).as_posix().encode(), path.read_bytes()):
                    total.update(len(part).to_bytes(8, "big"))
                    total.update(part)
        return total.hexdigest()


def load_assignment(name: str) -> Assignment:
    """Load an assignment by name or by the path of its folder.

    Raises UsageError where it cannot be found, or where `rubric.yaml` is wrong.
    """
    folder = _find(name)
    return Assignment(folder, read_rubric(folder / RUBRIC))


def pick_assignment(name: str) -> Assignment:
    """The assignment of that name; with an empty one, the only one that is here.

    Raises UsageError where it cannot be told which is meant.
    """
    return load_assignment(name) if name else only_assignment()


def only_assignment() -> Assignment:
    """The assignment that is meant where nobody names one.

    One that came with this installation is meant before those of folders, and the nearest folder
    before those above it. Raises UsageError where there is none, or more than one.
    """
    for root in (KITS, *_roots()):
        found = sorted(path.parent for path in root.glob(_RUBRICS))
        if len(found) > 1:
            listed = ", ".join(path.name for path in found)
            raise UsageError(
                f"There are several assignments here: {listed}. Name one of them: "
                '--assignment NAME on the command line, assignment="NAME" in Python.'
            )
        if found:
            return load_assignment(str(found[0]))
    raise UsageError(
        f"There is no assignment here. Give the path of a folder with {RUBRIC}, or install the "
        "wheel that came with the homework."
    )


def _roots() -> list[Path]:
    return [Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[1], KITS]


def _find(name: str) -> Path:
    direct = Path(name)
    if (direct / RUBRIC).is_file():
        return direct.resolve()
    if direct.name == RUBRIC and direct.is_file():
        return direct.parent.resolve()
    roots = _roots()
    for root in roots:
        if (root / "rubrics" / name / RUBRIC).is_file():
            return (root / "rubrics" / name).resolve()
    known = sorted({p.parent.name for root in roots for p in root.glob(_RUBRICS)})
    choices = ", ".join(known) if known else "none were found"
    raise UsageError(
        f"There is no assignment {name!r}. Assignments here: {choices}. "
        f"Give a name below rubrics/, or the path of a folder with {RUBRIC}."
    )
