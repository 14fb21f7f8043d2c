"""What a family of benchmarks finds: rows, and what could not be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from bench.harness import Spread, ratios


@dataclass(frozen=True)
class Result:
    """One comparison.

    Attributes
    ----------
    name, peer, input : str
        What was done, held against whom, on what.
    threads, peer_threads : int
        Threads (kernels) or worker processes (pipeline) of ours and of the peer.
    ours_s, peer_s : float
        Median seconds; where `unit` says so, another quantity of which less is better.
    ratio : float
        Median over the rounds of peer over ours: above 1, ours is faster.
    ours_quartiles_s, peer_quartiles_s, ratio_quartiles : tuple of float
        First and third quartile.
    rounds : int
    floor_s : float or None
        The bytes that must be moved, over the bandwidth of a copy measured in the same rounds.
    times_floor : float or None
        How many times that ours takes.
    ours_peak_bytes, peer_peak_bytes : int or None
        Memory in use at the worst moment, inputs not counted.
    mark : float or None
        The ratio to be reached.
    met : bool or None
        Whether it is, and what `note` adds to it; there may be no mark but this.
    unit : str
        ``"s"``, ``"B"`` (bytes) or ``"×"`` (a ratio).
    note : str
        What else there is to say, for instance file sizes.
    figures : dict of str to float
        The numbers in `note`.
    """

    name: str
    peer: str
    input: str
    threads: int
    peer_threads: int
    ours_s: float
    peer_s: float
    ratio: float
    ours_quartiles_s: tuple[float, float]
    peer_quartiles_s: tuple[float, float]
    ratio_quartiles: tuple[float, float]
    rounds: int
    floor_s: float | None = None
    times_floor: float | None = None
    ours_peak_bytes: int | None = None
    peer_peak_bytes: int | None = None
    mark: float | None = None
    met: bool | None = None
    unit: str = "s"
    note: str = ""
    figures: dict[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Return the result as plain values, for JSON."""
        return asdict(self)


def compare(
    name: str,
    peer: str,
    input_name: str,
    seconds: Mapping[str, list[float]],
    *,
    threads: int = 1,
    peer_threads: int = 1,
    floor_s: float | None = None,
    mark: float | None = None,
    also: bool = True,
    **further: Any,
) -> Result:
    """Sum up the rounds of ``seconds["ours"]`` and ``seconds["peer"]``.

    Parameters
    ----------
    also : bool
        What the mark asks for besides the ratio.
    """
    ours, theirs = Spread.of(seconds["ours"]), Spread.of(seconds["peer"])
    ratio = Spread.of(ratios(seconds["ours"], seconds["peer"]))
    return Result(
        name=name,
        peer=peer,
        input=input_name,
        threads=threads,
        peer_threads=peer_threads,
        ours_s=ours.median,
        peer_s=theirs.median,
        ratio=ratio.median,
        ours_quartiles_s=(ours.low, ours.high),
        peer_quartiles_s=(theirs.low, theirs.high),
        ratio_quartiles=(ratio.low, ratio.high),
        rounds=len(seconds["ours"]),
        floor_s=floor_s,
        times_floor=ours.median / floor_s if floor_s else None,
        mark=mark,
        met=None if mark is None else bool(ratio.median >= mark and also),
        **further,
    )


def within(name: str, what: str, values: list[float], limit: float, **further: Any) -> Result:
    """Hold values of which less is better against a limit: a ratio of 1 or more is within it."""
    rounds = {"ours": values, "peer": [limit] * len(values)}
    return compare(name, "limit", what, rounds, **({"mark": 1.0} | further))


@dataclass(frozen=True)
class Table:
    """Figures that are no comparison of times.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple of str
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class Findings:
    """All of one family.

    Attributes
    ----------
    family : str
    machine : dict of str to str
    results : list of Result
    skipped : list of str
        What was not measured, and why: a sentence each.
    said : list of str
        What follows from the results, a sentence each.
    seconds : float
        How long it took.
    tables : list of Table
        Figures that are no comparison of times.
    summary : Table, optional
        What the tables come down to.
    """

    family: str
    machine: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    tables: list[Table] = field(default_factory=list)
    summary: Table | None = None

    @property
    def marks(self) -> list[Result]:
        """The results that have something to reach."""
        return [result for result in self.results if result.met is not None]

    @property
    def all_tables(self) -> list[Table]:
        """The tables, what they come down to first."""
        return [*([self.summary] if self.summary else []), *self.tables]

    def drop_marks(self, reason: str) -> None:
        """Hold the results against nothing, and say why."""
        self.skipped.append(f"marks: {reason}")
        self.results = [replace(result, mark=None, met=None) for result in self.results]

    def figures(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "family": self.family,
            "machine": self.machine,
            "rows": [result.row() for result in self.results],
            "tables": [asdict(table) for table in self.all_tables],
            "skipped": self.skipped,
            "said": self.said,
            "seconds": self.seconds,
        }
