"""The journal: a record a study, which says that the study is done and what came of it.

A worker writes the record of a study last, so a study is done exactly when its record exists. While
a run goes on, records are single files; at its end they become the lines of ``journal.jsonl``.
"""

from __future__ import annotations

import heapq
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fxcore.dataset.layout import PARTIAL, Layout, check_study
from fxcore.dataset.tables import naming
from fxcore.errors import DataSetError
from fxcore.json_text import from_json
from fxcore.study import Reject, UnreadFile


class OfAStudy(Protocol):
    """Anything that is kept of a study."""

    @property
    def study_id(self) -> str:
        """Which study it is; empty for what belongs to none."""


Record = TypeVar("Record", bound=OfAStudy)


@dataclass(frozen=True)
class StudyRecord:
    """What is kept of a finished study.

    Attributes
    ----------
    study_id, label : str
        Where the study is; it has a folder only if `radiographs` is not zero.
    fingerprint : str
        Digest of the files the study came from; a study whose files changed is done again.
    converted : int
        Number of source files that gave radiographs, whatever a step then made of these.
    radiographs : int
        Number of radiographs in the folder.
    columns : tuple of str
        Header of the study's ``metadata.csv``.
    body_parts : dict of str to int
        Raw body-part labels as found, before any filter, each with what `with_description` adds, and their
        number of radiographs.
    pixels, pixel_sum, pixel_square_sum : int
        Exact sums over all pixels of the study, from which mean and deviation follow.
    decisions : dict of str to int
        How many radiographs were inverted, rotated, came from a split…
    rejects : tuple of Reject
    unread : tuple of UnreadFile
        Files among these rejects that a step might have dropped without reading them.
    """

    study_id: str
    label: str
    fingerprint: str
    converted: int = 0
    radiographs: int = 0
    columns: tuple[str, ...] = ()
    body_parts: dict[str, int] = field(default_factory=dict)
    pixels: int = 0
    pixel_sum: int = 0
    pixel_square_sum: int = 0
    decisions: dict[str, int] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    unread: tuple[UnreadFile, ...] = ()


def with_description(label: str, described: str) -> str:
    """Return a raw body-part label and the parts that its study's descriptions name, as one key."""
    return f"{label}\t{described}" if described else label


def without_description(key: str) -> tuple[str, str]:
    """Undo `with_description`: no cell holds a tabulator."""
    label, _, described = key.partition("\t")
    return label, described


def to_line(record: StudyRecord) -> bytes:
    """Return the record as one line of JSON; the same record gives the same bytes."""
    values = vars(record) | {
        "rejects": [asdict(reject) for reject in record.rejects],
        "unread": [asdict(file) for file in record.unread],
    }
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes | str, where: str) -> StudyRecord:
    """Read one line of the journal.

    Raises
    ------
    DataSetError
        If the line is not a record; `where` says which one in the message.
    """
    try:
        values: dict[str, Any] = from_json(line)
        values["rejects"] = tuple(Reject(**reject) for reject in values["rejects"])
        values["unread"] = tuple(UnreadFile(**file) for file in values.get("unread", ()))
        values["columns"] = tuple(values["columns"])
        record = StudyRecord(**values)
        _check_types(record)
        if record.study_id:
            check_study(record.label, record.study_id)
    except (ValueError, TypeError, KeyError, DataSetError) as error:
        raise DataSetError(
            f"{where} is not a study record: {error}; put the file back as it was, or make the data set anew "
            "in another folder"
        ) from error
    return record


def _check_types(record: StudyRecord) -> None:
    for name, empty in vars(StudyRecord("", "", "")).items():
        value = getattr(record, name)
        counts = value.values() if isinstance(value, dict) else ()
        if not isinstance(value, type(empty)) or not all(isinstance(count, int) for count in counts):
            raise TypeError(f"{name!r} is of the wrong type")


def write_record(layout: Layout, record: StudyRecord) -> None:
    """Mark a study as done. Its staged folder, if any, must be complete before this is called."""
    write_line(layout, record.study_id, to_line(record))


def write_line(layout: Layout, study_id: str, line: bytes) -> None:
    """Write what is kept of a study to the file where it waits for the journal."""
    path = layout.record(study_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A worker that was given up as lost may write the same one. Half a record goes with the work folder.
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    with naming(path):
        beside.write_bytes(line)
    beside.replace(path)


def _nothing(_: Path) -> None:
    pass


def read_records(layout: Layout, damaged: Callable[[Path], None] = _nothing) -> Iterator[StudyRecord]:
    """Yield the records of all studies done, in order of study; a newer record replaces the journal's."""
    return merged(layout, from_line, damaged)


def merged(
    layout: Layout, parse: Callable[[bytes, str], Record], damaged: Callable[[Path], None] = _nothing
) -> Iterator[Record]:
    """Yield journal and waiting records as one, in order of study; what waits is newer.

    A few are in memory at a time: the journal is in this order, and so are the folders of records.

    Parameters
    ----------
    layout : Layout
    parse : callable
        Given a line and where it stands, for a message.
    damaged : callable, optional
        Given the files that wait and are no record, as a machine that loses power leaves them. Their
        studies are not done, whatever the journal says of them.
    """
    kept = (
        record
        for record in parsed(layout.journal, parse)
        if not record.study_id or not layout.record(record.study_id).exists()
    )
    return heapq.merge(kept, _waiting(layout, parse, damaged), key=lambda record: record.study_id)


def _waiting(
    layout: Layout, parse: Callable[[bytes, str], Record], damaged: Callable[[Path], None]
) -> Iterator[Record]:
    for folder in sorted(layout.records.glob("*")):
        for path in sorted(folder.glob("*.json")):
            try:
                record = parse(path.read_bytes(), str(path))
            except DataSetError:
                damaged(path)
            else:
                yield record


def parsed(journal: Path, parse: Callable[[bytes, str], Record]) -> Iterator[Record]:
    """Yield the records of a journal's lines; none where there is no such file."""
    if not journal.exists():
        return
    with journal.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield parse(line, f"{journal}, line {number}")


def read_journal(layout: Layout) -> Iterator[StudyRecord]:
    """Yield the records of a finished data set, in order of study."""
    return parsed(layout.journal, from_line)


def read_journal_largest_first(layout: Layout) -> Iterator[StudyRecord]:
    """Yield the same records, those of studies with most radiographs first.

    In memory are two numbers a study.
    """
    places = []
    with layout.journal.open("rb") as file:
        at = 0
        for line in file:
            places.append((-from_line(line, str(layout.journal)).radiographs, at))
            at += len(line)
        for _, at in sorted(places):
            file.seek(at)
            yield from_line(file.readline(), f"{layout.journal}, byte {at}")
