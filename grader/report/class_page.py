"""The page of a whole class: one file that opens without a server.

Its only script is our own, named by its hash in the content security policy: it sorts and
filters the table, and what a student wrote cannot run beside it. Without it the page reads as well.
"""

from __future__ import annotations

import base64
import hashlib
import statistics
from pathlib import Path
from urllib.parse import quote

from grader.model import Status
from grader.report.class_summary import ClassSummary, PartSummary
from grader.report.html import environment

_TEMPLATES = Path(__file__).parent / "templates"
# Below this a part's scores go against the others', or have nothing to do with them.
WEAK = 0.1
_SHOWN = 30
_STATES = (
    Status.PASSED, Status.PARTIAL, Status.FAILED, Status.ERROR, Status.BLOCKED, Status.MISSING,
    Status.NEEDS_REVIEW,
)  # fmt: skip


def render_class(summary: ClassSummary, others: tuple[tuple[str, str], ...] = ()) -> str:
    """Return the page. `others` are links to further pages beside it: a title and a file name."""
    script = (_TEMPLATES / "class.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    shares = summary.shares
    return (
        environment()
        .get_template("class.html.j2")
        .render(
            klass=summary,
            script=script,
            script_hash=f"sha256-{digest}",
            mean=statistics.fmean(shares) if shares else None,
            median=statistics.median(shares) if shares else None,
            tallest=max(summary.bins, default=0) or 1,
            bars=[(part, _bar(part)) for part in summary.parts],
            slow=sorted(summary.parts, key=lambda part: -part.median_s)[:5],
            weak=[
                p for p in summary.parts if p.discrimination is not None and p.discrimination < WEAK
            ],
            others=others,
            shown=_SHOWN,
            href=_href,
        )
    )


def _href(name: str) -> str:
    """The link to a submission's report, from where the page is."""
    return f"reports/{quote(name)}.html"


def _bar(part: PartSummary) -> list[tuple[Status, float, int]]:
    """The pieces of a part's bar: a status, its share of the class in percent, its number."""
    total = sum(part.statuses.values())
    found = [(status, part.statuses.get(status, 0)) for status in _STATES]
    return [(status, round(100 * n / total, 2), n) for status, n in found if n]
