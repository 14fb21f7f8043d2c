"""Timing side by side: interleaved rounds, medians with quartiles, ratios taken round by round.

What slows the machine for a while slows neighbours in time alike; a ratio taken within a round is
therefore steadier than the ratio of two times measured one after the other.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes
    ----------
    seconds : float
        Time aimed at for one comparison, warm-up left aside.
    least, most : int
        Bounds on the number of rounds, whatever the time.
    warm_up : int
        Rounds that do not count.
    """

    seconds: float = 2.0
    least: int = 7
    most: int = 101
    warm_up: int = 2


FULL = Effort()
QUICK = Effort(seconds=0.25, least=5, most=25, warm_up=1)


@dataclass(frozen=True)
class Spread:
    """A median between its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Return median and quartiles (the inclusive method: exact for the values at hand)."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def interleave(
    contestants: Mapping[str, Work],
    effort: Effort,
    clock: Callable[[], float] = time.perf_counter,
    before: Callable[[str], Any] | None = None,
) -> dict[str, list[float]]:
    """Time the contestants in turn, A B C A B C, round after round.

    Parameters
    ----------
    contestants : mapping of str to callable
        All set-up done.
    effort : Effort
        The last round of the warm-up tells how many rounds fill its time; without one, they are the least.
    clock : callable
        Seconds.
    before : callable, optional
        Told who is next, outside the clock.

    Returns
    -------
    dict of str to list of float
        Seconds of each call, a value a round, in the order of the rounds.
    """
    collecting = gc.isenabled()
    # As in `timeit`: a collection that falls into one contestant's call would be charged to it.
    gc.disable()
    try:
        round_s = 0.0
        for _ in range(effort.warm_up):
            round_s = sum(_timed(name, work, clock, before) for name, work in contestants.items())
        rounds = round(effort.seconds / round_s) if round_s > 0 else effort.least
        rounds = max(effort.least, min(effort.most, rounds))
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, work in contestants.items():
                seconds[name].append(_timed(name, work, clock, before))
        return seconds
    finally:
        if collecting:
            gc.enable()


def _timed(name: str, work: Work, clock: Callable[[], float], before: Callable[[str], Any] | None) -> float:
    if before is not None:
        before(name)
    begin = clock()
    result = work()
    seconds = clock() - begin
    # Kept until the clock is read: giving memory back is not part of the work.
    del result
    return seconds


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Return peer over ours, round by round."""
    return [b / a for a, b in zip(ours, theirs, strict=True)]


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute in `count` threads, and afterwards in as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
