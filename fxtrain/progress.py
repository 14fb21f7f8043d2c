"""How far a run is, as it is told to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from fxcore import progress


@dataclass(frozen=True)
class Status:
    """How far training is, for the display."""

    epoch: int
    epochs: int
    step: int
    steps: int


class Progress(progress.Progress, Protocol):
    """Where the trainer says how far it is."""

    def status(self, status: Status) -> None:
        """Show how the epoch goes."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Show how an epoch went."""


class Silent(progress.Silent):
    """Progress for nobody."""

    def status(self, status: Status) -> None:
        pass

    def epoch(self, row: dict[str, Any]) -> None:
        pass
