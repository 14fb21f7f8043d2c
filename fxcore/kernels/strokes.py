"""Short strokes of a small image: what is bright, and short whichever way it goes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_finite, as_image, as_integer
from fxcore.kernels._jit import kernel

# Rows and columns of a step each way. Those of fewest steps come first: most pixels are no stroke that way.
_WAYS = np.array([(1, 2), (2, 1), (1, -2), (2, -1), (1, 1), (1, -1), (0, 1), (1, 0)])


def short_strokes(grey: NDArray[np.float32], length: int, least: float) -> NDArray[np.bool_]:
    """Find the pixels that lie on no line as long as that without something darker on it.

    They are what a grey-level opening by a line of `length` pixels takes more than `least` away from,
    whichever of eight ways the line goes. The border's pixels are repeated outwards. Cost: up to
    `length` steps each way from each pixel that is bright enough.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    length : int
        Pixels of the line across or down; one at a slant has about the same length with fewer pixels.
    least : float
        Grey levels, 0 or more.

    Returns
    -------
    numpy.ndarray
        ``bool``, the same shape.

    Raises
    ------
    ParameterError
        For another shape or type, a length below 1, or a `least` that is no such number.

    References
    ----------
    Soille, "Morphological Image Analysis", 2nd ed., Springer 2003, section 4.5: top-hats.

    Examples
    --------
    >>> image = np.zeros((9, 9), np.float32)
    >>> image[4, 4] = image[:, 1] = 9
    >>> np.argwhere(short_strokes(image, 5, 4.0)).tolist()
    [[4, 4]]
    """
    pixels = as_image(grey, np.float32, name="grey")
    line = as_integer(length, 1, MOST_PIXELS, "length")
    above = as_finite(least, "least", 1e38)
    if above < 0:
        raise ParameterError(f"least must be 0 or more, not {above}")
    counts = np.array([round((line - 1) / math.hypot(*way)) + 1 for way in _WAYS.tolist()])
    return _short_strokes(pixels, _WAYS, counts, np.float32(above))


@kernel
def _short_strokes(grey, ways, counts, least):
    rows, cols = grey.shape
    out = np.zeros((rows, cols), np.bool_)
    if grey.size == 0:
        return out
    darkest = grey.min()
    for r in range(rows):
        for c in range(cols):
            level = grey[r, c]
            short = level - darkest > least
            for k in range(len(ways)):
                if not short:
                    break
                short = _ends(grey, r, c, ways[k, 0], ways[k, 1], counts[k], level, least)
            out[r, c] = short
    return out


@kernel
def _ends(grey, r, c, down, across, count, level, least):
    """Tell whether a line both ways from a pixel meets something darker before it is so many pixels long."""
    rows, cols = grey.shape
    seen = 1
    for _ in range(2):
        y, x = r, c
        while seen < count:
            y, x = y + down, x + across
            beside = grey[min(max(y, 0), rows - 1), min(max(x, 0), cols - 1)]
            if level - beside > least:
                break
            seen += 1
        down, across = -down, -across
    return seen < count
