"""What is written on a radiograph: burned-in text, taken away so that it joins no limb."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fxcore.kernels import (
    close_rectangle,
    components,
    keep_components,
    open_rectangle,
    runs_from_mask,
    runs_to_mask,
    short_strokes,
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
    strokes = short_strokes(grey, side, _STANDS_OUT * float(np.ptp(grey)))
    text = _text(strokes) if strokes.any() else strokes
    if not text.any():
        return grey
    return np.where(dilated(text, _BLUR), _opened(_opened(grey, side).T, side).T, grey)


def _text(strokes: Mask) -> Mask:
    """Return what of some strokes is text: such as stand close together and are no line."""
    side = 2 * max(1, round(_APART * max(strokes.shape) / 2)) + 1
    runs = open_rectangle(close_rectangle(runs_from_mask(strokes), side, side), _HIGH, _HIGH)
    found = components(runs)
    large = found.area >= _LEAST * max(strokes.shape) ** 2
    return runs_to_mask(keep_components(runs, found, large)).view(np.bool_)


def _opened(grey: Grey, count: int) -> Grey:
    """Open by a line across that is so many pixels long; beyond the border lies what is at it."""
    wide = np.pad(grey, ((0, 0), (count - 1, count - 1)), mode="edge")
    least = sliding_window_view(wide, count, axis=1).min(axis=2)
    return np.asarray(sliding_window_view(least, count, axis=1).max(axis=2), np.float32)
