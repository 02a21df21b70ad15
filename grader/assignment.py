"""An assignment: what `rubric.yaml` says, validated, with errors that name file, line and fix.

Plain data, no torch. Folders are found by name below `rubrics/` of the working directory or
its parents, then beside the installed package; a path to a folder works as well.
"""

from __future__ import annotations

import difflib
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grader.errors import UsageError
from grader.model import Stage

RUBRIC = "rubric.yaml"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckEntry(_Entry):
    """One check: the pytest function, its weight within the part, and who may see it.

    `credit` gives the share of the check's points that is kept where the first stage to fail
    is the one named: an answer that is right but for its dtype may keep most of them.
    """

    test: str
    weight: float = Field(default=1.0, ge=0)
    public: bool = True
    credit: dict[Stage, float] = Field(default_factory=dict)
    hint: str = ""


class PartEntry(_Entry):
    """One part: how its cells are found, what it is worth, and its checks.

    `names` are what the part's cells define; `needs` are the parts whose names it uses: where
    one of those is wrong, a failed check is judged again with right helpers. With `replay` the
    cells are run again for that: for a part that is judged by what its cells leave behind.
    `manual` is the share of `points` that a person marks.
    """

    id: str
    title: str
    points: float = Field(gt=0)
    manual: float = Field(default=0, ge=0)
    headings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    replay: bool = False
    checks: tuple[CheckEntry, ...] = ()

    @model_validator(mode="after")
    def _points_are_reachable(self) -> PartEntry:
        if self.manual > self.points:
            raise ValueError(f"manual: {self.manual:g} is more than points: {self.points:g}")
        if self.points > self.manual and not self.checks:
            raise ValueError("points beyond `manual` need at least one entry under `checks`")
        if self.checks and not any(check.weight for check in self.checks):
            raise ValueError("at least one check needs a weight above 0")
        return self


class Limits(_Entry):
    """What one submission may use."""

    cell_s: float = Field(default=300, gt=0)
    call_s: float = Field(default=10, gt=0)
    notebook_s: float = Field(default=1200, gt=0)
    shrink_s: float = Field(default=3, gt=0)
    cpu_s: int = Field(default=3600, gt=0)
    memory_mb: int = Field(default=8192, gt=0)
    processes: int = Field(default=4096, gt=0)
    file_mb: int = Field(default=2048, gt=0)


class Rubric(_Entry):
    """The whole of `rubric.yaml`."""

    assignment: str
    title: str
    reference: str
    template: str | None = None
    data: str | None = None
    preload: tuple[str, ...] = ()
    examples: int = Field(default=25, ge=1)
    seed: int = 0
    pass_mark: float = Field(default=0, ge=0, le=1)
    min_known_parts: int = Field(default=1, ge=0)
    limits: Limits = Limits()
    parts: tuple[PartEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_known_and_unique(self) -> Rubric:
        ids = [part.id for part in self.parts]
        tests = [check.test for part in self.parts for check in part.checks]
        for kind, values in (("part id", ids), ("test", tests)):
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise ValueError(f"{kind} {twice[0]!r} is listed more than once")
        for part in self.parts:
            for needed in part.needs:
                if needed not in ids:
                    raise ValueError(f"part {part.id}: needs {needed!r}, which is no part's id")
        return self


class Assignment:
    """A rubric and the folders around it."""

    def __init__(self, folder: Path, rubric: Rubric) -> None:
        self.folder = folder
        self.rubric = rubric

    @property
    def name(self) -> str:
        """The assignment's short name, as in file names and reports."""
        return self.rubric.assignment

    @property
    def reference_folder(self) -> Path:
        """Where the reference solution lies."""
        return (self.folder / self.rubric.reference).resolve()

    @property
    def data_script(self) -> Path | None:
        """The script that makes the public data, if the assignment has any."""
        return (self.folder / self.rubric.data).resolve() if self.rubric.data else None

    @cached_property
    def parts(self) -> dict[str, PartEntry]:
        """Parts by id, in the rubric's order."""
        return {part.id: part for part in self.rubric.parts}

    @cached_property
    def checks(self) -> dict[str, tuple[PartEntry, CheckEntry]]:
        """Part and entry of each check, by the test function's name."""
        return {c.test: (part, c) for part in self.rubric.parts for c in part.checks}

    def scaffold(self, name: str) -> str:
        """The source of `scaffolds/NAME.py`; empty where there is none."""
        path = self.folder / "scaffolds" / f"{name}.py"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def select(self, ids: tuple[str, ...]) -> tuple[PartEntry, ...]:
        """The named parts in order, all where none is named.

        Raises UsageError for an unknown id.
        """
        for name in ids:
            if name not in self.parts:
                near = difflib.get_close_matches(name, self.parts, 1, 0.4)
                hint = f" Did you mean {near[0]}?" if near else ""
                known = ", ".join(self.parts)
                raise UsageError(f"{self.name} has no part {name!r}.{hint} Its parts: {known}")
        return tuple(p for p in self.rubric.parts if not ids or p.id in ids)

    @cached_property
    def digest(self) -> str:
        """A hash over the rubric and its checks: it changes where a grade could."""
        total = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in (".py", ".yaml") and path.is_file():
                total.update(path.relative_to(self.folder).as_posix().encode())
                total.update(path.read_bytes())
        return total.hexdigest()


def load_assignment(name: str) -> Assignment:
    """Load an assignment by name or by the path of its folder.

    Raises UsageError where it cannot be found, or where `rubric.yaml` is wrong.
    """
    folder = _find(name)
    return Assignment(folder, read_rubric(folder / RUBRIC))


def _find(name: str) -> Path:
    direct = Path(name)
    if (direct / RUBRIC).is_file():
        return direct.resolve()
    if direct.name == RUBRIC and direct.is_file():
        return direct.parent.resolve()
    roots = [Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[1]]
    for root in roots:
        if (root / "rubrics" / name / RUBRIC).is_file():
            return (root / "rubrics" / name).resolve()
    known = sorted({p.parent.name for root in roots for p in root.glob(f"rubrics/*/{RUBRIC}")})
    choices = ", ".join(known) if known else "none were found"
    raise UsageError(
        f"There is no assignment {name!r}. Assignments here: {choices}. "
        f"Give a name below rubrics/, or the path of a folder with {RUBRIC}."
    )


def read_rubric(path: Path) -> Rubric:
    """Read and validate one rubric file. Raises UsageError with file, line and fix."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from error
    try:
        data = yaml.safe_load(text)
        node = yaml.compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error)
        raise UsageError(f"{where}: not valid YAML: {problem}") from error
    try:
        return Rubric.model_validate(data)
    except ValidationError as error:
        raise UsageError("\n".join(_explain(path, node, e) for e in error.errors())) from None


def _explain(path: Path, node: Any, error: Any) -> str:
    location = error["loc"]
    line = _line_of(node, location)
    where = ".".join(str(step) for step in location) or "the file"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _known_keys(location)
        near = difflib.get_close_matches(str(location[-1]), known, 1)
        message = f"unknown key {location[-1]!r}. " + (
            f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}"
        )
    elif error["type"] == "missing":
        message = f"the key {location[-1]!r} is missing: add it"
    elif error["type"] == "string_type" and isinstance(error["input"], int | float):
        message = f"{error['input']} is a number, but should be text: write it in quotes"
    return f"{path}:{line}: {where}: {message}"


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Rubric
    below: dict[str, type[BaseModel]]
    below = {"parts": PartEntry, "checks": CheckEntry, "limits": Limits}
    for step in location[:-1]:
        model = below.get(str(step), model)
    return list(model.model_fields)


def _line_of(node: Any, location: tuple[Any, ...]) -> int:
    """The line of the deepest YAML node on the way to `location`, from 1."""
    line = node.start_mark.line if node is not None else 0
    for step in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    found, line = value, key.start_mark.line
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            found = node.value[step]
            line = found.start_mark.line
        if found is None:
            break
        node = found
    return int(line) + 1
