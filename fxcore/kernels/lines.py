"""Straight edges of a mask: where a collimator, a shutter or a table ends, whatever its tilt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import as_image, as_integer, same_shape
from fxcore.kernels._jit import kernel

# An edge pixel votes for tilts within so many degrees of its gradient's.
_NEAR = 20


def straight_edges(mask: NDArray[Any], least: int) -> NDArray[np.float64]:
    """Find the straight edges of a mask that are parallel or at right angles to each other.

    A Hough transform of the mask's edge pixels, each of which votes for the lines across its own
    gradient only; the image's border is no edge. Of the 90 tilts (one a degree) the one whose longest
    lines hold most edge pixels is taken. Cost: edge pixels × 40 at most, since a tilt that too few of
    them point to is passed over; meant for images of a few hundred pixels a side.

    Parameters
    ----------
    mask : numpy.ndarray
        ``uint8`` or ``bool``, shape ``(rows, columns)``; foreground is what is not 0.
    least : int
        Edge pixels that make a line.

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
    found = _lines(*_edges(pixels), max(pixels.shape), wanted)
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
        For other types, or arrays of different shapes.

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
    return _across(levels, beyond, counted, float(line[0]), float(line[1]), float(line[2]))


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
    """Return rows, columns and gradient (towards the mask) of foreground pixels beside background."""
    rows, cols = mask.shape
    # Three pixels of border, repeated outwards: no edge there, and no bounds to look after.
    wide = np.empty((rows + 6, cols + 6), np.int8)
    for r in range(rows + 6):
        row = mask[min(max(r - 3, 0), rows - 1)]
        for c in range(cols + 6):
            wide[r, c] = row[min(max(c - 3, 0), cols - 1)] != 0
    at = np.empty((rows * cols, 2), np.int32)
    n = 0
    for r in range(3, rows + 3):
        for c in range(3, cols + 3):
            if wide[r, c] and wide[r - 1, c] + wide[r + 1, c] + wide[r, c - 1] + wide[r, c + 1] < 4:
                at[n, 0], at[n, 1] = r, c
                n += 1
    out = np.empty((4, n), np.float64)
    for i in range(n):
        r, c = at[i]
        down = 0
        across = 0
        for dr in range(-3, 4):
            for dc in range(-3, 4):
                here = wide[r + dr, c + dc]
                down += here * dr
                across += here * dc
        out[0, i], out[1, i], out[2, i], out[3, i] = r - 3, c - 3, down, across
    return out[0], out[1], out[2], out[3]


@kernel
def _by_tilt(down, across):
    """Return edge pixels in order of their gradient's tilt, twice over, and where each degree begins.

    Tilts are modulo 90 degrees. The second time round makes any range of tilts one stretch.
    """
    n = down.size
    own = np.empty(n, np.int64)
    begin = np.zeros(181, np.int64)
    for i in range(n):
        own[i] = math.floor(math.degrees(math.atan2(down[i], across[i]))) % 90
        begin[own[i] + 1] += 1
        begin[own[i] + 91] += 1
    for k in range(180):
        begin[k + 1] += begin[k]
    order = np.empty(2 * n, np.int64)
    free = begin.copy()
    for i in range(n):
        for k in (own[i], own[i] + 90):
            order[free[k]] = i
            free[k] += 1
    return order, begin


@kernel
def _vote(row, col, down, across, degrees, chosen, votes, reach):
    """Count edge pixels by direction (4) and by the signed distance of their line from the origin.

    `reach` (4, 2) says which distances were voted for; what it said before is cleared.
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle = votes.shape[1] // 2
    for k in range(4):
        votes[k, reach[k, 0] : reach[k, 1] + 1] = 0
        reach[k, 0], reach[k, 1] = votes.shape[1], -1
    for i in chosen:
        along = across[i] * cos + down[i] * sin
        beside = down[i] * cos - across[i] * sin
        if abs(along) >= abs(beside):
            sign = 1.0 if along > 0 else -1.0
            k = 0 if along > 0 else 1
            distance = sign * (col[i] * cos + row[i] * sin)
        else:
            sign = 1.0 if beside > 0 else -1.0
            k = 2 if beside > 0 else 3
            distance = sign * (row[i] * cos - col[i] * sin)
        at = middle + math.floor(distance + 0.5)
        votes[k, at] += 1
        reach[k, 0] = min(reach[k, 0], at)
        reach[k, 1] = max(reach[k, 1], at)


@kernel
def _lines(row, col, down, across, side, least):
    """Return the lines (n, 4) of the best tilt; see `straight_edges`."""
    votes = np.zeros((4, 4 * side + 8), np.int32)
    reach = np.empty((4, 2), np.int64)
    reach[:, 0], reach[:, 1] = votes.shape[1], -1
    middle = votes.shape[1] // 2
    order, begin = _by_tilt(down, across)
    best = 0
    tilt = -1
    for degrees in range(90):
        first = degrees - _NEAR if degrees >= _NEAR else degrees - _NEAR + 90
        chosen = order[begin[first] : begin[first + 2 * _NEAR]]
        if chosen.size < max(least, best + 1):
            continue
        _vote(row, col, down, across, degrees, chosen, votes, reach)
        total = 0
        for k in range(4):
            most = 0
            for j in range(reach[k, 0] - 1, reach[k, 1] + 1):
                most = max(most, votes[k, j] + votes[k, j + 1])
            if most >= least:
                total += most
        if total > best:
            best = total
            tilt = degrees
    out = np.empty((12, 4), np.float64)
    n = 0
    if tilt < 0:
        return out[:0]
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    first = tilt - _NEAR if tilt >= _NEAR else tilt - _NEAR + 90
    _vote(row, col, down, across, tilt, order[begin[first] : begin[first + 2 * _NEAR]], votes, reach)
    for k in range(4):
        for _ in range(3):
            at = max(reach[k, 0] - 1, 0)
            for j in range(reach[k, 0] - 1, reach[k, 1] + 1):
                if votes[k, j] + votes[k, j + 1] > votes[k, at] + votes[k, at + 1]:
                    at = j
            if reach[k, 1] < 0 or votes[k, at] + votes[k, at + 1] < least:
                break
            support = votes[k, at] + votes[k, at + 1]
            sign = 1.0 if k % 2 == 0 else -1.0
            out[n, 0] = sign * (sin if k < 2 else cos)
            out[n, 1] = sign * (cos if k < 2 else -sin)
            # The outermost of the two distances, less half a pixel: the line runs between pixels.
            out[n, 2] = at - middle - 0.5 + (votes[k, at] < votes[k, at + 1])
            out[n, 3] = support
            n += 1
            votes[k, max(at - 2, 0) : at + 4] = 0
    return out[:n]
