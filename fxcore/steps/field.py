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
    block_means,
    components,
    keep_components,
    runs_from_mask,
    runs_to_mask,
    straight_edges,
)

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

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
# What makes a line sure.
_SURE_SEEN, _SURE_DROP = 0.8, 0.31


@dataclass(frozen=True)
class Frame:
    """What does not belong to the exposed field.

    Attributes
    ----------
    mask : numpy.ndarray
        ``bool``, the shape of the reduced image.
    sure : numpy.ndarray
        ``bool``: what of it lies beyond lines that were seen on nearly all of their way, with a steep
        drop, so that no background could be mistaken for it.
    """

    mask: Mask
    sure: Mask


def reduced(image: NDArray[np.uint8], side: int) -> tuple[Grey, int]:
    """Return block means of at most `side` a side, and the side of a block in pixels."""
    step = max(1, -(-max(image.shape) // side))
    return block_means(image, step), step


def bright_frame(grey: Grey) -> Frame:
    """Find the bright frame of a reduced image: collimator, light border, table edge.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    """
    mask = np.zeros(grey.shape, np.bool_)
    low, high = np.quantile(grey[::2, ::2], (0.005, 0.995))
    span = float(high - low)
    if span < 4 or min(grey.shape) < 16:
        return Frame(mask, mask)
    sure = np.zeros_like(mask)
    least = max(4, round(_SHORTEST * min(grey.shape)))
    canvas = turned_canvas(grey)
    rows, columns = np.ogrid[: grey.shape[0], : grey.shape[1]]
    for level in _LEVELS:
        region = touching_border((grey >= low + level * span) | canvas)
        if not 0.003 <= np.count_nonzero(region & ~canvas) / grey.size <= 0.85:
            continue
        taken: set[tuple[int, int]] = set()
        for line in straight_edges(region, least):
            direction = (round(line[0] * 1e6), round(line[1] * 1e6))
            if direction in taken:
                continue
            share, fill, drop, way = across_line(grey, region, ~(mask | canvas), line)
            if not 0 < share <= 0.6 or fill < _FILL or way == 0 or not drop >= _DROP_LITTLE * span:
                continue
            seen, drop = line[3] / way, drop / span
            if (seen >= _SEEN and drop >= _DROP) or seen >= _SEEN_WHOLE:
                beyond = rows * line[0] + columns * line[1] > line[2] - 1.5
                mask |= beyond
                taken.add(direction)
                if seen >= _SURE_SEEN and drop >= _SURE_DROP:
                    sure |= beyond
    return Frame(mask | canvas, sure | canvas)


def turned_canvas(grey: Grey) -> Mask:
    """Find the four black corners of an image that was turned by some angle on a grown canvas.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.

    Returns
    -------
    numpy.ndarray
        ``bool``, the same shape; empty where there are no such corners.
    """
    nothing = np.zeros(grey.shape, np.bool_)
    black = touching_border(grey <= float(grey.min()) + 1)
    corners = (black[0, 0], black[0, -1], black[-1, 0], black[-1, -1])
    if not all(corners):
        return nothing
    rows, columns = np.ogrid[: grey.shape[0], : grey.shape[1]]
    free = np.ones_like(nothing)
    found: dict[tuple[int, int], Mask] = {}
    for line in straight_edges(black, max(4, round(0.05 * min(grey.shape)))):
        down, across, offset, support = line
        # Each side of the turned image cuts one corner off.
        if min(abs(down), abs(across)) < 0.02:
            continue
        share, fill, _, way = across_line(grey, black, free, line)
        if 0 < share < 0.5 and fill > 0.97 and support >= _SEEN_WHOLE * way:
            key = (round(np.sign(down)), round(np.sign(across)))
            found.setdefault(key, rows * down + columns * across > offset - 1)
    if len(found) < 4:
        return nothing
    return np.logical_or.reduce(list(found.values()))


def touching_border(mask: Mask) -> Mask:
    """Return the components of a mask that reach the image's border."""
    runs = runs_from_mask(mask)
    found = components(runs)
    rows, columns = mask.shape
    box = found.box
    edge = (box[:, 0] == 0) | (box[:, 1] == 0) | (box[:, 2] == rows) | (box[:, 3] == columns)
    return runs_to_mask(keep_components(runs, found, edge)).astype(np.bool_)


def dilated(mask: Mask, radius: int) -> Mask:
    """Return a mask grown by a square of ``2 * radius + 1`` pixels."""
    return box_mean(mask.astype(np.float64), radius) > 1e-9


def box_mean(values: NDArray[np.floating], radius: int) -> NDArray[np.float64]:
    """Return the mean of a square around each pixel; the border's pixels are repeated outwards."""
    side = 2 * radius + 1
    padded = np.pad(values.astype(np.float64), ((radius + 1, radius), (radius + 1, radius)), mode="edge")
    sums = padded.cumsum(axis=0).cumsum(axis=1)
    return (sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]) / side**2
