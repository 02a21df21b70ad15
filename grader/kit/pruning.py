"""What of a rubric's folder students may have: public checks alone, and what these need.

Hidden checks are cut out of the check files with everything that only they use, and so are
comments. Known mistakes keep their names and what to say of them.
"""

from __future__ import annotations

import ast
import re
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

#: Where pytest looks for the fixtures that several check files share.
SHARED = "conftest.py"


def prune_rubric(assignment: Assignment, into: Path) -> None:
    """Write the public half of a rubric's folder: rubric.yaml, check files and scaffolds."""
    into.mkdir(parents=True)
    public = public_checks(assignment)
    rubric = yaml.safe_load((assignment.folder / RUBRIC).read_text(encoding="utf-8"))
    rubric["seed"] = assignment.rubric.seed
    rubric["parts"] = [_public_part(part) for part in assignment.rubric.parts]
    _write_yaml(into / RUBRIC, rubric)
    told = {path.name: prune_checks(path.read_text(encoding="utf-8"), public)
            for path in sorted(assignment.folder.glob("test_*.py"))}  # fmt: skip
    shared = assignment.folder / SHARED
    if shared.is_file():
        source = shared.read_text(encoding="utf-8")
        told[SHARED] = prune_shared(source, set().union(*map(_asked_for, told.values())))
    for name, text in told.items():
        if text:
            (into / name).write_text(text, encoding="utf-8")
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
    wanted = set(_functions(source)) & set(public)
    return _cut(source, wanted | _for_all(source)) if wanted else ""


def prune_shared(source: str, asked: Collection[str]) -> str:
    """A `conftest.py` with the fixtures `asked` for, those that all checks get, and its hooks."""
    own = _fixtures(source)
    wanted = {own[name] for name in own.keys() & set(asked)}
    wanted |= {name for name in _functions(source) if name.startswith("pytest_")}
    wanted |= _for_all(source)
    return _cut(source, wanted) if wanted else ""


def _cut(source: str, wanted: set[str]) -> str:
    """The functions `wanted` of a module, with what they need and what fixtures they ask for."""
    fixtures, kept = _fixtures(source), definitions(source, wanted)
    while more := {fixtures[n] for n in fixtures.keys() & _asked_for(kept)} - wanted:
        wanted |= more
        kept = definitions(source, wanted)
    title = ast.get_docstring(ast.parse(source)) or ""
    return f'"""{title}"""\n\n{ast.unparse(ast.parse(kept))}\n'


def _functions(source: str) -> dict[str, ast.FunctionDef]:
    """The functions of a module by their names."""
    return {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}


def _decorators(function: ast.FunctionDef) -> str:
    return " ".join(map(ast.unparse, function.decorator_list))


def _fixtures(source: str) -> dict[str, str]:
    """The functions that are fixtures, by the names that they are asked for with."""
    told = {}
    for name, function in _functions(source).items():
        decorators = _decorators(function)
        if re.search(r"\bfixture\b", decorators):
            other = re.search(r"\bname='(\w+)'", decorators)
            told[other[1] if other else name] = name
    return told


def _for_all(source: str) -> set[str]:
    """The functions that are fixtures of all checks."""
    functions = _functions(source)
    return {f for f in _fixtures(source).values() if "autouse=True" in _decorators(functions[f])}


def _asked_for(source: str) -> set[str]:
    """What checks and fixtures may ask pytest for: their arguments, and those of `usefixtures`.

    An argument of a helper is none of these: a hidden fixture may have its name.
    """
    functions, told = _functions(source), set()
    asking = {name for name in functions if name.startswith("test_")} | {
        *_fixtures(source).values()
    }
    for function in map(functions.__getitem__, asking):
        told |= {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
        for decorator in function.decorator_list:
            if "usefixtures" in ast.unparse(decorator):
                told |= {str(n.value) for n in ast.walk(decorator) if isinstance(n, ast.Constant)}
    return told


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
