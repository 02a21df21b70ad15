"""Imports point down: what runs beside student code knows nothing of the oracle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GRADER = ROOT / "grader"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(GRADER.rglob("*.py"))
}


def _imported(tree: ast.AST, module: str, package: bool) -> Iterator[str]:
    """Every module that a tree imports; `from x import y` as x.y, and as x where y is a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                up = parts[: len(parts) - node.level + package]
                base = ".".join([*up, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from names
            if not set(names) <= set(FILES):
                yield base


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str, *, at_once: bool = False) -> frozenset[str]:
    """What a module imports; with `at_once` only what it does when it is itself imported."""
    tree = _tree(module)
    if at_once:
        tree = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
    return frozenset(_imported(tree, module, FILES[module].name == "__init__.py"))


def _ours(module: str, *, at_once: bool = False) -> set[str]:
    """The modules of the grader that a module imports."""
    found = imports(module, at_once=at_once)
    return {name for name in found if name in FILES and name != "grader"}


def _below(*prefixes: str) -> list[str]:
    return [m for m in FILES if any(m == p or m.startswith(f"{p}.") for p in prefixes)]


def _starts(name: str, *prefixes: str) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


@pytest.mark.parametrize("module", FILES)
def test_grader_knows_no_assignment_and_no_test(module: str) -> None:
    outside = {
        n for n in imports(module) if _starts(n, "reference", "rubrics", "tests", "benchmarks")
    }
    assert outside == set()


# What the modules below a name may import of the grader's own.
ALLOWED = {
    "grader.errors": (),
    "grader.model": (),
    "grader.compat": (),
    "grader.policy_entries": (),
    "grader.rubric": ("grader.errors", "grader.model", "grader.policy_entries"),
    "grader.variants": ("grader.errors", "grader.model"),
    "grader.assignment": ("grader.errors", "grader.rubric", "grader.variants"),
    "grader.datasets": ("grader.errors", "grader.assignment"),
    "grader.report": ("grader.errors", "grader.model", "grader.report"),
    "grader.submission": (
        "grader.errors", "grader.rubric", "grader.policy_entries", "grader.submission",
    ),
    "grader.intake": (
        "grader.errors", "grader.intake", "grader.submission.archive", "grader.submission.files",
    ),
    "grader.penalties": (
        "grader.assignment", "grader.model", "grader.policy_entries", "grader.submission",
    ),
    "grader.sandbox": ("grader.errors", "grader.compat", "grader.sandbox"),
    "grader.checks": ("grader.variants", 
        "grader.errors", "grader.model", "grader.checks", "grader.sandbox.session",
        "grader.sandbox.frames", "grader.sandbox.wire", "grader.submission.source",
    ),
    "grader.similarity": (
        "grader.errors", "grader.report.html", "grader.similarity", "grader.submission.files",
    ),
    "grader.kit": (
        "grader.assignment", "grader.checks", "grader.datasets", "grader.errors", "grader.exam",
        "grader.grading", "grader.judge", "grader.kit", "grader.model", "grader.rubric",
        "grader.submission", "grader.variants",
    ),
    "grader.selfcheck": (
        "grader.assignment", "grader.checks", "grader.desk", "grader.errors", "grader.grading",
        "grader.judge", "grader.model", "grader.report", "grader.sandbox", "grader.selfcheck",
        "grader.submission",
    ),
    "grader.runs": ("grader.checks", "grader.model"),
    "grader.exam": (
        "grader.assignment", "grader.crew", "grader.datasets", "grader.errors", "grader.exam",
        "grader.grading",
        "grader.judge", "grader.model", "grader.report", "grader.rubric",
        "grader.sandbox.launcher", "grader.submission", "grader.variants",
    ),
}  # fmt: skip


# A file that is put into a kit, and is run there.
SHIPPED = {"grader.kit.shipped.test_homework": {"grader.selfcheck.outside"}}


@pytest.mark.parametrize("layer", ALLOWED)
def test_layer_imports_only_what_lies_below(layer: str) -> None:
    above = {
        (module, name)
        for module in _below(layer)
        for name in _ours(module) - SHIPPED.get(module, set())
        if not _starts(name, *ALLOWED[layer])
    }
    assert above == set()


BESIDE_STUDENTS = _below(
    "grader.sandbox.agent", "grader.sandbox.frames", "grader.sandbox.wire",
    "grader.sandbox.kernel_process", "grader.sandbox.reader", "grader.sandbox.pages",
    "grader.sandbox.zygote", "grader.sandbox.cold", "grader.sandbox.job", "grader.sandbox.shims",
    "grader.sandbox.tiers",
)  # fmt: skip


def test_modules_beside_students_are_all_there() -> None:
    assert len(BESIDE_STUDENTS) >= 10
    rest = set(_below("grader.sandbox")) - set(BESIDE_STUDENTS)
    assert rest == {
        "grader.sandbox", "grader.sandbox.canaries", "grader.sandbox.canary_cell",
        "grader.sandbox.jupyter", "grader.sandbox.launcher", "grader.sandbox.notebook_run",
        "grader.sandbox.session", "grader.sandbox.spec",
    }  # fmt: skip


@pytest.mark.parametrize("module", BESIDE_STUDENTS)
def test_what_runs_beside_students_is_self_contained(module: str) -> None:
    found = {module} | {name for name in _ours(module)}
    grown = True
    while grown:
        more = {name for known in found for name in _ours(known)}
        grown, found = not more <= found, found | more
    assert {
        n for n in found if not _starts(n, *BESIDE_STUDENTS, "grader.compat", "grader.sandbox")
    } == set()
    assert not found & {"grader.sandbox.launcher", "grader.sandbox.notebook_run"}


@pytest.mark.parametrize(
    "module",
    _below(
        "grader.model",
        "grader.errors",
        "grader.rubric",
        "grader.assignment",
        "grader.report",
        "grader.policy_entries",
        "grader.penalties",
        "grader.submission",
        "grader.intake",
    ),
)
def test_plain_data_and_reports_import_no_torch(module: str) -> None:
    assert {n for n in imports(module) if _starts(n, "torch", "numpy", "hypothesis")} == set()


def test_only_the_command_line_and_kits_know_of_exams() -> None:
    users = {m for m in FILES if any(_starts(name, "grader.exam") for name in _ours(m))}
    assert users - set(_below("grader.exam")) == {"grader.cli", "grader.kit.recording"}


@pytest.mark.parametrize("module", FILES)
def test_imports_are_absolute(module: str) -> None:
    relative = [n for n in ast.walk(_tree(module)) if isinstance(n, ast.ImportFrom) and n.level]
    assert relative == []


def test_no_module_imports_itself_in_a_circle() -> None:
    edges = {module: _ours(module, at_once=True) - {module} for module in FILES}
    while free := {m for m, below in edges.items() if not below & set(edges)}:
        edges = {module: below for module, below in edges.items() if module not in free}
    assert edges == {}


def test_no_module_names_an_assignment() -> None:
    lines = {
        (module, line.strip())
        for module, path in FILES.items()
        for line in path.read_text(encoding="utf-8").splitlines()
        if "hw5" in line.casefold() or "homework5" in line.casefold()
    }
    assert lines == set()


@pytest.mark.parametrize(
    "module",
    [
        "grader.checks",
        "grader.exam",
        "grader.intake",
        "grader.report",
        "grader.similarity",
        "grader.submission",
        "grader.submission.policies",
    ],
)
def test_packages_say_what_they_offer(module: str) -> None:
    listed = [
        ast.literal_eval(node.value)
        for node in _tree(module).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert len(listed) == 1 and listed[0] == sorted(listed[0])
    names = {n.split(".")[-1] for n in imports(module)}
    assert set(listed[0]) <= names


@pytest.mark.parametrize("module", FILES)
def test_modules_have_a_docstring(module: str) -> None:
    assert ast.get_docstring(_tree(module))
