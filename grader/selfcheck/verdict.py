"""What a self-check shows: a rich display in a notebook, text in a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from grader.model import CheckResult, PartResult, Status
from grader.report import words
from grader.report.text import render_check, render_part

ADVICE = (
    "This is advice, from your kernel as it is now: your grade comes from the course's own grader. "
    "Restart the kernel and run all cells before you hand in."
)
_OPEN = (Status.NEEDS_REVIEW, Status.BLOCKED)


class Shown:
    """What is shown where this runs: as HTML in Jupyter and Colab, as text elsewhere."""

    def show(self) -> None:
        """Show it."""
        ipython = sys.modules.get("IPython")
        if ipython is not None and ipython.get_ipython() is not None:
            ipython.display.display(self)
        else:
            print(self)


@dataclass(frozen=True, repr=False)
class Refusal(Shown):
    """Why nothing could be checked."""

    message: str

    def __str__(self) -> str:
        return self.message

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """What became of some parts."""

    title: str
    parts: tuple[PartResult, ...]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _template().render(
            title=self.title, summary=self.summary(), parts=self.parts, advice=ADVICE,
            symbols=words.STATUS_SYMBOLS, status=_status, **{"class": _class},
        )  # fmt: skip

    def summary(self) -> str:
        """How many checks passed, in a sentence."""
        checks = [check for part in self.parts for check in part.checks]
        passed = sum(check.status is Status.PASSED for check in checks)
        unclear = sum(check.status in _OPEN for check in checks)
        told = f"{passed} of {len(checks)} checks passed"
        return f"{told}, {unclear} could not be decided here" if unclear else told

    def _lines(self) -> Iterator[str]:
        yield f"{self.title}: {self.summary()}"
        for part in self.parts:
            yield ""
            yield f"{part.id}  {part.title}"
            if remarks := render_part(part):
                yield remarks
            if not part.checks:
                yield "  Nothing is checked here: a person reads your answer."
            for check in part.checks:
                yield f"{words.STATUS_SYMBOLS[check.status]} {check.title} ({_status(check)})"
                if check.status is not Status.PASSED and (found := render_check(check)):
                    yield found
                yield from _code(check)
        yield ""
        yield ADVICE


def _code(check: CheckResult) -> Iterator[str]:
    sample = check.counterexample
    if sample is not None and sample.code:
        yield "  To see it in a cell of your own:"
        yield from (f"    {line}" for line in sample.code.split("\n"))


def _status(check: CheckResult) -> str:
    if check.status is Status.NEEDS_REVIEW:
        return "not decided here"
    return words.check_status(check).lower()


def _class(check: CheckResult) -> str:
    if check.status is Status.PASSED:
        return "passed"
    return "open" if check.status in _OPEN or not check.max_score else "failed"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("grader.selfcheck"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["code"] = _code_spans
    return environment.get_template("selfcheck.html.j2")


def _code_spans(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    return Markup(re.sub("`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))
