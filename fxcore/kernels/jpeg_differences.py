"""Differences of neighbouring samples out of the Huffman codes of lossless JPEG (ITU-T T.81 section H.1.2).

Each code has to wait for the end of the one before it, so that a processor that could do four things at
once does one. But codes fall into step: begin in the middle of the data, and after some wrong codes all
further ones are right. So the data is read in parts, four of them side by side. Only where the codes of
one part arrive at exactly the code that the next has started from do those of the next count; otherwise
they are thrown away, and reading goes on from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import ONE, word_from_bit
from fxcore.kernels._jit import kernel

TABLE_BITS = 13
PARTS = 8  # that are read before the codes of one are compared with those of the next
CODES = 1 << 14  # that a part is meant to have
MOST = 4 * CODES  # where they are shorter than those before, there is room for so many
PADDING = 64  # bytes after the data that can be read: nothing goes further than that
# Rows of the state: a column for each part, and one for what a reader does that has none left to read.
COUNT, _PLACE, _START, _WRONG = 0, 1, 2, 3
# And a column for each of the readers.
_AT, _PART, _BEGUN, _TARGET = 4, 5, 6, 7
STATE = (8, PARTS + 1)
FOUND = (PARTS + 1) * MOST
_READERS = 4
# Flags of a table entry: the difference is not in it, and nor is the code.
_LONG, _UNKNOWN = np.uint32(1 << 5), np.uint32(1 << 6)
_LOOSE = 1 << 7  # a part divided by this: the bits ahead of it in which to fall into step
_SMALLEST = 2048  # bits of a part that is worth a reader
_GROUP = 4  # codes of TABLE_BITS bits that one load of a word holds
_MOST_BITS = 31  # of a code and the bits after it
_MOST_GROUP = (_GROUP - 1) * TABLE_BITS + _MOST_BITS
_TO_INDEX = np.uint64(64 - TABLE_BITS)
_SIXTY_THREE = np.uint64(63)
_BITS, _TO_SIZE, _TO_DIFFERENCE = np.uint32(31), np.uint32(9), np.uint32(16)


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
    word = word_from_bit(data, at)
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
    """Read codes from bit `at` on, in parts of `part` bits or fewer where many are left before `end`.

    At most `wanted` codes are read. The differences of part k go to `found` from ``k * MOST`` on, and how
    many of them count to ``state[COUNT, k]``; they follow each other in order of k.

    Returns the bit at which to go on and how many bits the next parts should have; the bit is -1 where
    there is a pattern that is no code, or are more bits or fewer than `wanted` codes have.
    """
    # Constants as they are would have functions compiled for each of them.
    none, most = np.int64(0), np.int64(MOST)
    for k in range(PARTS):
        state[COUNT, k] = 0
        state[_WRONG, k] = 0
    left = end - at - 8 * PADDING
    if left < _READERS * _SMALLEST:
        wanted = min(wanted, most)
        at, n = _singly(data, at, end, table, limits, lengths, sizes, found, none, none, wanted)
        state[COUNT, 0] = n
        return (at if n == wanted and at <= end else np.int64(-1)), part
    part = min(part, _MOST_BITS * CODES)
    loose = part // _LOOSE
    part = max(_SMALLEST, min(part, left // _READERS))
    parts = min(PARTS, left // part)
    begin = at
    state[_START, 0] = at
    state[_START, PARTS] = at
    for k in range(1, parts):
        first = at + k * part
        start = first - min(loose, part)
        start = _singly(data, start, first, table, limits, lengths, sizes, found, k * most, none, most)[0]
        state[_START, k] = max(start, first)
    _side_by_side(data, table, limits, lengths, sizes, at, part, parts, found, state)
    total = 0
    for k in range(parts):
        # Here it is known that part k was started from a code.
        if state[_WRONG, k]:
            return np.int64(-1), part
        at = state[_PLACE, k]
        stop = state[_START, k + 1] if k + 1 < parts else at
        n = state[COUNT, k]
        at, n = _singly(data, at, stop, table, limits, lengths, sizes, found, k * most, n, most)
        state[COUNT, k] = n
        total += n
        if at != stop:
            for other in range(k + 1, parts):
                state[COUNT, other] = 0
            break
    if at < 0 or total > wanted:
        return np.int64(-1), part
    # As many bits as these codes took, others will.
    return at, max(_SMALLEST, (at - begin) * CODES // total)


@kernel
def _singly(data, at, stop, table, limits, lengths, sizes, found, to, n, most):
    """Read codes up to bit `stop` or until there are `most`; `n` lie in `found` from `to` on already.

    Returns the bit at which to go on, -1 after what is no code, and the number of codes.
    """
    while at < stop and n < most:
        bits, difference = _one(data, at, table, limits, lengths, sizes)
        if bits == 0:
            return np.int64(-1), n
        found[to + n] = difference
        at += bits
        n += 1
    return at, n


@kernel
def _side_by_side(data, table, limits, lengths, sizes, first, part, parts, found, state):
    """Read every part up to where its next codes could go past its end, and note place and count.

    Part k ends before bit ``first + (k + 1) * part``. ``state[_WRONG, k]`` is set where there is a
    pattern in it that is no code.
    """
    places = state[_AT]
    following = 0
    # All readers count on together; each begins a part at a number of its own.
    n = np.uint64(0)
    for k in range(_READERS):
        state[_PART, k] = PARTS
        state[_BEGUN, k] = -MOST
        places[k] = first
    unfinished = parts
    while True:
        groups = np.int64(MOST)
        for k in range(_READERS):
            number = state[_PART, k]
            room = _groups(state, k, first, part, np.int64(n))
            if room <= 0:
                if number < PARTS:
                    state[_PLACE, number] = places[k]
                    state[COUNT, number] = np.int64(n) - state[_BEGUN, k]
                    unfinished -= 1
                # Without a part left to read, the first once more, for nothing.
                number = following if following < parts else PARTS
                following += 1
                state[_PART, k] = number
                state[_BEGUN, k] = n
                # What is added to the number of a code to get its place; below 0 it wraps around.
                state[_TARGET, k] = number * MOST - np.int64(n)
                places[k] = state[_START, number]
                room = _groups(state, k, first, part, np.int64(n))
            groups = min(groups, room)
        if unfinished == 0:
            break
        a, b, c, d = places[0], places[1], places[2], places[3]
        to_a, to_b = np.uint64(state[_TARGET, 0]), np.uint64(state[_TARGET, 1])
        to_c, to_d = np.uint64(state[_TARGET, 2]), np.uint64(state[_TARGET, 3])
        for _ in range(groups):
            word_a, word_b, word_c, word_d = (
                word_from_bit(data, a),
                word_from_bit(data, b),
                word_from_bit(data, c),
                word_from_bit(data, d),
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
                found[to_a + n] = one_a >> _TO_DIFFERENCE
                found[to_b + n] = one_b >> _TO_DIFFERENCE
                found[to_c + n] = one_c >> _TO_DIFFERENCE
                found[to_d + n] = one_d >> _TO_DIFFERENCE
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
                for k in range(_READERS):
                    bits, difference = _one(data, places[k], table, limits, lengths, sizes)
                    found[np.uint64(state[_TARGET, k]) + n] = difference
                    state[_WRONG, state[_PART, k]] |= bits == 0
                    places[k] += max(1, bits)
                n += ONE
                a, b, c, d = places[0], places[1], places[2], places[3]
            elif flags & _LONG:
                # What plain codes have left of a word may be too little for a long one.
                found[to_a + n] = _difference(word_from_bit(data, a), one_a)
                found[to_b + n] = _difference(word_from_bit(data, b), one_b)
                found[to_c + n] = _difference(word_from_bit(data, c), one_c)
                found[to_d + n] = _difference(word_from_bit(data, d), one_d)
                n += ONE
                a += np.int64(one_a & _BITS)
                b += np.int64(one_b & _BITS)
                c += np.int64(one_c & _BITS)
                d += np.int64(one_d & _BITS)
        places[0], places[1], places[2], places[3] = a, b, c, d


@kernel
def _groups(state, k, first, part, n):
    """Return how many groups of codes reader k can read without going past its part or its room."""
    number = state[_PART, k] if state[_PART, k] < PARTS else 0
    left = first + (number + 1) * part - state[_AT, k]
    return min(left // _MOST_GROUP, (MOST - (n - state[_BEGUN, k])) // _GROUP)
