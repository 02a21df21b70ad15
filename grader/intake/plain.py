"""A folder or ZIP that no LMS made: a class of submissions, or one submission?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from grader.intake.model import GRADED, Piece, Split, Student, Unread, clean_name, shown
from grader.submission.files import safe_name

_TABLES = (".csv", ".json", ".tsv", ".xls", ".xlsx", ".yaml", ".yml")
Holds = Callable[[str, str], bool]


def is_single(items: Mapping[str, bool], holds: Holds) -> bool:
    """Whether a folder is one submission, as it is where it has one notebook, or one module.

    `items` maps names to whether they are folders; `holds(item, suffix)` says whether a folder
    or ZIP has such a file in it. Notebooks in folders below are drafts beside one that is not;
    several ZIPs with notebooks are a class, of which one student did not pack.
    """
    for suffix in (".ipynb", ".py"):
        files = [n for n, folder in items.items() if not folder and n.lower().endswith(suffix)]
        zips = [n for n, folder in items.items() if not folder and n.lower().endswith(".zip")]
        packed = [name for name in zips if holds(name, suffix)]
        folders = [name for name, folder in items.items() if folder and holds(name, suffix)]
        if files:
            return len(files) == 1 and len(packed) < 2
        if folders or packed:
            return len(folders) == 1 and not packed
    return False


def split_plain(items: Mapping[str, bool]) -> Split:
    """A piece for everything that may be a submission, by the name of its file or folder."""
    pieces, rows, tables = [], [], []
    for item, is_folder in sorted(items.items()):
        suffix = PurePosixPath(item).suffix.lower()
        if is_folder or suffix in GRADED:
            pieces.append(plain_piece(item, is_folder))
        elif suffix in _TABLES:
            tables.append(shown(item))
        else:
            rows.append(Unread(shown(item), "it is no notebook, module, ZIP or folder"))
    notes = [f"passed over: {', '.join(tables[:5])}"] if tables else []
    return Split(pieces, rows, notes)


def plain_piece(item: str, is_folder: bool) -> Piece:
    """A submission that is known by its name alone."""
    called = shown(item if is_folder else PurePosixPath(item).stem)
    return Piece(
        key=f"plain {item}",
        id=safe_name(called),
        student=Student(called),
        parts={item: clean_name(item)},
    )
