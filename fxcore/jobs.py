"""The tasks that worker processes are given.

How they are done is in `fxcore.work`, which workers load and the process that hands out the tasks does not.
Tasks and results are small; images never cross a process boundary.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fxcore.dataset.in_place import files_of
from fxcore.dataset.journal import StudyRecord
from fxcore.dataset.layout import Layout
from fxcore.dataset.tables import cell, read_rows
from fxcore.dicom.config import Limits
from fxcore.dicom.entries import IndexEntry
from fxcore.errors import DataSetError
from fxcore.settings import IngestConfig
from fxcore.steps import Pipeline
from fxcore.steps.part_filter import DESCRIBED_COLUMN, LABEL_COLUMN, MODALITY_COLUMN
from fxcore.study import UnreadFile

# What a radiograph's row begins with, whatever it was made from.
IDENTITY_COLUMNS = (
    "radiograph_id",
    "study_id",
    "patient_id",
    "source_id",
    "label",
    "image_rows",
    "image_columns",
    "body_parts_described",
)

LOOK_AT_BOTH = (
    "look at both (--link tells the paths), and give this one a SOPInstanceUID of its own if it is another"
)
"""What to do about a file that may be no copy of the one that is kept in its place."""


@dataclass(frozen=True)
class IndexTask:
    """Files to look into."""

    archive: str
    sources: tuple[str, ...]
    limits: Limits

    def pieces(self) -> Iterator[IndexTask]:
        """The same work, a file a task."""
        return (replace(self, sources=(source,)) for source in self.sources)


@dataclass(frozen=True)
class SourceFile:
    """One file of a study, with its pseudonyms, and what is known of it before it is opened."""

    path: str
    kind: str
    source_id: str
    radiograph_id: str
    body_parts_described: str
    body_part: str = ""
    modality: str = ""
    frames: int = 1

    @property
    def unread(self) -> UnreadFile:
        """What a step may go by without reading the file."""
        row = {
            LABEL_COLUMN: self.body_part,
            DESCRIBED_COLUMN: self.body_parts_described,
            MODALITY_COLUMN: self.modality,
        }
        row = {column: cell(text) for column, text in row.items()}
        return UnreadFile(self.source_id, self.radiograph_id, self.frames, row)


@dataclass(frozen=True)
class IngestTask:
    """One study to make from its files.

    `modified` is when one of the files was written last, in nanoseconds.
    `failed` holds the files that must not be touched again, because they killed or hung a worker.
    Files with the same radiograph identifier are copies: the first that can be read is used.
    """

    archive: str
    out: str
    study_id: str
    patient_id: str
    label: str
    fingerprint: str
    files: tuple[SourceFile, ...]
    config: IngestConfig
    steps: Pipeline | None
    modified: int = 0
    shard: str = ""
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(file.source_id for file in self.files)

    def changed_since(self, moment: int) -> bool:
        """Tell whether a file was written after a moment in nanoseconds.

        The fingerprint knows nothing of the middle of a file. A time to come says nothing: by it, the study
        would be done by each run anew.
        """
        return moment < self.modified <= time.time_ns()

    def only(self, source_id: str) -> IngestTask:
        return replace(self, files=tuple(file for file in self.files if file.source_id == source_id))

    @property
    def seconds(self) -> float:
        return self.config.seconds_per_file * max(1, len(self.files))


@dataclass(frozen=True)
class PreprocessTask:
    """One study to take through the steps, from data set to data set."""

    dataset: str
    out: str
    record: StudyRecord
    steps: Pipeline | None
    seconds_per_file: float
    shard: str = ""
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    wanted: str = ""

    @property
    def study_id(self) -> str:
        return self.record.study_id

    @property
    def label(self) -> str:
        return self.record.label

    @property
    def fingerprint(self) -> str:
        return self.record.fingerprint

    @property
    def items(self) -> tuple[str, ...]:
        """The radiographs, as far as the rows can be read.

        Raises
        ------
        OSError
            If the whole data set is gone, as a network drive goes.
        """
        try:
            return tuple(row.get("radiograph_id", "") for row in self.rows())
        except DataSetError as error:
            if isinstance(error.__cause__, OSError):
                require_files(Path(self.dataset))
            return ()

    def rows(self) -> list[dict[str, str]]:
        """Return the metadata rows of the study.

        Raises
        ------
        DataSetError
            If they are missing or damaged.
        """
        if not self.record.radiographs:
            return []
        return read_rows(Layout(Path(self.dataset)), self.record.label, self.study_id)

    def changed_since(self, moment: int) -> bool:
        """Tell whether the study was changed after a moment in nanoseconds, or lost.

        The fingerprint is of the files that the data set was made from. What became of the study since is
        told as by make, by the times of its files, and of its folder for those that are gone.
        """
        if not self.record.radiographs:
            return False
        folder = Layout(Path(self.dataset)).study(self.label, self.study_id)
        try:
            return max(folder.stat().st_mtime_ns, *(time for _, _, time in files_of(folder))) > moment
        except (OSError, ValueError):
            return True

    def only(self, radiograph_id: str) -> PreprocessTask:
        return replace(self, wanted=radiograph_id)

    @property
    def seconds(self) -> float:
        return self.seconds_per_file * max(1, self.record.radiographs)


StudyTask = IngestTask | PreprocessTask


def look_into_files(task: IndexTask) -> list[IndexEntry]:
    """Look into each file of a task."""
    from fxcore import work

    return work.look_into_files(task)


def do_study(task: StudyTask) -> StudyRecord:
    """Make one study of the output, whole, and record it."""
    from fxcore import work

    return work.do_study(task)


def probe_study(task: StudyTask) -> None:
    """Do all of a study but write nothing: shows whether its files are safe to touch."""
    from fxcore import work

    work.probe_study(task)


def require_files(folder: Path) -> None:
    """Check that a source folder is there and holds anything.

    Raises
    ------
    OSError
        If not: a drive that is not connected often leaves an empty folder.
    """
    with os.scandir(folder) as entries:
        if next(entries, None) is None:
            raise FileNotFoundError(errno.ENOENT, "The folder is empty", str(folder))
