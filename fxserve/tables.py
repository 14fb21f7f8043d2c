"""The tables of a scoring: CSV, or Parquet where the name of the output says so."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fxcore.dataset.tables import render_csv
from fxcore.errors import DataSetError
from fxcore.extras import PARQUET

_ROWS_IN_A_GROUP = 50_000
_FRACTIONS = frozenset(
    (
        *("probability", "logit", "threshold", "inversion_margin", "corner_mean", "part_margin"),
        *("rotation_degrees", "elongation", "distal_margin"),
    )
)
_WHOLE = frozenset(("views", "inverted", "otsu_threshold", "part_count", "part_index"))
_LARGEST = 2**53

SUFFIXES = (".csv", ".parquet")
"""Of the tables of a scoring, by the name of its folder: one kind or the other."""

Render = Callable[[Sequence[str], Iterable[Sequence[str]]], Iterator[bytes]]


def kind_of(out: Path) -> tuple[str, Render]:
    """Return the suffix of the tables in the folder `out`, and what renders them.

    Raises
    ------
    FxrayError
        If Parquet is asked for and cannot be written.
    """
    if out.suffix.lower() != ".parquet":
        return ".csv", _csv
    if PARQUET.lacking:
        raise PARQUET.missing(f"{out.name} asks for Parquet, which needs pyarrow")
    return ".parquet", _parquet


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    yield render_csv([columns])
    for row in rows:
        yield render_csv([row])


def _parquet(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Render rows in groups, so that a table of any length takes bounded memory; what is empty is null.

    Raises
    ------
    DataSetError
        For text in a column of numbers, which a data set may hold that was written by others.
    """
    import pyarrow
    from pyarrow import parquet

    of_type = {str: pyarrow.string(), float: pyarrow.float64(), _whole: pyarrow.int64()}
    converts = [float if name in _FRACTIONS else _whole if name in _WHOLE else str for name in columns]
    schema = pyarrow.schema(zip(columns, map(of_type.get, converts), strict=True))
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        remaining = iter(rows)
        while group := list(itertools.islice(remaining, _ROWS_IN_A_GROUP)):
            arrays = [
                [_value(convert, row[k], name, row[0]) for row in group]
                for k, (name, convert) in enumerate(zip(columns, converts, strict=True))
            ]
            table = pyarrow.Table.from_arrays(list(map(pyarrow.array, arrays, schema.types)), schema=schema)
            writer.write_table(table)
            yield sink.taken()
    yield sink.taken()


def _value(convert: Callable[[str], Any], text: str, name: str, study: str) -> Any:
    try:
        return convert(text) if text else None
    except ValueError:
        raise DataSetError(
            f"{name} of the study {study} is {text!r}, which is no number, as Parquet needs one there; mend "
            "it in the metadata.csv of the study, or name an output without .parquet. Scores made are kept"
        ) from None


def _whole(text: str) -> int:
    """Return a whole number, also of text such as ``1.0``, which other programs make of it."""
    value = float(text)
    if not (value.is_integer() and abs(value) < _LARGEST):
        raise ValueError(text)
    return int(value)


class _Sink(io.RawIOBase):
    """A file that only grows, and whose content is taken away as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
