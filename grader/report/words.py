"""The words that a student reads: one table each for statuses, stages and numbers.

Both the page and the terminal take their words from here, so that they say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from grader.model import (
    CheckResult,
    GradeReport,
    PartResult,
    PolicyResult,
    PolicyState,
    Shown,
    Stage,
    Status,
)

STATUS_WORDS = {
    Status.PASSED: "Passed",
    Status.PARTIAL: "Partly right",
    Status.FAILED: "Not right yet",
    Status.ERROR: "Did not finish",
    Status.MISSING: "Not found",
    Status.BLOCKED: "Waiting for another part",
    Status.NEEDS_REVIEW: "To be marked",
}

STATUS_SYMBOLS = {
    Status.PASSED: "✓",
    Status.PARTIAL: "◐",
    Status.FAILED: "✗",
    Status.ERROR: "!",
    Status.MISSING: "?",
    Status.BLOCKED: "\N{EN DASH}",
    Status.NEEDS_REVIEW: "…",
}

POLICY_WORDS = {
    PolicyState.MET: "Kept",
    PolicyState.BROKEN: "Broken",
    PolicyState.UNDECIDED: "For a person to see",
}

POLICY_SYMBOLS = {
    PolicyState.MET: "✓",
    PolicyState.BROKEN: "✗",
    PolicyState.UNDECIDED: "…",
}

STAGE_NAMES = {
    Stage.PRESENT: "found",
    Stage.CALLABLE: "callable",
    Stage.RETURNS: "returns",
    Stage.KIND: "type",
    Stage.SHAPE: "shape",
    Stage.DTYPE: "dtype",
    Stage.VALUES: "values",
    Stage.EXTREMES: "extremes",
    Stage.MEANS: "method",
}

STAGE_SENTENCES = {
    Stage.PRESENT: "What this check looks for is not there yet.",
    Stage.CALLABLE: "The name is there, but it is not a function or class that can be called.",
    Stage.RETURNS: "The call did not come back with an answer.",
    Stage.KIND: "There is an answer, but its type is not the one that is asked for.",
    Stage.SHAPE: "The type of the answer is right; its shape is not.",
    Stage.DTYPE: "Type and shape of the answer are right; its dtype is not.",
    Stage.VALUES: "The form of the answer is right; some of its values are not.",
    Stage.EXTREMES: "Right on ordinary input, but not on very large or unusual input.",
    Stage.MEANS: "The result is right, but the homework asks for another way to it.",
}

PROBLEM_WORDS = {
    "raised": "stopped by an error",
    "timeout": "time limit",
    "syntax": "not valid Python",
    "died": "its process ended",
}


def problem(kind: str) -> str:
    """Return why a cell did not run to its end."""
    return PROBLEM_WORDS.get(kind, kind)


def number(value: float) -> str:
    """Return points as people write them: `2`, `1.5`, `2.67`, and a true minus sign."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "\N{MINUS SIGN}")


def points(value: float) -> str:
    """Return `value` with its unit: `1 point`, `1.5 points`."""
    return f"{number(value)} {'point' if value == 1 else 'points'}"


def listed(items: Iterable[object]) -> str:
    """Return the items as a phrase: `1`, `1 and 2`, `1, 2 and 3`."""
    words = [str(item) for item in items]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def seconds(value: float) -> str:
    """Return a duration to the precision that matters to a reader."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def index(position: Sequence[object]) -> str:
    """Return an index as it is typed: `[1, 2]`."""
    return f"[{', '.join(map(str, position))}]"


def facts(
    shown: Shown, other: Shown | None = None, stage: Stage | None = None, *, wanted: bool = False
) -> list[tuple[str, bool]]:
    """Return what is known of a value beside its content, and which of it is the difference.

    On the side that is `wanted`, kind and dtype are told only where they were asked for: the
    oracle's own are not the only right ones.
    """
    told = []
    for fact, at, own, others in (
        (shown.kind, Stage.KIND, shown.kind, other and other.kind),
        (shown.dtype, Stage.DTYPE, shown.dtype, other and other.dtype),
        (f"shape {shown.shape}", Stage.SHAPE, shown.shape, other and other.shape),
    ):
        if own is not None and (at in (stage, Stage.SHAPE) or not wanted):
            told.append((str(fact), at is stage and other is not None and own != others))
    return told


def standing(report: GradeReport) -> str:
    """Return the sentence under the score: what was counted, and what a person still marks."""
    counted = f"{number(report.auto_score)} of {number(report.auto_max_score)} automatic points"
    if not report.pending_points:
        return counted
    verb = "awaits" if report.pending_points == 1 else "await"
    return f"{counted}, {points(report.pending_points)} {verb} marking"


def summary(report: GradeReport) -> str:
    """Return the standing on one line with what rules on form have taken."""
    taken = -sum(penalty.points for penalty in report.penalties)
    return standing(report) + (f", {points(taken)} taken for rules" if taken else "")


def quiet_policies(report: GradeReport) -> list[PolicyResult]:
    """Return the policies that took nothing: a line each is enough."""
    return [policy for policy in report.policies if policy.state is not PolicyState.BROKEN]


def part_status(part: PartResult) -> str:
    """Return the status of a part in words, with the points that a person still gives."""
    word = STATUS_WORDS[part.status]
    if not part.pending_points:
        return word
    pending = f"{points(part.pending_points)} to be marked"
    return pending if part.status is Status.NEEDS_REVIEW else f"{word}, {pending}"


def check_status(check: CheckResult) -> str:
    """Return the status of a check in words; one that is worth nothing only advises."""
    advises = not check.max_score and check.status not in (Status.PASSED, Status.NEEDS_REVIEW)
    return "Advice, costs nothing" if advises else STATUS_WORDS[check.status]


def unmarked(part: PartResult) -> bool:
    """Say whether no point of this part is decided yet, so that 0 would be the wrong score."""
    return part.score == 0 and part.pending_points >= part.max_score > 0


def needs_reading(part: PartResult) -> bool:
    """Say whether a student has something to mend in this part."""
    settled = (Status.PASSED, Status.NEEDS_REVIEW)
    return bool(part.problems) or any(
        status not in settled for status in (part.status, *(check.status for check in part.checks))
    )


def tally(parts: Sequence[PartResult]) -> list[tuple[Status, int]]:
    """Count the parts of each status, in the order of the statuses, without the empty ones."""
    counts = Counter(part.status for part in parts)
    return [(status, counts[status]) for status in Status if counts[status]]


def to_gain(parts: Sequence[PartResult], most: int = 3) -> list[tuple[int, float]]:
    """Return the places of the parts with most points still to be had, and how many each."""
    gains = [part.max_score - part.score - part.pending_points for part in parts]
    ranked = sorted(range(len(parts)), key=lambda place: -gains[place])
    return [(place, gains[place]) for place in ranked[:most] if gains[place] > 0]


def tried(check: CheckResult) -> str:
    """Return on how many inputs a check was tried, or nothing where it counts none."""
    if not check.examples:
        return ""
    return f"tried on {check.examples} input{'' if check.examples == 1 else 's'}"
