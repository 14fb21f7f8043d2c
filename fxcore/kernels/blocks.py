"""A smaller image for decisions that need shapes and no detail: means of square blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import MOST_PIXELS, as_integer, as_summable
from fxcore.kernels._jit import kernel


def block_means(image: NDArray[Any], step: int) -> NDArray[np.float32]:
    """Return the mean grey level of each block of `step` × `step` pixels.

    Blocks at the last row and column are smaller where `step` does not divide the side: no pixel is
    left out. Means are rounded to 1/256 of a grey level, which makes those of the negative exactly 255
    less these. Cost: one pass over the image.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``, of at most 2²⁴ pixels a side.
    step : int
        Side of a block in pixels, at least 1.

    Returns
    -------
    numpy.ndarray
        ``float32``, shape ``(ceil(rows / step), ceil(columns / step))``.

    Raises
    ------
    ParameterError
        For another shape or type, an empty image, a longer side, or a `step` below 1.

    Examples
    --------
    >>> block_means(np.array([[0, 2, 9], [4, 6, 1]], np.uint8), 2)
    array([[3., 5.]], dtype=float32)
    """
    return _block_means(as_summable(image), as_integer(step, 1, MOST_PIXELS, "step"))


@kernel
def _block_means(pixels, step):
    rows, cols = pixels.shape
    down, across = -(-rows // step), -(-cols // step)
    out = np.empty((down, across), np.float32)
    few = np.zeros(cols, np.uint16)
    line = np.zeros(cols, np.uint32)
    for i in range(down):
        top = i * step
        bottom = min(top + step, rows)
        for c in range(cols):
            line[c] = 0
        # 257 rows of 255 are what 16 bits hold, and twice as many of those are added at once as of 32 bits.
        for begin in range(top, bottom, 256):
            for c in range(cols):
                few[c] = 0
            for r in range(begin, min(begin + 256, bottom)):
                row = pixels[r]
                for c in range(cols):
                    few[c] += row[c]
            for c in range(cols):
                line[c] += few[c]
        for j in range(across):
            left = j * step
            right = min(left + step, cols)
            total = np.uint64(0)
            for c in range(left, right):
                total += np.uint64(line[c])
            out[i, j] = np.rint(256.0 * total / ((bottom - top) * (right - left))) / 256.0
    return out
