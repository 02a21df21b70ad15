"""Moodle's folders and flat names."""

from __future__ import annotations

from pathlib import Path

from grader.submission import read_submission
from tests.intake.conftest import Download, Read, notebook, packed, said


def test_folders_of_old_and_new_versions(download: Download, read: Read) -> None:
    path = download(
        {
            "Jane van Doe_123_assignsubmission_file_/hw5.ipynb": notebook("jane"),
            "Jane van Doe_123_assignsubmission_file_/img/1.png": b"1",
            "Joe Roe_124_assignsubmission_file/hw5.ipynb": notebook("joe"),
        }
    )
    told = read(path)
    jane, joe = told.entries
    assert told.form == "moodle" and told.unread == ()
    assert (jane.student, jane.lms_id, jane.late) == ("Jane van Doe", "123", None)
    assert read_submission(jane.path).files == ("hw5.ipynb", "img/1.png")
    assert said(joe) == "joe" and joe.id.startswith("Joe_Roe-124")


def test_flat_names_of_one_student_are_one_submission(download: Download, read: Read) -> None:
    path = download(
        {
            "Jane Doe_123_assignsubmission_file_hw_5.ipynb": notebook("jane"),
            "Jane Doe_123_assignsubmission_file_data.csv": b"1",
            "Joe Roe_124_assignsubmission_file_x_1_assignsubmission_file_y.ipynb": notebook("joe"),
        }
    )
    jane, joe = read(path).entries
    assert read_submission(jane.path).files == ("hw_5.ipynb", "data.csv")
    assert said(joe) == "joe" and joe.student == "Joe Roe"


def test_typed_text_counts_only_beside_a_file(download: Download, read: Read) -> None:
    path = download(
        {
            "Jane Doe_123_assignsubmission_file_/hw5.ipynb": notebook("jane"),
            "Jane Doe_123_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
            "Joe Roe_124_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
        }
    )
    told = read(path)
    assert said(told.entries[0]) == "jane"
    assert told.entries[0].notes == ("Moodle also has: onlinetext",)
    assert [(r.student, r.lms_id) for r in told.unread] == [("Joe Roe", "124")]
    assert told.unread[0].reason.startswith("Moodle has onlinetext only, no file")


def test_zip_in_a_folder_is_the_submission(tmp_path: Path, download: Download, read: Read) -> None:
    inner = packed(tmp_path, {"hw5.ipynb": notebook("in")})
    path = download(
        {
            "Jane Doe_123_assignsubmission_file_/Doe_Jane.zip": inner,
            "Joe Roe_124_assignsubmission_file_/Roe_Joe.zip": inner,
            "Joe Roe_124_assignsubmission_file_/report.pdf": b"%PDF",
            "Ann Poe_125_assignsubmission_file_/report.pdf": b"%PDF",
        }
    )
    told = read(path)
    jane, joe = told.entries
    assert jane.path.name == "Doe_Jane.zip" and said(jane) == "in"
    assert read_submission(joe.path).files == ("Roe_Joe.zip/hw5.ipynb", "report.pdf")
    assert told.unread[0].reason == "There is no notebook, module or ZIP, but report.pdf."


def test_groups_and_blind_marking(download: Download, read: Read) -> None:
    path = download(
        {
            "Participant_77_assignsubmission_file_/a.ipynb": notebook("77"),
            "Participant_78_assignsubmission_file_/a.ipynb": notebook("78"),
            "Default group_assignsubmission_file_/a.ipynb": notebook("group"),
        }
    )
    found = {entry.student: entry.lms_id for entry in read(path).entries}
    assert found == {"Participant 77": "77", "Participant 78": "78", "Default group": ""}


def test_one_name_like_moodles_makes_no_class(download: Download, read: Read) -> None:
    names = ["ann.ipynb", "bob.ipynb", "x_1_assignsubmission_file_y.ipynb"]
    assert read(download({name: notebook(name) for name in names})).form == "folder"


def test_one_student_alone_is_no_class(tmp_path: Path, download: Download, read: Read) -> None:
    path = download({"Jane Doe_123_assignsubmission_file_/a.ipynb": notebook("jane")})
    told = read(path)
    assert told.form == "moodle" and told.entries[0].student == "Jane Doe"
