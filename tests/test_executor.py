"""The process pool: a task that kills or hangs its worker costs itself and nothing else."""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import time

import pytest

from fxcore.executor import Executor, WorkerFailure


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
        raise ZeroDivisionError("a mistake in the program")
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


def test_tasks_are_taken_as_room_becomes_free():
    taken = itertools.count()
    with Executor(2) as executor:
        for done, _ in enumerate(executor.run(square_or_fault, taken, limit), start=1):
            if done == 40:
                break
    assert next(taken) <= 40 + 2 * 4 + 1


def test_a_mistake_in_the_program_is_not_hidden():
    with Executor(1) as executor, pytest.raises(ZeroDivisionError, match="a mistake"):
        list(executor.run(square_or_fault, ["raise"], limit))
