"""Downloads that mean harm: what one student made costs the others nothing, and no file leaves."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import GraderError, GraderException, UsageError
from grader.intake import ClassList, downloads, placing, read_class, reading
from grader.intake.model import Piece, Student, clean_name, told_apart
from grader.submission.files import printable
from tests.intake.conftest import Read, fails, notebook, packed, said
from tests.submission.making import pack_files, put_files

GOOD = {
    "poeann_103_20003_hw.ipynb": notebook("ann"),
    "loelee_104_20004_hw.ipynb": notebook("lee"),
}
JANE = "doejane_101_20001_"


def _with(tmp_path: Path, files: dict[str, bytes], odd: dict[str, int] | None = None) -> Path:
    """A class's ZIP with the good ones, these, and members of other kinds."""
    path = tmp_path / "submissions.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in {**GOOD, **files}.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        for name, kind in (odd or {}).items():
            member = zipfile.ZipInfo(name)
            member.create_system, member.external_attr = 3, (kind | 0o777) << 16
            made.writestr(member, "/etc/passwd")
    return path


def _others_are_there(told: ClassList) -> None:
    found = {entry.lms_id: entry for entry in told.entries}
    assert said(found["103"]) == "ann" and said(found["104"]) == "lee"
    for row in told.unread:
        assert row.name.isprintable() and row.reason.isprintable() and len(row.reason) < 2000


def _stays_inside(tmp_path: Path, before: set[Path]) -> None:
    made = {path for path in tmp_path.rglob("*") if path not in before}
    assert all(path.relative_to(tmp_path).parts[0].startswith("work") for path in made)
    assert not any(path.is_symlink() for path in made)


LEADS_OUT = [
    "../doejane_101_20001_hw.ipynb",
    "../../../../tmp/doejane_101_20001_hw.ipynb",
    "/etc/doejane_101_20001_hw.ipynb",
    "..\\doejane_101_20001_hw.ipynb",
    "./doejane_101_20001_hw.ipynb",
    "//doejane_101_20001_hw.ipynb",
]


@pytest.mark.parametrize("name", LEADS_OUT)
def test_paths_that_lead_out_are_rows(tmp_path: Path, read: Read, name: str) -> None:
    path = _with(tmp_path, {name: notebook("jane")})
    told = read(path)
    _others_are_there(told)
    _stays_inside(tmp_path, {path})
    assert [row.reason for row in told.unread] == ["its path leads out of the download"]


BELOW = ["hw/../../../x.ipynb", "hw//etc/x.ipynb", "hw/a\\b.ipynb", "hw/C:x.ipynb",
         "hw/\x1b[2J.py", "hw/\u202exslx.ipynb",
         f"hw/{'a' * 300}.ipynb", "hw/" + "a/" * 600 + "x.ipynb"]  # fmt: skip


@pytest.mark.parametrize("name", BELOW)
def test_unsafe_names_within_a_submission_are_left_out_and_said(
    tmp_path: Path, read: Read, name: str
) -> None:
    path = _with(tmp_path, {f"{JANE}{name}": b"x", f"{JANE}hw/hw.ipynb": notebook("jane")})
    told = read(path)
    _others_are_there(told)
    _stays_inside(tmp_path, {path})
    jane = told.entries[0]
    assert said(jane) == "jane" and jane.notes[0].startswith("left out: ")
    assert jane.notes[0].isprintable()


NAMES = {
    "terminal": "\x1b]0;x\x07hw.ipynb",
    "reversed": "\u202ebpyni.hw.ipynb",
    "newlines": "a\nb\r\n.ipynb",
    "long": "a" * 4000 + ".ipynb",
    "drive": "C:hw.ipynb",
    "quotes": "a'\"<b>&.ipynb",
    "formula": "=cmd|' /C calc'!A0.ipynb",
}


@pytest.mark.parametrize("case", NAMES)
def test_odd_names_at_the_top_are_written_under_fit_ones(
    tmp_path: Path, read: Read, case: str
) -> None:
    told = read(_with(tmp_path, {JANE + NAMES[case]: notebook("jane")}))
    _others_are_there(told)
    jane = told.entries[0]
    assert said(jane) == "jane" and jane.lms_id == "101" and jane.student == "doejane"
    assert jane.path.name.isprintable() and len(jane.path.name.encode()) <= 200


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFBLK])
def test_links_and_devices_are_their_students_row(tmp_path: Path, read: Read, kind: int) -> None:
    path = _with(tmp_path, {}, {f"{JANE}hw.ipynb": kind})
    told = read(path)
    _others_are_there(told)
    _stays_inside(tmp_path, {path})
    assert told.unread[0].student == "doejane" and "is a link or a device" in told.unread[0].reason


def test_links_in_a_folder_are_their_students_row(tmp_path: Path, read: Read) -> None:
    path = put_files(tmp_path / "s", GOOD)
    (tmp_path / "secret.ipynb").write_bytes(notebook("secret"))
    (path / f"{JANE}hw.ipynb").symlink_to(tmp_path / "secret.ipynb")
    os.mkfifo(path / "roejoe_102_20002_hw.ipynb")
    told = read(path)
    _others_are_there(told)
    assert {row.student: row.reason.partition(": ")[2][:16] for row in told.unread} == {
        "doejane": "it is a link, a ", "roejoe": "it is a link, a ",
    }  # fmt: skip


def test_link_of_nobody_is_one_row(tmp_path: Path, read: Read) -> None:
    path = put_files(tmp_path / "s", GOOD)
    (path / "solution.ipynb").symlink_to(tmp_path)
    told = read(path)
    _others_are_there(told)
    assert [row.name for row in told.unread] == ["solution.ipynb"]


def test_bomb_is_its_students_row(tmp_path: Path, read: Read) -> None:
    told = read(_with(tmp_path, {f"{JANE}hw.ipynb": bytes(64 << 20)}))
    _others_are_there(told)
    assert [(row.student, "too much" in row.reason) for row in told.unread] == [("doejane", True)]


def test_member_longer_than_it_says_is_its_students_row(tmp_path: Path, read: Read) -> None:
    path = _with(tmp_path, {f"{JANE}hw.ipynb": os.urandom(100_000)})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(bytes(data))
    told = read(path)
    _others_are_there(told)
    assert told.unread[0].student == "doejane"


def test_damaged_member_is_its_students_row(tmp_path: Path, read: Read) -> None:
    path = _with(tmp_path, {f"{JANE}hw.ipynb": os.urandom(5000)})
    data = bytearray(path.read_bytes())
    at = data.rindex(f"{JANE}hw.ipynb".encode(), 0, data.rindex(b"PK\x01\x02")) + 60
    data[at] ^= 0xFF
    path.write_bytes(bytes(data))
    told = read(path)
    _others_are_there(told)
    assert told.unread[0].student == "doejane" and "Download it again" in told.unread[0].reason


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("below", ["", "/hw.ipynb"])
def test_member_that_comes_twice_is_its_students_row(
    tmp_path: Path, read: Read, below: str
) -> None:
    path = _with(tmp_path, {f"{JANE}hw{below}": notebook("one")})
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(f"{JANE}hw{below}", notebook("two"))
    told = read(path)
    _others_are_there(told)
    assert told.unread[0].student == "doejane" and "more than once" in told.unread[0].reason


def test_names_that_differ_in_case_alone_stay_apart(tmp_path: Path, read: Read) -> None:
    files = {
        "Ann/hw.ipynb": notebook("A"),
        "ann/hw.ipynb": notebook("a"),
        "ann.ipynb": notebook("f"),
    }
    told = read(pack_files(tmp_path / "s.zip", {**files, "b.ipynb": notebook("b")}))
    assert sorted(map(said, told.entries)) == ["A", "a", "b", "f"]
    parents = {str(entry.path).casefold() for entry in told.entries}
    assert len({entry.id.casefold() for entry in told.entries}) == len(parents) == 4


def test_case_twins_within_a_submission_are_its_students_row(tmp_path: Path, read: Read) -> None:
    files = {f"{JANE}hw/hw.ipynb": notebook("a"), f"{JANE}hw/HW.ipynb": notebook("b")}
    told = read(_with(tmp_path, files))
    _others_are_there(told)
    assert told.unread[0].student == "doejane" and "more than once" in told.unread[0].reason


def test_zip_in_a_zip_in_a_zip_is_its_students_error(tmp_path: Path, read: Read) -> None:
    inner = packed(tmp_path, {"in.zip": packed(tmp_path, {"hw.ipynb": notebook("jane")})})
    told = read(_with(tmp_path, {f"{JANE}hw.zip": inner}))
    _others_are_there(told)
    assert "holds no notebook (.ipynb) and no module" in fails(told.entries[0])


def test_hostile_inner_zip_beside_a_file_is_its_students_row(tmp_path: Path, read: Read) -> None:
    files = {
        f"{JANE}hw.zip": packed(tmp_path, {"../../hw.ipynb": notebook("jane")}),
        "doejane_101_20002_r.pdf": b"%PDF",
        "roejoe_102_20005_hw.zip": packed(tmp_path, {"a/" * 600 + "hw.ipynb": notebook("joe")}),
        "roejoe_102_20006_r.pdf": b"%PDF",
    }
    path = _with(tmp_path, files)
    told = read(path)
    _others_are_there(told)
    _stays_inside(tmp_path, {path})
    assert ["unsafe name" in r.reason or "too long a name" in r.reason for r in told.unread] == [
        True
    ] * 2


def test_many_zips_without_a_notebook_are_not_unpacked(tmp_path: Path, read: Read) -> None:
    inner = packed(tmp_path, {"hw.ipynb": notebook("x")})
    files = {f"doejane_101_{30000 + at}_{'abcdefg'[at]}.zip": inner for at in range(7)}
    told = read(_with(tmp_path, files))
    _others_are_there(told)
    assert told.unread[0].reason == "There are 7 ZIPs and no notebook: leave one."


def test_what_systems_leave_behind_is_no_students(tmp_path: Path, read: Read) -> None:
    mac = {f"__MACOSX/._{name}": b"x" for name in GOOD}
    told = read(_with(tmp_path, {**mac, ".DS_Store": b"x", "._poeann_103_20003_hw.ipynb": b"x"}))
    _others_are_there(told)
    assert len(told.entries) == 2 and told.unread == () and told.notes == ()


def _listed(path: Path, count: int, name: str) -> Path:
    """A ZIP that lists so many members, all of them the same empty one."""
    rows = []
    for at in range(count):
        told = (name % at).encode()
        rows.append(
            b"PK\x01\x02"
            + struct.pack(
                "<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0x21, 0, 0, 0, len(told), 0, 0, 0, 0, 0, 0
            )
            + told
        )
    directory = b"".join(rows)
    ending = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), 0)
    locator = struct.pack("<IQI", 0, len(directory), 1)
    short = struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(
        directory + b"PK\x06\x06" + ending + b"PK\x06\x07" + locator + b"PK\x05\x06" + short
    )
    return path


def test_hundred_thousand_members_are_refused(tmp_path: Path, read: Read) -> None:
    path = _listed(tmp_path / "s.zip", 100_000, "doe_%d_20001_a.ipynb")
    with pytest.raises(UsageError, match="holds 100000 files; 50000 are allowed"):
        read(path)


MANY = ["doe_%d_200010_a.ipynb", "%d.ipynb", "a_%d_assignsubmission_file_/x", "submission_%d/x"]


@pytest.mark.parametrize("name", MANY)
def test_downloads_of_all_kinds_are_bounded(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(reading, "MOST_MEMBERS", 2)
    files = {name % number: notebook("x") for number in (11, 12, 13)}
    extra = {"submission_metadata.yml": b"a: b"} if name.startswith("sub") else {}
    with pytest.raises(UsageError, match=r"holds [34] files; 2 are allowed"):
        read(pack_files(tmp_path / "s.zip", {**files, **extra}))


def test_directory_too_long_to_list_is_left_to_whoever_reads_it(tmp_path: Path, read: Read) -> None:
    path = _listed(tmp_path / "s.zip", 400_000, "%d.ipynb")
    (entry,) = read(path).entries
    assert "far more than the 2000 files allowed" in fails(entry)


def test_members_that_share_bytes_stop_the_class(tmp_path: Path, read: Read) -> None:
    path = _listed(tmp_path / "s.zip", 3, "n%d.ipynb")
    with pytest.raises(UsageError, match=r"pack it again\. Or download it again"):
        read(path)


def test_class_larger_than_any_is_refused(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "MOST_CLASS_BYTES", 1000)
    with pytest.raises(UsageError, match="are allowed: split it"):
        read(_with(tmp_path, {f"{JANE}hw.ipynb": bytes(1000)}))


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(placing.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UsageError, match="has room for 0: name a folder elsewhere"):
        read(_with(tmp_path, {}))
    assert list((tmp_path / "work0").iterdir()) == []


def test_many_faults_are_counted(tmp_path: Path, read: Read) -> None:
    told = read(_with(tmp_path, {f"../{at}.ipynb": b"" for at in range(60)}))
    _others_are_there(told)
    assert len(told.unread) == 51 and "10 more" in {row.name for row in told.unread}


def test_too_many_at_the_top_of_a_folder_are_wrong_use(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MOST_ITEMS", 1)
    with pytest.raises(UsageError, match="holds 2 files and folders, not a class's"):
        read(put_files(tmp_path / "s", GOOD))


def _piece(key: str, name: str) -> Piece:
    return Piece(key=key, id=name, student=Student(name), parts={key: key})


def test_keys_that_are_not_their_own_are_our_fault() -> None:
    with pytest.raises(GraderError, match="the same key"):
        told_apart([_piece("a", "hw"), _piece("a", "hw")])


def test_ids_stay_apart_also_from_one_made_to_clash() -> None:
    pieces = [_piece("a", "hw"), _piece("b", "HW"), _piece("c", "doe")]
    first = told_apart(pieces)
    assert first[2].id == "doe" and told_apart(pieces[::-1]) == first[::-1]
    clash = _piece("d", first[0].id.upper())
    ids = [piece.id.casefold() for piece in told_apart([*pieces, clash])]
    assert len(set(ids)) == 4


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text())
def test_clean_names_are_one_part_of_a_path(name: str) -> None:
    cleaned = clean_name(name)
    assert cleaned == Path(cleaned).name and cleaned not in (".", "..")
    assert printable(cleaned) == cleaned
    assert 0 < len(cleaned.encode()) <= 200 and clean_name(cleaned) == cleaned


FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@FUZZ
@given(
    st.dictionaries(
        st.lists(
            st.sampled_from(["a", "A", "..", ".", "", "hw.ipynb", "b.zip", "submission_1", "é"])
            | st.from_regex(r"[a-b]_[0-9]_[0-9]_x\.(py|zip)", fullmatch=True)
            | st.just("Ann_1_assignsubmission_file_")
            | st.just("submission_metadata.yml"),
            min_size=1,
            max_size=4,
        ).map("/".join),
        st.sampled_from([b"", b"x = 1", notebook("n"), b"submission_1: 1"]),
        max_size=6,
    )
)
def test_whatever_a_zip_holds_ends_in_rows_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    top = tmp_path_factory.mktemp("fuzz")
    path = pack_files(top / "s.zip", files)
    try:
        told = read_class([path], folder=top / "work")
    except GraderException as error:
        assert len(str(error).splitlines()) == 1
        return
    rows = [*told.entries, *told.unread]
    ids = [row.id.casefold() for row in rows if row.id]
    assert len(ids) == len(set(ids)) and rows
    assert {p.name for p in top.iterdir()} == {"s.zip", "work"}
    for entry in told.entries:
        assert path == entry.path or (top / "work") in entry.path.parents


@FUZZ
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_damaged_downloads_end_in_rows_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    top = tmp_path_factory.mktemp("fuzz")
    data = bytearray(_with(top, {f"{JANE}hw/hw.ipynb": notebook("jane")}).read_bytes())
    data[place % len(data)] = byte
    (top / "submissions.zip").write_bytes(bytes(data))
    try:
        read_class([top / "submissions.zip"], folder=top / "work")
    except GraderException as error:
        assert str(error).isprintable()
