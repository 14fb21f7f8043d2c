"""Which label a study has, or why it is left out: decided from the index, before any pixel is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from fxcore.dicom.index import IndexEntry
from fxcore.labels import LABEL_UNLABELLED, LabelTable, class_from_folder
from fxcore.settings import IngestConfig


@dataclass(frozen=True)
class Verdict:
    """Why a study is left out."""

    stage: str
    reason: str
    message: str


class Verdicts:
    """What is decided of each study before it is read.

    Parameters
    ----------
    groups : dict of str to list of IndexEntry
        Files by study.
    labels : LabelTable or None
        Without a table, labels come from class folders where there are any.
    config : IngestConfig

    Attributes
    ----------
    label : dict of str to str
        The label of each study that has one.
    against : dict of str to Verdict
        Why a study is left out.
    used : set of str
        Keys of the labels table that stand for a file of the archive.
    """

    def __init__(
        self, groups: dict[str, list[IndexEntry]], labels: LabelTable | None, config: IngestConfig
    ) -> None:
        self.label: dict[str, str] = {}
        self.used: set[str] = set()
        self.against: dict[str, Verdict] = {}
        places: dict[str, set[str]] = {}
        keys_of: dict[str, set[str]] = {}
        for key, files in groups.items():
            if labels is None:
                found = {_label_from_folders(file.source) for file in files}
            else:
                keys_of[key] = set()
                for file in files:
                    for label_key in _label_keys(labels, file):
                        keys_of[key].add(label_key)
                        places.setdefault(label_key, set()).add(labels.place_of(file.source))
                found = {labels.labels[label_key] for label_key in keys_of[key]}
            self._judge(key, files, found, config)
        self.used = set(places)
        for key, label_keys in keys_of.items():
            if any(len(places[label_key]) > 1 for label_key in label_keys):
                message = (
                    "its key in the labels file stands for several folders or files; write more of the path"
                )
                self.against[key] = Verdict("labels", "ambiguous_label", message)

    def _judge(self, key: str, files: list[IndexEntry], found: set[str], config: IngestConfig) -> None:
        instances = sum(max(1, file.number_of_frames) for file in files)
        if not found:
            message = "the labels file has no label for this study"
            self.against[key] = Verdict("labels", "study_without_label", message)
        elif len(found) > 1:
            message = f"the files of this study have different labels: {', '.join(sorted(found))}"
            self.against[key] = Verdict("labels", "conflicting_labels", message)
        elif config.max_instances and instances > config.max_instances:
            message = (
                f"the study has {instances} radiographs; ingest.max_instances allows {config.max_instances}"
            )
            self.against[key] = Verdict("index", "too_many_instances", message)
        else:
            (self.label[key],) = found


def _label_from_folders(source: str) -> str:
    folders = reversed(PurePosixPath(source).parts[:-1])
    return next((label for name in folders if (label := class_from_folder(name))), LABEL_UNLABELLED)


def _label_keys(labels: LabelTable, file: IndexEntry) -> tuple[str, ...]:
    return labels.keys_of(file.source, file.study_uid, file.accession, file.sop_uid, file.patient_id)
