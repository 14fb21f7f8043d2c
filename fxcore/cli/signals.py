"""Being told to stop: Ctrl-C, and what a cluster's scheduler or a closed terminal sends.

All of them end a run in the same orderly way: workers ended, locks let go, one sentence, and the exit
code that shells use for the signal (128 and its number).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

from fxcore.stopping import stop

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Signals come in volleys (a key held down, a scheduler that sends to every process of a group); within
# this time they are one wish to stop, and must not break off the tidying up that it began.
_ONE_WISH_SECONDS = 3.0

_stopping_since = float("-inf")
_wish: Stopped | None = None


class Stopped(BaseException):
    """The user or the system wants the program to stop.

    Not a `KeyboardInterrupt`: that one is taken for "Aborted" by the library that parses the command line.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        if self.number == signal.SIGINT:
            return "interrupted."
        return f"stopped by signal {signal.Signals(self.number).name}."

    @property
    def exit_code(self) -> int:
        return 128 + self.number


def listen() -> None:
    """Let the signals end the program, while it loads; one that is ignored already (``nohup``) stays so.

    Not by an exception yet: imports lose some, and make others of them.
    """
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    # Whoever started this may have held them back for a moment of its own, which is no wish about us; the
    # workers would come by it as well, and could not be stopped.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def begin() -> None:
    """Let the signals raise `Stopped` from now on: there will be something to tidy up."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _leave:
            signal.signal(number, _stop)


def heed() -> None:
    """Raise `Stopped` once more where it was raised and lost.

    Python passes over what is raised in a callback of the garbage collector.
    """
    if _wish is not None:
        raise _wish


def ignore() -> None:
    """Let no signal disturb the last words and the end of the process."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, _: FrameType | None) -> None:
    stopped = Stopped(number)
    os.write(2, f"fxray: {stopped} Nothing was begun: run the same command again.\n".encode())
    # What `multiprocessing` removes at the usual end. Where something is not loaded yet, there is none.
    with contextlib.suppress(KeyError, AttributeError):
        process: Any = sys.modules["multiprocessing.process"]
        remove: Any = sys.modules["shutil"].rmtree
        remove(process.current_process()._config["tempdir"], ignore_errors=True)
    os._exit(stopped.exit_code)


def _stop(number: int, _: FrameType | None) -> None:
    global _stopping_since, _wish
    if time.monotonic() - _stopping_since > _ONE_WISH_SECONDS:
        _stopping_since, _wish = time.monotonic(), Stopped(number)
        stop(_wish)
