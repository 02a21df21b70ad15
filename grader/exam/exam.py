"""The exam of a rubric: is it right about answers of which that is known?"""

from __future__ import annotations

import time

from grader.assignment import Assignment
from grader.exam.equivalents import read_equivalents
from grader.exam.notebooks import read_blank
from grader.exam.problems import misdeclared, notes, problems
from grader.exam.results import ExamReport
from grader.exam.runner import Progress, run_tasks
from grader.exam.tasks import Scope, make_plan
from grader.exam.verdicts import figures, find

_WHOLE = Scope()


def hold_exam(
    assignment: Assignment,
    scope: Scope = _WHOLE,
    *,
    jobs: int = 1,
    progress: Progress = lambda done, total: None,
) -> ExamReport:
    """Grade everything that is known to be right or wrong, and say where the rubric errs.

    Raises UsageError where the rubric, a variant or the template is wrong, and GraderError
    where a process of the exam ends by itself.
    """
    started = time.perf_counter()
    blank = read_blank(assignment)
    declared = read_equivalents(assignment.folder / "variants")
    plan = make_plan(assignment, blank, scope)
    graded = run_tasks(assignment, plan.tasks, jobs, progress)
    found = find(assignment, plan, graded, declared, blank.given_parts)
    errors = misdeclared(declared, plan.mutants, found.mutants, all_there=not scope.is_sample)
    return ExamReport(
        assignment=assignment.name,
        title=assignment.rubric.title,
        problems=(*problems(found), *errors),
        notes=tuple(notes(found)),
        figures=figures(found),
        parts=found.parts,
        mistakes=found.mistakes,
        accepted=found.accepted,
        mutants=found.mutants,
        checks=found.checks,
        sampled=scope.is_sample,
        jobs=jobs,
        duration_s=round(time.perf_counter() - started, 1),
    )
