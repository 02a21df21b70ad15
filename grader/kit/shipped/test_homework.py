"""The public checks of this homework: run `pytest` in this folder.

Each check is a test. They judge NOTEBOOK, as the course's own grader does.
"""

from pathlib import Path

from grader.selfcheck.outside import checks_of

test_homework = checks_of(Path(__file__).with_name("NOTEBOOK"), assignment="ASSIGNMENT")
