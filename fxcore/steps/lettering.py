"""What is written on a radiograph: burned-in text, taken away so that it joins no limb."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fxcore.kernels import (
    close_rectangle,
    components,
    keep_components,
    open_rectangle,
    runs_from_mask,
    runs_to_mask,
)
from fxcore.steps.field import Grey, Mask, dilated

# The strokes of a letter are no longer than this fraction of the longer side, whichever way they go; a
# finger, a wire and a rod are...
_STROKE = 0.043
# ... and are brighter than what is beside them by this fraction of the range.
_STANDS_OUT = 0.2
# Letters and lines are no further apart, as a fraction of the longer side.
_APART = 0.02
# A line of letters is so many pixels high, as a bone's edge is not...
_HIGH = 3
# ... and is at least this fraction of the longer side's square, as a patella or the tip of a toe is not.
_LEAST = 0.002
# What is left of a letter by its blur, in pixels about it.
_BLUR = 2
_ACROSS, _DOWN = (0, 1), (1, 0)
_WAYS = (_ACROSS, _DOWN, (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))


def without_lettering(grey: Grey) -> Grey:
    """Take burned-in text away from a reduced radiograph, bright anatomy on dark.

    Strokes of letters are short whichever way they go. Where they stand close together, an opening by a line
    across and one by a line down leave what the text was written on.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.

    Returns
    -------
    numpy.ndarray
        ``float32``, the same shape; the same array where there is no text.
    """
    side = max(3, round(_STROKE * max(grey.shape)))
    if 2 * side > min(grey.shape):
        return grey
    least = _STANDS_OUT * float(np.ptp(grey))
    strokes = np.ones(grey.shape, np.bool_)
    for way in _WAYS:
        strokes &= grey - _opened(grey, side, way) > least
        if not strokes.any():
            return grey
    text = _text(strokes)
    if not text.any():
        return grey
    return np.where(dilated(text, _BLUR), _opened(_opened(grey, side, _ACROSS), side, _DOWN), grey)


def _text(strokes: Mask) -> Mask:
    """Return what of some strokes is text: such as stand close together and are no line."""
    side = 2 * max(1, round(_APART * max(strokes.shape) / 2)) + 1
    runs = open_rectangle(close_rectangle(runs_from_mask(strokes), side, side), _HIGH, _HIGH)
    found = components(runs)
    large = found.area >= _LEAST * max(strokes.shape) ** 2
    return runs_to_mask(keep_components(runs, found, large)).view(np.bool_)


def _opened(grey: Grey, count: int, way: tuple[int, int]) -> Grey:
    """Open by a line that is so many pixels long; beyond the border lies what is at it."""
    count = round((count - 1) / math.hypot(*way)) + 1
    down, across = (abs(step) * (count - 1) for step in way)
    padded = np.pad(grey, ((down, down), (across, across)), mode="edge")
    least = _along(padded, count, way, np.minimum)
    return _along(least, count, way, np.maximum)


def _along(grey: Grey, count: int, way: tuple[int, int], extreme: Callable[[Grey, Grey], Grey]) -> Grey:
    """Return the least or the greatest of as many pixels as a line has, from each on."""
    seen = 1
    while seen < count:
        step = min(seen, count - seen)
        down, across = step * way[0], step * way[1]
        rows, columns = grey.shape[0] - down, grey.shape[1] - abs(across)
        first = grey[:rows, max(0, -across) :][:, :columns]
        other = grey[down:, max(0, across) :][:, :columns]
        grey = extreme(first, other)
        seen += step
    return grey
