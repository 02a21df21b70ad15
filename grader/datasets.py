"""An assignment's public data, made once by its own script and kept in the user's cache.

The script defines `build(work, torch_home)`: `work` becomes the content of every student's
working folder, `torch_home` is where torchvision looks for weights instead of downloading.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment
from grader.errors import UsageError


@dataclass(frozen=True)
class PublicData:
    """Folders that every submission of an assignment gets."""

    work: Path
    torch_home: Path


def cache_folder() -> Path:
    """Where made data is kept: `$GRADER_CACHE`, else the user's cache folder."""
    base = os.environ.get("GRADER_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    return root if os.environ.get("GRADER_CACHE") else root / "grader"


def public_data(assignment: Assignment) -> PublicData | None:
    """The assignment's data, made now if this version of its script has not run here yet.

    Raises UsageError where the script is missing or fails.
    """
    script = assignment.data_script
    if script is None:
        return None
    if not script.is_file():
        raise UsageError(f"{assignment.folder}/rubric.yaml: data: there is no file {script}")
    version = hashlib.sha256(script.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"{assignment.name}-{version}"
    if not folder.is_dir():
        _build(script, folder)
    return PublicData(folder / "work", folder / "torch")


def _build(script: Path, folder: Path) -> None:
    """Run the script into a temporary folder and move it into place whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        spec = importlib.util.spec_from_file_location("grader_assignment_data", script)
        if spec is None or spec.loader is None:
            raise UsageError(f"{script} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        for name in ("work", "torch"):
            (temporary / name).mkdir()
        try:
            spec.loader.exec_module(module)
            module.build(temporary / "work", temporary / "torch")
        except Exception as error:
            raise UsageError(f"{script} fails: {type(error).__name__}: {error}") from error
        for path in (temporary, *temporary.rglob("*")):  # jobs may have a user of their own
            path.chmod(0o755 if path.is_dir() else 0o644)
        if not folder.is_dir():  # another process may have been faster
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
