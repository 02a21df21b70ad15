"""Gradescope's `submission_metadata.yml`: who handed in which folder, and when.

It is read as a stream of events, and nothing is built but the few texts that are wanted: no tag
makes an object, no alias is unfolded, and what autograders printed is passed over. Texts stay
texts: as YAML numbers the student number 0123 would become 83.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import yaml

from grader.errors import UsageError
from grader.submission.files import MIB, printable

MOST_METADATA_BYTES = 64 * MIB
_MOST_EVENTS = 5_000_000
_MOST_ROWS = 20_000
_MOST_HISTORY = 1000
_MOST_SUBMITTERS = 100
_MOST_TEXT = 300
_MOST_ANCHORS = 10_000
_DEEPEST = 100
_STAMP = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]+(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.[0-9]*)? *(?:(?P<utc>[Zz])|(?P<sign>[-+])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?)?"
)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)


@dataclass
class Handed:
    """What the metadata says of one submission: dictionaries of name, sid and email, and dates."""

    submitters: list[dict[str, str]] = field(default_factory=list)
    created_at: str = ""
    history: list[str] = field(default_factory=list)


def read_metadata(data: bytes, where: str) -> dict[str, Handed]:
    """Submissions by the name of their folder or file. Raises UsageError for what is no metadata.

    Of keys that come twice the last counts, as with every reader of YAML.
    """
    try:
        return _Reader(data).rows()
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        told = printable(" ".join(str(error).split()))[:200]
        raise UsageError(
            f"{where} cannot be read: {told}. Export it from Gradescope again."
        ) from error


def read_stamp(text: str) -> datetime | None:
    """A date as Ruby writes it, in UTC where it names no zone; None for what is none."""
    told = _STAMP.fullmatch(text.strip())
    if told is None:
        return None
    offset = timedelta(hours=int(told["hours"] or 0), minutes=int(told["minutes"] or 0))
    try:
        zone = timezone(-offset if told["sign"] == "-" else offset)
        return datetime.fromisoformat(f"{told['day']}T{told['time']}").replace(tzinfo=zone)
    except ValueError:
        return None


class _Reader:
    """Walks the events once, front to back."""

    def __init__(self, data: bytes) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(data, Loader=_LOADER)
        self._seen = 0
        self._anchors: dict[str, str] = {}

    def rows(self) -> dict[str, Handed]:
        rows: dict[str, Handed] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingStartEvent):
                for key, value in self._pairs():
                    rows[key] = self._row(value)
                    if len(rows) > _MOST_ROWS:
                        raise ValueError(f"it lists more than {_MOST_ROWS} submissions")
                return rows
            if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
                break
        raise ValueError("it should map the names of submissions to their submitters")

    def _row(self, event: yaml.Event) -> Handed:
        row = Handed()
        if not isinstance(event, yaml.MappingStartEvent):
            self._skip(event)
            return row
        for key, value in self._pairs():
            if key == "created_at":
                row.created_at = self._text(value)
            elif key == "submitters":
                row.submitters = self._tables(value, ("name", "sid", "email"), _MOST_SUBMITTERS)
            elif key == "history":
                told = self._tables(value, ("created_at",), _MOST_HISTORY)
                row.history = [table.get("created_at", "") for table in told]
            else:
                self._skip(value)
        return row

    def _tables(
        self, event: yaml.Event, wanted: tuple[str, ...], most: int
    ) -> list[dict[str, str]]:
        """A sequence of mappings, with the wanted texts of each."""
        tables: list[dict[str, str]] = []
        if not isinstance(event, yaml.SequenceStartEvent):
            self._skip(event)
            return tables
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            if not isinstance(event, yaml.MappingStartEvent):
                self._skip(event)
                continue
            table = {}
            for key, value in self._pairs():
                text = self._text(value)
                if key in wanted:
                    table[key] = text
            tables.append(table)
            if len(tables) > most:
                raise ValueError(f"a submission lists more than {most} students or attempts")
        return tables

    def _pairs(self) -> Iterator[tuple[str, yaml.Event]]:
        """Keys of a mapping without Ruby's colons, and the first event of each value."""
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._text(event)
            yield key.strip(":"), self._next()

    def _text(self, event: yaml.Event) -> str:
        """A scalar's text; '' for null, and for what is no scalar."""
        if isinstance(event, yaml.ScalarEvent):
            self._remember(event)
            null = event.implicit[0] and event.value in ("", "~", "null", "Null", "NULL")
            return "" if null else str(event.value)[:_MOST_TEXT]
        if isinstance(event, yaml.AliasEvent):
            return self._anchors.get(event.anchor or "", "")
        self._skip(event)
        return ""

    def _remember(self, event: yaml.ScalarEvent) -> None:
        """Ruby writes a text that comes again as an alias of the first."""
        if event.anchor and len(self._anchors) < _MOST_ANCHORS:
            self._anchors[event.anchor] = str(event.value)[:_MOST_TEXT]

    def _skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            depth += isinstance(event, _OPENS) - isinstance(event, _CLOSES)
            if depth > _DEEPEST:
                raise ValueError(f"it is nested more than {_DEEPEST} deep")
            if isinstance(event, yaml.ScalarEvent):
                self._remember(event)
            if depth == 0:
                return
            event = self._next()

    def _next(self) -> yaml.Event:
        self._seen += 1
        event = next(self._events, None)
        if event is None or self._seen > _MOST_EVENTS:
            raise ValueError("it is far longer than any class's")
        return event
