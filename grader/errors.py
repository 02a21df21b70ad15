"""What can go wrong, by whose hands, and the exit codes that tell a caller.

    GraderException
    ├── SubmissionError   the student's: the file cannot be read or is not this homework
    ├── UsageError        the caller's or the rubric author's: a wrong path, name or key
    └── GraderError       ours: the submission stays ungraded and is never charged for it

A `GraderError` never turns into a `SubmissionError`: a fault of the grader costs no points.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit status means. Documented in README.md."""

    GRADED = 0
    BELOW_PASS_MARK = 1
    USAGE = 2
    UNREADABLE_SUBMISSION = 3
    GRADER_FAULT = 4
    INTERRUPTED = 130


class GraderException(Exception):
    """Base of every exception that this package raises on purpose."""

    exit_code = ExitCode.GRADER_FAULT


class SubmissionError(GraderException):
    """The submission cannot be read or graded, and the reason lies in the submission."""

    exit_code = ExitCode.UNREADABLE_SUBMISSION


class UsageError(GraderException):
    """A path, an option or a rubric is wrong; the message says how to mend it."""

    exit_code = ExitCode.USAGE


class IsolationError(GraderException):
    """The sandbox lacks what was asked for: nothing at all is graded."""

    exit_code = ExitCode.GRADER_FAULT


class GraderError(GraderException):
    """A fault of the grader itself; whatever was being graded stays ungraded."""
