"""The CSV files: read, write atomically, and keep spreadsheets from running a cell."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fxcore.dataset.layout import METADATA_FILE, PARTIAL, Layout
from fxcore.errors import DataSetError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# Also what turns the direction of writing, so that a name looks like another (Unicode TR36, section 2.5).
CONTROLS = r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+"
_CONTROL = re.compile(CONTROLS)
_OTHER_SEPARATORS = frozenset(";\t")
_FORMULA_STARTS = ("=", "+", "-", "@")
# Where a comma is in the numbers, spreadsheets part cells at semicolons.
FORMULA_WITHIN = r"(?<=;)[=+\-@]"


def visible(text: str) -> str:
    """Return `text` as it may be shown: without control characters, lone surrogates and outer blanks."""
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()


def cell(text: str) -> str:
    """Return `text` as it may stand in a cell; ``cell(cell(x)) == cell(x)``.

    Control characters become spaces, lone surrogates question marks, and text that a spreadsheet
    would take for a formula (CWE-1236) gets an apostrophe in front, also behind a semicolon; numbers stay
    numbers.
    """
    text = re.sub(FORMULA_WITHIN, r"'\g<0>", visible(text))
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def render_csv(rows: Iterable[Iterable[str]]) -> bytes:
    """Return rows, the header being the first, as CSV (UTF-8, ``\\n``, quotes where needed)."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8")


def write_atomically(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write `data` to `path` so that the file is whole or not there: beside it first, then renamed.

    What a killed process left beside it is replaced: for files that nobody else writes at the same time.
    Others are written by `fxcore.dataset.replacing`.
    """
    write_together([(path, data)])


def write_together(files: Iterable[tuple[Path, bytes | Iterable[bytes]]]) -> None:
    """Write files that belong together: all of them beside their places first, then renamed in this order.

    What is killed in between leaves the files of before; only between two renames some are new already.
    A file is asked for when those before it are written.
    """
    written: list[tuple[Path, Path]] = []
    try:
        for path, data in files:
            beside = path.with_name(f"{path.name}{PARTIAL}")
            beside.unlink(missing_ok=True)
            written.append((beside, path))
            with naming(path), beside.open("xb") as file:
                if isinstance(data, bytes):
                    file.write(data)
                else:
                    file.writelines(data)
        for beside, path in written:
            beside.replace(path)
    except BaseException:
        # Half a file is of no use, and on a full disk it takes room. Where even that fails, so be it.
        for beside, _ in written:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let the system's error say which file it is about: that of a failed write does not."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file of ours, column to text; the mark that Excel puts first is passed over.

    Raises
    ------
    DataSetError
        If the file cannot be read, is not UTF-8 with commas or a row has more cells than columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or ()
            if len(header) == 1 and _OTHER_SEPARATORS.intersection(header[0]):
                raise DataSetError(
                    f"{path}: the columns are not separated by commas; save it as CSV with commas"
                )
            for number, row in enumerate(reader, start=2):
                if None in row or None in row.values():
                    raise DataSetError(
                        f"{path}, line {number}: the row does not have the columns of the header"
                    )
                # Spreadsheets write commas alone for a row that was emptied.
                if any(row.values()):
                    yield row
    except OSError as error:
        raise DataSetError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataSetError(f"cannot read {path}: {error}; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise DataSetError(f"cannot read {path}: {error}") from error


def read_rows(layout: Layout, label: str, study_id: str) -> list[dict[str, str]]:
    """Return the metadata rows of one study.

    Raises
    ------
    DataSetError
        If the table is missing, damaged, or not that of the study in this folder.
    """
    path = layout.study(label, study_id) / METADATA_FILE
    rows, known = [], set()
    for number, row in enumerate(read_csv(path), start=2):
        for column, of_folder in (("study_id", study_id), ("label", label), ("radiograph_id", "")):
            value = row.get(column)
            if value is None:
                raise DataSetError(f"{path} has no column {column!r}")
            if of_folder and value != of_folder:
                raise DataSetError(
                    f"{path}, line {number}: {column} is {value!r}, and the folder that of {of_folder!r}; "
                    "labels are changed in the labels file, and the data set made again"
                )
        if (radiograph_id := row["radiograph_id"]) in known:
            raise DataSetError(f"{path}, line {number}: radiograph_id {radiograph_id!r} is there twice")
        known.add(radiograph_id)
        rows.append(row)
    if not rows:
        raise DataSetError(f"{path} has no row of a radiograph")
    return rows


def union_of_columns(headers: Iterable[Sequence[str]]) -> list[str]:
    """Return all columns of several tables, in order of first appearance."""
    return list(dict.fromkeys(column for header in headers for column in header))
