"""The gradebook: every grade stays, the last counts, and a broken file is said to be one."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.gradebook import Basis, Grade, Gradebook, Handed, Kind, State
from grader.model import GradeReport, Isolation, SubmissionInfo

ADA, BOB = Handed("ada", "Ada", "ada.ipynb", lms_id="17"), Handed("bob", "Bob", "bob.ipynb")


def report(name: str, score: float) -> GradeReport:
    info = SubmissionInfo(id=name, student=name, files=("a.ipynb",), sha256="0")
    return GradeReport(
        assignment="small", submission=info, score=score, max_score=10, auto_score=score,
        auto_max_score=10, pending_points=0, parts=(), isolation=Isolation(tier="t", kernel="k"),
        device="cpu", environment={}, seed=1, duration_s=0.1,
    )  # fmt: skip


def graded(name: str, score: float, content: str = "c", kind: Kind = Kind.AUTOMATIC) -> Grade:
    keys = {"1a": content}
    return Grade(name, kind, State.GRADED, "", content, keys, report(name, score))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "gradebook.sqlite"


def test_the_last_grade_counts_and_all_are_kept(path: Path) -> None:
    with Gradebook(path) as book:
        book.enrol([BOB, ADA])
        book.record(graded("ada", 3))
        book.record(graded("bob", 5))
        book.record(graded("ada", 7, "d", Kind.REGRADED))
    with Gradebook(path) as book:
        assert [one.id for one in book.handed()] == ["ada", "bob"]
        assert book.handed()[0] == ADA
        current = book.current("ada")
        assert current is not None and current.report is not None and current.report.score == 7
        assert [(g.kind, g.report and g.report.score) for g in book.history("ada")] == [
            (Kind.AUTOMATIC, 3), (Kind.REGRADED, 7),
        ]  # fmt: skip
        assert book.basis() == {
            "ada": Basis("d", {"1a": "d"}, True), "bob": Basis("c", {"1a": "c"}, True),
        }  # fmt: skip


def test_what_the_grader_failed_to_grade_is_no_basis(path: Path) -> None:
    with Gradebook(path) as book:
        book.enrol([ADA])
        book.record(graded("ada", 3))
        book.record(Grade("ada", Kind.AUTOMATIC, State.UNGRADED, "a fault", "c", {"1a": "c"}))
        assert book.basis() == {}
        current = book.current("ada")
        assert current is not None and (current.report, current.reason) == (None, "a fault")


def test_who_is_no_longer_in_the_class_does_not_count_and_is_not_lost(path: Path) -> None:
    with Gradebook(path) as book:
        book.enrol([ADA, BOB])
        book.record(graded("bob", 5))
        before = book.state_key()
        book.enrol([ADA])
        assert [one.id for one, _ in book.grades()] == ["ada"]
        assert book.state_key() != before
        assert len(book.history("bob")) == 1


def test_the_state_has_another_key_where_a_grade_was_added(path: Path) -> None:
    with Gradebook(path) as book:
        book.enrol([ADA])
        keys = [book.state_key(), book.state_key()]
        book.record(graded("ada", 3))
        keys.append(book.state_key())
    assert keys[0] == keys[1] != keys[2]


def test_a_grade_that_was_not_committed_is_not_there(path: Path) -> None:
    with Gradebook(path) as book:
        book.enrol([ADA])
        with pytest.raises(sqlite3.OperationalError), book._transaction():
            book._db.execute("INSERT INTO settings VALUES ('a', 'b')") and book._db.execute("no")
        assert book.setting("a") == ""


def test_it_is_read_while_it_is_written(path: Path) -> None:
    with Gradebook(path) as book, Gradebook(path) as reader:
        book.enrol([ADA])
        with book._transaction():
            book._db.execute("INSERT INTO settings VALUES ('a', 'b')")
            assert [one.id for one in reader.handed()] == ["ada"]
            assert reader.setting("a") == ""
        assert reader.setting("a") == "b"


def test_two_writers_wait_for_each_other(path: Path) -> None:
    with Gradebook(path) as book:
        book.enrol([ADA, BOB])

    def write(name: str) -> None:
        with Gradebook(path) as own:
            for score in range(20):
                own.record(graded(name, score))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Gradebook(path) as book:
        assert [len(book.history(name)) for name in ("ada", "bob")] == [20, 20]


def test_a_file_that_is_no_gradebook_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"grades\n" * 1000)
    with pytest.raises(UsageError, match="cannot be used as a gradebook: file is not a database"):
        Gradebook(path)
    assert path.read_bytes() == b"grades\n" * 1000


def test_the_form_of_a_newer_grader_is_refused(path: Path) -> None:
    with Gradebook(path):
        pass
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(UsageError, match="made by a newer grader"):
        Gradebook(path)


def test_an_older_form_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Gradebook(path) as book:
        book.enrol([ADA])
        book.record(graded("ada", 3))
    from grader import gradebook

    more = (*gradebook._MIGRATIONS, "ALTER TABLE grades ADD COLUMN marker TEXT DEFAULT 'x'")
    monkeypatch.setattr(gradebook, "_MIGRATIONS", more)
    with Gradebook(path) as book:
        assert book._db.execute("SELECT marker FROM grades").fetchone()[0] == "x"
        assert len(book.history("ada")) == 1


def test_a_migration_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Gradebook(path):
        pass
    from grader import gradebook

    broken = "CREATE TABLE extra (a); INSERT INTO nowhere VALUES (1)"
    monkeypatch.setattr(gradebook, "_MIGRATIONS", (*gradebook._MIGRATIONS, broken))
    with pytest.raises(UsageError, match="no such table: nowhere"):
        Gradebook(path)
    with sqlite3.connect(path) as db:
        names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    db.close()
    assert "extra" not in names


def test_one_in_memory_leaves_no_file(tmp_path: Path) -> None:
    with Gradebook(None) as book:
        book.enrol([ADA])
        book.record(graded("ada", 3))
        assert book.current("ada") is not None
    assert list(tmp_path.iterdir()) == []
