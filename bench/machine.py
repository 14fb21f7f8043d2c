"""The machine that was measured on, named in every table."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fxcore import __version__
from fxcore.cores import default_workers

VERSIONS = ("numpy", "numba", "opencv-python", "scikit-image", "scikit-learn", "pydicom", "python-gdcm")

# Half a second of arithmetic that needs no memory, timed by itself.
_ARITHMETIC = """
import time
begin = time.perf_counter()
for _ in range(8_000_000):
    pass
print(time.perf_counter() - begin)
"""


def machine() -> dict[str, str]:
    """Return processor, cores, memory, system and versions."""
    found = {
        "processor": processor(),
        "cores": _cores(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "fxray": __version__,
    }
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> str:
    """Return the processor's name; family and model too, where the name alone says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name", platform.machine())
    numbers = ", ".join(f"{key} {facts[key]}" for key in ("cpu family", "model") if key in facts)
    return f"{name} ({numbers.removeprefix('cpu ')})" if numbers else name


def _cores() -> str:
    """Count the cores, and say what two at once are worth: of two threads of one core, little."""
    count = default_workers()
    if count < 2:
        return "1 core"
    slower = statistics.median(max(_seconds(2)) / _seconds(1)[0] for _ in range(3))
    return f"{count} cores (two processes of plain arithmetic at once: {slower:.2f} times as long as one)"


def _seconds(processes: int) -> list[float]:
    """Return what the arithmetic takes in each of so many processes at once."""
    command = [sys.executable, "-c", _ARITHMETIC]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return [float(process.communicate()[0]) for process in started]


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        return "unknown"
