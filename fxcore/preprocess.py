"""The steps over a whole data set: data set in, data set out."""

from __future__ import annotations

import time
from pathlib import Path

from fxcore.config import to_dict
from fxcore.dataset.assemble import LOOSE, read_provenance
from fxcore.dataset.journal import read_journal
from fxcore.dataset.layout import Layout
from fxcore.errors import DataSetError, ParameterError
from fxcore.executor import Executor, default_workers
from fxcore.jobs import PreprocessTask
from fxcore.run import Progress, Silent, Summary, do_studies, finish, output_folder, tool
from fxcore.settings import Settings


def preprocess(
    dataset: Path,
    out: Path,
    *,
    settings: Settings | None = None,
    workers: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """Run the preprocessing steps over a data set.

    Running it over its own output changes no image: every step recognises its marks.

    Parameters
    ----------
    dataset : Path
        A finished data set.
    out : Path
        The result: a new folder, or one that an interrupted run with the same settings began.
    settings : Settings, optional
        The steps' settings; the defaults where not given.
    workers : int
        Worker processes; 0 takes one for each core.
    progress : Progress, optional
        Told how far the run is.

    Raises
    ------
    FxrayError
        If the data set or the output folder cannot be used.
    """
    began = time.perf_counter()
    settings, progress = settings or Settings(), progress or Silent()
    source, out = Layout(dataset.resolve()), out.resolve()
    if out == source.root or out.is_relative_to(source.root) or source.root.is_relative_to(out):
        raise ParameterError(
            f"the output {out} and the data set {source.root} must not lie within each other"
        )
    earlier = read_provenance(source)
    if not source.journal.exists():
        raise DataSetError(f"{source.root} has no {source.journal.name}; ingest it again")
    config = earlier.get("config", {}) | {"steps": to_dict(settings.steps)}
    identity = {"version": tool()["version"], "config": config, "key_check": earlier.get("key_check", "")}
    summary = Summary(str(out))
    with output_folder(out, identity) as layout, Executor(workers or default_workers()) as executor:
        records = [record for record in read_journal(source) if record.study_id != LOOSE]
        loose = [
            reject for record in read_journal(source) if record.study_id == LOOSE for reject in record.rejects
        ]
        progress.stage("Preprocessing studies", len(records))
        tasks = (
            PreprocessTask(
                dataset=str(source.root),
                out=str(layout.root),
                record=record,
                steps=settings.steps,
                seconds_per_file=settings.ingest.seconds_per_file,
            )
            for record in records
        )
        studies = do_studies(layout, tasks, executor, progress, summary)
        provenance = {
            **tool(),
            "commands": [*earlier.get("commands", []), "preprocess"],
            **identity,
            "archive": earlier.get("archive", {}),
        }
        return finish(layout, summary, provenance=provenance, loose=loose, studies=studies, began=began)
