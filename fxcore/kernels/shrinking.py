"""A radiograph made smaller: each pixel the mean of what it covers of the large one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import as_integer, as_summable
from fxcore.kernels._jit import inlined, kernel


def shrink(image: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Return the image at a smaller size, each pixel the mean of the area that it covers.

    A pixel at the edge of an area counts for the share of it that lies inside. Sums are of integers, and
    only the mean is rounded, half up: the result is exact. Cost: one pass over the image.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(m, n)``, of at most 2²⁴ pixels a side.
    rows, columns : int
        The new size: ``1 <= rows <= m`` and ``1 <= columns <= n``.

    Returns
    -------
    numpy.ndarray
        ``uint8``, shape ``(rows, columns)``.

    Raises
    ------
    ParameterError
        For another shape or type, an empty image, a longer side, or a size that is larger.

    Examples
    --------
    >>> shrink(np.array([[0, 3, 9], [0, 3, 9]], np.uint8), 1, 2)
    array([[1, 7]], dtype=uint8)
    """
    pixels = as_summable(image)
    size = (
        as_integer(rows, 1, pixels.shape[0], "rows"),
        as_integer(columns, 1, pixels.shape[1], "columns"),
    )
    return _shrink(pixels, *size)


@kernel
def _shrink(pixels, down, across):
    rows, cols = pixels.shape
    out = np.empty((down, across), np.uint8)
    left = np.empty(across, np.int64)
    right = np.empty(across, np.int64)
    left_weight = np.empty(across, np.uint64)
    right_weight = np.empty(across, np.uint64)
    for j in range(across):
        left[j], left_weight[j], right[j], right_weight[j] = _covered(j, cols, across)
    whole = np.empty(cols, np.uint32)
    line = np.empty(cols, np.uint32)
    mean = np.empty(across, np.float64)
    area = np.float64(rows) * np.float64(cols)
    for i in range(down):
        top, top_weight, bottom, bottom_weight = _covered(i, rows, down)
        whole[:] = 0
        for r in range(top + 1, bottom):
            row = pixels[r]
            for c in range(cols):
                whole[c] += row[c]
        first, last = pixels[top], pixels[bottom]
        for c in range(cols):
            line[c] = (
                np.uint32(down) * whole[c]
                + np.uint32(top_weight) * first[c]
                + np.uint32(bottom_weight) * last[c]
            )
        for j in range(across):
            total = np.uint64(0)
            for c in range(left[j] + 1, right[j]):
                total += np.uint64(line[c])
            total = (
                np.uint64(across) * total
                + left_weight[j] * np.uint64(line[left[j]])
                + right_weight[j] * np.uint64(line[right[j]])
            )
            mean[j] = np.float64(total)
        for j in range(across):
            # Exact: the sums fit, and those nearest to a half are further from it than what division rounds.
            out[i, j] = np.uint8(mean[j] / area + 0.5)
    return out


@inlined
def _covered(place, many, few):
    """Return first and last pixel of what `place`, one of `few`, covers of `many`, each with its weight.

    In steps of which a pixel is `few` long, and a place `many`. A pixel that is both counts as the first.
    """
    begin, end = place * many, (place + 1) * many
    first, last = begin // few, (end - 1) // few
    weight = min((first + 1) * few, end) - begin
    return first, weight, last, (end - last * few if last > first else 0)
