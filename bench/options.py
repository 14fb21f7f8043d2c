"""What every family of benchmarks is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.harness import FULL, QUICK, Effort


@dataclass(frozen=True)
class Options:
    """How to measure.

    Attributes
    ----------
    quick : bool
        Few rounds and the standard size only.
    threads : int
        Threads of the rows that use all of them: OpenCV's, and ours where kernels share work.
    say : callable
        Told what is being measured.
    sheet : pathlib.Path, optional
        Folder for pictures of the worst cases, of the family that has them.
    seeds : tuple of int
        Of other phantoms than the usual ones, for the family that judges the steps by them.
    """

    quick: bool = False
    threads: int = 1
    say: Callable[[str], None] = lambda text: None
    sheet: Path | None = None
    seeds: tuple[int, ...] = ()

    @property
    def effort(self) -> Effort:
        return QUICK if self.quick else FULL
