"""``fxray bench``: measure fxray against what an expert writes with other libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxcore.cli.show import errors_for_people, print_table

if TYPE_CHECKING:
    from bench.results import Findings


class Family(StrEnum):
    """What is measured together, by one command: a module of the package ``bench`` each.

    It stands here because that package is imported when it is asked for and not before: any folder of
    that name where Python is started would otherwise stop every other command as well.
    """

    KERNELS = "kernels"
    DECODE = "decode"
    PNG = "png"
    PIPELINE = "pipeline"
    STARTUP = "startup"
    ACCURACY = "accuracy"
    SIZE = "size"
    SCORE = "score"
    TRAIN = "train"
    LEARNING = "learning"


def bench(
    family: Annotated[Family, typer.Argument(help="What to measure.")],
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    markdown: Annotated[
        list[Path] | None,
        typer.Option(help="Refresh this family's tables in a Markdown page; may be repeated."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw a bar chart; the ending says how (.svg, .png, .pdf).")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Folder for pictures of the worst cases (accuracy only).")
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Judge phantoms of this seed instead, may be repeated (accuracy only)."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few rounds, one size: about a minute.")] = False,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads of the rows that use all; 0: one for each core.")
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no tables.")] = False,
) -> None:
    """Measure speed against OpenCV, scikit-image, pydicom, and how often the steps are right."""
    with errors_for_people():
        from bench.outputs import check_outputs, write_figures
        from bench.run import run
        from bench.tables import write_markdown

        pages = markdown or ()
        check_outputs(family, json, pages, plot)
        findings = run(
            family, quick=quick, threads=threads, sheet=sheet, seeds=tuple(seed or ()), say=_teller(quiet)
        )
        # First of all: what is on the screen, a full disk cannot take away.
        if not quiet:
            _show(findings)
        if json:
            write_figures(findings, json)
        for page in pages:
            write_markdown(findings, page, plot)
        if plot:
            from bench.plot import plot as draw

            draw(findings, plot)


def _teller(quiet: bool) -> Callable[[str], None]:
    """Return what tells the user where the run is: one line, written over; no thread that takes time."""

    def say(text: str) -> None:
        if not quiet and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    return say


def _show(findings: Findings) -> None:
    from bench.tables import (
        COLUMNS,
        EXPLANATION,
        MARK_COLUMNS,
        cells,
        inputs,
        machine_text,
        mark_cells,
        without_empty_columns,
    )

    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    for name in inputs(findings):
        rows = [cells(result) for result in findings.results if result.input == name]
        print_table(name, *without_empty_columns(COLUMNS, rows))
    for table in findings.all_tables:
        print_table(table.title, table.columns, table.rows)
    if findings.marks:
        rows = [mark_cells(result) for result in findings.marks]
        print_table("Marks", *without_empty_columns(MARK_COLUMNS, rows))
    for text in (*findings.said, *(f"Not measured: {text}" for text in findings.skipped)):
        typer.echo(text)
    if findings.results:
        typer.echo(EXPLANATION)
    typer.echo(f"Measured on: {machine_text(findings)}. It took {findings.seconds:.0f} seconds.")
