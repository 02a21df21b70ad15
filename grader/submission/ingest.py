"""From a path to a `Submission`: a notebook or module, alone, in a folder or in a ZIP.

Everything read here is a student's: sizes are bounded before anything is unpacked, archive
members are opened one by one and never extracted by their own names.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from nbformat import NotebookNode

from grader.errors import SubmissionError, UsageError
from grader.submission.archive import unpack
from grader.submission.files import MIB, list_folder, printable, read_whole, safe_name
from grader.submission.module import read_module
from grader.submission.notebook import read_notebook

#: The longest notebook or module that is read.
SOURCE_BYTES = 64 * MIB

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


def name_of(path: Path) -> tuple[str, str]:
    """Id and title of the submission at a path: `read_submission` gives it the same."""
    resolved = path.resolve()
    title = printable(resolved.name if path.is_dir() else path.stem)
    return safe_name(title), title


def _read(path: Path) -> Submission:
    where = printable(str(path))
    if not path.exists():
        raise UsageError(f"There is no file or folder {where}. Check the path's spelling.")
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise UsageError(f"{where} is neither a file nor a folder.")
    if path.suffix.lower() == ".zip":
        return _from_zip(path)
    if path.suffix.lower() not in _READERS:
        raise SubmissionError(
            f"{printable(path.name)} is not a submission: hand in a notebook (.ipynb), a module "
            "(.py), a ZIP or a folder with one of them."
        )
    return _make(path.name, path, {}, path.stem)


def _from_folder(folder: Path) -> Submission:
    files, notes = list_folder(folder)
    name = printable(folder.resolve().name)
    submission = _from_files(files, name, name, notes)
    return replace(submission, container="folder", container_name=name)


def _from_files(
    files: dict[str, Path], name: str, where: str, notes: tuple[str, ...] = ()
) -> Submission:
    chosen, others = _choose(sorted(files), where, notes)
    return _make(chosen, files[chosen], _beside(files, chosen), name, notes + others)


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


def _choose(names: list[str], where: str, notes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
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
    told = "".join(f" {note}." for note in notes)
    raise SubmissionError(f"{where} holds no notebook (.ipynb) and no module (.py).{told}")


def _make(
    name: str, path: Path, extra: dict[str, Path], title: str, notes: tuple[str, ...] = ()
) -> Submission:
    title, name = printable(title), printable(name)
    data = read_whole(path, name, SOURCE_BYTES)
    suffix = Path(name).suffix.lower()
    notebook = _READERS[suffix](data, name)
    return Submission(
        id=safe_name(title),
        student=title,
        source=name,
        notebook=notebook,
        sha256=hashlib.sha256(data).hexdigest(),
        extra=extra,
        form="module" if suffix == ".py" else "notebook",
        notes=notes,
    )


def _from_zip(path: Path) -> Submission:
    folder = Path(tempfile.mkdtemp(prefix="grader-zip-"))
    try:
        submission = _from_files(unpack(path, folder), path.stem, printable(path.name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # The submission's files lie in the folder, which goes when the last copy of it does.
    unpacked = _Unpacked()
    weakref.finalize(unpacked, shutil.rmtree, folder, ignore_errors=True)
    name = printable(path.name)
    return replace(submission, container="zip", container_name=name, unpacked=unpacked)
