"""From an image or a mask to its runs: 64 pixels compared at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import ONE, ZERO, bits_above, count_ones, trailing_zeros
from fxcore.kernels._check import as_image, as_integer, as_threads
from fxcore.kernels._jit import kernel
from fxcore.kernels.runs import Runs, from_bands


def runs_from_image(image: NDArray[Any], threshold: int, *, threads: int = 1) -> Runs:
    """Return the runs of ``image > threshold``.

    Cost: one pass over the image, 64 pixels at a time, and a few cycles for each run; memory for the
    runs that are found. The floor is one read of the image.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.
    threshold : int
        Grey level in the range of the image's type.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

    Raises
    ------
    ParameterError
        For another shape or type, or a threshold out of range.

    Examples
    --------
    >>> runs = runs_from_image(np.array([[0, 9, 9, 0, 9]], np.uint8), threshold=5)
    >>> runs.start.tolist(), runs.stop.tolist()
    ([1, 4], [3, 5])
    """
    pixels = as_image(image, np.uint8, np.uint16)
    level = as_integer(threshold, 0, int(np.iinfo(pixels.dtype).max), "threshold")
    limit = pixels.dtype.type(level)
    rows, cols = pixels.shape
    return from_bands(
        (rows, cols),
        lambda begin, end: scan(pixels[begin:end], limit),
        cols * pixels.itemsize,
        as_threads(threads),
    )


def runs_from_mask(mask: NDArray[Any], *, threads: int = 1) -> Runs:
    """Return the runs of a mask; costs what `runs_from_image` does.

    Parameters
    ----------
    mask : numpy.ndarray
        ``uint8`` or ``bool``, shape ``(rows, columns)``; foreground is what is not 0.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

    Raises
    ------
    ParameterError
        For another shape or type.

    Examples
    --------
    >>> runs = runs_from_mask(np.array([[True, True, False], [False, False, True]]))
    >>> runs.row_start.tolist(), runs.start.tolist(), runs.stop.tolist()
    ([0, 1, 2], [0, 2], [2, 3])
    """
    pixels = as_image(mask, np.uint8, np.bool_, name="mask")
    return runs_from_image(pixels.view(np.uint8), 0, threads=threads)


@kernel
def scan(image, threshold):
    """Find the edges of ``image > threshold``; returns row_start, start and stop."""
    rows, cols = image.shape
    tail = cols % 64
    row_start = np.empty(rows + 1, np.int32)
    edges = np.empty(8 * rows + 2 * cols + 2, np.int32)  # start, stop, start, stop, ...
    n = 0
    for r in range(rows):
        row_start[r] = n >> 1
        if n + cols + 1 > edges.size:
            # A hand has six thousand runs, noise millions: guess, and count only where the guess fails.
            more = np.empty(n + _most_edges(image[r:], threshold), np.int32)
            for k in range(n):
                more[k] = edges[k]
            edges = more
        row = image[r]
        last = ZERO  # whether the pixel before this word is foreground
        for c in range(0, cols - tail, 64):
            word = bits_above(row, c, threshold)
            change = word ^ ((word << ONE) | last)
            last = word >> np.uint64(63)
            while change != ZERO:
                edges[n] = c + trailing_zeros(change)
                n += 1
                change &= change - ONE
        if tail == 0:
            if last != ZERO:
                edges[n] = cols
                n += 1
            continue
        if cols >= 64:
            word = bits_above(row, cols - 64, threshold) >> np.uint64(64 - tail)
        else:
            word = ZERO
            for c in range(cols):
                if row[c] > threshold:
                    word |= ONE << np.uint64(c)
        change = word ^ ((word << ONE) | last)
        while change != ZERO:
            edges[n] = cols - tail + trailing_zeros(change)
            n += 1
            change &= change - ONE
    row_start[rows] = n >> 1
    start, stop = np.empty(n >> 1, np.int32), np.empty(n >> 1, np.int32)
    for k in range(n >> 1):
        start[k] = edges[2 * k]
        stop[k] = edges[2 * k + 1]
    return row_start, start, stop


@kernel
def _most_edges(image, threshold):
    """Count the edges of ``image > threshold``, and room for one row more than those."""
    rows, cols = image.shape
    n = cols + 1
    for r in range(rows):
        row = image[r]
        last = ZERO
        for c in range(0, cols - cols % 64, 64):
            word = bits_above(row, c, threshold)
            n += count_ones(word ^ ((word << ONE) | last))
            last = word >> np.uint64(63)
        n += cols % 64 + 1
    return n
