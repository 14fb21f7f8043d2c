"""Grey level histogram and exact pixel sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._check import as_image, as_threads
from fxcore.kernels._jit import kernel
from fxcore.kernels._threads import share

_WORTH_PAIRING = 1 << 18  # pixels from which counting pairs gains more than its larger table costs
_APART = 32  # entries between the tables: equal levels must not meet in one set of the cache


def histogram(image: NDArray[Any], *, threads: int = 1) -> NDArray[np.int64]:
    """Count the pixels of each grey level.

    Cost: one pass over the image, at about one counter a clock cycle; large images of 8 bits are
    counted in pairs, those of 16 bits pixel by pixel. The floor is one read of the image.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

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
    threads = as_threads(threads)
    pixels = as_image(image, np.uint8, np.uint16).reshape(-1)
    if pixels.dtype == np.uint8 and pixels.size < _WORTH_PAIRING:
        return _count(pixels)
    whole = pixels.nbytes // 8 * 8 // pixels.itemsize
    words = np.require(pixels[:whole].view(np.uint64), requirements="A")

    levels = _levels_of_pairs if pixels.dtype == np.uint8 else _levels

    def count(pieces: Iterator[tuple[int, int]]) -> NDArray[np.int64]:
        # A table of its own takes a thread as long to clear and add up as counting some 100 kB.
        table = np.zeros((2, 65536 + _APART), np.int32)
        for begin, end in pieces:
            _count_words(words[begin:end], table)
        return levels(table)

    counts, *others = share(count, words.size, 8, threads)
    for other in others:
        counts += other
    for value in pixels[whole:]:
        counts[value] += 1
    return counts


def pixel_sums(image: NDArray[Any], *, threads: int = 1) -> tuple[int, int]:
    """Return the sum and the sum of squares of all pixels, exactly.

    Cost: one pass over the image, at the speed of memory. Added up over a data set they give its mean and
    standard deviation without a second pass.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

    Returns
    -------
    tuple of int
        Python integers, which do not overflow when added up.

    Raises
    ------
    ParameterError
        For another shape or type.

    Examples
    --------
    >>> pixel_sums(np.array([[1, 2], [3, 200]], np.uint8))
    (206, 40014)
    """
    threads = as_threads(threads)
    pixels = as_image(image, np.uint8, np.uint16).reshape(-1)

    sums = _sums_of_bytes if pixels.itemsize == 1 else _sums

    def add(pieces: Iterator[tuple[int, int]]) -> tuple[int, int]:
        total = squares = 0
        for begin, end in pieces:
            piece_total, piece_squares = sums(pixels[begin:end])
            total += int(piece_total)
            squares += int(piece_squares)
        return total, squares

    totals, squares = zip(*share(add, pixels.size, pixels.itemsize, threads), strict=True)
    return sum(totals), sum(squares)


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
def _count_words(words, counts):
    """Count the 16-bit parts of `words` (n,) into the two tables of `counts`.

    A part is one 16-bit pixel or two of 8 bits. A radiograph is noise, where two tables in turn do
    best, and flat borders, where the same word comes again and again and is counted once for all.
    """
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


@kernel
def _levels(table):
    """Return the counts (65536,) of 16-bit pixels."""
    counts = np.empty(65536, np.int64)
    for level in range(65536):
        counts[level] = np.int64(table[0, level]) + table[1, level]
    return counts


@kernel
def _levels_of_pairs(table):
    """Return the counts (256,) of 8-bit pixels: those of pairs, summed over the one and the other."""
    counts = np.zeros(256, np.int64)
    for high in range(256):
        row = 0
        for low in range(256):
            pairs = np.int64(table[0, 256 * high + low]) + table[1, 256 * high + low]
            row += pairs
            counts[low] += pairs
        counts[high] += row
    return counts


@kernel
def _sums_of_bytes(pixels):
    """Do what `_sums` does for pixels of 8 bits: so many at a time that 32 bits hold their squares' sum."""
    total = np.uint64(0)
    squares = np.uint64(0)
    for begin in range(0, pixels.size, 65536):
        part = pixels[begin : begin + 65536]
        some = np.uint32(0)
        some_squares = np.uint32(0)
        for i in range(part.size):
            value = np.uint32(part[i])
            some = np.uint32(some + value)
            some_squares = np.uint32(some_squares + np.uint32(value * value))
        total += np.uint64(some)
        squares += np.uint64(some_squares)
    return total, squares


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
