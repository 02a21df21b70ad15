"""Reading what an LMS gives a TA: a class's download, taken apart into one entry a student."""

from __future__ import annotations

from grader.intake.model import ClassList, Entry, Form, Student, Unread
from grader.intake.reading import read_class, read_one
from grader.intake.roster import Roster, read_roster

__all__ = [
    "ClassList",
    "Entry",
    "Form",
    "Roster",
    "Student",
    "Unread",
    "read_class",
    "read_one",
    "read_roster",
]
