"""CSV cells: harmless in a spreadsheet, unchanged by a second pass."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.dataset.tables import cell, read_csv, render_csv, union_of_columns, visible, write_atomically
from fxcore.errors import DataSetError


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_a_cell_is_idempotent_and_survives_the_file(tmp_path_factory, text):
    once = cell(text)
    assert cell(once) == once
    path = tmp_path_factory.getbasetemp() / "cell.csv"
    write_atomically(path, render_csv([["a", "b"], [once, "x"]]))
    assert list(read_csv(path)) == [{"a": once, "b": "x"}]


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\n=1", " =1"]
)
def test_a_formula_is_made_text(text):
    assert cell(text).startswith("'")


def test_a_formula_behind_a_semicolon_is_made_text():
    """Where a comma is in the numbers, spreadsheets begin a cell there."""
    assert cell("wrist;=cmd|' /C calc'!A0;-1") == "wrist;'=cmd|' /C calc'!A0;'-1"
    assert cell("a ;b; =1") == "a ;b; =1"


def test_what_turns_the_direction_of_writing_is_not_shown():
    assert visible("a\u202egnp.exe\u2066b") == "a gnp.exe b"


@pytest.mark.parametrize("text", ["-12.5", "+3", "1e-3", "-0.5", ".5"])
def test_a_number_stays_a_number(text):
    assert cell(text) == text


def test_a_row_of_the_wrong_length_is_named_by_its_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(DataSetError, match="line 3"):
        list(read_csv(path))


def test_columns_keep_the_order_of_first_appearance():
    assert union_of_columns([["b", "a"], ["a", "c"]]) == ["b", "a", "c"]


def test_a_file_that_cannot_be_written_whole_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"earlier")

    def rows():
        yield b"a,b\n"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "table.csv", rows())
    assert caught.value.filename == str(tmp_path / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_bytes() == b"earlier"
