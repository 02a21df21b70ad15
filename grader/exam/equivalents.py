"""Mutants that are declared to be right: `variants/equivalents.yaml`, each with its reason.

An entry names a part, the line before the change, and the lines after it that are as right.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from grader.errors import UsageError
from grader.exam.mutants import Mutant
from grader.variants import EQUIVALENTS


class Equivalent(BaseModel):
    """Changes of one line that make no answer wrong; without `new`, all that do not show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    old: str
    new: tuple[str, ...] = ()
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Whether a mutant is one of these."""
        return (
            mutant.part == self.part
            and squeezed(mutant.before) == squeezed(self.old)
            and (not self.new or squeezed(mutant.after) in map(squeezed, self.new))
        )


def read_equivalents(folder: Path) -> tuple[Equivalent, ...]:
    """The declared ones; none where there is no such file. Raises UsageError where it is wrong."""
    path = folder / EQUIVALENTS
    if not path.is_file():
        return ()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(Equivalent.model_validate(entry) for entry in data or ())
    except (yaml.YAMLError, TypeError) as error:
        raise UsageError(f"{path}: should be a list of equivalents: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path}: {first['input']}: {where}: {first['msg']}") from error


def reason_for(mutant: Mutant, declared: Iterable[Equivalent]) -> str:
    """Why a mutant is right; empty where nobody has said so."""
    return next((entry.reason for entry in declared if entry.fits(mutant)), "")


def squeezed(line: str) -> str:
    """A line as it is compared: white space counts once."""
    return " ".join(line.split())
