"""What ingest, preprocess and build share: do the studies that are not done yet, assemble, sum up."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import fxcore
from fxcore.attempt import INTERNAL_ERROR, QUARANTINE_REASONS, WorkerFailure
from fxcore.dataset.assemble import LOOSE, assemble
from fxcore.dataset.in_place import is_in_place, made_at
from fxcore.dataset.journal import read_records
from fxcore.dataset.layout import Layout
from fxcore.dicom.columns import FILE_COLUMNS
from fxcore.errors import FxrayError
from fxcore.executor import Executor
from fxcore.jobs import IDENTITY_COLUMNS, StudyTask, do_study, probe_study
from fxcore.missing import Missing
from fxcore.progress import Progress
from fxcore.shards import Account, Shard, drop_accounts, write_account
from fxcore.study import Reject

Result = TypeVar("Result")


@dataclass
class Summary:
    """What a run did, for the table at its end and for ``--json``.

    Attributes
    ----------
    out : str
        The data set.
    content : dict
        What ``dataset.json`` says.
    studies_done, studies_kept : int
        Studies made by this run, and found done by an earlier one.
    studies_removed : int
        Studies of an earlier run that the source does not have any more.
    radiographs_done : int
        Radiographs written by this run.
    seconds : float
        Wall-clock time of the run.
    shard : str
        The share it did, if not all; there is no `content` before the shards are merged.
    quarantined_now : int
        Files that this run gave up because they killed or hung a worker.
    """

    out: str
    content: dict[str, Any] = field(default_factory=dict)
    studies_done: int = 0
    studies_kept: int = 0
    studies_removed: int = 0
    radiographs_done: int = 0
    seconds: float = 0.0
    shard: str = ""
    quarantined_now: int = 0

    @property
    def quarantined(self) -> int:
        """Files given up because they killed or hung a worker, by this run or an earlier one."""
        if self.shard:
            return self.quarantined_now
        rejects = self.content["counts"]["rejects"]
        return sum(rejects.get(reason, 0) for reason in QUARANTINE_REASONS)

    @property
    def faults(self) -> int:
        """Those of the `quarantined` that a fault of fxray is to blame for, not the file or the machine."""
        return self.content["counts"]["rejects"].get(INTERNAL_ERROR, 0) if self.content else 0

    @property
    def radiographs_per_second(self) -> float:
        return self.radiographs_done / self.seconds if self.seconds else 0.0


class Run:
    """One run over the studies of a source: it does those not done yet, then completes the data set.

    Parameters
    ----------
    layout : Layout
        The output, taken for this run.
    executor : Executor
    progress : Progress
    shard : Shard, optional
        The share that it does; then the account of that is left for the merge.
    began : float
        When it began, by `time.perf_counter`.

    Attributes
    ----------
    summary : Summary
        Counts what is done.
    studies : set of str
        The identifiers of the studies that are its own.
    """

    def __init__(
        self, layout: Layout, executor: Executor, progress: Progress, shard: Shard | None, began: float
    ) -> None:
        self._layout, self._executor, self._progress = layout, executor, progress
        self._shard, self._began = shard, began
        self.summary = Summary(str(layout.root))
        self.studies: set[str] = set()
        # Of all studies that there are: shards that saw the same archive have the same.
        self._digest = hashlib.sha256()

    def do_studies(
        self,
        tasks: Iterable[StudyTask],
        *,
        there: Container[str],
        source: Path,
        unread: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Do the studies, or those of the shard, that are not done yet.

        Parameters
        ----------
        tasks : iterable of StudyTask
            All studies that there are, those of other shards too.
        there : container of str
            The identifiers of the studies in `tasks`.
        source : pathlib.Path
            Where they are from.
        unread : str
            What there could not be listed or read, in words.
        labels : mapping of str to str, optional
            The labels of the studies, by their identifiers, where they may be others than in an earlier run.

        Raises
        ------
        FxrayError
            If so many studies of an earlier run are missing, or unlabelled, that it looks like a mishap.
        """
        self._missing, done = Missing(there, labels), {}
        for record in read_records(self._layout):
            if record.study_id == LOOSE:
                continue
            self._missing.see(record.study_id, record.radiographs, record.label)
            # An empty fingerprint says nothing of the files: two of them are not the same.
            if self._holds(record.study_id) and record.fingerprint and is_in_place(self._layout, record):
                done[record.study_id] = record.fingerprint
        self._missing.check(self._layout, source, unread)
        if self._missing.changed:
            self._progress.say(self._missing.changed)
        drop_accounts(self._layout, self._shard, self._progress.say)
        summary = self.summary
        for record in each_study(do_study, self._to_do(tasks, done), self._executor, self._progress):
            summary.studies_done += 1
            summary.radiographs_done += record.radiographs
            summary.quarantined_now += sum(reject.reason in QUARANTINE_REASONS for reject in record.rejects)
            self._progress.advance(1)

    def _holds(self, study_id: str) -> bool:
        return self._shard is None or self._shard.holds(study_id)

    def _to_do(self, tasks: Iterable[StudyTask], done: Mapping[str, str]) -> Iterator[StudyTask]:
        """Yield the tasks of studies that are not done, or not as they are now; `done` has fingerprints."""
        for task in tasks:
            self._digest.update(f"{task.study_id}:{task.fingerprint}\n".encode())
            if not self._holds(task.study_id):
                continue
            self.studies.add(task.study_id)
            if done.get(task.study_id) == task.fingerprint and not task.changed_since(
                made_at(self._layout, task.label, task.study_id)
            ):
                self.summary.studies_kept += 1
                self._progress.advance(1)
            else:
                yield task

    def finish(self, provenance: dict[str, Any], loose: Callable[[], Iterable[Reject]]) -> Summary:
        """Assemble the root files, or leave the account of a shard for the merge; complete the summary.

        Parameters
        ----------
        provenance : dict
            What ``dataset.json`` begins with.
        loose : callable
            Returns what was dropped outside any study, in order, each once.
        """
        summary, shard = self.summary, self._shard
        if shard is None:
            # Said, as with many studies it takes a while.
            self._progress.stage("Completing the data set", len(self.studies))
            summary.content = assemble_all(self._layout, provenance, loose, self.studies)
            self._progress.advance(len(self.studies))
            say_removed(self._missing, summary, self._progress)
        else:
            summary.shard = str(shard)
            self._digest.update(json.dumps(provenance["archive"]).encode())
            for reject in loose():
                self._digest.update(json.dumps(astuple(reject)).encode())
            digest = self._digest.hexdigest()
            account = Account(shard.number, shard.count, digest, len(self.studies), provenance)
            write_account(self._layout, account, self.studies, loose)
        summary.seconds = time.perf_counter() - self._began
        return summary


def each_study(
    function: Callable[[StudyTask], Result],
    tasks: Iterable[StudyTask],
    executor: Executor,
    progress: Progress,
) -> Iterator[Result]:
    """Yield what `function` makes of each study, in no particular order.

    A study whose worker dies or hangs is taken apart: each of its files is tried alone, the guilty
    ones are given up with the signal or time-out in their reject, and the rest of the study is done.
    """
    suspects: list[tuple[StudyTask, WorkerFailure]] = []
    places: set[str] = set()

    def run(
        remaining: Iterable[StudyTask], again: Callable[[tuple[StudyTask, WorkerFailure]], None]
    ) -> Iterator[Result]:
        for outcome in executor.run(function, remaining, lambda task: task.seconds):
            if isinstance(outcome.result, WorkerFailure):
                failure = outcome.result
                if failure.place and failure.place not in places:
                    places.add(failure.place)
                    progress.say(f"A study met {failure.message}: at {failure.place}.")
                again((outcome.task, failure))
            else:
                yield outcome.result

    yield from run(tasks, suspects.append)
    for task, _ in suspects:
        task = _without_the_guilty(task, executor)
        stubborn: list[tuple[StudyTask, WorkerFailure]] = []
        yield from run([task], stubborn.append)
        for task, failure in stubborn:
            # Nothing alone is guilty, but together they are: all of it is given up.
            why = (failure.reason, f"{failure.message}, though each file of the study did no harm alone")
            yield from run([replace(task, failed=dict.fromkeys(task.items, why) | task.failed)], _give_up)


def _give_up(failed: tuple[StudyTask, WorkerFailure]) -> None:
    task, failure = failed
    raise FxrayError(
        f"the workers cannot even record study {task.study_id} as dropped ({failure.message}); "
        "is the disk in order?"
    )


def _without_the_guilty(task: StudyTask, executor: Executor) -> StudyTask:
    failed = {}
    alone = {item: task.only(item) for item in task.items}
    items = {id(single): item for item, single in alone.items()}
    for outcome in executor.run(probe_study, alone.values(), lambda single: single.seconds):
        if isinstance(outcome.result, WorkerFailure):
            failed[items[id(outcome.task)]] = (outcome.result.reason, outcome.result.message)
    return replace(task, failed=failed)


def say_removed(missing: Missing, summary: Summary, progress: Progress) -> None:
    """Say that studies of an earlier run were removed, if any were."""
    summary.studies_removed = missing.count
    if missing.count:
        progress.say(missing.said)


def assemble_all(
    layout: Layout, provenance: dict[str, Any], loose: Callable[[], Iterable[Reject]], studies: set[str]
) -> dict[str, Any]:
    """Write the root files from the records of `studies`; return the content of ``dataset.json``."""
    columns = (*IDENTITY_COLUMNS, *FILE_COLUMNS)
    return assemble(layout, provenance=provenance, loose=loose, keep=studies, columns=columns)


def tool() -> dict[str, str]:
    """Name the program that made a data set: version, and commit where it runs from a checkout."""
    source = Path(fxcore.__file__).resolve().parent
    commit = ""
    if (source.parent / ".git").exists():
        try:
            command = ["git", "-C", str(source.parent), "rev-parse", "HEAD"]
            commit = subprocess.run(
                command, capture_output=True, text=True, timeout=10, check=True
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            commit = ""
    return {"tool": "fxray", "version": fxcore.__version__, "git_commit": commit}
