"""Grey levels of a small image within a mask: their histogram, and a plane through a background."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import as_image, as_integer, same_shape
from fxcore.kernels._jit import kernel

# How often the plane is fitted, outliers left out, and points that are enough for it.
_ROUNDS = 4
_FEWEST, _MOST = 20, 4000
_MOST_BINS = 1 << 16
_NOT_FINITE = np.float32(np.nan)
# Below that the inverse of a range leaves 32 bits: such levels are raised by so much before.
_TINY, _RAISED = np.float32(1e-30), np.float32(2.0**100)


def masked_levels(
    grey: NDArray[np.float32], mask: NDArray[Any], bins: int
) -> tuple[NDArray[np.int64], float, float]:
    """Count the grey levels within a mask, in `bins` equal steps of their range.

    Cost: two passes over the image.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    mask : numpy.ndarray
        ``bool``, the same shape.
    bins : int
        From 2 to 65536.

    Returns
    -------
    counts : numpy.ndarray
        ``int64``, shape ``(bins,)``.
    low, high : float
        Least and greatest level in the mask; both 0 where it is empty.

    Raises
    ------
    ParameterError
        For other types, arrays of different shapes, `bins` out of range, or levels within the mask that are
        not finite or lie further apart than 32 bits can say.

    Examples
    --------
    >>> image = np.array([[1, 2, 3, 99]], np.float32)
    >>> masked_levels(image, image < 9, 2)
    (array([2, 1]), 1.0, 3.0)
    """
    levels, where = _both(grey, mask)
    counts = np.zeros(as_integer(bins, 2, _MOST_BINS, "bins"), np.int64)
    low, high = _masked_levels(levels, where, counts)
    if math.isnan(low):
        raise ParameterError("grey must be finite within the mask, and so must the range of its levels")
    return counts, float(low), float(high)


def above_plane(grey: NDArray[np.float32], background: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Take the slope of the background out of an image.

    A plane is fitted to the background by least squares, four times, each time without what was further
    than three standard deviations from the one before. Of many pixels every n-th is taken.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    background : numpy.ndarray
        ``bool``, the same shape.

    Returns
    -------
    relief : numpy.ndarray
        ``float32``: grey levels above the plane; above the least one where there is hardly any background.
    noise : float
        Standard deviation of the background from its median absolute deviation, and half a grey level.

    Raises
    ------
    ParameterError
        For other types, arrays of different shapes, an empty image, or levels that are not finite.

    Examples
    --------
    >>> slope = np.add.outer(np.arange(8), np.arange(6)).astype(np.float32)
    >>> relief, noise = above_plane(slope, slope >= 0)
    >>> bool(abs(relief).max() < 1e-5), round(noise, 3)
    (True, 0.5)
    """
    levels, where = _both(grey, background)
    if levels.size == 0:
        raise ParameterError(f"an image of shape {levels.shape} has no background")
    relief, noise = _above_plane(levels, where)
    if math.isnan(noise):
        raise ParameterError("grey must be finite")
    return relief, noise


def _both(grey: NDArray[np.float32], mask: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    levels, where = as_image(grey, np.float32, name="grey"), as_image(mask, np.bool_, name="mask")
    same_shape(levels, where)
    return levels, where


@kernel
def _masked_levels(grey, mask, counts):
    rows, cols = grey.shape
    # One of each column: they are looked at side by side.
    lows, highs = np.full(cols, np.inf, np.float32), np.full(cols, -np.inf, np.float32)
    unknown = False
    for r in range(rows):
        for c in range(cols):
            level, here = grey[r, c], mask[r, c]
            unknown |= here & (level != level)
            lows[c] = level if here & (level < lows[c]) else lows[c]
            highs[c] = level if here & (level > highs[c]) else highs[c]
    low, high = np.float32(np.inf), np.float32(-np.inf)
    for c in range(cols):
        low, high = min(low, lows[c]), max(high, highs[c])
    if low > high and not unknown:
        return np.float32(0), np.float32(0)
    if unknown or not math.isfinite(high - low):
        return _NOT_FINITE, _NOT_FINITE
    if low == high:
        for r in range(rows):
            for c in range(cols):
                counts[0] += mask[r, c]
        return low, high
    raised = np.float32(1) if high - low > _TINY else _RAISED
    scale = np.float32((counts.size - 0.01) / ((high - low) * raised))
    last = np.int32(counts.size - 1)
    # What is not in the mask is counted behind the last, in turns: an addition waits for that before it.
    bins = np.zeros(counts.size + 8, np.int64)
    places = np.empty(cols, np.int32)
    for r in range(rows):
        for c in range(cols):
            place = np.int32((grey[r, c] - low) * raised * scale)
            places[c] = min(place, last) if mask[r, c] else last + np.int32(1 + c % 8)
        for c in range(cols):
            bins[places[c]] += 1
    counts[:] = bins[:-8]
    return low, high


@kernel
def _solved(normal, right):
    """Solve three equations, symmetric and positive, by Gaussian elimination."""
    for i in range(3):
        for j in range(i + 1, 3):
            factor = normal[j, i] / normal[i, i]
            for k in range(i, 3):
                normal[j, k] -= factor * normal[i, k]
            right[j] -= factor * right[i]
    out = np.zeros(3)
    for i in range(2, -1, -1):
        total = right[i]
        for k in range(i + 1, 3):
            total -= normal[i, k] * out[k]
        out[i] = total / normal[i, i]
    return out


@kernel
def _above_plane(grey, background):
    rows, cols = grey.shape
    area = 0
    low = grey[0, 0]
    finite = True
    for r in range(rows):
        for c in range(cols):
            area += background[r, c]
            low = min(low, grey[r, c])
            finite &= math.isfinite(grey[r, c])
    if not finite:
        return grey - low, np.nan
    if area < _FEWEST:
        return grey - low, 0.5
    every = -(-area // _MOST)
    # Grey level, place down and across from the middle.
    points = np.empty((3, area // every + 1))
    n = seen = 0
    for r in range(rows):
        for c in range(cols):
            if background[r, c]:
                if seen % every == 0:
                    points[0, n] = grey[r, c]
                    points[1, n] = r / rows - 0.5
                    points[2, n] = c / cols - 0.5
                    n += 1
                seen += 1
    rest = np.empty(n)
    some = np.empty(n)
    chosen = np.ones(n, np.bool_)
    normal = np.empty((3, 3))
    right = np.empty(3)
    plane = np.zeros(3)
    noise = 0.5
    for _ in range(_ROUNDS):
        for k in range(3):
            right[k] = 0
            for m in range(3):
                normal[k, m] = 0
        for i in range(n):
            if chosen[i]:
                value, y, x = points[0, i], points[1, i], points[2, i]
                normal[0, 0] += 1
                normal[0, 1] += y
                normal[0, 2] += x
                normal[1, 1] += y * y
                normal[1, 2] += x * y
                normal[2, 2] += x * x
                right[0] += value
                right[1] += value * y
                right[2] += value * x
        normal[1, 0], normal[2, 0], normal[2, 1] = normal[0, 1], normal[0, 2], normal[1, 2]
        for k in range(3):
            normal[k, k] += 1e-9
        plane = _solved(normal, right)
        count = 0
        for i in range(n):
            rest[i] = points[0, i] - plane[0] - plane[1] * points[1, i] - plane[2] * points[2, i]
            if chosen[i]:
                some[count] = rest[i]
                count += 1
        middle = np.median(some[:count])
        for i in range(count):
            some[i] = abs(some[i] - middle)
        noise = 1.4826 * np.median(some[:count]) + 0.5
        kept = 0
        for i in range(n):
            kept += abs(rest[i] - middle) < 3 * noise
        if kept < _FEWEST:
            break
        for i in range(n):
            chosen[i] = abs(rest[i] - middle) < 3 * noise
    relief = np.empty((rows, cols), np.float32)
    slope = np.empty(cols)
    for c in range(cols):
        slope[c] = plane[2] * (c / cols - 0.5)
    for r in range(rows):
        level = plane[0] + plane[1] * (r / rows - 0.5)
        for c in range(cols):
            relief[r, c] = grey[r, c] - (level + slope[c])
    return relief, noise
