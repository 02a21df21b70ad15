"""Rosters of all LMSs, and whom they fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.intake import read_class, read_roster
from tests.intake.conftest import Download, Read, notebook

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Homework 5 (123)
,,,,,Manual Posting
    Points Possible,,,,,100.00
"Doe, Jane",101,903001,jdoe3,A,
"Roe, Joe",102,903002,jroe,B and A,
"Student, Test",999,,0af3,A,
"""
SAME = {
    "canvas": CANVAS,
    "semicolons": CANVAS.replace('"Doe, Jane"', '"Doe; Jane"')
    .replace(",", ";")
    .replace("; ", ", "),
    "bom": "\ufeff" + CANVAS,
    "gradescope": "First Name,Last Name,SID,Email,Role\n"
    "Jane,Doe,903001,j@x.edu,Student\nJoe,Roe,903002,r@x.edu,Student\nTa,Ta,1,t@x.edu,TA\n",
    "moodle": "Identifier,Full name,Email address,Status,Grade\n"
    'Participant 101,"Doe, Jane",j@x.edu,,\nParticipant 102,"Roe, Joe",,,\n',
    "plain": 'name,id,email,login\n"Doe, Jane",101,j@x.edu,jdoe3\n"Roe, Joe",102,,\n',
    "tabs": "Name\tID\nDoe, Jane\t101\n\nRoe, Joe\t102\n",
}


@pytest.mark.parametrize("form", SAME)
def test_rosters_of_all_kinds(tmp_path: Path, form: str) -> None:
    (tmp_path / "r.csv").write_text(SAME[form], encoding="utf-8")
    students = read_roster(tmp_path / "r.csv").students
    assert [student.name for student in students] == ["Doe, Jane", "Roe, Joe"]
    numbers = {(s.lms_id or s.sis_id).removeprefix("903") for s in students}
    assert numbers in ({"101", "102"}, {"001", "002"})


def test_canvas_roster_keeps_all_marks(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(CANVAS)
    jane, joe = read_roster(tmp_path / "r.csv").students
    assert (jane.lms_id, jane.sis_id, jane.login, jane.email) == ("101", "903001", "jdoe3", "")
    assert joe.section == "B and A"


BROKEN = {
    "no columns": "mark,comment\n1,x\n",
    "empty": "",
    "nobody": "name,id\n,\n",
    "binary": "\x00\x01",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_rosters_are_wrong_use(tmp_path: Path, case: str) -> None:
    (tmp_path / "r.csv").write_text(BROKEN[case])
    with pytest.raises(UsageError, match=r"r\.csv"):
        read_roster(tmp_path / "r.csv")


def test_excel_file_and_missing_file_are_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "r.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(UsageError, match="Export it as CSV in UTF-8"):
        read_roster(tmp_path / "r.xlsx")
    with pytest.raises(UsageError, match="The roster cannot be read"):
        read_roster(tmp_path / "none.csv")


def _canvas(*names: str) -> dict[str, bytes]:
    return {f"{name}_hw.ipynb": notebook(name) for name in names}


def test_id_gives_the_rosters_name_and_marks(download: Download, read: Read) -> None:
    told = read(download(_canvas("doejane_101_20001", "roejoe_102_20002")), roster=CANVAS)
    jane, joe = told.entries
    assert (jane.student, jane.sis_id, jane.login) == ("Doe, Jane", "903001", "jdoe3")
    assert jane.id == "doejane-101" and jane.notes == () and joe.student == "Roe, Joe"
    assert told.absent == ()


def test_absent_are_those_of_whom_nothing_came(download: Download, read: Read) -> None:
    files = {**_canvas("poeann_103_20001"), "roejoe_102_text.html": b""}
    told = read(download(files), roster=CANVAS)
    assert [student.name for student in told.absent] == ["Doe, Jane"]
    assert told.entries[0].notes == ("not in roster0.csv",)
    assert [(row.student, row.sis_id) for row in told.unread] == [("Roe, Joe", "903002")]


def test_id_beats_a_name_and_says_that_they_differ(download: Download, read: Read) -> None:
    told = read(download(_canvas("roejoe_101_20001", "poe_105_20002")), roster=CANVAS)
    joe = next(entry for entry in told.entries if entry.lms_id == "101")
    assert joe.student == "Doe, Jane" and joe.notes == ("the download calls the student roejoe",)


def test_name_with_another_id_is_nobody_of_the_roster(download: Download, read: Read) -> None:
    told = read(download(_canvas("doejane_555_20001", "roejoe_102_20002")), roster=CANVAS)
    jane = next(entry for entry in told.entries if entry.lms_id == "555")
    assert jane.student == "doejane" and jane.sis_id == ""
    assert jane.notes == ("not in roster0.csv: someone there has that name, but another id",)
    assert [student.name for student in told.absent] == ["Doe, Jane"]


def test_name_alone_matches_where_it_is_the_only_one(download: Download, read: Read) -> None:
    roster = "First Name,Last Name,SID,Email\nJosé,O'Brien-Doe,1,j@x.edu\nWei,Wang,2,w@x.edu\n"
    told = read(download(_canvas("obriendoejosé_101_20001", "wangwei_102_20002")), roster=roster)
    assert [(e.student, e.sis_id) for e in told.entries] == [
        ("O'Brien-Doe, José", "1"),
        ("Wang, Wei", "2"),
    ]


def test_two_of_one_name_are_said_and_not_guessed(download: Download, read: Read) -> None:
    roster = "name,id\nWei Wang,7\nWang Wei,8\nJoe Roe,9\n"
    told = read(
        download({"Wei Wang.ipynb": notebook("w"), "Joe Roe.ipynb": notebook("j")}), roster=roster
    )
    joe, wei = told.entries
    assert wei.student == "Wei Wang" and wei.lms_id == ""
    assert wei.notes == (
        "roster0.csv has several students whom it fits: Wei Wang (7), Wang Wei (8)",
    )
    assert told.absent == () and told.notes == (
        "unclear whether they handed in: Wang Wei, Wei Wang",
    )
    assert joe.lms_id == "9"


FILE_NAMES = [
    "101", "903001", "JDOE3", "Doe_Jane", "Jane Doe", "jane.doe",
    "Doe_Jane_ECE_4252_8803_F24_assignment_5",
]  # fmt: skip


@pytest.mark.parametrize("name", FILE_NAMES)
def test_file_names_tell_the_student(tmp_path: Path, read: Read, name: str) -> None:
    (tmp_path / f"{name}.ipynb").write_bytes(notebook("x"))
    told = read(tmp_path / f"{name}.ipynb", roster=CANVAS)
    assert told.entries[0].student == "Doe, Jane" and told.entries[0].lms_id == "101"


@pytest.mark.parametrize("name", ["Jane", "Doe", "JaneDoeX", "hw5_Doe_Jane", "Does_Jane"])
def test_half_a_name_tells_nobody(tmp_path: Path, read: Read, name: str) -> None:
    (tmp_path / f"{name}.ipynb").write_bytes(notebook("x"))
    assert read(tmp_path / f"{name}.ipynb", roster=CANVAS).entries[0].lms_id == ""


def test_notebook_never_tells_the_student(tmp_path: Path, read: Read) -> None:
    (tmp_path / "hw.ipynb").write_bytes(notebook("Doe, Jane 101 jdoe3"))
    told = read(tmp_path / "hw.ipynb", roster=CANVAS)
    assert told.entries[0].student == "hw" and len(told.absent) == 2


def test_same_student_twice_is_said(tmp_path: Path, download: Download, read: Read) -> None:
    told = read(
        download(
            {"jdoe3.ipynb": notebook("a"), "Doe_Jane.ipynb": notebook("b"), "jroe.py": b"x = 1"}
        ),
        roster=CANVAS,
    )
    by_id = {entry.id: entry for entry in told.entries}
    assert by_id["jdoe3"].student == "Doe, Jane" and by_id["Doe_Jane"].student == "Doe_Jane"
    assert "another submission is by the one student of that name" in by_id["Doe_Jane"].notes[0]
    told = read(
        download({"jdoe3.ipynb": notebook("a"), "903001.ipynb": notebook("b")}), roster=CANVAS
    )
    notes = {entry.id: entry.notes for entry in told.entries}
    assert notes["jdoe3"] == ("the same student also handed in 903001",)


YML = "submission_1:\n  :submitters:\n  - :name: J. D.\n    :sid: '{sid}'\n    :email: {email}\n"
BY_MARK = {
    "sis id": ("903001", "a@x.edu", CANVAS),
    "login": ("jdoe3", "a@x.edu", CANVAS),
    "plain id": ("101", "a@x.edu", "name,id\n\"Doe, Jane\",101\n"),
    "email": ("", "J@X.edu", SAME["gradescope"]),
    "email as login": ("", "J@x.edu", CANVAS.replace("jdoe3", "j@x.edu")),
}  # fmt: skip


@pytest.mark.parametrize("case", BY_MARK)
def test_gradescope_students_match_by_each_mark(download: Download, read: Read, case: str) -> None:
    sid, email, roster = BY_MARK[case]
    yml = YML.format(sid=sid, email=email).encode()
    told = read(
        download({"submission_metadata.yml": yml, "submission_1/a.ipynb": notebook("a")}),
        roster=roster,
    )
    assert told.entries[0].student == "Doe, Jane"
    assert told.entries[0].notes == ("the download calls the student J. D.",)


def test_school_number_is_not_an_lms_number(download: Download, read: Read) -> None:
    yml = YML.format(sid="101", email="a@x.edu").encode()
    files = {"submission_metadata.yml": yml, "submission_1/a.ipynb": notebook("a")}
    assert read(download(files), roster=CANVAS).entries[0].student == "J. D."


def test_roster_in_the_download_is_no_submission(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        (tmp_path / f"{name}.py").write_text("x = 1")
    (tmp_path / "roster.csv").write_text("name,login\nAnn A,ann\nBob B,bob\n")
    told = read_class([tmp_path], roster=tmp_path / "roster.csv", folder=tmp_path.with_name("w"))
    assert [entry.student for entry in told.entries] == ["Ann A", "Bob B"] and told.notes == ()
