"""Bilinear interpolation along a straight line through an image, of which every neighbour exists."""

from __future__ import annotations

import numpy as np
from numba.extending import overload

from fxcore.kernels._bits import pixel_pair, prefetch_to_read
from fxcore.kernels._jit import kernel

BLOCK = 1024  # pixels of a line done together
POSITION = 32  # fraction bits of a position: after a block it is off by 2^-23 pixels at most
MARGIN = 2.0**-20  # more than that
AHEAD = 32  # lines: how early their pixels are asked for
_EVERY = 8  # pixels of which one is asked for: eight lines in a row ask for all, long before AHEAD
_WEIGHT = 24  # fraction bits of a weight: as many as a float32 holds


@kernel
def blend(pixels, line, base, stride, x, y, x_step, y_step, neighbours, offset, weights):
    """Interpolate `line` (n,), n up to BLOCK, from an image given as `pixels` (rows * stride,).

    Pixel j lies ``x + j x_step`` columns and ``y + j y_step`` rows from ``pixels[base]``, in units of
    2^-POSITION. For use within: `neighbours` ``uint32`` and `weights` ``float32``, shape ``(2, BLOCK)``,
    `offset` ``int32``, shape ``(BLOCK,)``.

    Short loops instead of one: the first and the last become vector instructions, the loads in
    between cannot.
    """
    x_weight = weights[0]
    y_weight = weights[1]
    unit = np.float32(2.0**-_WEIGHT)
    drop = np.uint32(POSITION - _WEIGHT)
    for j in range(line.size):
        offset[j] = np.int32(np.int32(y >> POSITION) * stride + np.int32(x >> POSITION))
        x_weight[j] = np.float32(np.int32(np.uint32(x) >> drop)) * unit
        y_weight[j] = np.float32(np.int32(np.uint32(y) >> drop)) * unit
        x += x_step
        y += y_step
    _blend(pixels, line, base, stride, offset, neighbours[0], neighbours[1], x_weight, y_weight)


@kernel
def ask_ahead(pixels, base, stride, x, y, x_step, y_step, number, count):
    """Prefetch what line `number`, of `count` pixels, will need: one pixel in a few, others each time.

    A rotated image is read along lines that no hardware foresees; waiting for memory would take
    longer than the arithmetic. Which pixels it is goes by the reversed bits of `number`: taken in
    their order, they would at some angle lie in the same few rows of the image time after time.
    """
    phase = ((number & 1) << 2) | (number & 2) | ((number >> 2) & 1)
    x += phase * x_step
    y += phase * y_step
    for _ in range(phase, count, _EVERY):
        prefetch_to_read(pixels, base + (y >> POSITION) * stride + (x >> POSITION))
        x += _EVERY * x_step
        y += _EVERY * y_step


def _blend(pixels, line, base, stride, offset, upper, lower, x_weight, y_weight):
    """Load the four neighbours of each pixel and interpolate."""
    raise NotImplementedError("chosen by the type of the pixels when compiled")


def _blend_8_bits(pixels, line, base, stride, offset, upper, lower, x_weight, y_weight):
    byte = np.uint32(255)
    half = np.float32(0.5)
    for j in range(line.size):
        place = base + offset[j]
        below = np.uint32(pixel_pair(pixels, place + stride))
        upper[j] = np.uint32(pixel_pair(pixels, place)) | np.uint32(below << np.uint32(16))
    for j in range(line.size):
        four = upper[j]
        a = np.float32(np.int32(four & byte))
        b = np.float32(np.int32(np.uint32(four >> np.uint32(8)) & byte))
        c = np.float32(np.int32(np.uint32(four >> np.uint32(16)) & byte))
        d = np.float32(np.int32(np.uint32(four >> np.uint32(24))))
        top = a + (b - a) * x_weight[j]
        bottom = c + (d - c) * x_weight[j]
        line[j] = np.uint8(np.int32(top + (bottom - top) * y_weight[j] + half))


def _blend_16_bits(pixels, line, base, stride, offset, upper, lower, x_weight, y_weight):
    low = np.uint32(65535)
    half = np.float32(0.5)
    for j in range(line.size):
        place = base + offset[j]
        upper[j] = pixel_pair(pixels, place)
        lower[j] = pixel_pair(pixels, place + stride)
    for j in range(line.size):
        a = np.float32(np.int32(upper[j] & low))
        b = np.float32(np.int32(np.uint32(upper[j] >> np.uint32(16))))
        c = np.float32(np.int32(lower[j] & low))
        d = np.float32(np.int32(np.uint32(lower[j] >> np.uint32(16))))
        top = a + (b - a) * x_weight[j]
        bottom = c + (d - c) * x_weight[j]
        line[j] = np.uint16(np.int32(top + (bottom - top) * y_weight[j] + half))


@overload(_blend)
def _choose(pixels, line, base, stride, offset, upper, lower, x_weight, y_weight):
    return _blend_8_bits if pixels.dtype.bitwidth == 8 else _blend_16_bits
