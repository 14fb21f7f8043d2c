"""Images that several studies have, under other identifiers: no study may be judged by one trained on."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from fxtrain.table import Table

# Bytes at the end of a PNG, with the checksums of its pixels and of the chunk that holds them.
_END = 32


def studies_with_copies(table: Table) -> list[list[int]]:
    """Return the studies that have one and the same image, for each image that several have.

    Images are told by their files: of the same pixels, fxray writes the same bytes. Only files that end alike
    are read whole. One that cannot be read is for others to tell of.

    Parameters
    ----------
    table : Table

    Returns
    -------
    list of list of int
        Indices of studies, in ascending order.
    """
    by_end: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index in range(len(table)):
        with suppress(OSError), table.path(index).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END))
            by_end[size, file.read()].append(index)
    found: dict[bytes, set[int]] = defaultdict(set)
    for alike in by_end.values():
        if len({int(table.study[index]) for index in alike}) > 1:
            for index in alike:
                with suppress(OSError):
                    digest = hashlib.sha256(table.path(index).read_bytes()).digest()
                    found[digest].add(int(table.study[index]))
    return sorted(sorted(studies) for studies in found.values() if len(studies) > 1)


def said_of_copies(table: Table, copies: Iterable[list[int]]) -> str:
    """Say which images several studies have, and of how many the labels differ; empty if none."""
    copies = list(copies)
    if not copies:
        return ""
    several = {study for studies in copies for study in studies}
    unlike = sum(len({bool(table.broken[study]) for study in studies}) > 1 for studies in copies)
    first = ", ".join(table.studies[study] for study in copies[0][:2])
    said = (
        f"{len(copies)} images are each in several studies, {len(several)} in all, under other identifiers "
        f"(the first in {first}): such studies are split as if they were of one patient."
    )
    if unlike:
        said += f" {unlike} of these images are both broken and not broken by their labels."
    return said
