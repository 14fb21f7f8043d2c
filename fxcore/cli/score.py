"""``fxray score``, ``inspect``, ``quantize``: what the command line adds to `fxserve`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fxcore.cli.options import Json, Quiet, value_of
from fxcore.cli.show import (
    EXIT_QUARANTINED,
    errors_for_people,
    number,
    print_json,
    print_pairs,
    print_plain,
    print_table,
    progress,
)
from fxcore.extras import SCORING

if TYPE_CHECKING:
    from fxserve.score import ScoreSummary

EXIT_NOTHING_SCORED = 4

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX file, as `fxray export` writes it.")]
Device = Annotated[
    str, typer.Option(help="auto: a GPU if there is one, else the CPU; or cpu, cuda, cuda:1...")
]
Batch = Annotated[
    int,
    typer.Option(min=0, help="Images in one run of a model that takes any number; 0: by the device."),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="TOML file about a model of others. Default: the one beside it."),
]

_GO_ON = "Nothing scored is lost: run the same command again to go on."


def score(
    model: ModelFile,
    source: Annotated[Path, typer.Argument(metavar="ARCHIVE|DATASET", help="What to score.")],
    out: Annotated[
        Path, typer.Argument(help="Folder to make, or to go on with; NAME.parquet: with Parquet tables.")
    ],
    device: Device = "auto",
    batch: Batch = 0,
    workers: Annotated[
        int, typer.Option("--workers", "-j", min=0, help="Processes that decode; 0: one for each core.")
    ] = 0,
    aggregate: Annotated[
        str, typer.Option(help="Judge a study by: alo, majority, mean, model. Default: as the model says.")
    ] = "",
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Positive from this probability on. Default: as the model says."),
    ] = None,
    settings: SettingsFile = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Pseudonym key of an archive. Default: the user's own.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="Where the index of an archive is kept.")
    ] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Score a data set though it was made with other settings.")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score studies: probabilities, decisions and what was left out, as tables. Not a diagnosis."""
    with errors_for_people(_GO_ON), SCORING.needed():
        from fxcore.aggregate import BY_MODEL, check_aggregate
        from fxserve.device import check_device
        from fxserve.model import check_batch
        from fxserve.score import score as job

        with value_of("--device"):
            check_device(device)
        with value_of("--batch"):
            check_batch(batch)
        if aggregate:
            with value_of("--aggregate"):
                check_aggregate(aggregate, BY_MODEL)
        with progress(quiet) as display:
            summary = job(
                model,
                source,
                out,
                device=device,
                batch=batch,
                workers=workers,
                aggregate=aggregate,
                threshold=threshold,
                settings_file=settings,
                key_file=key,
                index_file=index,
                as_is=as_is,
                progress=display,
            )
        if json:
            print_json(summary.figures())
        elif not quiet:
            print_scored(summary)
        if summary.quarantined:
            raise typer.Exit(EXIT_QUARANTINED)
        if not summary.scored:
            raise typer.Exit(EXIT_NOTHING_SCORED)


def inspect(
    model: ModelFile,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print settings to begin with, for a model of others.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what an ONNX model takes and gives, and what fxray wrote into it."""
    with errors_for_people(), SCORING.needed():
        from fxserve.inspect import inspect as job
        from fxserve.inspect import settings_template

        if toml:
            print_plain(settings_template(model))
            return
        found = job(model)
        if json:
            print_json(found)
            return
        print_pairs(
            f"Model {model.name}",
            itertools.chain.from_iterable(_leaves(*item) for item in found.items() if item[0] != "nodes"),
        )
        columns = ("side", "name", "type", "shape")
        print_table("Inputs and outputs", columns, (node.values() for node in found["nodes"]))


def quantize(
    model: ModelFile,
    dataset: Annotated[Path, typer.Argument(help="Data set with radiographs to calibrate by.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="File to write.")],
    count: Annotated[int, typer.Option(min=1, help="Radiographs to calibrate by.")] = 128,
    settings: SettingsFile = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Take a data set though it was made with other settings.")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make an int8 model, and compare it with the first: AUC and speed, in one run on the CPU."""
    with errors_for_people(), SCORING.needed():
        from fxserve.quantize import quantize as job

        with progress(quiet) as display:
            found = job(
                model, dataset, out, count=count, settings_file=settings, as_is=as_is, progress=display
            )
        if json:
            print_json(found)
        elif not quiet:
            print_pairs("Quantized", ((name.replace("_", " "), _figure(v)) for name, v in found.items()))


def _figure(value: Any) -> str:
    # Of the figures, an AUC alone may be missing.
    return "needs radiographs of both labels" if value is None else number(value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield each setting within a value, named as in a TOML file; anything else by itself."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}", inner)
    elif isinstance(value, list | dict):
        yield name, ", ".join(map(str, value)) or "none"
    else:
        # As it is stored: a threshold without its last digits may decide otherwise.
        yield name if "." in name else name.replace("_", " "), str(value)


def print_scored(summary: ScoreSummary) -> None:
    """Print what a run of scoring did."""
    print_pairs("Scored", _rows(summary))


def print_studies(scores: Path, count: int) -> None:
    """Print the first studies of a finished scoring, with their probabilities."""
    from fxcore.dataset.tables import read_csv

    names = ("study_id", "probability", "prediction", "views")
    rows = ([row[name] for name in names] for row in read_csv(scores / "studies.csv"))
    title = f"The first studies of {scores / 'studies.csv'}"
    print_table(title, (name.replace("_", " ") for name in names), itertools.islice(rows, count))


def _rows(summary: ScoreSummary) -> Iterator[tuple[str, str]]:
    counts = summary.content["counts"]
    yield "results", summary.out
    yield "run by", summary.content["provider"]
    for name in ("radiographs_scored", "studies_scored", "studies_not_scored"):
        yield name.replace("_", " "), f"{counts[name]:,}"
    if summary.studies_kept:
        yield "of these studies done by an earlier run", f"{summary.studies_kept:,}"
    if summary.studies_removed:
        yield "studies removed, not there any more", f"{summary.studies_removed:,}"
    for name, count in counts["predicted"].items():
        yield f"predicted {name}", f"{count:,}"
    for reason, count in counts["rejects"].items():
        yield f"left out: {reason}", f"{count:,}"
    yield "seconds", f"{summary.seconds:.1f}"
    yield "note", summary.content["statement"]
