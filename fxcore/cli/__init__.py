"""The command line ``fxray``: a command parses, calls one function, prints."""

from __future__ import annotations

import contextlib
import io
import sys

if sys.platform == "win32":
    sys.exit("fxray runs on Linux and macOS; on Windows, run it in WSL (Windows Subsystem for Linux)")

from fxcore.cli.signals import Stopped, ignore, listen

_COMMANDS_WITH_WORKERS = {"build", "demo", "ingest", "labels", "preprocess", "score", "synth"}
_OPTIONS_WITHOUT_WORKERS = {"--help", "-h", "--scheduler"}


def main() -> None:
    """Entry point of the ``fxray`` program."""
    listen()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the terminal has no letter for must not fail a run that is done; stderr is like that already.
        sys.stdout.reconfigure(errors="backslashreplace")
    # Imported from here on, so that Ctrl-C is heard while all that loads.
    if _takes_workers(sys.argv[1:]):
        from fxcore.forking import start_loading

        # Where it cannot be had, the run will say so.
        with contextlib.suppress(OSError):
            start_loading()
    from fxcore.cli.app import app

    try:
        app(prog_name="fxray")
    except Stopped as stopped:
        sys.exit(stopped.exit_code)
    finally:
        ignore()


def _takes_workers(arguments: list[str]) -> bool:
    """Guess whether a command will want worker processes here: they load while this process parses.

    A wrong guess costs a process that loads for nothing, or the wait for one that is started later.
    """
    named = {argument.partition("=")[0] for argument in arguments}
    return bool(arguments) and arguments[0] in _COMMANDS_WITH_WORKERS and not _OPTIONS_WITHOUT_WORKERS & named


__all__ = ["main"]
