"""The tables of a scoring: CSV, or Parquet where the name of the output says so."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fxcore.dataset.tables import render_csv
from fxcore.extras import PARQUET

_ROWS_IN_A_GROUP = 50_000
_NUMBERS: dict[str, type] = {"probability": float, "logit": float, "threshold": float, "views": int}

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
    if package := PARQUET.lacking:
        raise PARQUET.missing(f"{out.name} asks for Parquet, which needs {package}")
    return ".parquet", _parquet


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    yield render_csv([columns])
    for row in rows:
        yield render_csv([row])


def _parquet(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Render rows in groups, so that a table of any length takes bounded memory; empty numbers are null."""
    import pyarrow
    from pyarrow import parquet

    of_type = {str: pyarrow.string(), float: pyarrow.float64(), int: pyarrow.int64()}
    types = [_NUMBERS.get(name, str) for name in columns]
    schema = pyarrow.schema(zip(columns, map(of_type.get, types), strict=True))
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        remaining = iter(rows)
        while group := list(itertools.islice(remaining, _ROWS_IN_A_GROUP)):
            arrays = [
                [convert(text) if text or convert is str else None for text in texts]
                for convert, texts in zip(types, zip(*group, strict=True), strict=True)
            ]
            table = pyarrow.Table.from_arrays(list(map(pyarrow.array, arrays, schema.types)), schema=schema)
            writer.write_table(table)
            yield sink.taken()
    yield sink.taken()


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
