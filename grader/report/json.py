"""The JSON form of a report: what other tools read, and the way back.

JSON has no NaN and no infinity, so cells that hold them carry the strings that JavaScript's
`Number` reads. All other characters than ASCII are escaped: nothing in it can move a terminal.
"""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import ValidationError

from grader.errors import UsageError
from grader.model import SCHEMA_VERSION, GradeReport

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def render_json(report: GradeReport) -> str:
    """Return the report as JSON, its keys in the order of the model."""
    return json.dumps(_written(report.model_dump(mode="python")), indent=1, allow_nan=False) + "\n"


def parse_json(text: str) -> GradeReport:
    """Read a report back. Raise `UsageError` where it is none, or of another version."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"This is not a report: it is not JSON ({error}).") from error
    if not isinstance(data, dict) or "schema_version" not in data:
        raise UsageError("This is not a report: it has no schema_version.")
    version = data["schema_version"]
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"schema_version={version!r}, but should be {SCHEMA_VERSION}: "
            "another version of the grader wrote this report. Grade the submission again."
        )
    try:
        return GradeReport.model_validate(_read(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"This report is damaged: {where}: {first['msg']}.") from error


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return next(name for name, other in _NOT_FINITE.items() if repr(other) == repr(value))
    return value


def _read(value: Any, key: str = "") -> Any:
    """Undo `_written`, in cells only: anywhere else the same words are a student's text."""
    if isinstance(value, dict):
        return {name: _read(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_read(item, key) for item in value]
    return _NOT_FINITE.get(value, value) if key == "cells" and isinstance(value, str) else value
