"""One call a family: measure, name the machine, take the time."""

from __future__ import annotations

import compileall
import importlib
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

from bench.machine import machine
from bench.options import Options
from bench.results import Findings
from fxcore.cli.bench import Family
from fxcore.cores import default_workers
from fxcore.errors import ParameterError
from fxcore.extras import BENCHMARKS


def run(
    family: str,
    *,
    quick: bool = False,
    threads: int = 0,
    sheet: Path | None = None,
    seeds: tuple[int, ...] = (),
    say: Callable[[str], None] | None = None,
) -> Findings:
    """Run one family of benchmarks.

    Parameters
    ----------
    family : str
        One of `fxcore.cli.bench.Family`.
    quick : bool
        Few rounds and the standard size only: about a minute.
    threads : int
        Threads of the rows that use all of them; 0: one for each core.
    sheet : pathlib.Path, optional
        Folder for pictures of the worst cases; only ``accuracy`` has them.
    seeds : tuple of int
        Of the phantoms that ``accuracy`` judges instead of its usual ones and real radiographs.
    say : callable, optional
        Told what is being measured.

    Raises
    ------
    FxrayError
        If a package to measure against is missing, for an unknown family, or an option of another.
    OSError
        If there can be no folder for the sheets.
    """
    if family not in tuple(Family):
        raise ParameterError(f"{family!r} is no family of benchmarks; choose from: {', '.join(Family)}")
    if threads < 0:
        raise ParameterError(f"threads must be 0 (one for each core) or more, not {threads}")
    if family != Family.ACCURACY and (sheet or seeds):
        raise ParameterError(f"a sheet and seeds are for {Family.ACCURACY.value} alone, not for {family}")
    if sheet:
        # Now, as measuring takes minutes.
        sheet.mkdir(parents=True, exist_ok=True)
    BENCHMARKS.require()
    compile_packages()
    options = Options(quick, threads or default_workers(), say or (lambda text: None), sheet, seeds)
    begin = time.perf_counter()
    findings: Findings = importlib.import_module(f"bench.{family}").run(options)
    findings.machine = machine()
    findings.seconds = time.perf_counter() - begin
    return findings


def compile_packages() -> None:
    """Compile our packages, and the peers among them, to bytecode, as installing a wheel does.

    Run from a checkout where Python is told to write none (``PYTHONDONTWRITEBYTECODE``), each process
    would begin by compiling them, for up to half a second that no user waits.
    """
    for name in ("bench", "fxcore", "fxserve", "fxtrain"):
        spec = importlib.util.find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or ():
            compileall.compile_dir(folder, quiet=2)
