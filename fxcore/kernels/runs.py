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
from fxcore.kernels._check import MOST_PIXELS, as_integer
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


def as_runs(runs: Any) -> Runs:
    """Return `runs`, if that is what they are.

    Raises
    ------
    ParameterError
        If not: a mask, as likely as not.
    """
    if not isinstance(runs, Runs):
        raise ParameterError(
            f"runs must be Runs, not {type(runs).__name__}; make them of a mask by runs_from_mask"
        )
    return runs


def runs_to_mask(runs: Runs) -> NDArray[np.uint8]:
    """Return the mask of `runs`: ``uint8``, shape ``runs.shape``, foreground 255, background 0.

    Cost: writes the mask once, the foreground twice.

    Examples
    --------
    >>> runs_to_mask(Runs.checked((2, 4), [0, 1, 1], [1], [3]))
    array([[  0, 255, 255,   0],
           [  0,   0,   0,   0]], dtype=uint8)
    """
    mask = np.zeros(as_runs(runs).shape, np.uint8)
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
