"""One study on disk: written beside its place and renamed, so that it is there whole or not at all."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from types import TracebackType

from fxcore.dataset.in_place import put_in_place
from fxcore.dataset.journal import StudyRecord, write_record
from fxcore.dataset.layout import METADATA_FILE, Layout, image_name
from fxcore.dataset.locks import at_work
from fxcore.dataset.png import decode_png, encode_png
from fxcore.dataset.tables import cell, naming, read_rows, render_csv, union_of_columns
from fxcore.errors import DataSetError, ending_the_run
from fxcore.kernels import pixel_sums
from fxcore.study import Radiograph, Reject, UnreadFile


class StudyWriter:
    """Writes a study radiograph by radiograph; nothing is visible in the data set before `commit`.

    Used as a context manager: what was staged and not committed is removed. Where the system does not let it
    write, `LostPlaceError` is raised.
    """

    def __init__(self, layout: Layout, study_id: str, label: str, fingerprint: str) -> None:
        self._layout = layout
        self._study_id, self._label, self._fingerprint = study_id, label, fingerprint
        self._at_work = at_work(layout)
        # A worker that was given up as lost may still be at the same study: each has a folder of its own.
        named = layout.staged(study_id, fingerprint)
        self._staged = named.with_name(f"{named.name}{secrets.token_hex(4)}")
        self._rows: list[dict[str, str]] = []
        self._pixels = self._sum = self._square_sum = 0
        self.converted = 0
        # Where a file was given up for a reason that may pass: the next run does the study again.
        self.try_again = False
        self.rejects: list[Reject] = []
        self.unread: list[UnreadFile] = []
        self.body_parts: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()

    def __enter__(self) -> StudyWriter:
        with ending_the_run():
            self._at_work.__enter__()
            self._staged.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._staged, ignore_errors=True)
        self._at_work.__exit__(kind, error, trace)

    def add(self, radiograph: Radiograph) -> None:
        """Stage one radiograph: its PNG now, its row at the end."""
        rows, columns = radiograph.image.shape
        row = {column: cell(text) for column, text in radiograph.metadata.items()}
        # Steps change the size; the columns stay where they are.
        row |= {"image_rows": str(rows), "image_columns": str(columns)}
        place = self._staged / image_name(radiograph.radiograph_id)
        with ending_the_run(), naming(place):
            if place.exists():
                raise DataSetError(
                    f"two radiographs of study {self._study_id} have the identifier "
                    f"{radiograph.radiograph_id}"
                )
            place.write_bytes(encode_png(radiograph.image))
        total, squares = pixel_sums(radiograph.image)
        self._pixels += radiograph.image.size
        self._sum += total
        self._square_sum += squares
        self._rows.append(row)

    def commit(self) -> StudyRecord:
        """Put the study in its place and record it as done.

        The record is written when the staged folder is complete and before the folder is renamed:
        a run that finds a record without a folder finishes the renaming; see
        `fxcore.dataset.in_place.finish_renames`.
        """
        columns = union_of_columns([list(row) for row in self._rows])
        record = StudyRecord(
            study_id=self._study_id,
            label=self._label,
            fingerprint=_passing(self._fingerprint) if self.try_again else self._fingerprint,
            converted=self.converted,
            radiographs=len(self._rows),
            columns=tuple(columns),
            body_parts=dict(self.body_parts),
            pixels=self._pixels,
            pixel_sum=self._sum,
            pixel_square_sum=self._square_sum,
            decisions=dict(self.decisions),
            rejects=tuple(sorted(self.rejects)),
            unread=tuple(sorted(self.unread)),
        )
        if self._rows:
            self._rows.sort(key=lambda row: row["radiograph_id"])
            cells = ([row.get(column, "") for column in columns] for row in self._rows)
            table = render_csv([columns, *cells])
            with ending_the_run(), naming(self._staged / METADATA_FILE):
                (self._staged / METADATA_FILE).write_bytes(table)
        with ending_the_run():
            write_record(self._layout, record)
            put_in_place(self._layout, record, self._staged)
        return record


def _passing(fingerprint: str) -> str:
    """Return what no files have as their fingerprint."""
    return hashlib.sha256(f"without some files of {fingerprint}".encode()).hexdigest()


def read_radiograph(layout: Layout, label: str, row: dict[str, str]) -> Radiograph:
    """Read one radiograph by its metadata row.

    Raises
    ------
    DataSetError
        If the PNG is missing or damaged, or the row has no identifiers.
    """
    try:
        path = layout.study(label, row["study_id"]) / image_name(row["radiograph_id"])
        return Radiograph(decode_png(path.read_bytes()), row)
    except KeyError as error:
        raise DataSetError(f"a metadata row has no column {error}") from error
    except OSError as error:
        raise DataSetError(f"the PNG cannot be read: {error.strerror}") from error


def read_study(layout: Layout, label: str, study_id: str) -> Iterator[Radiograph]:
    """Yield the radiographs of one study, one in memory at a time.

    Raises
    ------
    DataSetError
        If one cannot be read, with its name.
    """
    for row in read_rows(layout, label, study_id):
        yield read_named(layout, label, row)


def read_named(layout: Layout, label: str, row: dict[str, str]) -> Radiograph:
    """Read one radiograph by its metadata row; see `read_radiograph`.

    Raises
    ------
    DataSetError
        If it cannot be read, with its name.
    """
    try:
        return read_radiograph(layout, label, row)
    except DataSetError as error:
        place = f"{layout.root / label / row.get('study_id', '')}"
        raise DataSetError(f"{place}, radiograph {row.get('radiograph_id', '')}: {error}") from error
