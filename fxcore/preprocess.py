"""The steps over a whole data set: data set in, data set out."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fxcore.arguments import check_kind
from fxcore.config import to_dict
from fxcore.dataset.assemble import LOOSE, read_finished_provenance, source_fingerprint
from fxcore.dataset.journal import read_journal, read_journal_largest_first
from fxcore.dataset.layout import Layout
from fxcore.dataset.tables import read_csv
from fxcore.errors import DataSetError, ParameterError
from fxcore.executor import open_executor
from fxcore.jobs import PreprocessTask
from fxcore.made_before import hindrance
from fxcore.output import output_folder
from fxcore.places import check_apart, resolved
from fxcore.progress import Progress, Silent
from fxcore.run import Run, Summary, tool
from fxcore.settings import Settings
from fxcore.shards import Shard
from fxcore.study import Reject


def preprocess(
    dataset: Path,
    out: Path,
    *,
    settings: Settings | None = None,
    shard: Shard | None = None,
    workers: int = 0,
    scheduler: str = "",
    progress: Progress | None = None,
) -> Summary:
    """Run the preprocessing steps over a data set.

    Running it over its own output changes no image: every step recognises its marks. Other settings than
    those it was made with are refused then, but for more steps after the last one, and fewer parts.

    Parameters
    ----------
    dataset : Path
        A finished data set.
    out : Path
        The result: a new folder, or one that an interrupted run with the same settings began.
    settings : Settings, optional
        The steps' settings; the defaults where not given.
    shard : Shard, optional
        Do this share of the studies only; `fxcore.merge` completes the data set when all are done.
    workers : int
        Worker processes; 0 takes one for each core.
    scheduler : str
        Address of a Dask scheduler, whose workers do the work then; see `fxcore.cluster`.
    progress : Progress, optional
        Told how far the run is.

    Raises
    ------
    FxrayError
        If the data set or the output folder cannot be used.
    """
    began = time.perf_counter()
    check_kind("settings", settings, Settings, "fxcore.config.read_toml makes one of a file")
    check_kind("shard", shard, Shard, "Shard.from_text makes one of a text")
    settings, progress = settings or Settings(), progress or Silent()
    source, out = Layout(resolved(dataset)), resolved(out)
    check_apart(out, source.root, "data set")
    earlier = read_finished(source)
    _check_steps(source, earlier, settings)
    config = earlier.get("config", {}) | {"steps": to_dict(settings.steps)}
    made_by = tool()
    identity = {"version": made_by["version"], "config": config, "key_check": earlier.get("key_check", "")}
    # Before the output is touched: what it says of its arguments must not leave a mark there.
    executor = open_executor(
        workers,
        scheduler,
        settings.ingest.memory_bytes,
        folders=(source.root, Layout(out).work),
        say=progress.say,
    )
    with (
        output_folder(out, identity, progress, shard) as layout,
        executor,
    ):
        there = {record.study_id for record in read_journal(source) if record.study_id != LOOSE}
        to_do = sum(shard is None or shard.holds(study_id) for study_id in there)
        progress.stage("Preprocessing studies", to_do)
        tasks = (
            PreprocessTask(
                dataset=str(source.root),
                out=str(layout.root),
                record=record,
                steps=settings.steps,
                seconds_per_file=settings.ingest.seconds_per_file,
                shard=layout.shard,
            )
            for record in read_journal_largest_first(source)
            if record.study_id != LOOSE
        )
        run = Run(layout, executor, progress, shard, began)
        run.do_studies(tasks, there=there, source=source.root)
        provenance = {
            **made_by,
            "commands": [*earlier.get("commands", []), "preprocess"],
            **identity,
            "archive": earlier.get("archive", {}),
        }
        return run.finish(provenance, lambda: loose_rejects(source))


def _check_steps(source: Layout, earlier: dict[str, Any], settings: Settings) -> None:
    """Refuse settings that would do nothing, or not what they say, as steps have run with others before."""
    done = earlier.get("config", {}).get("steps")
    if done is not None and (found := hindrance(done, settings.steps)):
        raise ParameterError(
            f"{source.root} was preprocessed before, with other settings ({found}), and a step leaves alone "
            "what it has done; name the data set that it was made from, or one that fxray ingest makes"
        )


def read_finished(source: Layout) -> dict[str, Any]:
    """Return what ``dataset.json`` says of a data set to work on.

    Raises
    ------
    DataSetError
        If it is none, not finished, or of files that do not belong together.
    """
    content = read_finished_provenance(source)
    if source_fingerprint(read_journal(source)) != content.get("source_fingerprint"):
        raise DataSetError(
            f"{source.journal} does not belong to {source.provenance}; make the data set again"
        )
    _check_table(source)
    return content


def _check_table(source: Layout) -> None:
    """Refuse a data set whose table at the root was edited: it has other radiographs than its studies.

    The steps and scoring go by the tables of the studies, and would silently bring back what was left out.
    """
    surplus = Counter((row.get("label", ""), row.get("study_id", "")) for row in read_csv(source.metadata))
    for record in read_journal(source):
        if record.radiographs:
            place = record.label, record.study_id
            surplus[place] -= record.radiographs
            if not surplus[place]:
                del surplus[place]
    if surplus:
        (label, study_id), more = min(surplus.items())
        raise DataSetError(
            f"{source.metadata} does not have the radiographs of the studies: it has {abs(more)} "
            f"{'more' if more > 0 else 'fewer'} of study {study_id} in {label} than were made, and "
            f"{len(surplus)} such differences. Training goes by this table; preprocess and score go by the "
            "metadata.csv of each study. Leave rows out here in the data set that is trained on only; to "
            "have the table as it was, run the command again that made the data set"
        )


def loose_rejects(source: Layout) -> Iterator[Reject]:
    """Yield what was dropped outside any study; its records stand first in the journal."""
    records = itertools.takewhile(lambda record: record.study_id == LOOSE, read_journal(source))
    return itertools.chain.from_iterable(record.rejects for record in records)
