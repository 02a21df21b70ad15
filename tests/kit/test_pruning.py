"""What is cut out of a rubric before students get it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from grader.assignment import Assignment, load_assignment
from grader.errors import UsageError
from grader.kit.folder import _template
from grader.kit.pruning import (
    prune_checks,
    prune_rubric,
    prune_shared,
    public_checks,
    write_mistakes,
)
from grader.rubric import read_rubric
from grader.variants import RecordedMistake, Sign, read_recorded

CHECKS = '''"""Checks of a part."""

import math
import secrets

TABLE = {"a": 1}
SECRET = 17  # of the hidden check alone


def helper(x):
    """Helps."""
    return other(x) + TABLE["a"]


def other(x):
    # why it is so
    return math.sqrt(x)


def lonely():
    return SECRET


@mark("5")
def test_public(student):
    """It is public."""
    helper(student)


def test_hidden(student):
    lonely()
    secrets.token_hex()
'''


def test_hidden_checks_go_with_all_that_only_they_use() -> None:
    told = prune_checks(CHECKS, {"test_public"})
    for kept in ("def test_public", "def helper", "def other", "TABLE", "import math", "mark('5')"):
        assert kept in told
    for gone in ("hidden", "lonely", "SECRET", "secrets", "why it is so"):
        assert gone not in told
    compile(told, "checks", "exec")


SHARED = '''"""Shared."""

import pytest
from secrets import token_hex


@pytest.fixture
def factor(base):
    return 2 * base


@pytest.fixture(name="base")
def given_base():
    return 3


@pytest.fixture(autouse=True)
def always():
    pass


def pytest_configure(config):
    pass


@pytest.fixture
def hidden_answer():
    return token_hex()
'''


def test_fixtures_go_with_the_checks_that_ask_for_them() -> None:
    told = prune_shared(SHARED, {"factor", "student"})
    for kept in ("def factor", "def given_base", "def always", "def pytest_configure"):
        assert kept in told
    assert "hidden_answer" not in told and "token_hex" not in told
    compile(told, "conftest", "exec")
    assert "hidden_answer" in prune_shared(SHARED, {"hidden_answer"})


def test_fixtures_of_a_check_file_are_kept_with_its_checks() -> None:
    checks = SHARED + "\n\ndef test_public(student, factor):\n    pass\n"
    told = prune_checks(checks, {"test_public"})
    assert "def factor" in told and "def given_base" in told and "hidden_answer" not in told
    assert "def always" in told
    marked = SHARED + "\n\n@pytest.mark.usefixtures('base')\ndef test_public(student):\n    pass\n"
    told = prune_checks(marked, {"test_public"})
    assert "def given_base" in told and "def factor" not in told


def test_an_argument_of_a_helper_asks_for_no_fixture() -> None:
    checks = SHARED + (
        "\n\ndef compare(hidden_answer, base):\n    pass\n"
        "\n\ndef test_public(student, *, factor):\n    compare(1, 2)\n"
    )
    told = prune_checks(checks, {"test_public"})
    assert "def compare" in told and "def factor" in told and "token_hex" not in told


def test_shared_fixtures_come_along(tmp_path: Path) -> None:
    folder = tmp_path / "rubrics" / "x"
    folder.mkdir(parents=True)
    (folder / "test_x.py").write_text("def test_a(student, factor):\n    pass\n")
    (folder / "conftest.py").write_text(SHARED)
    part = {"id": "1", "title": "t", "points": 5, "checks": [{"test": "test_a"}]}
    rubric = {"assignment": "x", "title": "X", "reference": "ref", "parts": [part]}
    (folder / "rubric.yaml").write_text(yaml.safe_dump(rubric))
    prune_rubric(load_assignment(str(folder)), tmp_path / "pruned")
    assert "def factor" in (tmp_path / "pruned" / "conftest.py").read_text()


def test_a_file_without_public_checks_is_left_out() -> None:
    assert prune_checks(CHECKS, {"test_of_another_file"}) == ""


def test_pruned_rubric_is_a_rubric_of_the_public_checks(hw5: Assignment, tmp_path: Path) -> None:
    prune_rubric(hw5, tmp_path / "hw5")
    pruned = read_rubric(tmp_path / "hw5" / "rubric.yaml")
    told = {check.test for part in pruned.parts for check in part.checks}
    assert told == public_checks(hw5) < set(hw5.checks)
    assert [part.id for part in pruned.parts] == list(hw5.parts)
    assert pruned.seed == hw5.rubric.seed
    (by_hand,) = (part for part in pruned.parts if part.id == "2c")
    assert by_hand.manual == by_hand.points == 2 and not by_hand.checks


def test_stand_ins_are_left_out_and_other_scaffolds_are_not(
    hw5: Assignment, tmp_path: Path
) -> None:
    prune_rubric(hw5, tmp_path / "hw5")
    names = {path.name for path in (tmp_path / "hw5" / "scaffolds").iterdir()}
    assert "models.py" in names and "stand_ins.py" not in names


def test_points_of_a_part_follow_its_public_checks(tmp_path: Path) -> None:
    folder = tmp_path / "rubrics" / "x"
    folder.mkdir(parents=True)
    part = {
        "id": "1",
        "title": "t",
        "points": 5,
        "manual": 1,
        "checks": [{"test": "test_a", "weight": 3}, {"test": "test_b", "public": False}],
    }
    rubric = {"assignment": "x", "title": "X", "reference": "ref", "parts": [part]}
    (folder / "rubric.yaml").write_text(yaml.safe_dump(rubric))
    prune_rubric(load_assignment(str(folder)), tmp_path / "pruned")
    (told,) = read_rubric(tmp_path / "pruned" / "rubric.yaml").parts
    assert (told.points, told.manual) == (4, 1)


def test_mistakes_keep_name_and_public_signs_only(tmp_path: Path) -> None:
    signs = (Sign(check="test_a"), Sign(check="test_hidden"), Sign(message="NaN"))
    mistake = RecordedMistake(mistake="m", part="1", name="N", say="S", signs=signs, recorded=2)
    write_mistakes([mistake], {"test_a"}, tmp_path)
    (told,) = read_recorded(tmp_path / "mistakes.yaml")
    assert (told.id, told.name, told.say, told.forms) == ("m", "N", "S", 2)
    assert told.signs == (signs[0], signs[2])


def test_a_template_beside_the_rubric_is_refused(tmp_path: Path) -> None:
    part = {"id": "1", "title": "t", "points": 1, "checks": [{"test": "test_a"}]}
    rubric = {"assignment": "x", "title": "X", "reference": "ref", "template": "x.ipynb",
              "parts": [part]}  # fmt: skip
    (tmp_path / "rubric.yaml").write_text(yaml.safe_dump(rubric))
    (tmp_path / "x.ipynb").write_text("{}")
    with pytest.raises(UsageError, match=r"holds rubric\.yaml, and students get all of this"):
        _template(load_assignment(str(tmp_path)))
