"""Gradescope's export: `submission_metadata.yml`, and a folder `submission_<number>` each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timezone

from grader.intake.metadata import Handed, read_stamp
from grader.intake.model import Piece, Split, Student, clean_name, shown, strays
from grader.submission.files import safe_name

METADATA = "submission_metadata.yml"
_SUBMISSION = re.compile(r"submission_[0-9]+|[0-9]+\.(?:pdf|zip|ipynb|py)")


def is_gradescope(items: Mapping[str, bool]) -> bool:
    """Whether there are both the metadata and submissions. `items` maps names to is-a-folder."""
    return items.get(METADATA) is False and any(map(_SUBMISSION.fullmatch, items))


def split_gradescope(items: Mapping[str, bool], rows: Mapping[str, Handed]) -> Split:
    """A piece for each student of each submission: a group's members share one."""
    known = set(rows) | {METADATA}
    unknown = {n: is_folder for n, is_folder in items.items() if n not in known}
    nameless = {n for n in unknown if _SUBMISSION.fullmatch(n)}
    why = f"it is not in {METADATA}"
    split = strays({n: f for n, f in unknown.items() if n not in nameless}, why)
    for item, row in rows.items():
        missing = "" if item in items else f"it is in {METADATA}, but not in the download"
        split.pieces.extend(_pieces(item, row, missing))
    for item in sorted(nameless):
        split.pieces.extend(_pieces(item, Handed(), ""))
    return split


def _pieces(item: str, row: Handed, refused: str) -> list[Piece]:
    people = row.submitters or [{}]
    names = [shown(told.get("name") or told.get("email") or item) for told in people]
    stamps = [read_stamp(text) for text in row.history]
    others = [f"attempt of {s.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC" for s in stamps if s]
    number = item.removeprefix("submission_").partition(".")[0]
    made = []
    for place, told in enumerate(people):
        rest = [name for at, name in enumerate(names) if at != place]
        notes = [f"{METADATA} does not say whose it is"] if not row.submitters else []
        notes += [f"handed in together with {', '.join(rest)}"] if rest else []
        name = names[place] if row.submitters else ""
        made.append(
            Piece(
                key="\0".join(
                    ["gradescope", item, str(place), told.get("sid", ""), told.get("email", "")]
                ),
                id=safe_name(shown(f"{name}-{number}".strip("-"))),
                student=Student(
                    names[place],
                    sis_id=shown(told.get("sid", "")),
                    email=shown(told.get("email", "")),
                ),
                parts={item: clean_name(item)},
                submitted_at=read_stamp(row.created_at),
                attempt=len(row.history) + 1 if row.submitters else None,
                others=tuple(others),
                notes=tuple(notes),
                refused=refused,
            )
        )
    return made
