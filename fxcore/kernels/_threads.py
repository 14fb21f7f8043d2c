"""Share the pieces of one pass over an image among a few threads.

Numba's own parallel loops are left aside on purpose: their threading layers either may not be entered
from two threads at once or do not survive a fork, and an archive is worked on by many processes. The
executor of the standard library is left aside because a pass takes a fraction of a millisecond, of which
its futures, with a condition and a queue each, would be a good part.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")

_LEAST = 1 << 16  # bytes of a piece: smaller ones cost more to hand over than to work on
_CORES = os.cpu_count() or 1


class _Task(Generic[Result]):
    """Work for a helping thread, unless whoever asked for it takes it back before it has begun."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.work = work
        self.taken = threading.Lock()
        self.running = threading.Lock()
        self.running.acquire()
        self.error: BaseException | None = None

    def take(self) -> bool:
        """Claim the task, to do it or to call it off; False where another thread has claimed it."""
        return self.taken.acquire(blocking=False)

    def run(self) -> None:
        """Do the work, where it has not been taken back."""
        if self.take():
            try:
                self.result = self.work()
            except BaseException as error:
                self.error = error
            finally:
                self.running.release()

    def wait(self) -> Result:
        """Return what the work that has begun returns, or raise what it raises."""
        self.running.acquire()
        if self.error is not None:
            raise self.error
        return self.result


class _Pool:
    """The helping threads of this process, started when first needed and forgotten by a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: SimpleQueue[_Task] = SimpleQueue()
        self.size = 0

    def submit(self, work: Callable[[], Result], helpers: int) -> list[_Task[Result]]:
        """Ask `helpers` threads to do `work`; fewer are asked where no more can be started."""
        # Where tasks wait, the helpers are busy with those of other callers.
        wanted = helpers if self.tasks.empty() else max(helpers, min(self.size + helpers, _CORES - 1))
        if self.size < wanted:
            self._start(wanted)
        tasks = [_Task(work) for _ in range(min(helpers, self.size))]
        for task in tasks:
            self.tasks.put(task)
        return tasks

    def _start(self, wanted: int) -> None:
        # No thread starts while the interpreter is shutting down.
        with self.lock, contextlib.suppress(RuntimeError):
            while self.size < wanted:
                threading.Thread(target=self._help, name="fxray-kernel", daemon=True).start()
                self.size += 1

    def _help(self) -> None:
        while True:
            # No name is left for the task, which would keep its image alive until the next one.
            self.tasks.get().run()


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
        The last pieces are as small as if each thread had so many; what a late or slow one leaves over,
        the others take.

    Returns
    -------
    list
        What the calls of `worker` returned: at least one result.
    """
    most = max(1, length * item_bytes // _LEAST)
    threads = min(threads, most)
    if threads == 1:
        return [worker(iter(((0, length),)))]
    least = -(-length // min(most, threads * each))
    pieces: deque[tuple[int, int]] = deque()
    begin = 0
    while begin < length:
        # Large ones first: each look for the next may have to wait for another thread's.
        end = min(begin + max(least, (length - begin) // (2 * threads)), length)
        pieces.append((begin, end))
        begin = end

    def take() -> Iterator[tuple[int, int]]:
        while True:
            try:
                yield pieces.popleft()
            except IndexError:
                return

    tasks = _pool.submit(lambda: worker(take()), threads - 1)
    try:
        results = [worker(take())]
    finally:
        # Where this thread failed, the others stop after the piece they are at.
        pieces.clear()
        begun = [task for task in tasks if not task.take()]
    return results + [task.wait() for task in begun]
