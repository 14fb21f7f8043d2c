"""Deflate for filtered images: Huffman codes and runs of one byte, nothing else (RFC 1951).

What a PNG filter leaves of a radiograph is noise around zero and long runs of zeros. Looking for longer
matches in it costs time and gains nothing; a code that fits each stretch of the data does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import ONE, ZERO, bits_repeated, load_word, store_word, trailing_zeros
from fxcore.kernels._jit import kernel
from fxcore.kernels.huffman import code_lengths, reversed_codes

BLOCK = 1 << 17  # bytes that share one code
_SYMBOLS = 286  # literals, end of block, lengths
_END = 256
_SHORTEST, _LONGEST = 3, 258  # of a match
_STORED = 65535  # bytes of a stored block at most
_MOST_BITS = 14  # of a code: four codes and seven bits left over fit a 64-bit word
_HEADER = 400  # bytes that the description of a code takes at most
_BYTE, _LOW, _HALF = np.uint64(0xFF), np.uint64(0xFFFFFFFF), np.uint64(32)
_REPEATS = 5  # from which on a stretch is looked for: a shorter one gains hardly a bit
# Bytes from -16 to 15, which nearly all are, are written two at a time, by a table for numbers of ten bits.
_NEAR, _PAIRS, _PAIR = 32, 1 << 10, np.uint64(0x3FF)
_UPPER_BITS = np.uint64(0xE0E0E0E0E0E0E0E0)
_FIRST_OF_PAIRS, _SECOND_OF_PAIRS = np.uint64(0x001F001F001F001F), np.uint64(0x03E003E003E003E0)
_MOST_TOGETHER = 56  # bits that can be put at once: with up to seven left from before, less than a word
# The order in which lengths of the code-length code are sent, and what a match of each length is sent as.
_ORDER = np.array([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15])


def _length_symbols() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return symbol, number of extra bits and their value for each length of a match (RFC 1951, 3.2.5)."""
    symbol, bits, value = (np.zeros(_LONGEST + 1, np.int64) for _ in range(3))
    length, step = _SHORTEST, 0
    for code in range(257, 285):
        step = max(0, (code - 261) // 4)
        for k in range(1 << step):
            if length + k < _LONGEST:
                symbol[length + k], bits[length + k], value[length + k] = code, step, k
        length += 1 << step
    symbol[_LONGEST] = 285
    return symbol, bits, value


_LENGTH_SYMBOL, _LENGTH_BITS, _LENGTH_VALUE = _length_symbols()


def deflate(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compress bytes to a raw deflate stream (without zlib's header and checksum).

    Cost: two passes over the data, the second writing four codes at a time.

    Parameters
    ----------
    data : numpy.ndarray
        ``uint8``, one-dimensional, contiguous.

    Returns
    -------
    numpy.ndarray
        ``uint8``, one-dimensional: at most 5 bytes in each 65,535, and a few hundred, longer than `data`.

    Raises
    ------
    ParameterError
        For another shape or type.

    Examples
    --------
    >>> import zlib
    >>> data = np.zeros(1000, np.uint8)
    >>> packed = deflate(data)
    >>> len(packed) < 40, zlib.decompress(packed.tobytes(), wbits=-15) == data.tobytes()
    (True, True)
    """
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 1:
        raise ParameterError("deflate takes one-dimensional uint8 data")
    return _deflate(np.ascontiguousarray(data))


@kernel
def _deflate(data):
    """Write block after block; returns the stream."""
    n = data.size
    blocks = max(1, (n + BLOCK - 1) // BLOCK)
    out = np.empty(n + 5 * (n // _STORED + blocks) + _HEADER * blocks + 64, np.uint8)
    starts = np.empty(BLOCK // _SHORTEST + 2, np.int32)
    lengths = np.empty(BLOCK // _SHORTEST + 2, np.int32)
    counts = np.empty(_SYMBOLS, np.int64)
    parts = np.empty((8, 256), np.int32)
    at, word, used = 0, ZERO, 0
    for block in range(blocks):
        first = block * BLOCK
        stop = min(n, first + BLOCK)
        last = block == blocks - 1
        runs = _runs(data, first, stop, starts, lengths)
        _count(data, first, stop, starts, lengths, runs, parts, counts)
        code_bits = code_lengths(counts, _MOST_BITS)
        kept = _worthwhile(data, starts, lengths, runs, counts, code_bits)
        if kept < runs:
            runs = kept
            code_bits = code_lengths(counts, _MOST_BITS)
        bits = 8 * _HEADER
        for s in range(_SYMBOLS):
            bits += counts[s] * code_bits[s]
        for i in range(runs):
            bits += 1 + _LENGTH_BITS[lengths[i]]
        if bits >= 8 * (stop - first + 5 * ((stop - first) // _STORED + 1)):
            at, word, used = _store(data, first, stop, last, out, at, word, used)
        else:
            at, word, used = _describe(code_bits, last, out, at, word, used)
            codes = reversed_codes(code_bits)
            at, word, used = _write(
                data, first, stop, starts, lengths, runs, codes, code_bits, out, at, word, used
            )
    at, word, used = _put(out, at, word, used, ZERO, 7 if used % 8 else 0)
    return out[: at + used // 8].copy()


@kernel
def _put(out, at, word, used, value, bits):
    """Append `bits` bits of `value`; whole bytes go out. Returns the new state."""
    word |= np.uint64(value) << np.uint64(used)
    used += bits
    store_word(out, at, word)
    whole = used >> 3
    word >>= np.uint64(8 * whole)
    return at + whole, word, used & 7


@kernel
def _runs(data, first, stop, starts, lengths):
    """Find where a byte repeats the one before it again and again; returns how many stretches.

    A stretch is cut at the longest match, and what is left of it is dropped if too short for another.
    """
    count = 0
    i = max(first, 1)
    while i < stop:
        if i + 64 <= stop and i + 64 <= data.size:
            same = bits_repeated(data, i)
            two = same & (same >> ONE)
            five = two & (two >> np.uint64(2)) & (same >> np.uint64(4))
            if five == ZERO:
                # The last of these 64 may begin a stretch.
                i += 65 - _REPEATS
                continue
            i += trailing_zeros(five)
        elif data[i] != data[i - 1]:
            i += 1
            continue
        end = i + 1
        value = data[i - 1]
        if data[i] != value:
            i += 1
            continue
        while end + 64 <= stop and bits_repeated(data, end) == ~ZERO:
            end += 64
        while end < stop and data[end] == value:
            end += 1
        while end - i >= _SHORTEST:
            length = min(_LONGEST, end - i)
            starts[count] = i
            lengths[count] = length
            count += 1
            i += length
        i = max(end, i)
    return count


@kernel
def _count(data, first, stop, starts, lengths, runs, parts, counts):
    """Count the symbols of a block: all bytes, less those that runs stand for, and the runs.

    Neighbours go to eight tables, so that no count waits for the one before; what is the same eight bytes
    again and again is all run, and counted once for all.
    """
    for byte in range(256):
        for k in range(8):
            parts[k, byte] = 0
    for s in range(_SYMBOLS):
        counts[s] = 0
    last = ZERO
    times = 0
    i = first
    while i + 8 <= stop:
        word = load_word(data, i)
        i += 8
        if word != last:
            _count_word(parts, last, times)
            last = word
            times = 0
        times += 1
    _count_word(parts, last, times)
    while i < stop:
        parts[0, data[i]] += 1
        i += 1
    for r in range(runs):
        parts[0, data[starts[r]]] -= lengths[r]
        counts[_LENGTH_SYMBOL[lengths[r]]] += 1
    for s in range(256):
        for k in range(8):
            counts[s] += parts[k, s]
    counts[_END] = 1


@kernel
def _count_word(parts, word, times):
    """Count the eight bytes of a word, each in a table of its own."""
    for k in range(8):
        parts[k, (word >> np.uint64(8 * k)) & _BYTE] += times


@kernel
def _worthwhile(data, starts, lengths, runs, counts, code_bits):
    """Turn runs that take no fewer bits than their bytes back into these; returns how many are left."""
    kept = 0
    for r in range(runs):
        value = data[starts[r]]
        length = lengths[r]
        symbol = _LENGTH_SYMBOL[length]
        # A byte that occurs in runs only has no code yet.
        if code_bits[value] and length * code_bits[value] <= code_bits[symbol] + _LENGTH_BITS[length] + 1:
            counts[symbol] -= 1
            counts[value] += length
            continue
        starts[kept] = starts[r]
        lengths[kept] = length
        kept += 1
    return kept


@kernel
def _write(data, first, stop, starts, lengths, runs, codes, code_bits, out, at, word, used):
    """Write the symbols of a block and its end."""
    # A code, or those of two bytes, and above it the number of its bits.
    ones = np.empty(_SYMBOLS, np.uint64)
    for s in range(_SYMBOLS):
        ones[s] = np.uint64(codes[s]) | (np.uint64(code_bits[s]) << _HALF)
    twos = np.empty(_PAIRS, np.uint64)
    for a in range(_NEAR):
        for b in range(_NEAR):
            twos[a + _NEAR * b] = _joined(ones[_byte_of(a)], ones[_byte_of(b)])
    i = first
    for r in range(runs + 1):
        end = starts[r] if r < runs else stop
        while i + 8 <= end:
            eight = load_word(data, i)
            i += 8
            if _is_near(eight):
                at, word, used = _write_near(twos, eight, out, at, word, used)
            else:
                at, word, used = _write_four(ones, eight, out, at, word, used)
                at, word, used = _write_four(ones, eight >> _HALF, out, at, word, used)
        while i < end:
            at, word, used = _put(out, at, word, used, codes[data[i]], code_bits[data[i]])
            i += 1
        if r < runs:
            length = lengths[r]
            symbol = _LENGTH_SYMBOL[length]
            at, word, used = _put(out, at, word, used, codes[symbol], code_bits[symbol])
            # The only distance is 1; its code is a single 0 bit.
            at, word, used = _put(out, at, word, used, _LENGTH_VALUE[length], _LENGTH_BITS[length] + 1)
            i = end + length
    return _put(out, at, word, used, codes[_END], code_bits[_END])


@kernel
def _is_near(word):
    """Tell whether the eight bytes of a word are all from -16 to 15: their upper four bits alike."""
    return (word ^ (word << ONE)) & _UPPER_BITS == ZERO


@kernel
def _byte_of(five_bits):
    """Return the byte from -16 to 15 with these lowest bits."""
    return five_bits if five_bits < _NEAR // 2 else five_bits + (256 - _NEAR)


@kernel
def _joined(a, b):
    """Return two codes, each with the number of its bits above, as one."""
    return ((a & _LOW) | ((b & _LOW) << (a >> _HALF))) + (((a >> _HALF) + (b >> _HALF)) << _HALF)


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
        twos[four & _PAIR],
        twos[(four >> np.uint64(16)) & _PAIR],
        twos[(four >> _HALF) & _PAIR],
        twos[four >> np.uint64(48)],
    )


@kernel
def _write_four(ones, four, out, at, word, used):
    """Append the codes of the lower four bytes of a word."""
    return _append(
        out,
        at,
        word,
        used,
        ones[four & _BYTE],
        ones[(four >> np.uint64(8)) & _BYTE],
        ones[(four >> np.uint64(16)) & _BYTE],
        ones[(four >> np.uint64(24)) & _BYTE],
    )


@kernel
def _append(out, at, word, used, a, b, c, d):
    """Append four codes, each with the number of its bits above.

    They are put together first, two and two: only one step, not four, waits for what was written before.
    """
    bits_ab = (a >> _HALF) + (b >> _HALF)
    bits_cd = (c >> _HALF) + (d >> _HALF)
    ab = (a & _LOW) | ((b & _LOW) << (a >> _HALF))
    cd = (c & _LOW) | ((d & _LOW) << (c >> _HALF))
    if bits_ab + bits_cd <= _MOST_TOGETHER:
        return _put(out, at, word, used, ab | (cd << bits_ab), np.int64(bits_ab + bits_cd))
    at, word, used = _put(out, at, word, used, ab, np.int64(bits_ab))
    return _put(out, at, word, used, cd, np.int64(bits_cd))


@kernel
def _store(data, first, stop, last, out, at, word, used):
    """Write a block as it is, in pieces of at most 65,535 bytes."""
    while True:
        size = min(_STORED, stop - first)
        final = 1 if last and first + size == stop else 0
        at, word, used = _put(out, at, word, used, final, 3)
        if used:
            at, word, used = _put(out, at, word, used, 0, 8 - used)
        at, word, used = _put(out, at, word, used, size | ((size ^ 0xFFFF) << 16), 32)
        for k in range(size):
            out[at + k] = data[first + k]
        at += size
        first += size
        if first >= stop:
            return at, ZERO, 0


@kernel
def _describe(code_bits, last, out, at, word, used):
    """Write the header of a block with its own code (RFC 1951, 3.2.7)."""
    # Lengths of the literal and length code, then that of the one distance code.
    sent = np.empty(_SYMBOLS + 1, np.int64)
    for s in range(_SYMBOLS):
        sent[s] = code_bits[s]
    sent[_SYMBOLS] = 1
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
    header = (1 if last else 0) | (2 << 1) | ((_SYMBOLS - 257) << 3) | ((many - 4) << 13)
    at, word, used = _put(out, at, word, used, header, 17)
    for k in range(many):
        at, word, used = _put(out, at, word, used, bits[_ORDER[k]], 3)
    for k in range(count):
        s = symbols[k]
        width = 2 if s == 16 else 3 if s == 17 else 7 if s == 18 else 0
        at, word, used = _put(out, at, word, used, codes[s] | (extra[k] << bits[s]), bits[s] + width)
    return at, word, used
