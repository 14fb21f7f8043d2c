"""The axis of a limb: its medial line, from the forearm through the hand, and which end is the distal one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fxcore.kernels import AcrossAxis, Moments, across_axis, medial_slope, moments, runs_from_mask
from fxcore.steps.field import Mask, dilated, quantiles
from fxcore.steps.overview import Overview

# How often the line is fitted again across the axis found before.
_ROUNDS = 4
# From the second time on it goes this share of the way: where a line crosses several fingers, the heaviest
# changes with the axis, and whole steps would go to and fro.
_AGAIN = 0.5
# What is left out at each end, as a fraction of the length: the cut of the image is rarely square.
_ENDS = 0.04
# What the medial line deviates by less than this fraction of the limb's width is a bend, with no side to
# choose: least absolute deviation alone would follow the longer of the forearm and the hand, and which that
# is may change with the frame.
_BEND = 0.15
# The medial line stays within so many degrees of the principal axis.
_MOST_OFF = 25.0


@dataclass(frozen=True)
class LimbAxis:
    """The axis of the main limb in a radiograph.

    Attributes
    ----------
    degrees : float
        Tilt clockwise from upright, -90 to 90.
    elongation : float
        Extent along the principal axis over that across it.
    lines : AcrossAxis or None
        The limb line by line; none where there is no limb.
    """

    degrees: float
    elongation: float
    lines: AcrossAxis | None


def limb_axis(seen: Overview) -> LimbAxis:
    """Find the axis of the main limb in a reduced radiograph, bright anatomy on dark.

    The medial line goes through the weighted median of each line across the limb, which lies between the
    fingers as it lies in the middle of the palm; a thumb or a little finger that stands off moves it little,
    a rod beside the limb hardly. The axis is the line of least absolute deviation to it (of least squares
    within a seventh of the limb's width), so that neither does the elbow's bend or the end of a cast; where
    the limb leaves the field, its middle is no further in than what is seen of it.

    Parameters
    ----------
    seen : Overview
    """
    ground = seen.ground
    mask = seen.limb
    if mask is None:
        return LimbAxis(0.0, 0.0, None)
    level = quantiles(ground.relief, mask, (0.95,))[0]
    weights = np.clip(ground.relief, 0.0, max(level, 1e-3)).astype(np.float32)
    runs = runs_from_mask(mask)
    weighted = moments(runs, weights + np.float32(1e-3))
    row, column = weighted.row, weighted.column
    elongation = _principal(moments(runs))[1]
    degrees = _principal(weighted)[0]
    edge = _edge(mask, ground.field)
    start = degrees
    for k in range(_ROUNDS):
        lines = across_axis(mask, weights, edge, (row, column), degrees)
        degrees -= (_AGAIN if k else 1.0) * math.degrees(math.atan(_slope(lines)))
    if abs(_off(degrees, start)) > _MOST_OFF:
        degrees = start
    degrees = _off(degrees, 0.0)
    return LimbAxis(degrees, elongation, across_axis(mask, weights, edge, (row, column), degrees))


def _principal(of: Moments) -> tuple[float, float]:
    """Return tilt clockwise from upright, and elongation."""
    yy, xx, xy = of.row_row, of.column_column, of.row_column
    spread = math.hypot(xx - yy, 2 * xy)
    least = max((xx + yy - spread) / 2, 1e-9)
    angle = math.degrees(math.atan2(2 * xy, xx - yy) / 2)
    return _off(angle + 90, 0.0), math.sqrt((xx + yy + spread) / 2 / least)


def _off(degrees: float, other: float) -> float:
    """Return the signed angle from one axis to another, -90 to 90."""
    return (degrees - other + 90) % 180 - 90


def _slope(lines: AcrossAxis) -> float:
    """Return the slope of the medial line, without its ends."""
    along, middle = lines.along, lines.middle
    length = along[-1] - along[0]
    kept = (along >= along[0] + _ENDS * length) & (along <= along[-1] - _ENDS * length)
    if np.count_nonzero(kept) < 8:
        return 0.0
    # In this unit the fit takes what is below one for a bend of the limb, which counts by least squares.
    unit = max(1.0, _BEND * float(np.median(lines.width)))
    return medial_slope(along[kept] / unit, middle[kept] / unit, lines.cut_left[kept], lines.cut_right[kept])


def _edge(mask: Mask, field: Mask) -> Mask:
    """Return where a limb leaves the exposed field: the image's border counts as outside."""
    outside = np.ones((mask.shape[0] + 2, mask.shape[1] + 2), np.bool_)
    outside[1:-1, 1:-1] = ~field
    return mask & dilated(outside, 2)[1:-1, 1:-1]
