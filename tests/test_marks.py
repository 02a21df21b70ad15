"""Which check files are read where parts are picked out, both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.marks import files_of

MARKED = '@pytest.mark.part("{}")\ndef test_{}(student): ...\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two check files, with a part each."""
    (tmp_path / "test_one.py").write_text(MARKED.format("1", "one"))
    (tmp_path / "test_two.py").write_text(MARKED.format("2", "two"))
    return tmp_path


def test_only_files_of_the_parts_are_read(folder: Path) -> None:
    assert files_of(folder, {"2"}, {"test_two"}) == [folder / "test_two.py"]
    assert files_of(folder, {"1", "2"}, ()) == [folder / "test_one.py", folder / "test_two.py"]


def test_a_check_that_is_marked_wrongly_is_found_by_its_name(folder: Path) -> None:
    assert files_of(folder, {"2"}, {"test_one"}) == [folder / "test_one.py", folder / "test_two.py"]


@pytest.mark.parametrize(
    "source",
    [
        "pytestmark = pytest.mark.part(PART)\ndef test_x(student): ...\n",
        "marked = pytest.mark.part\n@marked('2')\ndef test_x(student): ...\n",
        "from other import *\n",
        MARKED.format("1", "x") + "@pytest.mark.part(id='2')\ndef test_y(student): ...\n",
        "def test_x(student:\n",
    ],
    ids=["name", "alias", "elsewhere", "keyword", "syntax"],
)
def test_what_cannot_be_read_for_certain_is_kept(folder: Path, source: str) -> None:
    (folder / "test_three.py").write_text(source)
    assert files_of(folder, {"2"}, ()) == [folder / "test_three.py", folder / "test_two.py"]
