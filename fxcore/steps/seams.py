"""Exposures that were put side by side: where they meet, and what of each is exposed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import correlation
from fxcore.steps.field import Box, Grey, Mask

# A strip drawn between exposures has one grey level.
_LEVEL = 1.0
# A seam between two exposures is seen in this share of the rows...
_SEAM = 0.97
# ... by a step of so many grey levels.
_STEP = 4.0
# Rows that are frame or black on both sides of a seam, as a bar above both exposures is, tell nothing of
# it; so many must be left that do.
_TELLING = 0.6
# A white strip is bounded in so many of the rows.
_BOUNDED = 0.5
# At a seam all rows change at once: in the clearest quarter of them, what the level changes by beside
# the step is less than this share of it. The side of a limb, however straight, is round.
_BESIDE, _CLEAREST = 0.2, 0.25
# Levels up to so far above the darkest are black; as far from the brightest, white.
_BLACK = 2.0
# A strip too thin for a column of its own goes up and down again in this share of them: a bone, or a
# rod of an external fixator, comes to eight tenths.
_THERE_AND_BACK = 0.9
# A panel narrower than this fraction of the image separates, and shows nothing...
_PANEL = 0.15
# ... and no seam is looked for nearer to the border than this.
_NEAR_BORDER = 0.2
# What separates two panels may reach into so many blocks beside the seam.
_BLUR = 2
# A limb that takes up so much of both sides of a cut goes on across it, if it is seen at the same places, of
# those of either side, but for a slant of so many rows a column; if the levels go together so well, ...
_CROSSES, _SAME_PLACES, _SLANT, _SAME_LEVELS = 0.03, 0.7, 0.8, 0.5
# ... and if what they change by over so many columns towards the cut does not change back behind it, as in a
# limb and its mirror image.
_FURTHER, _BACK = 4, -0.3
# The air beside it has the same level on both sides, or differs by as much as the limb does: two exposures
# seldom agree so well.
_SAME_AIR, _SAME_STEP = 4.0, 2.0
# Where one side is darker by a factor, that of the air and that of the limb may differ by so much of it, if
# the limb's levels go together so much better.
_SAME_FACTOR, _SURELY_SAME = 1.15, 0.8


def panels(grey: Grey, field: Mask, soft: Mask) -> list[Box]:
    """Cut an image at its vertical seams; the panels that are wide enough to show something.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    field : numpy.ndarray
        ``bool``, the same shape: without frames and shutters.
    soft : numpy.ndarray
        ``bool``, the same shape: anatomy down to the skin.

    Returns
    -------
    list of tuple of int
        ``row0, column0, row1, column1``, ends exclusive, from left to right.
    """
    rows, columns = grey.shape
    if columns < 40 or rows < 40:
        return [(0, 0, rows, columns)]
    first, last = round(_NEAR_BORDER * columns), columns - round(_NEAR_BORDER * columns)
    seam = _strips(grey)
    seam[:first] = seam[last:] = False
    sharp, thin = _steps(grey, field, first, last)
    if seam.any():
        # Where exposures have a strip between, that parts them, and what else is sharp is metal.
        seam |= sharp & (np.convolve(seam, np.ones(2 * _BLUR + 1), "same") > 0)
    else:
        seam = sharp if sharp.any() else thin
    found, left = [], 0
    # A panel begins behind all columns of the strip before it: what is left of one would pass for anatomy.
    for k in [*np.flatnonzero(seam), columns]:
        if k - left >= _PANEL * columns:
            found.append((0, left, rows, int(k)))
        left = int(k)
    joined = found[:1]
    for box in found[1:]:
        if _goes_on(grey, soft, joined[-1][3], box[1]):
            box = (0, joined.pop()[1], rows, box[3])
        joined.append(box)
    return joined


def _goes_on(grey: Grey, soft: Mask, end: int, begin: int) -> bool:
    """Tell whether a limb goes on across a cut: it is a line drawn over one exposure, or a scratch."""
    before, after = end - 1 - _BLUR, begin + _BLUR
    if before < _FURTHER or after + _FURTHER >= grey.shape[1]:
        return False
    limb, other = soft[:, before], soft[:, after]
    if min(limb.mean(), other.mean()) < _CROSSES or limb.all() != other.all():
        return False
    steepest = round(_SLANT * (after - before))
    shifts = range(-steepest, steepest + 1)
    common, shift = max((_common(*_shifted(limb, other, rows)), rows) for rows in shifts)
    here, there = _shifted(grey[:, before], grey[:, after], shift)
    if common < _SAME_PLACES or _together(here, there) < _SAME_LEVELS:
        return False
    limb, other = _shifted(limb, other, shift)
    # Of exposures one above the other, some were made darker by a factor as well.
    surely = _together(here, there) >= _SURELY_SAME
    if not (_one_exposure(here, there, limb, other) or (surely and _one_factor(here, there, limb, other))):
        return False
    towards = grey[:, before] - grey[:, before - _FURTHER]
    behind = grey[:, after + _FURTHER] - grey[:, after]
    return _together(towards, behind) > _BACK


def _one_exposure(here: Grey, there: Grey, limb: Mask, other: Mask) -> bool:
    """Tell whether what is seen on both sides of a cut may have been exposed at once."""
    brighter, air = there - here, ~(limb | other)
    if not air.any():
        return True
    by = float(np.median(brighter[air]))
    return abs(by) <= _SAME_AIR or abs(by - float(np.median(brighter[limb & other]))) <= _SAME_STEP


def _one_factor(here: Grey, there: Grey, limb: Mask, other: Mask) -> bool:
    """Tell whether air and limb are brighter by the same factor on one side of a cut than on the other."""
    ratio = np.maximum(there, 1.0) / np.maximum(here, 1.0)
    factors = sorted(float(np.median(ratio[part])) for part in (~(limb | other), limb & other))
    return factors[1] <= _SAME_FACTOR * factors[0]


def _shifted(one: NDArray[Any], other: NDArray[Any], rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what two columns have in common when the second is moved down by so many rows."""
    count = len(one) - abs(rows)
    return one[max(0, rows) :][:count], other[max(0, -rows) :][:count]


def _common(one: Mask, other: Mask) -> float:
    return int(np.count_nonzero(one & other)) / max(1, int(np.count_nonzero(one | other)))


def _together(one: Grey, other: Grey) -> float:
    """Return the correlation coefficient of two columns; 0 where one of them has one level."""
    return correlation(one[None], other[None], np.ones((1, one.size), np.bool_))[0]


def _strips(grey: Grey) -> NDArray[np.bool_]:
    """Return the columns of a black strip or a white one.

    Air of a single level between is no strip: with a shutter beyond it, it would pass for a limb. Nor is
    the white inside of a limb that is clipped, which a drawn strip's sides end at once.
    """
    level, least, most = grey.mean(axis=0), grey.min() + _BLACK, grey.max() - _BLACK
    one = one_level(grey)
    strip = one & (level <= least)
    begins = np.flatnonzero(
        np.diff(np.concatenate([[False], one & (level >= most), [False]]).astype(np.int8))
    )
    for begin, end in begins.reshape(-1, 2):
        sides = [k for k in (begin - _BLUR, end - 1 + _BLUR) if 0 <= k < len(level)]
        if all((grey[:, k] < most - _STEP).mean() >= _BOUNDED for k in sides):
            strip[begin:end] = True
    return strip


def _steps(grey: Grey, field: Mask, first: int, last: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the columns at which all rows change at once, and those of a thin strip."""
    sharp, thin = np.zeros((2, grey.shape[1]), np.bool_)
    # Two columns apart: a seam may lie within a block.
    change = grey[:, 2:] - grey[:, :-2]
    step = np.abs(change)
    blank = ~field | (grey <= grey.min() + _BLACK)
    telling = ~(blank[:, 2:] & blank[:, :-2])
    count = telling.sum(axis=0)
    seen = (telling & (step > _STEP)).sum(axis=0)
    likely = (count >= _TELLING * len(grey)) & (seen >= _THERE_AND_BACK * count)
    for k in first + np.flatnonzero(likely[first : last - 2]):
        rows = telling[:, k]
        if seen[k] >= _SEAM * count[k]:
            beside = np.maximum(step[:, k - 2], step[:, k + 2]) / np.maximum(step[:, k], _STEP)
            sharp[k + 1] = np.quantile(beside[rows], _CLEAREST) < _BESIDE
        back = (change[:, k] * change[:, k + 2] < 0) & (step[:, k + 2] > _STEP)
        thin[k + 2] = back[rows].mean() >= _THERE_AND_BACK
    return sharp, thin


def one_level(columns: Grey) -> NDArray[np.bool_]:
    """Tell which columns have a single level: a strip drawn between exposures or around them."""
    return np.asarray(np.ptp(columns, axis=0) < _LEVEL)


def exposed(grey: Grey, box: Box) -> Box:
    """Return what of a panel is exposed: not the blur of a seam, nor bars of one level along a side.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``: the whole image.
    box : tuple of int
        The panel.
    """
    rows, columns = grey.shape
    row0, column0, row1, column1 = box
    row0, column0 = row0 + _BLUR * (row0 > 0), column0 + _BLUR * (column0 > 0)
    row1, column1 = row1 - _BLUR * (row1 < rows), column1 - _BLUR * (column1 < columns)
    inner = grey[row0:row1, column0:column1]
    above, below = _bars(one_level(inner.T))
    before, after = _bars(one_level(inner))
    return row0 + above, column0 + before, row1 - below, column1 - after


def _bars(level: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many lines at the beginning and at the end are of one level or the blur of such."""
    shown = np.flatnonzero(~level)
    if not shown.size:
        return 0, 0
    before, after = int(shown[0]), int(level.size - 1 - shown[-1])
    return before + _BLUR * (before > 0), after + _BLUR * (after > 0)
