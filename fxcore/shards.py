"""A share of the studies, for many machines that do one data set without talking to each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fxcore.errors import ParameterError

_MOST = 9999


@dataclass(frozen=True)
class Shard:
    """Share `number` (from 1) of `count`.

    Which studies it holds follows from their pseudonyms alone, so every machine finds the same shares.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count <= _MOST:
            raise ParameterError(
                f"shard {self.number}/{self.count}: the first number goes from 1 to the second, "
                f"and that to {_MOST} at most"
            )

    @classmethod
    def from_text(cls, text: str) -> Shard:
        """Read ``i/n``.

        Raises
        ------
        ParameterError
            If `text` is not of that form, or the numbers are out of range.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if not match:
            raise ParameterError(f"--shard {text!r} is not of the form i/n, as in 3/16")
        return cls(int(match[1]), int(match[2]))

    @property
    def name(self) -> str:
        """What tells its files from those of the others."""
        return f"{self.number}-of-{self.count}"

    def holds(self, study_id: str) -> bool:
        """Tell whether the study is of this share."""
        return int(study_id[:8], 16) % self.count == self.number - 1
