"""Share the pieces of one pass over an image among a few threads.

Numba's own parallel loops are left aside on purpose: their threading layers either may not be entered
from two threads at once or do not survive a fork, and an archive is worked on by many processes.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

_LEAST = 1 << 16  # bytes of a piece: smaller ones cost more to hand over than to work on


class _Pool:
    """The helping threads of this process, started when first needed and forgotten by a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.executor: ThreadPoolExecutor | None = None
        self.size = 0

    def submit(self, work: Callable[[], Result], helpers: int) -> list[Future[Result]]:
        """Ask `helpers` threads to do `work`; fewer answer when the interpreter is shutting down."""
        with self.lock:
            if self.executor is None or self.size < helpers:
                # Threads of a smaller pool finish what they have and end.
                if self.executor is not None:
                    self.executor.shutdown(wait=False)
                self.size = max(helpers, (os.cpu_count() or 1) - 1)
                self.executor = ThreadPoolExecutor(self.size, thread_name_prefix="fxray-kernel")
            futures = []
            for _ in range(helpers):
                try:
                    futures.append(self.executor.submit(work))
                except RuntimeError:
                    break
            return futures


_pool = _Pool()


def _forget() -> None:
    """Start afresh in a forked child: it has the pool's memory, perhaps its locked lock, but no threads."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def share(
    worker: Callable[[Iterator[tuple[int, int]]], Result],
    length: int,
    item_bytes: int,
    threads: int,
    *,
    each: int = 8,
) -> list[Result]:
    """Cut ``range(length)`` into pieces and let `worker` go through them on up to `threads` threads.

    The calling thread is one of them and never waits for one that has not begun, so that nothing can
    lock up however many threads and processes do the same, and a busy machine costs at most a piece.

    Parameters
    ----------
    worker : callable
        Called once a thread with an iterator of pieces ``(begin, end)``, each given to one thread only,
        in ascending order; spends its time in kernels that release the GIL.
    length : int
    item_bytes : int
        Memory that one item stands for.
    threads : int
    each : int
        Pieces for each thread; what a late or slow one leaves over, the others take.

    Returns
    -------
    list
        What the calls of `worker` returned: at least one result.
    """
    most = max(1, length * item_bytes // _LEAST)
    threads = min(threads, most)
    if threads == 1:
        return [worker(iter(((0, length),)))]
    step = -(-length // min(most, threads * each))
    pieces = deque((begin, min(begin + step, length)) for begin in range(0, length, step))

    def take() -> Iterator[tuple[int, int]]:
        while True:
            try:
                yield pieces.popleft()
            except IndexError:
                return

    futures = _pool.submit(lambda: worker(take()), threads - 1)
    try:
        results = [worker(take())]
    finally:
        # Where this thread failed, the others stop after the piece they are at.
        pieces.clear()
        begun = [future for future in futures if not future.cancel()]
    return results + [future.result() for future in begun]
