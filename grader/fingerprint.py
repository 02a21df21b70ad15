"""What a grade depends on, as hashes: where none has changed, nothing needs to be graded again.

A part's fingerprint covers its rubric entry, its known mistakes, its check functions and what
else their files hold; all parts share the rubric's settings, the reference, the scaffolds, the
data's script, the grader's own code, the options and the versions of the libraries. A part that
needs others has theirs in its own: a mistake in a helper decides how what uses it is judged.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import grader
from grader.assignment import Assignment
from grader.errors import UsageError
from grader.grading import Options, environment
from grader.rubric import PartEntry

# Of the grader's own code, what only shows or collects grades.
_BESIDE_GRADES = ("report", "exam", "intake", "similarity")
_PIECE = 1 << 20


class Fingerprints:
    """The fingerprints of an assignment's parts, for one way of grading."""

    def __init__(self, assignment: Assignment, options: Options) -> None:
        self._assignment = assignment
        self._tests, self._rest = _check_files(assignment.folder)
        self._common = _common(assignment, options)

    @functools.cached_property
    def parts(self) -> dict[str, str]:
        """Each part's fingerprint, by its id."""
        own = {part.id: self._own(part) for part in self._assignment.rubric.parts}
        used = {part: self._assignment.with_needs((part,)) for part in own}
        return {part: _digest([own[q.id] for q in used[part]]) for part in own}

    def _own(self, part: PartEntry) -> str:
        tests = [check.test for check in part.checks]
        files = sorted({self._tests[test][0] for test in tests if test in self._tests})
        mistakes = [repr(known) for known in self._assignment.mistakes(part.id)]
        sources = [self._tests[test][1] for test in tests if test in self._tests]
        rest = [self._rest[file] for file in files]
        return _digest([self._common, part.model_dump_json(), *mistakes, *sources, *rest])


def stale_parts(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """The parts whose grade may be another now, in the order of `now`."""
    return tuple(part for part, key in now.items() if before.get(part) != key)


def content_key(path: Path) -> str:
    """A hash over the files of a submission, and their names in its folder.

    A link in a folder counts as where it leads, and is not followed: nobody reads it. Raises
    UsageError where a file cannot be read.
    """
    total = hashlib.sha256()
    try:
        for name, file in _files(path):
            _add(total, name.encode("utf-8", "surrogateescape"), _file_digest(file))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return total.hexdigest()


def _files(path: Path) -> list[tuple[str, Path]]:
    """The files below a folder with their names in it; of a file alone, its kind."""
    if not path.is_dir():
        return [(path.suffix.lower(), path.resolve())]
    found = []
    for folder, below, names in os.walk(path, onerror=_raise):
        links = [name for name in below if Path(folder, name).is_symlink()]
        files = [Path(folder, name) for name in (*names, *links)]
        found += [(file.relative_to(path).as_posix(), file) for file in files]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def _file_digest(file: Path) -> bytes:
    """A hash over a file's bytes, read piece by piece; over its kind where it is no file."""
    mode = file.lstat().st_mode
    if stat.S_ISLNK(mode):
        return os.fsencode(os.readlink(file))
    if not stat.S_ISREG(mode):
        return str(stat.S_IFMT(mode)).encode()
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def _common(assignment: Assignment, options: Options) -> str:
    settings = assignment.rubric.model_dump(mode="json", exclude={"parts", "policies", "title"})
    shared: dict[str, Any] = {
        "settings": settings,
        "options": [options.device, options.public_only, options.examples],
        "environment": environment(),
        "grader": _own_code(),
        "folders": [
            _tree(assignment.reference_folder.rglob("*.py")),
            _tree((assignment.folder / "scaffolds").rglob("*")),
            _tree(p for p in (assignment.data_script, assignment.template) if p),
        ],
    }
    return _digest([json.dumps(shared, sort_keys=True, default=str)])


@functools.cache
def _own_code() -> str:
    root = Path(grader.__file__).parent
    files = (p for p in root.rglob("*.py") if p.relative_to(root).parts[0] not in _BESIDE_GRADES)
    return _tree(files)


def _tree(paths: Iterable[Path]) -> str:
    files = sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts)
    return _digest([part for p in files for part in (p.name, p.read_bytes())])


def _check_files(folder: Path) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """File and source of each check function, and what else each file holds.

    Other modules of the folder count to every file: any of them may be imported.
    """
    tests: dict[str, tuple[str, str]] = {}
    rest: dict[str, str] = {}
    others = _tree(p for p in folder.glob("*.py") if not p.name.startswith("test_"))
    for path in sorted(folder.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        try:
            body = ast.parse(text).body
        except SyntaxError as error:
            raise UsageError(f"{path}, line {error.lineno}: {error.msg}") from error
        kept = [others]
        for node in body:
            source = ast.unparse(node)
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                tests[node.name] = (path.name, source)
            else:
                kept.append(source)
        rest[path.name] = _digest(kept)
    return tests, rest


def _digest(items: Iterable[str | bytes]) -> str:
    total = hashlib.sha256()
    for item in items:
        _add(total, item.encode() if isinstance(item, str) else item)
    return total.hexdigest()


def _add(total: Any, *items: bytes) -> None:
    for item in items:
        total.update(len(item).to_bytes(8, "big"))
        total.update(item)
