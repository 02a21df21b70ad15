"""Folders and ZIPs that no LMS made: a class, or one submission as `read_submission` has it."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from grader.errors import GraderException, UsageError
from grader.intake import Entry, Unread, read_class, read_one
from grader.submission import read_submission
from tests.intake.conftest import Download, Files, Read, notebook, packed, said
from tests.submission.making import pack_files, put_files

N = notebook("n")
SINGLE: dict[str, Files] = {
    "notebook": {"hw.ipynb": N},
    "notebook and helpers": {"hw.ipynb": N, "a.py": b"", "b.py": b"", "util/c.py": b""},
    "notebook and draft": {"hw.ipynb": N, "old/draft.ipynb": N, "old/draft2.ipynb": N},
    "notebook and ZIP": {"hw.ipynb": N, "data.zip": b"PK"},
    "module": {"hw.py": b"x = 1", "data.csv": b"1"},
    "deep": {"a/b/hw.ipynb": N, "a/b/data.csv": b"1"},
    "beside data": {"src/hw.ipynb": N, "data/1.csv": b"1", "report.pdf": b"%PDF"},
    "left by systems": {"hw.ipynb": N, "__MACOSX/._hw.ipynb": b"", ".DS_Store": b""},
}
THREE = {"ann", "bob", "eve"}
CLASS: dict[str, tuple[Files, set[str]]] = {
    "notebooks": ({"ann.ipynb": N, "bob.ipynb": N, "eve.py": b"x = 1"}, {"ann", "bob", "eve"}),
    "modules": ({"ann.py": b"x = 1", "bob.py": b"x = 1"}, {"ann", "bob"}),
    "folders": ({"ann/hw.ipynb": N, "bob/x/hw.ipynb": N}, {"ann", "bob"}),
    "wrapped": ({"t/s/ann/hw.ipynb": N, "t/s/bob.ipynb": N, "t/s/eve.ipynb": N}, THREE),
    "zips": ({"ann.zip": b"zip", "bob.zip": b"zip"}, {"ann", "bob"}),
    "one zip": ({"ann.zip": b"zip"}, {"ann"}),
    "zips and a notebook": ({"ann.zip": b"zip", "bob.zip": b"zip", "eve.ipynb": N}, THREE),
}  # fmt: skip


def _filled(tmp_path: Path, files: Files) -> Files:
    inner = packed(tmp_path, {"hw.ipynb": N})
    return {name: inner if data == b"zip" else data for name, data in files.items()}


@pytest.mark.parametrize("case", SINGLE)
def test_one_notebook_or_module_is_one_submission(
    download: Download, read: Read, case: str
) -> None:
    path = download(SINGLE[case])
    told = read(path)
    (entry,) = told.entries
    assert told.form == "single" and entry.path == path
    assert entry.id == read_submission(path).id == "submissions"
    assert entry.late is None and entry.submitted_at is None


@pytest.mark.parametrize("case", CLASS)
def test_each_is_one_submission(tmp_path: Path, download: Download, read: Read, case: str) -> None:
    files, names = CLASS[case]
    told = read(download(_filled(tmp_path, files)))
    assert told.form == "folder" and {e.student for e in told.entries} == names
    assert told.unread == ()
    for entry in told.entries:
        read_submission(entry.path)


@pytest.mark.parametrize("name", ["hw.ipynb", "hw.py"])
def test_one_file_is_one_submission(tmp_path: Path, read: Read, name: str) -> None:
    put_files(tmp_path, {name: N if name.endswith("b") else b"x = 1"})
    told = read(tmp_path / name)
    assert told.form == "single" and told.entries[0].path == tmp_path / name


def test_what_is_no_submission_gets_a_row(download: Download, read: Read) -> None:
    path = download(
        {"ann.ipynb": N, "bob.ipynb": N, "eve.pdf": b"%PDF", "grades.csv": b"", "joe/a.pdf": b""}
    )
    told = read(path)
    assert [(row.name, row.reason) for row in told.unread] == [
        ("eve.pdf", "it is no notebook, module, ZIP or folder"),
        ("joe", "There is no notebook, module or ZIP, but a.pdf."),
    ]
    assert told.notes == ("passed over: grades.csv",)


def test_several_paths_are_a_submission_each(tmp_path: Path, read: Read) -> None:
    put_files(
        tmp_path, {"a/hw.ipynb": notebook("a"), "b/hw.ipynb": notebook("b"), "c.py": b"x = 1"}
    )
    told = read(
        tmp_path / "a/hw.ipynb", tmp_path / "b/hw.ipynb", tmp_path / "c.py", tmp_path / "no"
    )
    assert {e.id: e.path.parent.name for e in told.entries if e.id != "c"} == {
        "a-hw": "a",
        "b-hw": "b",
    }
    assert [row.reason for row in told.unread] == [
        "there is no such file or folder: check the path's spelling"
    ]


def test_one_of_several_zips_is_no_class(tmp_path: Path, read: Read) -> None:
    fake = {"submission_metadata.yml": b"{}", "submission_1/a.ipynb": N, "x/b.ipynb": N}
    one = pack_files(tmp_path / "jane.zip", fake)
    other = pack_files(tmp_path / "joe.zip", {"hw.ipynb": N})
    told = read(one, other)
    assert [entry.student for entry in told.entries] == ["jane", "joe"]


def test_same_download_gives_the_same_ids(download: Download, read: Read) -> None:
    path = download({"Ann.ipynb": N, "ann.py": b"x = 1", "b b.ipynb": N, "ann/hw.ipynb": N})
    first, second = ([e.id for e in read(path).entries] for _ in range(2))
    assert first == second and len({i.casefold() for i in first}) == 4
    assert all(i.isascii() and "/" not in i and " " not in i for i in first)


EMPTY: list[Files] = [{}, {"__MACOSX/._a": b"", ".DS_Store": b""}]


@pytest.mark.parametrize("files", EMPTY)
def test_empty_download_is_wrong_use(download: Download, read: Read, files: Files) -> None:
    path = download(files)
    path.mkdir(exist_ok=True) if not path.suffix else None
    with pytest.raises(UsageError, match="holds no submission: is it the right download"):
        read(path)


def test_broken_zip_alone_is_left_to_whoever_reads_it(tmp_path: Path, read: Read) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    (entry,) = read(tmp_path / "a.zip").entries
    with pytest.raises(GraderException, match="is not a ZIP that can be read"):
        read_submission(entry.path)


def test_wrong_paths_are_wrong_use(tmp_path: Path, read: Read) -> None:
    with pytest.raises(UsageError, match="There is no file or folder"):
        read(tmp_path / "none")
    with pytest.raises(UsageError, match="Name a download"):
        read()


def test_folder_to_unpack_to_has_to_be_empty(tmp_path: Path) -> None:
    put_files(tmp_path, {"a/ann.ipynb": N, "used/x": b""})
    with pytest.raises(UsageError, match="is not empty: name a folder that is"):
        read_class([tmp_path / "a"], folder=tmp_path / "used")


def test_nothing_is_written_where_it_was_handed_in(tmp_path: Path, read: Read) -> None:
    inner = packed(tmp_path, {"hw.ipynb": N})
    path = put_files(
        tmp_path / "s", {"ann/hw.zip": inner, "ann/r.pdf": b"", "bob/hw.ipynb": N, "c/h.ipynb": N}
    )
    before = sorted(p.relative_to(path) for p in path.rglob("*"))
    told = read(path)
    assert said(told.entries[0]) == "n" and path not in told.entries[0].path.parents
    assert sorted(p.relative_to(path) for p in path.rglob("*")) == before


def test_one_students_folder_is_never_a_class(tmp_path: Path) -> None:
    handed = tmp_path / "handed"
    for name in ("ada/homework.ipynb", "bob/homework.ipynb", "submission_metadata.yml"):
        (handed / name).parent.mkdir(parents=True, exist_ok=True)
        (handed / name).write_bytes(b"{}")
    found = read_one(handed, folder=tmp_path / "unpacked")
    assert isinstance(found, Entry) and found.path == handed


def test_one_students_zip_beside_a_pdf_is_unpacked(tmp_path: Path) -> None:
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "homework.pdf").write_bytes(b"%PDF-")
    with ZipFile(handed / "homework.zip", "w") as archive:
        archive.writestr("homework.ipynb", "{}")
    found = read_one(handed, folder=tmp_path / "unpacked")
    assert isinstance(found, Entry)
    assert found.notes == ("homework.zip was unpacked beside the other files",)
    files = {p.relative_to(found.path).as_posix() for p in found.path.rglob("*") if p.is_file()}
    assert files == {"homework.pdf", "homework.zip/homework.ipynb"}


def test_one_student_who_handed_in_no_code_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "handed").mkdir()
    (tmp_path / "handed/notes.txt").write_bytes(b"words")
    found = read_one(tmp_path / "handed", folder=tmp_path / "unpacked")
    assert isinstance(found, Unread)
    assert found.reason == "There is no notebook, module or ZIP, but notes.txt."
