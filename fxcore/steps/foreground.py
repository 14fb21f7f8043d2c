"""Anatomy and background of a radiograph, at the size at which limbs are told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import otsu_threshold
from fxcore.steps.field import Grey, Mask, bright_frame, dilated, touching_border

# Soft tissue begins at this fraction of the Otsu threshold above the background...
_SOFT = 0.35
# ... and not below so many standard deviations of it.
_NOISE = 4.0
# Points of the background that are enough to fit it.
_MOST_POINTS = 4000
# A shutter's spread of grey levels and how far the background is above: one drawn by a console has a single
# level, one of lead has noise.
_SHUTTERS = ((1.0, 5.0), (5.0, 11.0))
# How often the background's plane is fitted, outliers left out.
_ROUNDS = 4


@dataclass(frozen=True)
class Foreground:
    """A reduced radiograph, and what in it is anatomy.

    Attributes
    ----------
    relief : numpy.ndarray
        ``float32``, shape ``(rows, columns)``: grey level above the background, whose slope is taken out.
    field : numpy.ndarray
        ``bool``: the exposed field, without frames and shutters.
    soft : numpy.ndarray
        ``bool``: anatomy down to the skin.
    dense : numpy.ndarray
        ``bool``: above the Otsu threshold.
    clear : float
        How far the Otsu threshold stands out of the background, in thresholds of noise: below 1 there is
        no background to tell anatomy from.
    """

    relief: Grey
    field: Mask
    soft: Mask
    dense: Mask
    clear: float


def foreground(grey: Grey) -> Foreground:
    """Tell anatomy from background in a reduced radiograph, bright anatomy on dark.

    The bright frame is left out, then the shutter: what is at the darkest level where a lighter
    background is there as well. A plane fitted to the background takes out its slope; above it, two
    thresholds: Otsu's, and a lower one that reaches the skin.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    """
    # A frame ends in a rim of its own blur.
    field = ~dilated(bright_frame(grey).mask, 2)
    if field.mean() < 0.1:
        field = np.ones_like(field)
    low = otsu_level(grey[field])
    background = field & (grey <= low)
    shutter = _shutter(grey, background)
    field &= ~shutter
    background &= ~shutter
    relief, noise = _above_plane(grey, background)
    level = otsu_level(relief[field])
    soft = max(_NOISE * noise, _SOFT * level)
    return Foreground(
        relief=relief,
        field=field,
        soft=field & (relief > min(soft, level)),
        dense=field & (relief > level),
        clear=level / max(_NOISE * noise, 1e-6),
    )


def otsu_level(values: NDArray[np.floating]) -> float:
    """Return Otsu's threshold of any values, found in 256 steps of their range; foreground is above."""
    if values.size == 0:
        return 0.0
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return high
    steps = ((values - low) * (255.99 / (high - low))).astype(np.uint8)
    threshold = otsu_threshold(hist=np.bincount(steps.reshape(-1), minlength=256).astype(np.int64))
    return low + (threshold + 1) * (high - low) / 255.99


def _shutter(grey: Grey, background: Mask) -> Mask:
    """Return what lies at the darkest level along the border, if there is a lighter background besides."""
    nothing = np.zeros_like(background)
    if not background.any():
        return nothing
    darkest = float(grey.min())
    for spread, gap in _SHUTTERS:
        black = touching_border(grey <= darkest + spread)
        rest = grey[background & ~black]
        if rest.size < 0.05 * grey.size:
            continue
        low, middle, high = np.quantile(rest, (0.25, 0.5, 0.75))
        # Air has one level; what spreads over many is thin tissue on a black background.
        if middle - darkest >= gap and high - low < 0.35 * (middle - darkest):
            return black
    return nothing


def _above_plane(grey: Grey, background: Mask) -> tuple[Grey, float]:
    """Return grey levels above a plane through the background, and its standard deviation."""
    rows, columns = grey.shape
    at_row, at_column = np.nonzero(background)
    if at_row.size < 20:
        return grey - grey.min(), 0.5
    every = -(-at_row.size // _MOST_POINTS)
    at_row, at_column = at_row[::every], at_column[::every]
    values = grey[at_row, at_column].astype(np.float64)
    terms = np.stack([np.ones(at_row.size), at_row / rows - 0.5, at_column / columns - 0.5])
    chosen = np.ones(at_row.size, np.bool_)
    for _ in range(_ROUNDS):
        few = terms[:, chosen]
        # Sums instead of a matrix product: they do not depend on the number of threads of a library.
        normal = np.array([[(a * b).sum() for b in few] for a in few]) + 1e-9 * np.eye(3)
        plane = np.linalg.solve(normal, np.array([(a * values[chosen]).sum() for a in few]))
        rest = values - (terms * plane[:, None]).sum(axis=0)
        middle = float(np.median(rest[chosen]))
        noise = 1.4826 * float(np.median(np.abs(rest[chosen] - middle))) + 0.5
        kept = np.abs(rest - middle) < 3 * noise
        if kept.sum() < 20:
            break
        chosen = kept
    slope = plane[1] * (np.arange(rows) / rows - 0.5)[:, None] + plane[2] * (
        np.arange(columns) / columns - 0.5
    )
    return (grey - (plane[0] + slope)).astype(np.float32), noise
