"""The command line ``fxray``: a command parses, calls one function, prints."""

from __future__ import annotations

import sys

from fxcore.cli.signals import Stopped, ignore, listen


def main() -> None:
    """Entry point of the ``fxray`` program."""
    listen()
    # Imported here, so that Ctrl-C is heard while it loads.
    from fxcore.cli.app import app

    try:
        app(prog_name="fxray")
    except Stopped as stopped:
        sys.exit(stopped.exit_code)
    finally:
        ignore()


__all__ = ["main"]
