"""The code of a counterexample: it asks again what was asked, and stands alone."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.said import Said, Transcript, named_values, to_paste

SCAFFOLD = """import numpy as np

FACTOR = 2

def unused():
    return 1

def doubled(model):
    return FACTOR * np.asarray(model.values)
"""


def asked(code: str | None, *, rests: bool = False, **values: Any) -> tuple[Transcript, Said]:
    return Transcript.of(values), Said("f(x)", code, rests)


def run(code: str, **names: Any) -> Any:
    """What the last line of a cell shows."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(last, "cell", "eval"), names)


@pytest.mark.parametrize(
    "value", [np.array([1.0, 2.0]), [1, 2], 3, torch.tensor([1.5]), np.array([np.inf]), None]
)
def test_code_shows_answer_and_expectation_beside_each_other(value: Any) -> None:
    code = to_paste(*asked("f(x)", x=value), expected=np.array([0.5]))
    assert code is not None
    told, expected = run(code, f=lambda x: x)
    assert np.array_equal(np.asarray(told, dtype=float), np.asarray(value, dtype=float), True)
    assert expected.tolist() == [0.5]


def test_code_of_a_call_that_raises_has_no_expectation() -> None:
    assert to_paste(*asked("f(x)", x=3)) == "x = 3\nf(x)"


@pytest.mark.parametrize(
    ("code", "value"), [("f(x)", np.zeros(100)), ("f(x)", object()), (None, 3)],
    ids=["large", "object", "not-to-be-typed"],
)  # fmt: skip
def test_what_cannot_be_typed_has_no_code(code: str | None, value: Any) -> None:
    assert to_paste(*asked(code, x=value)) is None


def test_values_that_the_code_does_not_use_are_left_out() -> None:
    assert to_paste(*asked("f(x)", x=3, seed=17)) == "x = 3\nf(x)"


def test_steps_come_first_where_the_call_rests_on_them() -> None:
    transcript, said = asked("net_1(x)", rests=True, x=3)
    transcript.seeded(5)
    transcript.step("net_1 = Net()")
    code = to_paste(transcript, said, 4.0)
    assert code is not None and run(code, Net=lambda: lambda x: x + 1) == (4, 4.0)
    assert "np.random.seed(5); torch.manual_seed(5)" in code.splitlines()


def test_a_step_that_cannot_be_typed_leaves_no_code() -> None:
    transcript, said = asked("net_1(x)", rests=True, x=3)
    transcript.step(None)
    assert to_paste(transcript, said) is None


def test_helpers_of_a_scaffold_come_along() -> None:
    transcript, _ = asked(None)
    transcript.scaffolds["s"] = SCAFFOLD
    code = to_paste(transcript, Said("doubled(m)", "scaffold.doubled(m)"), 1.0)
    assert code is not None and "unused" not in code and "scaffold" not in code

    class Model:
        values = (1, 2)

    assert run(code, m=Model())[0].tolist() == [2, 4]


def test_helpers_that_need_the_notebook_leave_no_code() -> None:
    transcript, _ = asked(None)
    transcript.scaffolds["s"] = "def names():\n    return sorted(student)\n"
    assert to_paste(transcript, Said("names()", "scaffold.names()")) is None


def test_entries_of_a_drawn_dictionary_go_by_their_keys() -> None:
    told = dict(
        named_values(
            {"drawn": {"batch": 1, "weights": 2}, "lr": 3, "odd": {4: 5}, "key": {"lambda": 1}}
        )
    )
    assert told == {"batch": 1, "weights": 2, "lr": 3, "odd": {4: 5}, "key": {"lambda": 1}}


def test_an_argument_without_a_name_gets_one() -> None:
    transcript = Transcript.of({"x": np.zeros(1)})
    assert transcript.argument(np.ones(2)).text == "value_2"
    assert list(transcript.values()) == ["x", "value_2"]
