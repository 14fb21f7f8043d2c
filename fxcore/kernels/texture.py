"""Local structure of a small image, and how it goes with brightness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import as_finite, as_image, same_shape
from fxcore.kernels._jit import kernel

# Noise alone seldom has, over 5 × 5 pixels, so many times its variance; so much of it is left at least.
_NOISE_ALONE, _LEFT = 1.8, 0.2


def local_structure(grey: NDArray[np.float32], noise: float = 0.0) -> NDArray[np.float32]:
    """Return the logarithm of the local deviation of grey levels, at the scale of single pixels.

    What is left of the image once the mean of 3 × 3 pixels is taken away, its mean square in 5 × 5 pixels
    without what noise alone may have there, and ``log(1 + ...)`` of its root. The border's pixels are
    repeated outwards. Cost: six passes over the image.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    noise : float
        Standard deviation of white noise in it; what has less structure than that is taken to have as much
        as what has none but noise.

    Returns
    -------
    numpy.ndarray
        ``float32``, the same shape.

    Raises
    ------
    ParameterError
        For another shape or type, or a noise that is none.

    Examples
    --------
    >>> local_structure(np.full((4, 5), 7, np.float32)).max()
    np.float32(0.0)
    """
    pixels = as_image(grey, np.float32, name="grey")
    # Its square, and what is made of that, are of 32 bits too.
    if as_finite(noise, "noise", 1e18) < 0:
        raise ParameterError(f"noise must be a standard deviation, 0 or more, not {noise}")
    return _local_structure(pixels, np.float32(noise)) if pixels.size else pixels.copy()


def correlation(
    grey: NDArray[np.float32], other: NDArray[np.float32], mask: NDArray[Any]
) -> tuple[float, int]:
    """Return Pearson's correlation coefficient of two images within a mask, and the mask's area.

    Cost: two passes over the mask.

    Parameters
    ----------
    grey, other : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.
    mask : numpy.ndarray
        ``bool``, the same shape.

    Returns
    -------
    tuple of float and int
        The coefficient is 0 where one of them has one level only.

    Raises
    ------
    ParameterError
        For other types, arrays of different shapes, or levels within the mask that are not finite.

    Examples
    --------
    >>> image = np.array([[1, 2, 3]], np.float32)
    >>> correlation(image, -image, image > 0)
    (-1.0, 3)
    """
    first, second = as_image(grey, np.float32, name="grey"), as_image(other, np.float32, name="other")
    where = as_image(mask, np.bool_, name="mask")
    same_shape(first, second, where)
    coefficient, area = _correlation(first, second, where)
    if math.isnan(coefficient):
        raise ParameterError("grey and other must be finite within the mask")
    return float(coefficient), int(area)


@kernel
def _box_sums(values, radius):
    """Return the sums of squares of ``2 * radius + 1`` pixels, the border repeated outwards."""
    rows, cols = values.shape
    out = np.empty((rows, cols), np.float32)
    line = np.empty(cols + 2 * radius, np.float32)
    for r in range(rows):
        line[:] = 0
        for k in range(-radius, radius + 1):
            row = values[min(max(r + k, 0), rows - 1)]
            for c in range(cols):
                line[c + radius] += row[c]
        for c in range(radius):
            line[c] = line[radius]
            line[cols + radius + c] = line[cols + radius - 1]
        for c in range(cols):
            total = np.float32(0)
            for k in range(2 * radius + 1):
                total += line[c + k]
            out[r, c] = total
    return out


@kernel
def _local_structure(grey, noise):
    rows, cols = grey.shape
    variance = noise * noise * np.float32(8 / 9)
    alone, least = np.float32(_NOISE_ALONE) * variance, np.float32(_LEFT) * variance
    rough = _box_sums(grey, 1)
    for r in range(rows):
        for c in range(cols):
            off = grey[r, c] - rough[r, c] / np.float32(9)
            rough[r, c] = off * off
    out = _box_sums(rough, 2)
    for r in range(rows):
        for c in range(cols):
            out[r, c] = math.log1p(math.sqrt(max(out[r, c] / np.float32(25) - alone, least)))
    return out


@kernel
def _correlation(grey, other, mask):
    rows, cols = mask.shape
    area = 0
    mean = other_mean = 0.0
    low = other_low = np.float32(np.inf)
    high = other_high = np.float32(-np.inf)
    for r in range(rows):
        for c in range(cols):
            if mask[r, c]:
                area += 1
                mean += grey[r, c]
                other_mean += other[r, c]
                low, high = min(low, grey[r, c]), max(high, grey[r, c])
                other_low, other_high = min(other_low, other[r, c]), max(other_high, other[r, c])
    if not (math.isfinite(mean) and math.isfinite(other_mean)):
        return np.nan, area
    if area == 0 or low == high or other_low == other_high:
        return 0.0, area
    mean /= area
    other_mean /= area
    xx = yy = xy = 0.0
    for r in range(rows):
        for c in range(cols):
            if mask[r, c]:
                x, y = grey[r, c] - mean, other[r, c] - other_mean
                xx += x * x
                yy += y * y
                xy += x * y
    return xy / math.sqrt(xx * yy), area
