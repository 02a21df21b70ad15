"""Canvas's `submissions.zip`: files that are named after student, LATE, user and attachment.

Canvas writes `{name}_[LATE_]{user}_{attachment}_{file}`. Of the student's sortable name it keeps
letters, digits and underscores, in small letters; so LATE is never part of a name. Where students
stay anonymous, `anon_{five letters}` stands for name and user. What was typed in, or is a link,
comes as `..._text.html` or `..._link.html`. A download holds the last attempt alone; a file that
was handed in under the same name before has `-1`, `-2` before its first dot.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.intake.model import GRADED, Piece, Split, Student, clean_name, fresh_name, shown, strays
from grader.submission.files import safe_name

_ID = r"[1-9][0-9]*"
_UPLOADED = re.compile(
    rf"(?P<name>.*?)_(?P<late>LATE_)?(?P<user>{_ID})_(?P<file_id>{_ID})_(?P<file>.+)",
    re.DOTALL,
)
_ANONYMOUS = re.compile(
    rf"(?P<late>LATE_)?(?P<name>anon(?:ymous)?)_(?P<user>[0-9A-Za-z]{{5}})"
    rf"_(?P<file_id>{_ID})_(?P<file>.+)",
    re.DOTALL,
)
_TYPED = re.compile(
    rf"(?P<name>.*?)_(?P<late>LATE_)?(?P<user>{_ID})_(?P<kind>text|link)\.html", re.DOTALL
)
_TYPED_ANONYMOUSLY = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon)_(?P<user>[0-9A-Za-z]{5})_(?P<kind>text|link)\.html"
)
_NUMBERED = re.compile(r"(?P<stem>[^.]+?)-(?P<number>[1-9][0-9]?)(?P<rest>\..*)?", re.DOTALL)
_LEAST_LONE = 10_000  # an attachment below that is a date or a course, where nothing else tells
_KINDS = {"text": "a text that was typed in", "link": "a link"}


@dataclass(frozen=True)
class _Named:
    """What one name says."""

    item: str
    name: str
    user: str
    late: bool
    file_id: int = 0
    file: str = ""
    typed: str = ""

    @property
    def anonymous(self) -> bool:
        """Whether the user is called by letters that mean nothing elsewhere."""
        return self.name == "anon" or not self.user.isdecimal()

    @property
    def base(self) -> str:
        """The file's name as it is in all attempts."""
        numbered = _NUMBERED.fullmatch(self.file)
        return numbered["stem"] + (numbered["rest"] or "") if numbered else self.file

    @property
    def number(self) -> int | None:
        numbered = _NUMBERED.fullmatch(self.file)
        return int(numbered["number"]) if numbered else None


def _read(item: str) -> _Named | None:
    told = _ANONYMOUS.fullmatch(item) or _UPLOADED.fullmatch(item)
    if told and told["name"] == told["name"].lower():
        late, file_id = bool(told["late"]), int(told["file_id"][:20])
        return _Named(item, told["name"], told["user"], late, file_id, told["file"])
    told = _TYPED_ANONYMOUSLY.fullmatch(item) or _TYPED.fullmatch(item)
    if told:
        return _Named(item, told["name"], told["user"], bool(told["late"]), typed=told["kind"])
    return None


def is_canvas(items: Mapping[str, bool]) -> bool:
    """Whether most names are Canvas's, and agree: a user has one name, an attachment one file."""
    named = [told for item in items if (told := _read(item))]
    if len(named) * 2 <= len(items):
        return False
    users = {told.user: told.name for told in named}
    if any(users[told.user] != told.name for told in named):
        return False
    files = [t.file_id for t in named if not t.typed and not _is_unpacked(t.item, items)]
    if len(set(files)) * 10 < len(files) * 9:
        return False
    return len(users) > 1 or all(map(_is_certain, named))


def _is_unpacked(item: str, items: Mapping[str, bool]) -> bool:
    """Whether it is a folder that someone unpacked a ZIP to, beside the ZIP."""
    return items[item] and f"{item}.zip" in items


def _is_certain(told: _Named) -> bool:
    """Whether one name alone is Canvas's: `doe_jane_ece_4252_8803_hw.zip` is not."""
    if told.anonymous:
        return True
    return "_" not in told.name and bool(told.typed or told.file_id >= _LEAST_LONE)


def split_canvas(items: Mapping[str, bool]) -> Split:
    """A piece for each user. `items` maps names to whether they are folders."""
    users: dict[str, list[_Named]] = defaultdict(list)
    others = {}
    for item, is_folder in items.items():
        told = _read(item)
        if told is None:
            others[item] = is_folder
        elif not _is_unpacked(item, items):
            users[told.user].append(told)
    split = strays(others, "Canvas did not name it: it belongs to no student")
    split.pieces.extend(_piece(user, named) for user, named in users.items())
    return split


def _piece(user: str, named: list[_Named]) -> Piece:
    files, earlier = _latest([told for told in named if not told.typed])
    typed = sorted(told.typed for told in named if told.typed)
    first = (files or named)[0]
    called = f"Anonymous {user}" if first.anonymous else first.name or f"User {user}"
    late = any(told.late for told in files or named)
    numbers = [n for told in files if told.file.lower().endswith(GRADED) and (n := told.number)]
    kinds = " and ".join(_KINDS[kind] for kind in dict.fromkeys(typed))
    parts = _names(files)
    notes = [f"Canvas also has {kinds} of this student"] if typed and files else []
    notes += [
        shown(f"{told.file} is read as {told.base}: Canvas numbers what comes again")
        for told in files
        if parts[told.item] == told.base != told.file
    ]
    named_by = [first.name, "LATE" if late else "", user, str(first.file_id or "")]
    return Piece(
        key=f"canvas {user}",
        id=safe_name(shown(f"{first.name}-{user}".strip("-"))),
        student=Student(shown(called), lms_id="" if first.anonymous else user),
        parts=parts or {told.item: told.item for told in named},
        folder=clean_name("_".join(filter(None, named_by))),
        late=late,
        attempt=max(numbers) + 1 if numbers else None,
        others=tuple(shown(told.file) for told in earlier),
        notes=tuple(notes),
        refused="" if files else f"Canvas has {kinds}, no file: ask the student for the notebook",
    )


def _latest(files: Iterable[_Named]) -> tuple[list[_Named], list[_Named]]:
    """The files that count, and those of earlier attempts.

    Attachments are numbered as they come. Only what is graded has attempts: `plot-1.png` and
    `plot-2.png` are two plots.
    """
    attempts: dict[str, list[_Named]] = defaultdict(list)
    for told in sorted(files, key=lambda told: (told.file_id, told.file)):
        graded = told.base.lower().endswith(GRADED)
        attempts[told.base.casefold() if graded else told.item].append(told)
    kept = {group[-1].item for group in attempts.values()}
    ordered = [told for group in attempts.values() for told in group]
    return [t for t in ordered if t.item in kept], [t for t in ordered if t.item not in kept]


def _names(files: list[_Named]) -> dict[str, str]:
    """What each file is called in the submission: as the student did, where that is known.

    One that comes alone keeps Canvas's name, of which the policies know the parts. `-1` is
    Canvas's where every file has one, and may be the student's own where only some do.
    """
    if len(files) == 1:
        return {files[0].item: clean_name(files[0].item)}
    numbered = all(told.number for told in files)
    bases = {told.base.casefold() for told in files}
    original = numbered and len(bases) == len(files)
    taken: set[str] = set()
    return {
        told.item: fresh_name([told.base if original else told.file, told.item], taken)
        for told in files
    }
