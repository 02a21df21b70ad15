"""What `rubric.yaml` says, validated, with errors that name file, line and fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grader.errors import UsageError
from grader.model import Stage
from grader.policy_entries import POLICIES, PolicyEntry

Location = tuple[Any, ...]  # keys and indices that lead to a place in the file


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
    disk_mb: int = Field(default=2048, gt=0)
    disk_files: int = Field(default=100_000, gt=0)


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
    policies: tuple[PolicyEntry, ...] = ()


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
        rubric = Rubric.model_validate(data)
    except ValidationError as error:
        problems = [(_written(e["loc"]), _explain(e)) for e in _causes(error)]
    else:
        problems = list(_conflicts(rubric))
        if not problems:
            return rubric
    raise UsageError(
        "\n".join(
            f"{path}:{_line_of(node, location)}: {_dotted(location)}: {message}"
            for location, message in problems
        )
    )


def _causes(error: ValidationError) -> list[Any]:
    """Pydantic's errors without "too short": of a list whose entries have errors of their own."""
    found = error.errors()
    return [e for e in found if e["type"] != "too_short" or len(found) == 1]


def _written(location: Location) -> Location:
    """The place in the file: pydantic puts the kind of a policy into the way to its keys."""
    in_policy = len(location) > 2 and location[0] == "policies" and location[2] in POLICIES
    return location[:2] + location[3:] if in_policy else location


def _conflicts(rubric: Rubric) -> Iterator[tuple[Location, str]]:
    """What no entry shows alone: names given twice, and needs that no part meets."""
    ids: set[str] = set()
    tests: set[str] = set()
    known = {part.id for part in rubric.parts}
    for i, part in enumerate(rubric.parts):
        if part.id in ids:
            yield ("parts", i, "id"), f"part id {part.id!r} is listed more than once"
        ids.add(part.id)
        for j, check in enumerate(part.checks):
            if check.test in tests:
                where = ("parts", i, "checks", j, "test")
                yield where, f"{check.test!r} is listed more than once"
            tests.add(check.test)
        for j, needed in enumerate(part.needs):
            if needed not in known:
                message = f"part {part.id}: needs {needed!r}, which is no part's id"
                yield ("parts", i, "needs", j), message
    for i, entry in enumerate(rubric.policies):
        if entry.policy in {other.policy for other in rubric.policies[:i]}:
            yield ("policies", i, "policy"), f"policy {entry.policy!r} is listed more than once"


def _dotted(location: Location) -> str:
    return ".".join(str(step) for step in location) or "the file"


def _explain(error: Any) -> str:
    location = error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _known_keys(location)
        near = difflib.get_close_matches(str(location[-1]), known, 1)
        message = f"unknown key {location[-1]!r}. " + (
            f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}"
        )
    elif error["type"] == "union_tag_invalid":
        tag = str(error["ctx"]["tag"])
        near = difflib.get_close_matches(tag, POLICIES, 1)
        message = f"unknown policy {tag!r}. " + (
            f"Did you mean {near[0]!r}?" if near else f"Policies: {', '.join(POLICIES)}"
        )
    elif error["type"] == "union_tag_not_found":
        message = f"the key 'policy' is missing: add one of {', '.join(POLICIES)}"
    elif error["type"] == "missing":
        message = f"the key {location[-1]!r} is missing: add it"
    elif error["type"] == "string_type" and isinstance(error["input"], int | float):
        message = f"{error['input']} is a number, but should be text: write it in quotes"
    return message


def _known_keys(location: Location) -> list[str]:
    model: type[BaseModel] = Rubric
    below: dict[str, type[BaseModel]]
    below = {"parts": PartEntry, "checks": CheckEntry, "limits": Limits}
    below |= POLICIES if location[:1] == ("policies",) else {}
    for step in location[:-1]:
        model = below.get(str(step), model)
    return list(model.model_fields)


def _line_of(node: Any, location: Location) -> int:
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
