"""What an export must know of a submission beside its report, and how it writes a number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from grader.errors import GraderError
from grader.model import GradeReport

DECIMALS = 4


@dataclass(frozen=True)
class Row:
    """One submission of a class.

    `lms_id`, `sis_id` and `login` are what the LMS calls its student, empty where not known.
    `score` is in points, and None where there is no grade to hand out: `reason` then says why.
    `report` is None where the submission could not be graded.
    """

    id: str
    student: str
    lms_id: str = ""
    sis_id: str = ""
    login: str = ""
    score: float | None = None
    reason: str = ""
    report: GradeReport | None = None


def rounded(value: float) -> float:
    """Return points to four decimals, without a negative zero.

    Raises GraderError where it is no finite number: no LMS may get such a grade.
    """
    if not math.isfinite(value):
        raise GraderError(f"points={value}, but should be a finite number")
    return round(value, DECIMALS) or 0.0


def decimal(value: float) -> str:
    """Return points as every reader of CSV takes them: `2`, `-1.5`, `33.3333`; no exponent.

    Raises GraderError where it is no finite number.
    """
    text = f"{rounded(value):.{DECIMALS}f}"
    return text.rstrip("0").rstrip(".")
