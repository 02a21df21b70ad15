"""A download as it lies there: a folder, or a ZIP of which nothing is unpacked before it is wanted.

Both show what stands at their top, and give out one such item at a time. What is wrong with an
item is that student's row and nobody else's.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from grader.errors import GraderError, SubmissionError, UsageError
from grader.intake.model import MOST_ITEMS
from grader.submission.archive import (
    check_amount,
    check_collisions,
    check_kind,
    check_name,
    mapped_errors,
    write_member,
)
from grader.submission.files import (
    MIB,
    MOST_BYTES,
    is_ignored,
    list_folder,
    opened,
    printable,
    read_whole,
)

_MOST_PATH = 1000  # bytes: every system can write so long a path below a folder
_MOST_NOTES = 5
_SAYS_UTF8 = 0x800


class Download(Protocol):
    """What stands at the top of a download, and what becomes of it."""

    @property
    def where(self) -> str:
        """What to call it."""

    @property
    def items(self) -> Mapping[str, bool]:
        """What stands at its top, and whether that is a folder."""

    @property
    def faults(self) -> Mapping[str, str]:
        """Why something may not be touched, by its name."""

    @property
    def count(self) -> int:
        """How many files it holds, or how many items where those are not opened."""

    def inside(self, item: str) -> list[str]:
        """Files below an item that is a folder. Raises SubmissionError where it is unfit."""

    def within(self, item: str) -> Download:
        """The download that lies in an item that is a folder."""

    def read(self, item: str, most: int) -> bytes:
        """A file's bytes. Raises SubmissionError where there are more than `most`."""

    def demand(self, items: Sequence[str]) -> int:
        """Bytes that `put` would write. Raises SubmissionError for more than one student needs."""

    def put(self, item: str, target: Path) -> tuple[Path, list[str]]:
        """Where an item lies, `target` if it has to be written, and notes on what was left out."""

    def copy(self, item: str, target: Path) -> list[str]:
        """Write an item to `target`; notes on what was left out of it."""


class FolderDownload:
    """A folder that someone unpacked, or paths that the caller names one by one."""

    def __init__(self, paths: Mapping[str, Path], where: str) -> None:
        self.where = where
        self._paths = paths
        self.items = {name: path.is_dir() for name, path in paths.items()}
        self.faults: dict[str, str] = {}

    @classmethod
    def of(cls, folder: Path) -> FolderDownload:
        """Read a folder's top. Raises UsageError where that cannot be read, or is too long."""
        where = printable(str(folder))
        try:
            found = sorted(path for path in folder.iterdir() if not is_ignored(path.name))
        except OSError as error:
            raise UsageError(f"{where} cannot be read: {error.strerror or error}.") from error
        if len(found) > MOST_ITEMS:
            raise UsageError(f"{where} holds {len(found)} files and folders, not a class's.")
        made = cls({path.name: path for path in found}, where)
        for path in found:
            if not _is_plain(path):
                made.items[path.name] = False
                made.faults[path.name] = "it is a link, a pipe or a device: hand in the file itself"
        return made

    @property
    def count(self) -> int:
        return len(self.items)

    def path(self, item: str) -> Path:
        """Where an item lies."""
        return self._paths[item]

    def inside(self, item: str) -> list[str]:
        return list(list_folder(self._paths[item])[0])

    def within(self, item: str) -> FolderDownload:
        return FolderDownload.of(self._paths[item])

    def read(self, item: str, most: int) -> bytes:
        return read_whole(self._paths[item], printable(item), most)

    def demand(self, items: Sequence[str]) -> int:
        if len(items) == 1:
            return 0
        total = sum(self._paths[item].stat().st_size for item in items)
        if total > MOST_BYTES:
            where = printable(items[0])[:300]
            raise SubmissionError(
                f"{where} and what belongs to it are {total // MIB} MiB: too much."
            )
        return total

    def put(self, item: str, target: Path) -> tuple[Path, list[str]]:
        return self._paths[item], []

    def copy(self, item: str, target: Path) -> list[str]:
        if not self.items[item]:
            copy_file(self._paths[item], target)
            return []
        files, notes = list_folder(self._paths[item])
        for name, path in files.items():
            copy_file(path, target / name)
        return list(notes)


class ArchiveDownload:
    """A class's ZIP, open for reading; its members are read under names that say what they are."""

    def __init__(self, archive: zipfile.ZipFile, where: str, above: str = "") -> None:
        self.where = where
        self._archive, self._above = archive, above
        self._members: dict[str, list[tuple[str, zipfile.ZipInfo]]] = defaultdict(list)
        self.items: dict[str, bool] = {}
        self.faults: dict[str, str] = {}
        for member in archive.infolist():
            self._sort_in(member)
        for item, members in self._members.items():
            # More than one and not a folder: the same name twice. What is taken would be a guess.
            if len(members) > 1 and any(not below for below, _ in members):
                self.faults[item] = "it is there more than once: pack the download anew"

    def _sort_in(self, member: zipfile.ZipInfo) -> None:
        name = member_name(member)
        if name.endswith("/") or not name.startswith(self._above):
            return
        name = name.removeprefix(self._above)
        if is_ignored(name):
            return
        item, _, below = name.partition("/")
        # A path that leads elsewhere belongs to nobody, so it must not look as if it did.
        if item in ("", ".", "..") or "\\" in item:
            self.faults[name] = "its path leads out of the download"
            return
        self._members[item].append((below, member))
        self.items[item] = bool(below)

    @property
    def count(self) -> int:
        return sum(map(len, self._members.values()))

    def inside(self, item: str) -> list[str]:
        return [below for below, _ in self._members[item] if below]

    def within(self, item: str) -> ArchiveDownload:
        return ArchiveDownload(self._archive, self.where, f"{self._above}{item}/")

    def read(self, item: str, most: int) -> bytes:
        member = self._members[item][0][1]
        if member.file_size > most:
            raise SubmissionError(f"{printable(item)} is larger than {most / MIB:g} MiB.")
        with self._mapped(item), self._archive.open(member) as source:
            return source.read(most)

    def demand(self, items: Sequence[str]) -> int:
        members = [member for item in items for _, member in self._members[item]]
        check_amount(members, printable(items[0])[:300])
        return sum(member.file_size for member in members)

    def put(self, item: str, target: Path) -> tuple[Path, list[str]]:
        return target, self.copy(item, target)

    def copy(self, item: str, target: Path) -> list[str]:
        where, members = printable(item)[:300], self._members[item]
        if not self.items[item]:
            check_kind(members[0][1], where)
            self._write(members[0][1], target)
            return []
        check_collisions([below for below, _ in members], where)
        make_folder(target)
        notes = []
        for below, member in members:
            try:
                _check_below(member, below)
            except SubmissionError as error:
                notes.append(f"left out: {error}")
                continue
            self._write(member, target / below)
        return _shortened(notes)

    def _write(self, member: zipfile.ZipInfo, target: Path) -> None:
        make_folder(target.parent)
        with self._mapped(target.name):
            write_member(self._archive, member, target)

    def _mapped(self, item: str) -> AbstractContextManager[None]:
        return mapped_errors(printable(item)[:300], "Download it again.")


def member_name(member: zipfile.ZipInfo) -> str:
    """A member's name; what is UTF-8 without saying so is read as that, as writers leave it out."""
    if member.flag_bits & _SAYS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _check_below(member: zipfile.ZipInfo, below: str) -> None:
    if len(below.encode()) > _MOST_PATH:
        raise SubmissionError(f"{printable(below[:60])}... has too long a name.")
    check_name(below, "the folder")
    check_kind(member, "the folder")


def _is_plain(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _shortened(notes: list[str]) -> list[str]:
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], f"{more} more files were left out"] if more > 0 else notes


def copy_file(source: Path, target: Path) -> None:
    """Copy a student's file. Raises GraderError where there is no room for it."""
    make_folder(target.parent)
    with opened(source, printable(source.name)) as file:
        try:
            with target.open("xb") as copy:
                shutil.copyfileobj(file, copy, MIB)
        except OSError as error:
            raise GraderError(f"A submission cannot be copied: {error.strerror}.") from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises GraderError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where = printable(str(folder))
        raise GraderError(f"The folder {where} cannot be made: {error.strerror}.") from error
