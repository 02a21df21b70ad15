"""Reading what a student handed in: archives, notebooks, modules, and which cell is which part."""

from __future__ import annotations

from grader.submission.ingest import Submission, name_of, read_submission
from grader.submission.outputs import may_show, pictures, printed
from grader.submission.parts import PartMap, map_parts

__all__ = [
    "PartMap",
    "Submission",
    "map_parts",
    "may_show",
    "name_of",
    "pictures",
    "printed",
    "read_submission",
]
