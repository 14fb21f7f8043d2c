"""The exposed field: what collimator frames, shutters and table edges leave of a radiograph.

Frames are told from anatomy by geometry, not by area: they lie beyond a straight line that crosses
the image, are bright nearly everywhere beyond it, and end there in one jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import (
    across_line,
    at_border,
    dilate_rectangle,
    masked_levels,
    runs_from_mask,
    runs_to_mask,
    straight_edges,
)

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
# First row and column, and those after the last.
Box = tuple[int, int, int, int]

# Brightness from which a frame is looked for, as a fraction of the image's range.
_LEVELS = (0.98, 0.9, 0.8, 0.7, 0.6)
# Shortest straight edge, as a fraction of the shorter side.
_SHORTEST = 0.2
# Least share of what lies beyond a line that must be bright.
_FILL = 0.85
# A line counts if it is seen on this share of its way through the image and the grey level drops
# there by this fraction of the range...
_SEEN, _DROP = 0.45, 0.24
# ... or on nearly all of its way with a smaller drop: a light grey frame.
_SEEN_WHOLE, _DROP_LITTLE = 0.85, 0.1
# A side of a frame or canvas of one level is seen on this share: not beyond the sides beside it, nor where a
# bright frame of the image that was turned is open and its background as black.
_SEEN_CANVAS = 0.6
# What lies beyond such a side is of that level, but for so little.
_FILL_CANVAS = 0.97
# A bar of one level ends where the next lines differ from it by so many grey levels on this share of their
# way; wider than this fraction of the image, it is background.
_BAR_ENDS, _BAR_STEP, _WIDEST_BAR = 0.7, 4.0, 0.45
# Pixels a side of the corners in one of which a frame must begin.
_CORNER = 4
# Pixels on both sides of the lines found whose edges are explained by them.
_RIM = 3
# What makes a line sure.
_SURE_SEEN, _SURE_DROP = 0.8, 0.31
# A frame surely covers no more of the image...
_MOST = 0.85
# ... unless its sides close a rectangle; what is as bright covers no more than this.
_MOST_LIT = 0.93
# Of a side of a rectangle at least this share is seen, since limbs can be as bright where they meet it.
_SIDE_SEEN = 0.6
# Sides of a rectangle meet at right angles, to 3.5 degrees; the cosine of that.
_SQUARE = 0.998


@dataclass(frozen=True)
class Frame:
    """What does not belong to the exposed field.

    Attributes
    ----------
    mask : numpy.ndarray
        ``bool``, the shape of the reduced image.
    sure : numpy.ndarray
        ``bool``: what of it lies beyond lines that were seen on nearly all of their way, with a steep
        drop, or that close a rectangle, so that no background could be mistaken for it.
    """

    mask: Mask
    sure: Mask


def bright_frame(grey: Grey) -> Frame:
    """Find the bright frame of a reduced image: collimator, light border, table edge.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    """
    mask = np.zeros(grey.shape, np.bool_)
    if min(grey.shape) < 16:
        return Frame(mask, mask)
    low, high = quantiles(grey, np.ones_like(mask), (0.005, 0.995))
    span = high - low
    if span < 4:
        return Frame(mask, mask)
    sure = np.zeros_like(mask)
    least = max(4, round(_SHORTEST * min(grey.shape)))
    canvas = turned_canvas(grey)
    sides: list[NDArray[np.float64]] = []
    turned = bool(canvas.any())
    free = ~canvas
    before = 0
    for level in _LEVELS:
        bright = grey >= low + level * span
        # What lies beyond a line that crosses the image holds one of its corners.
        if not (turned or _in_a_corner(bright)):
            continue
        region = at_border(bright | canvas)
        area = int(np.count_nonzero(region & ~canvas if turned else region))
        if area == before or not 0.003 <= area / grey.size <= _MOST_LIT:
            continue
        before = area
        taken: set[tuple[int, int]] = set()
        # What is left of the edges may have another tilt: a border that a tilted collimator does not cover.
        known = dilated(mask, _RIM) if mask.any() else None
        for line in straight_edges(region, least, known):
            direction = (round(line[0] * 1e6), round(line[1] * 1e6))
            if direction in taken:
                continue
            share, fill, drop, way = across_line(grey, region, free, line)
            if not 0 < share <= 0.6 or fill < _FILL or way == 0 or not drop >= _DROP_LITTLE * span:
                continue
            seen, drop = line[3] / way, drop / span
            sides.append(line)
            if (seen >= _SEEN and drop >= _DROP) or seen >= _SEEN_WHOLE:
                beyond = _beyond(grey, line, 1.5)
                mask |= beyond
                free &= ~beyond
                taken.add(direction)
                # The sides of a strip between two exposures have all of the image beyond one or the other.
                surely = seen >= _SURE_SEEN and drop >= _SURE_DROP
                if surely and np.count_nonzero(sure | beyond) <= _MOST * grey.size:
                    sure |= beyond
    canvas |= _around_rectangle(grey, sides)
    return Frame(mask | canvas, sure | canvas)


def turned_canvas(grey: Grey) -> Mask:
    """Find what has a single level and was put around the image: a frame, a canvas it was turned on, bars.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.

    Returns
    -------
    numpy.ndarray
        ``bool``, the same shape; empty where there is none.
    """
    bars = _bars(grey)
    corners = grey[[0, 0, -1, -1], [0, -1, 0, -1]]
    level = float(np.median(corners))
    # What is as bright as anything is a bright frame, which may have more than one level.
    if np.abs(corners - level).max() > 1 or level > grey.max() - 1:
        return bars
    one = np.abs(grey - level) <= 1
    one = at_border(one)
    free = np.ones_like(bars)
    found: dict[tuple[int, int], Mask] = {}
    sides: list[NDArray[np.float64]] = []
    for line in straight_edges(one, max(4, round(0.05 * min(grey.shape)))):
        share, fill, _, way = across_line(grey, one, free, line)
        if not 0 < share < 0.5 or fill <= _FILL_CANVAS:
            continue
        sides.append(line)
        if line[3] >= _SEEN_CANVAS * way:
            key = (round(line[0] * 1e6), round(line[1] * 1e6))
            found.setdefault(key, _beyond(grey, line, 1))
    if len(found) < 4:
        return bars | _around_rectangle(grey, sides)
    return np.logical_or.reduce([bars, *found.values()])


def _bars(grey: Grey) -> Mask:
    """Find whole lines of one level along the sides that end at once; black ones are shutters."""
    bars = np.zeros(grey.shape, np.bool_)
    darkest = float(grey.min()) + 1
    for levels, bar in (
        (grey.T, bars.T),
        (grey.T[::-1], bars.T[::-1]),
        (grey, bars),
        (grey[::-1], bars[::-1]),
    ):
        level = float(levels[0].mean())
        if level <= darkest or np.ptp(levels[0]) >= 1:
            continue
        ends = np.flatnonzero((np.abs(levels - level) >= 1).any(axis=1))
        if ends.size == 0 or not 2 <= ends[0] <= _WIDEST_BAR * len(levels) or ends[0] + 2 >= len(levels):
            continue
        if np.mean(np.abs(levels[ends[0] + 2] - level) > _BAR_STEP) >= _BAR_ENDS:
            bar[: ends[0] + 1] = True
    return bars


def _around_rectangle(grey: Grey, lines: list[NDArray[np.float64]]) -> Mask:
    """Return what lies beyond four of the lines if they close a rectangle inside the image.

    They must be seen on nearly all of their way, each from one of its neighbours to the other.
    """
    nothing = np.zeros(grey.shape, np.bool_)
    for first in lines if len(lines) >= 4 else ():
        down, across = first[:2]
        square = ((down, across), (-across, down), (-down, -across), (across, -down))
        sides = [[line for line in lines if line[0] * d + line[1] * a >= _SQUARE] for d, a in square]
        if not all(sides):
            continue
        four = [max(alike, key=lambda line: line[3]) for alike in sides]
        beyond = [_beyond(grey, line, 1.5) for line in four]
        around = np.logical_or.reduce(beyond)
        if around.all() or not (around[[0, -1]].all() and around[:, [0, -1]].all()):
            continue
        whole = 0.0
        for k, line in enumerate(four):
            free = ~np.logical_or.reduce(beyond[:k] + beyond[k + 1 :])
            way = across_line(grey, nothing, free, line)[3]
            if line[3] < _SIDE_SEEN * way:
                break
            whole += way
        else:
            if sum(line[3] for line in four) >= _SURE_SEEN * whole:
                return around
    return nothing


def _beyond(grey: Grey, line: NDArray[np.float64], margin: float) -> Mask:
    rows, columns = np.ogrid[: grey.shape[0], : grey.shape[1]]
    return rows * line[0] + columns * line[1] > line[2] - margin


def _in_a_corner(mask: Mask) -> bool:
    ends = (slice(0, _CORNER), slice(-_CORNER, None))
    return any(mask[rows, columns].any() for rows in ends for columns in ends)


def dilated(mask: Mask, radius: int) -> Mask:
    """Return a mask grown by a square of ``2 * radius + 1`` pixels."""
    if not mask.any():
        return mask
    side = 2 * radius + 1
    return runs_to_mask(dilate_rectangle(runs_from_mask(mask), side, side)).view(np.bool_)


def box_of(mask: Mask) -> Box:
    """Return the box of a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def quantiles(grey: Grey, mask: Mask, shares: tuple[float, ...]) -> list[float]:
    """Return quantiles of the grey levels in a mask, to a four-thousandth of their range."""
    counts, low, high = masked_levels(grey, mask, 4096)
    summed = np.cumsum(counts)
    places = np.searchsorted(summed, [share * float(summed[-1]) for share in shares])
    return [low + (float(place) + 0.5) / 4096 * (high - low) for place in places]
