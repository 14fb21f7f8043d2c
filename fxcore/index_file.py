"""Where the index of an archive is kept, and whether what lies there is one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

from fxcore.errors import ParameterError
from fxcore.places import check_regular, resolved
from fxcore.user_folders import user_folder

APPLICATION_ID = int.from_bytes(b"fxra", "big")
"""What the head of a database says of whose it is (SQLite file format, section 1.3.18)."""


# What a file of SQLite begins with, and where in its head the number stands (section 1.3).
_MAGIC = b"SQLite format 3\0"
_APPLICATION_AT = 68


def default_index_file(archive: Path) -> Path:
    """Where the index of `archive` is kept: in the cache folder of the user.

    Raises
    ------
    ParameterError
        If there is no such folder.
    """
    cache = user_folder("XDG_CACHE_HOME", ".cache", "index of the archive", "--index")
    return cache / "fxray" / f"{hashlib.sha256(os.fsencode(archive)).hexdigest()[:24]}.index"


def is_default_index_file(place: Path, archive: Path) -> bool:
    """Tell whether `place`, with links followed, is where the index of `archive` is kept by default."""
    try:
        return place == resolved(default_index_file(archive))
    except ParameterError:
        return False


def check_index_place(place: Path, archive: Path) -> None:
    """Check that the index of `archive` may be kept at `place`; both with links followed.

    Raises
    ------
    ParameterError
    """
    check_regular(place, "index", "--index")
    if place.is_relative_to(archive):
        raise ParameterError(
            f"the index {place} must not lie within the archive; name another place with --index"
        )
    if not is_default_index_file(place, archive):
        # What lies in the cache is of fxray, and if it is damaged made anew.
        check_index_file(place)


def check_index_file(place: Path) -> None:
    """Check that `place` may be written: that no file is there, or an index, be it damaged.

    Raises
    ------
    ParameterError
    """
    try:
        with place.open("rb") as file:
            head = file.read(_APPLICATION_AT + 4)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ParameterError(
            f"cannot read the index {place}: {error.strerror}; name another place with --index"
        ) from error
    ours = head.startswith(_MAGIC) and head[_APPLICATION_AT:] == APPLICATION_ID.to_bytes(4, "big")
    if head and not ours and not _is_of_before(place):
        raise ParameterError(
            f"{place} exists and is not an index of fxray, so it is not overwritten; "
            "name another place with --index, or remove it"
        )


def _is_of_before(place: Path) -> bool:
    """Tell whether it is an index from before its head said so: by its tables, these and no others."""
    try:
        # Nothing is to be made beside it, as for a database that others use.
        address = f"{place.as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        return False
    return tables == {"made_with", "files"}
