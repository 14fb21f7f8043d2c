"""What it costs to begin: the command line, the import, the first compilation, the cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.options import Options
from bench.results import Findings, Result, within

HELP_S, IMPORT_S, COMPILE_S, CACHE_S = 0.4, 0.3, 25.0, 1.0
"""Seconds that must not be exceeded."""

# Prints how long the kernels took to be ready, and what they then say of a small image.
_READY = """
import time
begin = time.perf_counter()
from fxcore import kernels
from fxcore.compile_kernels import compile_kernels
compile_kernels()
kernels.warm()
seconds = time.perf_counter() - begin
import numpy
image = (numpy.arange(5000, dtype=numpy.uint32) * 2654435761 >> 24).astype(numpy.uint8).reshape(50, 100)
runs = kernels.runs_from_image(image, kernels.otsu_threshold(image))
print(seconds, len(runs), kernels.components(runs).count, int(kernels.rotate(image, 30.0).sum()))
"""


def run(options: Options) -> Findings:
    """Measure in fresh processes; see `bench.options.Options`."""
    findings = Findings("startup")
    rounds = 5 if options.quick else 15
    for name, arguments, limit in (
        ("fxray --help", ["-m", "fxcore", "--help"], HELP_S),
        ("import fxcore", ["-c", "import fxcore"], IMPORT_S),
    ):
        options.say(name)
        user_seconds(arguments)  # the first run fills the file cache
        seconds = [user_seconds(arguments) for _ in range(rounds)]
        findings.results.append(within(name, "user CPU time", seconds, limit))
    compiled, loaded = [], []
    for k in range(1 if options.quick else 3):
        options.say(f"compiling all kernels, {k + 1}")
        with tempfile.TemporaryDirectory() as folder:
            compiled.append(_ready_seconds(folder))
            loaded += [_ready_seconds(folder) for _ in range(3)]
    findings.results.append(within("compile all kernels, empty cache", "wall clock", compiled, COMPILE_S))
    findings.results.append(within("load all kernels from the cache", "wall clock", loaded, CACHE_S))
    options.say("two processes on an empty cache")
    findings.results.append(_two_at_once())
    return findings


def user_seconds(arguments: list[str]) -> float:
    """Run Python with these arguments and return the user CPU time it took."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return usage.ru_utime


def _start(cache: str) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    return subprocess.Popen(
        [sys.executable, "-c", _READY],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ready_seconds(cache: str) -> float:
    process = _start(cache)
    out, err = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, out, err)
    return float(out.split()[0])


def _two_at_once() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        processes = [_start(str(Path(folder) / "cache")) for _ in range(2)]
        outputs = [process.communicate() for process in processes]
        seconds = time.perf_counter() - begin
    answers = {out.partition(" ")[2] for out, _ in outputs}
    failed = [process.returncode for process in processes if process.returncode]
    good = not failed and len(answers) == 1
    note = "both worked and agree" if good else f"exit codes {failed}, {len(answers)} different answers"
    # How long they take together is told, not judged: that both work is what counts.
    name = "two processes at once, empty cache"
    return replace(within(name, "wall clock", [seconds], 2 * COMPILE_S, note=note), mark=None, met=good)
