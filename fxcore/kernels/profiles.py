"""Line by line across a tilted object: what each line across its axis holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_finite, as_image, as_plain, as_sequence, same_shape
from fxcore.kernels._jit import kernel

# What a line counts less for on the side of the medial line on which its object goes on unseen.
_UNSEEN = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class AcrossAxis:
    """Lines across an axis, one pixel apart, from its upper end to its lower; `n` lines meet the object.

    Attributes
    ----------
    along : numpy.ndarray
        ``float64``, shape ``(n,)``: distance of the line from the centre, growing downwards.
    pieces, width, touching : numpy.ndarray
        ``float64``, shape ``(n,)``: pieces of the object on the line, its pixels, and those of them that
        are marked.
    weight : numpy.ndarray
        ``float64``, shape ``(n,)``: sum of the weights of its pixels.
    middle : numpy.ndarray
        ``float64``, shape ``(n,)``: weighted median of the line, from the axis, growing rightwards as seen
        with the axis upright. The weight of a piece counts by the square of its width over that of the
        widest.
    cut_left, cut_right : numpy.ndarray
        ``float64``, shape ``(n,)``: where the line's first pixel, or its last, is marked, the width of the
        piece it belongs to over that of the widest; else 0.
    """

    along: NDArray[np.float64]
    pieces: NDArray[np.float64]
    width: NDArray[np.float64]
    touching: NDArray[np.float64]
    weight: NDArray[np.float64]
    middle: NDArray[np.float64]
    cut_left: NDArray[np.float64]
    cut_right: NDArray[np.float64]


def across_axis(
    mask: NDArray[Any],
    weights: NDArray[np.float32],
    marked: NDArray[Any],
    centre: tuple[float, float],
    degrees: float,
) -> AcrossAxis:
    """Sample an object on lines across an axis, nearest pixels, without turning the image.

    Cost: one look at each pixel.

    Parameters
    ----------
    mask, marked : numpy.ndarray
        ``uint8`` or ``bool``, shape ``(rows, columns)``.
    weights : numpy.ndarray
        ``float32``, the same shape.
    centre : tuple of float
        Row and column that the axis goes through, within the image or not.
    degrees : float
        Tilt of the axis, clockwise from upright.

    Raises
    ------
    ParameterError
        For other types, arrays of different shapes, or a centre or tilt that is not finite.

    Examples
    --------
    >>> mask = np.zeros((5, 9), bool)
    >>> mask[1:4, 2:5] = mask[1:4, 6] = True
    >>> lines = across_axis(mask, np.ones((5, 9), np.float32), mask, (2, 3), 0.0)
    >>> lines.along.tolist(), lines.pieces.tolist(), lines.width.tolist(), lines.middle.round(2).tolist()
    ([-1.0, 0.0, 1.0], [2.0, 2.0, 2.0], [4.0, 4.0, 4.0], [0.06, 0.06, 0.06])
    """
    pixels = as_image(mask, np.uint8, np.bool_, name="mask").view(np.uint8)
    marks = as_image(marked, np.uint8, np.bool_, name="marked").view(np.uint8)
    weight = as_image(weights, np.float32, name="weights")
    same_shape(pixels, marks, weight)
    row, column = (as_finite(place, "centre", MOST_PIXELS) for place in as_sequence(centre, 2, "centre"))
    found = _across_axis(pixels, weight, marks, row, column, math.radians(as_finite(degrees, "degrees")))
    return AcrossAxis(*np.ascontiguousarray(found.T))


def medial_slope(
    along: NDArray[np.float64],
    middle: NDArray[np.float64],
    cut_left: NDArray[np.float64],
    cut_right: NDArray[np.float64],
) -> float:
    """Return the slope of the line of least absolute deviation through points, iteratively reweighted.

    Deviations below one count as one: within a pixel the fit is that of least squares. What is cut at its
    left end has its middle further left than is seen, nobody knows how far: as in censored regression, a
    line that passes there is hardly wrong.

    Parameters
    ----------
    along, middle : numpy.ndarray
        ``float64``, shape ``(n,)``.
    cut_left, cut_right : numpy.ndarray
        ``float64``, shape ``(n,)``, 0 to 1: how much of what the point is the middle of is cut at that end.

    Raises
    ------
    ParameterError
        For arrays of another type or of different lengths, values that are not finite, or a cut that is no
        share.

    References
    ----------
    Schlossmacher, "An iterative technique for absolute deviations curve fitting", Journal of the American
    Statistical Association 68(344), 1973. Powell, "Least absolute deviations estimation for the censored
    regression model", Journal of Econometrics 25(3), 1984.

    Examples
    --------
    >>> whole = np.zeros(9)
    >>> seen = np.array([0, 2, 4, 6, 8, 10, 12, 14, 99.0])
    >>> medial_slope(np.arange(9.0), seen, whole, whole).__round__()
    2
    """
    names = ("along", "middle", "cut_left", "cut_right")
    given = (along, middle, cut_left, cut_right)
    points = [as_plain(values, name) for values, name in zip(given, names, strict=True)]
    if along.ndim != 1 or any(values.shape != along.shape for values in points):
        raise ParameterError(f"points of different number: {[values.shape for values in points]}")
    if along.size == 0:
        return 0.0
    values = np.ascontiguousarray(points)
    if values.dtype != np.float64 or not np.isfinite(values).all():
        raise ParameterError("points must be finite float64")
    a, b, c, d = values
    if min(c.min(), d.min()) < 0 or max(c.max(), d.max()) > 1:
        raise ParameterError("cut_left and cut_right must be in 0..1")
    return float(_medial_slope(a, b, c, d))


@kernel
def _medial_slope(along, middle, cut_left, cut_right):
    weight = np.empty(along.size)
    slope, start = 0.0, np.median(middle)
    for _ in range(15):
        total = at = level = 0.0
        for i in range(along.size):
            off = middle[i] - slope * along[i] - start
            cut = cut_left[i] if off > 0 else cut_right[i]
            weight[i] = (1 - _UNSEEN * cut) / max(abs(off), 1.0)
            total += weight[i]
            at += weight[i] * along[i]
            level += weight[i] * middle[i]
        at /= total
        level /= total
        over = under = 0.0
        for i in range(along.size):
            over += weight[i] * (along[i] - at) * (middle[i] - level)
            under += weight[i] * (along[i] - at) ** 2
        slope = over / max(under, 1e-9)
        start = level - slope * at
    return slope


@kernel
def _across_axis(mask, weight, marked, row, column, tilt):
    """Return a row (8) for each line that meets the mask; see `AcrossAxis`."""
    rows, cols = mask.shape
    cos, sin = math.cos(tilt), math.sin(tilt)
    top, left, bottom, right = _box(mask)
    if top >= bottom:
        return np.empty((0, 8), np.float64)
    # Where the box lies along the axis and across it.
    first, last = _reach(top - row, bottom - row, cos, left - column, right - column, -sin)
    low, high = _reach(top - row, bottom - row, sin, left - column, right - column, cos)
    out = np.empty((last - first + 1, 8), np.float64)
    # First and last pixel of each piece on a line, and its weight.
    ends = np.empty((high - low + 1, 2), np.int64)
    own = np.empty(high - low + 1, np.float64)
    # Where each pixel of a line lies in the image, -1 outside of it.
    places = np.empty(high - low + 1, np.int32)
    mask, weight, marked = mask.reshape(-1), weight.reshape(-1), marked.reshape(-1)
    n = 0
    for u in range(first, last + 1):
        pieces = width = touching = widest = 0
        before = False
        begin, end = _inside(row + u * cos, sin, top, bottom, low, high)
        begin, end = _inside(column - u * sin, cos, left, right, begin, end)
        _along_line(places, begin, end, row + u * cos, sin, column - u * sin, cos, rows, cols)
        for v in range(begin, end + 1):
            at = places[v - begin]
            here = at >= 0 and mask[at] != 0
            if here:
                if not before:
                    ends[pieces, 0] = v
                    own[pieces] = 0.0
                    pieces += 1
                width += 1
                touching += marked[at] != 0
                own[pieces - 1] += weight[at]
                ends[pieces - 1, 1] = v
                widest = max(widest, v - ends[pieces - 1, 0] + 1)
            before = here
        if width == 0:
            continue
        total = half = 0.0
        for k in range(pieces):
            total += own[k]
            own[k] *= _say(ends[k], widest)
            half += own[k] / 2
        k = 0
        while k < pieces - 1 and half > own[k]:
            half -= own[k]
            k += 1
        middle = (ends[k, 0] + ends[k, 1]) / 2
        if own[k] > 0:
            half /= _say(ends[k], widest)
            for v in range(ends[k, 0], ends[k, 1] + 1):
                level = weight[places[v - begin]]
                if half <= level:
                    middle = v - 0.5 + half / max(level, 1e-6)
                    break
                half -= level
        out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4], out[n, 5] = (
            u, pieces, width, touching, total, middle,
        )  # fmt: skip
        for side in range(2):
            piece = ends[side * (pieces - 1)]
            at = places[piece[side] - begin]
            out[n, 6 + side] = (piece[1] - piece[0] + 1) / widest if marked[at] else 0.0
        n += 1
    return out[:n]


@kernel
def _along_line(places, begin, end, row, down, column, across, rows, cols):
    """Write where the pixels ``begin..end`` of a line from a place lie in the image."""
    for v in range(begin, end + 1):
        r = np.int32(math.floor(row + v * down + 0.5))
        c = np.int32(math.floor(column + v * across + 0.5))
        inside = (r >= 0) & (r < rows) & (c >= 0) & (c < cols)
        places[v - begin] = r * np.int32(cols) + c if inside else np.int32(-1)


@kernel
def _say(piece, widest):
    """Return what a piece counts for the middle: a finger as much as the next, a rod beside a leg nothing."""
    return ((piece[1] - piece[0] + 1) / widest) ** 2


@kernel
def _box(mask):
    """Return first row, first column and the ends of both, of what is in a mask."""
    rows, cols = mask.shape
    top, left, bottom, right = rows, cols, 0, 0
    for r in range(rows):
        for c in range(cols):
            if mask[r, c]:
                top, left, bottom, right = min(top, r), min(left, c), r + 1, max(right, c + 1)
    return top, left, bottom, right


@kernel
def _reach(top, bottom, down, left, right, across):
    """Return the least and the greatest whole ``r * down + c * across`` of a box, two pixels to spare."""
    ends = (
        min(top * down, bottom * down) + min(left * across, right * across),
        max(top * down, bottom * down) + max(left * across, right * across),
    )
    return math.floor(ends[0]) - 2, math.ceil(ends[1]) + 2


@kernel
def _inside(start, step, low, high, begin, end):
    """Narrow ``begin..end`` to where ``start + v * step`` is inside ``low..high``, a pixel to spare."""
    if abs(step) < 1e-9:
        return (begin, end) if low - 1 <= start <= high else (0, -1)
    one, other = (low - 1.0 - start) / step, (high - start) / step
    return max(begin, math.floor(min(one, other)) - 1), min(end, math.ceil(max(one, other)) + 1)
