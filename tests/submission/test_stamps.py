"""Dates of handing in: from an option or a table that the caller names."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.submission.stamps import parse_stamp, read_stamps, stamp_of

AT = datetime(2025, 3, 14, 20, tzinfo=timezone(-timedelta(hours=4)))

TABLES = {
    "a.csv": "file,submitted_at\nhw.zip,2025-03-14T20:00:00-04:00\nother.zip,\n",
    "b.csv": "\ufeffmark,student,submitted_at\n3,hw,2025-03-15T00:00:00Z\n",
    "c.json": '{"hw.zip": "2025-03-14T20:00-04:00"}',
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_name_the_file_with_or_without_its_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TABLES[name], encoding="utf-8")
    stamps = read_stamps(tmp_path / name)
    assert stamp_of(tmp_path / "hw.zip", stamps) == AT
    assert stamp_of(tmp_path / "another.zip", stamps) is None


BROKEN = {
    "a.csv": ("name,when\n", "it should have the columns file and submitted_at"),
    "b.csv": ("file,submitted_at\nhw,yesterday\n", "hw: 'yesterday' is no date: write it like"),
    "c.json": ("[1]", "it should map names of files to dates"),
    "d.json": ("{", "cannot be read as a table of dates"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tables_are_refused_with_their_name(tmp_path: Path, name: str) -> None:
    text, told = BROKEN[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_stamps(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value) and told in str(caught.value)


def test_missing_table_and_odd_date_are_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_stamps(tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"--submitted-at: '14\.3\.' is no date"):
        parse_stamp("14.3.", "--submitted-at")
