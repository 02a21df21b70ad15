"""The homework's rules on form: each a function from a submission to a finding with evidence."""

from __future__ import annotations

from grader.submission.policies.finding import Finding
from grader.submission.policies.judge import judge_policy

__all__ = ["Finding", "judge_policy"]
