"""Grey level histogram and exact pixel sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import as_image
from fxcore.kernels._jit import kernel

_WORTH_PAIRING = 1 << 18  # pixels from which counting pairs gains more than its larger table costs
_APART = 32  # entries between the tables: equal levels must not meet in one set of the cache


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
    if pixels.dtype == np.uint8 and pixels.size < _WORTH_PAIRING:
        return _count(pixels)
    whole = pixels.nbytes // 8 * 8 // pixels.itemsize
    counts = _count_words(np.require(pixels[:whole].view(np.uint64), requirements="A"))
    if pixels.dtype == np.uint8:
        # The counts of pairs of pixels, summed over either pixel, are those of the other.
        pairs = counts.reshape(256, 256)
        counts = pairs.sum(axis=0) + pairs.sum(axis=1)
    for value in pixels[whole:]:
        counts[value] += 1
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
def _count(pixels):
    """Count the 8-bit `pixels` (n,); returns int64 (256,).

    Neighbours are often equal; counted in one table, each would wait for the store of the one before.
    """
    counts = np.zeros((4, 256), np.int64)
    whole = pixels.size - pixels.size % 4
    for i in range(0, whole, 4):
        for k in range(4):
            counts[k, pixels[i + k]] += 1
    for i in range(whole, pixels.size):
        counts[0, pixels[i]] += 1
    return counts[0] + counts[1] + counts[2] + counts[3]


@kernel
def _count_words(words):
    """Count the 16-bit parts of `words` (n,); returns int64 (65536,).

    A part is one 16-bit pixel or two of 8 bits. A radiograph is noise, where two tables in turn do
    best, and flat borders, where the same word comes again and again and is counted once for all.
    """
    counts = np.zeros((2, 65536 + _APART), np.int32)
    even = counts[0]
    odd = counts[1]
    low = np.uint64(65535)
    last = np.uint64(0)
    repeats = 0
    for i in range(words.size):
        word = words[i]
        if word == last:
            repeats += 1
            continue
        if repeats > 0:
            even[last & low] += repeats
            odd[(last >> np.uint64(16)) & low] += repeats
            even[(last >> np.uint64(32)) & low] += repeats
            odd[last >> np.uint64(48)] += repeats
            repeats = 0
        even[word & low] += 1
        odd[(word >> np.uint64(16)) & low] += 1
        even[(word >> np.uint64(32)) & low] += 1
        odd[word >> np.uint64(48)] += 1
        last = word
    even[last & low] += repeats
    odd[(last >> np.uint64(16)) & low] += repeats
    even[(last >> np.uint64(32)) & low] += repeats
    odd[last >> np.uint64(48)] += repeats
    total = np.empty(65536, np.int64)
    for level in range(65536):
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
