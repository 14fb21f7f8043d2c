"""The command line ``fxray``: a command parses, calls one function, prints."""

from fxcore.cli.app import app


def main() -> None:
    """Entry point of the ``fxray`` program."""
    app(prog_name="fxray")


__all__ = ["app", "main"]
