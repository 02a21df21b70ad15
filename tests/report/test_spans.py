"""CSV read with the places of its cells: as Python's own reader reads it, and no byte lost."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.report.spans import read_lines, replaced

CELLS = st.text(st.sampled_from('a0 ",;\r\n='), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=4)


def written(table: list[list[str]], separator: str, ending: str) -> str:
    out = io.StringIO(newline="")
    # With a line end of one character the writer leaves the other one without quotes.
    quoting = csv.QUOTE_ALL if ending == "\n" else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=separator, lineterminator=ending, quoting=quoting).writerows(table)
    return out.getvalue()


@given(TABLES, st.sampled_from(",;"), st.sampled_from(["\n", "\r\n"]))
def test_reads_what_was_written(table: list[list[str]], separator: str, ending: str) -> None:
    lines = read_lines(written(table, separator, ending), separator)
    assert [[cell.value for cell in line.cells] for line in lines] == table


@given(TABLES, st.data())
def test_one_cell_changes_and_nothing_else(table: list[list[str]], data: st.DataObject) -> None:
    text = written(table, ",", "\r\n")
    cells = [cell for line in read_lines(text, ",") for cell in line.cells]
    if cells:
        chosen, value = data.draw(st.sampled_from(cells)), data.draw(CELLS)
        after = replaced(text, {chosen: value})
        assert after.startswith(text[: chosen.start]) and after.endswith(text[chosen.end :])
        again = [cell.value for line in read_lines(after, ",") for cell in line.cells]
        assert again == [value if cell is chosen else cell.value for cell in cells]


def test_quotes_stay_where_they_were() -> None:
    text = '"a",b,"c"\n'
    first, second, third = read_lines(text, ",")[0].cells
    assert replaced(text, {first: "1", second: "2", third: "3"}) == '"1",2,"3"\n'


def test_lines_are_counted_through_cells_of_more_lines() -> None:
    numbers = [line.number for line in read_lines('a,"b\nc"\r\nd,e\r\n\nf,g', ",")]
    assert numbers == [1, 3, 4, 5]


@pytest.mark.parametrize("text", ['a,b\nc"d,e\n', 'a,b\n"c"d,e\n', 'a,b\n"c,d\n'])
def test_a_quote_out_of_place_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"Line 2 of the CSV: a quotation mark stands"):
        read_lines(text, ",")
