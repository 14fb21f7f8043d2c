"""The runs of a mask: for each row, where the foreground starts and stops.

The mask of a hand on 2500 × 3000 pixels is about six thousand runs. All that follows (components,
morphology, moments) works on those instead of on 7.5 million pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import ONE, ZERO, bits_above, count_ones, trailing_zeros
from fxcore.kernels._check import MOST_PIXELS, as_image, as_integer, as_threads
from fxcore.kernels._jit import kernel
from fxcore.kernels._threads import share


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

    All three are C-contiguous. Types, sizes and ends are checked whenever runs are made; what is in the
    arrays is trusted, because the kernels make it: build runs of your own with `Runs.checked`.

    Raises
    ------
    ParameterError
        If the arrays do not fit each other or the shape.
    """

    shape: tuple[int, int]
    row_start: NDArray[np.int32]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Refuse arrays through which a kernel would reach outside them."""
        arrays = (self.row_start, self.start, self.stop)
        if any(a.dtype != np.int32 or a.ndim != 1 or not a.flags.c_contiguous for a in arrays):
            raise ParameterError("row_start, start and stop must be C-contiguous int32 of one dimension")
        rows = self.row_start.size - 1
        if rows != self.shape[0] or self.row_start[0] != 0:
            raise ParameterError(
                f"row_start must have {self.shape[0] + 1} entries and begin with 0, for {self.shape[0]} rows"
            )
        if not self.row_start[rows] == self.start.size == self.stop.size:
            raise ParameterError(
                f"row_start ends with {self.row_start[rows]}, but there are {self.start.size} starts and "
                f"{self.stop.size} stops"
            )

    @classmethod
    def checked(cls, shape: tuple[int, int], row_start: Any, start: Any, stop: Any) -> Runs:
        """Build runs from arrays made elsewhere, after a look at every one of them.

        Raises
        ------
        ParameterError
            If they are not what this class describes: which row is wrong, and why.

        Examples
        --------
        >>> len(Runs.checked((2, 9), [0, 2, 2], [0, 4], [3, 9]))
        2
        >>> Runs.checked((2, 9), [0, 2, 2], [0, 3], [3, 9])
        Traceback (most recent call last):
        fxcore.errors.ParameterError: the runs of row 0 are empty, out of order, touching or outside 0..9
        """
        rows = as_integer(shape[0], 0, MOST_PIXELS, "rows")
        cols = as_integer(shape[1], 0, MOST_PIXELS, "columns")
        arrays = [np.array(a) for a in (row_start, start, stop)]
        for array in arrays:
            if array.size and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() > MOST_PIXELS):
                raise ParameterError(f"runs are described by integers in 0..{MOST_PIXELS}")
        runs = cls((rows, cols), *(array.astype(np.int32) for array in arrays))
        if (np.diff(runs.row_start) < 0).any():
            raise ParameterError("row_start must not decrease from one row to the next")
        wrong = _first_wrong_row(runs.row_start, runs.start, runs.stop, cols)
        if wrong >= 0:
            raise ParameterError(
                f"the runs of row {wrong} are empty, out of order, touching or outside 0..{cols}"
            )
        return runs

    def __len__(self) -> int:
        """Return the number of runs."""
        return int(self.start.size)


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
        lambda begin, end: _scan(pixels[begin:end], limit),
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


def runs_to_mask(runs: Runs) -> NDArray[np.uint8]:
    """Return the mask of `runs`: ``uint8``, shape ``runs.shape``, foreground 255, background 0.

    Cost: writes the mask once, the foreground twice.

    Examples
    --------
    >>> runs_to_mask(Runs.checked((2, 4), [0, 1, 1], [1], [3]))
    array([[  0, 255, 255,   0],
           [  0,   0,   0,   0]], dtype=uint8)
    """
    mask = np.zeros(runs.shape, np.uint8)
    _paint(mask, runs.row_start, runs.start, runs.stop)
    return mask


def from_bands(
    shape: tuple[int, int],
    work: Callable[[int, int], tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]],
    row_bytes: int,
    threads: int,
    each: int = 2,
) -> Runs:
    """Return the runs of a mask of which ``work(begin, end)`` gives those of the rows begin..end-1.

    `row_bytes` and `each` are those of `share`.
    """
    if threads == 1:
        return Runs(shape, *work(0, shape[0]))
    bands = {}

    def worker(pieces: Iterator[tuple[int, int]]) -> None:
        for begin, end in pieces:
            bands[begin] = work(begin, end)

    share(worker, shape[0], row_bytes, threads, each=each)
    parts = [bands[begin] for begin in sorted(bands)]
    if len(parts) == 1:
        return Runs(shape, *parts[0])
    row_start = np.zeros(shape[0] + 1, np.int32)
    begin = before = 0
    for part, start, _ in parts:
        np.add(part, before, out=row_start[begin : begin + part.size])
        begin += part.size - 1
        before += start.size
    return Runs(
        shape, row_start, np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts])
    )


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
            # A hand has six thousand runs, noise millions: guess, and count only where the guess fails.
            more = np.empty(n + _most_edges(image[r:], threshold), np.int32)
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


@kernel
def _first_wrong_row(row_start, start, stop, cols):
    """Return the first row whose runs are not stretches of 0..cols with gaps between, or -1."""
    for r in range(row_start.size - 1):
        free = 0
        for i in range(row_start[r], row_start[r + 1]):
            if start[i] < free or stop[i] <= start[i] or stop[i] > cols:
                return r
            free = stop[i] + 1
    return -1


@kernel
def _paint(mask, row_start, start, stop):
    """Set the pixels of the runs to 255."""
    for r in range(mask.shape[0]):
        row = mask[r]
        for i in range(row_start[r], row_start[r + 1]):
            for c in range(start[i], stop[i]):
                row[c] = 255
