"""Downloads as a folder and as a ZIP, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grader.errors import GraderException
from grader.intake import ClassList, Entry, read_class
from grader.submission import read_submission
from tests.submission.making import code_cell, notebook_file, pack_files, put_files

Files = Mapping[str, bytes]
Download = Callable[[Files], Path]
Read = Callable[..., ClassList]


def notebook(name: str) -> bytes:
    """A notebook that says whose it is, so that a test sees which file was read."""
    return notebook_file(code_cell(f"name = {name!r}"))


def packed(tmp: Path, files: Files) -> bytes:
    """A ZIP's bytes."""
    path = pack_files(tmp / "packed.zip", files)
    data = path.read_bytes()
    path.unlink()
    return data


def said(entry: Entry) -> str:
    """Whose notebook lies at an entry's path."""
    source: str = read_submission(entry.path).notebook.cells[0].source
    return source.removeprefix("name = ").strip("'")


def fails(entry: Entry) -> str:
    """Why an entry cannot be read as a submission."""
    with pytest.raises(GraderException) as caught:
        read_submission(entry.path)
    return str(caught.value)


@pytest.fixture(params=["folder", "zip"])
def download(request: pytest.FixtureRequest, tmp_path: Path) -> Download:
    """download(files): the same files as a folder and as a ZIP, called `submissions` either way."""

    def make(files: Files) -> Path:
        if request.param == "zip":
            return pack_files(tmp_path / "submissions.zip", files)
        return put_files(tmp_path / "submissions", files)

    return make


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """read(path, ..., roster="its text"): the class's list, unpacked to a new folder each time."""
    count = iter(range(100))

    def run(*paths: Path, roster: str | None = None) -> ClassList:
        at = next(count)
        table = None
        if roster is not None:
            table = tmp_path / f"roster{at}.csv"
            table.write_text(roster, encoding="utf-8")
        return read_class(paths, roster=table, folder=tmp_path / f"work{at}")

    return run
