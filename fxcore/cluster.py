"""The same tasks on a Dask cluster: `fxcore.executor.Executor` past one machine.

A Dask worker does not run a task itself. It has a worker process of fxray, as a run on one machine
has, and waits for it: a file that kills or hangs that process costs the cluster nothing, is killed at
its time limit even inside native code, and ends in the same reject as on one machine. The cluster's own
means stay for what they are good at: lost machines.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import multiprocessing
import pickle
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker, Security, get_worker
from distributed.comm import get_address_host_port, parse_address

import fxcore
from fxcore.attempt import WORKER_DIED, WorkerFailure
from fxcore.errors import FxrayError, ParameterError
from fxcore.executor import Executor, Outcome, Result, Task
from fxcore.json_text import from_json
from fxcore.stopping import undisturbed

_CONNECT_SECONDS = 8.0
_CLOSE_SECONDS = 5.0
# How often the cluster is asked for its workers, and how long between two words about there being none.
_LOOK_SECONDS = 2.0
_REMIND_SECONDS = 300.0
# So long does a wish to stop wait for a result that is on its way.
_FETCH_SECONDS = 0.5
# A folder made a moment ago may reach the other machines of a network file system late.
_FOLDER_SECONDS = 15.0
# Tasks in flight for each worker: one to do and one to go on with. A cluster that grows with its work
# has to see some before it has any worker.
_IN_FLIGHT = 2
_LEAST_IN_FLIGHT = 16
# What calls of the client raise when the scheduler is lost meanwhile.
_LOST = (OSError, RuntimeError, CancelledError, asyncio.CancelledError)
_NOISY = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")


@dataclass(frozen=True)
class Terms:
    """What a Dask worker has to fulfil, and what it needs to know, to do tasks of a run."""

    run: str
    version: str
    commit: str
    folders: tuple[str, ...]
    memory: int


@dataclass(frozen=True)
class Refusal:
    """Why no task of this run can be done: an exception that ends the run."""

    error: Exception


class _Slot:
    """The worker process of this Dask worker and the run it works for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run = ""
        self._executor: Executor | None = None
        self._ended: set[str] = set()

    def take(self, terms: Terms) -> Executor:
        """Return the worker process, started if need be; that of a run whose client was lost ends."""
        with self._lock:
            if terms.run in self._ended:
                raise CancelledError
            if self._executor is None or self._run != terms.run:
                if self._executor is not None:
                    self._executor.stop()
                # Dask marks its workers as daemons, which may have no children; this one ends its own.
                multiprocessing.current_process().daemon = False
                self._run, self._executor = terms.run, Executor(1, terms.memory)
            return self._executor

    def end(self, run: str) -> None:
        """End the worker process of a run, whatever it is doing, and give that run no other."""
        with self._lock:
            self._ended.add(run)
            if self._executor is not None and self._run == run:
                executor, self._executor = self._executor, None
                executor.stop()


_slot = _Slot()


def do_task(terms: Terms, payload: bytes) -> Any:
    """Do one task in a Dask worker; return its result, a `WorkerFailure` or a `Refusal`.

    Exceptions are returned, not raised: Dask would log them with the arguments, which name files.
    """
    try:
        complaint = _complaint(terms)
        if complaint:
            return Refusal(FxrayError(f"the Dask worker on {socket.gethostname()} {complaint}"))
        # Opened only now: another version may not have what is in there.
        function, task, limit = pickle.loads(payload)
        (outcome,) = _slot.take(terms).run(function, [task], lambda _: limit)
    except CancelledError:
        return Refusal(FxrayError("the run was ended"))
    except (OSError, FxrayError) as error:
        return Refusal(error)
    else:
        return outcome.result


async def end_run(run: str) -> None:
    """End, in a Dask worker, all that it does for a run."""
    await asyncio.to_thread(_slot.end, run)


@functools.cache
def _complaint(terms: Terms) -> str:
    from fxcore.run import tool

    threads = get_worker().state.nthreads
    if threads != 1:
        return (
            f"has {threads} threads; fxray needs workers of one thread each, so start more of them instead: "
            "dask worker SCHEDULER --nworkers auto --nthreads 1"
        )
    mine = tool()
    if mine["version"] != terms.version:
        return (
            f"has fxray {mine['version']}, not {terms.version}; install the same version on all machines "
            "and start the workers again"
        )
    if mine["git_commit"] and terms.commit and mine["git_commit"] != terms.commit:
        return (
            f"runs fxray from commit {mine['git_commit'][:12]}, not {terms.commit[:12]}; "
            "check out the same one on all machines and start the workers again"
        )
    deadline = time.monotonic() + _FOLDER_SECONDS
    for folder in terms.folders:
        while not Path(folder).is_dir():
            if time.monotonic() > deadline:
                return (
                    f"does not see the folder {folder}; archive and output must be on a file system that all "
                    "machines share under the same path"
                )
            time.sleep(0.5)
    return ""


def _address_in(file: str) -> str:
    """Return the address that a scheduler file holds."""
    try:
        address = from_json(Path(file).read_bytes())["address"]
    except FileNotFoundError:
        raise FxrayError(f"there is no scheduler file {file}") from None
    except OSError as error:
        raise FxrayError(f"cannot read the scheduler file {file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        address = None
    if not isinstance(address, str):
        raise FxrayError(f"{file} is not the scheduler file of a Dask scheduler: it holds no address")
    return address


def _check_address(address: str) -> None:
    """Check that a client can be made for an address: one that fails over it is left half made, and noisy.

    Raises
    ------
    ParameterError
    """
    try:
        get_address_host_port(address)
        encrypted = Security().get_connection_args("client").get("ssl_context") is not None
    except (ValueError, TypeError, OSError) as error:
        raise ParameterError(
            f"--scheduler {address!r} cannot be connected to ({error}); name the address of a Dask "
            "scheduler, tcp://HOST:PORT, or its scheduler file, a .json"
        ) from error
    if not encrypted and parse_address(address)[0] in ("tls", "wss"):
        raise ParameterError(
            f"--scheduler {address!r} is encrypted, and there are no certificates for it; name them in the "
            "configuration of Dask, under distributed.comm.tls"
        )


class ClusterExecutor(Executor):
    """Runs tasks on the workers of a Dask cluster; a context manager.

    Parameters
    ----------
    address : str
        Of the scheduler, for instance ``"tcp://10.0.0.1:8786"``, or a scheduler file (``.json``).
    memory : int
        Bytes that a worker may allocate; 0 leaves it unbounded.
    folders : tuple of Path
        What all workers have to see under the same path.
    say : callable
        Told what the run waits for.
    """

    def __init__(
        self,
        address: str,
        memory: int,
        *,
        folders: tuple[Path, ...] = (),
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        from fxcore.run import tool

        self._address, self._say = address, say
        commit = tool()["git_commit"]
        self._terms = Terms(uuid.uuid4().hex, fxcore.__version__, commit, tuple(map(str, folders)), memory)
        self._workers = 0
        self._looked = self._reminded = float("-inf")
        self._levels: dict[str, int] = {}

    def __enter__(self) -> ClusterExecutor:
        # What Dask logs about a lost scheduler or worker is said here in the run's own words.
        self._levels = {name: logging.getLogger(name).level for name in _NOISY}
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        try:
            self._client = self._connect()
        except BaseException:
            self._restore_logging()
            raise
        try:
            self._look()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        def end() -> None:
            with contextlib.suppress(*_LOST):
                self._client.run(end_run, self._terms.run, on_error="ignore")

        try:
            if self._client.status == "running":
                # Not waited for long: a worker that cannot be reached has lost its scheduler, and ends.
                ending = threading.Thread(target=end, daemon=True)
                ending.start()
                ending.join(_CLOSE_SECONDS)
        finally:
            with contextlib.suppress(*_LOST):
                self._client.close(timeout=_CLOSE_SECONDS)
            self._restore_logging()

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        seconds: Callable[[Task], float],
    ) -> Iterator[Outcome[Task, Result]]:
        """Run `function` on each task on the cluster; see `Executor.run`.

        Raises
        ------
        FxrayError
            If the scheduler is lost, or a worker has another fxray, several threads, or does not see
            the folders.
        """
        waiting: dict[Any, tuple[Any, Task]] = {}
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
        source = iter(tasks)
        try:
            while True:
                self._look()
                room = max(_LEAST_IN_FLIGHT, _IN_FLIGHT * self._workers) - len(waiting)
                for task in itertools.islice(source, max(0, room)):
                    payload = pickle.dumps((function, task, seconds(task)))
                    with undisturbed():
                        future = self._client.submit(do_task, self._terms, payload, pure=False)
                        waiting[future.key] = (future, task)
                        future.add_done_callback(ended.put)
                if not waiting:
                    return
                try:
                    future = ended.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                _, task = waiting.pop(future.key)
                result = self._result(future)
                with undisturbed():
                    future.release()
                yield Outcome(task, result)
        finally:
            if waiting and self._client.status == "running":
                with contextlib.suppress(*_LOST):
                    self._client.cancel([future for future, _ in waiting.values()])

    def _result(self, future: Any) -> Any:
        try:
            result = self._gathered(future)
        except KilledWorker as death:
            # The scheduler gave up: each worker that it sent the task to was lost.
            return WorkerFailure(
                WORKER_DIED, f"lost with {death.allowed_failures + 1} workers of the cluster"
            )
        except (OSError, CancelledError, asyncio.CancelledError) as error:
            raise self._lost() from error
        except Exception as error:
            raise FxrayError(
                f"the Dask cluster cannot run the tasks of fxray ({type(error).__name__}: {error}); install "
                f"fxray {self._terms.version} on all machines and start scheduler and workers again"
            ) from error
        if isinstance(result, Refusal):
            raise result.error
        return result

    def _gathered(self, future: Any) -> Any:
        """Fetch a result; where the worker that holds it is lost, another has to make it first."""
        while True:
            self._look()
            with contextlib.suppress(TimeoutError), undisturbed():
                return future.result(timeout=_FETCH_SECONDS)

    def _connect(self) -> Client:
        address = _address_in(self._address) if self._address.endswith(".json") else self._address
        _check_address(address)
        try:
            return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (ValueError, *_LOST) as error:
            raise FxrayError(
                f"no Dask scheduler answers at {self._address} within {_CONNECT_SECONDS:g} seconds; "
                "is it running, and is this its address (tcp://HOST:8786)?"
            ) from error

    def _look(self) -> None:
        """Ask the scheduler for its workers, now and then; say so where there are none."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        if self._client.status != "running":
            raise self._lost()
        try:
            workers = len(self._client.nthreads())
        except _LOST as error:
            raise self._lost() from error
        self._workers = workers
        if workers:
            self._reminded = float("-inf")
        elif now - self._reminded > _REMIND_SECONDS:
            self._reminded = now
            self._say(f"The cluster at {self._address} has no workers; waiting for the first.")

    def _lost(self) -> FxrayError:
        return FxrayError(
            f"the Dask scheduler at {self._address} is gone; nothing finished is lost: start it and its "
            "workers, and run the same command again"
        )

    def _restore_logging(self) -> None:
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
