"""Render a report as one self-contained page: no script, no network, nothing but the report.

Every text that a template prints passes `_printed`, which writes hidden characters out, and then
Jinja's escaping: no template can forget either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.model import GradeReport, PartResult, Status
from grader.report import tables, words
from grader.report.escape import visible
from grader.report.heatmap import heat_map

_TEMPLATES = Path(__file__).parent / "templates"
_CODE_SPAN = re.compile(r"`([^`\n]+)`")


def render_html(report: GradeReport) -> str:
    """Return the page of one submission.

    The page asks nothing of the reader's browser but HTML and CSS, and its content security
    policy forbids the rest. All that a student wrote in it is escaped.
    """
    template = environment().get_template("report.html.j2")
    return template.render(
        report=report,
        anchors=_anchors(report.parts),
        segments=_segments(report),
        tally=words.tally(report.parts),
        to_gain=words.to_gain(report.parts),
        quiet_policies=words.quiet_policies(report),
    )


def _printed(value: Any) -> Any:
    return value if isinstance(value, Markup) else visible(str(value))


def _prose(text: str) -> Markup:
    """Escape a message and set its `code spans` in the type of code; no other markup."""
    pieces = _CODE_SPAN.split(visible(text))
    marked = (
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )
    return Markup("").join(marked)


def _anchors(parts: Sequence[PartResult]) -> list[str]:
    """Return a name for each part that a link can point at, each one once."""
    names: list[str] = []
    for place, part in enumerate(parts):
        name = "part-" + re.sub(r"[^A-Za-z0-9_-]+", "-", part.id)
        names.append(f"{name}-{place}" if name in names else name)
    return names


def _segments(report: GradeReport) -> list[tuple[str, float]]:
    """Return the score bar: what was earned and what awaits marking, in percent of the whole."""
    whole = report.max_score or 1.0
    earned = min(100.0, max(0.0, 100 * report.score / whole))
    pending = min(100.0 - earned, max(0.0, 100 * report.pending_points / whole))
    return [(kind, round(share, 2)) for kind, share in (("earned", earned), ("pending", pending))]


@cache
def environment(*folders: Path) -> Environment:
    """What renders pages of this style; other pages have their templates in `folders`."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., Any]] = {
        "prose": _prose,
        "points": words.points,
        "number": words.number,
        "seconds": words.seconds,
        "listed": words.listed,
        "facts": words.facts,
        "unmarked": words.unmarked,
        "needs_reading": words.needs_reading,
        "standing": words.standing,
        "part_status": words.part_status,
        "check_status": words.check_status,
        "tried": words.tried,
        "table": tables.table,
        "compared": tables.compared,
        "worst": tables.worst,
        "heat_map": heat_map,
    }
    environment.filters.update(filters)
    environment.globals.update(Status=Status, words=words)
    return environment
