"""Rotation of a grey image, bilinear, on a canvas that cuts nothing."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import pixel_pair
from fxcore.kernels._check import MOST_PIXELS, as_image, as_integer
from fxcore.kernels._jit import kernel

_BLOCK = 512  # columns of output done together: the source lines they touch stay in the first-level cache
_POSITION = 20  # fraction bits of a position relative to the block
_WEIGHT = 11  # fraction bits of a weight: 8 + 2 · 11 bits fit a signed 32-bit integer
_VECTOR = 64  # pixels of one step of a compiled loop, and a divisor of a block
_QUARTER = 1e-10  # degrees: closer to a quarter turn than that, no pixel moves by a millionth
_MARGIN = 2.0**-10  # more than positions can be off after a block (512 · 2^-21)


def rotate(image: NDArray[np.uint8], degrees: float, fill: int = 0) -> NDArray[np.uint8]:
    """Rotate an image about its centre, counter-clockwise as seen on a screen.

    The direction is that of ``numpy.rot90``, whose result multiples of 90 degrees give exactly;
    ``rotate(image, principal_axis(runs).angle_degrees)`` makes the axis vertical.

    Each output pixel is interpolated bilinearly at its place in the source, around which lies `fill`
    without end. The canvas is the smallest that holds all source pixels as squares, and shares its
    centre with the source.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``, not empty.
    degrees : float
        Any finite angle.
    fill : int
        Grey level outside the source.

    Returns
    -------
    numpy.ndarray
        ``uint8``, freshly allocated; each pixel within one grey level of exact interpolation.

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
    pixels = as_image(image, np.uint8)
    level = as_integer(fill, 0, 255, "fill")
    if pixels.size == 0:
        raise ParameterError(f"an image of shape {pixels.shape} cannot be rotated: it has no pixels")
    if not math.isfinite(degrees):
        raise ParameterError(f"degrees must be finite, not {degrees}")
    turn = math.fmod(degrees, 360.0)
    quarters = round(turn / 90.0)
    if abs(turn - 90.0 * quarters) < _QUARTER:
        return np.rot90(pixels, quarters).copy(order="C")
    rows, cols = pixels.shape
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    out_rows, out_cols = canvas(rows, cols, cosine, sine)
    if out_rows * out_cols > MOST_PIXELS:
        raise ParameterError(f"rotated by {degrees} degrees, {rows} × {cols} has too many pixels")
    out = np.empty((out_rows, out_cols), np.uint8)
    _rotate(pixels, out, cosine, sine, np.uint8(level))
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
    return np.uint8(total + 0.5)


@kernel
def _rotate(image, out, cosine, sine, fill):
    """Fill `out` with `image` rotated by the angle of (cosine, sine), counter-clockwise."""
    rows, cols = image.shape
    out_rows, out_cols = out.shape
    pixels = image.reshape(-1)
    offset = np.empty(_BLOCK, np.int32)
    upper = np.zeros(_BLOCK, np.uint16)
    lower = np.zeros(_BLOCK, np.uint16)
    levels = np.empty(_BLOCK, np.uint8)
    unit = 1 << _POSITION
    x_step = np.int32(round(cosine * unit))
    y_step = np.int32(round(sine * unit))
    stride = np.int32(cols)
    x_inverse = 1.0 / cosine
    y_inverse = 1.0 / sine
    for left in range(0, out_cols, _BLOCK):
        width = min(_BLOCK, out_cols - left)
        u = left - 0.5 * (out_cols - 1)
        for r in range(out_rows):
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
            xa, xb = _inside(x0, x_inverse, _MARGIN, cols - 1 - _MARGIN, width)
            ya, yb = _inside(y0, y_inverse, _MARGIN, rows - 1 - _MARGIN, width)
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
            n = end - begin
            if n == 0:
                continue
            x0 += begin * cosine
            y0 += begin * sine
            col = math.floor(x0)
            row = math.floor(y0)
            base = np.int64(row) * cols + np.int64(col)
            x_part = np.int32((x0 - col) * unit)
            y_part = np.int32((y0 - row) * unit)
            _blend(
                pixels,
                line[begin:end],
                base,
                stride,
                x_part,
                y_part,
                x_step,
                y_step,
                offset,
                upper,
                lower,
                levels,
            )


@kernel
def _blend(pixels, line, base, stride, x0, y0, x_step, y_step, offset, upper, lower, levels):
    """Interpolate a stretch of pixels whose neighbours all lie in the image.

    Short loops instead of one: the first and the last become vector instructions, the loads in
    between cannot. Those two run on to a whole number of vectors, over pixels nobody looks at: the
    last few one by one would take longer than all others.
    """
    whole = (line.size + _VECTOR - 1) // _VECTOR * _VECTOR
    mask = np.int32((1 << _WEIGHT) - 1)
    half = np.int32(1 << (2 * _WEIGHT - 1))
    for j in range(whole):
        x = np.int32(x0 + np.int32(j) * x_step)
        y = np.int32(y0 + np.int32(j) * y_step)
        offset[j] = np.int32(np.int32(y >> _POSITION) * stride + np.int32(x >> _POSITION))
    for j in range(line.size):
        place = base + offset[j]
        upper[j] = pixel_pair(pixels, place)
        lower[j] = pixel_pair(pixels, place + stride)
    for j in range(whole):
        x = np.int32(x0 + np.int32(j) * x_step)
        y = np.int32(y0 + np.int32(j) * y_step)
        x_weight = np.int32(np.int32(x >> (_POSITION - _WEIGHT)) & mask)
        y_weight = np.int32(np.int32(y >> (_POSITION - _WEIGHT)) & mask)
        a = np.int32(upper[j] & 255)
        b = np.int32(upper[j] >> 8)
        c = np.int32(lower[j] & 255)
        d = np.int32(lower[j] >> 8)
        top = np.int32(np.int32(a << _WEIGHT) + np.int32(np.int32(b - a) * x_weight))
        bottom = np.int32(np.int32(c << _WEIGHT) + np.int32(np.int32(d - c) * x_weight))
        value = np.int32(np.int32(top << _WEIGHT) + np.int32(np.int32(bottom - top) * y_weight))
        levels[j] = np.uint8(np.int32(value + half) >> (2 * _WEIGHT))
    for j in range(line.size):
        line[j] = levels[j]
