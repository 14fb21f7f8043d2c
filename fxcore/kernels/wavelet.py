"""The inverse of the reversible 5/3 wavelet of JPEG 2000 (ITU-T T.800 annex F)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._jit import kernel
from fxcore.kernels.precincts import MOST_LEVELS

_LEAST, _MOST = -(2**31), 2**31 - 1


def inverse_wavelet_5_3(
    plane: NDArray[np.int32],
    out: NDArray[Any],
    tile: tuple[int, int, int, int],
    origin: tuple[int, int],
    levels: int,
    *,
    shift: int = 0,
    limits: tuple[int, int] = (_LEAST, _MOST),
) -> None:
    """Synthesise the samples of a tile from the coefficients of its subbands.

    Cost: each coefficient is read once and each sample written once; what lies between them, a third of
    that, goes through memory, and a few rows through the cache.

    Parameters
    ----------
    plane : numpy.ndarray
        ``int32``, shape ``(rows, columns)``: the nested subbands of the tile from `origin` on, of each level
        the low-pass half first.
    out : numpy.ndarray
        ``int32``, or ``uint8`` or ``uint16`` for the bit patterns of as many bits, the shape of `plane`;
        written where the tile lies.
    tile : tuple of int
        ``(x0, y0, x1, y1)``, its coordinates on the reference grid: whether they are odd decides which
        samples are low-pass.
    origin : tuple of int
        ``(row, column)`` where the tile starts in both arrays.
    levels : int
        Decomposition levels.
    shift : int
        Added to each sample: the DC level shift (G.1.2).
    limits : tuple of int
        The least and the greatest sample; those beyond become these.

    Raises
    ------
    ParameterError
        For arrays of other types or shapes, a tile that does not lie inside them, or too many levels.

    Notes
    -----
    Section F.3: 2D_SR of each level, rows first, then columns, by the lifting steps of equations F-5 and F-6,
    in 32 bits. The rows stay apart in an even and an odd half until a row is written, so that
    neighbouring samples of a lifting step are neighbours in memory.

    Examples
    --------
    >>> plane = np.array([[5, 1]], np.int32)
    >>> out = np.empty((1, 2), np.uint8)
    >>> inverse_wavelet_5_3(plane, out, (0, 0, 2, 1), (0, 0), 1, shift=128, limits=(0, 255))
    >>> out
    array([[132, 133]], dtype=uint8)
    """
    x0, y0, x1, y1 = tile
    top, left = origin
    if plane.dtype != np.int32 or plane.ndim != 2 or not plane.flags.carray:
        raise ParameterError("plane must be a contiguous int32 array of two dimensions")
    if out.dtype not in (np.int32, np.uint8, np.uint16) or out.shape != plane.shape or not out.flags.carray:
        raise ParameterError("out must be a contiguous array of the shape of plane, int32, uint8 or uint16")
    if not 0 <= levels <= MOST_LEVELS:
        raise ParameterError(f"{levels} decomposition levels, of which {MOST_LEVELS} are allowed")
    if not (0 <= x0 < x1 and 0 <= y0 < y1 and top >= 0 and left >= 0):
        raise ParameterError(f"a tile of coordinates {tile} at {origin}")
    if top + y1 - y0 > plane.shape[0] or left + x1 - x0 > plane.shape[1]:
        raise ParameterError(f"a tile of {y1 - y0} x {x1 - x0} at {origin} in a plane of shape {plane.shape}")
    if levels == 0:
        inside = np.s_[top : top + y1 - y0, left : left + x1 - x0]
        np.clip(plane[inside] + np.int32(shift), *limits, out=out[inside], casting="unsafe")
        return
    low, corner = plane, origin
    for level in range(levels - 1, -1, -1):
        rows, columns = _halves(y0, y1, level), _halves(x0, x1, level)
        if not sum(rows[:2]) or not sum(columns[:2]):
            continue
        size = np.array([*rows, *columns], np.int64)
        if level == 0:
            _synthesise(low, corner, plane, origin, size, shift, limits, out, origin)
        else:
            lower = np.empty((rows[0] + rows[1], columns[0] + columns[1]), np.int32)
            _synthesise(low, corner, plane, origin, size, 0, (_LEAST, _MOST), lower, (0, 0))
            low, corner = lower, (0, 0)


def _halves(begin: int, end: int, level: int) -> tuple[int, int, int]:
    """Return how many low-pass and high-pass samples give a resolution, and 1 if it starts with the latter.

    The resolution is the one `level` levels down (equation B-14); even coordinates are low-pass.
    """
    begin, end = -(-begin >> level), -(-end >> level)
    return (end + 1) // 2 - (begin + 1) // 2, end // 2 - begin // 2, begin & 1


@kernel
def _synthesise(low, low_at, plane, at, size, shift, limits, out, out_at):
    """Put one resolution together: the low-pass quarter of `low`, the other three of `plane`.

    `size` is what `_halves` says of rows and of columns. The last four rows are kept, each with its
    even columns first: when a row has been read, the low-pass row above it has both its neighbours, and
    with that the high-pass row above that.
    """
    low_rows, high_rows, odd_row, low_columns, high_columns, odd_column = size
    rows = low_rows + high_rows
    columns = low_columns + high_columns
    kept = np.empty((4, columns), np.int32)
    middle = at[1] + low_columns
    for y in range(rows + 2):
        if y < rows:
            high_pass = (y + odd_row) & 1
            line = at[0] + (y >> 1) + high_pass * low_rows
            lows = plane[line, at[1] : middle]
            if high_pass == 0:
                lows = low[low_at[0] + (y >> 1), low_at[1] : low_at[1] + low_columns]
            _row(lows, plane[line, middle : middle + high_columns], odd_column, kept[y & 3])
        if 1 <= y <= rows and (y - 1 + odd_row) & 1 == 0 and rows > 1:
            this = kept[(y - 1) & 3]
            above = y - 2 if y > 1 else y
            below = y if y < rows else y - 2
            _lift_low(this, kept[above & 3], kept[below & 3])
        if y < 2:
            continue
        this = kept[(y - 2) & 3]
        if (y + odd_row) & 1 == 1:
            if rows == 1:
                _halve(this)
            else:
                above = y - 3 if y > 2 else y - 1
                below = y - 1 if y <= rows else y - 3
                _lift_high(this, kept[above & 3], kept[below & 3])
        line = out[out_at[0] + y - 2, out_at[1] : out_at[1] + columns]
        _write(this, low_columns, odd_column, shift, limits, line)


@kernel
def _row(low, high, odd, out):
    """Synthesise a row; its even samples come first in `out`, then the odd ones."""
    even = out[: low.size]
    rest = out[low.size :]
    for i in range(low.size):
        even[i] = low[i]
    for i in range(high.size):
        rest[i] = high[i]
    if low.size == 0:
        _halve(rest)
    if low.size == 0 or high.size == 0:
        return
    # At both ends the one neighbour there is stands for both (F.3.7).
    last = high.size - 1
    begin = 1 - odd
    end = min(low.size, high.size - odd)
    if begin == 1:
        even[0] -= (2 * rest[0] + 2) >> 2
    _lift_low(even[begin:end], rest[: end - begin], rest[1 : end - begin + 1])
    if low.size > max(end, begin):
        even[low.size - 1] -= (2 * rest[last] + 2) >> 2
    last = low.size - 1
    end = min(high.size, low.size - begin)
    if odd == 1:
        rest[0] += even[0]
    _lift_high(rest[odd:end], even[: end - odd], even[1 : end - odd + 1])
    if high.size > max(end, odd):
        rest[high.size - 1] += even[last]


@kernel
def _halve(row):
    """Halve a sample that is alone and at an odd place, where it is stored doubled (F.3.6)."""
    for i in range(row.size):
        row[i] = (row[i] + (1 if row[i] < 0 else 0)) >> 1


@kernel
def _lift_low(row, before, after):
    """Equation F-5, all one-dimensional: even samples from the odd ones beside them."""
    for i in range(row.size):
        row[i] -= np.int32(np.int32(before[i] + after[i] + 2) >> 2)


@kernel
def _lift_high(row, before, after):
    """Equation F-6, all one-dimensional: odd samples from the even ones beside them."""
    for i in range(row.size):
        row[i] += np.int32(np.int32(before[i] + after[i]) >> 1)


@kernel
def _write(row, low_columns, odd, shift, limits, out):
    """Interleave the even and the odd half of a row, shift and limit the samples."""
    least = np.int32(limits[0])
    most = np.int32(limits[1])
    add = np.int32(shift)
    first = row[low_columns:] if odd else row[:low_columns]
    second = row[:low_columns] if odd else row[low_columns:]
    for i in range(second.size):
        a = np.int32(first[i] + add)
        b = np.int32(second[i] + add)
        out[2 * i] = min(max(a, least), most)
        out[2 * i + 1] = min(max(b, least), most)
    if first.size > second.size:
        a = np.int32(first[second.size] + add)
        out[2 * second.size] = min(max(a, least), most)
