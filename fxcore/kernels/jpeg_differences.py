"""Differences of neighbouring samples out of the Huffman codes of lossless JPEG (ITU-T T.81 section H.1.2).

Each code has to wait for the end of the one before it, so that a processor that could do four things at
once does one. But codes fall into step: begin in the middle of the data, and after some wrong codes all
further ones are right. So four readers work side by side, each from a place of its own. Only when one
arrives at exactly the code that the next has started from do the next one's codes count; otherwise they
are thrown away, and reading goes on from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import ONE, load_word_big_endian
from fxcore.kernels._jit import kernel

TABLE_BITS = 13
MOST = 1 << 15  # codes that one reader reads before the others are compared with it
PADDING = 64  # bytes after the data that can be read: no reader goes further than that
READERS = 4
# Rows of the readers' state, a column each.
COUNT, _PLACE, _START, _WRONG = 0, 1, 2, 3
STATE = (4, READERS)
# Flags of a table entry: the difference is not in it, and nor is the code.
_LONG, _UNKNOWN = np.uint32(1 << 5), np.uint32(1 << 6)
_FULL = MOST * 3 // 4  # codes that a part is meant to have, so that there is room where they are shorter
_LOOSE = 1 << 7  # a part divided by this: what a reader has ahead of its own to fall into step in
_SMALLEST = 4096  # bits of a part that is worth its reader
_GROUP = 4  # codes of TABLE_BITS bits that one load of a word holds
_MOST_BITS = 31  # of a code and the bits after it
_MOST_GROUP = (_GROUP - 1) * TABLE_BITS + _MOST_BITS
_TO_INDEX = np.uint64(64 - TABLE_BITS)
_SIXTY_THREE = np.uint64(63)
_BITS, _TO_SIZE = np.uint32(31), np.uint32(9)


def difference_table(
    limits: NDArray[np.uint64], lengths: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Make the table that is looked up with the next `TABLE_BITS` bits of the data.

    Parameters
    ----------
    limits : numpy.ndarray
        ``uint64``, for codes from short to long: the code plus one, moved up to the top of a word.
    lengths, sizes : numpy.ndarray
        ``int64``: bits of the code, and of the difference that follows it (SSSS of table H.2).

    Returns
    -------
    numpy.ndarray
        ``uint32``: the bits of code and difference together in bits 0 to 4, those of the difference in
        bits 9 to 12, and the difference in the high half, or the flag `_LONG` where that takes more bits
        than the index has. Where the code does too, or its size is 16, there are only both flags.
    """
    table = np.full(1 << TABLE_BITS, _LONG | _UNKNOWN, np.uint32)
    first = 0
    for limit, length, size in zip(limits, lengths, sizes, strict=True):
        stop = int(limit >> _TO_INDEX)
        total = length + size
        if total <= TABLE_BITS:
            value = np.arange(1 << size)
            meant = np.where(value >> max(size - 1, 0), value, value - (1 << size) + 1) & 0xFFFF
            entry = np.repeat(total | size << 9 | meant << 16, 1 << (TABLE_BITS - total))
            table[first:stop] = entry
        elif length <= TABLE_BITS and size < 16:
            table[first:stop] = total | int(_LONG) | size << 9
        first = stop
    return table


@kernel
def _difference(word, entry):
    """Return the difference of a table entry out of the bits that led to it."""
    size = np.uint64((entry >> _TO_SIZE) & _BITS)
    word <<= np.uint64(entry & _BITS) - size
    value = np.int64((word >> ONE) >> (_SIXTY_THREE - size))
    # Values whose first bit is 0 stand for the negative ones (F.2.2.1, function EXTEND).
    negative = np.int64(word >> _SIXTY_THREE) - 1
    return value - (negative & ((1 << np.int64(size)) - 1))


@kernel
def _one(data, at, table, limits, lengths, sizes):
    """Read the code at bit `at`; returns the bits of it all, 0 if there is no code, and the difference."""
    word = _refill(data, at)
    entry = table[word >> _TO_INDEX]
    if entry & _UNKNOWN:
        for j in range(limits.size):
            if word < limits[j]:
                if sizes[j] == 16:
                    return lengths[j], np.int64(32768)
                entry = np.uint32(lengths[j] + sizes[j] | sizes[j] << 9)
                break
        else:
            return np.int64(0), np.int64(0)
    return np.int64(entry & _BITS), _difference(word, entry)


@kernel
def read_differences(data, at, end, part, table, limits, lengths, sizes, wanted, found, state):
    """Read codes from bit `at` on, four readers at a time where so many bits are left before `end`.

    At most `wanted` codes are read, by each reader from `part` bits or fewer. Reader k writes its
    differences to ``found[k]``, and how many of them count to ``state[COUNT, k]``; they follow each other
    in order of k.

    Returns the bit at which to go on and how many bits the next parts should have; the bit is -1 where
    there is a pattern that is no code, or are more bits or fewer than `wanted` codes have.
    """
    for k in range(READERS):
        state[COUNT, k] = 0
        state[_WRONG, k] = 0
    # Constants as they are would have functions compiled for each of them.
    none, most = np.int64(0), np.int64(MOST)
    fair = (end - at) // READERS - 8 * PADDING
    if fair < _SMALLEST:
        wanted = min(wanted, most)
        at, n = _singly(data, at, end, table, limits, lengths, sizes, found[0], none, wanted)
        state[COUNT, 0] = n
        return (at if n == wanted and at <= end else np.int64(-1)), part
    loose = min(fair, part // _LOOSE)
    part = min(fair, part)
    state[_PLACE, 0] = at
    state[_START, 0] = at
    for k in range(1, READERS):
        first = at + k * part
        p = _singly(data, first - loose, first, table, limits, lengths, sizes, found[k], none, most)[0]
        state[_START, k] = max(p, first)
        state[_PLACE, k] = max(p, first)
    n = _side_by_side(data, table, limits, lengths, sizes, at + part, part, found, state)
    # As many bits as these codes took, others will.
    part = max(_SMALLEST, (state[_PLACE, 0] - at) * _FULL // max(n, 1))
    total = 0
    for k in range(READERS):
        # Here reader k is known to have started from a code.
        if state[_WRONG, k]:
            return np.int64(-1), part
        at = state[_PLACE, k]
        stop = state[_START, k + 1] if k + 1 < READERS else at
        at, m = _singly(data, at, stop, table, limits, lengths, sizes, found[k], n, most)
        state[COUNT, k] = m
        total += m
        if at != stop:
            break
    return (at if total <= wanted else np.int64(-1)), part


@kernel
def _singly(data, at, stop, table, limits, lengths, sizes, found, n, most):
    """Read codes up to bit `stop` or until there are `most`; `n` have been found before.

    Returns the bit at which to go on, -1 after what is no code, and the number of codes.
    """
    while at < stop and n < most:
        bits, difference = _one(data, at, table, limits, lengths, sizes)
        if bits == 0:
            return np.int64(-1), n
        found[n] = difference
        at += bits
        n += 1
    return at, n


@kernel
def _refill(data, at):
    return load_word_big_endian(data, at >> 3) << np.uint64(at & 7)


@kernel
def _side_by_side(data, table, limits, lengths, sizes, first_stop, part, found, state):
    """Move the readers on from their places, all by as many codes, as long as none can go past its part.

    Part k ends at bit ``first_stop + k * part``. ``state[_WRONG, k]`` is set where reader k met what is
    no code. Returns how many codes.
    """
    places = state[_PLACE]
    a, b, c, d = places[0], places[1], places[2], places[3]
    to_a, to_b, to_c, to_d = found[0], found[1], found[2], found[3]
    n = np.uint64(0)
    while True:
        left = min(first_stop - a, first_stop + part - b)
        left = min(left, min(first_stop + 2 * part - c, first_stop + 3 * part - d))
        groups = min(left // _MOST_GROUP, np.int64(np.uint64(MOST) - n) // _GROUP)
        if groups <= 0:
            break
        for _ in range(groups):
            word_a, word_b, word_c, word_d = (
                _refill(data, a),
                _refill(data, b),
                _refill(data, c),
                _refill(data, d),
            )
            flags = np.uint32(0)
            for _ in range(_GROUP):
                one_a = table[word_a >> _TO_INDEX]
                one_b = table[word_b >> _TO_INDEX]
                one_c = table[word_c >> _TO_INDEX]
                one_d = table[word_d >> _TO_INDEX]
                flags = one_a | one_b | one_c | one_d
                if flags & _LONG:
                    break
                to_a[n] = one_a >> np.uint32(16)
                to_b[n] = one_b >> np.uint32(16)
                to_c[n] = one_c >> np.uint32(16)
                to_d[n] = one_d >> np.uint32(16)
                n += ONE
                word_a <<= np.uint64(one_a) & _SIXTY_THREE
                word_b <<= np.uint64(one_b) & _SIXTY_THREE
                word_c <<= np.uint64(one_c) & _SIXTY_THREE
                word_d <<= np.uint64(one_d) & _SIXTY_THREE
                a += np.int64(np.uint64(one_a) & _SIXTY_THREE)
                b += np.int64(np.uint64(one_b) & _SIXTY_THREE)
                c += np.int64(np.uint64(one_c) & _SIXTY_THREE)
                d += np.int64(np.uint64(one_d) & _SIXTY_THREE)
            if flags & _UNKNOWN:
                places[0], places[1], places[2], places[3] = a, b, c, d
                for k in range(READERS):
                    bits, difference = _one(data, places[k], table, limits, lengths, sizes)
                    found[k, n] = difference
                    state[_WRONG, k] |= bits == 0
                    places[k] += max(1, bits)
                n += ONE
                a, b, c, d = places[0], places[1], places[2], places[3]
            elif flags & _LONG:
                # What plain codes have left of a word may be too little for a long one.
                to_a[n] = _difference(_refill(data, a), one_a)
                to_b[n] = _difference(_refill(data, b), one_b)
                to_c[n] = _difference(_refill(data, c), one_c)
                to_d[n] = _difference(_refill(data, d), one_d)
                n += ONE
                a += np.int64(one_a & _BITS)
                b += np.int64(one_b & _BITS)
                c += np.int64(one_c & _BITS)
                d += np.int64(one_d & _BITS)
    places[0], places[1], places[2], places[3] = a, b, c, d
    return np.int64(n)
