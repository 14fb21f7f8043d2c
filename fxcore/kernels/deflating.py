"""Deflate for filtered images: Huffman codes and runs of one byte, nothing else (RFC 1951).

What a PNG filter leaves of a radiograph is noise around zero and long runs of zeros. Looking for longer
matches in it costs time and gains nothing; a code that fits each stretch of the data does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import ONE, ZERO, bits_repeated, load_word, trailing_zeros
from fxcore.kernels._jit import kernel
from fxcore.kernels.deflate_blocks import (
    END,
    HEADER,
    LENGTH_BITS,
    LENGTH_SYMBOL,
    LONGEST,
    MOST_BITS,
    SHORTEST,
    STORED,
    SYMBOLS,
    describe_code,
    put,
    store_block,
    write_symbols,
)
from fxcore.kernels.huffman import code_lengths, reversed_codes

BLOCK = 1 << 17  # bytes that share one code
_REPEATS = 5  # from which on a stretch is looked for: a shorter one gains hardly a bit


def deflate(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compress bytes to a raw deflate stream (without zlib's header and checksum).

    Cost: three passes over the data, the last writing up to eight codes at a time.

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
    out = np.empty(n + 5 * (n // STORED + blocks) + HEADER * blocks + 64, np.uint8)
    starts = np.empty(BLOCK // SHORTEST + 2, np.int32)
    lengths = np.empty(BLOCK // SHORTEST + 2, np.int32)
    counts = np.empty(SYMBOLS, np.int64)
    parts = np.empty((8, 256), np.int32)
    at, word, used = 0, ZERO, 0
    for block in range(blocks):
        first = block * BLOCK
        stop = min(n, first + BLOCK)
        last = block == blocks - 1
        runs = _runs(data, first, stop, starts, lengths)
        _count(data, first, stop, starts, lengths, runs, parts, counts)
        code_bits = code_lengths(counts, MOST_BITS)
        kept = _worthwhile(data, starts, lengths, runs, counts, code_bits)
        if kept < runs:
            runs = kept
            code_bits = code_lengths(counts, MOST_BITS)
        bits = 8 * HEADER
        for s in range(SYMBOLS):
            bits += counts[s] * code_bits[s]
        for i in range(runs):
            bits += 1 + LENGTH_BITS[lengths[i]]
        if bits >= 8 * (stop - first + 5 * ((stop - first) // STORED + 1)):
            at, word, used = store_block(data, first, stop, last, out, at, word, used)
        else:
            at, word, used = describe_code(code_bits, last, out, at, word, used)
            codes = reversed_codes(code_bits)
            at, word, used = write_symbols(
                data, first, stop, starts, lengths, runs, codes, code_bits, out, at, word, used
            )
    at, word, used = put(out, at, word, used, ZERO, 7 if used % 8 else 0)
    return out[: at + used // 8].copy()


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
        while end - i >= SHORTEST:
            length = min(LONGEST, end - i)
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
    for s in range(SYMBOLS):
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
        counts[LENGTH_SYMBOL[lengths[r]]] += 1
    for s in range(256):
        for k in range(8):
            counts[s] += parts[k, s]
    counts[END] = 1


@kernel
def _count_word(parts, word, times):
    """Count the eight bytes of a word, each in a table of its own."""
    for k in range(8):
        parts[k, (word >> np.uint64(8 * k)) & np.uint64(0xFF)] += times


@kernel
def _worthwhile(data, starts, lengths, runs, counts, code_bits):
    """Turn runs that take no fewer bits than their bytes back into these; returns how many are left."""
    kept = 0
    for r in range(runs):
        value = data[starts[r]]
        length = lengths[r]
        symbol = LENGTH_SYMBOL[length]
        # A byte that occurs in runs only has no code yet.
        if code_bits[value] and length * code_bits[value] <= code_bits[symbol] + LENGTH_BITS[length] + 1:
            counts[symbol] -= 1
            counts[value] += length
            continue
        starts[kept] = starts[r]
        lengths[kept] = length
        kept += 1
    return kept
