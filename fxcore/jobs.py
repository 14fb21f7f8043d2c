"""What a worker process does: list the contents of files, ingest a study, preprocess a study.

Tasks and results are small; images never cross a process boundary.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fxcore.body_parts import mentioned_parts
from fxcore.dataset.journal import StudyRecord
from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import StudyWriter, read_radiograph, read_rows
from fxcore.dataset.tables import cell
from fxcore.dicom.index import IndexEntry, index_file
from fxcore.dicom.read import Limits, LoadedFile, load_dicom
from fxcore.errors import DataSetError, UnreadableFileError, why_unreadable
from fxcore.images import load_image
from fxcore.settings import IngestConfig
from fxcore.steps import Pipeline, decisions, run_steps
from fxcore.study import Radiograph, Reject, Study

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


@dataclass(frozen=True)
class IndexTask:
    """Files to look into."""

    archive: str
    sources: tuple[str, ...]
    limits: Limits

    def pieces(self) -> Iterator[IndexTask]:
        """The same work, a file a task."""
        return (replace(self, sources=(source,)) for source in self.sources)


def index_files(task: IndexTask) -> list[IndexEntry]:
    """Look into each file; descriptions are reduced to the body parts they name before they leave."""
    entries = (index_file(Path(task.archive), source, task.limits) for source in task.sources)
    return [replace(e, body_part_described=";".join(mentioned_parts(e.body_part_described))) for e in entries]


@dataclass(frozen=True)
class SourceFile:
    """One file of a study, with its pseudonyms."""

    path: str
    kind: str
    source_id: str
    radiograph_id: str
    body_parts_described: str


@dataclass(frozen=True)
class IngestTask:
    """One study to make from its files.

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
    shard: str = ""
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(file.source_id for file in self.files)

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
    steps: Pipeline
    seconds_per_file: float
    shard: str = ""
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    wanted: str = ""

    @property
    def study_id(self) -> str:
        return self.record.study_id

    @property
    def fingerprint(self) -> str:
        return self.record.fingerprint

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(row.get("radiograph_id", "") for row in _rows(self, []))

    def only(self, radiograph_id: str) -> PreprocessTask:
        return replace(self, wanted=radiograph_id)

    @property
    def seconds(self) -> float:
        return self.seconds_per_file * max(1, self.record.radiographs)


StudyTask = IngestTask | PreprocessTask


def do_study(task: StudyTask) -> StudyRecord:
    """Make one study of the output, whole, and record it."""
    layout = Layout(Path(task.out), task.shard)
    if isinstance(task, IngestTask):
        with StudyWriter(layout, task.study_id, task.label, task.fingerprint) as writer:
            for radiograph in _ingested(task, writer):
                _add(radiograph, task.steps, writer)
            return writer.commit()
    source = task.record
    with StudyWriter(layout, source.study_id, source.label, source.fingerprint) as writer:
        writer.converted = source.converted
        writer.body_parts.update(source.body_parts)
        writer.rejects.extend(source.rejects)
        for radiograph in _stored(task, writer.rejects, writer):
            _add(radiograph, task.steps, writer)
        return writer.commit()


def probe_study(task: StudyTask) -> None:
    """Do all of a study but write nothing: shows whether its files are safe to touch."""
    rejects: list[Reject] = []
    radiographs: Iterable[Radiograph]
    if isinstance(task, IngestTask):
        radiographs = (r for copies in _copies(task.files) for r in _first_readable(task, copies, rejects))
    else:
        radiographs = _stored(task, rejects)
    for radiograph in radiographs:
        if task.steps is not None:
            run_steps(Study(task.study_id, radiograph.metadata["label"], [radiograph]), task.steps)


def _add(radiograph: Radiograph, steps: Pipeline | None, writer: StudyWriter) -> None:
    # One radiograph at a time, so that a study of hundreds needs the memory of one.
    study = Study(radiograph.metadata["study_id"], radiograph.metadata["label"], [radiograph])
    rejects: list[Reject] = []
    if steps is not None:
        study, rejects = run_steps(study, steps)
    writer.rejects.extend(rejects)
    for result in study.radiographs:
        writer.add(result)
        writer.decisions.update(decisions(result.metadata))


def _ingested(task: IngestTask, writer: StudyWriter) -> Iterator[Radiograph]:
    for copies in _copies(task.files):
        radiographs = _first_readable(task, copies, writer.rejects, writer)
        first = True
        for radiograph in radiographs:
            writer.converted += first
            first = False
            writer.body_parts[radiograph.metadata["BodyPartExamined"]] += 1
            yield radiograph


def _copies(files: tuple[SourceFile, ...]) -> list[list[SourceFile]]:
    """Group the files that are copies of one radiograph, keeping their order."""
    groups: dict[str, list[SourceFile]] = {}
    for file in files:
        groups.setdefault(file.radiograph_id, []).append(file)
    return list(groups.values())


def _first_readable(
    task: IngestTask, copies: list[SourceFile], rejects: list[Reject], writer: StudyWriter | None = None
) -> Iterator[Radiograph]:
    found = False
    for file in copies:

        def reject(reason: str, message: str, file: SourceFile = file) -> None:
            rejects.append(
                Reject("ingest", task.study_id, file.source_id, file.radiograph_id, reason, cell(message))
            )

        if found:
            reject("duplicate", "another file of this study has the same SOPInstanceUID")
        elif file.source_id in task.failed:
            reject(*task.failed[file.source_id])
        else:
            try:
                loaded = _load(Path(task.archive) / file.path, file.kind, task.config)
                radiographs: Iterable[Radiograph] = _radiographs(task, file, loaded)
                if loaded.n_frames > 1:
                    # All frames or none: a file is either in the data set or in the rejects.
                    radiographs = list(radiographs)
                for radiograph in radiographs:
                    found = True
                    yield radiograph
            except UnreadableFileError as error:
                reject(*why_unreadable(error))
                if isinstance(error.__cause__, OSError):
                    _try_again(task.archive, writer)


def _load(path: Path, kind: str, config: IngestConfig) -> LoadedFile:
    return load_image(path, config.pixels) if kind == "image" else load_dicom(path, config.pixels)


def _radiographs(task: IngestTask, file: SourceFile, loaded: LoadedFile) -> Iterator[Radiograph]:
    for number, image in loaded.frames:
        suffix = f"_f{number + 1:04d}" if loaded.n_frames > 1 else ""
        identity = (
            file.radiograph_id + suffix,
            task.study_id,
            task.patient_id,
            file.source_id,
            task.label,
            *map(str, image.shape),
            file.body_parts_described,
        )
        row = dict(zip(IDENTITY_COLUMNS, identity, strict=True)) | loaded.row(number)
        yield Radiograph(image, {column: cell(text) for column, text in row.items()})


def _stored(
    task: PreprocessTask, rejects: list[Reject], writer: StudyWriter | None = None
) -> Iterator[Radiograph]:
    layout = Layout(Path(task.dataset))
    for row in _rows(task, rejects, writer):
        radiograph_id = row.get("radiograph_id", "")
        if task.wanted and radiograph_id != task.wanted:
            continue
        where = ("preprocess", task.study_id, row.get("source_id", ""), radiograph_id)
        if radiograph_id in task.failed:
            rejects.append(Reject(*where, *task.failed[radiograph_id]))
            continue
        try:
            radiograph = read_radiograph(layout, task.record.label, row)
        except DataSetError as error:
            rejects.append(Reject(*where, "unreadable_png", cell(str(error))))
            if isinstance(error.__cause__, OSError):
                _try_again(task.dataset, writer)
            continue
        yield radiograph


def _rows(
    task: PreprocessTask, rejects: list[Reject], writer: StudyWriter | None = None
) -> list[dict[str, str]]:
    if not task.record.radiographs:
        return []
    try:
        return read_rows(Layout(Path(task.dataset)), task.record.label, task.study_id)
    except DataSetError as error:
        if isinstance(error.__cause__, OSError):
            _try_again(task.dataset, writer)
        message = "the metadata.csv of the study is missing or damaged"
        rejects.append(Reject("preprocess", task.study_id, "", "", "unreadable_metadata", message))
        return []


def _try_again(source: str, writer: StudyWriter | None) -> None:
    """Have the study done again by the next run, as what the system could not read may be there by then.

    Raises
    ------
    OSError
        If not a file but the whole source is gone, as a network drive goes: that ends the run.
    """
    require_files(Path(source))
    if writer is not None:
        writer.try_again = True


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
