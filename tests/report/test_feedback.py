"""The ZIP of feedback: names that Canvas takes, the same bytes each time, no way out of it."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given

from grader.errors import UsageError
from grader.report.canvas import feedback_name, feedback_zip
from tests.report.texts import TEXTS

DOWNLOADED = "lovelaceada_1002_20771_hw5.ipynb"


def read_by_canvas(name: str) -> tuple[str, ...]:
    """What Canvas reads off a name, told in Python: abstract_assignment.rb, since 2019."""
    fields = [field for field in name.split("/")[-1].split("_") if field != "LATE"]
    if fields[-1].startswith("link") or name.startswith("._"):
        return ()
    if fields[0] == "anon":
        return tuple(fields[1:3])
    return tuple(f for f in fields if f.isascii() and f.isdigit())[:2]


@pytest.mark.parametrize(
    ("download", "name", "ids"),
    [
        (DOWNLOADED, "lovelaceada_1002_20771_report.html", ("1002", "20771")),
        ("hopper_LATE_1001_20772_a_1_2.py", "hopper_1001_20772_report.html", ("1001", "20772")),
        ("zoëångström_3_4_hw-1.ipynb", "zoëångström_3_4_report.html", ("3", "4")),
        ("eve_5_6_my_link.ipynb", "eve_5_6_report.html", ("5", "6")),
        ("42_7_8_hw.ipynb", "student_7_8_report.html", ("7", "8")),
        ("anon_aB3xZ_99_hw.ipynb", "anon_aB3xZ_99_report.html", ("aB3xZ", "99")),
        ("LATE_anon_aB3xZ_99_hw.ipynb", "anon_aB3xZ_99_report.html", ("aB3xZ", "99")),
    ],
)
def test_names_that_canvas_reads(download: str, name: str, ids: tuple[str, ...]) -> None:
    assert feedback_name(download) == name
    assert read_by_canvas(name) == ids


@pytest.mark.parametrize(
    "download",
    ["hw5.ipynb", "eve_5_text.html", "eve_5_link.html", "../eve_5_6_a.py", "a/eve_5_6_a.py",
     "._eve_5_6_a.py", "eve_\u0665_6_a.py", "eve_5_6_", "", "e\x00e_5_6_a.py"],
)  # fmt: skip
def test_names_that_canvas_passes_over_are_refused(download: str) -> None:
    assert feedback_name(download) is None
    with pytest.raises(UsageError, match=r"Canvas would not take feedback on 1 files"):
        feedback_zip({DOWNLOADED: b"", download: b""})


def test_two_reports_on_one_file_are_refused() -> None:
    with pytest.raises(UsageError, match=r"on 2 files .*each once"):
        feedback_zip({"eve_5_6_a.py": b"1", "eve_5_6_b.py": b"2"})


def test_the_zip_holds_the_reports() -> None:
    packed = feedback_zip({"b_3_4_x.py": b"two", "a_1_2_x.py": b"one"})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a_1_2_report.html", "b_3_4_report.html"]
        assert archive.read("b_3_4_report.html") == b"two"
        member = archive.infolist()[0]
    assert (member.date_time, member.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), 0o100644)


def test_the_same_reports_give_the_same_bytes() -> None:
    files = {"b_3_4_x.py": b"two" * 999, "a_1_2_x.py": b"one" * 999}
    assert feedback_zip(files) == feedback_zip(dict(reversed(files.items())))


@given(TEXTS, TEXTS)
def test_no_name_leads_out_of_the_zip(who: str, file: str) -> None:
    name = feedback_name(f"{who}_1002_20771_{file}")
    if name is not None:
        assert "/" not in name and "\\" not in name and not name.startswith(".")
        assert name.isprintable() and name.endswith("_report.html")
