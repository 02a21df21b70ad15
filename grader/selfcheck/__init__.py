"""Checks for students, in their own notebook: `import grader.selfcheck as g; g.check("5b-i")`.

The same checks as in the course's grader, as far as they are public, on the kernel as it is. What
they say is advice: nothing is sent anywhere, and nothing is written.
"""

from __future__ import annotations

from grader.selfcheck.history import watch

__all__ = ["check"]

_HISTORY = watch()


def check(*parts: str, assignment: str = "") -> None:
    """Check parts of the homework by their ids, or all of them, and show what was found.

    In a notebook run the cells of a part first. `assignment` names one where several are
    installed.

    What is wrong with the call itself is told like a finding: nobody wants to read our traceback.
    """
    from grader.errors import GraderError, GraderException
    from grader.selfcheck.checking import is_checking, judge_parts, pick
    from grader.selfcheck.verdict import Refusal, Verdict

    if is_checking():  # a cell that calls this is run again by one of the checks
        return
    try:
        chosen = pick(assignment)
        Verdict(chosen.rubric.title, judge_parts(_HISTORY, chosen, parts)).show()
    except GraderException as error:
        ours = "A fault of the grader, and none of yours: "
        Refusal(f"{ours if isinstance(error, GraderError) else ''}{error}").show()
