"""What ingest, preprocess and build share: take the output folder, do the studies, assemble, sum up."""

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


@dataclass
class Planned:
    """The studies of a run: the identifiers of those it does, and a digest of all that there are."""

    missing: Missing
    studies: set[str] = field(default_factory=set)
    digest: Any = field(default_factory=hashlib.sha256)


def do_studies(
    layout: Layout,
    tasks: Iterable[StudyTask],
    executor: Executor,
    progress: Progress,
    summary: Summary,
    shard: Shard | None = None,
    *,
    there: Container[str],
    source: Path,
    unread: str = "",
    labels: Mapping[str, str] | None = None,
) -> Planned:
    """Do the studies, or those of a shard, that are not done yet.

    Parameters
    ----------
    layout : Layout
    tasks : iterable of StudyTask
        All studies that there are, those of other shards too.
    executor : Executor
    progress : Progress
    summary : Summary
        Counts what is done.
    shard : Shard, optional
    there : container of str
        The identifiers of the studies in `tasks`.
    source : pathlib.Path
        Where they are from.
    unread : str
        What there could not be listed or read, in words.
    labels : mapping of str to str, optional
        The labels of the studies, by their identifiers, where they may be others than in an earlier run.

    Returns
    -------
    Planned

    Raises
    ------
    FxrayError
        If so many studies of an earlier run are missing, or unlabelled, that it looks like a mishap.
    """
    missing, done = Missing(there, labels), {}
    for record in read_records(layout):
        if record.study_id == LOOSE:
            continue
        missing.see(record.study_id, record.radiographs, record.label)
        mine = shard is None or shard.holds(record.study_id)
        # An empty fingerprint says nothing of the files: two of them are not the same.
        if mine and record.fingerprint and is_in_place(layout, record):
            done[record.study_id] = record.fingerprint
    missing.check(layout, source, unread)
    if missing.changed:
        progress.say(missing.changed)
    drop_accounts(layout, shard, progress.say)
    planned = Planned(missing)

    def to_do() -> Iterator[StudyTask]:
        for task in tasks:
            planned.digest.update(f"{task.study_id}:{task.fingerprint}\n".encode())
            if shard is not None and not shard.holds(task.study_id):
                continue
            planned.studies.add(task.study_id)
            if done.get(task.study_id) == task.fingerprint and not task.changed_since(
                made_at(layout, task.label, task.study_id)
            ):
                summary.studies_kept += 1
                progress.advance(1)
            else:
                yield task

    for record in each_study(do_study, to_do(), executor, progress):
        summary.studies_done += 1
        summary.radiographs_done += record.radiographs
        summary.quarantined_now += sum(reject.reason in QUARANTINE_REASONS for reject in record.rejects)
        progress.advance(1)
    return planned


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


def finish(
    layout: Layout,
    summary: Summary,
    *,
    provenance: dict[str, Any],
    loose: Callable[[], Iterable[Reject]],
    planned: Planned,
    progress: Progress,
    began: float,
    shard: Shard | None = None,
) -> Summary:
    """Assemble the root files, or leave the account of a shard for the merge; complete the summary."""
    if shard is None:
        # Said, as with many studies it takes a while.
        progress.stage("Completing the data set", len(planned.studies))
        summary.content = assemble_all(layout, provenance, loose, planned.studies)
        progress.advance(len(planned.studies))
        say_removed(planned.missing, summary, progress)
    else:
        summary.shard = str(shard)
        digest = planned.digest
        digest.update(json.dumps(provenance["archive"]).encode())
        for reject in loose():
            digest.update(json.dumps(astuple(reject)).encode())
        account = Account(shard.number, shard.count, digest.hexdigest(), len(planned.studies), provenance)
        write_account(layout, account, planned.studies, loose)
    summary.seconds = time.perf_counter() - began
    return summary


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
