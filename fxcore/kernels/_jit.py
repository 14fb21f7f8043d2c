"""One place for the compilation policy of every kernel."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` with Numba: no Python objects, no GIL, cached on disk, IEEE arithmetic.

    Fast-math stays off everywhere: results must not depend on how a compiler reorders sums.
    """
    # No wrapper for callers in C, of which there are none: a fortieth of compiling.
    compiled = numba.njit(cache=True, nogil=True, no_cfunc_wrapper=True)(function)
    # Numba compares the file of the function alone with what the cache was made from; compiled code
    # holds that of the functions it calls as well, and would outlive a change of their files.
    file: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    stamp = _sources(Path(function.__code__.co_filename).parent)
    if stamp and hasattr(file, "_source_stamp"):
        file._source_stamp = stamp
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` into each kernel that calls it, for what is called once a bit or a pixel."""
    return numba.njit(nogil=True, forceinline=True)(function)


@functools.cache
def _sources(folder: Path) -> str:
    """Return a digest of the Python files of a folder and of this one; empty where there are none."""
    files = [file for place in {folder, Path(__file__).parent} for file in place.glob("*.py")]
    if not files:
        return ""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
