"""`grader export` and `grader grade --diff`, from a gradebook that is there."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from grader.changes import changes
from grader.errors import UsageError
from grader.exports import FORMS, Export, export
from grader.gradebook import NAME, Grade, Gradebook, Handed, Kind, State
from tests.test_gradebook import report

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework 5 (4711),Final Score\r\n"
    "    Points Possible,,,,,10,(read only)\r\n"
    '"Lovelace, Ada",17,s17,ada,01,,50\r\n'
    '"Boole, Bob",18,s18,bob,01,3,60\r\n'
    '"Curie, Cyn",19,s19,cyn,01,EX,70\r\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A class: ada and cyn have a grade, bob has none, dan is nobody whom Canvas knows."""
    out = tmp_path / "out"
    with Gradebook(out / NAME) as book:
        book.enrol([
            Handed("ada", "Lovelace, Ada", "lovelaceada_17_501_hw5.ipynb", lms_id="17"),
            Handed("bob", "Boole, Bob", "boolebob_18_502_hw5.ipynb", lms_id="18"),
            Handed("cyn", "Curie, Cyn", "curiecyn_19_503_hw5.ipynb", sis_id="s19"),
            Handed("dan", "Dan", "dan.ipynb"),
        ])  # fmt: skip
        for name, score in (("ada", 7.25), ("cyn", 5), ("dan", 1)):
            book.record(Grade(name, Kind.AUTOMATIC, State.GRADED, "", "c", {}, report(name, score)))
        book.record(Grade("bob", Kind.AUTOMATIC, State.UNREADABLE, "its JSON is broken"))
    for name in ("ada", "cyn"):
        page = out / "reports" / f"{name}.html"
        page.parent.mkdir(exist_ok=True)
        page.write_text(f"<p>{name}</p>", encoding="utf-8")
    return out


def test_canvas_gets_the_column_of_its_own_table(folder: Path, tmp_path: Path) -> None:
    table, filled = tmp_path / "canvas.csv", tmp_path / "filled.csv"
    table.write_bytes(CANVAS.encode())
    told = export("canvas", Export(folder, filled, table, "Homework 5"))
    assert filled.read_bytes().decode() == CANVAS.replace("ada,01,,50", "ada,01,7.25,50")
    assert told[0] == "1 grades in Homework 5 (4711), of 10 points"
    assert any("Curie" in line and line.startswith("left as it is") for line in told)
    assert "not in the gradebook: Dan" in told
    assert any("Boole" in line and line.startswith("without a grade") for line in told)


def test_canvas_gets_reports_by_the_names_of_its_download(folder: Path, tmp_path: Path) -> None:
    told = export("canvas-feedback", Export(folder, tmp_path / "feedback.zip"))
    with zipfile.ZipFile(tmp_path / "feedback.zip") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert len(found) == 2
    (ada,) = [name for name in found if "_17_501_" in name]
    assert found[ada] == b"<p>ada</p>"
    assert [line.split(":")[1].strip() for line in told] == ["Boole, Bob", "Dan"]


def test_a_page_of_a_grade_that_no_longer_counts_is_not_handed_out(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "reports" / "bob.html").write_text("<p>an earlier grade</p>", encoding="utf-8")
    assert "left out: Boole, Bob: no report" in export(
        "canvas-feedback", Export(folder, tmp_path / "feedback.zip")
    )
    with zipfile.ZipFile(tmp_path / "feedback.zip") as archive:
        assert len(archive.namelist()) == 2


def test_the_other_forms_are_read_by_their_readers(folder: Path, tmp_path: Path) -> None:
    export("csv", Export(folder, tmp_path / "grades.csv"))
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        totals = {row["id"]: row["total"] for row in csv.DictReader(file)}
    assert totals == {"ada": "7.25", "bob": "", "cyn": "5", "dan": "1"}
    export("junit", Export(folder, tmp_path / "junit.xml"))
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"
    told = export("gradescope", Export(folder, tmp_path / "gs"))
    result = json.loads((tmp_path / "gs" / "ada" / "results.json").read_text("utf-8"))
    assert result["score"] == 7.25
    assert told == ["left out: Boole, Bob: its JSON is broken"]


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_without_grades_is_refused(tmp_path: Path, form: str) -> None:
    with pytest.raises(UsageError, match="give the folder that `grade` wrote to"):
        export(form, Export(tmp_path, tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_canvas_without_its_table_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--gradebook FILE --column TITLE"):
        export("canvas", Export(folder, tmp_path / "x"))
    with pytest.raises(UsageError, match="cannot be read as a gradebook"):
        export("canvas", Export(folder, tmp_path / "x", tmp_path / "no.csv", "Homework 5"))


def test_changes_are_told_with_their_reasons(folder: Path) -> None:
    after = Gradebook.copy_in_memory(folder / NAME)
    after.record(Grade("ada", Kind.REGRADED, State.GRADED, "changed", "c", {}, report("ada", 7.25)))
    after.record(Grade("bob", Kind.AUTOMATIC, State.GRADED, "", "d", {}, report("bob", 2)))
    after.record(Grade("cyn", Kind.AUTOMATIC, State.UNREADABLE, "it is empty"))
    with after, Gradebook(folder / NAME) as before:
        lines = [change.line() for change in changes(before, after)]
        assert len(before.history("bob")) == 1
    assert lines == [
        "Boole, Bob: no grade → 2 (it is graded now)", "Curie, Cyn: 5 → no grade (it is empty)",
    ]  # fmt: skip
