"""A wheel of the grader that is installed here, made without a network.

Everything is read from the installation, and nothing from a repository: it works wherever the
grader was installed from.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

import grader
from grader.errors import GraderError, UsageError

PROJECT = "homework-grader"
_PACKAGE = Path(grader.__file__).parent
#: For `shutil.copytree`: what tools leave behind, and hidden files.
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.py[co]", ".*")


def build_wheel(folder: Path, extra: Mapping[str, Path] = {}) -> Path:
    """Make a wheel of the installed grader in `folder`, which is made where it is missing.

    `extra` maps paths inside the wheel to folders whose files come to lie there, in place of
    what the grader has there itself. The same files always make the same wheel, byte by byte.

    Raises UsageError where the grader is not installed, a path is none that a wheel can have or
    `folder` cannot be written to, and GraderError where the wheel cannot be built.
    """
    told = _installed()
    with tempfile.TemporaryDirectory(prefix="grader-wheel-") as made:
        project = Path(made)
        shutil.copytree(_PACKAGE, project / "grader", ignore=NOT_SHIPPED)
        for inside, source in extra.items():
            _add(project, inside, source)
        _write_licenses(project, told)
        shipped = {"grader", *(PurePosixPath(inside).parts[0] for inside in extra)}
        (project / "pyproject.toml").write_text(_pyproject(told, shipped), encoding="utf-8")
        return _put(_built(project), folder)


def _installed() -> Distribution:
    try:
        return distribution(PROJECT)
    except PackageNotFoundError as error:
        raise UsageError(
            f"{PROJECT} is not installed in {sys.prefix}: run `pip install -e .` in its folder."
        ) from error


def _add(project: Path, inside: str, source: Path) -> None:
    """Put a folder's files at a path inside the wheel."""
    path = PurePosixPath(inside)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise UsageError(f"{inside!r} is no path inside a wheel: write it like grader/kits/NAME.")
    if not source.is_dir():
        raise UsageError(f"There is no folder {source} to put into the wheel.")
    shutil.rmtree(project / path, ignore_errors=True)
    shutil.copytree(source, project / path, ignore=NOT_SHIPPED)


def _write_licenses(project: Path, told: Distribution) -> None:
    """The license goes where the code goes; newer tools keep it in a folder of the metadata."""
    for name in told.metadata.get_all("License-File") or []:
        text = told.read_text(f"licenses/{name}") or told.read_text(name)
        if text and not PurePosixPath(name).parent.parts:
            (project / name).write_text(text, encoding="utf-8")


def _pyproject(told: Distribution, shipped: Iterable[str]) -> str:
    """The project's file, from the metadata of the installation. JSON's texts are TOML's, too."""
    fields: dict[str, object] = {
        "name": told.metadata["Name"],
        "version": told.version,
        "description": told.metadata.json.get("summary", ""),
        "dependencies": [line for line in told.requires or [] if "extra ==" not in line],
    }
    if needed := told.metadata.json.get("requires_python"):
        fields["requires-python"] = needed
    tables = {"project": fields, **_entry_points(told.entry_points)}
    # A folder of ours for temporary files may lie in somebody's repository.
    tables["tool.hatch.build"] = {"ignore-vcs": True}
    tables["tool.hatch.build.targets.wheel"] = {"only-include": sorted(shipped)}
    lines = ["[build-system]", 'requires = ["hatchling"]', 'build-backend = "hatchling.build"']
    for table, entries in tables.items():
        lines += ["", f"[{table}]", *_toml(entries)]
    return "\n".join(lines) + "\n"


def _toml(entries: Mapping[str, object]) -> list[str]:
    return [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in entries.items()]


def _entry_points(points: Iterable[EntryPoint]) -> dict[str, dict[str, object]]:
    tables: dict[str, dict[str, object]] = {}
    for point in points:
        scripts = point.group == "console_scripts"
        table = "project.scripts" if scripts else f"project.entry-points.{json.dumps(point.group)}"
        tables.setdefault(table, {})[point.name] = point.value
    return tables


def _built(project: Path) -> Path:
    """Run hatchling on the project. Its dates are constant unless SOURCE_DATE_EPOCH is set."""
    target = project / "dist"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    ended = subprocess.run(
        [*command, "--directory", str(target)], cwd=project, capture_output=True, text=True
    )
    wheels = sorted(target.glob("*.whl"))
    if ended.returncode or len(wheels) != 1:
        said = (ended.stderr or ended.stdout).strip()
        raise GraderError(f"The grader's wheel cannot be built: {said[-2000:]}")
    return wheels[0]


def _put(wheel: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, folder / wheel.name))
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}") from error
