"""A wish to stop comes at any moment, and is raised where it does no harm.

Many locks of the standard library are taken in Python code (`threading.Condition`, and with it queues and
futures). An exception that a signal raises just there leaves such a lock taken for good, and whoever ends
the threads behind it afterwards waits for ever.
"""

from __future__ import annotations

import threading
from types import TracebackType

_wish: BaseException | None = None
_undisturbed = 0


def stop(wish: BaseException) -> None:
    """Raise `wish`, or let it wait for the end of an `undisturbed` block; for handlers of signals."""
    global _wish
    _wish = wish
    if not _undisturbed:
        raise wish


def heed() -> None:
    """Raise what waits to be raised, and what was raised and lost.

    Python passes over what is raised in a callback of the garbage collector.
    """
    if _wish is not None:
        raise _wish


class undisturbed:  # noqa: N801 (reads as what it does)
    """A block that no wish to stop breaks off: it is raised at its end, so that must be near.

    Signals come to the main thread only; in others this does nothing.
    """

    def __enter__(self) -> None:
        global _undisturbed
        self._counted = threading.get_ident() == threading.main_thread().ident
        if self._counted:
            _undisturbed += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _undisturbed
        if self._counted:
            _undisturbed -= 1
            if not _undisturbed:
                heed()
