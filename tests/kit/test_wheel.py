"""The wheel of the installed grader: what is in it, and that pip takes it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from configparser import ConfigParser
from email import message_from_bytes
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest

import grader
from grader.errors import GraderError, UsageError
from grader.kit import wheel as kit
from grader.kit.wheel import build_wheel

PACKAGE = Path(grader.__file__).parent


@pytest.fixture(scope="module")
def extra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what belongs into a wheel, and what does not."""
    folder = tmp_path_factory.mktemp("extra")
    for name in ("rubric.yaml", "notes/data.csv", "__pycache__/a.pyc", ".hidden/key"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def wheel(extra: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with that folder in it."""
    return build_wheel(tmp_path_factory.mktemp("made") / "deep", {"grader/kits/sums": extra})


def _read(wheel: Path, pattern: str) -> bytes:
    """The one file whose path in the wheel fits."""
    with ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if re.fullmatch(pattern, n)]
        return archive.read(name)


def _names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def _metadata(wheel: Path) -> Message:
    return message_from_bytes(_read(wheel, r"[^/]*\.dist-info/METADATA"))


def test_its_name_says_version_and_that_it_fits_everywhere(wheel: Path) -> None:
    assert wheel.name == f"homework_grader-{grader.__version__}-py3-none-any.whl"


def test_its_metadata_is_that_of_the_installation(wheel: Path) -> None:
    told, installed = _metadata(wheel), distribution("homework-grader")
    for key in ("Name", "Version", "Summary", "Requires-Python"):
        assert told[key] == installed.metadata[key]
    assert "torch>=2.2" in told.get_all("Requires-Dist", [])


def test_it_needs_ranges_of_libraries_and_no_tools_of_developers(wheel: Path) -> None:
    needed = _metadata(wheel).get_all("Requires-Dist", [])
    installed = distribution("homework-grader").requires or []
    assert set(needed) == {line for line in installed if "extra" not in line}
    assert not [line for line in needed if "==" in line.partition(";")[0]]
    assert _metadata(wheel).get_all("Provides-Extra") is None


def test_it_offers_the_program_and_the_plugin(wheel: Path) -> None:
    told = ConfigParser()
    told.read_string(_read(wheel, r"[^/]*/entry_points\.txt").decode())
    assert dict(told["console_scripts"]) == {"grader": "grader.cli:main"}
    assert dict(told["pytest11"]) == {"grader": "grader.plugin"}


def test_it_holds_every_file_of_the_package_and_no_leftovers(wheel: Path) -> None:
    there = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    added = {"grader/kits/sums/rubric.yaml", "grader/kits/sums/notes/data.csv"}
    assert {n for n in _names(wheel) if ".dist-info/" not in n} == there | added
    assert {"grader/report/templates/style.css", "grader/similarity/names.txt"} <= there


def test_it_carries_the_license(wheel: Path) -> None:
    assert b"MIT License" in _read(wheel, r"[^/]*\.dist-info/(licenses/)?LICENSE")


def test_folder_may_come_to_lie_beside_the_package_or_in_place_of_its_own(
    extra: Path, tmp_path: Path
) -> None:
    made = build_wheel(tmp_path, {"beside/notes": extra, "grader/similarity/templates": extra})
    assert {"beside/notes/rubric.yaml", "grader/similarity/templates/rubric.yaml"} <= _names(made)
    assert "grader/similarity/templates/similarity.css" not in _names(made)


def test_same_files_make_the_same_wheel(wheel: Path, extra: Path, tmp_path: Path) -> None:
    os.utime(extra / "rubric.yaml", (1_000_000_000, 1_000_000_000))
    again = build_wheel(tmp_path, {"grader/kits/sums": extra})
    assert again.read_bytes() == wheel.read_bytes()


def test_pip_installs_it_and_it_runs_from_there(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    target = tmp_path / "site"
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True)
    code = "import grader, grader.kit.wheel as w; print(grader.__file__); print(w._PACKAGE)"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=target, check=True, capture_output=True, text=True
    )
    assert told.stdout.split() == [str(target / "grader/__init__.py"), str(target / "grader")]
    assert (target / "grader/kits/sums/rubric.yaml").read_text("utf-8") == "rubric.yaml"


def test_installed_wheel_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    target = tmp_path / "site"
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True)
    code = "from pathlib import Path; from grader.kit.wheel import build_wheel as b; b(Path('w'))"
    subprocess.run([sys.executable, "-c", code], cwd=target, check=True, capture_output=True)
    assert (target / "w" / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize("path", ["/etc/kit", "../kit", "grader/../../kit", ""])
def test_path_that_no_wheel_can_have_is_refused(path: str, extra: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no path inside a wheel: write it like"):
        build_wheel(tmp_path, {path: extra})


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*nowhere to put into the wheel\."):
        build_wheel(tmp_path, {"grader/kits/sums": tmp_path / "nowhere"})


def test_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"file cannot be written to: "):
        build_wheel(tmp_path / "file")


def test_grader_that_is_not_installed_is_told_how_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "PROJECT", "homework-grader-of-nobody")
    with pytest.raises(UsageError, match=r"is not installed in .*: run `pip install -e \.`"):
        build_wheel(tmp_path)


def test_what_the_build_says_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project", encoding="utf-8")
    with pytest.raises(GraderError, match=r"(?s)The grader's wheel cannot be built: .*project"):
        kit._built(tmp_path)
