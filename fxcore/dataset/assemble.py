"""The root files of a data set, assembled once from the studies when all of them are done."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

from fxcore.dataset.in_place import clear_place
from fxcore.dataset.journal import (
    StudyRecord,
    from_line,
    parsed,
    read_journal,
    read_records,
    to_line,
    without_description,
)
from fxcore.dataset.layout import JOURNAL_FILE, TRAINING_FILE, Layout
from fxcore.dataset.tables import read_rows, render_csv, union_of_columns, write_atomically
from fxcore.errors import DataSetError
from fxcore.json_text import from_json
from fxcore.study import LABEL_UNLABELLED, LABELS, Reject

# The records under this name hold what was dropped before it was known to belong to a study in work.
LOOSE = ""
_LOOSE_IN_A_RECORD = 1000

# Stages at which a whole file is dropped; later ones drop radiographs of files that were converted.
FILE_STAGES = ("index", "labels", "ingest")

REJECT_COLUMNS = tuple(f.name for f in fields(Reject))


@dataclass
class Totals:
    """Sums over all studies of a data set."""

    studies: Counter[str] = field(default_factory=Counter)
    radiographs: Counter[str] = field(default_factory=Counter)
    body_parts: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    files_rejected: int = 0
    radiographs_dropped: int = 0
    columns: dict[tuple[str, ...], None] = field(default_factory=dict)
    converted: int = 0
    pixels: int = 0
    pixel_sum: int = 0
    pixel_square_sum: int = 0

    def add(self, record: StudyRecord) -> None:
        if record.radiographs:
            self.studies[record.label] += 1
            self.radiographs[record.label] += record.radiographs
            self.columns[record.columns] = None
        self.converted += record.converted
        self.body_parts.update(record.body_parts)
        self.decisions.update(record.decisions)
        self.rejects.update(reject.reason for reject in record.rejects)
        for reject in record.rejects:
            of_a_file = reject.stage in FILE_STAGES
            self.files_rejected += of_a_file and bool(reject.source_id)
            self.radiographs_dropped += not of_a_file and bool(reject.radiograph_id)
        self.pixels += record.pixels
        self.pixel_sum += record.pixel_sum
        self.pixel_square_sum += record.pixel_square_sum

    def mean_and_deviation(self) -> tuple[float, float] | None:
        """Mean and standard deviation over all pixels, on the scale 0 to 1; None without a pixel.

        The sums are exact integers, so the result does not depend on the order of the studies.
        """
        if not self.pixels:
            return None
        mean = self.pixel_sum / self.pixels
        variance = (self.pixels * self.pixel_square_sum - self.pixel_sum**2) / self.pixels**2
        return mean / 255, math.sqrt(variance) / 255


def assemble(
    layout: Layout,
    *,
    provenance: dict[str, Any],
    loose: Callable[[], Iterable[Reject]],
    keep: Container[str],
    columns: Sequence[str],
) -> dict[str, Any]:
    """Write ``metadata.csv``, ``rejects.csv``, ``journal.jsonl`` and, last, ``dataset.json``.

    Parameters
    ----------
    layout : Layout
        The data set, with every study recorded.
    provenance : dict
        What ``dataset.json`` begins with: tool, commands, configuration.
    loose : callable
        Returns what was dropped outside any study, in order, each once.
    keep : container of str
        Studies that belong to this data set; others, left by an earlier run over a larger input,
        are removed.
    columns : sequence of str
        Header of ``metadata.csv`` where there is no radiograph to take it from.

    Returns
    -------
    dict
        The content of ``dataset.json``.

    Raises
    ------
    DataSetError
        If what was recorded of a study that belongs to it is lost.
    """
    totals = Totals()
    new_journal = layout.work / JOURNAL_FILE

    def journal() -> Iterator[bytes]:
        for record in itertools.chain(_loose_records(loose), _records(layout, keep)):
            totals.add(record)
            yield to_line(record)

    def metadata() -> Iterator[bytes]:
        header = union_of_columns(list(totals.columns)) or columns
        yield render_csv([header])
        for record in parsed(new_journal, from_line):
            if record.radiographs:
                rows = read_rows(layout, record.label, record.study_id)
                yield render_csv([row.get(column, "") for column in header] for row in rows)

    def rejected() -> Iterator[bytes]:
        yield render_csv([REJECT_COLUMNS])
        for record in parsed(new_journal, from_line):
            yield render_csv(map(astuple, record.rejects))

    layout.changing.touch()
    layout.staging.mkdir(exist_ok=True)
    for record in read_records(layout, lambda path: _drop_damaged(layout, path, keep)):
        if record.radiographs and record.study_id not in keep:
            clear_place(layout, record.study_id)
    # First: the tables are made from its lines, rather than from a file a study once more.
    write_atomically(new_journal, journal())
    write_atomically(layout.metadata, metadata())
    write_atomically(layout.rejects, rejected())
    new_journal.replace(layout.journal)
    content = provenance | {"source_fingerprint": source_fingerprint(read_journal(layout))} | _summary(totals)
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    write_atomically(layout.provenance, text.encode())
    for label in LABELS:
        # Left empty by studies that are gone or have another label now.
        with contextlib.suppress(OSError):
            (layout.root / label).rmdir()
    discard_work(layout)
    return content


def _drop_damaged(layout: Layout, path: Path, keep: Container[str]) -> None:
    """Remove a study of which nothing is known, and which is not wanted any more."""
    if path.stem in keep:
        raise DataSetError(f"the record {path} was damaged just now; run the same command again")
    clear_place(layout, path.stem)
    path.unlink()


def discard_work(layout: Layout) -> None:
    """Remove what is unfinished; the lock of the run that does it is held on, but no longer seen."""
    layout.work.rename(layout.discarded_work)
    shutil.rmtree(layout.discarded_work, ignore_errors=True)


def discard_idle_work(layout: Layout, last: Path) -> None:
    """Remove the work folder of a finished output if nothing was done there, so that it is finished again.

    Nothing: no study, no shard, no beginning of new root files. Of these, `last` is written last.
    """
    done = itertools.chain(layout.records.iterdir(), Layout(layout.root).all_of("account"))
    if last.exists() and not layout.changing.exists() and not any(done):
        discard_work(layout)


def _loose_records(loose: Callable[[], Iterable[Reject]]) -> Iterator[StudyRecord]:
    rejects = iter(loose())
    while some := tuple(itertools.islice(rejects, _LOOSE_IN_A_RECORD)):
        yield StudyRecord(LOOSE, LABEL_UNLABELLED, _digest(map(astuple, some)), rejects=some)


def _records(layout: Layout, keep: Container[str]) -> Iterator[StudyRecord]:
    for record in read_records(layout):
        if record.study_id != LOOSE and record.study_id in keep:
            yield record


def source_fingerprint(records: Iterable[StudyRecord]) -> str:
    """Return the digest of all files that the studies of a data set were made from."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(f"{record.study_id}:{record.fingerprint}\n".encode())
    return digest.hexdigest()


def _summary(totals: Totals) -> dict[str, Any]:
    statistics = totals.mean_and_deviation()
    return {
        "counts": {
            "files_converted": totals.converted,
            "files_rejected": totals.files_rejected,
            "radiographs_dropped": totals.radiographs_dropped,
            "studies": {label: totals.studies[label] for label in LABELS},
            "radiographs": {label: totals.radiographs[label] for label in LABELS},
            "decisions": dict(sorted(totals.decisions.items())),
            "rejects": dict(sorted(totals.rejects.items())),
        },
        "mean": statistics[0] if statistics else None,
        "standard_deviation": statistics[1] if statistics else None,
        "body_part_labels": _labels(totals.body_parts),
    }


def _labels(counts: Counter[str]) -> dict[str, dict[str, int]]:
    """Return how often each label was found with which described parts, the most frequent label first."""
    labels: dict[str, dict[str, int]] = {}
    for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        label, described = without_description(key)
        labels.setdefault(label, {})[described] = count
    return dict(sorted(labels.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def _digest(rows: Iterable[tuple[str, ...]]) -> str:
    return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()


def read_provenance(layout: Layout) -> dict[str, Any]:
    """Return the content of ``dataset.json``.

    Raises
    ------
    DataSetError
        If there is none, or it is not JSON: the folder is not a finished data set. It is said what it is.
    """
    try:
        content = from_json(layout.provenance.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataSetError(_what_it_is(layout)) from None
    except (OSError, ValueError) as error:
        raise DataSetError(f"cannot read {layout.provenance}: {error}") from error
    shapes = {"tool": str, "commands": list, "config": dict, "counts": dict, "body_part_labels": dict}
    if not isinstance(content, dict) or content.get("tool") != "fxray":
        raise DataSetError(f"{layout.provenance} does not describe a data set of fxray")
    for name, shape in shapes.items():
        if not isinstance(content.get(name), shape):
            raise DataSetError(
                f"{layout.provenance} is damaged: {name!r} is missing or of the wrong type; put it back as "
                "it was, or make the data set anew in another folder"
            )
    return content


def _what_it_is(layout: Layout) -> str:
    """Say what is there in place of a finished data set, and what to do."""
    if not layout.root.exists():
        return f"there is no folder {layout.root}; see that the path is right"
    if not layout.root.is_dir():
        return f"{layout.root} is a file, not the folder of a data set"
    lacking = f"it has no {layout.provenance.name}"
    if layout.work.exists() or layout.journal.exists():
        return (
            f"{layout.root} is not a finished data set: {lacking}. "
            "A run was interrupted: run the command again that makes it, to go on"
        )
    return (
        f"{layout.root} is not a data set: {lacking}. "
        "If it is a raw archive, make a data set of it first: fxray build, or fxray ingest"
    )


def read_finished_provenance(layout: Layout) -> dict[str, Any]:
    """Return the content of ``dataset.json`` of a data set that no run has begun to change.

    Raises
    ------
    DataSetError
        If it is none, or is not finished.
    """
    content = read_provenance(layout)
    if layout.work.exists():
        raise DataSetError(f"{layout.root} is not finished; run the command that makes it again")
    return content


def is_data_set(layout: Layout) -> bool:
    """Tell whether a folder is a data set, finished or not, damaged or not."""
    if is_training_run(layout.root):
        return False
    try:
        return layout.work.exists() or _is_by_fxray(layout.provenance)
    except OSError:
        return False


def is_training_run(folder: Path) -> bool:
    """Tell whether a folder is that of a training run."""
    return _is_by_fxray(folder / TRAINING_FILE)


def _is_by_fxray(path: Path) -> bool:
    """Tell whether a file of provenance is there, and says so; in an archive, it may be anyone's."""
    try:
        content = from_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("tool") == "fxray"
