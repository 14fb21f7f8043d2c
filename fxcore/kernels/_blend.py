"""Bilinear interpolation along a straight line through an image, of which every neighbour exists."""

from __future__ import annotations

import numpy as np
from numba.extending import overload

from fxcore.kernels._bits import pixel_pair, prefetch_to_read
from fxcore.kernels._jit import kernel

BLOCK = 1024  # pixels of a line done together, and how far a position may lie from the first
POSITION = 20  # fraction bits of a position; steps are rounded to them
AHEAD = 32  # lines: how early their pixels are asked for
MARGIN = 2.0**-10  # more than positions can be off after a block (1024 · 2^-21)
_EVERY = 8  # pixels of which one is asked for: eight lines in a row ask for all, long before AHEAD
_WEIGHT = 11  # fraction bits of a weight: 8 + 2 · 11 bits fit a signed 32-bit integer
_VECTOR = 64  # pixels of one step of a compiled loop, and a divisor of a block


@kernel
def blend(pixels, line, base, stride, x0, y0, x_step, y_step, scratch):
    """Interpolate `line` (n,), n up to BLOCK, from an image given as `pixels` (rows * stride,).

    Pixel j lies ``x0 + j x_step`` columns and ``y0 + j y_step`` rows from ``pixels[base]``, in units
    of 2^-POSITION; `scratch` is ``uint32``, shape ``(3, BLOCK)``.

    Short loops instead of one: the first and the last become vector instructions, the loads in
    between cannot. The first runs on to a whole number of vectors, over pixels nobody looks at.
    """
    whole = (line.size + _VECTOR - 1) // _VECTOR * _VECTOR
    offset = scratch[2].view(np.int32)
    for j in range(whole):
        x = np.int32(x0 + np.int32(j) * x_step)
        y = np.int32(y0 + np.int32(j) * y_step)
        offset[j] = np.int32(np.int32(y >> POSITION) * stride + np.int32(x >> POSITION))
    _blend(pixels, line, base, stride, x0, y0, x_step, y_step, scratch[0], scratch[1], offset)


@kernel
def ask_ahead(pixels, base, stride, x0, y0, x_step, y_step, number, count):
    """Prefetch what line `number`, of `count` pixels, will need: one pixel in a few, others each time.

    A rotated image is read along lines that no hardware foresees; waiting for memory would take
    longer than the arithmetic. Which pixels it is goes by the reversed bits of `number`: taken in
    their order, they would at some angle lie in the same few rows of the image time after time.
    """
    phase = ((number & 1) << 2) | (number & 2) | ((number >> 2) & 1)
    for j in range(phase, count, _EVERY):
        x = np.int32(x0 + np.int32(j) * x_step)
        y = np.int32(y0 + np.int32(j) * y_step)
        prefetch_to_read(pixels, base + np.int64(y >> POSITION) * stride + np.int64(x >> POSITION))


def _blend(pixels, line, base, stride, x0, y0, x_step, y_step, upper, lower, offset):
    """Load the neighbours of each pixel and interpolate."""
    raise NotImplementedError("chosen by the type of the pixels when compiled")


def _blend_8_bits(pixels, line, base, stride, x0, y0, x_step, y_step, upper, lower, offset):
    mask = np.int32((1 << _WEIGHT) - 1)
    half = np.int32(1 << (2 * _WEIGHT - 1))
    byte = np.uint32(255)
    for j in range(line.size):
        place = base + offset[j]
        below = np.uint32(pixel_pair(pixels, place + stride))
        upper[j] = np.uint32(pixel_pair(pixels, place)) | np.uint32(below << np.uint32(16))
    for j in range(line.size):
        x = np.int32(x0 + np.int32(j) * x_step)
        y = np.int32(y0 + np.int32(j) * y_step)
        x_weight = np.int32(np.int32(x >> (POSITION - _WEIGHT)) & mask)
        y_weight = np.int32(np.int32(y >> (POSITION - _WEIGHT)) & mask)
        four = upper[j]
        a = np.int32(four & byte)
        b = np.int32(np.uint32(four >> np.uint32(8)) & byte)
        c = np.int32(np.uint32(four >> np.uint32(16)) & byte)
        d = np.int32(np.uint32(four >> np.uint32(24)))
        top = np.int32(np.int32(a << _WEIGHT) + np.int32(np.int32(b - a) * x_weight))
        bottom = np.int32(np.int32(c << _WEIGHT) + np.int32(np.int32(d - c) * x_weight))
        value = np.int32(np.int32(top << _WEIGHT) + np.int32(np.int32(bottom - top) * y_weight))
        line[j] = np.uint8(np.int32(value + half) >> (2 * _WEIGHT))


def _blend_16_bits(pixels, line, base, stride, x0, y0, x_step, y_step, upper, lower, offset):
    mask = np.int32((1 << POSITION) - 1)
    unit = np.float32(2.0**-POSITION)
    half = np.float32(0.5)
    low = np.uint32(65535)
    for j in range(line.size):
        place = base + offset[j]
        upper[j] = pixel_pair(pixels, place)
        lower[j] = pixel_pair(pixels, place + stride)
    for j in range(line.size):
        x = np.int32(x0 + np.int32(j) * x_step)
        y = np.int32(y0 + np.int32(j) * y_step)
        x_weight = np.float32(np.int32(x & mask)) * unit
        y_weight = np.float32(np.int32(y & mask)) * unit
        a = np.float32(np.int32(upper[j] & low))
        b = np.float32(np.int32(upper[j] >> np.uint32(16)))
        c = np.float32(np.int32(lower[j] & low))
        d = np.float32(np.int32(lower[j] >> np.uint32(16)))
        top = a + (b - a) * x_weight
        bottom = c + (d - c) * x_weight
        line[j] = np.uint16(np.int32(top + (bottom - top) * y_weight + half))


@overload(_blend)
def _choose(pixels, line, base, stride, x0, y0, x_step, y_step, upper, lower, offset):
    return _blend_8_bits if pixels.dtype.bitwidth == 8 else _blend_16_bits
