"""What the processes that fxray starts import: from where it does, and not the program's main module."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from multiprocessing import spawn
from pathlib import Path
from typing import Any

_lock = threading.RLock()


def import_environment() -> dict[str, str]:
    """Return the variables with which a Python process has the import path of this one.

    Without them, one that is started with ``-c``, as those of `multiprocessing` are, looks for every module
    in the working directory first: in an archive, a file of that name would be run. Where Python was told to
    heed no variables (``-E``), add ``-P`` to be safe from that.
    """
    # Other types than text are passed over by imports too; an empty entry stands for the working directory.
    here = ""
    with contextlib.suppress(OSError):
        here = str(Path.cwd())
    entries = [entry or here for entry in sys.path if isinstance(entry, str)]
    # What has a separator in its name cannot be passed on; its pieces must not be taken for folders.
    passed = os.pathsep.join(entry for entry in entries if entry and os.pathsep not in entry)
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": passed}


@contextlib.contextmanager
def shared_import_path(**variables: str) -> Iterator[None]:
    """Let the processes that are started meanwhile import from where this one does; set variables for them.

    One thread at a time, as the variables are those of the whole process.
    """
    values = import_environment() | variables
    with _lock:
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def without_main_module() -> Iterator[None]:
    """Let the process that this thread starts meanwhile leave the program's main module alone.

    `multiprocessing` has it imported anew in each, for what was defined there. Ours need nothing of it, and a
    script without ``if __name__ == "__main__"`` would do all its work once more; one from stdin is no file.
    """
    thread = threading.get_ident()
    with _lock:
        plain = spawn.get_preparation_data

        def prepared(name: str) -> dict[str, Any]:
            data: dict[str, Any] = plain(name)
            if threading.get_ident() == thread:
                for key in ("init_main_from_name", "init_main_from_path"):
                    data.pop(key, None)
            return data

        spawn.get_preparation_data = prepared
        try:
            yield
        finally:
            spawn.get_preparation_data = plain
