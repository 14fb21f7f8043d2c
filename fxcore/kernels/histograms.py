"""Grey level histogram and exact pixel sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import as_image
from fxcore.kernels._jit import kernel


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
    return _count(pixels, np.zeros((4, 1 << (8 * pixels.itemsize)), np.int32))


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
def _count(pixels, counts):
    """Count `pixels` (n,) into the rows of `counts` (4, levels) in turn; returns their sum (levels,).

    Neighbours are often equal; counted in one table, each would wait for the store of the one before.
    """
    first = counts[0]
    second = counts[1]
    third = counts[2]
    fourth = counts[3]
    whole = pixels.size - pixels.size % 4
    for i in range(0, whole, 4):
        first[pixels[i]] += 1
        second[pixels[i + 1]] += 1
        third[pixels[i + 2]] += 1
        fourth[pixels[i + 3]] += 1
    for i in range(whole, pixels.size):
        first[pixels[i]] += 1
    total = np.empty(first.size, np.int64)
    for level in range(first.size):
        total[level] = np.int64(first[level]) + second[level] + third[level] + fourth[level]
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
