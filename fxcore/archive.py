"""From the files of an archive to a plan: which studies there are, of which files, with which label."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fxcore.dataset.tables import cell
from fxcore.dicom.index import IndexEntry, walk
from fxcore.dicom.read import Limits
from fxcore.executor import Executor, WorkerFailure
from fxcore.jobs import IndexTask, SourceFile, index_files
from fxcore.labels import LabelTable
from fxcore.pseudonyms import Pseudonyms
from fxcore.settings import IngestConfig
from fxcore.study import Reject
from fxcore.verdicts import Verdicts

_BATCH = 64
_SECONDS_PER_BATCH = 120.0
_STUDY_FOLDER = re.compile(r"(?i)study[ _-]?\d+([ _-].*)?")
_PATIENT_FOLDER = re.compile(r"(?i)patient[ _-]?\d+")


@dataclass(frozen=True)
class PlannedStudy:
    """One study to make: pseudonyms, label, files in the order of their paths."""

    study_id: str
    patient_id: str
    label: str
    fingerprint: str
    files: tuple[SourceFile, ...]


@dataclass
class Plan:
    """What an archive holds and what will be made of it.

    Attributes
    ----------
    studies : list of PlannedStudy
        In order of their identifiers.
    rejects : list of Reject
        What is known to be dropped before any pixel is read.
    counts : dict of str to int
        ``files_found``, ``files_passed_over`` and by kind: ``dicom``, ``image``, ``dicomdir``, ``other``…
    said : list of str
        What was guessed, to be told to the user.
    sources : dict of str to str
        Source pseudonym to relative path, for the link file.

    Every file is in exactly one place: in `studies`, in `rejects`, or counted as passed over.
    """

    studies: list[PlannedStudy] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)


def index_archive(
    archive: Path, limits: Limits, executor: Executor, advance: Callable[[int], None]
) -> Iterator[IndexEntry]:
    """Look into every file of the archive, in worker processes, and yield what each is.

    A file that kills or hangs the worker looking into it is yielded as unreadable.
    """
    sources = walk(archive)
    batches = iter(lambda: tuple(itertools.islice(sources, _BATCH)), ())
    tasks = (IndexTask(str(archive), batch, limits) for batch in batches)
    suspects: list[IndexTask] = []
    for outcome in executor.run(index_files, tasks, lambda task: _SECONDS_PER_BATCH):
        if isinstance(outcome.result, WorkerFailure):
            suspects.append(outcome.task)
        else:
            advance(len(outcome.result))
            yield from outcome.result
    pieces = (piece for task in suspects for piece in task.pieces())
    for outcome in executor.run(index_files, pieces, lambda task: _SECONDS_PER_BATCH):
        advance(1)
        if isinstance(outcome.result, WorkerFailure):
            failure = outcome.result
            yield IndexEntry(
                source=outcome.task.sources[0],
                kind="unreadable",
                reason=failure.reason,
                message=failure.message,
            )
        else:
            yield from outcome.result


def plan_archive(
    entries: Iterable[IndexEntry], labels: LabelTable | None, config: IngestConfig, pseudonyms: Pseudonyms
) -> Plan:
    """Group files into studies, give each its label, and list what has to be left out.

    Parameters
    ----------
    entries : iterable of IndexEntry
        In any order; the plan does not depend on it.
    labels : LabelTable or None
        Without a table, labels come from class folders where there are any.
    """
    plan = Plan()
    kinds: Counter[str] = Counter()
    groups: dict[str, list[IndexEntry]] = {}
    for entry in sorted(entries, key=lambda e: e.source):
        kinds[entry.kind] += 1
        plan.sources[pseudonyms.of("source", entry.source)] = entry.source
        if entry.reason:
            plan.rejects.append(_reject("index", entry, pseudonyms, entry.reason, entry.message))
        elif entry.kind in ("dicom", "image"):
            groups.setdefault(study_key(entry, labels, config), []).append(entry)
    passed_over = sum(kinds[kind] for kind in ("dicomdir", "other", "link", "special"))
    plan.counts = {"files_found": kinds.total(), "files_passed_over": passed_over}
    plan.counts |= {f"files_{kind}": count for kind, count in sorted(kinds.items())}
    if kinds["link"]:
        plan.said.append(f"{kinds['link']} links were not followed.")

    verdicts = Verdicts(groups, labels, config)
    labelled: dict[str, list[IndexEntry]] = {}
    for key, files in groups.items():
        if verdict := verdicts.against.get(key):
            plan.rejects.extend(
                _reject(verdict.stage, f, pseudonyms, verdict.reason, verdict.message) for f in files
            )
        else:
            labelled[key] = files
    _drop_copies_across_studies(labelled, plan, pseudonyms)
    plan.studies = [_planned(key, files, verdicts.label[key], pseudonyms) for key, files in labelled.items()]
    plan.studies.sort(key=lambda study: study.study_id)
    if labels is not None:
        plan.said.append(labels.said)
        plan.rejects.extend(_surplus(labels, verdicts.used, pseudonyms))
    if not plan.studies:
        plan.said.append("No radiograph was found that can be used.")
    return plan


def study_key(entry: IndexEntry, labels: LabelTable | None, config: IngestConfig) -> str:
    """Return what tells the study of a file from others: equal for two files of one study."""
    if entry.kind == "dicom":
        return f"uid:{entry.study_uid}" if entry.study_uid else f"file:{entry.source}"
    folder = PurePosixPath(entry.source).parent
    if config.image_studies != "file" and folder.name:
        named = _STUDY_FOLDER.fullmatch(folder.name) is not None
        labelled = (
            labels is not None and labels.key_kind == "folder" and labels.folder_key(str(folder)) is not None
        )
        if config.image_studies == "folder" or named or labelled:
            return f"folder:{folder}"
    return f"file:{entry.source}"


def _drop_copies_across_studies(
    groups: dict[str, list[IndexEntry]], plan: Plan, pseudonyms: Pseudonyms
) -> None:
    """Keep one study of those that claim the same SOPInstanceUID: the one with the first path."""
    owner: dict[str, str] = {}
    for key, files in groups.items():
        kept = []
        for file in files:
            if file.sop_uid and owner.setdefault(file.sop_uid, key) != key:
                message = "a file of another study has the same SOPInstanceUID"
                plan.rejects.append(_reject("index", file, pseudonyms, "duplicate", message))
            else:
                kept.append(file)
        groups[key] = kept
    for key in [key for key, files in groups.items() if not files]:
        del groups[key]


def _planned(key: str, files: list[IndexEntry], label: str, pseudonyms: Pseudonyms) -> PlannedStudy:
    sources = tuple(
        SourceFile(
            path=file.source,
            kind=file.kind,
            source_id=pseudonyms.of("source", file.source),
            radiograph_id=_radiograph_id(file, pseudonyms),
            body_parts_described=file.body_part_described,
        )
        for file in files
    )
    patient_id = _patient_id(files, pseudonyms)
    digest = hashlib.sha256(f"{label} {patient_id}".encode())
    for source, file in zip(sources, files, strict=True):
        seen = (source.source_id, source.radiograph_id, file.kind, file.body_part_described)
        digest.update(f"\n{seen} {file.size} {file.checksum} {file.number_of_frames}".encode())
    return PlannedStudy(
        study_id=_study_id(key, pseudonyms),
        patient_id=patient_id,
        label=label,
        fingerprint=digest.hexdigest(),
        files=sources,
    )


def _study_id(key: str, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.of("study", key.removeprefix("uid:"))


def _radiograph_id(entry: IndexEntry, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.of("radiograph", entry.sop_uid or f"file:{entry.source}")


def _patient_id(files: list[IndexEntry], pseudonyms: Pseudonyms) -> str:
    for file in files:
        if file.patient_id:
            return pseudonyms.of("patient", file.patient_id)
    parts = PurePosixPath(files[0].source).parts[:-1]
    for depth, name in enumerate(parts, start=1):
        if _PATIENT_FOLDER.fullmatch(name):
            return pseudonyms.of("patient", "folder:" + "/".join(parts[:depth]))
    return ""


def _reject(stage: str, entry: IndexEntry, pseudonyms: Pseudonyms, reason: str, message: str) -> Reject:
    return Reject(
        stage=stage,
        study_id=_study_id(entry.study_uid, pseudonyms) if entry.study_uid else "",
        source_id=pseudonyms.of("source", entry.source),
        radiograph_id=_radiograph_id(entry, pseudonyms) if entry.sop_uid else "",
        reason=reason,
        message=cell(message),
    )


def _surplus(labels: LabelTable, used: set[str], pseudonyms: Pseudonyms) -> Iterator[Reject]:
    message = (
        f"the labels file has a label for a study ({labels.key_kind}) of which the archive has no usable file"
    )
    for key in sorted(labels.labels.keys() - used):
        kind = "study" if labels.key_kind == "StudyInstanceUID" else "label key"
        yield Reject("labels", pseudonyms.of(kind, key), "", "", "label_without_study", message)
    for problem in labels.problems:
        yield Reject(
            "labels", "", "", "", problem.reason, f"line {problem.line} of the labels file gave no label"
        )
