"""From a path to a `Submission`: a notebook or module, alone, in a folder or in a ZIP.

Everything read here is a student's: sizes are bounded before anything is unpacked, archive
members are opened one by one and never extracted by their own names.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import shutil
import stat
import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from nbformat import NotebookNode

from grader.errors import SubmissionError, UsageError
from grader.submission.module import read_module
from grader.submission.notebook import read_notebook

_MIB = 1 << 20
_MOST_MEMBERS = 2000
_MOST_BYTES = 512 * _MIB
_MOST_FILE_BYTES = 256 * _MIB
_MOST_RATIO = 200
_MOST_NAME_BYTES = 255
_SOURCE_BYTES = 64 * _MIB
_IGNORED = ("__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__", ".DS_Store")

Container = Literal["file", "folder", "zip"]

_READERS: dict[str, Callable[[bytes, str], NotebookNode]] = {
    ".ipynb": read_notebook,
    ".py": read_module,
}


class _Unpacked:
    """Stands for the folder that a ZIP was unpacked into: the folder lives as long as this."""


@dataclass(frozen=True)
class Submission:
    """One submission as it was handed in.

    `notebook` is nbformat 4 whatever the file was; `extra` holds the other files, by their
    path relative to the notebook's folder. `container` says whether it came alone (`file`), in
    a `folder` or in a `zip`, and `container_name` what that is called. `submitted_at` is the
    LMS's date, where one is known.
    """

    id: str
    student: str
    source: str
    notebook: NotebookNode
    sha256: str
    extra: dict[str, Path] = field(default_factory=dict)
    form: str = "notebook"
    notes: tuple[str, ...] = ()
    container: Container = "file"
    container_name: str = ""
    submitted_at: datetime | None = None
    unpacked: object = field(default=None, repr=False, compare=False)

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files, the graded one first."""
        return (self.source, *sorted(self.extra))


def read_submission(path: Path, *, submitted_at: datetime | None = None) -> Submission:
    """Read a notebook, module, ZIP or folder, which the LMS got at `submitted_at`.

    Raises UsageError where there is no such path, and SubmissionError where what is there
    cannot be read as a submission.
    """
    submission = _read(path)
    return replace(submission, submitted_at=submitted_at) if submitted_at else submission


def _read(path: Path) -> Submission:
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}. Check the path's spelling.")
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise UsageError(f"{path} is neither a file nor a folder.")
    if path.suffix.lower() == ".zip":
        return _from_zip(path)
    if path.suffix.lower() not in _READERS:
        raise SubmissionError(
            f"{path} is not a submission: hand in a notebook (.ipynb), a module (.py), "
            "a ZIP or a folder with one of them."
        )
    return _make(path.name, path, {}, path.stem)


def _from_folder(folder: Path) -> Submission:
    files = {
        p.relative_to(folder).as_posix(): p
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.is_symlink() and not _ignored(p.relative_to(folder).as_posix())
    }
    submission = _from_files(files, folder.resolve().name, str(folder))
    return replace(submission, container="folder", container_name=folder.resolve().name)


def _from_files(files: dict[str, Path], name: str, where: str) -> Submission:
    chosen, notes = _choose(sorted(files), where)
    return _make(chosen, files[chosen], _beside(files, chosen), name, notes)


def _beside(files: dict[str, Path], chosen: str) -> dict[str, Path]:
    """The other files by their path from the notebook's folder.

    A file that lies outside of that folder keeps its whole path, and yields to one inside.
    """
    base = PurePosixPath(chosen).parent
    paths = {PurePosixPath(name): path for name, path in files.items() if name != chosen}
    extra = {p.relative_to(base): path for p, path in paths.items() if p.is_relative_to(base)}
    inside = {*extra, *(parent for p in extra for parent in p.parents)}
    for pure, path in paths.items():
        if not pure.is_relative_to(base) and inside.isdisjoint([pure, *pure.parents[:-1]]):
            extra[pure] = path
    return {pure.as_posix(): path for pure, path in extra.items()}


def _choose(names: list[str], where: str) -> tuple[str, tuple[str, ...]]:
    """The file to grade: the notebook nearest the top, else the module."""
    for suffix in _READERS:
        found = [n for n in names if n.lower().endswith(suffix)]
        found.sort(key=lambda n: (n.count("/"), n))
        top = [n for n in found if n.count("/") == found[0].count("/")]
        if len(top) > 1:
            listed = ", ".join(top[:5])
            raise SubmissionError(
                f"{where} holds {len(top)} files that could be the submission ({listed}): "
                f"leave one {suffix} file in it, or name the file itself."
            )
        if top:
            rest = [n for n in found if n != top[0]]
            return top[0], tuple(f"{n} was not graded: {top[0]} was" for n in rest[:5])
    raise SubmissionError(f"{where} holds no notebook (.ipynb) and no module (.py).")


def _make(
    name: str, path: Path, extra: dict[str, Path], title: str, notes: tuple[str, ...] = ()
) -> Submission:
    try:
        if path.stat().st_size > _SOURCE_BYTES:
            raise SubmissionError(f"{name} is larger than {_SOURCE_BYTES // _MIB} MiB.")
        data = path.read_bytes()
    except OSError as error:
        raise SubmissionError(f"{name} cannot be read: {error.strerror or error}.") from error
    suffix = Path(name).suffix.lower()
    notebook = _READERS[suffix](data, name)
    return Submission(
        id=_safe_id(title),
        student=title,
        source=name,
        notebook=notebook,
        sha256=hashlib.sha256(data).hexdigest(),
        extra=extra,
        form="module" if suffix == ".py" else "notebook",
        notes=notes,
    )


def _safe_id(text: str) -> str:
    """`text` as a file name that every system takes."""
    safe = re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip("._")[:80]
    if safe == text:
        return safe
    return f"{safe or 'submission'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _ignored(name: str) -> bool:
    return any(part in _IGNORED or part.startswith("._") for part in PurePosixPath(name).parts)


def _from_zip(path: Path) -> Submission:
    with _mapped_errors(path):
        archive = zipfile.ZipFile(path)
    with archive:
        members = _sane_members(archive, path)
        folder = Path(tempfile.mkdtemp(prefix="grader-zip-"))
        try:
            files = _unpack(archive, members, folder, path)
            submission = _from_files(files, path.stem, str(path))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    # The submission's files lie in the folder, which goes when the last copy of it does.
    unpacked = _Unpacked()
    weakref.finalize(unpacked, shutil.rmtree, folder, ignore_errors=True)
    return replace(submission, container="zip", container_name=path.name, unpacked=unpacked)


@contextmanager
def _mapped_errors(path: Path) -> Iterator[None]:
    """What `zipfile` raises on a broken archive, as the student's fault that it is."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError,
            RuntimeError, ValueError, IndexError) as error:  # fmt: skip
        # RuntimeError has NotImplementedError below it: a compression that Python lacks.
        raise SubmissionError(f"{path} is not a ZIP that can be read: {error}.") from error


def _sane_members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    listed = [m for m in archive.infolist() if not m.filename.endswith("/")]
    members = [m for m in listed if not _ignored(m.filename)]
    if len(members) > _MOST_MEMBERS:
        raise SubmissionError(f"{path} holds {len(members)} files; {_MOST_MEMBERS} are allowed.")
    total = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    if total > _MOST_BYTES or (total > _MIB and total > packed * _MOST_RATIO):
        raise SubmissionError(f"{path} unpacks to {total // _MIB} MiB, which is too much.")
    seen: set[PurePosixPath] = set()
    for member in members:
        _check_member(member, path)
        folded = PurePosixPath(member.filename.casefold())
        if folded in seen:
            raise SubmissionError(f"{path} holds {member.filename!r} more than once.")
        seen.add(folded)
    for member in members:
        if seen.intersection(PurePosixPath(member.filename.casefold()).parents):
            raise SubmissionError(f"{path} holds {member.filename!r} below what is a file.")
    return members


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    name = member.filename
    pure = PurePosixPath(name)
    too_long = any(len(part.encode()) > _MOST_NAME_BYTES for part in pure.parts)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or too_long:
        raise SubmissionError(f"{path} holds a file with the unsafe name {name[:300]!r}.")
    if any(character in "\\:\x7f" or character < " " for character in name):
        raise SubmissionError(f"{path} holds a file with the unsafe name {name[:300]!r}.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise SubmissionError(f"{path} holds {name!r}, which is a link or a device, not a file.")
    if member.flag_bits & 1:
        raise SubmissionError(f"{path} is encrypted: hand in a ZIP without a password.")


def _unpack(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, path: Path
) -> dict[str, Path]:
    """Write each member under a number of ours; a member's name never becomes a path here."""
    files = {}
    for number, member in enumerate(members):
        with _mapped_errors(path), archive.open(member) as source:
            data = source.read(_MOST_FILE_BYTES + 1)
        if len(data) > _MOST_FILE_BYTES or len(data) != member.file_size:
            raise SubmissionError(f"{member.filename!r} in the ZIP is not as large as it says.")
        target = folder / str(number)
        target.write_bytes(data)
        files[member.filename] = target
    return files
