"""Raw data transformation: an archive of DICOM files or images becomes a PNG-CSV data set.

With steps it is `build`: both in one pass, with no PNG in between and the same bytes as the two.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from fxcore.archive import Plan
from fxcore.arguments import check_kind
from fxcore.catalogue import open_catalogue
from fxcore.config import to_dict
from fxcore.dataset.assemble import is_data_set, is_training_run
from fxcore.dataset.layout import Layout
from fxcore.errors import ParameterError, UsageError
from fxcore.executor import open_executor
from fxcore.index_file import check_index_place, default_index_file
from fxcore.jobs import IngestTask, require_files
from fxcore.labels import read_labels
from fxcore.link_file import LINK_HEADER, write_link_file
from fxcore.output import begun_settings, output_folder
from fxcore.places import check_apart, check_regular, resolved
from fxcore.progress import Progress, Silent
from fxcore.pseudonyms import default_key_file, load_key_of
from fxcore.run import Run, Summary, tool
from fxcore.settings import Settings
from fxcore.shards import Shard


def ingest(
    archive: Path,
    out: Path,
    *,
    labels: Path | None = None,
    key_column: str = "",
    label_column: str = "",
    empty_label: str = "",
    settings: Settings | None = None,
    steps: bool = False,
    key_file: Path | None = None,
    link_file: Path | None = None,
    index_file: Path | None = None,
    shard: Shard | None = None,
    workers: int = 0,
    scheduler: str = "",
    progress: Progress | None = None,
) -> Summary:
    """Turn the archive into a data set.

    Parameters
    ----------
    archive : Path
        Any tree of files. DICOM files and images are found by content.
    out : Path
        The data set: a new folder, or one that an interrupted run with the same settings began.
    labels : Path, optional
        CSV with a study key and a label; without it, class folders give the labels if there are any.
    key_column, label_column : str
        Columns of `labels`; guessed, and said, when empty.
    empty_label : str
        What an empty cell of the label's column stands for; see `fxcore.labels.read_labels`.
    settings : Settings, optional
        All settings; the defaults where not given.
    steps : bool
        Run the preprocessing steps too, before anything is written.
    key_file : Path, optional
        The pseudonym key, made on first use; see `fxcore.pseudonyms.default_key_file`.
    link_file : Path, optional
        Where to write which source file became which radiograph. It identifies patients' files: it
        must lie outside the data set.
    index_file : Path, optional
        Where the index of the archive is kept for the next run; see `fxcore.catalogue`.
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
    UsageError
        If arguments contradict each other.
    FxrayError
        If the archive, the labels, the key or the output folder cannot be used.
    """
    began = time.perf_counter()
    check_kind("settings", settings, Settings, "fxcore.config.read_toml makes one of a file")
    check_kind("shard", shard, Shard, "Shard.from_text makes one of a text")
    settings, progress = settings or Settings(), progress or Silent()
    archive, out = resolved(archive), resolved(out)
    if not labels and (key_column or label_column or empty_label):
        raise UsageError(
            "--key-column, --label-column and --empty-label are about a labels file; give it with --labels"
        )
    key_file, index_file = key_file or default_key_file(), index_file or default_index_file(archive)
    given = {"labels file": labels, "pseudonym key": key_file, "link file": link_file, "index": index_file}
    places = check_places(archive, out, given)
    table = read_labels(Path(labels), key_column, label_column, empty_label, archive.name) if labels else None
    pseudonyms = load_key_of(places["pseudonym key"], out, begun_settings(Layout(out)))
    config = {"ingest": to_dict(settings.ingest)} | ({"steps": to_dict(settings.steps)} if steps else {})
    made_by = tool()
    identity = {"version": made_by["version"], "config": config, "key_check": pseudonyms.key_check}
    limits = settings.ingest.pixels.limits
    # Before the output is touched: what it says of its arguments must not leave a mark there.
    executor = open_executor(
        workers,
        scheduler,
        settings.ingest.memory_bytes,
        folders=(archive, Layout(out).work),
        say=progress.say,
    )
    with (
        output_folder(out, identity, progress, shard) as layout,
        executor,
        open_catalogue(archive, limits, executor, progress, places["index"]) as catalogue,
    ):
        # Once more: a drive may have been disconnected while it was listed.
        require_files(archive)
        plan = Plan(catalogue, table, settings.ingest, pseudonyms)
        for sentence in plan.said:
            progress.say(sentence)
        if link_file:
            write_link_file(places["link file"], plan)
        there = plan.labels()
        to_do = sum(shard is None or shard.holds(study_id) for study_id in there)
        progress.stage("Building studies" if steps else "Ingesting studies", to_do)
        tasks = ingest_tasks(plan, archive, layout, settings, steps)
        run = Run(layout, executor, progress, shard, began)
        run.do_studies(tasks, there=there, source=archive, unread=plan.unread, labels=there)
        provenance: dict[str, Any] = {
            **made_by,
            "commands": ["build" if steps else "ingest"],
            **identity,
            "archive": plan.counts,
        }
        return run.finish(provenance, plan.rejects)


def ingest_tasks(
    plan: Plan, archive: Path, layout: Layout, settings: Settings, steps: bool
) -> Iterator[IngestTask]:
    """Yield what a worker has to do for each study of the plan."""
    for study in plan.studies():
        yield IngestTask(
            archive=str(archive),
            out=str(layout.root),
            study_id=study.study_id,
            patient_id=study.patient_id,
            label=study.label,
            fingerprint=study.fingerprint,
            files=study.files,
            config=settings.ingest,
            steps=settings.steps if steps else None,
            modified=study.modified,
            shard=layout.shard,
        )


def _data_set_around(path: Path) -> Path | None:
    return next((place for place in path.parents if is_data_set(Layout(place))), None)


def check_places(
    archive: Path, out: Path, files: Mapping[str, str | PathLike[str] | None]
) -> dict[str, Path]:
    """Check that `archive` holds files, `out` is apart from it, and what identifies patients from both.

    Returns
    -------
    dict
        Of the `files` that are given, the places that were checked: with links followed, now and not again.

    Raises
    ------
    ParameterError
    """
    if not archive.is_dir():
        raise ParameterError(f"the archive {archive} is not a folder")
    try:
        require_files(archive)
    except FileNotFoundError:
        raise ParameterError(
            f"the archive {archive}: the folder is empty; name another, or connect the drive that it is on"
        ) from None
    if is_training_run(archive):
        raise ParameterError(f"{archive} is a training run of fxray; name a raw archive")
    if is_data_set(Layout(archive)):
        raise ParameterError(f"{archive} is a data set already; use preprocess, or name a raw archive")
    if around := _data_set_around(archive):
        raise ParameterError(
            f"{archive} lies within the data set {around}: what is in it was made by fxray and is no raw "
            "archive; name the data set itself, or a raw archive"
        )
    check_apart(out, archive, "archive")
    places = {name: resolved(path) for name, path in files.items() if path}
    for name, option in (("pseudonym key", "--key"), ("link file", "--link")):
        if name in places:
            check_regular(places[name], name, option)
    check_index_place(places["index"], archive)
    for name in ("labels file", "pseudonym key", "link file"):
        if places["index"] == places.get(name):
            raise ParameterError(
                f"the index {places['index']} would take the place of the {name}; "
                "name another place with --index"
            )
    for name in ("pseudonym key", "link file", "index"):
        if name not in places:
            continue
        around = out if places[name].is_relative_to(out) else _data_set_around(places[name])
        if around:
            raise ParameterError(
                f"the {name} {places[name]} identifies patients; it must lie outside the data set {around}"
            )
    if link := places.get("link file"):
        if link in (places.get("labels file"), places["pseudonym key"]) or link.is_relative_to(archive):
            raise ParameterError(
                f"the link file {link} would take the place of a file that is needed; name another"
            )
        if not link.parent.is_dir():
            raise ParameterError(
                f"there is no folder {link.parent} for the link file; make it, or name another"
            )
        if link.exists() and not link.read_bytes().startswith(LINK_HEADER):
            raise ParameterError(f"{link} exists and is not a link file; name another")
    return places
