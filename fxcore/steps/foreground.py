"""Anatomy and background of a radiograph, at the size at which limbs are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fxcore.kernels import above_plane, at_border, masked_levels, otsu_threshold
from fxcore.steps.field import Grey, Mask, dilated, quantiles

# What is told to be frame leaves so much of the image, or none of it is left out: a radiograph set into an
# image of three times its sides is a ninth, less the rim of the frame.
_LEAST_FIELD = 0.05
# Soft tissue begins at this fraction of the Otsu threshold above the background...
_SOFT = 0.35
# ... and not below so many standard deviations of it.
_NOISE = 4.0
# A shutter's spread of grey levels and how far the background is above: one drawn by a console has a single
# level, one of lead has noise. That of noise comes first: its few darkest pixels would pass for the other.
_SHUTTERS = ((5.0, 11.0), (1.0, 5.0))
# ... and both in standard deviations of noise that the image has all over.
_NOISY_SHUTTER = (6.0, 9.0)
# Fewer pixels are no shutter.
_FEWEST = 20
# What is that near to a shutter has the level of all air, more or less: beyond black air the skin has yet to
# rise to the level of the tissue.
_BESIDE, _RISEN, _EVEN = (1, 4), 0.8, 0.25
# Air has one level, more or less; what spreads over many is thin tissue. It is so much of the image at least.
_ONE_LEVEL, _AIR = 0.35, 0.05


@dataclass(frozen=True)
class Foreground:
    """A reduced radiograph, and what in it is anatomy.

    Attributes
    ----------
    relief : numpy.ndarray
        ``float32``, shape ``(rows, columns)``: grey level above the background, whose slope is taken out; a
        veil that was taken away before is not in it.
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


def foreground(grey: Grey, frame: Mask, noise: float = 0.0) -> Foreground:
    """Tell anatomy from background in a reduced radiograph, bright anatomy on dark.

    The bright frame is left out, then the shutter: what is at the darkest level where a lighter
    background is there as well. A plane fitted to the background takes out its slope; above it, two
    thresholds: Otsu's, and a lower one that reaches the skin.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    frame : numpy.ndarray
        ``bool``, the same shape; see `fxcore.steps.field.bright_frame`.
    noise : float
        Standard deviation of the noise that it has all over, as far as that is known.
    """
    # A frame ends in a rim of its own blur.
    field = ~dilated(frame, 2)
    if np.count_nonzero(field) < _LEAST_FIELD * field.size:
        field = np.ones_like(field)
    shutter, low = _shutters(grey, field, noise)
    field &= ~shutter
    background = field & (grey <= low)
    relief, spread = above_plane(grey, background)
    level = otsu_level(relief, field)
    if level < _NOISE * spread:
        # What was taken for background has levels far apart: thin tissue, where anatomy fills the field.
        background &= grey <= otsu_level(grey, background)
        relief, spread = above_plane(grey, background)
        level = otsu_level(relief, field)
    soft = max(_NOISE * spread, _SOFT * level)
    return Foreground(
        relief=relief,
        field=field,
        soft=field & (relief > min(soft, level)),
        dense=field & (relief > level),
        clear=level / max(_NOISE * spread, 1e-6),
    )


def otsu_level(grey: Grey, mask: Mask) -> float:
    """Return Otsu's threshold of the grey levels in a mask, found in 256 steps of their range."""
    counts, low, high = masked_levels(grey, mask, 256)
    if high - low < 1e-6:
        return high
    return low + (otsu_threshold(hist=counts) + 1) * (high - low) / 255.99


def _shutters(grey: Grey, field: Mask, noise: float) -> tuple[Mask, float]:
    """Return what shutters cover of a field, and the level up to which there is background in the rest."""
    spreads = [*_SHUTTERS, (_NOISY_SHUTTER[0] * noise, _NOISY_SHUTTER[1] * noise)] if noise else _SHUTTERS
    shutter, low = _shutter(grey, field, spreads)
    if shutter.any():
        # It may lie before another, or before a black frame.
        other, beyond = _shutter(grey, field & ~shutter, spreads)
        if other.any():
            return shutter | other, beyond
    return shutter, low


def _shutter(grey: Grey, field: Mask, spreads: Sequence[tuple[float, float]]) -> tuple[Mask, float]:
    """Return what lies at the darkest level along the border or a frame, if there is a lighter background.

    And the level up to which there is background: Otsu's, or where that parts the shutter from all else,
    Otsu's of all else.
    """
    least = float(grey[field].min())
    above = grey - least
    low = otsu_level(above, field)
    for spread, gap in spreads:
        black = at_border((above <= spread) | ~field) & field
        left = field & ~black
        if np.count_nonzero(black) < _FEWEST or np.count_nonzero(left) < _AIR * grey.size:
            continue
        background = left & (above <= low)
        if np.count_nonzero(background) >= _AIR * grey.size:
            if _even(above, background, gap):
                return black, low + least
            continue
        level = otsu_level(above, left)
        background = left & (above <= level)
        near, far = _BESIDE
        beside = background & dilated(black, far) & ~dilated(black, near)
        if _even(above, background, gap) and _air_beside(above, background, beside):
            return black, level + least
    return np.zeros_like(field), low + least


def _even(above: Grey, background: Mask, gap: float) -> bool:
    """Tell whether a background has one level, so far above black; else it is thin tissue in black air."""
    low, middle, high = quantiles(above, background, (0.25, 0.5, 0.75))
    return middle >= gap and high - low < _ONE_LEVEL * middle


def _air_beside(above: Grey, background: Mask, beside: Mask) -> bool:
    """Tell whether air begins at black with its own level, as beside a shutter."""
    middle = quantiles(above, background, (0.5,))[0]
    low, common, high = quantiles(above, beside, (0.25, 0.5, 0.75))
    return common > _RISEN * middle and high - low < _EVEN * middle
