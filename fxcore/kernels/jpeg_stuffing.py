"""Entropy-coded data of a JPEG without its stuffed bytes and restart markers (ITU-T T.81 section B.1.1.5)."""

from __future__ import annotations

import numpy as np

from fxcore.kernels._bits import WORD, ZERO, bits_above, put_run, trailing_zeros
from fxcore.kernels._jit import kernel

_LAST = np.uint8(254)  # only FF is above


@kernel
def unstuff(source, at, target, ends):
    """Copy the data from ``source[at]`` on up to the next marker that is no restart marker.

    `target` has at least as much room as there is in `source` from `at` on. `ends` gets, for each
    restart interval, how many bytes of `target` there are up to its end.

    Returns the number of intervals, 0 where the markers are out of order or too many for `ends`, and where
    that marker is, or the size of `source` if there is none.
    """
    to, intervals = 0, 0
    while at + 1 < source.size:
        if at + 2 * WORD <= source.size:
            put_run(source, at, target, to, False)
            found = bits_above(source, at, _LAST)
            if found == ZERO:
                at, to = at + WORD, to + WORD
                continue
            before = trailing_zeros(found)
            at, to = at + before, to + before
        else:
            target[to] = source[at]
            if source[at] <= _LAST:
                at, to = at + 1, to + 1
                continue
        code = source[at + 1]
        if code == 0:
            at, to = at + 2, to + 1
        elif code == 0xFF:
            # The first is a fill byte of the marker that the second begins (B.1.1.2).
            at += 1
        elif 0xD0 <= code <= 0xD7:
            if intervals >= ends.size or code - 0xD0 != intervals % 8:
                return 0, at
            ends[intervals] = to
            intervals, at = intervals + 1, at + 2
        elif intervals == ends.size:
            # Some encoders write a restart marker after the last interval too; no data may follow it.
            return (intervals if ends[intervals - 1] == to else 0), at
        else:
            ends[intervals] = to
            return intervals + 1, at
    return 0, source.size
