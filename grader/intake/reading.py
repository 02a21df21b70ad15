"""From what a TA names on the command line to a class's list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

from grader.errors import SubmissionError, UsageError
from grader.intake.canvas import is_canvas, split_canvas
from grader.intake.downloads import ArchiveDownload, Download, FolderDownload
from grader.intake.gradescope import METADATA, is_gradescope, split_gradescope
from grader.intake.matching import match_roster
from grader.intake.metadata import MOST_METADATA_BYTES, read_metadata
from grader.intake.model import (
    MOST_MEMBERS,
    ClassList,
    Entry,
    Form,
    Split,
    Student,
    Unread,
    told_apart,
)
from grader.intake.moodle import is_moodle, split_moodle
from grader.intake.placing import holds, place
from grader.intake.plain import is_single, plain_piece, split_plain
from grader.intake.roster import read_roster
from grader.submission.archive import check_overlaps, open_archive
from grader.submission.files import MIB, printable

_MOST_DIRECTORY_BYTES = 16 * MIB
_DEEPEST_WRAPPER = 3
_MOST_FAULTS = 50


def read_class(paths: Sequence[Path], *, roster: Path | None = None, folder: Path) -> ClassList:
    """Read a download of Canvas, Gradescope or Moodle, or files and folders of any name.

    One path may be a whole class; of several each is one submission, whatever is in it. What
    has to be unpacked is written below `folder`, which is made, and has to be empty then. Raises
    UsageError for a path, a roster or a download that nobody's submission can be told from, and
    GraderError where `folder` cannot be written to.
    """
    if not paths:
        raise UsageError("Name a download, a folder or a submission.")
    known = read_roster(roster) if roster is not None else None
    _check_folder(folder)
    with _opened(paths, roster) as (form, download, split):
        pieces = told_apart(split.pieces)
        absent: tuple[Student, ...] = ()
        notes = tuple(split.notes)
        if known is not None:
            by_name = form in ("folder", "single")
            matched = match_roster(pieces, known, by_file_name=by_name)
            pieces, absent = matched.pieces, matched.absent
            notes += matched.notes
        entries, rows = place(pieces, download, folder)
        told = {item for piece in pieces for item in piece.parts}
        rows += split.strays + _faults(download, told | {row.name for row in split.strays})
    if not entries and not rows:
        raise UsageError(f"{download.where} holds no submission: is it the right download?")
    return ClassList(
        form,
        tuple(sorted(entries, key=lambda entry: (entry.student.casefold(), entry.id))),
        tuple(sorted(rows, key=lambda row: (row.student.casefold(), row.name, row.id))),
        absent,
        notes,
    )


def read_one(path: Path, *, folder: Path) -> Entry | Unread:
    """Read what one student handed in, whatever it looks like: it is never taken for a class.

    What has to be unpacked is written below `folder`, as with `read_class`; so are the errors.
    """
    _check_folder(folder)
    _, download, split = _single(_named([path]))
    entries, rows = place(split.pieces, download, folder)
    return entries[0] if entries else rows[0]


def _check_folder(folder: Path) -> None:
    where = printable(str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{where} is not empty: name a folder that is, to unpack to.")
    except OSError as error:
        raise UsageError(f"{where} cannot be unpacked to: {error.strerror or error}.") from error


def _faults(download: Download, told: set[str]) -> list[Unread]:
    """Rows for what may not be touched and is no student's either."""
    left = sorted(set(download.faults) - told)
    rows = [Unread(printable(n)[:300], download.faults[n]) for n in left[:_MOST_FAULTS]]
    if len(left) > _MOST_FAULTS:
        rows.append(Unread(f"{len(left) - _MOST_FAULTS} more", "they may not be touched either"))
    return rows


Found = tuple[Form, Download, Split]


@contextmanager
def _opened(paths: Sequence[Path], roster: Path | None) -> Iterator[Found]:
    named = _named(paths)
    if found := _recognised(named):
        yield found
    elif len(paths) > 1:
        yield "folder", named, _with_missing(split_plain(named.items), paths)
    elif paths[0].is_dir():
        yield _from_folder(paths[0], roster) or _single(named)
    elif paths[0].suffix.lower() == ".zip":
        with _from_archive(paths[0]) as inside:
            yield inside or _single(named)
    else:
        yield _single(named)


def _named(paths: Sequence[Path]) -> FolderDownload:
    """The paths themselves as a download: by their names, and where these clash by more."""
    present = [path for path in dict.fromkeys(paths) if path.exists()]
    if not present:
        where = printable(str(paths[0]))
        raise UsageError(f"There is no file or folder {where}. Check the path's spelling.")
    names = [path.resolve().name if path.is_dir() else path.name for path in present]
    longer = [f"{p.resolve().parent.name}-{name}" for p, name in zip(present, names, strict=True)]
    often, more = Counter(names), Counter(longer)
    chosen = {}
    for path, name, long in zip(present, names, longer, strict=True):
        clear = (
            name if often[name] == 1 else long if more[long] == 1 else str(path).replace("/", "_")
        )
        chosen[clear] = path
    return FolderDownload(chosen, ", ".join(printable(str(path)) for path in present[:3]))


def _with_missing(split: Split, paths: Sequence[Path]) -> Split:
    why = "there is no such file or folder: check the path's spelling"
    gone = [Unread(printable(str(path)), why) for path in paths if not path.exists()]
    return replace(split, strays=split.strays + gone)


def _recognised(download: Download) -> Found | None:
    """What an LMS made, by the names at the top."""
    if is_gradescope(download.items):
        _check_size(download)
        where = f"{download.where}: {METADATA}"
        try:
            data = download.read(METADATA, MOST_METADATA_BYTES)
        except SubmissionError as error:
            raise UsageError(f"{where} cannot be read: {error}") from error
        return "gradescope", download, split_gradescope(download.items, read_metadata(data, where))
    if is_moodle(download.items):
        _check_size(download)
        return "moodle", download, split_moodle(download.items)
    if is_canvas(download.items):
        _check_size(download)
        return "canvas", download, split_canvas(download.items)
    return None


def _single(named: FolderDownload) -> Found:
    ((item, is_folder),) = named.items.items()
    return "single", named, Split([plain_piece(item, is_folder)])


def _inner(download: Download) -> Iterator[Download]:
    """The download, and as long as it is but a folder in a folder, what lies in that."""
    yield download
    for _ in range(_DEEPEST_WRAPPER):
        if list(download.items.values()) != [True]:
            return
        download = download.within(next(iter(download.items)))
        yield download


def _from_folder(path: Path, roster: Path | None) -> Found | None:
    """A class's folder; None for one that is a single submission."""
    for inner in _inner(_without(FolderDownload.of(path), roster)):
        if found := _recognised(inner):
            return found
        lowest = inner
    assert isinstance(lowest, FolderDownload)
    if is_single(lowest.items, lambda item, suffix: holds(lowest.path(item), suffix)):
        return None
    if not lowest.items and not lowest.faults:
        raise UsageError(f"{lowest.where} holds no submission: is it the right download?")
    return "folder", lowest, split_plain(lowest.items)


def _without(download: FolderDownload, roster: Path | None) -> FolderDownload:
    """A download without the roster, which often lies in it."""
    if roster is not None:
        at = roster.resolve()
        for item in [i for i in download.items if download.path(i).resolve() == at]:
            del download.items[item]
    return download


@contextmanager
def _from_archive(path: Path) -> Iterator[Found | None]:
    """A class's ZIP, open; None for one that is a single submission, or cannot be listed."""
    with ExitStack() as stack:
        opening = open_archive(path, most_bytes=_MOST_DIRECTORY_BYTES, most_files=MOST_MEMBERS)
        try:
            archive = stack.enter_context(opening)
        except SubmissionError:
            found = None  # whoever reads it as a submission says what is wrong with it
        else:
            found = _class_in(archive, printable(str(path)))
        yield found


def _class_in(archive: ZipFile, where: str) -> Found | None:
    whole = ArchiveDownload(archive, where)
    if not whole.items and not whole.faults:
        raise UsageError(f"{where} holds no submission: is it the right download?")
    found = _sorted_out(whole)
    if found is not None:
        try:
            check_overlaps(archive, where)
        except SubmissionError as error:
            raise UsageError(f"{error} Or download it again.") from error
    return found


def _sorted_out(whole: Download) -> Found | None:
    for inner in _inner(whole):
        if found := _recognised(inner):
            return found
        lowest = inner
    if is_single(lowest.items, lambda item, suffix: _may_hold(lowest, item, suffix)):
        return None
    _check_size(lowest)
    return "folder", lowest, split_plain(lowest.items)


def _check_size(download: Download) -> None:
    if download.count > MOST_MEMBERS:
        raise UsageError(
            f"{download.where} holds {download.count} files; {MOST_MEMBERS} are allowed."
        )


def _may_hold(download: Download, item: str, suffix: str) -> bool:
    """As `holds`, for what is still packed: a ZIP in a ZIP is taken for a student's."""
    return not download.items[item] or any(
        n.lower().endswith(suffix) for n in download.inside(item)
    )
