"""Grey level histogram and exact pixel sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import as_image
from fxcore.kernels._jit import kernel

_WORTH_PAIRING = 1 << 18  # pixels from which counting pairs gains more than its larger table costs
_APART = 32  # entries, two cache lines


def histogram(image: NDArray[Any]) -> NDArray[np.int64]:
    """Count the pixels of each grey level.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.

    Returns
    -------
    numpy.ndarray
        ``int64``, shape ``(256,)`` or ``(65536,)``.

    Raises
    ------
    ParameterError
        For another shape or type.

    Examples
    --------
    >>> counts = histogram(np.array([[0, 7], [7, 7]], np.uint8))
    >>> counts.shape, int(counts[0]), int(counts[7])
    ((256,), 1, 3)
    """
    pixels = as_image(image, np.uint8, np.uint16).reshape(-1)
    if pixels.dtype == np.uint16:
        return _count(pixels, 1 << 16)
    if pixels.size < _WORTH_PAIRING:
        return _count(pixels, 1 << 8)
    # Two pixels at a time: the counts of pairs, summed over either pixel, are those of the other.
    even = pixels.size // 2 * 2
    pairs = _count(np.require(pixels[:even].view(np.uint16), requirements="A"), 1 << 16).reshape(256, 256)
    counts = pairs.sum(axis=0) + pairs.sum(axis=1)
    counts[pixels[even:]] += 1
    return counts


def pixel_sums(image: NDArray[Any]) -> tuple[int, int]:
    """Return the sum and the sum of squares of all pixels, exactly.

    Added up over a data set they give its mean and standard deviation without a second pass.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.

    Raises
    ------
    ParameterError
        For another shape or type.

    Examples
    --------
    >>> pixel_sums(np.array([[1, 2], [3, 200]], np.uint8))
    (206, 40014)
    """
    total, squares = _sums(as_image(image, np.uint8, np.uint16).reshape(-1))
    return int(total), int(squares)


@kernel
def _count(pixels, levels):
    """Count `pixels` (n,); returns int64 (levels,).

    Neighbours are often equal; counted in one table, each would wait for the store of the one before.
    The tables are kept a little apart, so that equal entries do not meet in the cache either.
    """
    counts = np.zeros((2, levels + _APART), np.int32)
    even = counts[0]
    odd = counts[1]
    whole = pixels.size - pixels.size % 2
    for i in range(0, whole, 2):
        even[pixels[i]] += 1
        odd[pixels[i + 1]] += 1
    if whole < pixels.size:
        even[pixels[whole]] += 1
    total = np.empty(levels, np.int64)
    for level in range(levels):
        total[level] = np.int64(even[level]) + odd[level]
    return total


@kernel
def _sums(pixels):
    """Return the sum and the sum of squares of `pixels` (n,) as uint64."""
    total = np.uint64(0)
    squares = np.uint64(0)
    for i in range(pixels.size):
        value = np.uint64(pixels[i])
        total += value
        squares += value * value
    return total, squares
