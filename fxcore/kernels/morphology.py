"""Morphology with rectangular structuring elements, on the runs of a mask.

A rectangle separates: along the rows each run grows or shrinks; along the columns an output row is
the union (dilation) or intersection (erosion) of the rows in its window, built by doubling the window.
Pixels outside the image never decide: they are background to a dilation and foreground to an
erosion, as with the default border value of OpenCV's ``morphologyEx``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_integer, as_threads
from fxcore.kernels._jit import kernel
from fxcore.kernels.runs import Runs, as_runs, from_bands


def dilate_rectangle(runs: Runs, height: int, width: int, *, threads: int = 1) -> Runs:
    """Dilate a mask with a rectangle of odd `height` and `width`, centred.

    Cost: 2 + log2(height) passes over the runs and the rows.

    Parameters
    ----------
    runs : Runs
    height, width : int
        Sides of the rectangle, odd; one larger than the mask reaches to its far border.
    threads : int
        How many threads share the rows, this one included; the result is the same.

    Raises
    ------
    ParameterError
        If a side is not an odd positive integer.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask, runs_to_mask
    >>> dot = runs_from_mask(np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], np.uint8))
    >>> runs_to_mask(dilate_rectangle(dot, height=1, width=3)) // 255
    array([[0, 0, 0, 0],
           [0, 1, 1, 1],
           [0, 0, 0, 0]], dtype=uint8)
    """
    return _apply(runs, height, width, threads, dilations=(True,))


def erode_rectangle(runs: Runs, height: int, width: int, *, threads: int = 1) -> Runs:
    """Erode a mask with a rectangle of odd `height` and `width`, centred.

    Cost: 2 + log2(height) passes over the runs and the rows.

    Parameters
    ----------
    runs : Runs
    height, width : int
        Sides of the rectangle, odd; one larger than the mask reaches to its far border.
    threads : int
        How many threads share the rows, this one included; the result is the same.

    Raises
    ------
    ParameterError
        If a side is not an odd positive integer.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask
    >>> bar = runs_from_mask(np.array([[0, 1, 1, 1, 1]], np.uint8))
    >>> eroded = erode_rectangle(bar, height=1, width=3)
    >>> eroded.start.tolist(), eroded.stop.tolist()
    ([2], [5])
    """
    return _apply(runs, height, width, threads, dilations=(False,))


def close_rectangle(runs: Runs, height: int, width: int, *, threads: int = 1) -> Runs:
    """Dilate, then erode: fills gaps and holes that the rectangle does not fit into.

    Cost: 4 + 2 log2(height) passes over the runs and the rows.

    Parameters
    ----------
    runs : Runs
    height, width : int
        Sides of the rectangle, odd; one larger than the mask reaches to its far border.
    threads : int
        How many threads share the rows, this one included; the result is the same.

    Raises
    ------
    ParameterError
        If a side is not an odd positive integer.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask
    >>> gap = runs_from_mask(np.array([[1, 1, 0, 1, 0, 0, 0, 1]], np.uint8))
    >>> closed = close_rectangle(gap, height=1, width=3)
    >>> closed.start.tolist(), closed.stop.tolist()
    ([0, 7], [4, 8])
    """
    return _apply(runs, height, width, threads, dilations=(True, False))


def open_rectangle(runs: Runs, height: int, width: int, *, threads: int = 1) -> Runs:
    """Erode, then dilate: removes what the rectangle does not fit into.

    Cost: 4 + 2 log2(height) passes over the runs and the rows.

    Parameters
    ----------
    runs : Runs
    height, width : int
        Sides of the rectangle, odd; one larger than the mask reaches to its far border.
    threads : int
        How many threads share the rows, this one included; the result is the same.

    Raises
    ------
    ParameterError
        If a side is not an odd positive integer.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask
    >>> hair = runs_from_mask(np.array([[0, 1, 0, 1, 1, 1, 0]], np.uint8))
    >>> opened = open_rectangle(hair, height=1, width=3)
    >>> opened.start.tolist(), opened.stop.tolist()
    ([3], [6])
    """
    return _apply(runs, height, width, threads, dilations=(False, True))


def _half(side: Any, name: str) -> int:
    size = as_integer(side, 1, MOST_PIXELS, name)
    if size % 2 == 0:
        raise ParameterError(f"{name} must be odd, so that the rectangle has a centre, not {size}")
    return size // 2


def _apply(runs: Runs, height: int, width: int, threads: int, dilations: tuple[bool, ...]) -> Runs:
    """Dilate (True) or erode (False) once for each of `dilations`."""
    rows, cols = as_runs(runs).shape
    # A window reaches no farther than the whole image does.
    down = min(_half(height, "height"), max(rows - 1, 0))
    across = min(_half(width, "width"), cols)
    reach = down * len(dilations)

    def work(begin: int, end: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        # Rows as far as `reach` decide; what is wrong at a cut border goes no farther either.
        first, last = max(begin - reach, 0), min(end + reach, rows)
        row_start, start, stop = runs.row_start[first : last + 1], runs.start, runs.stop
        for dilate in dilations:
            row_start, start, stop = _rectangle(row_start, start, stop, down, across, cols, dilate)
        row_start = row_start[begin - first : end - first + 1]
        low, high = row_start[0], row_start[-1]
        return row_start - low, start[low:high], stop[low:high]

    # Bands small beside what they need from their neighbours would be no gain.
    threads = min(as_threads(threads), max(1, rows // (4 * reach + 1)))
    if threads == 1:
        row_start, start, stop = runs.row_start, runs.start, runs.stop
        for dilate in dilations:
            row_start, start, stop = _rectangle(row_start, start, stop, down, across, cols, dilate)
        return Runs(runs.shape, row_start, start, stop)
    row_bytes = 64 + 64 * len(runs) // rows  # a run takes as long as some 64 pixels elsewhere
    return from_bands(runs.shape, work, row_bytes, threads, each=1)


@kernel
def _rectangle(row_start, start, stop, down, across, cols, dilate):
    """Dilate or erode with a rectangle of half height `down` and half width `across`.

    With ``w[r]`` the combination of rows ``r .. r + n - 1``, ``w[r]`` and ``w[r + s]`` give n + s rows
    for any s up to n: the window at least doubles until it reaches down far enough; one more step,
    upwards, makes it symmetric. Rows past the border are clamped to it: what the clamped window
    covers belongs to the wanted window, and combining a row twice changes nothing.
    """
    if dilate:
        row_start, start, stop = _widen(row_start, start, stop, across, cols)
    else:
        row_start, start, stop = _narrow(row_start, start, stop, across, cols)
    below = 0
    while below < down:
        shift = min(below + 1, down - below)
        below += shift
        row_start, start, stop = _combine(row_start, start, stop, shift, dilate)
    if down > 0:
        row_start, start, stop = _combine(row_start, start, stop, -down, dilate)
    return row_start, start[: row_start[-1]].copy(), stop[: row_start[-1]].copy()


@kernel
def _widen(row_start, start, stop, half, cols):
    """Grow each run by `half` at both ends, within the row, and join those that meet."""
    rows = row_start.size - 1
    new_row_start = np.empty(rows + 1, np.int32)
    new_start = np.empty(row_start[rows] - row_start[0], np.int32)
    new_stop = np.empty_like(new_start)
    n = 0
    for r in range(rows):
        new_row_start[r] = n
        first = n
        for i in range(row_start[r], row_start[r + 1]):
            a = max(start[i] - half, 0)
            b = min(stop[i] + half, cols)
            if n > first and a <= new_stop[n - 1]:
                new_stop[n - 1] = b
            else:
                new_start[n] = a
                new_stop[n] = b
                n += 1
    new_row_start[rows] = n
    return new_row_start, new_start, new_stop


@kernel
def _narrow(row_start, start, stop, half, cols):
    """Shrink each run by `half` at the ends that do not lie on the border; drop what vanishes."""
    rows = row_start.size - 1
    new_row_start = np.empty(rows + 1, np.int32)
    new_start = np.empty(row_start[rows] - row_start[0], np.int32)
    new_stop = np.empty_like(new_start)
    n = 0
    for r in range(rows):
        new_row_start[r] = n
        for i in range(row_start[r], row_start[r + 1]):
            a = start[i] + half if start[i] > 0 else 0
            b = stop[i] - half if stop[i] < cols else cols
            if a < b:
                new_start[n] = a
                new_stop[n] = b
                n += 1
    new_row_start[rows] = n
    return new_row_start, new_start, new_stop


@kernel
def _combine(row_start, start, stop, shift, union):
    """Unite or intersect each row with the row `shift` below it, clamped to the last or first row."""
    rows = row_start.size - 1
    # Of each row and the one below it; the first or the last row takes the place of those that lack.
    edge = rows - 1 if shift > 0 else 0
    most = 2 * (row_start[rows] - row_start[0]) + abs(shift) * (row_start[edge + 1] - row_start[edge])
    new_row_start = np.empty(rows + 1, np.int32)
    new_start = np.empty(most, np.int32)
    new_stop = np.empty(most, np.int32)
    n = 0
    for r in range(rows):
        new_row_start[r] = n
        first = n
        other = min(max(r + shift, 0), rows - 1)
        a = row_start[r]
        a_end = row_start[r + 1]
        b = row_start[other]
        b_end = row_start[other + 1]
        if union:
            while a < a_end or b < b_end:
                if b == b_end or (a < a_end and start[a] <= start[b]):
                    low = start[a]
                    high = stop[a]
                    a += 1
                else:
                    low = start[b]
                    high = stop[b]
                    b += 1
                if n > first and low <= new_stop[n - 1]:
                    new_stop[n - 1] = max(new_stop[n - 1], high)
                else:
                    new_start[n] = low
                    new_stop[n] = high
                    n += 1
        else:
            while a < a_end and b < b_end:
                low = max(start[a], start[b])
                high = min(stop[a], stop[b])
                if low < high:
                    new_start[n] = low
                    new_stop[n] = high
                    n += 1
                if stop[a] < stop[b]:
                    a += 1
                else:
                    b += 1
    new_row_start[rows] = n
    return new_row_start, new_start, new_stop
