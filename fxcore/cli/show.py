"""What a person sees: progress while a job runs, a table at its end, one sentence when it cannot go on."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

import fxcore.progress
from fxcore.cli.signals import Stopped, begin, heed, ignore
from fxcore.dataset.tables import naming, visible
from fxcore.errors import FxrayError, UsageError
from fxcore.json_text import json_text

EXIT_ERROR = 1
EXIT_QUARANTINED = 3

_SECONDS_BETWEEN_LINES = 10.0
_ANY_WIDTH = 1_000_000
_STANDARD_OUTPUT = Path("standard output")

_FAILS = "The disk or the connection to it fails. "
_GONE = "Was it removed, or a drive disconnected, while fxray was at work? "
_FORBIDDEN = "See that it may be read, or written if it is the output. "
_PROCESSES = "There is no room for another process or thread: see what else runs, and to ulimit -u. "
_FILES = "Too many files are open at once: see to the limit of them (ulimit -n). "
_WAY_OUT = {
    errno.EAGAIN: _PROCESSES,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: "There is no memory left: see what else runs. ",
    errno.ENOSPC: "Make room. ",
    errno.EDQUOT: "Make room. ",
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.ESTALE: _GONE,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _FORBIDDEN,
    errno.EXDEV: "An output lies on one drive: none of its folders may be a link to another. ",
    errno.EIO: _FAILS,
    errno.ETIMEDOUT: _FAILS,
    errno.EFBIG: "See to the limit of the size of files (ulimit -f). ",
}


class Bars:
    """Progress bars with rate and time left, on the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: Any = None
        self._clock = _Clock()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_stage()
        self._progress.stop()

    def stage(self, name: str, total: int | None) -> None:
        self._end_stage()
        self._clock = _Clock()
        self._task = self._progress.add_task(name, total=total, rate="")

    def advance(self, units: int) -> None:
        self._clock.count += units
        self._progress.update(self._task, advance=units, rate=f"{self._clock.rate:.1f}/s")

    def say(self, text: str) -> None:
        self._console.print(visible(text), highlight=False, markup=False)

    def _end_stage(self) -> None:
        if self._task is not None:
            # A stage of unknown length has found its total.
            self._progress.update(self._task, total=self._progress.tasks[self._task].completed)
            self._progress.stop_task(self._task)


class Lines:
    """Progress as plain log lines, where there is no terminal.

    A run of a night is not given up for a log that has no more room, or that nobody reads any more.
    """

    def __init__(self) -> None:
        self._name, self._total = "", 0
        self._clock = _Clock()
        self._last = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._line()

    def stage(self, name: str, total: int | None) -> None:
        self._line()
        self._name, self._total, self._clock = name, total or 0, _Clock()
        self._last = time.monotonic()

    def advance(self, units: int) -> None:
        self._clock.count += units
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._line()
            self._last = time.monotonic()

    def say(self, text: str) -> None:
        if sys.stderr is not None:
            with suppress(OSError):
                print(visible(text), file=sys.stderr, flush=True)

    def _line(self) -> None:
        if not self._name:
            return
        rate, left = self._clock.rate, self._total - self._clock.count
        of = f" of {self._total}" if self._total else ""
        remaining = f", {left / rate:.0f} s left" if rate and left > 0 and self._total else ""
        self.say(f"{self._name}: {self._clock.count}{of}, {rate:.1f}/s{remaining}")


class Heeding:
    """Passes progress on; each step of it is a moment at which the run can be stopped."""

    def __init__(self, display: fxcore.progress.Progress) -> None:
        self._display = display

    def stage(self, name: str, total: int | None) -> None:
        heed()
        self._display.stage(name, total)

    def advance(self, units: int) -> None:
        heed()
        self._display.advance(units)

    def say(self, text: str) -> None:
        self._display.say(text)


class _Clock:
    def __init__(self) -> None:
        self.began, self.count = time.monotonic(), 0

    @property
    def rate(self) -> float:
        return self.count / max(1e-9, time.monotonic() - self.began)


@contextmanager
def progress(quiet: bool) -> Iterator[Heeding]:
    """Begin a job: yield the progress display that fits, none, bars on a terminal, or log lines on stderr."""
    begin()
    console = Console(stderr=True)
    if quiet:
        yield Heeding(fxcore.progress.Silent())
        return
    with Bars(console) if console.is_terminal else Lines() as display:
        yield Heeding(display)


@contextmanager
def errors_for_people(go_on: str = "") -> Iterator[None]:
    """Turn what stops a command into one sentence on stderr and the documented exit code."""
    try:
        yield
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None
    except FxrayError as error:
        _fail(str(error))
    except Stopped as stopped:
        ignore()
        _fail(f"{stopped}{' ' + go_on if go_on else ''}", stopped.exit_code)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}. {_WAY_OUT.get(error.errno or 0, '')}{go_on}".rstrip())


def _fail(text: str, code: int = EXIT_ERROR) -> None:
    _print_in_red(f"fxray: {text}")
    raise typer.Exit(code)


def _print_in_red(text: str) -> None:
    # Where that cannot be, the exit code still says how it ended.
    with suppress(OSError, SystemExit):
        Console(stderr=True).print(visible(text), style="red", highlight=False, markup=False, soft_wrap=True)


def print_fault(files: int) -> None:
    """Say on stderr that files were given up for which fxray itself is to blame."""
    _print_in_red(
        f"fxray: {files} files were given up because of a fault of fxray itself, not of theirs (reason "
        "internal_error in rejects.csv). Please report it, with their messages."
    )


def number(value: Any) -> str:
    """Return a value for a table: of a fraction, four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_pairs(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print a table of names and values."""
    table = Table(title=_title(title), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(visible(value)))
    _print_whole(table)


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table with a header."""
    table = Table(title=_title(title), title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        # As text: what a file says must not be taken for markup or terminal control codes.
        table.add_row(*(Text(visible(text)) for text in row))
    _print_whole(table)


def _print_whole(table: Table) -> None:
    console = Console()
    if not console.is_terminal:
        # A file or a pipe takes lines of any length.
        console.width = _ANY_WIDTH
    with naming(_STANDARD_OUTPUT):
        console.print(table)


def _title(text: str) -> Text:
    return Text(visible(text), style="bold")


def print_json(values: Any) -> None:
    """Print machine-readable output on stdout, in ASCII: a path may hold what no encoding has.

    What is not a finite number, as the AUC of a single class, is null.
    """
    print_plain(json_text(values, ascii_only=True))


def print_plain(text: str) -> None:
    """Write text to stdout as it is; now, so that a full disk is noticed here."""
    if sys.stdout is None:
        raise FxrayError("standard output is closed; there is nowhere to print to")
    try:
        with naming(_STANDARD_OUTPUT):
            sys.stdout.write(text)
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough.
        raise typer.Exit(EXIT_ERROR) from None


def print_figures(quiet: bool, json: bool, title: str, figures: dict[str, object]) -> None:
    """Print the figures that a command ends with: as JSON, as a table, or not at all."""
    if json:
        print_json(figures)
    elif not quiet:
        print_pairs(
            title,
            (
                (name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
                for name, value in figures.items()
            ),
        )
