"""What a check author imports: drawing inputs, comparing answers, and saying no."""

from __future__ import annotations

from grader.checks.answers import read_numbers
from grader.checks.compare import assert_matches, numbers
from grader.checks.context import show_as
from grader.checks.examples import given
from grader.checks.flows import called_from_outside, calls, is_unused, last_call, last_texts
from grader.checks.formulas import plain
from grader.checks.graphs import Dataflow, Drawing, Unreadable, computes
from grader.checks.layouts import arranged, axis_orders, restored
from grader.checks.means import after_change, assert_runs_again
from grader.checks.oracle import Expected, ahead, forward_error
from grader.checks.printed import first_unprinted
from grader.checks.remarks import (
    assert_unchanged,
    match_or_remark,
    match_whole,
    saying,
    step_from,
)
from grader.checks.remote import Remote, lazy
from grader.checks.rounding import Rounded, float64, read_only, reduction_units
from grader.checks.sample import counterexample
from grader.checks.settled import until_settled
from grader.checks.slices import comes_from_backward, is_gradient, used_by
from grader.checks.static import at_work, typed_in
from grader.checks.strategies import arrays, fill, seeds, shapes
from grader.checks.student import Student
from grader.checks.verdict import AnswerMissing, CheckFailed, LimitExceeded, NeedsReview
from grader.model import Stage

__all__ = [
    "AnswerMissing",
    "CheckFailed",
    "Dataflow",
    "Drawing",
    "Expected",
    "LimitExceeded",
    "NeedsReview",
    "Remote",
    "Rounded",
    "Stage",
    "Student",
    "Unreadable",
    "after_change",
    "ahead",
    "arranged",
    "arrays",
    "assert_matches",
    "assert_runs_again",
    "assert_unchanged",
    "at_work",
    "axis_orders",
    "called_from_outside",
    "calls",
    "comes_from_backward",
    "computes",
    "counterexample",
    "fill",
    "first_unprinted",
    "float64",
    "forward_error",
    "given",
    "is_gradient",
    "is_unused",
    "last_call",
    "last_texts",
    "lazy",
    "match_or_remark",
    "match_whole",
    "numbers",
    "plain",
    "read_numbers",
    "read_only",
    "reduction_units",
    "restored",
    "saying",
    "seeds",
    "shapes",
    "show_as",
    "step_from",
    "typed_in",
    "until_settled",
    "used_by",
]
