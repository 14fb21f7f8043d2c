"""Who may write to a data set: one run at a time, and no run before the workers of the last are gone.

Both locks are the system's own (``flock``): it lets go of them when a process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from fxcore.dataset.layout import Layout
from fxcore.errors import FxrayError

_PATIENCE_SECONDS = 120.0


@contextmanager
def run_lock(layout: Layout, say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Hold the data set for one run: a whole run for itself, a shard together with other shards.

    A run whose parent was killed may have left workers that are finishing a study: they are waited for.
    What is yielded tells whether the data set is still held, and by this run alone: once the work folder has
    been given up with the lock in it, another run may have begun, and other shards may be at work.

    Raises
    ------
    FxrayError
        If another run is at work, or the workers of an interrupted one do not end.
    """
    while True:
        with ExitStack() as held:
            if layout.shard:
                # Its own first: a shard that is refused leaves no trace in the lock that all share.
                own = held.enter_context(_locked(layout, layout.shard_lock, fcntl.LOCK_EX))
            lock = held.enter_context(
                _locked(layout, layout.lock, fcntl.LOCK_SH if layout.shard else fcntl.LOCK_EX)
            )
            if layout.shard and not _is_at(own, layout.shard_lock):
                # The work folder was given up between the two.
                continue
            for path in layout.all_of("busy"):
                _wait_for_workers(layout, path, say)
            yield partial(_is_held, layout, lock)
            return


def _locked(layout: Layout, path: Path, how: int) -> BinaryIO:
    while True:
        try:
            layout.work.mkdir(exist_ok=True)
            lock = path.open("a+b")
        except OSError as error:
            raise FxrayError(f"cannot write to {layout.root}: {error.strerror}") from error
        try:
            flock(lock, how | fcntl.LOCK_NB, layout.root)
        except BlockingIOError:
            lock.close()
            raise FxrayError(
                f"another run is writing to {layout.root} (process {_holder(layout, path)}); "
                "wait for it or name another folder"
            ) from None
        # The run that held the lock may have ended and removed the file after it was opened here.
        if _is_at(lock, path):
            lock.truncate(0)
            lock.write(f"{os.getpid()} on {platform.node()}".encode())
            lock.flush()
            return lock
        lock.close()


def _is_at(lock: BinaryIO, path: Path) -> bool:
    return path.exists() and os.fstat(lock.fileno()).st_ino == path.stat().st_ino


def _is_held(layout: Layout, lock: BinaryIO) -> bool:
    """Tell whether the lock is where all look for it, and no shard shares it; from now on none can."""
    if not _is_at(lock, layout.lock):
        return False
    if layout.shard:
        try:
            flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, layout.root)
        except BlockingIOError:
            return False
    return True


def flock(file: BinaryIO, how: int, folder: Path) -> None:
    """Take the system's lock of a file in a folder that only one run may write to.

    Raises
    ------
    BlockingIOError
        If another process holds it, and `how` is not to wait.
    FxrayError
        If the file system has no such locks.
    """
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        raise
    except OSError as error:
        file.close()
        raise FxrayError(
            f"the file system of {folder} has no flock ({error.strerror}), without which two runs may "
            "write to it at once; use another one, or have it mounted with flock: see "
            "docs/clusters.md"
        ) from error


def _holder(layout: Layout, path: Path) -> str:
    """Name the process that holds a lock; of the lock that shards share, one of them that is at work."""
    for own in (*sorted(layout.work.glob(f"{layout.lock.name}-*")), path):
        with contextlib.suppress(OSError), own.open("r+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if own == path or path == layout.lock:
                    return lock.read().decode("utf-8", "replace").strip() or "of unknown number"
    return "of unknown number"


def _wait_for_workers(layout: Layout, path: Path, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with path.open("a+b") as busy:
        said = False
        while True:
            try:
                flock(busy, fcntl.LOCK_EX | fcntl.LOCK_NB, layout.root)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FxrayError(
                        f"worker processes of an interrupted run are still writing to {layout.root}; "
                        "end them and run the same command again"
                    ) from None
                if not said:
                    say("Waiting for the workers of an interrupted run to end.")
                    said = True
                time.sleep(0.1)
            else:
                return


@contextmanager
def at_work(layout: Layout) -> Iterator[None]:
    """Let later runs know that this worker process is writing."""
    layout.work.mkdir(parents=True, exist_ok=True)
    with layout.busy.open("a+b") as busy:
        flock(busy, fcntl.LOCK_SH, layout.root)
        yield
