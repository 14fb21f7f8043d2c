"""Bilinear interpolation along a straight line through an image, of which every neighbour exists."""

from __future__ import annotations

import numpy as np
from numba.extending import overload

from fxcore.kernels._bits import pixel_pair, prefetch_to_read
from fxcore.kernels._jit import kernel

BLOCK = 1024  # pixels of a line done together
POSITION = 32  # fraction bits of a position: after a block it is off by 2^-23 pixels at most
MARGIN = 2.0**-14  # more than that, and than what follows
AHEAD = 32  # lines: how early their pixels are asked for
_EVERY = 8  # pixels of which one is asked for: eight lines in a row ask for all, long before AHEAD
_WEIGHT = 24  # fraction bits of a weight: as many as a float32 holds
# In 8 bits, positions from the first of as many pixels on fit 32 bits, with as many of them for the fraction.
_PART, _FRACTION = 240, 23
# Of which as many are the weight from left to right: its product with a level fits 32 bits as well.
_ACROSS = 20


def blend(pixels, line, base, stride, x, y, x_step, y_step, neighbours, offset, weights):
    """Interpolate `line` (n,), n up to BLOCK, from an image given as `pixels` (rows * stride,).

    Pixel j lies ``x + j x_step`` columns and ``y + j y_step`` rows from ``pixels[base]``, in units of
    2^-POSITION. For use within: `neighbours` ``uint32`` and `weights` ``float32``, shape ``(2, BLOCK)``,
    `offset` ``int32``, shape ``(BLOCK,)``.

    Short loops instead of one: the first and the last become vector instructions, the loads in
    between cannot.
    """
    raise NotImplementedError("chosen by the type of the pixels when compiled")


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


def _blend_8_bits(pixels, line, base, stride, x, y, x_step, y_step, neighbours, offset, weights):
    """By whole numbers of 32 bits, which is off by less than a hundredth of a level."""
    spare = POSITION - _FRACTION
    across = np.int32((x_step + (1 << (spare - 1))) >> spare)
    down = np.int32((y_step + (1 << (spare - 1))) >> spare)
    four = neighbours[0]
    for first in range(0, line.size, _PART):
        part = line[first : first + _PART]
        col, u = _origin(x + first * x_step, x_step, across, part.size)
        row, v = _origin(y + first * y_step, y_step, down, part.size)
        _where(u, v, across, down, stride, offset[: part.size])
        upper = base + row * stride + col
        lower = upper + stride
        for j in range(part.size):
            place = np.int64(np.uint32(offset[j]))
            below = np.uint32(pixel_pair(pixels, lower + place))
            four[j] = np.uint32(pixel_pair(pixels, upper + place)) | np.uint32(below << np.uint32(16))
        _between(four, u, v, across, down, part)


@kernel
def _origin(position, step, rounded, count):
    """Return the whole pixel that `count` rounded steps are told from, and where from it they begin.

    None of them ends before it. Halfway they are where steps that are not rounded would be.
    """
    whole = (position >> POSITION) - ((max(0, -np.int64(rounded)) * count) >> _FRACTION) - 1
    halfway = count >> 1
    there = (position - (whole << POSITION) + halfway * step) >> (POSITION - _FRACTION)
    return whole, np.int32(there - halfway * np.int64(rounded))


@kernel
def _where(u, v, across, down, stride, offset):
    """Write where the pixel above and to the left of each position is."""
    whole = np.int32(_FRACTION)
    for j in range(offset.size):
        offset[j] = np.int32(np.int32(v >> whole) * stride + np.int32(u >> whole))
        u = np.int32(u + across)
        v = np.int32(v + down)


@kernel
def _between(four, u, v, across, down, line):
    """Interpolate between the bytes of `four`: top left, top right, bottom left, bottom right."""
    byte, unit, drop = np.uint32(255), np.int32(_ACROSS), np.int32(_FRACTION - _ACROSS)
    most_x, most_y = np.int32((1 << _ACROSS) - 1), np.int32((1 << _FRACTION) - 1)
    scale = np.float32(2.0**-_FRACTION)
    for j in range(line.size):
        a = np.int32(four[j] & byte)
        b = np.int32(np.uint32(four[j] >> np.uint32(8)) & byte)
        c = np.int32(np.uint32(four[j] >> np.uint32(16)) & byte)
        d = np.int32(np.uint32(four[j] >> np.uint32(24)))
        right = np.int32(np.int32(u >> drop) & most_x)
        top = np.float32(np.int32(np.int32(a << unit) + np.int32((b - a) * right)))
        bottom = np.float32(np.int32(np.int32(c << unit) + np.int32((d - c) * right)))
        below = np.float32(np.int32(v & most_y)) * scale
        level = np.int32(top + (bottom - top) * below)
        line[j] = np.uint8(np.int32(level + (1 << (_ACROSS - 1))) >> unit)
        u = np.int32(u + across)
        v = np.int32(v + down)


def _blend_16_bits(pixels, line, base, stride, x, y, x_step, y_step, neighbours, offset, weights):
    upper, lower = neighbours[0], neighbours[1]
    x_weight, y_weight = weights[0], weights[1]
    unit = np.float32(2.0**-_WEIGHT)
    drop = np.uint32(POSITION - _WEIGHT)
    low = np.uint32(65535)
    half = np.float32(0.5)
    for j in range(line.size):
        offset[j] = np.int32(np.int32(y >> POSITION) * stride + np.int32(x >> POSITION))
        x_weight[j] = np.float32(np.int32(np.uint32(x) >> drop)) * unit
        y_weight[j] = np.float32(np.int32(np.uint32(y) >> drop)) * unit
        x += x_step
        y += y_step
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


@overload(blend)
def _choose(pixels, line, base, stride, x, y, x_step, y_step, neighbours, offset, weights):
    return _blend_8_bits if pixels.dtype.bitwidth == 8 else _blend_16_bits
