"""Moodle's download: `Full Name_123456_assignsubmission_file_`, a folder or the start of a name.

The number is the participant's in this assignment, which Moodle's grading worksheet calls
`Participant 123456`. Underscores in names are blanks by then. Groups have their group's name,
and some have no number. What was typed in comes as `..._assignsubmission_onlinetext_`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from grader.intake.model import Piece, Split, Student, clean_name, fresh_name, shown, strays
from grader.submission.files import safe_name

_NAMED = re.compile(
    r"(?P<name>.*?)(?:_(?P<id>[0-9]+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?",
    re.DOTALL,
)
_HANDED_IN = "file"


@dataclass(frozen=True)
class _Named:
    """What one name says; `file` is '' for a folder."""

    item: str
    name: str
    number: str
    kind: str
    file: str


def _read(item: str, is_folder: bool) -> _Named | None:
    told = _NAMED.fullmatch(item)
    if told is None or not (is_folder or told["file"]):
        return None
    return _Named(item, told["name"], told["id"] or "", told["kind"], told["file"] or "")


def is_moodle(items: Mapping[str, bool]) -> bool:
    """Whether most names are Moodle's. `items` maps them to whether they are folders."""
    named = [item for item, is_folder in items.items() if _read(item, is_folder)]
    return len(named) * 2 > len(items)


def split_moodle(items: Mapping[str, bool]) -> Split:
    """A piece for each participant."""
    people: dict[tuple[str, str], list[_Named]] = defaultdict(list)
    others = {}
    for item, is_folder in items.items():
        told = _read(item, is_folder)
        if told is None:
            others[item] = is_folder
        else:
            people[told.name, told.number].append(told)
    split = strays(others, "Moodle did not name it: it belongs to no student")
    split.pieces.extend(_piece(*who, named) for who, named in people.items())
    return split


def _piece(name: str, number: str, named: list[_Named]) -> Piece:
    files = sorted((t for t in named if t.kind == _HANDED_IN), key=lambda told: told.item)
    other = sorted({told.kind for told in named} - {_HANDED_IN})
    kinds = ", ".join(other)
    # Blind marking calls everyone the same, in whatever language the site speaks.
    called = shown(name if " " in name.strip() or not number else f"{name} {number}".strip())
    return Piece(
        key=f"moodle {name}\0{number}",
        id=safe_name(shown("-".join(filter(None, [name, number])))),
        student=Student(called, lms_id=number),
        parts=_names(files) or {told.item: told.item for told in named},
        folder=clean_name("_".join(filter(None, [name, number, "assignsubmission_file_"]))),
        notes=(f"Moodle also has: {kinds}",) if files and other else (),
        refused="" if files else f"Moodle has {kinds} only, no file: ask the student for one",
    )


def _names(files: list[_Named]) -> dict[str, str]:
    """What each is called in the submission; one that comes alone keeps Moodle's name."""
    if len(files) == 1:
        return {files[0].item: clean_name(files[0].item)}
    taken: set[str] = set()
    return {told.item: fresh_name([told.file or told.item, told.item], taken) for told in files}
