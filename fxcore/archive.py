"""From the index of an archive to a plan: which studies there are, of which files, with which label.

The plan is made and kept in tables beside the index, so that an archive of any size fits in memory.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import PurePosixPath

from fxcore.catalogue import PASSING_REASONS, Catalogue, entry_from
from fxcore.dataset.tables import cell, visible
from fxcore.dicom.entries import IndexEntry
from fxcore.jobs import LOOK_AT_BOTH, SourceFile
from fxcore.labels import LabelTable
from fxcore.pseudonyms import Pseudonyms
from fxcore.settings import IngestConfig
from fxcore.study import Reject
from fxcore.verdicts import Verdict, Verdicts, fitting

_STUDY_FOLDER = re.compile(r"(?i)study[ _-]?\d+([ _-].*)?")
_PATIENT_FOLDER = re.compile(r"(?i)patient[ _-]?\d+")

_SCHEMA = """
DROP TABLE IF EXISTS temp.member;
DROP TABLE IF EXISTS temp.study;
DROP TABLE IF EXISTS temp.reject;
-- Files that may become radiographs, with the key of their study.
CREATE TEMP TABLE member(
    source BLOB PRIMARY KEY, study BLOB, sop TEXT, copy INTEGER DEFAULT 0
) WITHOUT ROWID;
-- Studies that will be made.
CREATE TEMP TABLE study(
    key BLOB PRIMARY KEY, study_id TEXT, label TEXT, first BLOB, files INTEGER
) WITHOUT ROWID;
CREATE TEMP TABLE reject(
    stage TEXT, study_id TEXT, source_id TEXT, radiograph_id TEXT, reason TEXT, message TEXT,
    PRIMARY KEY (stage, study_id, source_id, radiograph_id, reason, message)
) WITHOUT ROWID;
"""
_OF_KIND = "SELECT source FROM files WHERE kind = ? ORDER BY source"
# The path of a folder that could not be listed ends in a slash.
_UNLISTED = "FROM files WHERE kind = 'unreadable' AND substr(source, -1) = X'2F'"
# Folders of fxray's own making, in words.
_OWN = {"training_run": "training runs", "data_set": "data sets"}
# Folders that could not be listed, among the counts of an archive.
UNLISTED = "folders_not_listed"
_PASSED_OVER = ("dicomdir", "other", "link", "special", *_OWN)


@dataclass(frozen=True)
class PlannedStudy:
    """One study to make: pseudonyms, label, files in the order of their paths, when one was written last."""

    study_id: str
    patient_id: str
    label: str
    fingerprint: str
    files: tuple[SourceFile, ...]
    modified: int


class Plan:
    """What an archive holds and what will be made of it.

    Every file is in exactly one place: in a study, in the rejects, or counted as passed over.

    Parameters
    ----------
    catalogue : Catalogue
        The files. The plan lives in temporary tables of its database: one plan at a time.
    labels : LabelTable or None
        Without a table, labels come from class folders where there are any.
    config : IngestConfig
    pseudonyms : Pseudonyms

    Attributes
    ----------
    counts : dict of str to int
        ``files_found``, ``files_passed_over`` and by kind: ``files_dicom``, ``files_image``…, data
        sets and training runs of fxray being among them; where there are any, ``folders_not_listed``.
    said : list of str
        What was guessed, to be told to the user.
    """

    def __init__(
        self, catalogue: Catalogue, labels: LabelTable | None, config: IngestConfig, pseudonyms: Pseudonyms
    ) -> None:
        self._catalogue, self._database, self._pseudonyms = catalogue, catalogue.database, pseudonyms
        self._database.executescript(_SCHEMA)
        self.said: list[str] = []
        if labels is not None:
            labels = fitting(labels, self._usable)
        verdicts = Verdicts(labels, config)
        self._most_frames = config.pixels.limits.max_frames
        self._database.execute("BEGIN")
        self._gather(labels, config, verdicts)
        self._judge(verdicts)
        self._drop_copies_across_studies()
        if labels is not None:
            self.said.append(labels.said)
            self._reject(_surplus(labels, verdicts.used, pseudonyms))
        self._database.execute("COMMIT")
        self.counts = self._counts()
        for kind, what in _OWN.items():
            if own := [os.fsdecode(source) for (source,) in self._database.execute(_OF_KIND, (kind,))]:
                names = ", ".join(own[:3]) + (" …" if len(own) > 3 else "")
                self.said.insert(0, f"{len(own)} {what} of fxray were passed over: {names}")
        if links := self.counts.get("files_link"):
            self.said.insert(0, f"{links} links were not followed.")
        if folders := self.counts.get(UNLISTED):
            (first,) = self._database.execute(f"SELECT MIN(source) {_UNLISTED}").fetchone()
            named = visible(os.fsdecode(first))
            self.said.insert(0, f"{folders} folders could not be listed (the first: {named}).")
        if pseudonyms.note:
            self.said.insert(0, pseudonyms.note)
        if not len(self):
            self.said.append("No radiograph was found that can be used.")

    def __len__(self) -> int:
        """Return the number of studies to make."""
        return int(self._database.execute("SELECT COUNT(*) FROM study").fetchone()[0])

    def labels(self) -> dict[str, str]:
        """Return the label of each study that will be made, by its identifier."""
        return dict(self._database.execute("SELECT study_id, label FROM study"))

    def study_ids(self) -> Iterator[str]:
        """Yield the identifiers of the studies to make."""
        return (study_id for (study_id,) in self._database.execute("SELECT study_id FROM study"))

    def studies(self) -> Iterator[PlannedStudy]:
        """Yield the studies to make, those of most files first, so that none is left for the end."""
        rows = self._database.execute("SELECT key, study_id, label FROM study ORDER BY files DESC, study_id")
        for key, study_id, label in rows:
            members = self._database.execute(
                "SELECT entry, modified FROM member JOIN files USING (source) WHERE study = ? AND NOT copy"
                " ORDER BY source",
                (key,),
            ).fetchall()
            modified = max(moment or 0 for _, moment in members)
            yield self._planned(study_id, label, [entry_from(entry) for entry, _ in members], modified)

    @property
    def unread(self) -> str:
        """What may hold studies, but could not be listed or read just now, in words; empty if nothing."""
        some = f"reason IN ({', '.join('?' * len(PASSING_REASONS))})"
        count, first = self._database.execute(
            f"SELECT COUNT(*), MIN(source) FROM files WHERE {some}", PASSING_REASONS
        ).fetchone()
        if not count:
            return ""
        folders = self.counts.get(UNLISTED, 0)
        kinds = [f"{folders} folders could not be listed"] * bool(folders)
        kinds += [f"{count - folders} files could not be read"] * (count > folders)
        return f"{' and '.join(kinds)} (the first: {visible(os.fsdecode(first))})"

    def rejects(self) -> Iterator[Reject]:
        """Yield, in order, what is known to be dropped before any pixel is read."""
        rows = self._database.execute(
            "SELECT * FROM reject ORDER BY stage, study_id, source_id, radiograph_id, reason, message"
        )
        return itertools.starmap(Reject, rows)

    def links(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield of every file its pseudonym, those of its study and radiograph, and its path: a secret."""
        rows = self._database.execute(
            "SELECT entry, study_id FROM files LEFT JOIN member USING (source)"
            " LEFT JOIN study ON study = key AND NOT copy ORDER BY source"
        )
        for text, study_id in rows:
            entry = entry_from(text)
            if study_id:
                names = (study_id, _radiograph_id(entry, self._pseudonyms))
            elif entry.kind in _PASSED_OVER:
                names = ("", "")
            else:
                reject = self._rejected("index", entry, "", "")
                names = (reject.study_id, reject.radiograph_id)
            yield self._pseudonyms.of("source", entry.source), *names, entry.source

    def _counts(self) -> dict[str, int]:
        kinds = dict(self._database.execute("SELECT kind, COUNT(*) FROM files GROUP BY kind ORDER BY kind"))
        passed_over = sum(kinds.get(kind, 0) for kind in _PASSED_OVER)
        counts = {"files_found": sum(kinds.values()), "files_passed_over": passed_over}
        counts |= {f"files_{kind}": count for kind, count in kinds.items()}
        (folders,) = self._database.execute(f"SELECT COUNT(*) {_UNLISTED}").fetchone()
        return counts | ({UNLISTED: folders} if folders else {})

    def _usable(self) -> Iterator[IndexEntry]:
        return (entry for entry in self._catalogue.entries() if _may_be_used(entry))

    def _gather(self, labels: LabelTable | None, config: IngestConfig, verdicts: Verdicts) -> None:
        """Give each file that may be used its study, and reject those that cannot be."""
        for entry in self._catalogue.entries():
            if entry.reason:
                self._reject([self._rejected("index", entry, entry.reason, entry.message)])
            elif _may_be_used(entry):
                verdicts.see(entry)
                key = os.fsencode(study_key(entry, labels, config))
                sop = entry.sop_uid.encode("utf-8", "replace").decode()
                self._database.execute(
                    "INSERT INTO member(source, study, sop) VALUES (?, ?, ?)",
                    (os.fsencode(entry.source), key, sop),
                )
        self._database.execute("CREATE INDEX temp.member_study ON member(study, source)")

    def _judge(self, verdicts: Verdicts) -> None:
        """Give each study its label, and reject the files of those that get none."""
        rows = self._database.execute(
            "SELECT study, entry FROM member JOIN files USING (source) ORDER BY study, source"
        )
        for key, group in itertools.groupby(rows, key=lambda row: row[0]):
            files = [entry_from(entry) for _, entry in group]
            verdict = verdicts.of(files)
            if verdict.reason:
                self._reject(self._against(verdict, files))
            else:
                study_id = _study_id(os.fsdecode(key), self._pseudonyms)
                first = os.fsencode(files[0].source)
                self._database.execute(
                    "INSERT INTO study VALUES (?, ?, ?, ?, ?)",
                    (key, study_id, verdict.label, first, len(files)),
                )

    def _against(self, verdict: Verdict, files: list[IndexEntry]) -> Iterator[Reject]:
        return (self._rejected(verdict.stage, file, verdict.reason, verdict.message) for file in files)

    def _drop_copies_across_studies(self) -> None:
        """Keep one study of those that claim the same SOPInstanceUID: the one with the first path.

        Whether its file can be read is not known yet, and studies are done apart: none waits for another.
        """
        rows = self._database.execute(
            """
            SELECT source, study, sop FROM member JOIN study ON study = key
            WHERE sop IN (
                SELECT sop FROM member JOIN study ON study = key WHERE sop <> ''
                GROUP BY sop HAVING COUNT(DISTINCT study) > 1
            ) ORDER BY sop, first, source
            """
        ).fetchall()
        for _, group in itertools.groupby(rows, key=lambda row: row[2]):
            (first, owner, _), *others = group
            kept = self._catalogue.entry(first)
            for source, study, _ in others:
                if study != owner:
                    self._reject([self._copy_of(kept, self._catalogue.entry(source))])
                    self._database.execute("UPDATE member SET copy = 1 WHERE source = ?", (source,))
                    self._database.execute("UPDATE study SET files = files - 1 WHERE key = ?", (study,))
        self._database.execute("DELETE FROM study WHERE files = 0")

    def _copy_of(self, kept: IndexEntry, entry: IndexEntry) -> Reject:
        message = (
            "a file of another study has the same SOPInstanceUID and comes first (source_id "
            f"{self._pseudonyms.of('source', kept.source)}); it stands for both, even if it "
            "cannot be read: if it was dropped too, take it out of the archive and run again"
        )
        if kept.number_of_frames != entry.number_of_frames or (
            kept.ending and entry.ending and kept.ending != entry.ending
        ):
            message += f"; its pixels may be others: {LOOK_AT_BOTH}"
            return self._rejected("index", entry, "doubtful_duplicate", message)
        return self._rejected("index", entry, "duplicate", message)

    def _reject(self, rejects: Iterable[Reject]) -> None:
        self._database.executemany(
            "INSERT OR IGNORE INTO reject VALUES (?, ?, ?, ?, ?, ?)", map(astuple, rejects)
        )

    def _rejected(self, stage: str, entry: IndexEntry, reason: str, message: str) -> Reject:
        return Reject(
            stage=stage,
            study_id=_study_id(entry.study_uid, self._pseudonyms) if entry.study_uid else "",
            source_id=self._pseudonyms.of("source", entry.source),
            radiograph_id=_radiograph_id(entry, self._pseudonyms) if entry.sop_uid else "",
            reason=reason,
            message=cell(message),
        )

    def _planned(self, study_id: str, label: str, files: list[IndexEntry], modified: int) -> PlannedStudy:
        sources = tuple(
            SourceFile(
                path=file.source,
                kind=file.kind,
                source_id=self._pseudonyms.of("source", file.source),
                radiograph_id=_radiograph_id(file, self._pseudonyms),
                body_parts_described=file.body_part_described,
                body_part=file.body_part,
                modality=file.modality,
                frames=min(file.number_of_frames, self._most_frames),
            )
            for file in files
        )
        patient_id = _patient_id(files, self._pseudonyms)
        digest = hashlib.sha256(f"{label} {patient_id}".encode())
        for source, file in zip(sources, files, strict=True):
            seen = (source.source_id, source.radiograph_id, file.kind, file.body_part_described)
            digest.update(f"\n{seen} {file.size} {file.checksum} {file.number_of_frames}".encode())
        return PlannedStudy(study_id, patient_id, label, digest.hexdigest(), sources, modified)


def _may_be_used(entry: IndexEntry) -> bool:
    return not entry.reason and entry.kind in ("dicom", "image")


def study_key(entry: IndexEntry, labels: LabelTable | None, config: IngestConfig) -> str:
    """Return what tells the study of a file from others: equal for two files of one study."""
    if entry.kind == "dicom":
        return f"uid:{entry.study_uid}" if entry.study_uid else f"file:{entry.source}"
    folder = PurePosixPath(entry.source).parent
    if config.image_studies != "file" and folder.name:
        if config.image_studies == "folder" or _STUDY_FOLDER.fullmatch(folder.name):
            return f"folder:{folder}"
        # Its label is that of all below it: one study, whose views are not to be split apart later.
        if labels is not None and labels.key_kind == "folder" and (place := labels.place_of(entry.source)):
            return f"folder:{place}"
    return f"file:{entry.source}"


def _study_id(key: str, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.of("study", key.removeprefix("uid:"))


def _radiograph_id(entry: IndexEntry, pseudonyms: Pseudonyms) -> str:
    return pseudonyms.of("radiograph", entry.sop_uid or f"file:{entry.source}")


def _patient_id(files: list[IndexEntry], pseudonyms: Pseudonyms) -> str:
    for file in files:
        if file.patient_id:
            # One identifier is written in upper or lower case, and with or without zeros before it.
            spelled = file.patient_id.upper()
            return pseudonyms.of("patient", spelled.lstrip("0") or spelled)
    parts = PurePosixPath(files[0].source).parts[:-1]
    for depth, name in enumerate(parts, start=1):
        if _PATIENT_FOLDER.fullmatch(name):
            return pseudonyms.of("patient", "folder:" + "/".join(parts[:depth]))
    return ""


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
