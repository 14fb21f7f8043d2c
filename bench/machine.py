"""The machine that was measured on, named in every table; and the peers, imported or asked for."""

from __future__ import annotations

import importlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fxcore import __version__
from fxcore.errors import FxrayError
from fxcore.executor import default_workers

# Module to import, and the distribution it comes with.
PEERS = {
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "pylibjpeg": "pylibjpeg",
}
VERSIONS = ("numpy", "numba", "opencv-python", "scikit-image", "scikit-learn", "pydicom", "python-gdcm")


def require_peers() -> None:
    """Check that what fxray is measured against is installed.

    Raises
    ------
    FxrayError
        Naming the extra to install.
    """
    missing = []
    for module, name in PEERS.items():
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append(name)
    if missing:
        raise FxrayError(
            f"the benchmarks need {', '.join(missing)}, which is not installed; "
            "install the extra `bench`: pip install 'fxray[bench]'"
        )


def machine() -> dict[str, str]:
    """Return processor, cores, memory, system and versions."""
    found = {
        "processor": processor(),
        "cores": str(default_workers()),
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


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        return "unknown"
