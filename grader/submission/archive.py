"""ZIPs: each member is looked at before anything is unpacked, and none by a name of its own.

What is bounded: the directory at the archive's end, the number of files, what each and all
unpack to, and the ratio. Members may not overlap: Python's own `zipfile` does not look in the
versions that are older than the end of 2023.
"""

from __future__ import annotations

import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.errors import GraderError, SubmissionError
from grader.submission.files import MIB, MOST_BYTES, MOST_FILES, is_ignored, opened, printable

_MOST_FILE_BYTES = 256 * MIB
_MOST_RATIO = 200
_MOST_NAME_BYTES = 255
_MOST_DIRECTORY_BYTES = 8 * MIB  # some 80,000 members with those that are passed over
_LOCAL_HEADER_BYTES = 30
_CHUNK = MIB


def unpack(path: Path, folder: Path) -> dict[str, Path]:
    """Write the members of a ZIP into `folder` under numbers: their files by their own names.

    Raises SubmissionError where it cannot be read, or holds what no homework needs.
    """
    where = printable(path.name)
    with open_archive(path) as archive, mapped_errors(where):
        members = _sane_members(archive, where)
        return {
            member.filename: write_member(archive, member, folder / str(number))
            for number, member in enumerate(members)
        }


@contextmanager
def open_archive(
    path: Path, *, most_bytes: int = _MOST_DIRECTORY_BYTES, most_files: int = MOST_FILES
) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP whose directory takes up to `most_bytes`; `most_files` is for the message.

    Raises SubmissionError where it is none; what reading from it raises, `mapped_errors` maps.
    """
    where = printable(path.name)
    told = f"it lists far more than the {most_files} files allowed"
    with opened(path, where) as file:
        with mapped_errors(where):
            archive = zipfile.ZipFile(_Bounded(file, most_bytes, told))
        with archive:
            yield archive


class _Bounded(io.RawIOBase):
    """A file of which nobody reads so much at once that memory runs short.

    `zipfile` reads an archive's whole directory at once, and makes an object of each entry,
    before anyone can ask how many there are.
    """

    def __init__(self, file: BinaryIO, most_bytes: int, told: str) -> None:
        self._file, self._most_bytes, self._told = file, most_bytes, told

    def read(self, size: int = -1, /) -> bytes:
        if size > self._most_bytes:
            raise zipfile.BadZipFile(self._told)
        return self._file.read(size if size >= 0 else self._most_bytes)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


@contextmanager
def mapped_errors(where: str, fix: str = "Pack it again.") -> Iterator[None]:
    """What `zipfile` raises on a broken archive, as the student's fault that it is."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError,
            RuntimeError, ValueError, IndexError) as error:  # fmt: skip
        # RuntimeError has NotImplementedError below it: a compression that Python lacks.
        told = printable(str(error))[:200]
        raise SubmissionError(f"{where} is not a ZIP that can be read: {told}. {fix}") from error


def _sane_members(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    listed = [m for m in archive.infolist() if not m.filename.endswith("/")]
    members = [m for m in listed if not is_ignored(m.filename)]
    check_amount(members, where)
    for member in members:
        check_member(member, where)
    check_collisions([member.filename for member in members], where)
    check_overlaps(archive, where)
    return members


def check_amount(members: list[zipfile.ZipInfo], where: str) -> None:
    """Refuse what one student cannot need: too many files, too large, or far too well packed."""
    if len(members) > MOST_FILES:
        raise SubmissionError(f"{where} holds {len(members)} files; {MOST_FILES} are allowed.")
    total = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    largest = max((m.file_size for m in members), default=0)
    bomb = total > MIB and total > packed * _MOST_RATIO
    if total > MOST_BYTES or largest > _MOST_FILE_BYTES or bomb:
        raise SubmissionError(f"{where} unpacks to {total // MIB} MiB, which is too much.")


def check_collisions(names: list[str], where: str) -> None:
    """Refuse names that some system takes for the same, and files below a file."""
    seen: set[PurePosixPath] = set()
    for name in names:
        folded = PurePosixPath(name.casefold())
        if folded in seen:
            raise SubmissionError(f"{where} holds {name!r} more than once.")
        seen.add(folded)
    for name in names:
        if seen.intersection(PurePosixPath(name.casefold()).parents):
            raise SubmissionError(f"{where} holds {name!r} below what is a file.")


def check_overlaps(archive: zipfile.ZipFile, where: str) -> None:
    """Refuse members that share bytes: a few of them unpack to more than any ratio tells."""
    for one, after in pairwise(sorted(archive.infolist(), key=lambda member: member.header_offset)):
        if one.header_offset + _LOCAL_HEADER_BYTES + one.compress_size > after.header_offset:
            raise SubmissionError(
                f"{where} holds {after.filename[:300]!r} within {one.filename[:300]!r}: "
                "pack it again."
            )


def check_member(member: zipfile.ZipInfo, where: str) -> None:
    """Refuse a member with an unsafe name, a link, a device, and what is encrypted."""
    check_name(member.filename, where)
    check_kind(member, where)


def check_kind(member: zipfile.ZipInfo, where: str) -> None:
    """Refuse a link, a device, and what is encrypted."""
    name = member.filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise SubmissionError(f"{where} holds {name!r}, which is a link or a device, not a file.")
    if member.flag_bits & 1:
        raise SubmissionError(f"{where} is encrypted: hand in a ZIP without a password.")


def check_name(name: str, where: str) -> None:
    """Refuse a path that leaves its folder, or that not every system or terminal can take."""
    pure = PurePosixPath(name)
    too_long = any(len(part.encode()) > _MOST_NAME_BYTES for part in pure.parts)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or too_long:
        raise SubmissionError(f"{where} holds a file with the unsafe name {name[:300]!r}.")
    if any(character in "\\:" for character in name) or printable(name) != name:
        raise SubmissionError(f"{where} holds a file with the unsafe name {name[:300]!r}.")


def write_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> Path:
    """Unpack one member piece by piece; it may be no byte longer than the archive says."""
    written = 0
    with archive.open(member) as source:
        while written <= member.file_size and (piece := source.read(_CHUNK)):
            written += len(piece)
            _append(target, piece)
    if written != member.file_size:
        raise SubmissionError(f"{member.filename!r} in the ZIP is not as large as it says.")
    target.touch()
    return target


def _append(target: Path, piece: bytes) -> None:
    try:
        with target.open("ab") as file:
            file.write(piece)
    except OSError as error:
        raise GraderError(f"There is no room to unpack a ZIP: {error.strerror}.") from error
