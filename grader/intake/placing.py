"""Put each student's part of a download where `read_submission` can read it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from grader.errors import GraderError, SubmissionError, UsageError
from grader.intake.downloads import Download, copy_file, make_folder
from grader.intake.model import GRADED, MOST_CLASS_BYTES, Entry, Piece, Unread
from grader.submission.archive import open_archive, unpack
from grader.submission.files import MIB, is_ignored, list_folder, printable

_MOST_PACKED = 5  # ZIPs of one student that are unpacked side by side
_MOST_PATH = 1000
_UNPACKED = "_unpacked"  # no id starts so


def place(
    pieces: Sequence[Piece], download: Download, folder: Path
) -> tuple[list[Entry], list[Unread]]:
    """An entry for each piece, below `folder` where it has to be unpacked; what fails, a row.

    Raises UsageError where all together are more than a class hands in, or than there is room
    for, and GraderError where nothing can be written.
    """
    refused = {piece.key: piece.refused for piece in pieces if piece.refused}
    _check_room(pieces, download, folder, refused)
    entries, rows = [], []
    placed: dict[tuple[str, ...], tuple[Path, list[str]]] = {}
    for piece in pieces:
        if piece.key in refused:
            rows.append(_row(piece, refused[piece.key]))
            continue
        parts = tuple(piece.parts)
        try:
            if parts not in placed:
                placed[parts] = _place(piece, download, folder)
        except SubmissionError as error:
            rows.append(_row(piece, str(error)))
            continue
        path, notes = placed[parts]
        entries.append(_entry(piece, path, notes))
    return entries, rows


def _check_room(
    pieces: Sequence[Piece], download: Download, folder: Path, refused: dict[str, str]
) -> None:
    """Add up what has to be written, without those that ask for too much: they are refused."""
    total = 0
    for parts, piece in {tuple(piece.parts): piece for piece in pieces}.items():
        if piece.key in refused:
            continue
        try:
            _check_faults(parts, download)
            total += download.demand(parts)
        except SubmissionError as error:
            shared = [other for other in pieces if tuple(other.parts) == parts]
            refused.update({other.key: str(error) for other in shared})
    if total > MOST_CLASS_BYTES:
        raise UsageError(
            f"{download.where} unpacks to {total // MIB} MiB; "
            f"{MOST_CLASS_BYTES // MIB} are allowed: split it."
        )
    free = shutil.disk_usage(folder).free if total else 0
    if total > free:
        raise UsageError(
            f"{download.where} unpacks to {total // MIB} MiB, and {printable(str(folder))} "
            f"has room for {free // MIB}: name a folder elsewhere."
        )


def _check_faults(parts: Sequence[str], download: Download) -> None:
    for item in parts:
        if item in download.faults:
            raise SubmissionError(f"{printable(item)[:300]}: {download.faults[item]}.")


def _row(piece: Piece, reason: str) -> Unread:
    told = asdict(piece.student)
    marks = {mark: told[mark] for mark in ("lms_id", "sis_id", "login", "email")}
    name = piece.student.name
    return Unread(piece.name, reason, piece.id, name, notes=piece.notes, **marks)


def _entry(piece: Piece, path: Path, notes: list[str]) -> Entry:
    student = piece.student
    return Entry(
        id=piece.id,
        student=student.name,
        path=path,
        lms_id=student.lms_id,
        login=student.login,
        sis_id=student.sis_id,
        email=student.email,
        submitted_at=piece.submitted_at,
        late=piece.late,
        attempt=piece.attempt,
        others=piece.others,
        notes=(*piece.notes, *notes),
    )


def _place(piece: Piece, download: Download, top: Path) -> tuple[Path, list[str]]:
    """Where one piece lies now, and notes. Raises SubmissionError where nothing is to be graded."""
    folder = top / piece.id
    if len(piece.parts) == 1:
        ((item, name),) = piece.parts.items()
        path, notes = download.put(item, folder / name)
    else:
        path, notes = folder / piece.folder, []
        for item, name in piece.parts.items():
            notes += download.copy(item, path / name)
    if path.is_dir():
        path, more = _settle(path, top / _UNPACKED / piece.id)
        return path, notes + more
    if not path.name.lower().endswith(GRADED):
        told = printable(piece.name)[:300]
        raise SubmissionError(f"{told} is no notebook, module or ZIP: ask the student for one.")
    return path, notes


def _settle(path: Path, folder: Path) -> tuple[Path, list[str]]:
    """The folder itself, or the ZIP that is all it has, or a folder with its ZIPs unpacked."""
    files, _ = list_folder(path)
    lower = {name.lower(): name for name in files}
    zips = [name for low, name in lower.items() if low.endswith(".zip")]
    notebooks = [name for low, name in lower.items() if low.endswith(".ipynb")]
    modules = [name for low, name in lower.items() if low.endswith(".py")]
    if notebooks or not zips:
        if not notebooks and not modules:
            told = ", ".join(list(files)[:5]) or "nothing"
            raise SubmissionError(f"There is no notebook, module or ZIP, but {told}.")
        return path, []
    if modules and not any(holds(files[name], ".ipynb") for name in zips):
        return path, []
    if len(files) == 1:
        return files[zips[0]], []
    return _unpacked(path, files, zips, folder)


def _unpacked(
    path: Path, files: dict[str, Path], zips: list[str], folder: Path
) -> tuple[Path, list[str]]:
    """A folder with what the ZIPs hold, each below its own name, and the files beside them."""
    if len(zips) > _MOST_PACKED:
        raise SubmissionError(f"There are {len(zips)} ZIPs and no notebook: leave one.")
    target = folder / path.name
    for name in files:
        if name not in zips:
            copy_file(files[name], target / name)
    for name in zips:
        with tempfile.TemporaryDirectory(dir=_made(folder), prefix=".unpack-") as spare:
            for member, source in unpack(files[name], Path(spare)).items():
                if len(member.encode()) > _MOST_PATH:
                    raise SubmissionError(f"{name} holds {member[:60]}..., too long a name.")
                _move(source, target / name / member)
    return target, [f"{', '.join(zips)} was unpacked beside the other files"]


def _made(folder: Path) -> Path:
    make_folder(folder)
    return folder


def _move(source: Path, target: Path) -> None:
    make_folder(target.parent)
    try:
        source.rename(target)
    except OSError as error:
        raise GraderError(f"A submission cannot be moved: {error.strerror}.") from error


def holds(path: Path, suffix: str) -> bool:
    """Whether a ZIP or folder has a file that ends so; one that cannot be read may have it."""
    try:
        if path.is_dir():
            names = list(list_folder(path)[0])
        else:
            with open_archive(path) as archive:
                names = archive.namelist()
    except SubmissionError:
        return True
    return any(name.lower().endswith(suffix) for name in names if not is_ignored(name))
