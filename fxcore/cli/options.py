"""Arguments and options that several commands have: the same name, letter and help everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from fxcore.errors import ParameterError


@contextmanager
def value_of(option: str) -> Iterator[None]:
    """Let what is wrong with the value of an option be wrong usage, with the exit code of that.

    Raises
    ------
    typer.BadParameter
        In place of a `ParameterError`.
    """
    try:
        yield
    except ParameterError as error:
        raise typer.BadParameter(str(error), param_hint=f"'{option}'") from None


def finite(value: float) -> float:
    """Refuse infinity, where an option has no most.

    Raises
    ------
    typer.BadParameter
    """
    if not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


def above_zero(value: float) -> float:
    """Refuse zero, which an option's least cannot leave out.

    Raises
    ------
    typer.BadParameter
    """
    if not value > 0:
        raise typer.BadParameter(f"{value} is not above 0")
    return value


Archive = Annotated[Path, typer.Argument(help="Folder with DICOM files or images, in any folder shape.")]
Workers = Annotated[
    int, typer.Option("--workers", "-j", min=0, help="Worker processes; 0: one for each core.")
]
Scheduler = Annotated[
    str,
    typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler; see docs/clusters.md."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings as TOML; see `fxray config`.")]
Labels = Annotated[
    Path | None, typer.Option(help="CSV with a study key and a label. Without it: class folders.")
]
KeyColumn = Annotated[
    str, typer.Option(help="Column of the labels file with the study key; guessed when not given.")
]
LabelColumn = Annotated[
    str, typer.Option(help="Column of the labels file with the label; guessed when not given.")
]
EmptyLabel = Annotated[
    Literal["broken", "not_broken", "none"] | None,
    typer.Option(help="What an empty cell of that column stands for."),
]
KeyFile = Annotated[
    Path | None, typer.Option("--key", help="Pseudonym key; made on first use. Default: the user's own.")
]
LinkFile = Annotated[
    Path | None, typer.Option("--link", help="Also write which file became what. Identifies patients!")
]
IndexFile = Annotated[
    Path | None,
    typer.Option("--index", help="Where the index of the archive is kept. Default: the user's cache."),
]
ShardText = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Do one share of the studies; then `fxray merge`.")
]
MaxInstances = Annotated[
    int | None, typer.Option(min=0, help="Drop studies with more radiographs; 0 keeps all.")
]
Part = Annotated[
    list[str] | None, typer.Option("--part", help="Anatomic part to keep (repeatable); any: all of them.")
]
