"""Where figures are written to: looked at before anything is measured, as measuring may take an hour."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from bench.results import Findings
from bench.tables import check_page
from fxcore.cli.bench import Family
from fxcore.errors import ParameterError
from fxcore.extras import BENCHMARKS

# What these find is no ratio, but how often something is right.
_WITHOUT_CHART = (Family.ACCURACY, Family.LEARNING)


def check_outputs(family: str, figures: Path | None, pages: Sequence[Path], plot: Path | None) -> None:
    """See that all of them can be written, and make the folders that they lie in.

    Parameters
    ----------
    family : str
        What will be measured.
    figures : pathlib.Path, optional
        For `write_figures`.
    pages : sequence of pathlib.Path
        For `bench.tables.write_markdown`.
    plot : pathlib.Path, optional
        For `bench.plot.plot`.

    Raises
    ------
    FxrayError
        If a file cannot be written, a page cannot be refreshed, or there is no such plot.
    OSError
        If a folder cannot be made.
    """
    if plot:
        _check_plot(family, plot)
    for path in (*([figures] if figures else []), *pages, *([plot] if plot else [])):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise ParameterError(f"{path} is a folder; name a file")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ParameterError(f"{path} may not be written; name another file")
    for page in pages:
        check_page(page, family)


def _check_plot(family: str, plot: Path) -> None:
    BENCHMARKS.require()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if family in _WITHOUT_CHART:
        raise ParameterError(f"a plot shows how fast something is; {family} has nothing to draw")
    endings = FigureCanvasAgg.get_supported_filetypes()
    if plot.suffix.lower().removeprefix(".") not in endings:
        raise ParameterError(
            f"{plot} has an ending that names no way to draw it; use one of .{', .'.join(sorted(endings))}"
        )


def write_figures(findings: Findings, path: Path) -> None:
    """Write all figures as JSON."""
    path.write_text(json.dumps(findings.figures(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
