"""From a path to a submission: files, folders and ZIPs, also those that mean harm."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import GraderException, SubmissionError, UsageError
from grader.submission import ingest
from grader.submission.ingest import Submission, read_submission
from tests.submission.making import pack_files, put_files

FUZZ = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _notebook(source: str = "x = 1") -> bytes:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    return nbformat.writes(made).encode()


NOTEBOOK = _notebook()
Files = dict[str, bytes]
Pack = Callable[..., Path]


@pytest.fixture(params=["folder", "zip"])
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Pack:
    """pack(files): the same files as a folder and as a ZIP, called `doe_jane` either way."""

    def make(files: Files) -> Path:
        if request.param == "zip":
            return pack_files(tmp_path / "doe_jane.zip", files)
        return put_files(tmp_path / "doe_jane", files)

    return make


def _refusal(path: Path) -> str:
    with pytest.raises(SubmissionError) as caught:
        read_submission(path)
    return str(caught.value)


def _source(submission: Submission) -> str:
    return str(submission.notebook.cells[0].source)


def test_single_notebook(tmp_path: Path) -> None:
    path = put_files(tmp_path, {"doe_jane.ipynb": NOTEBOOK}) / "doe_jane.ipynb"
    submission = read_submission(path)
    assert (submission.id, submission.student, submission.form) == (*["doe_jane"] * 2, "notebook")
    assert submission.sha256 == hashlib.sha256(NOTEBOOK).hexdigest()
    assert submission.files == ("doe_jane.ipynb",)
    assert _source(submission) == "x = 1"


@pytest.mark.parametrize(
    ("name", "data", "form"), [("hw.py", b"x = 1\n", "module"), ("HW.IPYNB", NOTEBOOK, "notebook")]
)
def test_form_follows_from_the_ending_in_any_case(
    tmp_path: Path, name: str, data: bytes, form: str
) -> None:
    submission = read_submission(put_files(tmp_path, {name: data}) / name)
    assert submission.form == form and _source(submission) == "x = 1"


def test_file_beside_others_is_read_alone(tmp_path: Path) -> None:
    put_files(tmp_path, {"a.ipynb": NOTEBOOK, "b.ipynb": NOTEBOOK, "a.pdf": b"%PDF"})
    assert read_submission(tmp_path / "a.ipynb").extra == {}


def test_notebook_and_pdf(pack: Pack) -> None:
    submission = read_submission(pack({"hw.ipynb": NOTEBOOK, "hw.pdf": b"%PDF"}))
    assert submission.student == "doe_jane"
    assert submission.files == ("hw.ipynb", "hw.pdf")
    assert submission.extra["hw.pdf"].read_bytes() == b"%PDF"
    assert submission.notes == ()


def test_notebook_comes_before_modules(pack: Pack) -> None:
    submission = read_submission(pack({"deep/hw.ipynb": NOTEBOOK, "helpers.py": b"y = 2"}))
    assert submission.source == "deep/hw.ipynb"
    assert list(submission.extra) == ["helpers.py"]


def test_module_where_there_is_no_notebook(pack: Pack) -> None:
    submission = read_submission(pack({"hw.py": b"y = 2", "notes.txt": b"-"}))
    assert (submission.form, submission.source) == ("module", "hw.py")


def test_two_candidates_are_not_chosen_between(pack: Pack) -> None:
    message = _refusal(pack({"a.ipynb": NOTEBOOK, "b.ipynb": NOTEBOOK}))
    assert message.endswith(
        "holds 2 files that could be the submission (a.ipynb, b.ipynb): "
        "leave one .ipynb file in it, or name the file itself."
    )


def test_candidate_nearest_the_top_is_chosen_and_the_others_are_named(pack: Pack) -> None:
    path = pack({"hw.ipynb": NOTEBOOK, "old/hw.ipynb": _notebook("y = 2")})
    submission = read_submission(path)
    assert _source(submission) == "x = 1"
    assert submission.notes == ("old/hw.ipynb was not graded: hw.ipynb was",)
    assert list(submission.extra) == ["old/hw.ipynb"]


def test_files_are_named_from_the_folder_of_the_notebook(pack: Pack) -> None:
    path = pack({"hw5/hw.ipynb": NOTEBOOK, "hw5/my_images/a.png": b"1", "read.me": b"2"})
    submission = read_submission(path)
    assert submission.source == "hw5/hw.ipynb"
    assert set(submission.extra) == {"my_images/a.png", "read.me"}


def test_file_outside_of_the_folder_yields_to_one_inside(pack: Pack) -> None:
    inside = {"hw5/hw.ipynb": NOTEBOOK, "hw5/a.txt": b"inside", "hw5/data/x": b"inside"}
    submission = read_submission(pack({**inside, "a.txt": b"outside", "data": b"outside"}))
    assert {p.read_bytes() for p in submission.extra.values()} == {b"inside"}
    assert set(submission.extra) == {"a.txt", "data/x"}


@pytest.mark.parametrize(
    "name",
    ["__MACOSX/._hw.ipynb", ".ipynb_checkpoints/hw-checkpoint.ipynb", "._hw.ipynb", ".git/x.ipynb"],
)
def test_what_systems_leave_behind_is_ignored(pack: Pack, name: str) -> None:
    submission = read_submission(pack({"hw.ipynb": NOTEBOOK, name: b"not a notebook"}))
    assert submission.files == ("hw.ipynb",)


def test_nothing_to_grade(pack: Pack) -> None:
    message = _refusal(pack({"hw.pdf": b"%PDF"}))
    assert message.endswith("holds no notebook (.ipynb) and no module (.py).")


def test_unicode_names_are_kept_and_ids_are_plain(pack: Pack) -> None:
    submission = read_submission(pack({"Übung 五.ipynb": NOTEBOOK, "Bilder/ä.png": b"1"}))
    assert submission.files == ("Übung 五.ipynb", "Bilder/ä.png")


@pytest.mark.parametrize("name", ["Müller Jürgen", "五", "a b", "..a", "x" * 120, "a:b*?", ".-_"])
def test_ids_are_safe_and_differ_where_names_do(tmp_path: Path, name: str) -> None:
    ids = set()
    for title in (name, name + "_"):
        submission = read_submission(put_files(tmp_path, {f"{title}.py": b"x = 1"}) / f"{title}.py")
        assert submission.student == title
        assert submission.id.isascii() and submission.id.strip("._") == submission.id
        assert len(submission.id) <= 90 and not set(submission.id) & set(" /\\:*?")
        ids.add(submission.id)
    assert len(ids) == 2


def test_missing_path_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no file or folder .*hw\.ipynb\. Check"):
        read_submission(tmp_path / "hw.ipynb")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_no_submission(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hw.ipynb")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        read_submission(tmp_path / "hw.ipynb")


def test_other_endings_are_refused_with_the_choices(tmp_path: Path) -> None:
    message = _refusal(put_files(tmp_path, {"hw.docx": b"-"}) / "hw.docx")
    assert "hand in a notebook (.ipynb), a module (.py), a ZIP or a folder" in message


@pytest.mark.parametrize("name", ["hw.zip", "hw.docx", "empty", "hw.ipynb"])
def test_refusals_name_what_was_handed_in_and_not_where_it_lies(tmp_path: Path, name: str) -> None:
    put_files(tmp_path, {"hw.zip": b"-", "hw.docx": b"-", "hw.ipynb": b"-"})
    (tmp_path / "empty").mkdir()
    assert _refusal(tmp_path / name).startswith(f"{name} ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_unreadable_file_is_the_submissions(tmp_path: Path) -> None:
    path = put_files(tmp_path, {"hw.ipynb": NOTEBOOK}) / "hw.ipynb"
    path.chmod(0)
    assert _refusal(path) == "hw.ipynb cannot be read: Permission denied."


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file that no one reads")
def test_file_that_fails_while_read_is_the_submissions(tmp_path: Path) -> None:
    path = tmp_path / "hw.ipynb"
    path.symlink_to("/proc/self/mem")
    assert _refusal(path) == "hw.ipynb cannot be read: Input/output error."


def test_folder_with_the_name_of_a_notebook_holds_none(tmp_path: Path) -> None:
    (tmp_path / "hw5" / "hw.ipynb").mkdir(parents=True)
    assert "holds no notebook" in _refusal(tmp_path / "hw5")


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = put_files(tmp_path, {"secret.txt": b"-", "folder/hw.ipynb": NOTEBOOK}) / "secret.txt"
    (tmp_path / "folder" / "link.txt").symlink_to(secret)
    assert read_submission(tmp_path / "folder").files == ("hw.ipynb",)


def test_huge_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "SOURCE_BYTES", 10)
    assert _refusal(put_files(tmp_path, {"hw.py": b"x" * 11}) / "hw.py").startswith(
        "hw.py is larger"
    )


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py", "a/../../evil.py", "/etc/evil.py", "//evil.py", "C:/evil.py", "a\\..\\b.py",
        "\\evil.py", "a\nb.py", "x" * 256 + ".py", "ü" * 128 + ".py",
    ],
)  # fmt: skip
def test_unsafe_member_names_are_refused(tmp_path: Path, name: str) -> None:
    path = pack_files(tmp_path / "hw.zip", {"hw.ipynb": NOTEBOOK, name: b"-"})
    assert "holds a file with the unsafe name" in _refusal(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hw.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO], ids=oct)
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "hw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hw.ipynb", NOTEBOOK)
        member = zipfile.ZipInfo("data.csv")
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert "'data.csv', which is a link or a device" in _refusal(path)


def _patched(data: bytes, at: int, value: int) -> bytes:
    """The ZIP with a two-byte field of its first local header and directory entry replaced."""
    changed = bytearray(data)
    for mark, start in ((b"PK\x03\x04", at), (b"PK\x01\x02", at + 2)):
        struct.pack_into("<H", changed, changed.index(mark) + start, value)
    return bytes(changed)


def _zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [(6, 1, "is encrypted: hand in a ZIP without a password."), (8, 97, "is not a ZIP that can")],
    ids=["encrypted", "unknown-compression"],
)
def test_zip_that_cannot_be_unpacked(tmp_path: Path, at: int, value: int, message: str) -> None:
    data = _patched(_zipped({"hw.ipynb": NOTEBOOK}), at, value)
    assert message in _refusal(put_files(tmp_path, {"hw.zip": data}) / "hw.zip")


def test_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = pack_files(tmp_path / "hw.zip", {"hw.ipynb": NOTEBOOK, "zeros": bytes(8 << 20)})
    assert "unpacks to 8 MiB, which is too much." in _refusal(path)


def test_member_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    data = bytearray(_zipped({"hw.py": b"x = 1\n" * 500}))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    message = _refusal(put_files(tmp_path, {"hw.zip": bytes(data)}) / "hw.zip")
    assert "not as large as it says" in message or "is not a ZIP that can be read" in message


def test_thousands_of_members_are_refused(tmp_path: Path) -> None:
    files = {f"{n}.txt": b"" for n in range(2000)}
    path = pack_files(tmp_path / "hw.zip", {"hw.ipynb": NOTEBOOK, **files})
    assert "holds 2001 files; 2000 are allowed." in _refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("hw.ipynb", "hw.ipynb"), ("hw.ipynb", "HW.ipynb"), ("a/ß.py", "A/SS.py")]
)
def test_names_that_collide_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "hw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, NOTEBOOK)
    assert f"holds {names[1]!r} more than once." in _refusal(path)


@pytest.mark.parametrize("names", [("data", "data/x.csv"), ("DATA/x", "data")])
def test_file_below_a_file_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    path = pack_files(tmp_path / "hw.zip", {"hw.ipynb": NOTEBOOK, **dict.fromkeys(names, b"-")})
    assert "below what is a file" in _refusal(path)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"not a ZIP", NOTEBOOK, bytes(100)], ids=lambda d: str(d[:6])
)
def test_file_that_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "is not a ZIP that can be read" in _refusal(
        put_files(tmp_path, {"hw.zip": data}) / "hw.zip"
    )


def test_truncated_zip_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = _zipped({"hw.ipynb": NOTEBOOK, "a.csv": b"1,2\n" * 50})
    for end in range(0, len(whole) - 1, 17):
        assert "hw.zip" in _refusal(put_files(tmp_path, {"hw.zip": whole[:end]}) / "hw.zip")


def test_unpacked_files_go_with_the_submission(tmp_path: Path) -> None:
    submission = read_submission(pack_files(tmp_path / "hw.zip", {"hw.ipynb": NOTEBOOK, "a": b"1"}))
    folder = submission.extra["a"].parent
    assert folder.is_dir()
    del submission
    gc.collect()
    assert not folder.exists()


def test_refused_zip_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    _refusal(pack_files(tmp_path / "hw.zip", {"hw.ipynb": b"{", "a": b"1"}))
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("shared")


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_zip_is_read_or_refused(
    shared_folder: Path, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(_zipped({"hw.py": b"x = 1\n", "ü/b.csv": b"1,2\n" * 9, "hw.ipynb": NOTEBOOK}))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        read_submission(put_files(shared_folder, {"hw.zip": bytes(data)}) / "hw.zip")
    except GraderException as error:
        assert isinstance(error, SubmissionError)


def test_container_is_told(tmp_path: Path) -> None:
    alone = read_submission(put_files(tmp_path, {"hw.ipynb": NOTEBOOK}) / "hw.ipynb")
    folder = read_submission(tmp_path)
    packed = read_submission(pack_files(tmp_path / "hw.ZIP", {"a/hw.ipynb": NOTEBOOK}))
    assert [(s.container, s.container_name) for s in (alone, folder, packed)] == [
        ("file", ""), ("folder", tmp_path.name), ("zip", "hw.ZIP"),
    ]  # fmt: skip


def test_files_of_a_zip_live_as_long_as_the_last_copy_of_its_submission(tmp_path: Path) -> None:
    path = pack_files(tmp_path / "hw.zip", {"hw.ipynb": NOTEBOOK, "data.csv": b"1"})
    copied = replace(read_submission(path), id="other")
    gc.collect()
    kept = copied.extra["data.csv"]
    assert kept.read_bytes() == b"1"
    del copied
    gc.collect()
    assert not kept.exists()


def test_date_of_handing_in_is_kept(tmp_path: Path) -> None:
    path = put_files(tmp_path, {"hw.ipynb": NOTEBOOK}) / "hw.ipynb"
    date = datetime(2025, 3, 14, tzinfo=timezone.utc)
    assert read_submission(path, submitted_at=date).submitted_at == date
    assert read_submission(path).submitted_at is None


@pytest.mark.parametrize(
    "name",
    ["Screenshot 2024-11-25 at 3.04.05\u202fPM.png", "a\u00a0b.png", "\u3000.png", "été.png"],
)
def test_names_with_spaces_of_any_kind_are_taken(pack: Pack, name: str) -> None:
    """macOS writes a narrow no-break space into the names of its screenshots."""
    read = read_submission(pack({"hw.ipynb": NOTEBOOK, name: b"-"}))
    assert name in read.files
    assert read.notes == ()
