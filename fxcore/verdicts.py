"""Which label a study has, or why it is left out: decided from the index, before any pixel is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from fxcore.dicom.entries import IndexEntry
from fxcore.labels import LABEL_UNLABELLED, LabelTable, class_from_folder
from fxcore.labels.keys import KINDS, comparable
from fxcore.settings import IngestConfig

_RUNNING = re.compile(r"\d{1,5}")
# What is left of a long number in a table that a spreadsheet saved: 2.02301E+11, 2,02301E+11.
_ROUNDED = re.compile(r"\d([.,]\d+)?[Ee]\+\d{1,2}")
_ZEROS = "zeros at the beginning"
# What people and programs change in keys, by what it is called.
_CHANGES: dict[str, Callable[[str], str]] = {
    _ZEROS: lambda name: name.lstrip("0"),
    "upper and lower case": str.casefold,
    "the ending of file names": lambda name: re.sub(r"\.[A-Za-z]\w{1,4}$", "", name),
}
_ADVICE = {_ZEROS: ": a spreadsheet may have taken them for numbers; export that column as text"}


@dataclass(frozen=True)
class Verdict:
    """The label of a study; or the stage at which it is left out, and why."""

    label: str = ""
    stage: str = ""
    reason: str = ""
    message: str = ""


class Verdicts:
    """Decides of studies before they are read: first it is shown each file, then asked of each study.

    Parameters
    ----------
    labels : LabelTable or None
        Without a table, labels come from class folders where there are any.
    config : IngestConfig
    """

    def __init__(self, labels: LabelTable | None, config: IngestConfig) -> None:
        self._labels, self._config = labels, config
        # The place that each key of the table stands for; None where there are several.
        self._places: dict[str, str | None] = {}

    @property
    def used(self) -> set[str]:
        """Keys of the labels table that stand for a file of the archive."""
        return set(self._places)

    def see(self, file: IndexEntry) -> None:
        """Note the file, so that a key which stands for several places is known before any is asked for."""
        for key in self._keys(file):
            assert self._labels is not None
            place = self._labels.place_of(file.source)
            if self._labels.key_kind == "PatientID" and self._labels.key_guessed:
                place = file.study_uid
            if self._places.setdefault(key, place) != place:
                self._places[key] = None

    def of(self, files: list[IndexEntry]) -> Verdict:
        """Return what is decided of the study that consists of `files`."""
        if self._labels is None:
            found = {_label_from_folders(file.source) for file in files}
        else:
            found_keys = [self._keys(file) for file in files]
            keys = {key for found in found_keys for key in found}
            message = ""
            if any(len(found) > 1 for found in found_keys):
                message = (
                    "several keys of the labels file end in its path; give the folder above as the archive"
                )
            elif any(self._places[key] is None for key in keys):
                message = (
                    "its key in the labels file stands for several folders or files; write more of the path"
                )
                if self._labels.key_kind == "PatientID":
                    message = (
                        "its patient has several studies, and the labels file one key for all; if its label "
                        "is that of each of them, name the column with --key-column"
                    )
            if message:
                return Verdict(stage="labels", reason="ambiguous_label", message=message)
            if lines := [self._labels.conflicting[key] for key in keys if key in self._labels.conflicting]:
                message = f"the labels file has different labels for this study (see its line {min(lines)})"
                return Verdict(stage="labels", reason="conflicting_labels", message=message)
            found = {self._labels.labels[key] for key in keys if key in self._labels.labels}
        if not found:
            message = "the labels file has no label for this study"
            if self._labels is not None and keys:
                message += (
                    f" that is understood (see its line {min(self._labels.unlabelled[key] for key in keys)})"
                )
            return Verdict(stage="labels", reason="study_without_label", message=message)
        if len(found) > 1:
            message = f"the files of this study have different labels: {', '.join(sorted(found))}"
            return Verdict(stage="labels", reason="conflicting_labels", message=message)
        # A radiograph that is stored twice is one: the copy is dropped later.
        frames: dict[str, int] = {}
        for file in files:
            name = f"uid:{file.sop_uid}" if file.sop_uid else f"file:{file.source}"
            frames[name] = max(1, file.number_of_frames, frames.get(name, 1))
        instances, most = sum(frames.values()), self._config.max_instances
        if most and instances > most:
            message = f"the study has {instances} radiographs; ingest.max_instances allows {most}"
            return Verdict(stage="index", reason="too_many_instances", message=message)
        return Verdict(label=found.pop())

    def _keys(self, file: IndexEntry) -> tuple[str, ...]:
        return () if self._labels is None else _keys(self._labels, file)


def fitting(labels: LabelTable, files: Callable[[], Iterable[IndexEntry]]) -> LabelTable:
    """Return `labels` with keys of the kind that stands for files of the archive, and say so.

    Where its keys, taken as what the table makes them look like, stand for none, they are taken as the kind
    by which most stand for one, if those are half of the keys, or label half of the files. Not so where they
    would stand for some but for zeros at the beginning: what else fits such short numbers fits by chance.

    Parameters
    ----------
    labels : LabelTable
    files : callable
        Yields the files of the archive that may be used, anew at each call.
    """
    matched = {key for file in files() for key in _keys(labels, file)}
    hints = _hints(labels, matched, files())
    if matched:
        return replace(labels, said=" ".join([labels.said, *hints.values()]))
    keys, there = len(labels.keys), sum(1 for _ in files())
    none = f"none of the {keys} keys of the labels file stands for a file of the archive as {labels.key_kind}"
    best, most = "", 0
    lost_zeros = labels.key_kind == "AccessionNumber" and "accession" in hints
    # What numbers the rows fits folders and files that are numbered as well, in any order.
    running = labels.key_guessed and all(_RUNNING.fullmatch(key) for key in labels.keys)
    for kind in () if lost_zeros else KINDS:
        if running and kind in ("folder", "file"):
            continue
        tried = replace(labels, key_kind=kind)
        matches = [found[0] for file in files() if (found := _keys(tried, file))]
        known = len(set(matches))
        if known > most and (2 * known >= keys or 2 * len(matches) >= there):
            best, most = kind, known
    if best:
        said = f"{labels.said} But {none}: they were taken as {best}, as which {most} do."
        return replace(labels, key_kind=best, said=said)
    warning = f"WARNING: {none}, or as anything else, so that no study has a label."
    name_it = "Name the column of the study with --key-column, or write keys as the archive has them."
    return replace(labels, said=" ".join([warning, name_it, *hints.values(), labels.said]))


def _hints(labels: LabelTable, matched: set[str], files: Iterable[IndexEntry]) -> dict[str, str]:
    """Say what comes near keys that stand for no file: what to do is for the user to know.

    Returns
    -------
    dict of str to str
        By what comes near; ``"accession"`` is among them where zeros of Accession Numbers were lost.
    """
    left = set(labels.keys) - matched
    if not left:
        return {}
    nearly = {
        what: {form: key for key in left if (form := changed(key))} for what, changed in _CHANGES.items()
    }
    near: dict[str, set[str]] = {what: set() for what in (*_CHANGES, "patients", "accession")}
    for file in files:
        if any(key in matched for key in _keys(labels, file)):
            continue
        if (patient := comparable(file.patient_id)) in left:
            near["patients"].add(patient)
        path = PurePosixPath(file.source)
        for name in map(comparable, {file.accession, file.patient_id, file.source, path.stem, *path.parts}):
            for what, changed in _CHANGES.items():
                key = nearly[what].get(changed(name))
                if key and key != name:
                    near[what].add(key)
                    if what == _ZEROS and name == comparable(file.accession):
                        near["accession"].add(key)
    patients = len(near.pop("patients"))
    hints = {
        what: f"But for {what}, {len(keys)} keys would fit{_ADVICE.get(what, '')}."
        for what, keys in near.items()
        if keys and what in _CHANGES
    }
    if near["accession"]:
        hints["accession"] = ""
    if rounded := sum(map(bool, map(_ROUNDED.fullmatch, left))):
        hints["rounded"] = (
            f"{rounded} keys are numbers of which a spreadsheet kept the first digits only (as in 1.2E+11): "
            "export that column as text."
        )
    if patients:
        hints["patients"] = (
            f"{patients} keys are PatientIDs; if a label is that of all studies of a patient, give the "
            "column the heading PatientID and name it with --key-column."
        )
    return hints


def _keys(labels: LabelTable, file: IndexEntry) -> tuple[str, ...]:
    return labels.keys_of(file.source, file.study_uid, file.accession, file.sop_uid, file.patient_id)


def _label_from_folders(source: str) -> str:
    folders = reversed(PurePosixPath(source).parts[:-1])
    return next((label for name in folders if (label := class_from_folder(name))), LABEL_UNLABELLED)
