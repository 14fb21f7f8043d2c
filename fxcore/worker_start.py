"""Importing this readies a process for work: everything heavy imported, kernels compiled, one thread each.

The server process that workers are forked from imports it once: a worker has but to load kernels, and no
two processes write their cache at the same time.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
from types import TracebackType

# Ctrl-C on a terminal reaches all processes. While it loads, this one ends of it without a word (the
# parent held it back up to here); afterwards server and workers leave it to the parent.
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

for _variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
):
    os.environ.setdefault(_variable, "1")

from fxcore.forking import is_alone, leave  # noqa: E402


def _leave_if_alone() -> None:
    """End if the program that started this process has ended, as after a mistyped command.

    Whoever reads its output through a pipe waits for this process as well.
    """
    if is_alone():
        leave()


import numba  # noqa: E402, F401

_leave_if_alone()

import fxcore.work  # noqa: E402, F401
from fxcore.allocator import keep_memory  # noqa: E402
from fxcore.compile_kernels import compile_kernels  # noqa: E402

_leave_if_alone()
compile_kernels()

# Of the time that an uncompressed radiograph costs, a tenth would go to pages that come anew from the
# system. An array of more than 64 MiB, of which there are few, is handed back as ever.
keep_memory(most=128 << 20, largest=64 << 20)

# What nobody waits for and nobody has to read of, by where it is raised: a worker started while its pool was
# closing finds the pool's lock gone; the server finds nobody when the parent is killed as it asks for one.
_WITHOUT_A_WORD = (
    (FileNotFoundError, "multiprocessing.synchronize"),
    (EOFError, "multiprocessing.reduction"),
)


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what ended a process, where somebody has to read of it."""
    last = trace
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    module = last.tb_frame.f_globals.get("__name__") if last is not None else ""
    if (kind, module) not in _WITHOUT_A_WORD:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _report


def limit_memory(limit: int) -> None:
    """Bound what this process may allocate, so that a huge file costs itself and not the machine.

    The bound is on private writable memory (``RLIMIT_DATA``), not on address space, of which code,
    mapped libraries and the reserves of the allocator take hundreds of MiB without using memory. Linux
    counts that since 4.7. Other systems do not, and there is no bound there.

    Parameters
    ----------
    limit : int
        Bytes; 0 leaves the process unbounded.
    """
    if not limit or sys.platform != "linux":
        return
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if most != resource.RLIM_INFINITY:
        limit = min(limit, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def end_with_parent() -> None:
    """End this process at once when its parent is gone, however that ended.

    On a cluster, the study that this process is at is given to another as soon as the parent is lost.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="fxray-parent", daemon=True).start()
