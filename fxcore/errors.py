"""The errors fxray raises on purpose.

Every message is written for a person: it names the file, the value, the limit and the way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

OUT_OF_MEMORY = "the file needs more memory than a worker may take (setting memory_per_worker)"


class FxrayError(Exception):
    """Anything fxray refuses to do; the command line prints the message and exits with code 1."""


class ParameterError(FxrayError, ValueError):
    """An argument, option or configuration value outside what is allowed."""


class UsageError(ParameterError):
    """Arguments that contradict each other, whatever they are about; the command line exits with code 2."""


class DamagedDataError(ParameterError):
    """Coded data that cannot be what its encoder wrote, as against data coded in a way not known here."""


class DataSetError(FxrayError):
    """A data set that is missing, unreadable or not in the PNG-CSV layout."""


class LostPlaceError(OSError):
    """What the system says where the output cannot be written, or the source is gone.

    Every task to come would meet the same: it ends the run, and costs no file.
    """


@contextmanager
def ending_the_run() -> Iterator[None]:
    """Let what the system says within end the run, whatever it is that it says.

    Raises
    ------
    LostPlaceError
        In place of another `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise LostPlaceError(error.errno, error.strerror or str(error), error.filename) from error


class UnreadableFileError(FxrayError):
    """One input file that gives no radiograph: it costs that file and nothing else.

    Parameters
    ----------
    reason : str
        Short code for the ``reason`` column of ``rejects.csv``, for instance ``"truncated"``.
    message : str
        What was wrong, without the file's name or path: those never reach the output.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[UnreadableFileError], tuple[str, str]]:
        return type(self), (self.reason, self.message)


def why_unreadable(error: UnreadableFileError) -> tuple[str, str]:
    """Return reason and message; where memory had run out beneath, that and not what was made of it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return "out_of_memory", OUT_OF_MEMORY
        cause = cause.__cause__ or cause.__context__
    return error.reason, error.message
