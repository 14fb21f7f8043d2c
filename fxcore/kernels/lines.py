"""Straight edges of a mask: where a collimator, a shutter or a table ends, whatever its tilt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_finite, as_image, as_integer, as_plain, same_shape
from fxcore.kernels._jit import kernel

# An edge pixel votes for tilts within so many degrees of its gradient's.
_NEAR = 20


def straight_edges(
    mask: NDArray[Any], least: int, known: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Find the straight edges of a mask that are parallel or at right angles to each other.

    A Hough transform of the mask's edge pixels, each of which votes for the lines across its own
    gradient only; a pixel without one votes for nothing, and the image's border is no edge. Of the 90
    tilts (one a degree) the one whose longest lines hold most edge pixels is taken. Cost: edge pixels × 40
    at most, since a tilt that too few of them point to is passed over; meant for images of a few hundred
    pixels a side.

    Parameters
    ----------
    mask : numpy.ndarray
        ``uint8`` or ``bool``, shape ``(rows, columns)``; foreground is what is not 0.
    least : int
        Edge pixels that make a line.
    known : numpy.ndarray, optional
        ``bool``, the same shape: edge pixels in it vote for nothing, such as those of lines found before.

    Returns
    -------
    numpy.ndarray
        ``float64``, shape ``(lines, 4)``, the longest first, up to three for each of four directions:
        ``normal_row``, ``normal_column``, ``offset`` and the number of edge pixels. The mask lies
        where ``row * normal_row + column * normal_column > offset``.

    Raises
    ------
    ParameterError
        For another shape or type, or a `least` below 1.

    References
    ----------
    Ballard, "Generalizing the Hough transform to detect arbitrary shapes", Pattern Recognition
    13(2), 1981: the gradient's direction narrows the votes.

    Examples
    --------
    >>> mask = np.zeros((20, 30), bool)
    >>> mask[:, 24:] = True
    >>> straight_edges(mask, 10).round(1).tolist()
    [[0.0, 1.0, 23.5, 20.0]]
    """
    pixels = as_image(mask, np.uint8, np.bool_, name="mask").view(np.uint8)
    wanted = as_integer(least, 1, 2**31 - 1, "least")
    if pixels.size == 0:
        return np.empty((0, 4))
    edges = _edges(pixels)
    if known is not None:
        found_before = as_image(known, np.bool_, name="known")
        same_shape(pixels, found_before)
        edges = edges[~found_before[edges[:, 0], edges[:, 1]]]
    found = _lines(edges, max(pixels.shape), wanted)
    return found[np.argsort(-found[:, 3], kind="stable")]


def across_line(
    grey: NDArray[np.float32], region: NDArray[np.bool_], free: NDArray[np.bool_], line: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure what lies on both sides of a line.

    Cost: one pass over the image.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    region, free : numpy.ndarray
        ``bool``, the same shape: the mask the line is an edge of, and where grey levels count.
    line : numpy.ndarray
        ``float64``, at least ``normal_row, normal_column, offset``, as from `straight_edges`.

    Returns
    -------
    numpy.ndarray
        ``float64``, shape ``(4,)``: the share of the image that lies beyond the line, the share of that
        which is in `region`, the drop of the mean grey level from the three pixels beyond to the three
        before (NaN where one side has none), and the line's length in free pixels.

    Raises
    ------
    ParameterError
        For other types, arrays of different shapes, an empty image, or a line of fewer or other values.

    Examples
    --------
    >>> grey = np.array([[1, 1, 1, 1, 9, 9, 9, 9]], np.float32)
    >>> across_line(grey, grey > 5, grey > 0, np.array([0.0, 1.0, 3.5])).tolist()
    [0.375, 1.0, 8.0, 1.0]
    """
    levels = as_image(grey, np.float32, name="grey")
    beyond = as_image(region, np.bool_, name="region")
    counted = as_image(free, np.bool_, name="free")
    same_shape(levels, beyond, counted)
    if levels.size == 0:
        raise ParameterError(f"an image of shape {levels.shape} has no sides of a line")
    given = as_plain(line, "line")
    if given.ndim != 1 or given.size < 3:
        raise ParameterError(f"line must have 3 values or more, not be of shape {given.shape}")
    down, across, offset = (as_finite(value, "each value of line", MOST_PIXELS) for value in given[:3])
    return _across(levels, beyond, counted, down, across, offset)


@kernel
def _across(grey, region, free, down, across, offset):
    rows, cols = grey.shape
    beyond = filled = way = inside = outside = 0
    inner = outer = 0.0
    for r in range(rows):
        base = r * down - offset
        first, last = _columns(base, across, 1.0, 1e9, cols)
        beyond += last - first
        row = region[r]
        for c in range(first, last):
            filled += row[c]
        first, last = _columns(base, across, 1.0, 4.0, cols)
        for c in range(first, last):
            if free[r, c]:
                outside += 1
                outer += grey[r, c]
        first, last = _columns(base, across, -4.0, -1.0, cols)
        for c in range(first, last):
            if free[r, c]:
                inside += 1
                inner += grey[r, c]
        first, last = _columns(base, across, 0.0, 1.0, cols)
        for c in range(first, last):
            way += free[r, c]
    out = np.empty(4, np.float64)
    out[0] = beyond / (rows * cols)
    out[1] = filled / max(1, beyond)
    out[2] = outer / outside - inner / inside if inside > 0 and outside > 0 else np.nan
    out[3] = way
    return out


@kernel
def _columns(base, across, low, high, cols):
    """Return the columns, end exclusive, at which ``low < base + c * across <= high``."""
    if abs(across) < 1e-9:
        return (0, cols) if low < base <= high else (0, 0)
    one, other = (low - base) / across, (high - base) / across
    # The bound that is left out is the lower one: it is passed going right, or before which one stays.
    first = math.floor(one) + 1 if across > 0 else math.ceil(other)
    last = math.floor(other) + 1 if across > 0 else math.ceil(one)
    first = min(max(first, 0), cols)
    return first, max(first, min(last, cols))


@kernel
def _edges(mask):
    """Return foreground pixels beside background (n, 4): row, column and gradient, which points to the mask.

    The gradient is that of the 7 × 7 pixels around it. Where it is 0 it points nowhere, and is left out.
    """
    rows, cols = mask.shape
    # Three pixels of border, repeated outwards: no edge there, and no bounds to look after.
    wide = np.empty((rows + 6, cols + 6), np.int8)
    for r in range(rows + 6):
        row = mask[min(max(r - 3, 0), rows - 1)]
        line = wide[r]
        line[:3] = row[0] != 0
        line[cols + 3 :] = row[cols - 1] != 0
        for c in range(cols):
            line[c + 3] = row[c] != 0
    out = np.empty((rows * cols, 4), np.int32)
    edge = np.empty(cols, np.int8)
    sums, slopes = np.empty(cols + 6, np.int8), np.empty(cols + 6, np.int8)
    n = 0
    for r in range(rows):
        above, line, below = wide[r + 2], wide[r + 3], wide[r + 4]
        any_edge = np.int8(0)
        for c in range(cols):
            surrounded = above[c + 3] & below[c + 3] & line[c + 2] & line[c + 4]
            edge[c] = line[c + 3] & ~surrounded
            any_edge |= edge[c]
        if not any_edge:
            continue
        for c in range(cols + 6):
            outer, middle, inner = wide[r + 6, c], wide[r + 5, c], wide[r + 4, c]
            outer_up, middle_up, inner_up = wide[r, c], wide[r + 1, c], wide[r + 2, c]
            sums[c] = outer + outer_up + middle + middle_up + inner + inner_up + line[c]
            slopes[c] = 3 * (outer - outer_up) + 2 * (middle - middle_up) + (inner - inner_up)
        for c in range(cols):
            if edge[c]:
                down = 0
                across = 0
                for k in range(7):
                    down += slopes[c + k]
                    across += (k - 3) * sums[c + k]
                if down != 0 or across != 0:
                    out[n, 0], out[n, 1], out[n, 2], out[n, 3] = r, c, down, across
                    n += 1
    return out[:n]


@kernel
def _by_tilt(edges, width):
    """Sort edge pixels by the tilt of their gradient, modulo 90 degrees.

    The first 40 degrees come again behind the last, so that all within `_NEAR` of a tilt of `_NEAR` to
    89 + `_NEAR` are one stretch. Returns, of each pixel in that order: column and row, turned by as many
    quarters as bring its gradient near to such a tilt, and where the votes for distance 0 and that number of
    quarters lie, of `width` a quarter; and where the pixels of each degree begin.
    """
    n = len(edges)
    degree, quarter = np.empty((2, n), np.int64)
    begin = np.zeros(91 + 2 * _NEAR, np.int64)
    for i in range(n):
        own = math.floor(math.degrees(math.atan2(edges[i, 2], edges[i, 3]))) % 360
        degree[i], quarter[i] = own % 90, own // 90
        for at in range(degree[i], begin.size - 1, 90):
            begin[at + 1] += 1
    for k in range(begin.size - 1):
        begin[k + 1] += begin[k]
    x, y = np.empty((2, begin[-1]), np.float64)
    at_zero = np.empty(begin[-1], np.int32)
    free = begin.copy()
    for i in range(n):
        turns = quarter[i]
        for k in range(degree[i], begin.size - 1, 90):
            at = free[k]
            free[k] += 1
            x[at], y[at] = edges[i, 1], edges[i, 0]
            for _ in range(turns):
                x[at], y[at] = y[at], -x[at]
            at_zero[at] = turns * width + width // 2
            turns = (turns - 1) % 4
    return x, y, at_zero, begin


@kernel
def _direction(degrees):
    """Return cosine and sine of an angle of 0 to 179 degrees, exact at 90."""
    radians = math.radians(degrees % 90)
    if degrees < 90:
        return math.cos(radians), math.sin(radians)
    return -math.sin(radians), math.cos(radians)


@kernel
def _vote(x, y, at_zero, degrees, places, votes):
    """Count edge pixels by quarter and by the signed distance of their line from the origin."""
    cos, sin = _direction(degrees)
    # Two loops instead of one: the first becomes vector instructions.
    for i in range(x.size):
        places[i] = at_zero[i] + np.int32(math.floor(x[i] * cos + y[i] * sin + 0.5))
    votes[:] = 0
    counts = votes.reshape(-1)
    for i in range(x.size):
        counts[places[i]] += 1


@kernel
def _lines(edges, side, least):
    """Return the lines (n, 4) of the best tilt; see `straight_edges`."""
    # No distance is greater than the diagonal, and each has a neighbour.
    votes = np.zeros((4, 2 * math.ceil(1.415 * side) + 4), np.int32)
    width = votes.shape[1]
    x, y, at_zero, begin = _by_tilt(edges, width)
    places = np.empty(x.size, np.int32)
    best = 0
    tilt = -1
    for k in range(90):
        degrees = k + 90 if k < _NEAR else k
        first, last = begin[degrees - _NEAR], begin[degrees + _NEAR]
        if last - first < max(least, best + 1):
            continue
        _vote(x[first:last], y[first:last], at_zero[first:last], degrees, places, votes)
        total = 0
        for quarter in range(4):
            line = votes[quarter]
            most = 0
            for j in range(width - 1):
                most = max(most, line[j] + line[j + 1])
            if most >= least:
                total += most
        if total > best:
            best = total
            tilt = degrees
    out = np.empty((12, 4), np.float64)
    n = 0
    if tilt < 0:
        return out[:0]
    first, last = begin[tilt - _NEAR], begin[tilt + _NEAR]
    _vote(x[first:last], y[first:last], at_zero[first:last], tilt, places, votes)
    cos, sin = _direction(tilt)
    for quarter in range(4):
        line = votes[quarter]
        for _ in range(3):
            at = 0
            for j in range(width - 1):
                if line[j] + line[j + 1] > line[at] + line[at + 1]:
                    at = j
            support = line[at] + line[at + 1]
            if support < least:
                break
            out[n, 0], out[n, 1] = sin, cos
            # The outermost of the two distances, less half a pixel: the line runs between pixels.
            out[n, 2] = at - width // 2 - 0.5 + (line[at] < line[at + 1])
            out[n, 3] = support
            n += 1
            line[max(at - 2, 0) : at + 4] = 0
        cos, sin = -sin, cos
    return out[:n]
