"""Runs tasks in isolated worker processes; a task that kills or hangs its worker costs itself only."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, TimeoutError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

from fxcore.arguments import check_whole
from fxcore.attempt import TIME_OUT, WORKER_DIED, WorkerFailure, attempt
from fxcore.cores import default_workers
from fxcore.errors import FxrayError, UsageError
from fxcore.extras import CLUSTER
from fxcore.forking import await_server, start_loading, worker_context
from fxcore.stopping import undisturbed

Task = TypeVar("Task")
Result = TypeVar("Result")

# More processes than this for each core only take memory and time to start.
_WORKERS_PER_CORE = 4

_BROKEN = (
    "the worker processes cannot be started, or something ends them; is there memory for them, and room for "
    "processes, threads (ulimit -u) and open files (ulimit -n), and is fxray installed whole? Nothing "
    "finished is lost: run the same command again to go on."
)

_NO_CHILDREN = (
    "this process is a daemon, as those of multiprocessing.Pool are, and may have no worker processes; call "
    "fxray from a plain one, as those of concurrent.futures.ProcessPoolExecutor are, or from a thread"
)

# Tasks handed to the pool at once, for each worker: enough that none waits, few enough to bound memory.
_IN_FLIGHT = 4

# So long does a wish to stop wait at most.
_LOOK_SECONDS = 0.1

# Where Linux has the locks that processes share (sem_overview(7)), and what the system may say of that.
_LOCKS = "/dev/shm"
_OF_A_PLACE = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT)

# New pools made for one that broke, with no task done in between, before it is no use to go on.
_NEW_POOLS = 3


@dataclass(frozen=True)
class Outcome(Generic[Task, Result]):
    """A finished task with its result or its failure."""

    task: Task
    result: Result | WorkerFailure


def _initialise(memory: int) -> None:
    """Ready a worker: kernels loaded, Ctrl-C left to the parent, memory bounded."""
    from fxcore.kernels.warm import warm_radiographs
    from fxcore.worker_start import end_with_parent, limit_memory

    # At once, even in native code: a study half done is dropped by whoever does it next.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    # Each for itself, all at once; and before memory is bounded, which LLVM does not expect to be short.
    warm_radiographs()
    limit_memory(memory)


class Executor:
    """A pool of worker processes with bounded work in flight; a context manager.

    Parameters
    ----------
    workers : int
        Number of processes; 0 takes one for each core that may be used (see `fxcore.cores`), and four for
        each are the most.
    memory : int
        Bytes a worker may allocate; 0 leaves it unbounded. See `fxcore.worker_start.limit_memory`.

    Raises
    ------
    FxrayError
        For no number of processes, or in a process that may have no children.
    """

    def __init__(self, workers: int = 0, memory: int = 0) -> None:
        check_whole("workers", workers, 0)
        if multiprocessing.current_process().daemon:
            raise FxrayError(_NO_CHILDREN)
        self._workers = min(workers or default_workers(), _WORKERS_PER_CORE * default_workers())
        self._memory = memory
        self._pool = self._new_pool()
        # Held while the pool starts its first workers, which it does not survive being stopped in.
        self._lock = threading.Lock()
        self._running: set[Future[Any]] = set()
        self._begun = self._stopped = False

    def _new_pool(self) -> ProcessPool:
        # Also where the process that workers are forked from was lost, which the pool would start in its way.
        start_loading()
        return ProcessPool(
            max_workers=self._workers,
            context=worker_context(),
            initializer=_initialise,
            initargs=(self._memory,),
        )

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with undisturbed():
                self._pool.close()
                self._pool.join()
        else:
            self.stop()

    def stop(self) -> None:
        """End the workers, whatever they are doing; a `run` that waits for them in another thread, too."""
        with self._lock:
            self._stopped = True
            self._pool.stop()
            self._pool.join()
            for future in tuple(self._running):
                if not future.done():
                    future.set_exception(CancelledError())

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        seconds: Callable[[Task], float],
    ) -> Iterator[Outcome[Task, Result]]:
        """Run `function` on each task and yield outcomes as they come, in no particular order.

        Parameters
        ----------
        function : callable
            Importable by the workers; what it raises costs its task (see `fxcore.attempt`).
        tasks : iterable
            Consumed as room becomes free, so it may be endless.
        seconds : callable
            Time limit of a task, after which its worker is killed.

        Raises
        ------
        OSError
            If the output cannot be written, which no other task would survive either.
        FxrayError
            If there can be no workers.
        """
        waiting: dict[Future[Any], tuple[Task, float]] = {}
        source = iter(tasks)
        new_pools = 0
        if not self._begun:
            await_server()
            self._begun = True
        try:
            while True:
                # Outside the blocks that nothing disturbs: it may take its time.
                fresh = list(itertools.islice(source, _IN_FLIGHT * self._workers - len(waiting)))
                with undisturbed():
                    lost = self._hand_over(function, fresh, seconds, waiting)
                if not waiting and not lost:
                    return
                with undisturbed():
                    outcomes, broken = self._collect(waiting, 0 if lost else _LOOK_SECONDS)
                if outcomes:
                    new_pools = 0
                    yield from outcomes
                lost += broken
                if lost:
                    # A worker ended between two tasks, as when memory is short, and took the pool along.
                    new_pools += 1
                    if new_pools > _NEW_POOLS:
                        raise FxrayError(_BROKEN)
                    lost += [task for task, _ in waiting.values()]
                    waiting.clear()
                    with undisturbed():
                        self._renew()
                    source = itertools.chain(lost, source)
        finally:
            with undisturbed():
                for future in waiting:
                    future.cancel()

    def _hand_over(
        self,
        function: Callable[[Task], Result],
        tasks: list[Task],
        seconds: Callable[[Task], float],
        waiting: dict[Future[Any], tuple[Task, float]],
    ) -> list[Task]:
        """Schedule the tasks; returns those that a broken pool did not take."""
        for number, task in enumerate(tasks):
            limit = seconds(task)
            try:
                waiting[self._schedule(function, task, limit)] = (task, limit)
            except BrokenProcessPool:
                # Asked once more, a pool that has no thread to start starts anew, and can never be joined.
                return tasks[number:]
        return []

    def _collect(
        self, waiting: dict[Future[Any], tuple[Task, float]], seconds: float
    ) -> tuple[list[Outcome[Task, Any]], list[Task]]:
        """Wait a moment; returns what is done, and the tasks that a broken pool took along."""
        outcomes: list[Outcome[Task, Any]] = []
        lost = []
        for future in wait(waiting, seconds, FIRST_COMPLETED).done:
            task, limit = waiting.pop(future)
            self._running.discard(future)
            try:
                outcomes.append(Outcome(task, _result(future, limit)))
            except BrokenProcessPool:
                lost.append(task)
        return outcomes, lost

    def _renew(self) -> None:
        with self._lock:
            if self._stopped:
                raise FxrayError(_BROKEN)
            self._pool.stop()
            self._pool.join()
            self._running.clear()
            self._pool = self._new_pool()

    def _schedule(self, function: Callable[[Task], Result], task: Task, limit: float) -> Future[Any]:
        try:
            with self._lock:
                if self._stopped:
                    raise FxrayError(_BROKEN)
                future = self._pool.schedule(attempt, args=[function, task], timeout=limit)
                self._running.add(future)
                return future
        except (RuntimeError, BrokenPipeError) as error:
            # The pipe is that to the helper of `multiprocessing` which keeps count of locks.
            raise BrokenProcessPool from error
        except OSError as error:
            if error.filename is None and error.errno in _OF_A_PLACE:
                error.filename = _LOCKS
            raise


def _result(future: Future[Any], limit: float) -> Any:
    try:
        return future.result()
    except TimeoutError:
        return WorkerFailure(TIME_OUT, f"took longer than {limit:g} seconds and was stopped")
    except ProcessExpired as death:
        return WorkerFailure(WORKER_DIED, f"the worker process ended by {_cause(death.exitcode)}")


def _cause(code: int | None) -> str:
    if code is None:
        return "an unknown cause"
    if code < 0:
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


def open_executor(
    workers: int = 0,
    scheduler: str = "",
    memory: int = 0,
    *,
    folders: tuple[Path, ...] = (),
    say: Callable[[str], None] = lambda text: None,
) -> Executor:
    """Return what runs the tasks: a pool on this machine, or the workers of a Dask cluster.

    Parameters
    ----------
    workers : int
        Processes on this machine; see `Executor`.
    scheduler : str
        Address or scheduler file of a Dask scheduler; empty for this machine.
    memory : int
        Bytes a worker may allocate; 0 leaves it unbounded.
    folders : tuple of Path
        What all workers of a cluster have to see under the same path.
    say : callable
        Told what the run waits for.

    Raises
    ------
    UsageError
        If both `workers` and `scheduler` are given.
    FxrayError
        If Dask is not installed.
    """
    if not scheduler:
        return Executor(workers, memory)
    if workers:
        raise UsageError("--workers is about this machine; the workers of a --scheduler are its own")
    try:
        from fxcore.cluster import ClusterExecutor
    except ModuleNotFoundError as error:
        raise CLUSTER.missing("--scheduler needs Dask, which is not installed") from error
    return ClusterExecutor(scheduler, memory, folders=folders, say=say)
