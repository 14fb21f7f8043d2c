"""Rotation of a grey image, bilinear, on a canvas that cuts nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import prefetch_to_write
from fxcore.kernels._blend import AHEAD, BLOCK, MARGIN, POSITION, ask_ahead, blend
from fxcore.kernels._check import MOST_PIXELS, as_finite, as_image, as_integer, as_threads
from fxcore.kernels._jit import kernel
from fxcore.kernels._quarters import quarter_turns
from fxcore.kernels._threads import share

_QUARTER = 1e-10  # degrees: closer to a quarter turn than that, no pixel moves by a millionth


def rotate(image: NDArray[Any], degrees: float, fill: int = 0, *, threads: int = 1) -> NDArray[Any]:
    """Rotate an image about its centre, counter-clockwise as seen on a screen.

    The direction is that of ``numpy.rot90``, whose result multiples of 90 degrees give exactly;
    ``rotate(image, principal_axis(runs).angle_degrees)`` makes the axis vertical.

    Each output pixel is interpolated bilinearly at its place in the source, around which lies `fill`
    without end. The canvas is the smallest that holds all source pixels as squares, and shares its
    centre with the source.

    Cost: reads the image once and writes the canvas once, some two clock cycles a pixel; multiples of
    90 degrees cost two or three copies.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``, not empty.
    degrees : float
        Any finite angle.
    fill : int
        Grey level outside the source, in the range of the image's type.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

    Returns
    -------
    numpy.ndarray
        The type of `image`, freshly allocated; each pixel within 0.51 levels of exact interpolation in 8 bits
        and 0.53 in 16, of which half a level is the rounding to integers.

    Raises
    ------
    ParameterError
        For another shape or type, an empty image, an angle that is not finite, a `fill` out of range.

    Examples
    --------
    >>> rotate(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), 90)
    array([[3, 6],
           [2, 5],
           [1, 4]], dtype=uint8)
    """
    pixels = as_image(image, np.uint8, np.uint16)
    level = as_integer(fill, 0, int(np.iinfo(pixels.dtype).max), "fill")
    threads = as_threads(threads)
    if pixels.size == 0:
        raise ParameterError(f"an image of shape {pixels.shape} cannot be rotated: it has no pixels")
    turn = math.fmod(as_finite(degrees, "degrees"), 360.0)
    quarters = round(turn / 90.0)
    if abs(turn - 90.0 * quarters) < _QUARTER:
        return quarter_turns(pixels, quarters, threads)
    rows, cols = pixels.shape
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    out_rows, out_cols = canvas(rows, cols, cosine, sine)
    if out_rows * out_cols > MOST_PIXELS:
        raise ParameterError(
            f"rotated by {degrees} degrees, {rows} × {cols} pixels fill {out_rows} × {out_cols}, "
            f"which are {out_rows * out_cols}; {MOST_PIXELS} are the most allowed"
        )
    out = np.empty((out_rows, out_cols), pixels.dtype)

    def worker(pieces: Iterator[tuple[int, int]]) -> None:
        for begin, end in pieces:
            _rotate(pixels, out, begin, end, cosine, sine, pixels.dtype.type(level))

    share(worker, out_rows, out_cols * pixels.itemsize, threads)
    return out


def canvas(rows: int, cols: int, cosine: float, sine: float) -> tuple[int, int]:
    """Return rows and columns of the smallest canvas that holds the rotated squares of all pixels."""
    slack = 1e-9  # an exact integer must not become the next one by rounding
    return (
        math.ceil(rows * abs(cosine) + cols * abs(sine) - slack),
        math.ceil(cols * abs(cosine) + rows * abs(sine) - slack),
    )


@kernel
def _inside(origin, inverse, low, high, width):
    """Return the first and the last + 1 of those j in 0..width-1 with low <= origin + j/inverse <= high."""
    if low > high:
        return 0, 0
    a = (low - origin) * inverse
    b = (high - origin) * inverse
    first = math.ceil(min(max(min(a, b), 0.0), float(width)))
    last = math.floor(max(min(max(a, b), width - 1.0), -1.0)) + 1
    return first, max(first, last)


@kernel
def _sample(image, y, x, fill):
    """Interpolate `image`, surrounded by `fill`, at row `y` and column `x`."""
    rows, cols = image.shape
    row = math.floor(y)
    col = math.floor(x)
    total = 0.0
    for i in range(2):
        for j in range(2):
            r = row + i
            c = col + j
            value = np.float64(image[r, c]) if 0 <= r < rows and 0 <= c < cols else np.float64(fill)
            total += value * (1.0 - abs(y - r)) * (1.0 - abs(x - c))
    return np.uint16(total + 0.5)


@kernel
def _rotate(image, out, first_row, last_row, cosine, sine, fill):
    """Fill rows first_row..last_row-1 of `out` with `image` rotated by the angle of (cosine, sine).

    The output is done in blocks of columns: the source lines that a stretch of a row touches are
    those of the row before, moved by a pixel, and stay in the fastest cache.
    """
    rows, cols = image.shape
    out_rows, out_cols = out.shape
    pixels = image.reshape(-1)
    canvas = out.reshape(-1)
    neighbours = np.zeros((2, BLOCK), np.uint32)
    offset = np.zeros(BLOCK, np.int32)
    weights = np.zeros((2, BLOCK), np.float32)
    unit = 1 << POSITION
    line_of_cache = 64 // image.itemsize
    x_step = np.int64(round(cosine * unit))
    y_step = np.int64(round(sine * unit))
    stride = np.int32(cols)
    x_inverse = 1.0 / cosine
    y_inverse = 1.0 / sine
    for left in range(0, out_cols, BLOCK):
        width = min(BLOCK, out_cols - left)
        u = left - 0.5 * (out_cols - 1)
        for r in range(first_row, last_row):
            v = r - 0.5 * (out_rows - 1)
            x0 = u * cosine - v * sine + 0.5 * (cols - 1)
            y0 = u * sine + v * cosine + 0.5 * (rows - 1)
            line = out[r, left : left + width]
            # Some of the four neighbours lie in the image ...
            xa, xb = _inside(x0, x_inverse, -1.0, float(cols), width)
            ya, yb = _inside(y0, y_inverse, -1.0, float(rows), width)
            first = max(xa, ya)
            last = max(min(xb, yb), first)
            # ... or all of them do.
            xa, xb = _inside(x0, x_inverse, MARGIN, cols - 1 - MARGIN, width)
            ya, yb = _inside(y0, y_inverse, MARGIN, rows - 1 - MARGIN, width)
            begin = min(max(xa, ya, first), last)
            end = max(min(xb, yb, last), begin)
            for j in range(first):
                line[j] = fill
            for j in range(first, begin):
                line[j] = _sample(image, y0 + j * sine, x0 + j * cosine, fill)
            for j in range(end, last):
                line[j] = _sample(image, y0 + j * sine, x0 + j * cosine, fill)
            for j in range(last, width):
                line[j] = fill
            ahead = (r + AHEAD) * out_cols + left
            for j in range(0, width, line_of_cache):
                prefetch_to_write(canvas, ahead + j)
            if begin == end:
                continue
            x0 += begin * cosine
            y0 += begin * sine
            col = math.floor(x0)
            row = math.floor(y0)
            base = np.int64(row) * cols + np.int64(col)
            x0 -= col
            y0 -= row
            x_ahead = np.int64((x0 - AHEAD * sine) * unit)
            y_ahead = np.int64((y0 + AHEAD * cosine) * unit)
            ask_ahead(pixels, base, stride, x_ahead, y_ahead, x_step, y_step, r, end - begin)
            blend(
                pixels,
                line[begin:end],
                base,
                stride,
                np.int64(x0 * unit),
                np.int64(y0 * unit),
                x_step,
                y_step,
                neighbours,
                offset,
                weights,
            )
