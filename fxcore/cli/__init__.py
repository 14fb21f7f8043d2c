"""The command line ``fxray``: a command parses, calls one function, prints."""

from __future__ import annotations

import sys

from fxcore.cli.signals import Stopped, ignore, listen


def main() -> None:
    """Entry point of the ``fxray`` program."""
    try:
        listen()
        # Imported here, so that Ctrl-C is heard while it loads.
        from fxcore.cli.app import app

        try:
            app(prog_name="fxray")
        finally:
            ignore()
    except Stopped as stopped:
        ignore()
        # Nothing was begun, so there is nothing to go on with.
        print(f"fxray: {stopped} Nothing was begun: run the same command again.", file=sys.stderr)
        sys.exit(stopped.exit_code)


__all__ = ["main"]
