"""RLE Lossless frames (DICOM PS3.5 annex G): the header, and where each byte plane belongs."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import DamagedDataError
from fxcore.kernels import unpack_planes

_HEADER = struct.Struct("<16L")
_MOST_SEGMENTS = 15


def rle_frame(source: bytes, runner: Any) -> NDArray[Any]:
    """Decode one frame of up to 32 bits a sample; one bit a pixel comes as one byte a pixel.

    Parameters
    ----------
    source : bytes
        One encoded frame.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Says how the samples are allocated.

    Returns
    -------
    numpy.ndarray
        Shape ``(rows, columns)`` or ``(rows, columns, samples)``, in little endian.

    Raises
    ------
    DamagedDataError
        If the header is broken or counts other segments than the samples take, or if a segment does not hold
        a byte for every pixel, and no more. There is nothing in RLE that another decoder could know better.
    """
    rows, columns, samples = runner.rows, runner.columns, runner.samples_per_pixel
    bits = runner.bits_allocated
    segments = _segments(source)
    width = max(1, bits // 8)
    if len(segments) != samples * width:
        raise DamagedDataError(
            f"{len(segments)} RLE segments where {samples} sample(s) of {bits} bits take {samples * width}"
        )
    if bits == 1:
        # One segment of packed bits (PS3.5 section 8.2.2).
        packed = unpack_planes(source, segments, (rows * columns + 7) // 8)
        return np.unpackbits(packed, count=rows * columns, bitorder="little").reshape(rows, columns)
    if runner.get_option("rle_segment_order", ">") == ">":
        # The highest byte of a sample has the first of its segments (G.2), and goes last.
        segments = [segments[s + width - 1 - b] for s in range(0, len(segments), width) for b in range(width)]
    planes = unpack_planes(source, segments, rows * columns).view(f"<u{width}")
    return planes.reshape((rows, columns) if samples == 1 else (rows, columns, samples))


def _segments(source: bytes) -> list[tuple[int, int]]:
    """Read from the header (G.5) where each segment begins and ends."""
    if len(source) < _HEADER.size:
        raise DamagedDataError(f"an RLE frame of {len(source)} bytes has no header")
    count, *offsets = _HEADER.unpack_from(source)
    if not 1 <= count <= _MOST_SEGMENTS:
        raise DamagedDataError(f"an RLE header that counts {count} segments; the standard allows 1 to 15")
    starts = [*offsets[:count], len(source)]
    segments = list(pairwise(starts))
    if starts[0] < _HEADER.size or any(start >= stop for start, stop in segments):
        raise DamagedDataError("the offsets in the RLE header do not lead from one segment to the next")
    return segments
