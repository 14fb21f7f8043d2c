"""``fxray build`` and all other commands on archives and data sets: parse, call one function, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxcore.cli.options import (
    Archive,
    ConfigFile,
    EmptyLabel,
    IndexFile,
    Json,
    KeyColumn,
    KeyFile,
    LabelColumn,
    Labels,
    LinkFile,
    MaxInstances,
    Part,
    Quiet,
    Scheduler,
    ShardText,
    Workers,
    above_zero,
    finite,
    value_of,
)
from fxcore.cli.show import (
    EXIT_QUARANTINED,
    errors_for_people,
    print_fault,
    print_figures,
    print_json,
    print_pairs,
    print_plain,
    print_table,
    progress,
)
from fxcore.cli.train import train_demo

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxcore.progress import Progress
    from fxcore.run import Summary
    from fxcore.settings import Settings
    from fxcore.shards import Shard

_GO_ON = "Nothing finished is lost: run the same command again to go on."


def synth(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    studies: Annotated[int, typer.Option(min=1, help="Number of studies.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 0,
    scale: Annotated[
        float,
        typer.Option(
            max=1.0,
            callback=above_zero,
            help="Size of the radiographs; 1: as real ones, 250 to 4,000 pixels a side.",
        ),
    ] = 1.0,
    displacement: Annotated[
        float,
        typer.Option(
            min=0.0,
            callback=finite,
            help="How far fractures are displaced; 1: many are subtle; 3: few are.",
        ),
    ] = 1.0,
    one_view: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Share of broken studies that show it in one view only."),
    ] = 0.0,
    truth: Annotated[bool, typer.Option("--truth", help="Also write truth.csv.")] = False,
    workers: Workers = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a phantom archive: synthetic wrist radiographs with all that makes real archives hard."""
    from fxcore.cores import default_workers
    from fxcore.phantom import synthesise

    with errors_for_people("Nothing was kept: run the same command again."), progress(quiet) as display:
        display.stage("Making studies", studies)
        made = synthesise(
            out,
            studies=studies,
            seed=seed,
            scale=scale,
            displacement=displacement,
            one_view=one_view,
            truth=truth,
            workers=workers or default_workers(),
            progress=display.advance,
        )
    with errors_for_people():
        print_figures(quiet, json, f"Phantom archive {out}", made.figures())


def ingest(
    archive: Archive,
    dataset: Annotated[Path, typer.Argument(help="Data set to make, or to go on with.")],
    labels: Labels = None,
    config: ConfigFile = None,
    key_column: KeyColumn = "",
    label_column: LabelColumn = "",
    empty_label: EmptyLabel = None,
    max_instances: MaxInstances = None,
    key: KeyFile = None,
    link: LinkFile = None,
    index: IndexFile = None,
    shard: ShardText = "",
    workers: Workers = 0,
    scheduler: Scheduler = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Raw data transformation: DICOM files and images become PNG + CSV, de-identified."""

    def job(display: Progress) -> Summary:
        from fxcore.ingest import ingest as run

        return run(
            archive,
            dataset,
            labels=labels,
            key_column=key_column,
            label_column=label_column,
            empty_label=empty_label or "",
            settings=_settings(config, max_instances=max_instances),
            key_file=key,
            link_file=link,
            index_file=index,
            shard=_shard(shard),
            workers=workers,
            scheduler=scheduler,
            progress=display,
        )

    _run(job, quiet, json)


def preprocess(
    dataset: Annotated[Path, typer.Argument(help="A finished data set.")],
    out: Annotated[Path, typer.Argument(help="Data set to make, or to go on with.")],
    config: ConfigFile = None,
    part: Part = None,
    shard: ShardText = "",
    workers: Workers = 0,
    scheduler: Scheduler = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Part filter, colour inversion, part splitter, rotation alignment: data set to data set."""

    def job(display: Progress) -> Summary:
        from fxcore.preprocess import preprocess as run

        return run(
            dataset,
            out,
            settings=_settings(config, parts=part),
            shard=_shard(shard),
            workers=workers,
            scheduler=scheduler,
            progress=display,
        )

    _run(job, quiet, json)


def build(
    archive: Archive,
    out: Annotated[Path, typer.Argument(help="Data set to make, or to go on with.")],
    labels: Labels = None,
    config: ConfigFile = None,
    key_column: KeyColumn = "",
    label_column: LabelColumn = "",
    empty_label: EmptyLabel = None,
    max_instances: MaxInstances = None,
    part: Part = None,
    key: KeyFile = None,
    link: LinkFile = None,
    index: IndexFile = None,
    shard: ShardText = "",
    workers: Workers = 0,
    scheduler: Scheduler = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Ingest and preprocess in one pass: the same bytes, with no PNG in between."""

    def job(display: Progress) -> Summary:
        from fxcore.build import build as run

        return run(
            archive,
            out,
            labels=labels,
            key_column=key_column,
            label_column=label_column,
            empty_label=empty_label or "",
            settings=_settings(config, max_instances=max_instances, parts=part),
            key_file=key,
            link_file=link,
            index_file=index,
            shard=_shard(shard),
            workers=workers,
            scheduler=scheduler,
            progress=display,
        )

    _run(job, quiet, json)


def merge(
    out: Annotated[Path, typer.Argument(help="Data set that was made in shards.")],
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Complete a data set that was made in shards, when all of them are done."""

    def job(display: Progress) -> Summary:
        from fxcore.merge import merge as run

        return run(out, progress=display)

    _run(job, quiet, json)


def labels(
    source: Annotated[Path, typer.Argument(metavar="ARCHIVE|DATASET", help="A raw archive or a data set.")],
    config: ConfigFile = None,
    part: Part = None,
    index: IndexFile = None,
    workers: Workers = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List the free-text body-part labels and what the part filter would do with each."""
    from fxcore.label_histogram import label_histogram

    with errors_for_people():
        with progress(quiet) as display:
            rows = label_histogram(
                source,
                _settings(config, parts=part),
                index_file=index,
                workers=workers,
                progress=display,
            )
        if json:
            print_json([row.figures() for row in rows])
        elif not quiet:
            columns = ("label", "count", "recognised as", "how", "decision")
            print_table(f"Body-part labels of {source}", columns, (row.texts() for row in rows))


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put it.")] = Path("fxray-demo"),
    train: Annotated[bool, typer.Option(help="Go on to a trained model; with --json: never.")] = True,
    workers: Workers = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a phantom archive and build a data set from it, in under two minutes.

    Where the packages of training are installed, also train a small model, evaluate and export it, and
    score the archive by it.
    """

    def job(display: Progress) -> Summary:
        from fxcore.demo import demo as run

        return run(folder, workers=workers, progress=display)

    _run(job, quiet, json)
    if train and not json:
        train_demo(folder, quiet)


def config() -> None:
    """Print all settings with their defaults as TOML, to edit and give to `--config`."""
    from fxcore.config import to_toml
    from fxcore.settings import Settings

    with errors_for_people():
        print_plain(to_toml(Settings()))


def sheet(
    before: Annotated[Path, typer.Argument(help="Data set as ingested.")],
    after: Annotated[Path, typer.Argument(help="The same data set, preprocessed.")],
    out: Annotated[Path, typer.Argument(help="PNG file to write.")],
    count: Annotated[int, typer.Option(min=1, help="Number of radiographs, spread over the data set.")] = 20,
) -> None:
    """Draw a contact sheet: radiographs before the steps, and what became of each."""
    from fxcore.contact_sheet import contact_sheet

    with errors_for_people():
        contact_sheet(before, after, out, count=count)


def _settings(
    path: Path | None, *, max_instances: int | None = None, parts: list[str] | None = None
) -> Settings:
    from dataclasses import replace

    from fxcore.config import read_toml
    from fxcore.settings import Settings

    settings = read_toml(Settings, path) if path else Settings()
    if max_instances is not None:
        settings = replace(settings, ingest=replace(settings.ingest, max_instances=max_instances))
    if parts:
        with value_of("--part"):
            chosen = replace(settings.steps.part_filter, parts=tuple(parts))
        settings = replace(settings, steps=replace(settings.steps, part_filter=chosen))
    return settings


def _shard(text: str) -> Shard | None:
    from fxcore.shards import Shard

    with value_of("--shard"):
        return Shard.from_text(text) if text else None


def _run(job: Callable[[Progress], Summary], quiet: bool, json: bool) -> None:
    """Run a job with its progress shown, print how it ended, and leave with the documented exit code."""
    with errors_for_people(_GO_ON):
        with progress(quiet) as display:
            summary = job(display)
        from fxcore.report import summary_figures, summary_rows

        if json:
            print_json(summary_figures(summary))
        elif not quiet:
            print_pairs("Done", summary_rows(summary))
        if summary.faults:
            print_fault(summary.faults)
        if summary.quarantined:
            raise typer.Exit(EXIT_QUARANTINED)
