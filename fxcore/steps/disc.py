"""The round field that a circular collimator or an image intensifier leaves of a radiograph."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import at_border
from fxcore.steps.field import Grey, Mask

Points = tuple[NDArray[np.float64], NDArray[np.float64]]

# Pixels a side of the corners, of which so many have the level of what surrounds a disc.
_CORNER, _CORNERS = 4, 3
# That level's spread: so many grey levels at least, and so many of its median deviations.
_LEVEL, _SPREAD = 3.0, 5.0
# Fewer points are no edge.
_FEWEST = 60
# The radius, in shorter sides at least and in longer ones at most.
_LEAST, _MOST = 0.3, 0.75
# So much of the surround's edge lies within so many pixels of the circle; the rest is where a limb as bright
# meets it...
_ON, _SHARE = 1.0, 0.6
# ... and so much of what lies beyond the circle has the surround's level.
_BEYOND = 0.9
# The blur of the circle's rim, in pixels.
_RIM = 1.5
# How often the circle is fitted again, and the deviation in pixels below which all points count alike.
_ROUNDS, _EXACT = 8, 0.3


def around_disc(grey: Grey) -> Mask:
    """Find what surrounds a round field, be it bright, grey or dark.

    It has one level, more or less, in the image's corners, and ends at a circle.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``: a reduced radiograph.

    Returns
    -------
    numpy.ndarray
        ``bool``, the same shape; empty where the field is not round.
    """
    nothing = np.zeros(grey.shape, np.bool_)
    ends = (slice(0, _CORNER), slice(-_CORNER, None))
    patches = [grey[down, across].ravel() for down in ends for across in ends]
    corners = np.array([np.median(patch) for patch in patches])
    level = float(np.median(corners))
    spread = max(_LEVEL, _SPREAD * float(np.median(np.abs(np.concatenate(patches) - level))))
    if np.count_nonzero(np.abs(corners - level) <= spread) < _CORNERS:
        return nothing
    surround = at_border(np.abs(grey - level) <= spread)
    y, x = _edge(surround)
    circle = _circle(y, x) if y.size >= _FEWEST else None
    if circle is None:
        return nothing
    row, column, radius = circle
    if not (0 <= row < grey.shape[0] and 0 <= column < grey.shape[1]):
        return nothing
    if not _LEAST * min(grey.shape) <= radius <= _MOST * max(grey.shape):
        return nothing
    if np.mean(np.abs(np.hypot(y - row, x - column) - radius) <= _ON) < _SHARE:
        return nothing
    down, across = np.ogrid[: grey.shape[0], : grey.shape[1]]
    away = np.hypot(down - row, across - column)
    beyond = away > radius + _ON
    if not beyond.any() or surround[beyond].mean() < _BEYOND:
        return nothing
    return np.asarray(away > radius - _RIM, np.bool_)


def _edge(surround: Mask) -> Points:
    """Return rows and columns of where a surround ends, seen from each border."""
    rows: list[NDArray[np.float64]] = []
    columns: list[NDArray[np.float64]] = []
    for mask, along, across in ((surround, rows, columns), (surround.T, columns, rows)):
        for side, step in ((0, 1), (mask.shape[1] - 1, -1)):
            ends = np.argmin(mask[:, ::step], axis=1)
            lines = np.flatnonzero(ends)
            along.append(lines.astype(np.float64))
            across.append(side + step * ends[lines].astype(np.float64))
    return np.concatenate(rows), np.concatenate(columns)


def _circle(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Return middle and radius of the circle of least absolute deviation, none where points lie on a line.

    References
    ----------
    Kasa, "A circle fitting procedure and its error analysis", IEEE Transactions on Instrumentation and
    Measurement 25(1), 1976; here with weights that make of its squares absolute deviations.
    """
    weight = np.ones_like(rows)
    circle = (0.0, 0.0, 0.0)
    for _ in range(_ROUNDS):
        weight /= weight.sum()
        row, column = float((weight * rows).sum()), float((weight * columns).sum())
        y, x = rows - row, columns - column
        square = y * y + x * x
        yy, xx, xy = (float((weight * a * b).sum()) for a, b in ((y, y), (x, x), (x, y)))
        ys, xs = (float((weight * a * square).sum()) / 2 for a in (y, x))
        determinant = yy * xx - xy * xy
        if determinant <= 0:
            return None
        down, across = (ys * xx - xs * xy) / determinant, (xs * yy - ys * xy) / determinant
        circle = (row + down, column + across, math.sqrt(yy + xx + down * down + across * across))
        away = np.hypot(rows - circle[0], columns - circle[1])
        weight = 1 / np.maximum(np.abs(away - circle[2]), _EXACT)
    return circle
