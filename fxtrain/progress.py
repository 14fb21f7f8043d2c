"""How far a run is, as it is told to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Status:
    """How far training is, for the display."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images_per_second: float
    waiting: float
    seconds_left: float


class Progress(Protocol):
    """Where the trainer says how far it is."""

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage of `total` units."""

    def advance(self, units: int) -> None:
        """Count units of the stage as done."""

    def say(self, text: str) -> None:
        """Tell the user something that was decided."""

    def status(self, status: Status) -> None:
        """Show how the epoch goes."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Show how an epoch went."""


class Silent:
    """Progress for nobody."""

    def stage(self, name: str, total: int | None) -> None:
        pass

    def advance(self, units: int) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def status(self, status: Status) -> None:
        pass

    def epoch(self, row: dict[str, Any]) -> None:
        pass
