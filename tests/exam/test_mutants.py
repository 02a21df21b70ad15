"""Mutants: each operator makes what it says, in the student's own code, under a name that stays."""

from __future__ import annotations

import pytest

from grader.exam.mutants import Mutant, mutate, own_lines
from grader.rubric import CheckEntry, PartEntry


def entry(name: str, *names: str) -> PartEntry:
    return PartEntry(id=name, title=name, points=1, names=names, checks=(CheckEntry(test="t"),))


def made(answer: str, given: str = "") -> list[Mutant]:
    return mutate("c", [entry("p")], given, answer)


def changed(answer: str, given: str = "") -> set[str]:
    """What the first changed line of each mutant became."""
    return {mutant.after for mutant in made(answer, given)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = a + b", {"y = a - b", "pass"}),
        ("y = a @ b", {"y = a * b", "pass"}),
        ("y = a < b", {"y = a <= b", "pass"}),
        ("y = -a", {"y = a", "pass"}),
        ("y = a.T", {"y = a", "pass"}),
        ("y = a[1:]", {"y = a[2:]", "y = a[0:]", "y = a[-1:]", "y = a[:]", "pass"}),
        ("y = f(a, b)", {"y = f(b, a)", "y = a", "pass"}),
        ("y = f(a, a)", {"y = a", "pass"}),
        ("y = a.f().g()", {"y = a.f()", "y = a.g()", "pass"}),
        ("y = [a, b]", {"y = [b]", "y = [a]", "pass"}),
        ("y = f(axis=-1)", {"y = f(axis=0)", "y = f(axis=1)", "y = f()", "pass"}),
        (
            "y = a.f(axis=(1, 2))",
            {"y = a.f(axis=(2,))", "y = a.f(axis=(1,))", "y = a.f()", "y = a", "pass"},
        ),
        ("y = f('a')", {"y = f('aq')", "pass"}),
        ("y = True", {"y = False", "pass"}),
        ("y -= a", {"y += a", "pass"}),
        ("y = a and b", {"y = a or b", "pass"}),
        ("y = 0.5", {"y = 1.5", "y = -0.5", "pass"}),
    ],
)
def test_operators_make_these_mutants(line: str, expected: set[str]) -> None:
    assert changed(line) == expected


def test_condition_becomes_its_contrary() -> None:
    assert "if not a: b()" in changed("if a: b()")


def test_function_gives_its_first_argument_back() -> None:
    assert "return x" in changed("def f(self, x):\n    return x + 1")


def test_operator_keeps_what_binds_stronger_together() -> None:
    assert "y = a * (b - c)" in changed("y = a * (b + c)")
    assert "y = a - (b + c)" in changed("y = a - b @ c".replace("b @ c", "(b - c)"))


def test_lines_of_the_template_are_left_alone() -> None:
    given = "a = 1\ny = None\nb = 2"
    mutants = made("a = 1\ny = a + b\nb = 2", given)
    assert {m.line for m in mutants} == {2}
    assert own_lines(given, "a = 1\ny = a + b\nb = 2") == {2}


def test_prints_and_descriptions_and_imports_are_left_alone() -> None:
    assert changed('"""Text."""\nimport os\nprint(1 + 2)\n') == set()


def test_texts_with_values_in_them_are_left_alone() -> None:
    assert changed("y = f'{a + b}'") == {"pass"}


def test_names_are_the_same_each_time_and_told_apart() -> None:
    answer = "y = a + b + c\nz = a + b"
    ids = [mutant.id for mutant in made(answer)]
    assert ids == [mutant.id for mutant in made(answer)]
    assert len(set(ids)) == len(ids)
    assert {"p:L1:+->-", "p:L1:+->-#2", "p:L2:+->-"} <= set(ids)


def test_statements_of_several_parts_are_of_the_part_whose_name_they_lead_to() -> None:
    parts = [entry("a", "v"), entry("b", "w"), entry("c", "v", "y")]
    answer = "v = 1\nhelp = v + 2\nw = help\nv = 3\ny = v * v\ny.f(4)"
    owners = {m.line: m.part for m in mutate("cell", parts, "", answer)}
    assert owners == {1: "a", 2: "b", 3: "b", 4: "c", 5: "c", 6: "c"}


def test_columns_count_bytes() -> None:
    assert "y = f('Größe') - b" in changed("y = f('Größe') + b")


def test_code_that_is_no_python_has_no_mutants() -> None:
    assert made("!pip install x\ny = 1 + 2") == []
