"""What a deflate stream is made of: blocks as they are, descriptions of codes, symbols (RFC 1951).

Its state is handed from one function to the next: `at`, where the next byte goes, and in `word` the `used`
bits, up to seven, that do not fill a byte yet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import ONE, ZERO, load_word, store_word
from fxcore.kernels._jit import kernel
from fxcore.kernels.huffman import code_lengths, reversed_codes

SYMBOLS = 286  # literals, end of block, lengths
END = 256
SHORTEST, LONGEST = 3, 258  # of a match
STORED = 65535  # bytes of a stored block at most
MOST_BITS = 14  # of a code: four codes and seven bits left over fit a 64-bit word
HEADER = 400  # bytes that the description of a code takes at most
_BYTE, _HALF = np.uint64(0xFF), np.uint64(32)
# Bytes from -16 to 15, which nearly all are, are written two at a time, by a table for numbers of ten bits.
_NEAR, _PAIRS, _PAIR = 32, 1 << 10, np.uint64(0x3FF)
_UPPER_BITS = np.uint64(0xE0E0E0E0E0E0E0E0)
_FIRST_OF_PAIRS, _SECOND_OF_PAIRS = np.uint64(0x001F001F001F001F), np.uint64(0x03E003E003E003E0)
_MOST_TOGETHER = 56  # bits that can be put at once: with up to seven left from before, less than a word
# The order in which lengths of the code-length code are sent, and what a match of each length is sent as.
_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])


def _length_symbols() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return symbol, number of extra bits and their value for each length of a match (RFC 1951, 3.2.5)."""
    symbol, bits, value = (np.zeros(LONGEST + 1, np.int64) for _ in range(3))
    length, step = SHORTEST, 0
    for code in range(257, 285):
        step = max(0, (code - 261) // 4)
        for k in range(1 << step):
            if length + k < LONGEST:
                symbol[length + k], bits[length + k], value[length + k] = code, step, k
        length += 1 << step
    symbol[LONGEST] = 285
    return symbol, bits, value


LENGTH_SYMBOL, LENGTH_BITS, _LENGTH_VALUE = _length_symbols()


@kernel
def put(out, at, word, used, value, bits):
    """Append `bits` bits of `value`; whole bytes go out. Returns the new state."""
    word |= np.uint64(value) << np.uint64(used)
    used += bits
    store_word(out, at, word)
    whole = used >> 3
    word >>= np.uint64(8 * whole)
    return at + whole, word, used & 7


@kernel
def write_symbols(data, starts, lengths, runs, codes, code_bits, out, at, word, used):
    """Write the symbols of a block and its end."""
    # A code, or those of two bytes, and the number of its bits.
    ones = np.empty((SYMBOLS, 2), np.uint32)
    for s in range(SYMBOLS):
        ones[s, 0], ones[s, 1] = codes[s], code_bits[s]
    twos = np.empty((_PAIRS, 2), np.uint32)
    for a in range(_NEAR):
        one = ones[_byte_of(a)]
        for b in range(_NEAR):
            other = ones[_byte_of(b)]
            twos[a + _NEAR * b, 0] = one[0] | (other[0] << one[1])
            twos[a + _NEAR * b, 1] = one[1] + other[1]
    i = 0
    for r in range(runs + 1):
        end = starts[r] if r < runs else data.size
        while i + 8 <= end:
            eight = load_word(data, i)
            i += 8
            if _is_near(eight):
                at, word, used = _write_near(twos, eight, out, at, word, used)
            else:
                at, word, used = _write_four(ones, eight, out, at, word, used)
                at, word, used = _write_four(ones, eight >> _HALF, out, at, word, used)
        while i < end:
            at, word, used = put(out, at, word, used, codes[data[i]], code_bits[data[i]])
            i += 1
        if r < runs:
            length = lengths[r]
            symbol = LENGTH_SYMBOL[length]
            at, word, used = put(out, at, word, used, codes[symbol], code_bits[symbol])
            # The only distance is 1; its code is a single 0 bit.
            at, word, used = put(out, at, word, used, _LENGTH_VALUE[length], LENGTH_BITS[length] + 1)
            i = end + length
    return put(out, at, word, used, codes[END], code_bits[END])


@kernel
def _is_near(word):
    """Tell whether the eight bytes of a word are all from -16 to 15: their upper four bits alike."""
    return (word ^ (word << ONE)) & _UPPER_BITS == ZERO


@kernel
def _byte_of(five_bits):
    """Return the byte from -16 to 15 with these lowest bits."""
    return five_bits if five_bits < _NEAR // 2 else five_bits + (256 - _NEAR)


@kernel
def _write_near(twos, eight, out, at, word, used):
    """Append the codes of the eight bytes of a word, all from -16 to 15."""
    # A number of ten bits in each 16: the lowest five of one byte, above them those of the next.
    four = (eight & _FIRST_OF_PAIRS) | ((eight >> np.uint64(3)) & _SECOND_OF_PAIRS)
    return _append(
        out,
        at,
        word,
        used,
        twos,
        four & _PAIR,
        (four >> np.uint64(16)) & _PAIR,
        (four >> _HALF) & _PAIR,
        four >> np.uint64(48),
    )


@kernel
def _write_four(ones, four, out, at, word, used):
    """Append the codes of the lower four bytes of a word."""
    return _append(
        out,
        at,
        word,
        used,
        ones,
        four & _BYTE,
        (four >> np.uint64(8)) & _BYTE,
        (four >> np.uint64(16)) & _BYTE,
        (four >> np.uint64(24)) & _BYTE,
    )


@kernel
def _append(out, at, word, used, table, a, b, c, d):
    """Append four codes of a table.

    They are put together first, two and two: only one step, not four, waits for what was written before.
    """
    bits_a, bits_c = np.uint64(table[a, 1]), np.uint64(table[c, 1])
    bits_ab, bits_cd = bits_a + np.uint64(table[b, 1]), bits_c + np.uint64(table[d, 1])
    ab = np.uint64(table[a, 0]) | (np.uint64(table[b, 0]) << bits_a)
    cd = np.uint64(table[c, 0]) | (np.uint64(table[d, 0]) << bits_c)
    if bits_ab + bits_cd <= _MOST_TOGETHER:
        return put(out, at, word, used, ab | (cd << bits_ab), np.int64(bits_ab + bits_cd))
    at, word, used = put(out, at, word, used, ab, np.int64(bits_ab))
    return put(out, at, word, used, cd, np.int64(bits_cd))


@kernel
def store_block(data, last, out, at, word, used):
    """Write a block as it is, in pieces of at most 65,535 bytes."""
    first = 0
    while True:
        size = min(STORED, data.size - first)
        final = 1 if last and first + size == data.size else 0
        at, word, used = put(out, at, word, used, final, 3)
        if used:
            at, word, used = put(out, at, word, used, 0, 8 - used)
        at, word, used = put(out, at, word, used, size | ((size ^ 0xFFFF) << 16), 32)
        for k in range(size):
            out[at + k] = data[first + k]
        at += size
        first += size
        if first >= data.size:
            return at, ZERO, 0


@kernel
def describe_code(code_bits, last, out, at, word, used):
    """Write the header of a block with its own code (RFC 1951, 3.2.7)."""
    # Lengths of the literal and length code, then that of the one distance code.
    sent = np.empty(SYMBOLS + 1, np.int64)
    for s in range(SYMBOLS):
        sent[s] = code_bits[s]
    sent[SYMBOLS] = 1
    symbols = np.empty(sent.size, np.int64)
    extra = np.empty(sent.size, np.int64)
    counts = np.zeros(19, np.int64)
    count = i = 0
    while i < sent.size:
        length = 1
        while i + length < sent.size and sent[i + length] == sent[i]:
            length += 1
        if sent[i] == 0 and length >= 3:
            length = min(length, 138)
            symbols[count] = 17 if length < 11 else 18
            extra[count] = length - (3 if length < 11 else 11)
        elif length >= 4:
            # The first as itself, the others as repetitions of it.
            symbols[count] = sent[i]
            extra[count] = 0
            counts[sent[i]] += 1
            count += 1
            length = min(length - 1, 6)
            symbols[count] = 16
            extra[count] = length - 3
            i += 1
        else:
            length = 1
            symbols[count] = sent[i]
            extra[count] = 0
        counts[symbols[count]] += 1
        count += 1
        i += length
    bits = code_lengths(counts, 7)
    codes = reversed_codes(bits)
    many = 19
    while many > 4 and bits[_ORDER[many - 1]] == 0:
        many -= 1
    header = (1 if last else 0) | (2 << 1) | ((SYMBOLS - 257) << 3) | ((many - 4) << 13)
    at, word, used = put(out, at, word, used, header, 17)
    for k in range(many):
        at, word, used = put(out, at, word, used, bits[_ORDER[k]], 3)
    for k in range(count):
        s = symbols[k]
        width = 2 if s == 16 else 3 if s == 17 else 7 if s == 18 else 0
        at, word, used = put(out, at, word, used, codes[s] | (extra[k] << bits[s]), bits[s] + width)
    return at, word, used
