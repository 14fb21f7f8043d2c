"""A wish to stop comes at any moment, and is raised where it does no harm.

Many locks of the standard library are taken in Python code (`threading.Condition`, and with it queues and
futures). An exception that a signal raises just there leaves such a lock taken for good, and whoever ends
the threads behind it afterwards waits for ever.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

_undisturbed = 0
_waiting: BaseException | None = None


def stop(wish: BaseException) -> None:
    """Raise `wish`, or let it wait for the end of an `undisturbed` block; for handlers of signals.

    Where one waits already, whoever wishes it insists: the second is raised at once.
    """
    global _waiting
    if _undisturbed and _waiting is None:
        _waiting = wish
    else:
        _waiting = None
        raise wish


class undisturbed:  # noqa: N801 (reads as what it does)
    """A block that no wish to stop breaks off: it is raised at its end, so that must be near.

    Ctrl-C counts as a wish, also where Python's own handler has it. Signals come to the main thread only;
    in others this does nothing.
    """

    def __enter__(self) -> None:
        global _undisturbed
        self._counted = threading.get_ident() == threading.main_thread().ident
        if self._counted:
            # First the handler: where Ctrl-C comes between the two, nothing is counted yet.
            self._own_handler = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            if self._own_handler:
                signal.signal(signal.SIGINT, _keyboard)
            _undisturbed += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _undisturbed, _waiting
        if not self._counted:
            return
        _undisturbed -= 1
        if self._own_handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if _waiting is not None and not _undisturbed:
            wish, _waiting = _waiting, None
            raise wish


def _keyboard(number: int, frame: FrameType | None) -> None:
    stop(KeyboardInterrupt())
