"""One task in a worker: what it raises costs itself, unless the output cannot be written at all."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from fxcore import errors

Task = TypeVar("Task")
Result = TypeVar("Result")

# Reasons of a `WorkerFailure`, as they stand in ``rejects.csv``.
QUARANTINE_REASONS = (WORKER_DIED, TIME_OUT, OUT_OF_MEMORY, INTERNAL_ERROR) = (
    "worker_died",
    "time_out",
    "out_of_memory",
    "internal_error",
)


@dataclass(frozen=True)
class WorkerFailure:
    """Why a task has no result.

    Attributes
    ----------
    reason : str
        One of `QUARANTINE_REASONS`.
    message : str
        The signal or exit code, the time limit or the exception's type, for a person. Never the
        exception's text, which may quote the file.
    place : str
        Module and line of fxray where an unexpected exception came from.
    """

    reason: str
    message: str
    place: str = ""


def attempt(function: Callable[[Task], Result], task: Task) -> Result | WorkerFailure:
    """Run `function` on `task`; return its result, or as a `WorkerFailure` what it raised.

    Raises
    ------
    LostPlaceError
        Where there is no output, or no source, for any task: that ends the run.
    """
    try:
        return function(task)
    except MemoryError:
        return WorkerFailure(OUT_OF_MEMORY, errors.OUT_OF_MEMORY)
    except errors.LostPlaceError:
        raise
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, "")
        return _fault(error, f"{type(error).__name__} {code}".strip())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # Native libraries raise more than `Exception`: a panic in Rust is none, and cannot be pickled.
        return _fault(error, type(error).__name__)


def _fault(error: BaseException, name: str) -> WorkerFailure:
    return WorkerFailure(
        INTERNAL_ERROR, f"a fault of fxray ({name}), worth reporting", _place(error.__traceback__)
    )


def _place(trace: TracebackType | None) -> str:
    """Return where in fxray the exception left it, as ``module:line``."""
    place = ""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("fxcore.") and module != __name__:
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
