"""A table of grey levels that is a ramp, as a window makes it: found, proved, and computed.

A window of 12 bits is a straight line from black to white, cut off at both ends and rounded. Adding and
multiplying go many values at a time, looking up goes one by one.
"""

from __future__ import annotations

import numpy as np

from fxcore.kernels._jit import kernel

_UNIT = 24  # fraction bits of a level: with it, 256 levels take 32 bits
_NARROWED = 40  # times that the range of slopes is cut by a third
_STRETCH = 4096  # values looked at together


@kernel
def look_up(values, table, out):
    """Write ``table[values]`` into `out`, all one-dimensional."""
    for i in range(values.size):
        out[i] = table[values[i]]


@kernel
def climb(values, table, ramp, out):
    """Do what `look_up` does, given the `ramp_of` the table."""
    limit = ramp[4]
    for begin in range(0, values.size, _STRETCH):
        some = values[begin : begin + _STRETCH]
        into = out[begin : begin + _STRETCH]
        most = np.uint16(0)
        for i in range(some.size):
            most = max(most, some[i])
        if most < limit:
            _compute(some, ramp, into)
        else:
            look_up(some, table, into)


@kernel
def _compute(values, ramp, out):
    low, high = np.int32(ramp[0]), np.int32(ramp[1])
    slope, offset = np.int32(ramp[2]), np.int32(ramp[3])
    for i in range(values.size):
        x = np.int32(min(max(np.int32(values[i]), low), high) - low)
        out[i] = np.uint8(np.uint32(np.int32(np.int32(x * slope) + offset)) >> np.uint32(_UNIT))


@kernel
def ramp_of(table):
    """Find the ramp that the first values of a table lie on.

    Returns
    -------
    numpy.ndarray
        ``int64``, shape ``(5,)``: low, high, slope, offset, limit. Of a value below `limit`, held within
        low and high, the level is ``offset + (value - low) * slope``, modulo 2^32, without the lowest
        `_UNIT` bits. That was checked for each of them; a limit of 0 says that there is no ramp.
    """
    ramp = np.zeros(5, np.int64)
    first = 1
    while first < table.size and table[first] == table[0]:
        first += 1
    if first == table.size:
        return ramp
    falling = table[first] < table[0]
    # A value at which the level rises lies on or above the new one, the value before below it.
    x = np.empty(257, np.float64)
    y = np.empty(257, np.float64)
    low = first - 1
    before = 255 - np.int64(table[0]) if falling else np.int64(table[0])
    x[0], y[0] = 0, before
    count = 1
    limit = first
    while limit < table.size:
        level = 255 - np.int64(table[limit]) if falling else np.int64(table[limit])
        if level < before:
            break
        if level > before:
            x[count], y[count] = limit - low, level
            count += 1
            before = level
        limit += 1
    slope, offset = _fitted(x[:count], y[:count])
    if slope <= 0.0:
        return ramp
    rise, begin = np.int64(round(slope * 2.0**_UNIT)), np.int64(round(offset * 2.0**_UNIT))
    ramp[0], ramp[1] = low, low + np.int64(x[count - 1])
    # 255 less a level is what all bits turned give: the number below that with the other sign.
    ramp[2], ramp[3] = (-rise, ~begin) if falling else (rise, begin)
    ramp[4] = limit
    values = np.empty(limit, np.uint16)
    levels = np.empty(limit, np.uint8)
    for value in range(limit):
        values[value] = value
    _compute(values, ramp, levels)
    for value in range(limit):
        if levels[value] != table[value]:
            ramp[4] = 0
    return ramp


@kernel
def _fitted(x, y):
    """Return slope and offset of the line with most room between what it must reach and what it must not."""
    span = x[-1]
    rise = y[-1] - y[0]
    least, most = max(0.0, (rise - 1.0) / span), (rise + 1.0) / span
    for _ in range(_NARROWED):
        third = (most - least) / 3.0
        low_a, high_a = _room(x, y, least + third)
        low_b, high_b = _room(x, y, most - third)
        if high_a - low_a < high_b - low_b:
            least += third
        else:
            most -= third
    slope = (least + most) / 2.0
    low, high = _room(x, y, slope)
    return (slope, (low + high) / 2.0) if low < high else (0.0, 0.0)


@kernel
def _room(x, y, slope):
    """Return between what offsets a line reaches level y at x and, one value earlier, does not."""
    low = y[0] - slope * x[0]
    high = y[-1] + 1.0 - slope * x[-1]
    for i in range(1, x.size):
        low = max(low, y[i] - slope * x[i])
        high = min(high, y[i - 1] + 1.0 - slope * (x[i] - 1.0))
    return low, high
