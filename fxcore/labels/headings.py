"""Whether a table has headings, and which of them may be repeated in a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fxcore.errors import ParameterError
from fxcore.labels.keys import KINDS_BY_NAME, is_uid
from fxcore.labels.spelling import heading, label_family
from fxcore.labels.words import plain

# What headings do not hold, but numbers, identifiers and names of patients do.
_PATIENT = re.compile(r"\d{3}|\d\.\d|\^")
ENOUGH = 0.5  # of a column's values must be labels for it to be believed

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Headings:
    """The names of the columns, which are numbers where there are no headings.

    Names that may be those of a patient, above a table without headings, are in no message: they are repeated
    where `known`.
    """

    names: tuple[str, ...]
    found: bool
    known: bool

    def all(self) -> str:
        """Name the columns for a message."""
        if not self.known or any(_PATIENT.search(name) for name in self.names):
            return f"it has {len(self.names)} columns and no headings that are known"
        return f"its columns are: {', '.join(self.names)}"

    def one(self, column: int) -> str:
        """Name one column for a message."""
        name = self.names[column]
        return f"number {column + 1}" if not self.known or _PATIENT.search(name) else repr(name)

    def some(self, columns: Sequence[int]) -> str:
        """Name several columns for a message."""
        return ", ".join(self.one(column) for column in columns)

    def position(self, wanted: str, option: str, where: str) -> int:
        """Return which column an option names: by its heading, or by its number from 1.

        Raises
        ------
        ParameterError
            If none, or several.
        """
        for matches in (
            [i for i, name in enumerate(self.names) if name == wanted],
            [i for i, name in enumerate(self.names) if plain(name) == plain(wanted)],
        ):
            if len(matches) == 1:
                return matches[0]
        if wanted.isdecimal() and 1 <= int(wanted) <= len(self.names):
            return int(wanted) - 1
        raise ParameterError(f"{where} has no single column {wanted!r} ({option}); {self.all()}")


def headings_of(rows: Rows) -> Headings:
    """Return the headings above `rows`, some of the first of the table."""
    first = tuple(cell.strip() for cell in rows[0])
    if not _has_header(rows):
        return Headings(tuple(str(i + 1) for i in range(max(len(row) for row in rows))), False, False)
    # A word for a class may also stand beside the name of a patient.
    known = any(
        plain(cell) in KINDS_BY_NAME or (heading(cell).known and not label_family(cell)) for cell in first
    )
    return Headings(first, True, known)


def _has_header(rows: Rows) -> bool:
    """Tell whether the first row names the columns: it names a key, or holds neither a UID nor such a label.

    A column may be named ``fractured`` and hold 0 and 1; a column without a name starts as it goes on.
    """
    first, below = [cell.strip() for cell in rows[0]], rows[1:]
    if any(plain(cell) in KINDS_BY_NAME for cell in first):
        return True
    if any(is_uid(cell) for cell in first):
        return False
    for i, cell in enumerate(first):
        if family := label_family(cell):
            families = [label_family(value) for value in values_of(below, i)]
            enough = ENOUGH * len(families)
            # Of numbers and answers one is enough; a word for a class may be a heading.
            alike = enough if family == "class" else min(1, len(families))
            if families.count(family) >= alike and len(families) - families.count("") >= enough:
                return False
    return True


def values_of(rows: Rows, column: int) -> list[str]:
    """Return what is in a column, without the empty cells."""
    return [row[column] for row in rows if column < len(row) and row[column].strip()]
