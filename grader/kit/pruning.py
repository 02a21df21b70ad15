"""What of a rubric's folder students may have: public checks alone, and what these need.

Hidden checks are cut out of the check files with everything that only they use, and so are
comments. Known mistakes keep their names and what to say of them.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml

from grader.assignment import RUBRIC, Assignment
from grader.checks.loan import STAND_INS
from grader.checks.static import definitions
from grader.rubric import PartEntry
from grader.variants import RECORDED, KnownMistake, Sign


def prune_rubric(assignment: Assignment, into: Path) -> None:
    """Write the public half of a rubric's folder: rubric.yaml, check files and scaffolds."""
    into.mkdir(parents=True)
    public = public_checks(assignment)
    rubric = yaml.safe_load((assignment.folder / RUBRIC).read_text(encoding="utf-8"))
    rubric["seed"] = assignment.rubric.seed
    rubric["parts"] = [_public_part(part) for part in assignment.rubric.parts]
    _write_yaml(into / RUBRIC, rubric)
    for path in sorted(assignment.folder.glob("test_*.py")):
        text = prune_checks(path.read_text(encoding="utf-8"), public)
        if text:
            (into / path.name).write_text(text, encoding="utf-8")
    scaffolds = assignment.folder / "scaffolds"
    if scaffolds.is_dir():
        # Stand-ins are right values of whole parts.
        ignored = shutil.ignore_patterns(f"{STAND_INS}.py", "__pycache__")
        shutil.copytree(scaffolds, into / scaffolds.name, ignore=ignored)


def public_checks(assignment: Assignment) -> frozenset[str]:
    """Names of the checks that students may see."""
    return frozenset(name for name, (_, entry) in assignment.checks.items() if entry.public)


def public_mistakes(assignment: Assignment) -> tuple[KnownMistake, ...]:
    """Known mistakes of the parts that have public checks: the others' say what is asked there."""
    shown = {part.id for part in assignment.rubric.parts if any(c.public for c in part.checks)}
    return tuple(m for m in assignment.known_mistakes if m.part in shown)


def _public_part(part: PartEntry) -> dict[str, Any]:
    """A part with its public checks, worth their share; a person's where there are none."""
    told = part.model_dump(mode="json", exclude_defaults=True)
    shown = [check for check in part.checks if check.public]
    weight = sum(check.weight for check in part.checks)
    share = sum(check.weight for check in shown) / weight if weight else 0.0
    told["checks"] = [check.model_dump(mode="json", exclude_defaults=True) for check in shown]
    if share:
        told["points"] = round(part.manual + share * (part.points - part.manual), 4)
    else:
        told |= {"checks": [], "manual": part.points}
    return told


def prune_checks(source: str, public: Collection[str]) -> str:
    """A check file with its public checks and what they need; empty where it has none."""
    own = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    wanted = own & set(public)
    if not wanted:
        return ""
    title = ast.get_docstring(ast.parse(source)) or ""
    kept = ast.unparse(ast.parse(definitions(source, wanted)))
    return f'"""{title}"""\n\n{kept}\n'


def write_mistakes(mistakes: Iterable[KnownMistake], public: Collection[str], into: Path) -> None:
    """Write the names of known mistakes of public checks, without the variants themselves."""
    listed = []
    for mistake in mistakes:
        signs = [sign for sign in mistake.signs if not sign.check or sign.check in public]
        listed.append({
            "mistake": mistake.id, "part": mistake.part, "name": mistake.name,
            "say": mistake.say, "credit": mistake.credit, "general": mistake.general,
            "signs": [_plain(sign) for sign in signs], "recorded": mistake.forms,
        })  # fmt: skip
    _write_yaml(into / RECORDED, listed)


def _plain(sign: Sign) -> dict[str, Any]:
    told: dict[str, Any] = sign.model_dump(mode="json", exclude_defaults=True)
    return told


def _write_yaml(path: Path, data: Any) -> None:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(text, encoding="utf-8")
