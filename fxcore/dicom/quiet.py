"""Keeps pydicom and decoders silent, and what they say of a file short: it may quote the file's values."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("pydicom")
# UIDs and paths have no place in a message.
_IDENTIFIER = re.compile(r"\d+(\.\d+){3,}|\S*[/\\]\S+")


@contextmanager
def quiet() -> Iterator[None]:
    """Let no warning and no pydicom log line out while the block runs.

    pydicom attaches a null handler to its logger, so that cutting the way to the root logger is
    enough. Both settings are those of the process: threads that read at once may lift the silence
    of each other early, processes do not.
    """
    propagate = _LOGGER.propagate
    _LOGGER.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _LOGGER.propagate = propagate


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere while a native decoder runs that writes to it.

    The OpenJPEG inside gdcm reports broken streams on the terminal and cannot be told not to.
    """
    try:
        saved = os.dup(2)
    except OSError:  # there is no descriptor 2 to be written to
        yield
        return
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
        finally:
            os.close(null)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def brief(error: BaseException) -> str:
    """Return what a decoder said, on one short line: the last line is the one that says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    return _IDENTIFIER.sub("...", text)[:160]
