"""The kit of hw5 as the tests use it: made once, whichever process asks first."""

from __future__ import annotations

import zipfile
from pathlib import Path

from filelock import FileLock

from grader.assignment import Assignment
from grader.collector import at_rest
from grader.kit.folder import write_kit


def unpacked_kit(assignment: Assignment, shared: Path) -> Path:
    """The folder that students unpack, with the wheel's content beside it in `wheel`.

    `shared` is a folder that all test processes of a run have in common.
    """
    kit = shared / "kit"
    with FileLock(shared / "kit.lock"):
        if not kit.is_dir():
            making = shared / "making-kit"
            with at_rest():  # it would go through all that was collected for the tests
                made = write_kit(assignment, making / "kit.zip")
            with zipfile.ZipFile(made) as archive:
                archive.extractall(making)
            (wheel,) = (making / assignment.name).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(making / "wheel")
            making.rename(kit)
    return kit / assignment.name


def rubric_of(kit: Path) -> Path:
    """The folder of the kit's rubric, as it is installed."""
    return kit.parent / "wheel" / "grader" / "kits" / "rubrics" / kit.name
