"""Where workers come from: a clean server process that has loaded what they need, and forks them."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from fxcore.errors import FxrayError
from fxcore.import_path import shared_import_path, without_main_module

STARTED_BY = "FXRAY_STARTED_BY"
"""Variable that tells the process that workers are forked from who started it."""

_SOCKETS = "FXRAY_SOCKETS"
"""Variable that tells it which folder to remove if that program is killed; empty if none."""

_LOADED_BY = os.getpid()

# So long may whoever started it take to end, having let go of it.
_ENDING_SECONDS = 2.0


class _Process(ForkServerProcess):
    """A process that has nothing to do with the program's main module."""

    def start(self) -> None:
        with without_main_module():
            super().start()


class _Context(ForkServerContext):
    Process = _Process


def worker_context() -> Any:
    """Fork workers from a clean server process that has imported what they need, and seen to the kernels.

    Where that is not to be had, spawn them. Never fork the parent itself: its threads and locks
    would come along.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = _Context()
    context.set_forkserver_preload(["fxcore.fork_server"])
    return context


def _forget_server() -> None:
    """Let a process forked from this one start a server of its own: it cannot wait for that of its parent."""
    server: Any = forkserver._forkserver
    if server._forkserver_pid is not None:
        # Held open here, it would keep the server there for as long.
        os.close(server._forkserver_alive_fd)
        server.__init__()


os.register_at_fork(after_in_child=_forget_server)


def start_loading() -> None:
    """Let the process that workers are forked from load what they need, while this one prepares their work.

    Worth a call as early as may be; without it, that process starts with the first executor.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    if isinstance(worker_context(), ForkServerContext):
        with shared_import_path(**{STARTED_BY: str(os.getpid()), _SOCKETS: _own_folder()}):
            # It ends by itself after the last of us, which a closed terminal must not hinder. It lets Ctrl-C
            # through again when it starts, so it must not come under the block below.
            with _held_back(signal.SIGHUP):
                resource_tracker.ensure_running()
            # Until the server process is ready for it (see `fxcore.worker_start`), Ctrl-C waits.
            with _held_back(signal.SIGINT), _too_long_a_path_named():
                forkserver.ensure_running()


def _own_folder() -> str:
    """Return where this process has its sockets; nothing where that is the folder of the one it came from."""
    folder: str = util.get_temp_dir()
    inherited = multiprocessing.parent_process() is not None or os.getpid() != _LOADED_BY
    return "" if inherited else folder


@contextlib.contextmanager
def _too_long_a_path_named() -> Iterator[None]:
    """Say which folder it is whose path is too long for a socket (unix(7)), and what to do about it."""
    try:
        yield
    except OSError as error:
        # Python itself finds that out, and gives it no number.
        if error.errno is not None:
            raise
        why = (
            "The path of the temporary folder is too long for worker processes; name a shorter one by TMPDIR"
        )
        raise OSError(errno.ENAMETOOLONG, why, tempfile.gettempdir()) from error


@contextlib.contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """Hold a signal back, also in the processes that are started meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def is_alone() -> bool:
    """Tell, in the process that workers are forked from, whether the program that started it has ended."""
    return os.environ.get(STARTED_BY, str(os.getppid())) != str(os.getppid())


def leave() -> None:
    """End the process that workers are forked from, with what a killed program could not remove."""
    folder = os.environ.get(_SOCKETS, "")
    deadline = time.monotonic() + _ENDING_SECONDS
    while os.path.exists(folder) and time.monotonic() < deadline:  # noqa: PTH110
        if is_alone():
            shutil.rmtree(folder, ignore_errors=True)
            break
        time.sleep(0.01)
    os._exit(0)


def await_server() -> None:
    """Wait until the process that workers are forked from has loaded and, on an empty cache, compiled.

    By a worker that only tells whether it could: waiting for it, unlike starting the pool, can be broken off.

    Raises
    ------
    FxrayError
        If something of what it loads cannot be imported, or what it compiles cannot be kept.
    """
    if not isinstance(worker_context(), ForkServerContext):
        return
    missing, told = worker_context().Pipe(duplex=False)
    with missing, told:
        # Where it cannot be had, the pool will say so.
        with contextlib.suppress(OSError, EOFError):
            process = worker_context().Process(target=_tell_what_is_missing, args=(told,))
            process.start()
            process.join()
        if missing.poll():
            raise FxrayError(missing.recv())


def _tell_what_is_missing(told: Connection) -> None:
    """Send why what workers need cannot be imported, if so; the server process keeps that to itself."""
    # Started by the server process: not to be taken for a sign that the program has ended.
    os.environ.pop(STARTED_BY, None)
    try:
        import fxcore.worker_start  # noqa: F401
    except ImportError as error:
        told.send(f"the installation is not whole ({error}); install fxray again")
    except RuntimeError as error:
        # As Numba has it where neither the installation nor a home folder may be written.
        told.send(
            f"compiled kernels have no place ({error}); set XDG_CACHE_HOME to a folder that may be written"
        )
