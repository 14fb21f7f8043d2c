"""How much of the memory that is given back a process keeps for its next use.

glibc's allocator hands large arrays back to the system as soon as they are free. Where the next image or
batch takes the same anew, the system has to clear each of their pages again, and the processor to find them.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator

# Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Bytes. The last two are as far as glibc moves them by itself, which it stops to once it has been told.
_MOST, _LARGEST, _USUAL, _USUALLY_LARGEST = 2**31 - 1, 2**30, 64 << 20, 32 << 20


def keep_memory(most: int, largest: int) -> None:
    """Have this process keep what it gives back, until it ends. Other allocators than glibc's are left alone.

    Parameters
    ----------
    most : int
        Bytes at the end of the heap that are kept.
    largest : int
        Bytes of an array; a larger one is handed back as ever.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, largest)
        mallopt(_TRIM_THRESHOLD, most)


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Keep memory while large arrays come and go, and hand it back at the end."""
    keep_memory(_MOST, _LARGEST)
    try:
        yield
    finally:
        keep_memory(_USUAL, _USUALLY_LARGEST)
        trim = _of_glibc("malloc_trim")
        if trim is not None:
            trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
