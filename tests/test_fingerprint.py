"""What a grade depends on: each of it changes a hash, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.assignment import Assignment, load_assignment
from grader.errors import UsageError
from grader.fingerprint import Fingerprints, content_key, stale_parts
from grader.grading import Options
from tests.small.assignment import CHECKS, REFERENCE, RUBRIC, write_assignment

ALL = ("1a", "1b", "1c", "1d", "1e", "2")


def keys(folder: Path, options: Options | None = None, **texts: str) -> dict[str, str]:
    """The parts' fingerprints of the small assignment with other texts."""
    write_assignment(folder, **texts)  # type: ignore[arg-type]
    assignment: Assignment = load_assignment(str(folder / "rubrics" / "small"))
    return Fingerprints(assignment, options or Options()).parts


CHANGES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "a comment in a check": ({"checks": CHECKS + "# words\n"}, ()),
    "the form of a check": ({"checks": CHECKS.replace("(student,", "(student, ")}, ()),
    "a check": ({"checks": CHECKS.replace("2.5", "3.5")}, ("1e",)),
    "a check of a helper": ({"checks": CHECKS.replace("3.5", "4.5")}, ("1b", "1c", "1d")),
    "what all checks share": ({"checks": CHECKS + "LEAST = 2\n"}, ALL[:-1]),
    "the points of a part": (
        {"rubric": RUBRIC.replace("1\n    names: [scaled]", "5\n    names: [scaled]")},
        ("1e",),
    ),
    "a limit": ({"rubric": RUBRIC.replace("call_s: 30", "call_s: 31")}, ALL),
    "the seed": ({"rubric": RUBRIC.replace("seed: 7", "seed: 8")}, ALL),
    "the title": ({"rubric": RUBRIC.replace("A small homework", "A homework")}, ()),
    "the reference": ({"reference": REFERENCE.replace("3.0]", "4.0]")}, ALL),
}  # fmt: skip


@pytest.mark.parametrize(("texts", "stale"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_touches_the_parts_that_it_could(
    tmp_path: Path, texts: dict[str, str], stale: tuple[str, ...]
) -> None:
    before = keys(tmp_path)
    assert stale_parts(before, keys(tmp_path, **texts)) == stale


def test_a_mistake_that_became_known_touches_its_part(tmp_path: Path) -> None:
    before = keys(tmp_path)
    variants = tmp_path / "rubrics" / "small" / "variants"
    variants.mkdir()
    (variants / "all.yaml").write_text(
        "- mistake: 1e-none\n  part: 1e\n  name: Nothing\n  say: Nothing comes back.\n"
        "  edit: {cell: '1e', old: 'a', new: 'b'}\n  signs: [{stage: kind}]\n",
        encoding="utf-8",
    )
    assert stale_parts(before, keys(tmp_path)) == ("1e",)


@pytest.mark.parametrize("options", [Options(examples=3), Options(device="cuda"),
                                     Options(public_only=True)])  # fmt: skip
def test_another_way_of_grading_touches_all(tmp_path: Path, options: Options) -> None:
    assert stale_parts(keys(tmp_path), keys(tmp_path, options)) == ALL


def test_a_part_that_is_new_is_stale() -> None:
    assert stale_parts({"a": "1", "gone": "2"}, {"a": "1", "b": "2"}) == ("b",)


def test_a_check_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"test_small\.py, line 2"):
        keys(tmp_path, checks="x = 1\ndef (")


def test_the_files_of_a_submission_make_its_key(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one.ipynb", "same.ipynb", "other.ipynb"))
    for path, text in ((one, "{}"), (same, "{}"), (other, "{ }")):
        path.write_text(text, encoding="utf-8")
    assert content_key(one) == content_key(same) != content_key(other)
    module = tmp_path / "one.py"
    module.write_text("{}", encoding="utf-8")
    assert content_key(module) != content_key(one)


def test_in_a_folder_names_count_and_its_own_does_not(tmp_path: Path) -> None:
    keys_of = []
    for folder, name in (("a", "x.py"), ("b", "x.py"), ("c", "y.py")):
        path = tmp_path / folder / "inner" / name
        path.parent.mkdir(parents=True)
        path.write_text("1", encoding="utf-8")
        keys_of.append(content_key(tmp_path / folder))
    assert keys_of[0] == keys_of[1] != keys_of[2]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "mine.py").write_text("1", encoding="utf-8")
    before = content_key(folder)
    (folder / "zero").symlink_to("/dev/zero")
    assert content_key(folder) != before
    before = content_key(folder)
    (folder / "loop").symlink_to(folder)
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
    after = content_key(folder)
    assert after != before
    (folder / "zero").unlink()
    (folder / "zero").symlink_to("/dev/null")
    assert content_key(folder) not in (before, after)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        content_key(tmp_path / "nothing.ipynb")
