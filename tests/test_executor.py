"""The process pool: a task that kills or hangs its worker costs itself and nothing else."""

from __future__ import annotations

import ctypes
import errno
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pebble.pool.process
import pytest
from pebble import ProcessPool

from fxcore import stopping
from fxcore.attempt import WorkerFailure, attempt
from fxcore.config import to_toml
from fxcore.errors import FxrayError, ending_the_run
from fxcore.executor import Executor


def square_or_fault(task: int | str) -> int:
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "abort":
        os.abort()
    if task == "segfault":
        ctypes.string_at(0)
    if task == "exit":
        os._exit(7)
    if task == "hang":
        time.sleep(600)
    if task == "raise":
        raise ZeroDivisionError("DOE^JANE in /archive/secret.dcm")
    if task == "allocate":
        return len(bytes(range(250)) * 2**24)
    if task == "disk error":
        raise OSError(errno.EIO, "Input/output error", "/out/secret.png")
    if task == "full disk":
        with ending_the_run():
            raise OSError(errno.ENOSPC, "No space left on device", "/out/name.png")
    return int(task) ** 2


def limit(task: int | str) -> float:
    return 2.0 if task == "hang" else 60.0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_costs_its_own_task_and_names_its_cause(workers):
    tasks = [*range(10), "kill", *range(10, 20), "abort", "segfault", "exit", "hang", *range(20, 30)]
    with Executor(workers) as executor:
        outcomes = {outcome.task: outcome.result for outcome in executor.run(square_or_fault, tasks, limit)}
    assert len(outcomes) == len(tasks)
    assert {task: outcomes[task] for task in range(30)} == {task: task**2 for task in range(30)}
    causes = {
        "kill": "SIGKILL",
        "abort": "SIGABRT",
        "segfault": "SIGSEGV",
        "exit": "exit code 7",
        "hang": "2 seconds",
    }
    for task, cause in causes.items():
        failure = outcomes[task]
        assert isinstance(failure, WorkerFailure)
        assert cause in failure.message
        assert failure.reason == ("time_out" if task == "hang" else "worker_died")


def own_pid(task: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_killed_between_two_tasks_are_replaced(workers):
    """From outside, at a moment when they may have no task, as by a system short of memory."""
    found = []
    with Executor(workers) as executor:
        for outcome in executor.run(own_pid, range(60), limit):
            found.append(outcome)
            if len(found) % 10 == 0 and not isinstance(outcome.result, WorkerFailure):
                # Long enough for all that were handed out to be done.
                time.sleep(0.3)
                os.kill(outcome.result, signal.SIGKILL)
    assert sorted(outcome.task for outcome in found) == list(range(60))
    failed = [outcome.result for outcome in found if isinstance(outcome.result, WorkerFailure)]
    assert len(failed) <= 6
    assert {failure.reason for failure in failed} <= {"worker_died"}


def test_a_helper_of_multiprocessing_that_cannot_be_started_is_told(monkeypatch):
    def schedule(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(ProcessPool, "schedule", schedule)
    with Executor(1) as executor, pytest.raises(FxrayError, match="worker processes cannot be started"):
        list(executor.run(square_or_fault, [1], limit))


def test_a_system_that_has_no_thread_left_is_told(monkeypatch):
    launch, launched = pebble.pool.process.launch_thread, itertools.count(1)

    def launch_every_other(*arguments):
        if next(launched) % 2 == 0:
            raise RuntimeError("can't start new thread")
        return launch(*arguments)

    monkeypatch.setattr(pebble.pool.process, "launch_thread", launch_every_other)
    with pytest.raises(FxrayError, match="ulimit -u"), Executor(1) as executor:
        list(executor.run(square_or_fault, range(4), lambda _: 60))


def test_tasks_are_taken_as_room_becomes_free():
    taken = itertools.count()
    with Executor(2) as executor:
        for done, _ in enumerate(executor.run(square_or_fault, taken, limit), start=1):
            if done == 40:
                break
    assert next(taken) <= 40 + 2 * 4 + 1


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_what_a_task_raises_costs_that_task_and_tells_no_more_than_its_type():
    tasks = [1, "raise", 2, "disk error", 3, "allocate", 4]
    with Executor(1, memory=2**30) as executor:
        outcomes = {outcome.task: outcome.result for outcome in executor.run(square_or_fault, tasks, limit)}
    assert [outcomes[task] for task in (1, 2, 3, 4)] == [1, 4, 9, 16]
    for task, reason, names in (
        ("raise", "internal_error", "ZeroDivisionError"),
        ("disk error", "internal_error", "OSError EIO"),
        ("allocate", "out_of_memory", "memory_per_worker"),
    ):
        failure = outcomes[task]
        assert isinstance(failure, WorkerFailure)
        assert failure.reason == reason
        assert names in failure.message
        assert "secret" not in repr(failure)


def test_a_disk_that_takes_no_more_ends_the_run():
    with Executor(1) as executor, pytest.raises(OSError, match="No space left") as raised:
        list(executor.run(square_or_fault, ["full disk"], limit))
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, "/out/name.png")


def test_the_place_of_a_fault_is_where_it_left_fxray():
    failure = attempt(to_toml, "not a configuration")
    assert isinstance(failure, WorkerFailure)
    module, _, line = failure.place.partition(":")
    assert module == "fxcore.config"
    assert line.isdigit()


def memory_in_use(task: int) -> int:
    """Allocate and free `task` MiB in pieces of many sizes; return what is still taken, in MiB."""
    pieces = [np.ones(min(size, task) * 2**17) for size in (1, 3, 10, 30, task)]
    del pieces
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_gives_back_the_memory_of_a_huge_task():
    with Executor(1, memory=2**31) as executor:
        (before,) = executor.run(memory_in_use, [1], limit)
        after = [outcome.result for outcome in executor.run(memory_in_use, [700, 20, 900, 1], limit)]
    assert max(after) < before.result + 64


def wait_in_vain(task: str) -> None:
    Path(task).write_text(str(os.getpid()))
    time.sleep(600)


@pytest.fixture
def short_folder():
    """A folder for sockets, of which the path may not be long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_neither_workers_nor_their_sockets_outlive_a_parent_that_is_killed(tmp_path, short_folder):
    code = (
        "import sys, pathlib\n"
        "from fxcore.executor import Executor\n"
        "from tests.test_executor import wait_in_vain\n"
        "if __name__ == '__main__':\n"
        "    with Executor(1) as executor:\n"
        f"        list(executor.run(wait_in_vain, [{str(tmp_path / 'pid')!r}], lambda task: 600))\n"
    )
    (tmp_path / "parent.py").write_text(code)
    root = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(root), "TMPDIR": str(short_folder)}
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")], env=environment)
    deadline = time.monotonic() + 120
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        assert parent.poll() is None
        time.sleep(0.05)
    worker = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    while time.monotonic() < deadline:
        try:
            # A process that has ended and is not collected yet is no longer at work.
            ended = ") Z " in Path(f"/proc/{worker}/stat").read_text()
        except FileNotFoundError:
            ended = True
        if ended and not list(short_folder.iterdir()):
            return
        time.sleep(0.05)
    pytest.fail(f"worker {worker} or its socket is still there")


def test_no_socket_is_left_where_the_program_is_stopped_while_it_loads(short_folder):
    code = (
        "import os, signal\n"
        "from fxcore.cli.signals import listen\n"
        "from fxcore.forking import start_loading\n"
        "listen()\n"
        "start_loading()\n"
        "assert os.listdir(os.environ['TMPDIR'])\n"
        "os.killpg(0, signal.SIGTERM)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "TMPDIR": str(short_folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, start_new_session=True
    )
    assert (done.returncode, list(short_folder.iterdir())) == (143, [])
    assert done.stderr == "fxray: stopped by signal SIGTERM. Nothing was begun: run the same command again.\n"


def test_no_room_for_the_locks_of_workers_is_told_by_their_place(monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("multiprocessing.synchronize.RLock", full)
    with Executor(1) as executor, pytest.raises(OSError, match="'/dev/shm'") as told:
        next(executor.run(abs, [-1], lambda task: 60.0))
    assert told.value.errno == errno.ENOSPC


@pytest.mark.parametrize("by", ["file", "stdin"])
def test_workers_leave_the_main_module_of_the_program_alone(tmp_path, by):
    code = (
        "from fxcore.executor import Executor\n"
        "print('begun', flush=True)\n"
        "with Executor(1) as executor:\n"
        "    print([outcome.result for outcome in executor.run(abs, [-1], lambda task: 60.0)])\n"
    )
    (tmp_path / "program.py").write_text(code)
    name = str(tmp_path / "program.py") if by == "file" else "-"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, name], input=code, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("begun\n[1]\n", "")


@pytest.mark.parametrize("before", ["1", "0"])
def test_a_process_forked_from_one_with_workers_has_workers_of_its_own(before):
    code = (
        "import os, multiprocessing\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from fxcore.executor import Executor\n"
        "def work(number):\n"
        "    with Executor(1) as executor:\n"
        "        return [outcome.result for outcome in executor.run(abs, [number], lambda task: 60.0)]\n"
        f"if {before}: print(work(-1))\n"
        "with ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as pool:\n"
        "    print(*pool.map(work, [-2, -3]))\n"
        "print(work(-4))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("[1]\n" * int(before) + "[2] [3]\n[4]\n", "")


def start_an_executor(number: int) -> str:
    try:
        Executor(number)
    except FxrayError as error:
        return str(error)
    return ""


def test_a_process_that_may_have_no_children_is_told():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert "call fxray from a plain one" in pool.apply(start_an_executor, [1])


class Wish(BaseException):
    """To stop."""


_take = threading.Condition.__enter__


def signal_at_lock(number: int, count: int) -> None:
    """Send this process a signal when its main thread has taken `count` more locks of Python's own."""
    taken = itertools.count()

    def enter(condition: threading.Condition) -> bool:
        is_taken = _take(condition)
        if threading.get_ident() == threading.main_thread().ident and next(taken) == count:
            signal.raise_signal(number)
        return is_taken

    threading.Condition.__enter__ = enter


def stop_at_each_lock(number: int, wish: type[BaseException]) -> None:
    for count in range(20):
        signal_at_lock(number, count)
        with pytest.raises(wish), Executor(1) as executor:
            list(executor.run(square_or_fault, itertools.count(), limit))


def stop_while_a_run_ends(number: int, wish: type[BaseException]) -> None:
    def end(executor: Executor, count: int) -> None:
        outcomes = executor.run(square_or_fault, itertools.chain([1], itertools.repeat("hang")), limit)
        next(outcomes)
        signal_at_lock(number, count)
        outcomes.close()

    for count in range(3):
        with pytest.raises(wish), Executor(1) as executor:
            end(executor, count)


@pytest.mark.parametrize("when", [stop_at_each_lock, stop_while_a_run_ends])
@pytest.mark.parametrize("how", ["SIGALRM, Wish", "SIGINT, KeyboardInterrupt"])
def test_a_wish_to_stop_leaves_no_lock_taken(when, how):
    code = (
        "import signal\n"
        "from signal import SIGALRM, SIGINT\n"
        "from fxcore import stopping\n"
        f"from tests.test_executor import Wish, {when.__name__}\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(SIGALRM, lambda number, frame: stopping.stop(Wish()))\n"
        f"    {when.__name__}({how})\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1], timeout=120)


def wish_within(*wishes: Wish) -> None:
    """Wish in a block within another."""
    with stopping.undisturbed():
        with stopping.undisturbed():
            for wish in wishes:
                stopping.stop(wish)
        wishes[0].add_note("went on")


def test_a_wish_waits_for_the_end_and_who_insists_is_heard_at_once():
    with pytest.raises(Wish) as found:
        wish_within(Wish())
    assert found.value.__notes__ == ["went on"]
    with pytest.raises(Wish, match="second") as found:
        wish_within(Wish("first"), Wish("second"))
    assert not hasattr(found.value, "__notes__")
    # What was raised once does not break off the tidying up.
    with stopping.undisturbed():
        pass


@pytest.mark.slow
def test_servers_that_start_together_on_an_empty_cache_let_one_compile(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", "import fxcore.worker_start"]
    servers = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [server.wait(timeout=250) for server in servers] == [0, 0, 0, 0]
    assert len(list(tmp_path.rglob("*.filled"))) == 1
