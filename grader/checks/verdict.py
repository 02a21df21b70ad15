"""How a check says no: one exception for each kind of verdict that is not a pass.

A check raises; the plugin turns what it raised into a `CheckResult`. Whatever else a check
raises is a fault of the grader and never of the student.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import packages_distributions

from grader.model import Counterexample, Raised, Stage, Status

Sample = Counterexample | Callable[[], Counterexample] | None


class CheckFailed(AssertionError):
    """The answer differs from what was asked, at `stage`.

    `counterexample` may be given as a function that makes it: most failures are never shown,
    since of a check's many examples one is, and some checks accept one of several answers.
    """

    status = Status.FAILED

    def __init__(
        self,
        stage: Stage,
        message: str,
        *,
        hint: str = "",
        counterexample: Sample = None,
        raised: Raised | None = None,
    ) -> None:
        super().__init__(message)
        self.stage = stage
        self.message = message
        self.hint = hint
        self.raised = raised
        self._sample: Sample = counterexample
        #: Finds the same failure on the smallest example; None where there is nothing to look for.
        self.shrink: Callable[[], CheckFailed] | None = None

    @property
    def counterexample(self) -> Counterexample | None:
        """The input on which the answer differs, where there is one."""
        if callable(self._sample):
            self._sample = self._sample()
        return self._sample

    @counterexample.setter
    def counterexample(self, sample: Sample) -> None:
        self._sample = sample

    def smallest(self) -> CheckFailed:
        """The same failure on the smallest example that is found."""
        return self if self.shrink is None else self.shrink()

    def settle(self) -> None:
        """Make the counterexample, before anything else runs on the same input."""
        self.counterexample = self.counterexample


class AnswerMissing(CheckFailed):
    """A name that the part should define is not there, or still holds its placeholder."""

    status = Status.MISSING


def is_unwritten(failure: CheckFailed) -> bool:
    """Whether the answer is the template's own placeholder, which is no mistake."""
    return isinstance(failure, AnswerMissing) and failure.stage is Stage.RETURNS


class LimitExceeded(CheckFailed):
    """The answer crashed its process or ran out of a limit."""

    status = Status.ERROR


class GpuNeeded(CheckFailed):
    """The answer asks for a GPU without asking whether there is one, and there is none."""

    status = Status.ERROR


# What torch says where code asks for CUDA and there is none, by build and version.
_NO_GPU = (
    "Torch not compiled with CUDA enabled",
    "Found no NVIDIA driver",
    "No CUDA GPUs are available",
    "Attempting to deserialize object on a CUDA device",
    "Cannot access accelerator device when none is available",
)

GPU_NEEDED = (
    "This code needs a GPU, and it was graded on a machine without one: choose the device with "
    '`torch.device("cuda" if torch.cuda.is_available() else "cpu")`.'
)


def asks_for_gpu(message: str) -> bool:
    """Whether an exception's message is torch's way to say that there is no GPU."""
    return any(text in message for text in _NO_GPU)


_NO_MODULE = re.compile(r"No module named '(\w+)[\w.]*'")
# How like the name of another module a name is that is a slip of the pen.
_SLIP = 0.8


def missing_module(raised: Raised | None) -> str | None:
    """The module that an exception says is not installed here, if it is that.

    None where it is one that nobody can install: a misspelt name, or a part of a package that is
    installed and does not have it.
    """
    found = _NO_MODULE.search(raised.message) if raised is not None else None
    if found is None or raised is None or raised.type != "ModuleNotFoundError":
        return None
    name = found[1]
    known = _known_modules()
    return None if name in known or get_close_matches(name, known, 1, _SLIP) else name


@functools.cache
def _known_modules() -> frozenset[str]:
    return frozenset((*sys.stdlib_module_names, *packages_distributions()))


class NeedsReview(Exception):
    """The check cannot decide: a person has to look. No points are taken or given."""
