"""How far a job is, as it is told to whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Where a job says how far it is; the command line shows it, a library user may pass `Silent`."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` units (None: not known)."""

    def advance(self, units: int) -> None:
        """Count units of the stage as done."""

    def say(self, text: str) -> None:
        """Tell the user something that was decided."""


class Silent:
    """Progress for nobody."""

    def stage(self, name: str, total: int | None) -> None:
        pass

    def advance(self, units: int) -> None:
        pass

    def say(self, text: str) -> None:
        pass
