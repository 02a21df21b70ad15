"""Archives and folders that mean harm: bounded in time and memory, refused in one sentence."""

from __future__ import annotations

import io
import os
import socket
import stat
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from grader.errors import SubmissionError, UsageError
from grader.submission import archive, files, read_submission
from grader.submission.files import printable
from tests.submission.making import pack_files, put_files

SOON_S = 20.0
NOTEBOOK = nbformat.writes(
    nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
).encode()
Members = dict[str, bytes]


def _refusal(path: Path) -> str:
    started = time.monotonic()
    with pytest.raises(SubmissionError) as caught:
        read_submission(path)
    assert time.monotonic() - started < SOON_S
    text = str(caught.value)
    assert len(text.splitlines()) == 1 and text.isprintable()
    return text


# Archives.


def _central(name: bytes, at: int, size: int, packed: int, crc: int, method: int = 8) -> bytes:
    fields = (20, 20, 0, method, 0, 0x21, crc, packed, size, len(name), 0, 0, 0, 0, 0, at)
    return b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", *fields) + name


def _ended(body: bytes, directory: bytes, count: int) -> bytes:
    ending = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + ending


def _overlapping(path: Path) -> Path:
    """A member whose bytes are another member, header and all: both can be read."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("b", b"1,2")
        told = made.getinfo("b")
    quoted = inner.getvalue()[: inner.getvalue().index(b"PK\x01\x02")]
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("hw.ipynb", NOTEBOOK)
        made.writestr("a", quoted)
        rows = [
            _central(m.filename.encode(), m.header_offset, m.file_size, m.compress_size, m.CRC, 0)
            for m in made.infolist()
        ]
        end = made.start_dir
    at = end - len(quoted)
    rows.append(_central(b"b", at, told.file_size, told.compress_size, told.CRC, 0))
    path.write_bytes(_ended(path.read_bytes()[:end], b"".join(rows), len(rows)))
    return path


def _million(path: Path) -> Path:
    row = _central(b"a", 0, 0, 0, 0)
    path.write_bytes(_ended(b"", row * 1_000_000, 0xFFFF))
    return path


def _nested(path: Path) -> Path:
    data = b"PK"
    for depth in range(20):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(f"{depth}.zip", data)
        data = inner.getvalue()
    return pack_files(path, {"inner.zip": data})


def _typed(kind: int) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("hw.ipynb", NOTEBOOK)
            member = zipfile.ZipInfo("data.csv")
            member.create_system, member.external_attr = 3, (kind | 0o777) << 16
            made.writestr(member, "/etc/passwd")
        return path

    return make


def _encrypted(path: Path) -> Path:
    data = bytearray(pack_files(path, {"hw.ipynb": NOTEBOOK}).read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    path.write_bytes(bytes(data))
    return path


def _holding(name: str) -> Callable[[Path], Path]:
    return lambda path: pack_files(path, {"hw.ipynb": NOTEBOOK, name: b"-"})


def _lying(path: Path) -> Path:
    """A member that unpacks to far more than the directory says."""
    data = bytearray(pack_files(path, {"hw.ipynb": NOTEBOOK, "z": bytes(64 << 20)}).read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(bytes(data))
    return path


ARCHIVES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "dots": (_holding("../hw.py"), "unsafe name '../hw.py'"),
    "absolute": (_holding("/etc/cron.d/x"), "unsafe name"),
    "backslash": (_holding("..\\..\\hw.py"), "unsafe name"),
    "drive": (_holding("C:hw.py"), "unsafe name"),
    "terminal": (_holding("\x1b]0;x\x07.py"), r"unsafe name '\x1b]0;x\x07.py'"),
    "reversed": (_holding("\u202eyp.csv"), r"unsafe name '\u202eyp.csv'"),
    "case": (_holding("HW.ipynb"), "more than once"),
    "below": (_holding("hw.ipynb/x"), "below what is a file"),
    "link": (_typed(stat.S_IFLNK), "is a link or a device"),
    "device": (_typed(stat.S_IFCHR), "is a link or a device"),
    "block": (_typed(stat.S_IFBLK), "is a link or a device"),
    "fifo": (_typed(stat.S_IFIFO), "is a link or a device"),
    "socket": (_typed(stat.S_IFSOCK), "is a link or a device"),
    "encrypted": (_encrypted, "hand in a ZIP without a password"),
    "bomb": (lambda p: pack_files(p, {"hw.ipynb": NOTEBOOK, "z": bytes(64 << 20)}), "too much"),
    "lying": (_lying, "hw.zip"),
    "overlapping": (_overlapping, "holds 'b' within 'a'"),
    "million": (_million, "lists far more than the 2000 files allowed"),
    "nested": (_nested, "holds no notebook"),
    "many": (lambda p: pack_files(p, {f"{n}": b"" for n in range(2001)}), "holds 2001 files"),
    "only-mac": (lambda p: pack_files(p, {"__MACOSX/._hw.ipynb": NOTEBOOK}), "holds no notebook"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_hostile_archive_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = tmp_path / "unpacked"
    rest.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(rest))
    make, told = ARCHIVES[kind]
    assert told in _refusal(make(tmp_path / "hw.zip"))
    assert list(rest.iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hw.zip", "unpacked"]


@pytest.mark.parametrize("method", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_honest_archives_of_any_method_are_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(archive, "_CHUNK", 7)
    members = {"hw.ipynb": NOTEBOOK, "empty": b"", "Icon\r": b"", "d/a.csv": bytes(range(256)) * 9}
    path = pack_files(tmp_path / "hw.zip", members, getattr(zipfile, f"ZIP_{method}"))
    submission = read_submission(path)
    assert submission.extra["d/a.csv"].read_bytes() == members["d/a.csv"]
    assert submission.extra["empty"].read_bytes() == b""
    assert "Icon\r" not in submission.extra


@pytest.mark.parametrize("name", ["Lösung.py", "課題.py", "a b.py", "خانه‌ام.py"])
def test_names_of_any_script_are_no_attack(tmp_path: Path, name: str) -> None:
    assert read_submission(pack_files(tmp_path / "hw.zip", {name: b"x = 1"})).source == name


def test_archives_within_are_not_opened(tmp_path: Path) -> None:
    inner = pack_files(tmp_path / "inner.zip", {"../evil.py": b"x"}).read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        link = tarfile.TarInfo("hw.py")
        link.type, link.linkname = tarfile.LNKTYPE, "/etc/passwd"
        made.addfile(link)
    members = {"hw.ipynb": NOTEBOOK, "inner.zip": inner, "inner.tar": packed.getvalue()}
    submission = read_submission(pack_files(tmp_path / "hw.zip", members))
    assert submission.files == ("hw.ipynb", "inner.tar", "inner.zip")


@pytest.mark.parametrize("name", ["hw.tar", "hw.tar.gz", "hw.tgz", "hw.7z", "hw.rar"])
def test_other_archives_are_refused_with_the_choices(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"-")
    assert "hand in a notebook (.ipynb), a module (.py), a ZIP" in _refusal(tmp_path / name)


# Folders.


def _linked(folder: Path) -> None:
    (folder / "odd").symlink_to("/etc/passwd")


def _hard_linked(folder: Path) -> None:
    secret = folder.parent / "secret"
    secret.write_bytes(b"-")
    os.link(secret, folder / "odd")


def _socket(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)  # the paths of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("odd")
    finally:
        os.chdir(here)


ODD_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "link": (_linked, "odd was left out: it is a link: hand in the file itself"),
    "hard-link": (_hard_linked, "odd was left out: it is a hard link to a file elsewhere"),
    "fifo": (lambda f: os.mkfifo(f / "odd"), "odd was left out: it is a pipe or a device"),
    "socket": (_socket, "odd was left out: it is a pipe or a device"),
    "terminal": (lambda f: (f / "\x1b[2J").touch(), r"\x1b[2J was left out: its name"),
    "bytes": (lambda f: (f / os.fsdecode(b"\xff")).touch(), r"\udcff was left out: its name"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
@pytest.mark.parametrize("kind", ODD_FILES)
def test_odd_files_of_a_folder_are_left_out_and_named(tmp_path: Path, kind: str) -> None:
    folder = put_files(tmp_path / "folder", {"hw.ipynb": NOTEBOOK, "data.csv": b"1"})
    make, told = ODD_FILES[kind]
    make(folder)
    submission = read_submission(folder)
    assert submission.files == ("hw.ipynb", "data.csv")
    assert submission.notes[0].startswith(told)


def test_hard_links_within_a_folder_are_files(tmp_path: Path) -> None:
    folder = put_files(tmp_path / "folder", {"hw.ipynb": NOTEBOOK, "a": b"1"})
    os.link(folder / "a", folder / "b")
    assert read_submission(folder).files == ("hw.ipynb", "a", "b")


def test_notebook_that_is_a_link_is_missing_and_the_reason_told(tmp_path: Path) -> None:
    folder = put_files(tmp_path / "folder", {"a": b"1"})
    (folder / "hw.ipynb").symlink_to("/etc/passwd")
    assert "hw.ipynb was left out: it is a link" in _refusal(folder)


def test_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    folder = put_files(tmp_path / "folder", {"hw.ipynb": NOTEBOOK})
    (folder / "loop").symlink_to(folder)
    (folder / "root").symlink_to("/")
    assert read_submission(folder).files == ("hw.ipynb",)


def test_many_odd_files_are_counted(tmp_path: Path) -> None:
    folder = put_files(tmp_path / "folder", {"hw.ipynb": NOTEBOOK})
    for number in range(9):
        (folder / f"{number}").symlink_to("/")
    assert read_submission(folder).notes[-1] == "4 more files were left out"


def _deep(folder: Path) -> None:
    (folder / "/".join("d" * 60)).mkdir(parents=True)


def _large(folder: Path) -> None:
    with (folder / "sparse").open("wb") as file:
        file.truncate(513 << 20)


BOUNDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "deep": (_deep, "has folders more than 40 deep: leave out what is no homework."),
    "large": (_large, "holds 513 MiB; 512 are allowed: leave out what is no homework."),
    "many": (
        lambda f: [(f / str(n)).touch() for n in range(2000)],
        "holds 2001 files; 2000 are allowed: leave out what is no homework.",
    ),
}


@pytest.mark.parametrize("kind", BOUNDS)
def test_folder_is_bounded(tmp_path: Path, kind: str) -> None:
    folder = put_files(tmp_path / "folder", {"hw.ipynb": NOTEBOOK})
    make, told = BOUNDS[kind]
    make(folder)
    assert _refusal(folder).endswith(told)


def test_listing_ends_where_a_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_LISTED", 30)
    folder = put_files(tmp_path / "folder", {"hw.ipynb": NOTEBOOK})
    for number in range(40):
        (folder / f".git{number}").mkdir()
    assert "holds more than 30 files" in _refusal(folder)


# One path.


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/dev/full"])
def test_device_as_the_path_does_not_block(path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"no {path} here")
    with pytest.raises((UsageError, SubmissionError), match=r"neither a file|is not a submission"):
        read_submission(Path(path))


@pytest.mark.parametrize("name", ["hw.ipynb", "hw.py", "hw.zip"])
def test_pipe_as_the_path_does_not_block(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="is neither a file nor a folder"):
        read_submission(tmp_path / name)


def test_file_that_becomes_a_pipe_after_the_look_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hw.py")
    with pytest.raises(SubmissionError, match=r"hw\.py is no ordinary file"):
        files.read_whole(tmp_path / "hw.py", "hw.py", 10)


def test_file_that_grows_while_it_is_read_is_read_no_further(tmp_path: Path) -> None:
    path, done = tmp_path / "hw.py", threading.Event()
    path.write_bytes(b"x = 1\n")

    def grow() -> None:
        with path.open("ab") as file:
            while not done.is_set() and file.tell() < 64 << 20:
                file.write(b"x = 1\n" * 10_000)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for _ in range(50):
            try:
                assert len(files.read_whole(path, "hw.py", 1 << 20)) <= 1 << 20
            except SubmissionError as error:
                assert str(error).startswith("hw.py is larger than 1 MiB: ")
    finally:
        done.set()
        writer.join()


def test_unbounded_file_that_says_it_is_empty_is_bounded(tmp_path: Path) -> None:
    path = Path("/proc/self/maps")  # of size 0 by its own account
    if not path.exists():
        pytest.skip("no /proc here")
    with pytest.raises(SubmissionError, match="maps is larger than"):
        files.read_whole(path, "maps", 100)


@pytest.mark.parametrize(
    "title",
    ["\x1b]0;x\x07", "a\u202egnp", "line\nbreak", os.fsdecode(b"\xff\xfe"), "\x9b2J"],
    ids=ascii,
)
def test_names_of_files_move_no_terminal(tmp_path: Path, title: str) -> None:
    path = tmp_path / f"{title}.py"
    path.write_bytes(b"x = 1")
    submission = read_submission(path)
    told = (submission.student, submission.source, submission.id)
    assert all(text.isprintable() for text in told) and submission.id.isascii()
    path.write_bytes(b"")
    _refusal(path)
    with pytest.raises(UsageError) as caught:
        read_submission(path.with_suffix(".ipynb"))
    assert str(caught.value).isprintable()


def test_printable_keeps_what_people_write() -> None:
    assert printable("Zoë می‌خواهم 👩‍🔬") == "Zoë می‌خواهم 👩‍🔬"
    assert printable("a\x1b\udc80\u202e") == r"a\x1b\udc80\u202e"


def test_python_alone_reads_what_overlaps(tmp_path: Path) -> None:
    """The control: where it refuses, the check of ours is but a second one."""
    with zipfile.ZipFile(_overlapping(tmp_path / "hw.zip")) as made:
        told = made.infolist()
        assert [m.filename for m in told] == ["hw.ipynb", "a", "b"]
        assert told[2].header_offset < told[1].header_offset + told[1].compress_size + 30
