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
    where = printable(str(path))
    with (
        opened(path, where) as file,
        _mapped_errors(where),
        zipfile.ZipFile(_Bounded(file)) as archive,
    ):
        members = _sane_members(archive, where)
        return {
            member.filename: _write(archive, member, folder / str(number))
            for number, member in enumerate(members)
        }


class _Bounded(io.RawIOBase):
    """A file of which nobody reads so much at once that memory runs short.

    `zipfile` reads an archive's whole directory at once, and makes an object of each entry,
    before anyone can ask how many there are.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        if size > _MOST_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"it lists far more than the {MOST_FILES} files allowed")
        return self._file.read(size if size >= 0 else _MOST_DIRECTORY_BYTES)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


@contextmanager
def _mapped_errors(where: str) -> Iterator[None]:
    """What `zipfile` raises on a broken archive, as the student's fault that it is."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError,
            RuntimeError, ValueError, IndexError) as error:  # fmt: skip
        # RuntimeError has NotImplementedError below it: a compression that Python lacks.
        told = printable(str(error))[:200]
        raise SubmissionError(
            f"{where} is not a ZIP that can be read: {told}. Pack it again."
        ) from error


def _sane_members(archive: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    listed = [m for m in archive.infolist() if not m.filename.endswith("/")]
    members = [m for m in listed if not is_ignored(m.filename)]
    if len(members) > MOST_FILES:
        raise SubmissionError(f"{where} holds {len(members)} files; {MOST_FILES} are allowed.")
    total = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    largest = max((m.file_size for m in members), default=0)
    bomb = total > MIB and total > packed * _MOST_RATIO
    if total > MOST_BYTES or largest > _MOST_FILE_BYTES or bomb:
        raise SubmissionError(f"{where} unpacks to {total // MIB} MiB, which is too much.")
    for member in members:
        _check_member(member, where)
    _check_collisions(members, where)
    _check_overlaps(archive.infolist(), where)
    return members


def _check_collisions(members: list[zipfile.ZipInfo], where: str) -> None:
    seen: set[PurePosixPath] = set()
    for member in members:
        folded = PurePosixPath(member.filename.casefold())
        if folded in seen:
            raise SubmissionError(f"{where} holds {member.filename!r} more than once.")
        seen.add(folded)
    for member in members:
        if seen.intersection(PurePosixPath(member.filename.casefold()).parents):
            raise SubmissionError(f"{where} holds {member.filename!r} below what is a file.")


def _check_overlaps(listed: list[zipfile.ZipInfo], where: str) -> None:
    """Refuse members that share bytes: a few of them unpack to more than any ratio tells."""
    for one, after in pairwise(sorted(listed, key=lambda member: member.header_offset)):
        if one.header_offset + _LOCAL_HEADER_BYTES + one.compress_size > after.header_offset:
            raise SubmissionError(
                f"{where} holds {after.filename[:300]!r} within {one.filename[:300]!r}: "
                "pack it again."
            )


def _check_member(member: zipfile.ZipInfo, where: str) -> None:
    name = member.filename
    pure = PurePosixPath(name)
    too_long = any(len(part.encode()) > _MOST_NAME_BYTES for part in pure.parts)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or too_long:
        raise SubmissionError(f"{where} holds a file with the unsafe name {name[:300]!r}.")
    if any(character in "\\:" for character in name) or printable(name) != name:
        raise SubmissionError(f"{where} holds a file with the unsafe name {name[:300]!r}.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise SubmissionError(f"{where} holds {name!r}, which is a link or a device, not a file.")
    if member.flag_bits & 1:
        raise SubmissionError(f"{where} is encrypted: hand in a ZIP without a password.")


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> Path:
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
