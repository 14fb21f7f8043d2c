"""A file that several runs may write at once, where no lock of a data set is held: the last to end wins."""

from __future__ import annotations

import fcntl
import glob
import os
import platform
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fxcore.dataset.layout import PARTIAL

# Where locks hold on one machine alone, a file of another is left alone for as long as it may be written.
_SECONDS_OF_OTHERS = 86_400.0


@contextmanager
def replacing(place: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield a new, empty file beside `place`, which takes its place at the end of the block.

    A block that is broken off leaves nothing. What one that was killed left is removed by the next for the
    same place: by its lock, which the system lets go of when a process ends, it is told from what is
    being written now.

    Parameters
    ----------
    place : pathlib.Path
    mode : int
        Of the new file, less what the process' umask takes away.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    _remove_abandoned(place)
    descriptor, beside = _locked(place, mode)
    try:
        yield beside
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _locked(place: Path, mode: int) -> tuple[int, Path]:
    while True:
        beside = place.with_name(f"{place.name}.{platform.node()}-{secrets.token_hex(4)}{PARTIAL}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        # Without such locks in this file system nothing is ever taken for abandoned.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Before it was locked, another run may have taken it for abandoned.
        if beside.exists():
            return descriptor, beside
        os.close(descriptor)


def _remove_abandoned(place: Path) -> None:
    """Remove what killed runs left beside `place`, where it may be looked at and removed."""
    for path in place.parent.glob(f"{glob.escape(place.name)}.*-{'[0-9a-f]' * 8}{PARTIAL}"):
        own = path.name.startswith(f"{place.name}.{platform.node()}-")
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if own or time.time() - os.fstat(file.fileno()).st_mtime > _SECONDS_OF_OTHERS:
                path.unlink()
