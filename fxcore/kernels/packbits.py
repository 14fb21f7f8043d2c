"""Byte planes out of PackBits runs, as RLE Lossless stores them (DICOM PS3.5 annex G)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import DamagedDataError, ParameterError
from fxcore.kernels._bits import put_run
from fxcore.kernels._check import MOST_PIXELS, as_bytes, as_integer, as_sequence
from fxcore.kernels._jit import kernel

_LONGEST = 128  # bytes of a run
# Bytes of a plane that are unpacked before the next plane's turn: two such chunks stay in a small L1 cache.
_CHUNK = 8192
_NO_PAIRS = np.empty(0, np.uint16)


def unpack_planes(
    source: bytes | bytearray | memoryview | NDArray[np.uint8],
    segments: Sequence[tuple[int, int]],
    pixels: int,
) -> NDArray[np.uint8]:
    """Unpack segments of PackBits runs and interleave them, byte by byte.

    Runs may cross the ends of rows. A segment has a byte more than its plane at most, and after its runs one
    byte of any value and zeros: what encoders pad with. Where bytes are missing before, there are others.

    Cost: one pass over the segments side by side. A run takes one step without a branch, whatever it is.

    Parameters
    ----------
    source : bytes-like
        What holds the segments.
    segments : sequence of (int, int)
        Where each begins and ends: offsets of its first byte and of the byte after its last.
    pixels : int
        Bytes in a plane.

    Returns
    -------
    numpy.ndarray
        ``uint8``, shape ``(pixels, len(segments))``: plane k is column k.

    Raises
    ------
    ParameterError
        If a segment lies outside `source`.
    DamagedDataError
        If one ends within a run or before its plane is full, or goes on after it.

    References
    ----------
    DICOM PS3.5 section G.3.2, the RLE decoder.

    Examples
    --------
    >>> unpack_planes(bytes([254, 7, 2, 1, 2, 3]), [(2, 6), (0, 2)], pixels=3)
    array([[1, 7],
           [2, 7],
           [3, 7]], dtype=uint8)
    """
    packed = as_bytes(source, "source")
    pixels = as_integer(pixels, 0, MOST_PIXELS, "pixels")
    if len(segments) == 0:
        raise ParameterError("there are no segments to unpack")
    for segment in segments:
        ends = as_sequence(segment, 2, "a segment")
        start, stop = (as_integer(end, -MOST_PIXELS, MOST_PIXELS, "the end of a segment") for end in ends)
        if not 0 <= start <= stop <= packed.size:
            raise ParameterError(f"a segment of bytes {start} to {stop} is not within {packed.size} bytes")
    planes = np.empty((pixels, len(segments)), np.uint8)
    places, ready = np.array(segments, np.int64), np.zeros(len(segments), np.int64)
    if len(segments) == 1:
        places[0, 0], filled = _unpack(packed, *segments[0], planes.reshape(-1), 0, pixels)
        short, ready[0] = -1 if filled >= pixels else 0, filled - pixels
    else:
        # A run may end after its chunk does: what is left over moves to the front for the next.
        chunks = np.empty((len(segments), _CHUNK + _LONGEST), np.uint8)
        pairs = planes.reshape(-1).view("=u2") if len(segments) == 2 else _NO_PAIRS
        short = _interleave(packed, places, ready, chunks, planes, pairs)
    if short >= 0:
        raise DamagedDataError(f"segment {short} ends within a run or before its {pixels} bytes are full")
    for k, (at, stop) in enumerate(places.tolist()):
        if ready[k] > 1 or packed[at + 1 : stop].any():
            raise DamagedDataError(f"segment {k} goes on after its {pixels} bytes")
    return planes


@kernel
def _interleave(source, places, ready, chunks, planes, pairs):
    """Fill `planes` (pixels, n) from the segments at `places` (n, 2); returns one that falls short or -1.

    The starts in `places` become where reading ended, and `ready`, which is 0, how many bytes each segment
    had in excess then. `pairs` is `planes` once more, two bytes together, where there are two planes.
    """
    pixels, n = planes.shape
    for first in range(0, pixels, _CHUNK):
        size = min(_CHUNK, pixels - first)
        for k in range(n):
            places[k, 0], ready[k] = _unpack(source, places[k, 0], places[k, 1], chunks[k], ready[k], size)
            if ready[k] < size:
                return k
        if n == 2:
            low, high, target = chunks[0], chunks[1], pairs[first : first + size]
            for i in range(size):
                target[i] = np.uint16(low[i]) | np.uint16(np.uint16(high[i]) << np.uint16(8))
        else:
            for k in range(n):
                for i in range(size):
                    planes[first + i, k] = chunks[k, i]
        for k in range(n):
            ready[k] -= size
            for i in range(ready[k]):
                chunks[k, i] = chunks[k, size + i]
    return -1


@kernel
def _unpack(source, at, stop, out, to, enough):
    """Unpack runs from ``source[at:stop]`` into `out` from `to` on until `enough` bytes are there.

    Returns where in the source the next run starts, and how far `out` is filled: below `enough` if the
    segment did not reach.
    """
    last = min(stop - 1, source.size - 1 - _LONGEST)
    room = min(enough - 1, out.size - _LONGEST)
    while at <= last and to <= room:
        head = np.int64(source[at])
        repeat = head >= _LONGEST
        put_run(source, at + 1, out, to, repeat)
        # 128 stands for nothing at all, and has no byte after it.
        nothing = np.int64(head == _LONGEST)
        to += ((257 - head) if repeat else (head + 1)) * (1 - nothing)
        at += (2 if repeat else head + 2) - nothing
    if at > stop:
        return at, np.int64(-1)
    while at < stop and to < enough:
        head = np.int64(source[at])
        at += 1
        if head == _LONGEST:
            continue
        count = 257 - head if head > _LONGEST else head + 1
        end = at + (1 if head > _LONGEST else count)
        if end > stop:
            return at, np.int64(-1)
        step = np.int64(head < _LONGEST)
        for i in range(min(count, out.size - to)):
            out[to + i] = source[at + step * i]
        to += count
        at = end
    return at, to
