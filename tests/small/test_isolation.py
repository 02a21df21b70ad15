"""What a machine's sandbox lacks is said, and refused where it was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.sandbox.canaries import REQUIRED, TESTED, try_layers
from tests.small.assignment import Run, files_below, write_small

EVERYTHING = {name: (TESTED, "") for name in REQUIRED["strict"]}
WEAKER = {**EVERYTHING, "memory": ("best effort", "for each process alone")}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """What the canaries find: to be filled in."""
    layers: dict[str, tuple[str, str]] = {}
    monkeypatch.setattr("grader.sandbox.canaries.try_layers", lambda launcher: dict(layers))
    return layers


def test_a_sandbox_that_lacks_what_is_asked_for_grades_nothing(
    grader: Run, place: Path, found: dict[str, tuple[str, str]]
) -> None:
    found.update(WEAKER)
    for name in ("ada", "bob"):
        write_small(place / f"{name}.ipynb")
    ended = grader("grade", "ada.ipynb", "bob.ipynb", "--require-isolation", "strict")
    assert (ended.code, ended.out) == (4, "")
    first, layer, mend = ended.err.splitlines()
    assert first == "grader: --require-isolation strict: this machine's sandbox lacks"
    assert layer == "  memory: best effort (for each process alone)"
    assert "control groups" in mend
    assert not files_below(place / "grader-out")


def test_what_is_missing_is_said_and_graded_all_the_same(
    grader: Run, place: Path, found: dict[str, tuple[str, str]]
) -> None:
    found.update(WEAKER)
    write_small(place / "ada.ipynb")
    for level in ("standard", "none"):
        ended = grader("grade", "ada.ipynb", "--fresh", "--require-isolation", level)
        assert ended.code == 0
        assert ended.err == (
            "grader: the sandbox lacks: memory. `grader doctor` says how to get them.\n"
        )
    report = json.loads((place / "grader-out/results/ada.json").read_text(encoding="utf-8"))
    assert report["isolation"]["layers"]["left behind"] == {"state": TESTED, "detail": ""}


@pytest.mark.usefixtures("own_launchers")
def test_layers_are_really_tried(grader: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.sandbox.canaries.try_layers", try_layers)
    write_small(place / "ada.ipynb")
    assert grader("grade", "ada.ipynb").code == 0
    report = json.loads((place / "grader-out/results/ada.json").read_text(encoding="utf-8"))
    assert report["isolation"]["layers"]["rlimit nofile"] == {"state": TESTED, "detail": "1024"}


def test_a_whole_sandbox_is_not_worth_a_word(
    grader: Run, place: Path, found: dict[str, tuple[str, str]]
) -> None:
    found.update(EVERYTHING)
    write_small(place / "ada.ipynb")
    ended = grader("grade", "ada.ipynb", "--require-isolation", "strict")
    assert (ended.code, ended.err) == (0, "")
