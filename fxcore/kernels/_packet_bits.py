"""The bits of JPEG 2000 packet headers: numbers, tag trees and the markers around them (T.800 annex B.10).

What these kernels read, and where, is an array that they share; see `POSITION` and what follows it.
"""

from __future__ import annotations

import numpy as np

from fxcore.kernels._jit import kernel

# Where in the codestream a kernel is: place, end of the tile-part, number of the next, number of the packet,
# byte and what is left of its bits, contributions to code blocks so far, and what is wrong.
POSITION, END, PART, PACKET, BYTE, LEFT, COUNT, STATUS = range(8)
ENDED, BROKEN, TOO_DEEP, LEFT_OVER = 1, 2, 3, 4
"""What may be wrong."""
UNKNOWN = 2**30
"""A node of a tag tree that has no value yet."""


@kernel
def log2(value):
    """Return the logarithm to base 2 of a positive integer, rounded down."""
    result = 0
    while value > 1:
        value >>= 1
        result += 1
    return result


@kernel
def read_bit(source, at):
    """Return the next bit of a packet header, of which a 0 is left out after each byte FF (B.10.1).

    Past the end there are zeros, which end every loop over the bits, and the status says so.
    """
    position = at[POSITION]
    byte = at[BYTE]
    left = at[LEFT]
    status = at[STATUS]
    # Needed or not: an array that some branches use and others do not is counted as taken and released,
    # which costs ten times what the rest here does.
    fresh = np.int64(source[min(position, at[END] - 1)])
    if left == 0:
        left = 8
        if position == at[END]:
            status = BROKEN
            fresh = np.int64(0)
        else:
            position += 1
        if byte == 0xFF:
            left = 7
            if fresh > 0x7F:
                status = BROKEN
        byte = fresh
    left -= 1
    at[POSITION] = position
    at[BYTE] = byte
    at[LEFT] = left
    at[STATUS] = status
    return (byte >> left) & 1


@kernel
def read_number(source, at, bits):
    """Return a number of `bits` bits, most significant first."""
    value = 0
    for _ in range(bits):
        value = 2 * value + read_bit(source, at)
    return value


@kernel
def read_passes(source, at):
    """Return how many coding passes a packet adds to a block (table B.4)."""
    passes = 1
    # A field of ones alone is followed by a longer one.
    for bits in (1, 1, 2, 5, 7):
        more = read_number(source, at, bits)
        passes += more
        if more + 1 < 1 << bits:
            break
    return passes


@kernel
def read_tag_tree(source, at, tree, parents, path, leaf, threshold):
    """Read on in a tag tree (B.10.2) until it is clear whether the value of `leaf` is below `threshold`.

    ``tree[0]`` holds the values that are known, ``tree[1]`` what the others are at least.
    """
    depth = 0
    node = leaf
    while node >= 0:
        path[depth] = node
        depth += 1
        node = parents[node]
    low = 0
    while depth > 0:
        depth -= 1
        node = path[depth]
        low = max(low, tree[1, node])
        while low < threshold and low < tree[0, node]:
            if read_bit(source, at):
                tree[0, node] = low
            else:
                low += 1
        tree[1, node] = low
    return tree[0, leaf] < threshold


@kernel
def skip_start_marker(source, at):
    """Skip an SOP marker segment (A.8.1), where there is one, which counts the packets of the tile."""
    begin = at[POSITION]
    if begin + 6 > at[END] or source[begin] != 0xFF or source[begin + 1] != 0x91:
        return
    counted = (np.int64(source[begin + 4]) << 8) | source[begin + 5]
    if source[begin + 2] != 0 or source[begin + 3] != 4 or counted != at[PACKET] & 0xFFFF:
        at[STATUS] = BROKEN
    at[POSITION] += 6


@kernel
def skip_end_marker(source, at):
    """Skip the EPH marker (A.8.2)."""
    begin = at[POSITION]
    if begin + 2 > at[END] or source[begin] != 0xFF or source[begin + 1] != 0x92:
        at[STATUS] = BROKEN
        return
    at[POSITION] += 2
