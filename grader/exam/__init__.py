"""The exam of a rubric: answers that are known to be right or wrong are graded, and compared.

The reference has to get every point and the empty template none; known mistakes and mutants of
the model answers have to lose points, where they were made; accepted alternatives may not.
"""

from grader.exam.exam import hold_exam
from grader.exam.notebooks import read_blank
from grader.exam.page import render_exam
from grader.exam.results import ExamReport
from grader.exam.runner import cores
from grader.exam.tasks import Scope

__all__ = ["ExamReport", "Scope", "cores", "hold_exam", "read_blank", "render_exam"]
