"""Entropy-coded data of JPEG-LS without its stuffed bits (ITU-T T.87 section 9.1)."""

from __future__ import annotations

import numpy as np

from fxcore.kernels._bits import (
    ONE,
    WORD,
    ZERO,
    bits_above,
    byte_swapped,
    load_word_big_endian,
    store_word,
    trailing_zeros,
)
from fxcore.kernels._jit import kernel

_LAST = np.uint8(254)  # only FF is above
_EIGHT, _FIFTY_SIX = np.uint64(8), np.uint64(56)
_SIXTY_THREE, _SIXTY_FOUR = np.uint64(63), np.uint64(64)


@kernel
def unstuff_bits(source, at, target):
    """Copy the data from ``source[at]`` on up to a marker, without the bit 0 that follows each byte FF.

    `target` has at least as much room as there is in `source` from `at` on.

    Returns how many bits there are, -1 without a marker, and where the marker is.
    """
    # Bits that wait to be written, fewer than 8, are at the top of a word.
    waiting, bits, to = ZERO, ZERO, 0
    last = np.uint8(0)
    while at < source.size:
        if last <= _LAST and at + WORD <= source.size:
            found = bits_above(source, at, _LAST)
            words = (WORD if found == ZERO else trailing_zeros(found)) >> 3
            for _ in range(words):
                word = load_word_big_endian(source, at)
                store_word(target, to, byte_swapped(waiting | word >> bits))
                waiting = (word << ONE) << (_SIXTY_THREE - bits)
                at, to = at + 8, to + 8
            if found == ZERO:
                continue
        byte = source[at]
        if last > _LAST and byte & 128:
            return 8 * (to - 1) + np.int64(bits), at - 1
        bits += _EIGHT - np.uint64(last > _LAST)
        waiting |= np.uint64(byte) << (_SIXTY_FOUR - bits)
        if bits >= _EIGHT:
            target[to] = waiting >> _FIFTY_SIX
            waiting <<= _EIGHT
            bits -= _EIGHT
            to += 1
        last = byte
        at += 1
    return -1, source.size
