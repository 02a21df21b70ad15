"""The command line where names, folders and files are unusual."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from tests.small.assignment import HALF, RUBRIC, Run, files_below, write_assignment, write_small


def test_assignment_is_given_by_its_path(grader: Run, place: Path) -> None:
    folder = write_assignment(place / "elsewhere")
    (place.parent / "rubrics" / "small" / "rubric.yaml").unlink()
    write_small(place / "ada.ipynb")
    ended = grader("grade", "ada.ipynb", assignment=str(folder))
    assert (ended.code, ended.err) == (0, "")


def test_two_files_of_the_same_name_do_not_overwrite_each_other(grader: Run, place: Path) -> None:
    write_small(place / "ada" / "hw.ipynb")
    write_small(place / "bob" / "hw.ipynb", HALF)
    ended = grader("grade", "ada/hw.ipynb", "bob/hw.ipynb")
    assert ended.code == 1
    found = [json.loads(p.read_text()) for p in (place / "grader-out/results").iterdir()]
    assert sorted(report["auto_score"] for report in found) == [3, 12]
    assert len(set(ended.out.splitlines())) == 2
    assert len(files_below(place / "grader-out/reports")) == 2


OURS = {
    "reference": {"reference": "V = 1 / 0\n"},
    "data-script-raises": {"rubric": RUBRIC.replace("examples: 5", "examples: 5\ndata: make.py")},
}


@pytest.mark.parametrize("files", OURS.values(), ids=OURS)
def test_error_in_the_assignments_own_code_is_no_traceback(
    grader: Run, place: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_CACHE", str(place / "cache"))
    folder = write_assignment(place.parent, **files)
    (folder / "make.py").write_text("def build(work, torch_home):\n    raise OSError('full')\n")
    write_small(place / "ada.ipynb")
    assert grader("grade", "ada.ipynb").code in (2, 4)


@pytest.mark.usefixtures("own_launchers")
def test_long_temporary_folder_is_no_obstacle(
    grader: Run, place: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = short_folder / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    write_small(place / "ada.ipynb")
    ended = grader("grade", "ada.ipynb")
    assert (ended.code, ended.err) == (0, "")


def test_check_counts_the_points_of_public_checks_only(grader: Run, place: Path) -> None:
    write_small(place / "mine.ipynb")
    ended = grader("check", "mine.ipynb", "--part", "1b")
    assert "3 / 4" not in ended.out and "3 of 4" not in ended.out


def test_launcher_closed_before_it_is_ready_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    from grader.sandbox.launcher import WarmLauncher

    WarmLauncher(["numpy"]).close()
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_file_without_permission_does_not_stop_the_others(grader: Run, place: Path) -> None:
    write_small(place / "ada.ipynb").chmod(0)
    write_small(place / "bob.ipynb")
    ended = grader("grade", "ada.ipynb", "bob.ipynb")
    assert (ended.code, ended.err) == (
        3,
        "grader: ada.ipynb cannot be read: Permission denied.\n",
    )
    assert ended.out.startswith("bob: 12 of 12 automatic points")
