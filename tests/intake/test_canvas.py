"""Canvas's names: who, late or not, which attempt, and what belongs together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.intake.canvas import is_canvas, split_canvas
from grader.submission import read_submission
from tests.intake.conftest import Download, Read, fails, notebook, packed, said
from tests.submission.making import pack_files, put_files


def test_one_file_each(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_20001_hw5.ipynb": notebook("jane"),
            "roejoe_LATE_102_20002_my_2_hw_33_44_final.ipynb": notebook("joe"),
        }
    )
    told = read(path)
    jane, joe = told.entries
    assert told.form == "canvas" and told.unread == () and told.notes == ()
    assert (jane.id, jane.student, jane.lms_id, jane.late) == (
        "doejane-101",
        "doejane",
        "101",
        False,
    )
    assert (joe.id, joe.lms_id, joe.late, joe.attempt) == ("roejoe-102", "102", True, None)
    assert [said(jane), said(joe)] == ["jane", "joe"]
    assert joe.path.name == "roejoe_LATE_102_20002_my_2_hw_33_44_final.ipynb"


def test_files_of_one_student_are_one_submission(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_LATE_101_20001_hw5.ipynb": notebook("jane"),
            "doejane_LATE_101_20002_report.pdf": b"%PDF-1.4",
            "doejane_LATE_101_20003_data_1.csv": b"1,2",
            "roejoe_102_20004_hw5.ipynb": notebook("joe"),
        }
    )
    jane, joe = read(path).entries
    submission = read_submission(jane.path)
    assert submission.files == ("hw5.ipynb", "data_1.csv", "report.pdf")
    assert submission.container_name == "doejane_LATE_101_20001" and jane.late
    assert said(joe) == "joe"


def test_zip_and_what_came_beside_it_are_one_submission(
    tmp_path: Path, download: Download, read: Read
) -> None:
    inner = packed(tmp_path, {"hw/hw5.ipynb": notebook("jane"), "hw/img/1.png": b"1"})
    path = download(
        {
            "doejane_101_20001_Doe_Jane_ECE_4252_8803_F24_assignment_5.zip": inner,
            "doejane_101_20002_report.pdf": b"%PDF-1.4",
            "roejoe_102_20003_Roe_Joe_ECE_4252_8803_F24_assignment_5.zip": inner,
        }
    )
    jane, joe = read(path).entries
    name = "Doe_Jane_ECE_4252_8803_F24_assignment_5.zip"
    assert read_submission(jane.path).files == (
        f"{name}/hw/hw5.ipynb", "img/1.png", "report.pdf",
    )  # fmt: skip
    assert jane.notes == (f"{name} was unpacked beside the other files",)
    assert read_submission(joe.path).container == "zip"
    assert joe.path.name == "roejoe_102_20003_Roe_Joe_ECE_4252_8803_F24_assignment_5.zip"


def test_latest_attempt_counts_and_others_are_listed(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_20009_hw5-2.ipynb": notebook("third"),
            "doejane_101_20001_hw5.ipynb": notebook("first"),
            "doejane_101_20005_HW5-1.ipynb": notebook("second"),
            "roejoe_102_20002_hw5-1.tar.ipynb": notebook("joe"),
        }
    )
    jane, joe = read(path).entries
    assert said(jane) == "third" and jane.attempt == 3
    assert jane.others == ("hw5.ipynb", "HW5-1.ipynb")
    assert joe.attempt == 2 and joe.others == ()


def test_attachment_and_not_the_number_says_what_is_latest(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_20009_hw5.ipynb": notebook("renamed"),
            "doejane_101_20001_hw5-4.ipynb": notebook("old"),
            "roejoe_102_20002_hw5.ipynb": notebook("joe"),
        }
    )
    assert said(read(path).entries[0]) == "renamed"


def test_numbers_that_all_files_have_are_taken_off(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_20001_hw5-1.ipynb": notebook("jane"),
            "doejane_101_20002_data-1.csv": b"1",
            "roejoe_102_20003_hw5-1.ipynb": notebook("joe"),
            "roejoe_102_20004_plot-1.png": b"1",
            "roejoe_102_20005_plot-2.png": b"2",
        }
    )
    jane, joe = read(path).entries
    assert read_submission(jane.path).files == ("hw5.ipynb", "data.csv")
    assert "data-1.csv is read as data.csv" in " ".join(jane.notes)
    assert read_submission(joe.path).files == ("hw5-1.ipynb", "plot-1.png", "plot-2.png")
    assert joe.notes == ()


ANONYMOUS = {
    "anon_aB3dE_20001_hw5.ipynb": ("Anonymous aB3dE", "", False),
    "LATE_anon_Zz9xY_20002_hw5.ipynb": ("Anonymous Zz9xY", "", True),
    "anonymous_77_20003_hw5.ipynb": ("anonymous", "77", False),
    "anonymous_aB3dF_20004_hw5.ipynb": ("Anonymous aB3dF", "", False),
}


def test_anonymous_students_stay_apart(download: Download, read: Read) -> None:
    told = read(download({name: notebook(name) for name in ANONYMOUS}))
    found = {said(e): (e.student, e.lms_id, bool(e.late)) for e in told.entries}
    assert found == ANONYMOUS and told.form == "canvas"
    assert len({entry.id for entry in told.entries}) == len(ANONYMOUS)


def test_what_was_typed_in_is_said(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_text.html": b"<p>my answer",
            "roejoe_LATE_102_link.html": b"<a>",
            "anon_aB3dE_text.html": b"<p>",
            "poeann_103_20003_hw5.ipynb": notebook("ann"),
            "poeann_103_text.html": b"<p>see file",
            "loelee_104_20004_page.html": b"<p>",
        }
    )
    told = read(path)
    reasons = {row.student: row.reason for row in told.unread}
    assert reasons["doejane"].startswith("Canvas has a text that was typed in, no file")
    assert reasons["roejoe"].startswith("Canvas has a link, no file")
    assert reasons["loelee"].endswith(
        "page.html is no notebook, module or ZIP: ask the student for one."
    )
    assert {row.lms_id for row in told.unread} == {"101", "102", "104", ""}
    assert told.entries[0].notes == ("Canvas also has a text that was typed in of this student",)


def test_names_keep_letters_of_all_scripts(download: Download, read: Read) -> None:
    path = download(
        {
            "müllerjosé_101_20001_übung.ipynb": notebook("josé"),
            "王偉_102_20002_作业.ipynb": notebook("wei"),
            "_103_20003_hw.ipynb": notebook("nameless"),
        }
    )
    told = read(path)
    assert {e.student: said(e) for e in told.entries} == {
        "müllerjosé": "josé", "王偉": "wei", "User 103": "nameless",
    }  # fmt: skip
    assert all(entry.id.isascii() for entry in told.entries)


def test_utf8_names_that_do_not_say_so_are_read(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "submissions.zip"
    name = "müller_101_20001_hw.ipynb".encode()
    pack_files(path, {"m__ller_101_20001_hw.ipynb": notebook("m"), "doe_102_20002_a.py": b"x = 1"})
    path.write_bytes(path.read_bytes().replace(b"m__ller_101_20001_hw.ipynb", name))
    assert {entry.student for entry in read(path).entries} == {"müller", "doe"}


def test_what_canvas_did_not_name_is_nobodys(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_20001_hw5.ipynb": notebook("jane"),
            "roejoe_102_20002_hw5.ipynb": notebook("joe"),
            "poeann_103_20003_hw5.ipynb": notebook("ann"),
            "solution.ipynb": notebook("ta"),
            "grades.csv": b"a,b",
        }
    )
    told = read(path)
    assert len(told.entries) == 3
    assert [(row.name, row.student) for row in told.unread] == [("solution.ipynb", "")]
    assert told.notes == ("passed over: grades.csv",)


def test_folder_that_was_unpacked_beside_its_zip_is_passed_over(tmp_path: Path, read: Read) -> None:
    inner = packed(tmp_path, {"hw5.ipynb": notebook("jane")})
    files = {
        "doejane_101_20001_hw.zip": inner,
        "doejane_101_20001_hw/hw5.ipynb": notebook("edited"),
        "roejoe_102_20002_hw/hw5.ipynb": notebook("joe"),
    }
    jane, joe = read(put_files(tmp_path / "s", files)).entries
    assert said(jane) == "jane" and said(joe) == "joe"


def test_broken_zip_is_its_students_row(download: Download, read: Read) -> None:
    path = download(
        {
            "doejane_101_20001_hw.zip": b"PK no zip",
            "roejoe_102_20002_hw.zip": b"PK no zip",
            "roejoe_102_20003_report.pdf": b"%PDF",
            "poeann_103_20004_hw.ipynb": notebook("ann"),
        }
    )
    told = read(path)
    jane, ann = told.entries
    assert "is not a ZIP that can be read" in fails(jane) and said(ann) == "ann"
    assert [row.student for row in told.unread] == ["roejoe"]
    assert "is not a ZIP that can be read" in told.unread[0].reason


NOT_CANVAS = [
    ("Doe_Jane_ECE_4252_8803_F24_assignment_5.zip",),
    ("doe_jane_ece_4252_8803_f24_assignment_5.zip",),
    ("Doe_101_20001_hw.ipynb", "Roe_102_20002_hw.ipynb"),
    ("hw_2024_5_final.ipynb",),
    ("hw_2024_1_ann.ipynb", "hw_2024_2_bob.ipynb"),
    ("hw_2024_1_ann.ipynb", "hw_2025_1_bob.ipynb"),
    ("ann_4252_8803_hw.ipynb", "bob_4252_8804_hw.ipynb"),
    ("ann.ipynb", "bob.ipynb", "bobby_101_20001_hw.ipynb"),
    ("doe_007_20001_hw.ipynb",),
    ("submission_metadata.yml",),
    (),
]


@pytest.mark.parametrize("names", NOT_CANVAS)
def test_other_names_are_not_canvas(names: tuple[str, ...]) -> None:
    assert not is_canvas(dict.fromkeys(names, False))


def test_one_file_out_of_a_download_keeps_its_student(tmp_path: Path, read: Read) -> None:
    put_files(tmp_path, {"doejane_LATE_101_20001_hw.ipynb": notebook("jane")})
    told = read(tmp_path / "doejane_LATE_101_20001_hw.ipynb")
    assert told.form == "canvas" and told.entries[0].lms_id == "101" and told.entries[0].late


def test_files_of_a_download_may_be_named_one_by_one(tmp_path: Path, read: Read) -> None:
    names = ["doejane_101_20001_hw.ipynb", "doejane_101_20002_r.pdf", "roe_102_20003_h.ipynb"]
    put_files(tmp_path / "s", dict.fromkeys(names, notebook("x")))
    told = read(*(tmp_path / "s" / name for name in names))
    assert told.form == "canvas" and [e.id for e in told.entries] == ["doejane-101", "roe-102"]


word = st.text(st.characters(categories=["Ll", "Lo", "Nd"]), min_size=1, max_size=8).map(str.lower)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    name=word.filter(lambda text: not text.isdecimal()),
    late=st.booleans(),
    user=st.integers(1, 10**15),
    file_id=st.integers(1, 10**15),
    file=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
)
def test_every_name_that_canvas_makes_is_taken_apart(
    name: str, late: bool, user: int, file_id: int, file: str
) -> None:
    item = f"{name}_{'LATE_' * late}{user}_{file_id}_{file}"
    (piece,) = split_canvas({item: False}).pieces
    assert piece.student.lms_id == str(user) and piece.late is late
    assert list(piece.parts) == [item] and piece.student.name.startswith(name[:1])
