"""What can be scored, a raw archive or a data set, as studies for the workers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from fxcore.archive import Plan
from fxcore.catalogue import Catalogue, open_catalogue
from fxcore.config import to_dict
from fxcore.dataset.assemble import LOOSE, is_data_set
from fxcore.dataset.in_place import files_of
from fxcore.dataset.journal import StudyRecord, read_journal, read_journal_largest_first, to_line
from fxcore.dataset.layout import Layout
from fxcore.errors import DataSetError, ParameterError, UsageError
from fxcore.executor import Executor
from fxcore.index_file import default_index_file
from fxcore.ingest import check_places, ingest_tasks
from fxcore.jobs import IngestTask, PreprocessTask, StudyTask, require_files
from fxcore.made_alike import made_otherwise
from fxcore.places import check_apart
from fxcore.preprocess import loose_rejects, read_finished
from fxcore.progress import Progress
from fxcore.pseudonyms import default_key_file, load_key_of
from fxcore.settings import IngestConfig, Settings
from fxcore.steps import Pipeline
from fxcore.study import Reject
from fxserve.output import begun_scoring
from fxserve.settings import ModelSettings


@dataclass
class Studies:
    """The studies of a source.

    Attributes
    ----------
    there : set of str
        Their identifiers.
    tasks : iterable of StudyTask
        One for each of them, for a worker.
    loose : callable
        Returns what was dropped outside any study.
    told : dict
        What ``scoring.json`` says about the source.
    unread : str
        What of the source could not be listed or read, in words.
    """

    there: set[str]
    tasks: Iterable[StudyTask]
    loose: Callable[[], Iterable[Reject]]
    told: dict[str, Any]
    unread: str = ""


class ArchiveSource:
    """A raw archive, taken through index, plan and pseudonyms as by ``fxray ingest``."""

    kind = "archive"

    def __init__(
        self,
        archive: Path,
        out: Path,
        settings: ModelSettings,
        key_file: str | PathLike[str] | None,
        index_file: str | PathLike[str] | None,
    ) -> None:
        self._archive, self._run_steps = archive, settings.run_steps
        self._settings = Settings(IngestConfig(settings.pixels, **vars(settings.ingest)), settings.steps)
        given = {
            "pseudonym key": key_file or default_key_file(),
            "index": index_file or default_index_file(archive),
        }
        places = check_places(archive, out, given)
        self._index_file = places["index"]
        self._pseudonyms = load_key_of(places["pseudonym key"], out, begun_scoring(out))

    @property
    def identity(self) -> dict[str, Any]:
        """What must not differ between the runs that make one scoring."""
        return {"input": self.kind, "key_check": self._pseudonyms.key_check}

    @property
    def memory(self) -> int:
        """Bytes that a worker may allocate."""
        return self._settings.ingest.memory_bytes

    @contextmanager
    def studies(self, layout: Layout, executor: Executor, progress: Progress) -> Iterator[Studies]:
        """Index the archive and plan its studies."""
        ingest = self._settings.ingest
        limits = ingest.pixels.limits
        with open_catalogue(self._archive, limits, executor, progress, self._index_file) as catalogue:
            require_files(self._archive)
            plan = Plan(catalogue, None, ingest, self._pseudonyms)
            for sentence in plan.said:
                progress.say(sentence)
            tasks = (
                replace(task, fingerprint=_with_times(task, catalogue))
                for task in ingest_tasks(plan, self._archive, layout, self._settings, self._run_steps)
            )
            told = {"archive": plan.counts}
            yield Studies(set(plan.study_ids()), tasks, plan.rejects, told, plan.unread)


def _with_times(task: IngestTask, catalogue: Catalogue) -> str:
    """Return a digest of a study's fingerprint and of when each of its files was written last.

    The fingerprint alone knows nothing of the middle of a file, and a score that stands for other pixels than
    are there now does harm; that a copied archive may be scored again costs time.
    """
    times = [catalogue.modified(file.path) for file in task.files]
    return hashlib.sha256(f"{task.fingerprint} {times}".encode()).hexdigest()


class DataSetSource:
    """A finished data set; what of the model's steps was not done to it yet is done on the way.

    Attributes
    ----------
    steps : Pipeline or None
        What is to be done.
    """

    kind = "data set"

    def __init__(self, dataset: Path, out: Path, settings: ModelSettings, as_is: bool) -> None:
        check_apart(out, dataset, "data set")
        self._layout, self._settings = Layout(dataset), settings
        self._content = read_finished(self._layout)
        self.steps = None if as_is else self._steps_to_do()

    @property
    def identity(self) -> dict[str, Any]:
        """What must not differ between the runs that make one scoring."""
        steps = None if self.steps is None else to_dict(self.steps)
        return {"input": self.kind, "key_check": self._content.get("key_check", ""), "steps_done": steps}

    @property
    def memory(self) -> int:
        """Bytes that a worker may allocate."""
        return IngestConfig().memory_bytes

    @contextmanager
    def studies(self, layout: Layout, executor: Executor, progress: Progress) -> Iterator[Studies]:
        """Find the studies by the journal of the data set."""
        source = self._layout
        tasks = (
            PreprocessTask(
                dataset=str(source.root),
                out=str(layout.root),
                record=replace(record, fingerprint=self._fingerprint(record)),
                steps=self.steps,
                seconds_per_file=IngestConfig().seconds_per_file,
            )
            for record in read_journal_largest_first(source)
            if record.study_id != LOOSE
        )
        there = {record.study_id for record in read_journal(source) if record.study_id != LOOSE}
        told = {"source_fingerprint": self._content.get("source_fingerprint", "")}
        yield Studies(there, tasks, lambda: loose_rejects(source), told)

    def _fingerprint(self, record: StudyRecord) -> str:
        """Return a digest of what scoring reads of a study; empty where that cannot be told.

        The fingerprint in the record is that of the files the data set was made from: it says nothing of
        how, nor of what became of the PNG since. Name, size and time of every file do, for a look each.
        """
        files = []
        if record.radiographs:
            try:
                files = files_of(self._layout.study(record.label, record.study_id))
            except (OSError, DataSetError):
                return ""
        text = json.dumps((self._content["config"], files), sort_keys=True)
        return hashlib.sha256(to_line(record) + text.encode()).hexdigest()

    def _steps_to_do(self) -> Pipeline | None:
        """Return the steps that the data set still needs.

        Raises
        ------
        ParameterError
            If it was made otherwise than what the model learned from.
        """
        made, settings = self._content["config"], self._settings
        learned = {
            "ingest": {"pixels": to_dict(settings.pixels), **to_dict(settings.ingest)},
            "steps": to_dict(settings.steps) if settings.run_steps else None,
        }
        to_do = settings.steps if settings.run_steps and made.get("steps") is None else None
        if to_do:
            made = made | {"steps": learned["steps"]}
        if otherwise := made_otherwise(self._layout.root, made, learned):
            raise ParameterError(f"{otherwise}, or, to use it nevertheless, give --as-is")
        return to_do


def open_source(
    path: Path,
    out: Path,
    settings: ModelSettings,
    *,
    key_file: str | PathLike[str] | None = None,
    index_file: str | PathLike[str] | None = None,
    as_is: bool = False,
) -> ArchiveSource | DataSetSource:
    """Return what `path` is: a data set, or else a raw archive.

    Raises
    ------
    UsageError
        For arguments that are about the other one.
    FxrayError
        If it cannot be scored.
    """
    if is_data_set(Layout(path)):
        if key_file or index_file:
            raise UsageError(
                f"--key and --index are about a raw archive, and {path} is a data set, which has its "
                "pseudonyms already; leave them out"
            )
        return DataSetSource(path, out, settings, as_is)
    if as_is:
        raise UsageError(
            f"--as-is is about a data set, and {path} is a raw archive, which is always read as the model "
            "expects; leave it out"
        )
    return ArchiveSource(path, out, settings, key_file, index_file)
