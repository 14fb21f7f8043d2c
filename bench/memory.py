"""Peak memory of a call, native memory included.

`tracemalloc` sees what Python and NumPy allocate, not what OpenCV or a codec does. The high-water mark
of the process sees everything, but never falls: so each call is made in a child process whose mark is
set back to what is in use now (Linux: ``/proc/self/clear_refs``), and what it rises by is the call's own.
In that child, large blocks always come from and go back to the system: otherwise memory kept from an
earlier call would hide the next one's.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

Job = tuple[Callable[..., Any], tuple[Any, ...]]
"""An importable function that returns a callable to measure (all set-up done), and its arguments."""


def available() -> bool:
    """Tell whether this system lets a process set its high-water mark back."""
    return sys.platform == "linux" and os.access("/proc/self/clear_refs", os.W_OK)


def peaks(jobs: Sequence[Job]) -> list[int | None]:
    """Return the peak memory of each job's call in bytes; None for one that could not be measured."""
    if not available():
        return [None] * len(jobs)
    before = {name: os.environ.get(name) for name in _ALLOCATOR}
    os.environ.update(_ALLOCATOR)
    try:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(_peak, jobs, chunksize=1)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _peak(job: Job) -> int | None:
    function, arguments = job
    try:
        work = function(*arguments)
        work()  # compiles, loads and fills what is kept between calls
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmRSS")
        result = work()
        peak = _status("VmHWM")
        del result
    except (OSError, AttributeError, ValueError):
        return None
    return max(0, peak - before)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise ValueError(name)
