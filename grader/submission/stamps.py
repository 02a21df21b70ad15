"""When submissions were handed in: a table that an LMS gave, or one that a TA wrote.

A CSV has the columns `file` (or `id`, `student`, `name`) and `submitted_at`; a JSON file maps
names to dates. Only a table that the caller names is believed: one that lies beside a
submission may be the student's own word.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from grader.errors import UsageError

_NAMES = ("file", "id", "student", "name")
_STAMP = "submitted_at"


def parse_stamp(text: str, where: str) -> datetime:
    """Read an ISO 8601 date. Raises UsageError with an example where it is none."""
    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError as error:
        raise UsageError(
            f"{where}: {text!r} is no date: write it like 2025-03-14T20:00:00-04:00"
        ) from error


def read_stamps(table: Path) -> dict[str, datetime]:
    """Read a table of dates. Raises UsageError where it, or a date in it, cannot be read."""
    try:
        text = table.read_text(encoding="utf-8-sig")
        told = _from_json(text) if table.suffix.lower() == ".json" else _from_csv(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{table} cannot be read as a table of dates: {error}") from error
    return {name: parse_stamp(date, f"{table}: {name}") for name, date in told.items()}


def stamp_of(path: Path, stamps: Mapping[str, datetime]) -> datetime | None:
    """The date of a submission, by the name of its file or folder, with or without an ending."""
    at = path.resolve()
    return stamps.get(at.name) or stamps.get(at.stem)


def _from_json(text: str) -> dict[str, str]:
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError("it should map names of files to dates")
    return {str(name): str(date) for name, date in told.items()}


def _from_csv(text: str) -> dict[str, str]:
    reader = csv.DictReader(io.StringIO(text))
    columns = reader.fieldnames or []
    key = next((name for name in _NAMES if name in columns), None)
    if key is None or _STAMP not in columns:
        raise ValueError(f"it should have the columns {_NAMES[0]} and {_STAMP}")
    return {row[key].strip(): row[_STAMP] for row in reader if row[key] and row[_STAMP]}
