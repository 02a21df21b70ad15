"""The ZIP that Gradescope makes its autograder from. It holds the reference: it is the TA's alone.

Its scripts are in `shipped_gradescope/`; what they run there is `grader.gradescope_run`. Layout
and names: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from grader.assignment import RUBRIC, Assignment
from grader.errors import UsageError
from grader.kit.wheel import NOT_SHIPPED, build_wheel

SETTINGS = "grader.json"
_SCRIPTS = Path(__file__).parent / "shipped_gradescope"
_EXECUTABLE = ("setup.sh", "run_autograder")
_FILES = "assignment"
_DATE = (2020, 2, 2, 0, 0, 0)  # the same files make the same ZIP
_HIDDEN = "after_published"


def build_autograder(assignment: Assignment, target: Path) -> None:
    """Write the autograder of an assignment to `target`, whole or not at all.

    Raises UsageError where a folder of the assignment is missing or `target` cannot be written,
    and GraderError where the grader's wheel cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="grader-autograder-") as made:
        stage = Path(made) / "source"
        shutil.copytree(_SCRIPTS, stage, ignore=NOT_SHIPPED)
        build_wheel(stage)
        rubric = _copy_assignment(assignment, stage / _FILES).relative_to(stage)
        settings = {"rubric": rubric.as_posix(), "hidden": _HIDDEN}
        (stage / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        packed = Path(made) / "packed.zip"
        _pack(stage, packed)
        _put(packed, target)


def _copy_assignment(assignment: Assignment, to: Path) -> Path:
    """Copy its folders, each where the others look for it; where that of the rubric is then."""
    folders = dict(_folders(assignment))
    base = Path(os.path.commonpath(folders.values()))
    for key, folder in folders.items():
        if not folder.is_dir():
            raise UsageError(f"{assignment.folder / RUBRIC}: {key}: there is no folder {folder}")
        shutil.copytree(
            folder, to / folder.relative_to(base), ignore=NOT_SHIPPED, dirs_exist_ok=True
        )
    return to / folders["assignment"].relative_to(base)


def _folders(assignment: Assignment) -> Iterator[tuple[str, Path]]:
    """The assignment's folders by the rubric's key for what is in them."""
    rubric = assignment.rubric
    for key, value in {"reference": rubric.reference, "template": rubric.template,
                       "data": rubric.data}.items():  # fmt: skip
        if value is not None and Path(value).is_absolute():
            raise UsageError(
                f"{assignment.folder / RUBRIC}: {key}: {value} will not be there on Gradescope: "
                "write the path from the rubric's folder, like ../../reference/NAME"
            )
    yield "assignment", assignment.folder
    yield "reference", assignment.reference_folder
    if assignment.template is not None:
        yield "template", assignment.template.parent
    if assignment.data_script is not None:
        yield "data", assignment.data_script.parent


def _pack(stage: Path, target: Path) -> None:
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for path in sorted(path for path in stage.rglob("*") if path.is_file()):
            name = path.relative_to(stage).as_posix()
            told = ZipInfo(name, _DATE)
            told.compress_type = ZIP_DEFLATED
            told.external_attr = (0o100755 if name in _EXECUTABLE else 0o100644) << 16
            archive.writestr(told, path.read_bytes())


def _put(packed: Path, target: Path) -> None:
    """Move the ZIP into place by way of a name beside it."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(packed, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
