"""The commands of ``fxray``, in the order of ``fxray --help``.

Heavy imports happen inside the command that needs them.
"""

from __future__ import annotations

from typing import Annotated

import typer

from fxcore import __version__
from fxcore.cli.bench import bench
from fxcore.cli.build import build, config, demo, ingest, labels, merge, preprocess, sheet, synth
from fxcore.cli.score import inspect, quantize, score
from fxcore.cli.train import evaluate, export, train, train_config

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turn a raw radiograph archive into a clean, model-ready data set.",
    epilog="Exit codes: **0** finished (what was dropped is in rejects.csv); **1** could not go on, with the "
    "reason on stderr; **2** wrong usage; **3** finished, but files that killed or hung "
    "a worker, took too much memory or met a fault of fxray were given up; **130** interrupted; "
    "**143** stopped by SIGTERM; **129** by SIGHUP (a closed terminal). Try it: `fxray demo`",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fxray {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command(epilog="Example: `fxray synth archive --studies 100 --seed 1 --truth`")(synth)
app.command(epilog="Example: `fxray ingest archive dataset --labels labels.csv`")(ingest)
app.command(epilog="Example: `fxray preprocess dataset ready --config pipeline.toml`")(preprocess)
app.command(epilog="Example: `fxray build archive ready --labels labels.csv --part wrist --part hand`")(build)
app.command(
    epilog="Example: `fxray build archive ready --shard 1/2`, then `2/2`, then `fxray merge ready`",
)(merge)
app.command(epilog="Example: `fxray labels archive --part wrist`")(labels)
app.command(epilog="Example: `fxray demo`")(demo)
app.command(epilog="Example: `fxray config > pipeline.toml`")(config)
app.command(epilog="Example: `fxray sheet ingested preprocessed sheet.png --count 20`")(sheet)
app.command(epilog="Example: `fxray train dataset run --model rx-lite --epochs 20`")(train)
app.command("train-config", epilog="Example: `fxray train-config > train.toml`")(train_config)
app.command(epilog="Example: `fxray evaluate run dataset`")(evaluate)
app.command(epilog="Example: `fxray export run model.onnx`")(export)
app.command(
    epilog="Exit code **4**: finished, but nothing could be scored. "
    "Example: `fxray score model.onnx archive scores`"
)(score)
app.command(epilog="Example: `fxray inspect model.onnx`")(inspect)
app.command(epilog="Example: `fxray quantize model.onnx dataset model-int8.onnx`")(quantize)
app.command(epilog="Example: `fxray bench kernels --quick`")(bench)
