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
# The bits of the root of a half, and the logarithm of two.
_ROOT_HALF, _LOG_2 = int(np.float64(0.5**0.5).view(np.int64)), math.log(2)


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
    line = np.empty(cols, np.float64)
    for r in range(rows):
        for c in range(cols):
            line[c] = 1.0 + math.sqrt(max(out[r, c] / np.float32(25) - alone, least))
        _logarithms(line, out[r])
    return out


@kernel
def _logarithms(values, out):
    """Write the natural logarithms of numbers, to 32 bits, without calls: they are found side by side.

    A number is a power of two times one about 1, whose logarithm is twice the inverse hyperbolic tangent of
    a ratio of at most 0.172, by its series. Overwrites the numbers.
    """
    bits = values.view(np.int64)
    for c in range(values.size):
        power = (bits[c] - _ROOT_HALF) >> 52
        bits[c] -= power << 52
        ratio = (values[c] - 1.0) / (values[c] + 1.0)
        q = ratio * ratio
        series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q / 11))))
        out[c] = power * _LOG_2 + 2.0 * ratio * series


@kernel
def _first(grey, mask):
    """Return the first level in a mask, 0 where that is empty."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if mask[r, c]:
                return grey[r, c]
    return np.float32(0)


@kernel
def _correlation(grey, other, mask):
    rows, cols = mask.shape
    first, other_first = _first(grey, mask), _first(other, mask)
    area = 0
    varies = other_varies = False
    # A sum for each column: they are added to side by side.
    sums = np.zeros((3, cols))
    for r in range(rows):
        for c in range(cols):
            here = mask[r, c]
            area += here
            varies |= here & (grey[r, c] != first)
            other_varies |= here & (other[r, c] != other_first)
            sums[0, c] += grey[r, c] if here else np.float32(0)
            sums[1, c] += other[r, c] if here else np.float32(0)
    mean, other_mean = sums[0].sum(), sums[1].sum()
    if not (math.isfinite(mean) and math.isfinite(other_mean)):
        return np.nan, area
    if not (varies and other_varies):
        return 0.0, area
    mean /= area
    other_mean /= area
    sums[:] = 0
    for r in range(rows):
        for c in range(cols):
            here = mask[r, c]
            x = grey[r, c] - mean if here else 0.0
            y = other[r, c] - other_mean if here else 0.0
            sums[0, c] += x * x
            sums[1, c] += y * y
            sums[2, c] += x * y
    return sums[2].sum() / math.sqrt(sums[0].sum() * sums[1].sum()), area
