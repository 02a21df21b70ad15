"""Files that a student handed in: which of a folder count, how one is opened, how one is named.

A folder may be one that a student can still write to, and a name may hold what a terminal obeys.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.errors import SubmissionError

MIB = 1 << 20
MOST_FILES = 2000
MOST_BYTES = 512 * MIB
_MOST_LISTED = 100_000  # entries of a folder, with those that are passed over
_DEEPEST = 40
_MOST_NOTES = 5
_IGNORED = ("__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__", ".DS_Store", "Icon\r")
_JOINERS = "\u200c\u200d"  # invisible, but Persian names and emoji need them
_SPACE = "Zs"  # category of all spaces: macOS writes a narrow one into the names of screenshots


def printable(text: str) -> str:
    r"""`text` with what no reader sees written out, as in `\x1b`: it can move no terminal."""
    if text.isprintable():
        return text
    return "".join(c if _is_harmless(c) else ascii(c)[1:-1] for c in text)


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable()
        or character in _JOINERS
        or unicodedata.category(character) == _SPACE
    )


def safe_name(text: str) -> str:
    """`text` as a file name that every system takes; where that differs, with a hash of `text`."""
    safe = re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip("._")[:80]
    if safe == text:
        return safe
    return f"{safe or 'submission'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def is_ignored(name: str) -> bool:
    """Whether a path is one of those that systems leave behind."""
    return any(part in _IGNORED or part.startswith("._") for part in PurePosixPath(name).parts)


@contextmanager
def opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """Open a file for reading; what became a pipe or a device in the meantime cannot block.

    Raises SubmissionError where it cannot be opened, or is no ordinary file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with _readable(name):
        descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SubmissionError(f"{name} is no ordinary file: hand in a copy of it.")
        yield file


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SubmissionError(f"{name} cannot be read: {error.strerror or error}.") from error


def read_whole(path: Path, name: str, most: int) -> bytes:
    """A file's bytes, of which there may be `most`: however long it is, no more are read."""
    with opened(path, name) as file, _readable(name):
        data = file.read(most + 1)
    if len(data) > most:
        raise SubmissionError(
            f"{name} is larger than {most / MIB:g} MiB: "
            "clear its outputs, or leave out the data that it holds."
        )
    return data


def list_folder(folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The files below a folder by their path in it, and a note on each that was left out.

    Links, also hard ones that lead out of the folder, pipes and devices are left out, and so
    are names that no terminal should be shown. Raises SubmissionError where there are too many
    files or bytes.
    """
    found: dict[str, os.stat_result] = {}
    left_out: dict[str, str] = {}
    for name, entry in _walk(folder):
        told = entry.stat(follow_symlinks=False)
        reason = _unfit(name, told)
        if reason:
            left_out[name] = reason
        else:
            found[name] = told
    twins = Counter((told.st_dev, told.st_ino) for told in found.values())
    for name, told in list(found.items()):
        if told.st_nlink > twins[told.st_dev, told.st_ino]:
            del found[name]
            left_out[name] = "it is a hard link to a file elsewhere: copy the folder"
    _check_amount(folder, list(found.values()))
    notes = [f"{printable(n)} was left out: {why}" for n, why in sorted(left_out.items())]
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"{len(notes) - _MOST_NOTES} more files were left out"]
    return {name: folder / name for name in sorted(found)}, tuple(notes)


def _walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything but folders below a folder, by its path in it; no link is followed."""
    waiting, listed, where = [""], 0, printable(folder.resolve().name)
    while waiting:
        above = waiting.pop()
        if above.count("/") > _DEEPEST:
            raise SubmissionError(
                f"{where} has folders more than {_DEEPEST} deep: leave out what is no homework."
            )
        try:
            with os.scandir(folder / above) as entries:
                for entry in entries:
                    listed += 1
                    if listed > _MOST_LISTED:
                        raise SubmissionError(_too_many(where, f"more than {_MOST_LISTED}"))
                    name = above + entry.name
                    if is_ignored(name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    else:
                        yield name, entry
        except OSError as error:
            told = error.strerror or error
            raise SubmissionError(f"{where} cannot be read: {told}.") from error


def _unfit(name: str, told: os.stat_result) -> str:
    if stat.S_ISLNK(told.st_mode):
        return "it is a link: hand in the file itself"
    if not stat.S_ISREG(told.st_mode):
        return "it is a pipe or a device, not a file"
    if printable(name) != name:
        return "its name holds characters that cannot be shown: rename it"
    return ""


def _check_amount(folder: Path, found: list[os.stat_result]) -> None:
    where, total = printable(folder.resolve().name), sum(told.st_size for told in found)
    if len(found) > MOST_FILES:
        raise SubmissionError(_too_many(where, str(len(found))))
    if total > MOST_BYTES:
        raise SubmissionError(
            f"{where} holds {total // MIB} MiB; {MOST_BYTES // MIB} are allowed: "
            "leave out what is no homework."
        )


def _too_many(where: str, count: str) -> str:
    return f"{where} holds {count} files; {MOST_FILES} are allowed: leave out what is no homework."
