"""A bar chart of one family: how many times as long each peer takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.inputs import STANDARD
from bench.results import Findings, Result
from bench.tables import inputs, named
from fxcore.errors import FxrayError

_MOST_BARS = 60
_COLOURS = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9"),
    *("#d55e00", "#999999", "#f0e442", "#332288", "#882255"),
)
_MARK, _NOT_MET = "#222222", "#d00000"


def plot(findings: Findings, path: Path) -> None:
    """Draw the ratios on a logarithmic axis, with quartiles and marks; the ending tells the format.

    Raises
    ------
    FxrayError
        If nothing was measured or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    results = drawn(findings)
    if not results:
        raise FxrayError(f"nothing was measured in the family {findings.family}: there is nothing to draw")
    figure = Figure(figsize=(10, 1.6 + 0.28 * len(results)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    peers = list(dict.fromkeys(result.peer for result in results))
    for k, result in enumerate(results):
        colour = _COLOURS[peers.index(result.peer) % len(_COLOURS)]
        low, high = result.ratio_quartiles
        axes.barh(k, result.ratio - 1, left=1, color=colour, height=0.7)
        axes.plot([low, high], [k, k], color=_MARK, linewidth=1)
        if result.mark is not None:
            edge = _MARK if result.met else _NOT_MET
            axes.plot([result.mark] * 2, [k - 0.45, k + 0.45], color=edge, linewidth=2)
        text = f"{result.ratio:.2f}" if result.ratio < 10 else f"{result.ratio:.0f}"
        text += "" if result.met is not False else ", mark not met"
        axes.annotate(
            text, (max(high, 1, result.mark or 0), k), (4, 0), textcoords="offset points", va="center", size=8
        )
    several = len(inputs(findings)) > 1 and len({result.input for result in results}) > 1
    axes.set_yticks(range(len(results)), [_label(result, several) for result in results], fontsize=7.5)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color=_MARK, linewidth=0.8)
    axes.margins(x=0.04, y=0.01)
    left, right = axes.get_xlim()
    axes.set_xlim(left, right * (right / left) ** 0.22)  # room for what stands behind the bars
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    # Over a short range there is one power of ten: name what is between.
    short = right < 12 * left
    axes.xaxis.set_minor_formatter((lambda value, _: f"{value:g}") if short else (lambda value, _: ""))
    axes.tick_params(axis="x", which="both", labelsize=8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    what = "their time over ours, on a logarithmic axis; thin line: quartiles, thick line: mark to reach"
    figure.supxlabel(f"{what}\n{findings.machine.get('processor', '')}", fontsize=8)
    limits = peers == ["limit"]
    question = f"how many times {'it fits into the limit' if limits else 'as long each peer takes'}"
    axes.set_title(f"{findings.family}: {question}", loc="left", fontsize=11)
    _legend(figure, peers)
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise FxrayError(f"cannot write the plot {path}: {error}") from error


def drawn(findings: Findings) -> list[Result]:
    """Return what fits on one chart: everything, or the standard input at one thread and what has a mark."""
    if len(findings.results) <= _MOST_BARS:
        return findings.results
    return [
        result
        for result in findings.results
        if result.mark is not None
        or (result.input == STANDARD and result.threads == result.peer_threads == 1)
    ]


def _legend(figure: Any, peers: list[str]) -> None:
    """Name the peers above the bars, where none of them can hide behind."""
    from matplotlib.patches import Patch

    handles = [Patch(color=_COLOURS[k % len(_COLOURS)], label=peer) for k, peer in enumerate(peers)]
    figure.legend(handles=handles, fontsize=8, loc="outside upper right", ncols=min(4, len(peers)))


def _label(result: Result, several: bool) -> str:
    name = named(result.name, result.threads, result.input)
    if not several or result.input == STANDARD:
        return name
    return f"{name}{chr(10) if len(name) + len(result.input) > 50 else ' '}({result.input})"
