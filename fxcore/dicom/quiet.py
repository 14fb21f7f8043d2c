"""Keeps pydicom silent: its warnings and log lines quote the values of the file."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("pydicom")


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
