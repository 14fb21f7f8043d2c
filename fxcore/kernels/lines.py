"""Straight edges of a mask: where a collimator, a shutter or a table ends, whatever its tilt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import as_image, as_integer
from fxcore.kernels._jit import kernel


def straight_edges(mask: NDArray[Any], least: int) -> NDArray[np.float64]:
    """Find the straight edges of a mask that are parallel or at right angles to each other.

    A Hough transform of the mask's edge pixels, each of which votes for the lines across its own
    gradient only; the image's border is no edge. Of the 90 tilts (one a degree) the one whose longest
    lines hold most edge pixels is taken. Cost: edge pixels × 90; meant for images of a few hundred
    pixels a side.

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
        ``float32``, shape ``(rows, columns)``, C-contiguous, as the masks are.
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
        For arrays of different shapes.

    Examples
    --------
    >>> grey = np.array([[1, 1, 1, 1, 9, 9, 9, 9]], np.float32)
    >>> across_line(grey, grey > 5, grey > 0, np.array([0.0, 1.0, 3.5])).tolist()
    [0.375, 1.0, 8.0, 1.0]
    """
    if not grey.shape == region.shape == free.shape or grey.ndim != 2:
        raise ParameterError(f"arrays of different shapes: {grey.shape}, {region.shape}, {free.shape}")
    return _across(
        np.ascontiguousarray(grey, np.float32),
        np.ascontiguousarray(region, np.bool_),
        np.ascontiguousarray(free, np.bool_),
        float(line[0]),
        float(line[1]),
        float(line[2]),
    )


@kernel
def _across(grey, region, free, down, across, offset):
    rows, cols = grey.shape
    beyond = filled = way = inside = outside = 0
    inner = outer = 0.0
    for r in range(rows):
        for c in range(cols):
            distance = r * down + c * across - offset
            if distance > 1:
                beyond += 1
                filled += region[r, c]
            if not free[r, c]:
                continue
            if 1 < distance < 4:
                outside += 1
                outer += grey[r, c]
            elif -4 < distance < -1:
                inside += 1
                inner += grey[r, c]
            elif 0 < distance <= 1:
                way += 1
    out = np.empty(4, np.float64)
    out[0] = beyond / (rows * cols)
    out[1] = filled / max(1, beyond)
    out[2] = outer / outside - inner / inside if inside > 0 and outside > 0 else np.nan
    out[3] = way
    return out


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
def _vote(row, col, down, across, degrees, votes):
    """Count edge pixels by direction (4) and by the signed distance of their line from the origin."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle = votes.shape[1] // 2
    votes[:] = 0
    for i in range(row.size):
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
        votes[k, middle + math.floor(distance + 0.5)] += 1


@kernel
def _lines(row, col, down, across, side, least):
    """Return the lines (n, 4) of the best tilt; see `straight_edges`."""
    votes = np.zeros((4, 4 * side + 8), np.int64)
    middle = votes.shape[1] // 2
    best = 0
    tilt = -1
    for degrees in range(90):
        _vote(row, col, down, across, degrees, votes)
        total = 0
        for k in range(4):
            most = 0
            for j in range(votes.shape[1] - 1):
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
    _vote(row, col, down, across, tilt, votes)
    for k in range(4):
        for _ in range(3):
            at = 0
            for j in range(votes.shape[1] - 1):
                if votes[k, j] + votes[k, j + 1] > votes[k, at] + votes[k, at + 1]:
                    at = j
            support = votes[k, at] + votes[k, at + 1]
            if support < least:
                break
            sign = 1.0 if k % 2 == 0 else -1.0
            out[n, 0] = sign * (sin if k < 2 else cos)
            out[n, 1] = sign * (cos if k < 2 else -sin)
            # The outermost of the two distances, less half a pixel: the line runs between pixels.
            out[n, 2] = at - middle - 0.5 + (votes[k, at] < votes[k, at + 1])
            out[n, 3] = support
            n += 1
            votes[k, max(at - 2, 0) : at + 4] = 0
    return out[:n]
