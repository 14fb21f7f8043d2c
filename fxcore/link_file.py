"""The link file: which source file has which pseudonyms. It identifies patients, and is the user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fxcore.dataset.replacing import replacing
from fxcore.dataset.tables import CONTROLS, FORMULA_WITHIN, cell, render_csv
from fxcore.errors import FxrayError

if TYPE_CHECKING:
    from fxcore.archive import Plan

LINK_HEADER = render_csv([("source_id", "study_id", "radiograph_id", "source")])

# What `cell` takes out of a text, or puts something before.
_NOT_IN_A_CELL = re.compile(rf"{CONTROLS}|^\s+|\s+$|{FORMULA_WITHIN}")
_ESCAPED = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


def write_link_file(path: Path, plan: Plan) -> None:
    """Write which source file has which pseudonyms; readable by its owner only.

    Raises
    ------
    FxrayError
        If it cannot be written.
    """

    def rows() -> Iterator[bytes]:
        yield LINK_HEADER
        for *names, source in plan.links():
            yield render_csv([(*names, escaped(source))])

    try:
        with replacing(path, 0o600) as beside, beside.open("wb") as file:
            file.writelines(rows())
    except OSError as error:
        raise FxrayError(f"cannot write the link file {path}: {error.strerror}") from error


def escaped(source: str) -> str:
    r"""Return a path as it may stand in a cell, another text for each path; `unescaped` gives it back.

    A backslash is doubled. ``\xNN`` stands for each byte of what is no UTF-8, of control characters, of
    blanks at either end, and of a character that would begin a formula, first or behind a semicolon.
    """
    doubled = os.fsencode(source).replace(b"\\", b"\\\\")
    text = _NOT_IN_A_CELL.sub(lambda found: _bytes_of(found[0]), doubled.decode("utf-8", "backslashreplace"))
    return text if cell(text) == text else _bytes_of(text[0]) + text[1:]


def unescaped(text: str) -> str:
    """Return the path that `escaped` wrote as `text`."""
    return os.fsdecode(
        _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\", text.encode())
    )


def _bytes_of(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())
