"""Scoring: an archive or a data set in, probabilities and decisions out, in one flow."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from os import PathLike
from typing import Any

from fxcore.aggregate import BY_MODEL, check_aggregate
from fxcore.arguments import check_whole
from fxcore.attempt import QUARANTINE_REASONS
from fxcore.config import to_dict
from fxcore.cores import default_workers
from fxcore.dataset.layout import Layout
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.executor import open_executor
from fxcore.jobs import StudyTask
from fxcore.missing import Missing
from fxcore.places import resolved
from fxcore.progress import Progress, Silent
from fxcore.run import each_study, tool
from fxserve.device import CPU
from fxserve.model import Model
from fxserve.output import output_folder, write_tables
from fxserve.prepare import preparing
from fxserve.records import NOT_FINITE, StudyScore, read_scores, write_score
from fxserve.settings import ModelSettings
from fxserve.sources import Studies, open_source
from fxserve.stream import Batcher, ScoringThreads
from fxserve.tables import kind_of

# Studies that may wait for the model, a worker.
_WAITING = 2


@dataclass
class ScoreSummary:
    """What a run did.

    Attributes
    ----------
    out : str
    content : dict
        What ``scoring.json`` says.
    studies_done, studies_kept : int
        Studies scored by this run, and found scored by an earlier one.
    studies_removed : int
        Studies scored by an earlier run that the source has no more.
    radiographs_done : int
    seconds : float
    """

    out: str
    content: dict[str, Any] = field(default_factory=dict)
    studies_done: int = 0
    studies_kept: int = 0
    studies_removed: int = 0
    radiographs_done: int = 0
    seconds: float = 0.0

    @property
    def quarantined(self) -> int:
        """Files given up because they killed or hung a worker."""
        rejects = self.content["counts"]["rejects"]
        return sum(rejects.get(reason, 0) for reason in QUARANTINE_REASONS)

    @property
    def scored(self) -> int:
        """Studies with a score, by this run or an earlier one."""
        return int(self.content["counts"]["studies_scored"])

    def figures(self) -> dict[str, Any]:
        """Return everything as plain values, for ``--json``."""
        done = {name: value for name, value in vars(self).items() if name != "content"}
        return done | self.content


def score(
    model: str | PathLike[str],
    source: str | PathLike[str],
    out: str | PathLike[str],
    *,
    device: str = "auto",
    batch: int = 0,
    workers: int = 0,
    aggregate: str = "",
    threshold: float | None = None,
    settings_file: str | PathLike[str] | None = None,
    key_file: str | PathLike[str] | None = None,
    index_file: str | PathLike[str] | None = None,
    as_is: bool = False,
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score all radiographs and studies of a source.

    Parameters
    ----------
    model : path
        An ONNX file; see `fxserve.model.Model`.
    source : path
        A data set, or a raw archive: then DICOM files and images go through the model's steps on the way.
    out : path
        Folder of the results: new, or of an interrupted or earlier run with the same model, which is
        gone on with. Threshold and aggregate may differ: studies are judged anew, not scored anew. Where
        its name ends in ``.parquet``, the tables in it are Parquet.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``...; see `fxserve.device.open_session`.
    batch : int
        Images in one run of the model; 0: by the device.
    workers : int
        Processes that decode; 0: one for each core.
    aggregate : str
        How a study is judged by its radiographs; empty: as the model says.
    threshold : float, optional
        The probability from which on a study is positive; as the model says where not given.
    settings_file : path, optional
        Settings of a model that fxray did not export.
    key_file, index_file : path, optional
        Of a raw archive, as for `fxcore.ingest.ingest`; a data set has none.
    as_is : bool
        Score a data set though it was made with other settings than the model expects.
    progress : Progress, optional

    Raises
    ------
    UsageError
        If arguments are given that are about another kind of source.
    FxrayError
        If model, source or output cannot be used, no output of the model is a finite number, or so many
        studies of an earlier run are missing that it looks like a mishap.
    """
    began = time.perf_counter()
    progress = progress or Silent()
    source, out = resolved(source), resolved(out)
    if not source.is_dir():
        raise ParameterError(f"{source} is not a folder; name a data set or a raw archive")
    check_whole("workers", workers, 0)
    cores = default_workers()
    # Several runs of the model at once, of a thread each, need not wait for each other as the threads of
    # one run do. With nothing said, both sides may have all cores: whichever is slower takes them.
    lanes = max(1, cores - workers) if workers else cores
    workers = workers or cores
    # Parquet that cannot be written is told now, not after hours of scoring.
    kind_of(out)
    loaded = Model(model, device=device, threads=1, batch=batch, settings_file=settings_file)
    if loaded.provider != CPU:
        lanes = 1
    settings = judged_by(loaded.settings, aggregate, threshold)
    note = threshold_note(loaded.settings, settings, threshold)
    for sentence in filter(None, (loaded.said, loaded.note, note)):
        progress.say(sentence)
    opened = open_source(source, out, settings, key_file=key_file, index_file=index_file, as_is=as_is)
    made_by = tool()
    identity: dict[str, Any] = {
        "version": made_by["version"],
        "model_sha256": loaded.digest,
        "settings": settings.of_pixels(),
        "provider": loaded.provider,
        **opened.identity,
    }
    summary = ScoreSummary(str(out))
    with (
        output_folder(out, identity, progress) as layout,
        open_executor(workers, "", opened.memory) as executor,
        opened.studies(layout, executor, progress) as studies,
    ):
        missing, done = _earlier(layout, studies.there, progress)
        missing.check(layout, source, studies.unread)
        progress.stage("Scoring studies", len(studies.there))
        counter = _Counter(layout, summary)
        tasks = _to_do(studies, done, counter, progress)
        batcher = Batcher(loaded, counter.done)
        with ScoringThreads(batcher, lanes, _WAITING * workers) as scoring:
            for prepared in each_study(preparing(settings.frame), tasks, executor, progress):
                scoring.put(prepared)
                progress.advance(counter.new())
        progress.advance(counter.new())
        counter.check()
        provenance = _provenance(made_by, identity, loaded, settings, device) | studies.told
        provenance |= {"settings_note": loaded.note, "threshold_note": note}
        provenance["seconds"] = round(time.perf_counter() - began, 3)
        summary.content = write_tables(layout, settings, provenance, studies.loose, studies.there)
        summary.studies_removed = missing.count
        if missing.count:
            progress.say(missing.said)
    summary.seconds = time.perf_counter() - began
    return summary


def judged_by(settings: ModelSettings, aggregate: str, threshold: float | None) -> ModelSettings:
    """Return the settings with another way to judge, where one is given.

    Raises
    ------
    ParameterError
        For one that the model cannot be judged by.
    """
    if aggregate:
        check_aggregate(aggregate, BY_MODEL)
        if (aggregate == BY_MODEL) != (settings.aggregate == BY_MODEL):
            what = "whole studies" if settings.aggregate == BY_MODEL else "single radiographs"
            raise ParameterError(f"the model scores {what}; it cannot be judged by {aggregate!r}")
        settings = replace(settings, aggregate=aggregate)
    return settings if threshold is None else replace(settings, threshold=threshold)


def threshold_note(of_model: ModelSettings, used: ModelSettings, threshold: float | None) -> str:
    """Say that the threshold was chosen for another way to judge than is used; empty where it was not."""
    if threshold is not None or used.aggregate == of_model.aggregate:
        return ""
    return (
        f"The threshold {used.threshold} was chosen for the aggregate {of_model.aggregate!r} and is used "
        f"for {used.aggregate!r}: sensitivity and specificity are not those of the model's evaluation; "
        "--threshold sets another."
    )


class _Counter:
    """Records each study when it is scored, in the scoring thread, and counts for the other."""

    def __init__(self, layout: Layout, summary: ScoreSummary) -> None:
        self._layout, self._summary = layout, summary
        self._told = 0
        self._not_finite = 0
        # Set by the thread that plans; the other counts are of the threads that score.
        self._scored_before = False

    def kept(self, scored: bool) -> None:
        """Count a study done by an earlier run."""
        self._summary.studies_kept += 1
        self._scored_before |= scored

    def done(self, score: StudyScore) -> None:
        write_score(self._layout, score)
        self._summary.radiographs_done += len(score.rows)
        self._not_finite += sum(reject.reason == NOT_FINITE for reject in score.rejects)
        self._summary.studies_done += 1

    def new(self) -> int:
        """Return how many studies were done since the last call."""
        done = self._summary.studies_done
        self._told, new = done, done - self._told
        return new

    def check(self) -> None:
        """Refuse a model that never gave a number: that is no result but a broken model."""
        if self._not_finite and not self._summary.radiographs_done and not self._scored_before:
            raise FxrayError(
                f"the model gave no finite number for any of {self._not_finite} inputs; it is broken, or its "
                "settings (dtype, mean, deviation) are not those it was trained with"
            )


def _earlier(
    layout: Layout, there: set[str], progress: Progress
) -> tuple[Missing, dict[str, tuple[str, bool]]]:
    """Return what is missing of an earlier run, and of each study fingerprint and whether it has scores."""
    missing, done = Missing(there), {}
    damaged: list[DataSetError] = []
    for found in read_scores(layout, damaged.append):
        missing.see(found.study_id, len(found.rows))
        # Where the fingerprint is empty, what was recorded may be otherwise by now.
        if found.fingerprint:
            done[found.study_id] = found.fingerprint, bool(found.rows)
    if damaged:
        progress.say(
            f"{len(damaged)} records of an earlier run in {layout.root} are damaged; their studies are "
            "scored again."
        )
    return missing, done


def _to_do(
    studies: Studies, done: dict[str, tuple[str, bool]], counter: _Counter, progress: Progress
) -> Iterator[StudyTask]:
    for task in studies.tasks:
        fingerprint, scored = done.get(task.study_id, ("", False))
        if fingerprint and fingerprint == task.fingerprint:
            counter.kept(scored)
            progress.advance(1)
        else:
            yield task


def _provenance(
    made_by: dict[str, str], identity: dict[str, Any], model: Model, settings: ModelSettings, device: str
) -> dict[str, Any]:
    return {
        **made_by,
        **identity,
        "model": {
            "file": model.path.name,
            "sha256": identity["model_sha256"],
            **{name: model.properties[name] for name in ("producer", "model") if name in model.properties},
        },
        "device_asked_for": device,
        "batch": model.batch,
        "threshold": settings.threshold,
        "aggregate": settings.aggregate,
        "classes": list(settings.classes),
        "settings_used": to_dict(settings),
        "versions": {
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "onnxruntime": __import__("onnxruntime").__version__,
        },
    }
