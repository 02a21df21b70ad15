"""Rubrics: a good one loads, and each wrong one is refused with file, line and fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.assignment import Assignment, load_assignment
from grader.errors import UsageError
from grader.model import Stage
from grader.rubric import read_rubric

FUZZ = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

GOOD = """\
assignment: demo
title: A demonstration
reference: ../reference
examples: 7
limits:
  call_s: 2
parts:
  - id: 1a
    title: First
    points: 3
    names: [x]
    checks:
      - {test: test_x, weight: 2, credit: {dtype: 0.5}}
      - {test: test_y, public: false}
  - id: "2"
    title: Second
    points: 4
    manual: 4
    needs: [1a]
"""


def _write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rubric.yaml").write_text(text, encoding="utf-8")
    return folder / "rubric.yaml"


def _refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_rubric(path)
    return str(caught.value)


def test_good_rubric_is_read(tmp_path: Path) -> None:
    rubric = read_rubric(_write(tmp_path, GOOD))
    first, second = rubric.parts
    assert (rubric.examples, rubric.limits.call_s, rubric.limits.cell_s) == (7, 2, 300)
    assert (first.id, first.points, first.names) == ("1a", 3, ("x",))
    assert first.checks[0].credit == {Stage.DTYPE: 0.5}
    assert [check.public for check in first.checks] == [True, False]
    assert (second.manual, second.needs, second.checks) == (4, ("1a",), ())


def test_parts_and_checks_are_found_by_name(tmp_path: Path) -> None:
    assignment = load_assignment(str(_write(tmp_path / "demo", GOOD)))
    assert list(assignment.parts) == ["1a", "2"]
    part, check = assignment.checks["test_y"]
    assert (part.id, check.test) == ("1a", "test_y")
    assert assignment.reference_folder == tmp_path / "reference"
    assert assignment.data_script is None


def test_rubric_of_this_repository_names_what_there_is(hw5: Assignment) -> None:
    text = "".join(path.read_text("utf-8") for path in hw5.folder.glob("test_*.py"))
    assert [test for test in hw5.checks if f"\ndef {test}(" not in text] == []
    assert text.count("\ndef test_") == len(hw5.checks)
    assert hw5.data_script is not None and hw5.data_script.is_file()
    assert (hw5.reference_folder / "__init__.py").is_file()


WRONG = {
    "unknown-key": (
        "    title: First", "    titel: First", 9, "parts.0.titel: unknown key 'titel'. "
        "Did you mean 'title'?",
    ),
    "unknown-key-of-a-check": (
        "weight: 2", "wieght: 2", 13, "parts.0.checks.0.wieght: unknown key 'wieght'. "
        "Did you mean 'weight'?",
    ),
    "unknown-limit": (
        "  call_s: 2", "  call: 2", 6, "limits.call: unknown key 'call'. Did you mean 'call_s'?",
    ),
    "unknown-key-unlike-any": (
        "  call_s: 2", "  zzzz: 2", 6, "limits.zzzz: unknown key 'zzzz'. Known keys: cell_s",
    ),
    "missing-key": ("    points: 3\n", "", 8, "the key 'points' is missing: add it"),
    "missing-key-at-the-top": (
        "title: A demonstration\n", "", 1, "title: the key 'title' is missing: add it",
    ),
    "number-for-text": (
        '  - id: "2"', "  - id: 2", 15, "parts.1.id: 2 is a number, but should be text: write it "
        "in quotes",
    ),
    "text-for-number": ("points: 3", "points: many", 10, "parts.0.points: Input should be"),
    "no-points": ("points: 3", "points: 0", 10, "parts.0.points: Input should be greater than 0"),
    "negative-weight": (
        "weight: 2", "weight: -1", 13, "parts.0.checks.0.weight: Input should be greater than",
    ),
    "negative-limit": ("call_s: 2", "call_s: -2", 6, "limits.call_s: Input should be greater"),
    "unknown-stage": ("{dtype: 0.5}", "{dtypes: 0.5}", 13, "parts.0.checks.0.credit.dtypes"),
    "weights-zero": (
        "      - {test: test_x, weight: 2, credit: {dtype: 0.5}}\n"
        "      - {test: test_y, public: false}\n",
        "      - {test: test_x, weight: 0}\n", 8, "parts.0: at least one check needs a weight",
    ),
    "manual-over-points": (
        "manual: 4", "manual: 5", 15, "parts.1: manual: 5 is more than points: 4",
    ),
    "points-without-checks": (
        "manual: 4", "manual: 3", 15, "parts.1: points beyond `manual` need at least one "
        "entry under `checks`",
    ),
    "duplicate-part": ('id: "2"', "id: 1a", 15, "part id '1a' is listed more than once"),
    "duplicate-test": ("test: test_y", "test: test_x", 14, "'test_x' is listed more than once"),
    "unknown-need": ("needs: [1a]", "needs: [1b]", 19, "part 2: needs '1b', which is no part's id"),
    "no-parts": (GOOD[GOOD.index("parts:"):], "parts: []\n", 7, "parts: Tuple should have"),
    "list-at-the-top": (GOOD, "- 1\n", 1, "the file: "),
    "empty": (GOOD, "", 1, "the file: "),
    "invalid-yaml": ("  call_s: 2", "  call_s: [2", 7, "not valid YAML: "),
    "tab": ("  call_s: 2", "\tcall_s: 2", 6, "not valid YAML: "),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "told"), WRONG.values(), ids=WRONG)
def test_wrong_rubric_names_line_and_fix(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert GOOD.count(old) == 1
    path = _write(tmp_path, GOOD.replace(old, new))
    message = _refusal(path)
    lines = [text for text in message.splitlines() if told in text]
    assert lines and lines[0].startswith(f"{path}:{line}: ")


POLICIES = (
    GOOD
    + """\
policies:
  - policy: names
    price: 1
    pattern: "[a-z]+"
  - policy: headings
    price: 12.5 %
    enabled: false
  - policy: lateness
    price: 2
    due: 2025-03-14 20:00
    zone: UTC
"""
)

WRONG_POLICIES = {
    "unknown-policy": ("policy: names", "policy: nmaes", 21, "policies.0: unknown policy 'nmaes'. "
        "Did you mean 'names'?"),
    "unlike-any-policy": ("policy: names", "policy: zz", 21, "policies.0: unknown policy 'zz'. "
        "Policies: names, pdf, headings,"),
    "no-policy": ("policy: names", "enabled: true", 21, "policies.0: the key 'policy' is missing: "
        "add one of names, pdf"),
    "unknown-key": ("pattern:", "patern:", 23, "policies.0.patern: unknown key 'patern'. "
        "Did you mean 'pattern'?"),
    "missing-price": ("    price: 1\n", "", 21, "policies.0.price: the key 'price' is missing"),
    "price-in-words": ("price: 1\n", "price: some\n", 22, "policies.0.price: write points, such"),
    "negative-price": ("price: 1\n", "price: -1\n", 22, "policies.0.price: write points, such"),
    "price-over-all": ("12.5 %", "101%", 25, "policies.1.price: write points, such as 2, or a"),
    "pattern-broken": ('"[a-z]+"', '"[a-z"', 23, "policies.0.pattern: not a regular expression:"),
    "twice": ("policy: headings", 'policy: names\n    pattern: "a"', 24,
        "policies.1.policy: policy 'names' is listed more than once"),
    "no-zone": ("    zone: UTC\n", "", 27, "policies.2: 2025-03-14 20:00 has no time zone: give"),
    "unknown-zone": ("UTC", "Atlantis", 30, "policies.2.zone: no time zone 'Atlantis': try"),
    "no-date": ("2025-03-14 20:00", "tomorrow", 29, "policies.2.due: Input should be a valid date"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "told"), WRONG_POLICIES.values(), ids=WRONG_POLICIES
)
def test_wrong_policy_names_line_and_fix(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert POLICIES.count(old) == 1
    path = _write(tmp_path, POLICIES.replace(old, new))
    assert f"{path}:{line}: {told}" in _refusal(path)


def test_policies_have_a_price_a_switch_and_a_title(tmp_path: Path) -> None:
    names, headings, lateness = read_rubric(_write(tmp_path, POLICIES)).policies
    assert (names.price.of(80), headings.price.of(80), lateness.price.of(80)) == (1, 10, 2)
    assert (names.enabled, headings.enabled) == (True, False)
    assert (names.title, headings.title) == ("File names", "Bold red headings")


def test_each_of_several_mistakes_has_a_line(tmp_path: Path) -> None:
    text = GOOD.replace("points: 3", "point: 3").replace("manual: 4", "manual: x")
    lines = _refusal(_write(tmp_path, text)).splitlines()
    assert [line.split(": ")[0].rsplit(":", 1)[1] for line in lines] == ["8", "10", "18"]


def test_other_encodings_are_refused_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    path.write_bytes(GOOD.replace("First", "Fürst").encode("latin-1"))
    byte = GOOD.index("First") + 1
    assert _refusal(path) == f"{path}: not UTF-8 text (byte {byte}): save it as UTF-8"


@pytest.mark.parametrize(
    "text", ["a: \x07", "a: &b *c", "!!python/object:os.system {}", "{a: 1, a: 2}"]
)
def test_odd_yaml_is_refused_with_the_file(tmp_path: Path, text: str) -> None:
    assert _refusal(_write(tmp_path, text)).startswith(f"{tmp_path / 'rubric.yaml'}")


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("shared")


@FUZZ
@given(
    st.integers(0, len(GOOD)), st.integers(0, 12), st.text("ab1:-[]{}\"'#&*!|>%@` \n\t", max_size=5)
)
def test_damaged_rubric_is_read_or_refused(
    shared_folder: Path, start: int, cut: int, new: str
) -> None:
    path = _write(shared_folder, GOOD[:start] + new + GOOD[start + cut :])
    try:
        read_rubric(path)
    except UsageError as error:
        assert str(error).startswith(str(path))


@pytest.fixture
def demo(tmp_path: Path) -> Assignment:
    """The good rubric as an assignment, with a check beside it."""
    folder = tmp_path / "rubrics" / "demo"
    _write(folder, GOOD)
    (folder / "test_demo.py").write_text("def test_x(student): pass\n")
    return load_assignment(str(folder))


def test_parts_are_selected_in_the_rubrics_order(demo: Assignment) -> None:
    assert [part.id for part in demo.select(("2", "1a"))] == ["1a", "2"]
    assert [part.id for part in demo.select(("2",))] == ["2"]
    assert [part.id for part in demo.select(())] == ["1a", "2"]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (("5b-iii",), ["5b-i", "5b-ii", "5b-iii"]),
        (("5c-ii", "1c"), ["1a", "1c", "5c-i", "5c-ii"]),
        (("6",), ["6"]),
    ],
)
def test_parts_come_with_all_that_they_need(
    hw5: Assignment, ids: tuple[str, ...], found: list[str]
) -> None:
    assert [part.id for part in hw5.with_needs(ids)] == found
    assert hw5.with_needs(()) == hw5.rubric.parts


@pytest.mark.parametrize(
    ("wanted", "hint"), [("1A", " Did you mean 1a?"), ("1b", " Did you mean 1a?"), ("xyz", "")]
)
def test_unknown_part_suggests_the_near_one(demo: Assignment, wanted: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        demo.select((wanted,))
    assert str(caught.value) == f"demo has no part {wanted!r}.{hint} Its parts: 1a, 2"


def test_assignment_is_found_by_name_from_folders_below(
    demo: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "deeper")
    assert load_assignment("demo").folder == demo.folder
    assert load_assignment("hw5").name == "hw5"  # beside the package


def test_assignment_is_found_by_the_rubrics_own_path(demo: Assignment) -> None:
    assert load_assignment(str(demo.folder / "rubric.yaml")).folder == demo.folder


def test_unknown_assignment_lists_the_known(
    demo: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_assignment("hw6")
    assert str(caught.value) == (
        "There is no assignment 'hw6'. Assignments here: demo, hw5. "
        "Give a name below rubrics/, or the path of a folder with rubric.yaml."
    )


def _digest(folder: Path) -> str:
    return load_assignment(str(folder)).digest


@pytest.mark.parametrize("name", ["test_demo.py", "rubric.yaml", "scaffolds/new.py"])
def test_digest_changes_where_a_grade_could(demo: Assignment, name: str) -> None:
    path = demo.folder / name
    path.parent.mkdir(exist_ok=True)
    before = demo.digest
    assert _digest(demo.folder) == before
    path.write_text((path.read_text() if path.exists() else "") + "# more\n")
    assert _digest(demo.folder) != before


def test_digest_stays_where_no_grade_changes(demo: Assignment) -> None:
    before = _digest(demo.folder)
    (demo.folder / "README.md").write_text("Read me.")
    assert _digest(demo.folder) == before


def test_digest_tells_the_end_of_one_file_from_the_start_of_the_next(demo: Assignment) -> None:
    (demo.folder / "a.py").write_text("a = 1\n")
    (demo.folder / "b.py").write_text("b = 2\n")
    before = _digest(demo.folder)
    (demo.folder / "a.py").write_text("a = 1\nb.pyb = 2\n")
    (demo.folder / "b.py").unlink()
    assert _digest(demo.folder) != before


def test_scaffold_that_is_not_there_is_empty(demo: Assignment, hw5: Assignment) -> None:
    assert demo.scaffold("images") == ""
    assert "def " in hw5.scaffold("images")
