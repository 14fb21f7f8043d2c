"""The rows of a delimited text file: any delimiter, any encoding that spreadsheets write."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

from fxcore.errors import ParameterError

READ_AS_WINDOWS = " (read as Windows-1252; if letters are wrong, save it as CSV UTF-8)"
"""What is said of a table that is not in Unicode."""
_DELIMITERS = ",;\t|"
SAMPLE = 200
"""Rows that decide on the delimiter, and on headings."""
# How workbooks begin: a ZIP archive (.xlsx, .ods), and Microsoft's compound file (.xls).
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def read_rows(path: Path, where: str) -> tuple[list[list[str]], list[int], bool]:
    """Return the rows that are not blank, the line each one ends on, and whether the text is Unicode.

    Raises
    ------
    ParameterError
        If the file cannot be read, is a workbook, or has no rows of two cells or more.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ParameterError(f"cannot read {where}: {error.strerror or error}") from error
    if raw.startswith(_WORKBOOKS):
        raise ParameterError(f"{where} is a workbook of Excel or LibreOffice, not text: save it as CSV")
    text, is_unicode = _decode(raw)
    delimiter = ""
    if hint := re.match(r"sep=(.)(?=\r?\n)", text):
        # Excel's: the line stays, empty, so that the others keep their numbers.
        delimiter, text = hint[1], text[hint.end() :]
    delimiter = delimiter or _delimiter(text)
    rows: list[list[str]] = []
    lines: list[int] = []
    written, began = list(io.StringIO(text, newline="")), 0
    reader = csv.reader(written, delimiter=delimiter)
    try:
        for row in reader:
            _check_quotes(written[began : reader.line_num], delimiter, began, where)
            began = reader.line_num
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        _check_quotes(written[began : reader.line_num], delimiter, began, where)
        raise ParameterError(f"{where} is not a delimited table: {error} (line {reader.line_num})") from error
    if not rows:
        raise ParameterError(f"{where} is empty")
    if all(len(row) < 2 for row in rows):
        raise ParameterError(
            f"{where} has one column; a key and a label are needed, separated by , ; tab or |"
        )
    return rows, lines, is_unicode


def _check_quotes(written: list[str], delimiter: str, before: int, where: str) -> None:
    """Refuse a row of several lines in which a quotation mark of the text was taken for the start of a cell.

    It would hold all rows up to the next such mark, and their labels be lost. In one line, such a mark does
    no harm.

    Parameters
    ----------
    written : list of str
        The lines of one row.
    delimiter : str
    before : int
        The number of lines before them.
    where : str
        The table, for messages.
    """
    if len(written) < 2:
        return
    try:
        list(csv.reader(written, delimiter=delimiter, strict=True))
    except csv.Error:
        raise ParameterError(
            f"{where}: a cell that begins with a quotation mark on line {before + 1} goes on to line "
            f"{before + len(written)}, and does not end there as such a cell has to; the rows between would "
            "be lost. Take the mark out, or have the table written anew by a program that doubles such marks"
        ) from None


def _decode(raw: bytes) -> tuple[str, bool]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace").replace("\0", ""), True
    # Text of the Latin alphabet in UTF-16 without a mark: every other byte is zero.
    head = raw[:512]
    if len(head) > 3 and max(head[0::2].count(0), head[1::2].count(0)) > len(head) // 4:
        order = "utf-16-be" if head[0::2].count(0) > head[1::2].count(0) else "utf-16-le"
        return raw.decode(order, errors="replace"), True
    try:
        return raw.decode("utf-8-sig").replace("\0", ""), True
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace").replace("\0", ""), False


def _delimiter(text: str) -> str:
    """Return the delimiter that gives most rows the same number of columns, two or more."""
    sample = [line for line in text[:65536].splitlines() if line.strip()][:SAMPLE]
    best, best_score = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter))
        except csv.Error:
            continue
        width, rows = widths.most_common(1)[0] if widths else (1, 0)
        score = (rows, width) if width > 1 else (0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best
