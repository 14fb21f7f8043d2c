"""Fill the cache of compiled kernels: once for all processes that start together, and by two of them.

What is in it, a process loads when it first calls it; a worker before that, where every radiograph may need
it (`fxcore.kernels.warm.warm_radiographs`), while the other workers load theirs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np

import fxcore.kernels
from fxcore.import_path import import_environment
from fxcore.kernels._blend import ask_ahead
from fxcore.kernels._jit import _sources
from fxcore.kernels.tone import corner_means
from fxcore.kernels.warm import warm, warm_images

_LINALG = "scipy.linalg"
_OTHER_HALF = "from fxcore.kernels.warm import warm_files; warm_files()"


@contextlib.contextmanager
def _without_scipy() -> Iterator[None]:
    """Spare Numba a look for SciPy's BLAS, for products of matrices, which no kernel has.

    A part of the time that loading the first kernel takes. Where SciPy is loaded already, that costs nothing.
    """
    if _LINALG in sys.modules:
        yield
        return
    sys.modules[_LINALG] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[_LINALG]


@_without_scipy()
def compile_kernels() -> None:
    """See that all kernels are in the cache, and Numba ready to load them.

    Of several processes that start on an empty cache one fills it. Numba's cache is not made for several
    writers: two that save the same kernel for different types may take the same file name. Once it is filled
    nobody writes, and nobody has to wait. The one that fills it starts another for half of the kernels, as
    compiling takes one core only.
    """
    # What Numba keeps beside each other in its cache; of each it keeps one version, the last.
    kinds = (
        platform.python_version(),
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
    )
    version = f"{_sources(Path(fxcore.kernels.__file__).parent)} {numba.__version__}"
    dispatcher: Any = ask_ahead
    cache = Path(dispatcher.stats.cache_path)
    filled = cache / f"fxray-{hashlib.sha256(repr(kinds).encode()).hexdigest()[:16]}.filled"
    if _text(filled) != version:
        _fill(cache, filled, version)
    # The first one takes with it what Numba needs for any.
    corner_means(np.zeros((1, 1), np.uint8), 1, 1)


def _fill(cache: Path, filled: Path, version: str) -> None:
    """Compile all kernels, or wait for who does; where nothing can be written, for this process alone."""
    try:
        with (cache / "fxray.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _text(filled) != version:
                # What is written from here on takes the place of what it speaks of.
                filled.unlink(missing_ok=True)
                _by_two()
                warm()
                filled.write_text(version, encoding="ascii")
    except OSError:
        # No locks, or no writing, on this file system.
        warm()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _by_two() -> None:
    """Compile half of the kernels here and half in a process that ends with that.

    Whatever becomes of that process: what it leaves undone is compiled here afterwards.
    """
    environment = os.environ | import_environment()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER_HALF], env=environment, stdin=quiet, stdout=quiet, stderr=quiet
    ) as other:
        try:
            warm_images()
        except BaseException:
            other.kill()
            raise
