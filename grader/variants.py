"""Known variants of an assignment's answers: mistakes with their names, and accepted alternatives.

They lie in `variants/*.yaml` of the assignment's folder, each an edit of the model answers in
`variants/answers.py`. A mistake is recognised in a student's answer by `oracles`, Python that
defines what the reference would be if the mistake were right, or by `signs`, verdicts that
nothing else leads to.

What many oracles share is written once: `- frame: NAME` with its `code` stands in one of the files,
and goes in front of each oracle of a mistake that names it. `oracles_of` takes those of another.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from grader.errors import UsageError
from grader.model import Stage


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Edit(_Entry):
    """One change of the model answers: `old`, which occurs once in the cell, becomes `new`."""

    cell: str
    old: str
    new: str


class Sign(_Entry):
    """A verdict that gives a mistake away: of this check, at this stage, with such a message.

    `message` is a regular expression that is looked for in the verdict's message; what is left
    empty is not asked for.
    """

    check: str = ""
    stage: Stage | None = None
    message: str = ""

    @field_validator("message")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def fits(self, check: str, stage: Stage, message: str) -> bool:
        """Whether a check's verdict is this sign."""
        return (
            self.check in ("", check)
            and self.stage in (None, stage)
            and re.search(self.message, message) is not None
        )


class KnownMistake(_Entry):
    """A mistake by its name: what to say of it, how it is recognised, and what it costs.

    `credit` is the share of a check's points that is given where the check fails for this
    mistake, if the stage does not give more. A `general` name is given only where no other fits.
    """

    mistake: str
    part: str
    name: str
    say: str
    credit: float = Field(default=0, ge=0, le=1)
    general: bool = False
    signs: tuple[Sign, ...] = ()

    @property
    def id(self) -> str:
        """The variant's name among all of the assignment."""
        return self.mistake

    @property
    def forms(self) -> int:
        """How many forms of it are known by what they answer."""
        return 0


class RecordedMistake(KnownMistake):
    """A mistake of which recorded answers are all that is there, in so many forms."""

    recorded: int = 0

    @property
    def forms(self) -> int:
        """How many forms were recorded."""
        return self.recorded


class Mistake(KnownMistake):
    """A wrong variant of a part.

    `severity` says how much of the part is wrong. Each of the `oracles` is one form that the
    mistake takes; `oracles_of` names a mistake that lends its own, and `frame` what stands in
    front of each.
    """

    severity: str = Field(default="major", pattern="^(major|minor)$")
    edit: Edit
    oracles: tuple[str, ...] = ()
    oracles_of: str = ""
    frame: str = ""

    @property
    def forms(self) -> int:
        """As many as there are oracles."""
        return len(self.oracles)


class Frame(_Entry):
    """Code in front of the oracles of each mistake that names it; they may define it anew."""

    frame: str
    code: str

    @property
    def id(self) -> str:
        """The name by which mistakes ask for it."""
        return self.frame


class Accepted(_Entry):
    """A right answer that looks unlike the model answer, and why it is one."""

    accepted: str
    part: str
    why: str
    edit: Edit

    @property
    def id(self) -> str:
        """The variant's name among all of the assignment."""
        return self.accepted


Variant = Mistake | Accepted

#: The names of known mistakes, where neither their variants nor a reference are there.
RECORDED = "mistakes.yaml"

# Of safe loaders libyaml's takes a tenth of the time, and PyYAML may have been built without it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Lies beside the variants, and is about mutants: `grader.exam` reads it.
EQUIVALENTS = "equivalents.yaml"


def read_variants(folder: Path) -> tuple[Variant, ...]:
    """All variants in the YAML files of a folder, in the order of their names and lines.

    Raises UsageError where a file is no list of variants, or a name is given twice.
    """
    entries = [_validated(path, entry) for path in sorted(folder.glob("*.yaml"))
               if path.name != EQUIVALENTS for entry in _read(path)]  # fmt: skip
    names = [entry.id for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{folder}: variants with one name: {', '.join(twice)}")
    known = {entry.id: entry for entry in entries}
    whole = [_with_oracles(folder, e, known) if isinstance(e, Mistake) else e for e in entries]
    return tuple(entry for entry in whole if not isinstance(entry, Frame))


def _read(path: Path) -> list[Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(data, list):
        raise UsageError(f"{path}: should be a list of variants")
    return data


def _validated(path: Path, entry: Any) -> Variant | Frame:
    if not isinstance(entry, dict):
        raise UsageError(f"{path}: {str(entry)[:40]}: should be keys with values")
    kind: type[Mistake] | type[Accepted] | type[Frame] = Mistake
    if "mistake" not in entry:
        kind = Accepted if "accepted" in entry else Frame if "frame" in entry else Mistake
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        name = str(entry.get(kind.__name__.lower()))[:40]
        raise UsageError(f"{path}: {name}: {where}: {first['msg']}") from error


def _with_oracles(folder: Path, mistake: Mistake, known: dict[str, Variant | Frame]) -> Mistake:
    """The mistake with all its oracles: its own and those that it borrows, behind its frame."""
    oracles = mistake.oracles
    if mistake.oracles_of:
        lender = known.get(mistake.oracles_of)
        if not isinstance(lender, Mistake) or not lender.oracles:
            what = f"oracles_of: no oracles of {mistake.oracles_of!r}"
            raise UsageError(f"{folder}: {mistake.id}: {what}")
        oracles += lender.oracles
    if mistake.frame:
        frame = known.get(mistake.frame)
        if not isinstance(frame, Frame):
            raise UsageError(f"{folder}: {mistake.id}: frame: there is no {mistake.frame!r}")
        oracles = tuple(f"{frame.code}\n{oracle}" for oracle in oracles)
    return mistake.model_copy(update={"oracles": oracles})


def read_recorded(path: Path) -> tuple[RecordedMistake, ...]:
    """The mistakes that come with a book of answers. Raises UsageError where the file is wrong."""
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(RecordedMistake.model_validate(entry) for entry in listed)
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"{path} is no list of mistakes: {error}") from error
