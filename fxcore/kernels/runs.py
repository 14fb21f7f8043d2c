"""The runs of a mask: for each row, where the foreground starts and stops.

The mask of a hand on 2500 × 3000 pixels is about six thousand runs. All that follows (components,
morphology, moments) works on those instead of on 7.5 million pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import ONE, ZERO, bits_above, trailing_zeros
from fxcore.kernels._check import as_image, as_integer
from fxcore.kernels._jit import kernel


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """A mask as its runs: longest stretches of foreground in a row, in raster order.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the mask.
    row_start : numpy.ndarray
        ``int32``, shape ``(rows + 1,)``: the runs of row ``r`` are ``row_start[r]`` up to, and not
        with, ``row_start[r + 1]``.
    start, stop : numpy.ndarray
        ``int32``, shape ``(n,)``: first column of each run and the column after its last. Between two
        runs of a row there is at least one pixel of background.
    """

    shape: tuple[int, int]
    row_start: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of runs."""
        return int(self.start.size)


def runs_from_image(image: NDArray[Any], threshold: int) -> Runs:
    """Return the runs of ``image > threshold``.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.
    threshold : int
        Grey level in the range of the image's type.

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
    row_start, start, stop = _scan(pixels, pixels.dtype.type(level))
    return Runs((pixels.shape[0], pixels.shape[1]), row_start, start, stop)


def runs_from_mask(mask: NDArray[Any]) -> Runs:
    """Return the runs of a mask: ``uint8`` or ``bool``, shape ``(rows, columns)``, foreground not 0.

    Raises
    ------
    ParameterError
        For another shape or type.
    """
    pixels = as_image(mask, np.uint8, np.bool_, name="mask")
    return runs_from_image(pixels.view(np.uint8), 0)


def runs_to_mask(runs: Runs) -> NDArray[np.uint8]:
    """Return the mask of `runs`: ``uint8``, shape ``runs.shape``, foreground 255, background 0."""
    mask = np.zeros(runs.shape, np.uint8)
    _paint(mask, runs.row_start, runs.start, runs.stop)
    return mask


@kernel
def _scan(image, threshold):
    """Find the edges of ``image > threshold``; returns row_start, start and stop."""
    rows, cols = image.shape
    tail = cols % 64
    row_start = np.empty(rows + 1, np.int32)
    edges = np.empty(8 * rows + 2 * cols + 2, np.int32)  # start, stop, start, stop, ...
    n = 0
    for r in range(rows):
        row_start[r] = n >> 1
        if n + cols + 1 > edges.size:
            # Noise has millions of runs, a hand six thousand: grow rather than count first.
            more = np.empty(2 * edges.size, np.int32)
            more[:n] = edges[:n]
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
    return row_start, edges[0:n:2].copy(), edges[1:n:2].copy()


@kernel
def _paint(mask, row_start, start, stop):
    """Set the pixels of the runs to 255."""
    for r in range(mask.shape[0]):
        row = mask[r]
        for i in range(row_start[r], row_start[r + 1]):
            for c in range(start[i], stop[i]):
                row[c] = 255
