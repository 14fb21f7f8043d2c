"""Where the processes that fxray starts import from: where it does itself, and from nowhere else."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def import_environment() -> dict[str, str]:
    """Return the variables with which a Python process has the import path of this one.

    Without them, one that is started with ``-c``, as those of `multiprocessing` are, looks for every module
    in the working directory first: in an archive, a file of that name would be run.
    """
    path = [entry or str(Path.cwd()) for entry in sys.path]
    # What has a separator in its name cannot be passed on; its pieces must not be taken for folders.
    passed = os.pathsep.join(entry for entry in path if os.pathsep not in entry)
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": passed}
