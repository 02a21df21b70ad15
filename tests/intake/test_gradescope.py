"""Gradescope's export, and metadata that are not what they should be."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from grader.errors import UsageError
from grader.intake import metadata
from grader.intake.metadata import read_metadata, read_stamp
from tests.intake.conftest import Download, Read, notebook, said
from tests.submission.making import pack_files, put_files

METADATA = """---
submission_1001:
  :submitters:
  - :name: Jane Doe
    :sid: '0123'
    :email: jane@x.edu
  :created_at: 2024-10-01 03:16:46.123456000 Z
  :score: 10.0
  :results:
    output: "it is *1 or &2"
    tests: [{name: a, score: 1.0}]
  :history:
  - :id: 1
    :created_at: 2024-09-30 01:00:00.000000000 Z
    :score:
submission_1002:
  :submitters:
  - :name: Joe Roe
    :sid: 0124
    :email: joe@x.edu
  - :name: Ann Poe
    :sid: ~
    :email: ann@x.edu
  :created_at: 2024-10-01 03:16:46 -04:00
"""
EXPORT = {
    "assignment_7_export/submission_metadata.yml": METADATA.encode(),
    "assignment_7_export/submission_1001/hw5.ipynb": notebook("jane"),
    "assignment_7_export/submission_1002/hw5.ipynb": notebook("both"),
}
WHERE = "submission_metadata.yml"


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers of PyYAML: which is there depends on how it was built."""
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(metadata, "_LOADER", getattr(yaml, request.param))


def test_submitters_dates_and_attempts(download: Download, read: Read) -> None:
    told = read(download(EXPORT))
    ann, jane, joe = told.entries
    assert told.form == "gradescope" and told.unread == ()
    assert (jane.student, jane.sis_id, jane.email, jane.lms_id) == (
        "Jane Doe",
        "0123",
        "jane@x.edu",
        "",
    )
    assert jane.submitted_at == datetime(2024, 10, 1, 3, 16, 46, tzinfo=timezone.utc)
    assert jane.attempt == 2 and jane.others == ("attempt of 2024-09-30 01:00 UTC",)
    assert joe.sis_id == "0124" and ann.sis_id == "" and joe.attempt == 1
    assert ann.submitted_at is not None and ann.submitted_at.utcoffset() is not None
    assert [said(entry) for entry in told.entries] == ["both", "jane", "both"]


def test_group_shares_a_submission_and_says_so(download: Download, read: Read) -> None:
    ann, _, joe = read(download(EXPORT)).entries
    assert ann.path == joe.path and ann.id != joe.id
    assert ann.notes == ("handed in together with Joe Roe",)
    assert joe.notes == ("handed in together with Ann Poe",)


def test_members_of_one_name_stay_apart(download: Download, read: Read) -> None:
    people = "".join(f"  - :name: Wei Wang\n    :sid: {n}\n" for n in ("'1'", "'2'", "'2'"))
    yml = f"submission_1:\n  :submitters:\n{people}".encode()
    told = read(download({"submission_metadata.yml": yml, "submission_1/a.ipynb": notebook("w")}))
    assert len({entry.id.casefold() for entry in told.entries}) == 3


def test_metadata_and_folders_that_lack_each_other(download: Download, read: Read) -> None:
    files = {
        **EXPORT,
        "assignment_7_export/submission_1003/hw5.ipynb": notebook("nobody"),
        "assignment_7_export/extra/hw5.ipynb": notebook("ta"),
    }
    del files["assignment_7_export/submission_1001/hw5.ipynb"]
    told = read(download(files))
    nobody = next(entry for entry in told.entries if entry.student == "submission_1003")
    assert nobody.notes == ("submission_metadata.yml does not say whose it is",)
    reasons = {row.student or row.name: row.reason for row in told.unread}
    assert reasons["Jane Doe"] == "it is in submission_metadata.yml, but not in the download"
    assert reasons["extra"] == "it is not in submission_metadata.yml"


def test_bomb_of_a_group_is_the_row_of_each_member(tmp_path: Path, read: Read) -> None:
    files = {**EXPORT, "assignment_7_export/submission_1002/data.csv": bytes(64 << 20)}
    told = read(pack_files(tmp_path / "s.zip", files))
    assert [row.student for row in told.unread] == ["Ann Poe", "Joe Roe"]
    assert all("too much" in row.reason for row in told.unread) and len(told.entries) == 1
    assert sum(path.stat().st_size for path in (tmp_path / "work0").rglob("*")) < 1 << 20


BROKEN = {
    "list": "- a\n- b",
    "text": "just words",
    "empty": "",
    "broken": "a: [1, 2",
    "bytes": "a: \x00\x01",
    "two colons": "a: b: c",
    "deep": "submission_1:\n  x: " + "[" * 5000,
    "deep and whole": "s1: {x: " + "[" * 200 + "]" * 200 + "}",
    "deep keys": "[" * 100_000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_metadata_is_wrong_use(case: str) -> None:
    with pytest.raises(UsageError, match=r"metadata\.yml cannot be read: .* Export it .* again\."):
        read_metadata(BROKEN[case].encode(), WHERE)


def test_broken_metadata_stops_the_class_with_the_fix(download: Download, read: Read) -> None:
    files = {"submission_metadata.yml": b"- 1", "submission_1/a.ipynb": notebook("a")}
    with pytest.raises(UsageError, match="Export it from Gradescope again"):
        read(download(files))


def test_aliases_are_not_unfolded() -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    lines += ["c: &m {<<: [*a39, *a39]}", "submission_1: {':submitters': *a39, ':history': *a39}"]
    rows = read_metadata("\n".join(lines).encode(), WHERE)
    assert rows["submission_1"].submitters == [] and rows["submission_1"].history == []


def test_text_that_comes_again_is_known() -> None:
    text = "s1:\n  ':submitters': [{':name': &1 Jo, ':sid': *1}]\n  ':created_at': *9"
    row = read_metadata(text.encode(), WHERE)["s1"]
    assert row.submitters == [{"name": "Jo", "sid": "Jo"}] and row.created_at == ""


TAGS = [
    "!!python/object/apply:os.system ['touch {}']",
    "!!python/object/new:subprocess.Popen [['touch', '{}']]",
    "!ruby/object:Gem::Installer {{i: x}}",
]


@pytest.mark.parametrize("tag", TAGS)
def test_tags_make_no_object(tmp_path: Path, tag: str) -> None:
    value = tag.format(tmp_path / "made")
    text = f"s1:\n  ':submitters': {value}\n  ':created_at': {value}\n? {value}\n: {value}\n"
    rows = read_metadata(text.encode(), WHERE)
    assert rows["s1"].submitters == [] and rows["s1"].created_at == ""
    assert not (tmp_path / "made").exists()


def test_names_in_metadata_are_made_fit_to_be_shown(download: Download, read: Read) -> None:
    yml = b'submission_1:\n  :submitters:\n  - :name: "\\e]0;x\\a \\u202Eevil"\n'
    (entry,) = read(download({WHERE: yml, "submission_1/a.ipynb": notebook("a")})).entries
    assert entry.student == r"\x1b]0;x\x07 \u202eevil" and entry.id.isascii()


def test_metadata_alone_make_no_gradescope(tmp_path: Path, read: Read) -> None:
    evil = b"hw.ipynb:\n  :submitters:\n  - :name: Someone Else\n"
    path = put_files(tmp_path / "doe_jane", {WHERE: evil, "hw.ipynb": notebook("jane")})
    told = read(path)
    assert told.form == "single" and told.entries[0].student == "doe_jane"


@pytest.mark.parametrize("top", ["", "wrap/"])
def test_students_metadata_is_a_file_like_any_other(tmp_path: Path, read: Read, top: str) -> None:
    inner = {WHERE: METADATA.encode(), "submission_1001/hw5.ipynb": notebook("fake")}
    files = {
        f"{top}doejane_101_20001_{WHERE}": METADATA.encode(),
        f"{top}doejane_101_20002_hw5.ipynb": notebook("jane"),
        f"{top}roejoe_102_20003_hw.zip": pack_files(tmp_path / "i.zip", inner).read_bytes(),
    }
    told = read(pack_files(tmp_path / "s.zip", files))
    assert told.form == "canvas" and [e.lms_id for e in told.entries] == ["101", "102"]
    assert [said(entry) for entry in told.entries] == ["jane", "fake"]


STAMPS = {
    "2024-10-01 03:16:46.746365000 Z": (3, 0),
    "2024-10-01 03:16:46": (3, 0),
    "2024-10-01T03:16:46+02:00": (1, 2),
    "2024-10-01 03:16:46 -0400": (7, -4),
}


@pytest.mark.parametrize("text", STAMPS)
def test_dates_of_ruby(text: str) -> None:
    told = read_stamp(text)
    hour, _ = STAMPS[text]
    assert told is not None
    assert told.astimezone(timezone.utc) == datetime(2024, 10, 1, hour, 16, 46, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-01 00:00:00 Z", "2024-10-01 03:16:46 +99:00"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_stamp(text) is None
