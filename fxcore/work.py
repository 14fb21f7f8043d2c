"""What a worker does: list the contents of files, ingest a study, preprocess a study."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from fxcore.attempt import QUARANTINE_REASONS
from fxcore.body_parts import mentioned_parts
from fxcore.dataset.journal import StudyRecord, with_description
from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import StudyWriter, read_radiograph
from fxcore.dataset.tables import cell
from fxcore.dicom.copies import difference
from fxcore.dicom.entries import IndexEntry
from fxcore.dicom.index import look_into
from fxcore.dicom.read import LoadedFile, load_dicom
from fxcore.errors import DataSetError, UnreadableFileError, ending_the_run, why_unreadable
from fxcore.images import load_image
from fxcore.jobs import (
    IDENTITY_COLUMNS,
    LOOK_AT_BOTH,
    IndexTask,
    IngestTask,
    PreprocessTask,
    SourceFile,
    StudyTask,
    require_files,
)
from fxcore.settings import IngestConfig
from fxcore.steps import Pipeline
from fxcore.steps.part_filter import DESCRIBED_COLUMN, LABEL_COLUMN, dropped_unread
from fxcore.steps.pipeline import decisions, run_steps
from fxcore.study import Radiograph, Reject, Study, UnreadFile, frame_ids


class Receiver(Protocol):
    """What takes in the radiographs of a study; a `StudyWriter` writes them.

    Attributes
    ----------
    converted : int
        Source files that gave radiographs.
    try_again : bool
        Set where a file was given up for a reason that may pass.
    rejects : list of Reject
    unread : list of UnreadFile
        Files among these rejects that a step might have dropped without reading them.
    body_parts, decisions : collections.Counter
    """

    converted: int
    try_again: bool
    rejects: list[Reject]
    unread: list[UnreadFile]
    body_parts: Counter[str]
    decisions: Counter[str]

    def add(self, radiograph: Radiograph) -> None:
        """Take one radiograph."""


def look_into_files(task: IndexTask) -> list[IndexEntry]:
    """Look into each file; descriptions are reduced to the body parts they name before they leave."""
    entries = (look_into(Path(task.archive), source, task.limits) for source in task.sources)
    return [replace(e, body_part_described=";".join(mentioned_parts(e.body_part_described))) for e in entries]


def do_study(task: StudyTask) -> StudyRecord:
    """Make one study of the output, whole, and record it."""
    layout = Layout(Path(task.out), task.shard)
    with StudyWriter(layout, task.study_id, task.label, task.fingerprint) as writer:
        take_through(task, writer)
        return writer.commit()


def take_through(task: StudyTask, receiver: Receiver) -> None:
    """Take the radiographs of a study, from wherever it is, through the steps to `receiver`."""
    radiographs: Iterable[Radiograph]
    # None of them need be the file's doing: the system kills where memory is short, a machine may be slow,
    # and a mistake of fxray may be mended by the next run.
    receiver.try_again = any(reason in QUARANTINE_REASONS for reason, _ in task.failed.values())
    if isinstance(task, IngestTask):
        radiographs = _ingested(task, receiver)
    else:
        receiver.converted = task.record.converted
        receiver.body_parts.update(task.record.body_parts)
        _reconsider(task, receiver)
        radiographs = _stored(task, receiver.rejects, receiver)
    for radiograph in radiographs:
        _add(radiograph, task.steps, receiver)


def probe_study(task: StudyTask) -> None:
    """Do all of a study but write nothing: shows whether its files are safe to touch."""
    rejects: list[Reject] = []
    radiographs: Iterable[Radiograph]
    if isinstance(task, IngestTask):
        groups = (copies for copies in _copies(task.files) if not _need_no_reading(task, copies))
        radiographs = (r for copies in groups for r in _first_readable(task, copies, rejects))
    else:
        radiographs = _stored(task, rejects)
    for radiograph in radiographs:
        if task.steps is not None:
            run_steps(Study(task.study_id, radiograph.metadata["label"], [radiograph]), task.steps)


def _add(radiograph: Radiograph, steps: Pipeline | None, receiver: Receiver) -> None:
    # One radiograph at a time, so that a study of hundreds needs the memory of one.
    study = Study(radiograph.metadata["study_id"], radiograph.metadata["label"], [radiograph])
    rejects: list[Reject] = []
    if steps is not None:
        study, rejects = run_steps(study, steps)
    receiver.rejects.extend(rejects)
    for result in study.radiographs:
        receiver.add(result)
        receiver.decisions.update(decisions(result.metadata))


def _ingested(task: IngestTask, receiver: Receiver) -> Iterator[Radiograph]:
    for copies in _copies(task.files):
        if dropped := _need_no_reading(task, copies):
            _drop(copies[0].unread, dropped, receiver)
            continue
        radiographs = _first_readable(task, copies, receiver.rejects, receiver)
        first = True
        for radiograph in radiographs:
            receiver.converted += first
            first = False
            receiver.body_parts[_named(radiograph.metadata)] += 1
            yield radiograph


def _need_no_reading(task: IngestTask, copies: list[SourceFile]) -> list[Reject]:
    """Return what the part filter says of a file that it drops, by what is known before it is opened.

    Of copies, only reading tells which one counts; of an image, how many pages it has.
    """
    return _dropped(task, copies[0].unread) if _is_known(copies) else []


def _is_known(copies: list[SourceFile]) -> bool:
    return len(copies) == 1 and copies[0].kind == "dicom"


def _dropped(task: StudyTask, file: UnreadFile) -> list[Reject]:
    return [] if task.steps is None else dropped_unread(task.study_id, file, task.steps.part_filter)


def _reconsider(task: PreprocessTask, receiver: Receiver) -> None:
    """Drop by the part filter what would not have been read had it run at once, read or not."""
    unread = {file.source_id: file for file in task.record.unread}
    for reject in task.record.rejects:
        file = unread.get(reject.source_id)
        if file is None:
            receiver.rejects.append(reject)
        elif dropped := _dropped(task, file):
            _drop(file, dropped, receiver)
        else:
            receiver.rejects.append(reject)
            receiver.unread.append(file)


def _drop(file: UnreadFile, dropped: list[Reject], receiver: Receiver) -> None:
    receiver.converted += 1
    receiver.rejects.extend(dropped)
    receiver.body_parts[_named(file.row)] += file.frames


def _named(row: dict[str, str]) -> str:
    return with_description(row[LABEL_COLUMN], row[DESCRIBED_COLUMN])


def _copies(files: tuple[SourceFile, ...]) -> list[list[SourceFile]]:
    """Group the files that are copies of one radiograph, keeping their order."""
    groups: dict[str, list[SourceFile]] = {}
    for file in files:
        groups.setdefault(file.radiograph_id, []).append(file)
    return list(groups.values())


def _first_readable(
    task: IngestTask, copies: list[SourceFile], rejects: list[Reject], receiver: Receiver | None = None
) -> Iterator[Radiograph]:
    found: SourceFile | None = None
    for file in copies:

        def reject(reason: str, message: str, file: SourceFile = file) -> None:
            rejects.append(
                Reject("ingest", task.study_id, file.source_id, file.radiograph_id, reason, cell(message))
            )
            if receiver is not None and _is_known(copies):
                receiver.unread.append(file.unread)

        if file.source_id in task.failed:
            reject(*task.failed[file.source_id])
        elif found:
            reject(*_copy_of(task, found, file))
        else:
            try:
                loaded = _load(Path(task.archive) / file.path, file.kind, task.config)
                radiographs: Iterable[Radiograph] = _radiographs(task, file, loaded)
                if loaded.n_frames > 1:
                    # All frames or none: a file is either in the data set or in the rejects.
                    radiographs = list(radiographs)
                for radiograph in radiographs:
                    found = file
                    yield radiograph
            except UnreadableFileError as error:
                reason, message = why_unreadable(error)
                reject(reason, message)
                if isinstance(error.__cause__, OSError):
                    _try_again(task.archive, receiver)
                elif reason in QUARANTINE_REASONS and receiver is not None:
                    receiver.try_again = True


def _copy_of(task: IngestTask, kept: SourceFile, file: SourceFile) -> tuple[str, str]:
    """Return why a file is left out that another one stands for: reason and message."""
    message = f"another file of this study (source_id {kept.source_id}) has the same SOPInstanceUID"
    try:
        archive = Path(task.archive)
        differs = difference(archive / kept.path, archive / file.path, task.config.pixels)
    except UnreadableFileError as error:
        return "duplicate", f"{message}; this one cannot be read ({why_unreadable(error)[1]})"
    if not differs:
        return "duplicate", f"{message} and the same pixels"
    return "doubtful_duplicate", f"{message}, but other pixels ({differs}): {LOOK_AT_BOTH}"


def _load(path: Path, kind: str, config: IngestConfig) -> LoadedFile:
    return load_image(path, config.pixels) if kind == "image" else load_dicom(path, config.pixels)


def _radiographs(task: IngestTask, file: SourceFile, loaded: LoadedFile) -> Iterator[Radiograph]:
    names = frame_ids(file.radiograph_id, loaded.n_frames)
    for number, image in loaded.frames:
        identity = (
            names[number],
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
    task: PreprocessTask, rejects: list[Reject], receiver: Receiver | None = None
) -> Iterator[Radiograph]:
    layout = Layout(Path(task.dataset))
    for row in _rows(task, rejects, receiver):
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
            # It may be mended, or given back, by the next run.
            _try_again(task.dataset, receiver)
            continue
        yield radiograph


def _rows(
    task: PreprocessTask, rejects: list[Reject], receiver: Receiver | None = None
) -> list[dict[str, str]]:
    try:
        return task.rows()
    except DataSetError as error:
        _try_again(task.dataset, receiver)
        # Where the data set is, is nobody's business.
        message = cell(str(error).replace(f"{Path(task.dataset)}{os.sep}", ""))
        if isinstance(error.__cause__, FileNotFoundError):
            message += "; a folder that was moved or renamed must go back to its place"
        rejects.append(Reject("preprocess", task.study_id, "", "", "unreadable_metadata", message))
        return []


def _try_again(source: str, receiver: Receiver | None) -> None:
    """Have the study done again by the next run, as what could not be read may be there by then.

    Raises
    ------
    LostPlaceError
        If not a file but the whole source is gone, as a network drive goes: that ends the run.
    """
    with ending_the_run():
        require_files(Path(source))
    if receiver is not None:
        receiver.try_again = True
