"""PNG's filter and deflate in one: Huffman codes and runs of one byte, nothing else (RFC 1951).

What a PNG filter leaves of a radiograph is noise around zero and long runs of zeros. Looking for longer
matches in it costs time and gains nothing; a code that fits each stretch of the data does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import ONE, ZERO, bits_repeated, load_word, trailing_zeros
from fxcore.kernels._check import as_image
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
_SAMPLED = 1 << 15  # bytes from which on a block is judged by an eighth of them
_STEPS = 8  # words, one of which is then counted
_SCATTER = 0x9E3779B1  # which one goes by bits of the place times this
_ADLER = 65521  # RFC 1950, section 8.2
_SUMMED = 4096  # bytes whose weighted sum fits 32 bits


def png_deflate(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Filter an image with "Up" (type 2) and compress what that leaves, some rows at a time.

    Cost: two passes over rows that stay in the cache, and a look at an eighth of them; the last pass writes
    up to eight codes at a time.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``.

    Returns
    -------
    stream : numpy.ndarray
        ``uint8``, one-dimensional: a raw deflate stream of the scanlines, without zlib's header and
        checksum; at most 10 bytes in each 65,535, and a few hundred, longer than those.
    checksum : int
        Adler-32 of the scanlines (RFC 1950): what follows the stream in PNG's IDAT.

    Raises
    ------
    ParameterError
        For another shape or type.

    References
    ----------
    PNG (Portable Network Graphics) Specification, Third Edition, W3C 2025, section 9.2.

    Examples
    --------
    >>> import zlib
    >>> stream, checksum = png_deflate(np.array([[5, 6], [7, 5]], np.uint8))
    >>> scanlines = zlib.decompress(stream.tobytes(), wbits=-15)
    >>> list(scanlines), checksum == zlib.adler32(scanlines)
    ([2, 5, 6, 2, 2, 255], True)
    """
    stream, checksum = _deflate(as_image(image, np.uint8))
    return stream, int(checksum)


@kernel
def _deflate(image):
    """Filter and write block after block; returns the stream and the checksum of what is in it."""
    rows, cols = image.shape
    line = 1 + cols
    many = max(1, BLOCK // line)
    blocks = max(1, (rows + many - 1) // many)
    # One block may turn out longer than it is when stored, before that is seen.
    room = rows * line + 5 * (rows * line // STORED + blocks) + HEADER * (blocks + 1) + many * line + 64
    out = np.empty(room, np.uint8)
    filtered = np.empty(many * line, np.uint8)
    most_runs = many * line // SHORTEST + 2
    starts = np.empty(most_runs, np.int32)
    lengths = np.empty(most_runs, np.int32)
    counts = np.empty(SYMBOLS, np.int64)
    parts = np.empty((8, 256), np.int32)
    low, high = np.uint64(1), ZERO
    at, word, used = 0, ZERO, 0
    for block in range(blocks):
        first = block * many
        stop = min(rows, first + many)
        last = block == blocks - 1
        data = filtered[: (stop - first) * line]
        _filter(image, first, stop, data)
        low, high = _adler(data, low, high)
        runs = _runs(data, starts, lengths)
        _count(data, starts, lengths, runs, parts, counts)
        code_bits = code_lengths(counts, MOST_BITS)
        kept = _worthwhile(data, starts, lengths, runs, counts, code_bits)
        if kept < runs:
            runs = kept
            code_bits = code_lengths(counts, MOST_BITS)
        most = data.size + 5 * (data.size // STORED + 1)
        bits = 8 * HEADER
        for s in range(SYMBOLS):
            bits += counts[s] * code_bits[s]
        for i in range(runs):
            bits += 1 + LENGTH_BITS[lengths[i]]
        stored = bits >= 8 * most
        if not stored:
            codes = reversed_codes(code_bits)
            end, rest, left = describe_code(code_bits, last, out, at, word, used)
            end, rest, left = write_symbols(
                data, starts, lengths, runs, codes, code_bits, out, end, rest, left
            )
            # Judged by some of its bytes, it may have become longer than thought.
            stored = end > at + most
        if stored:
            end, rest, left = store_block(data, last, out, at, word, used)
        at, word, used = end, rest, left
    at, word, used = put(out, at, word, used, ZERO, 7 if used % 8 else 0)
    return out[: at + used // 8], (high << np.uint64(16)) | low


@kernel
def _filter(image, first, stop, data):
    """Write the scanlines of rows `first` to `stop` - 1 into `data`, each after its filter type."""
    cols = image.shape[1]
    at = 0
    for r in range(first, stop):
        data[at] = 2
        into = data[at + 1 : at + 1 + cols]
        at += 1 + cols
        here = image[r]
        if r == 0:
            for c in range(cols):
                into[c] = here[c]
        else:
            above = image[r - 1]
            for c in range(cols):
                into[c] = np.uint8(here[c] - above[c])


@kernel
def _adler(data, low, high):
    """Go on with the two sums of Adler-32 over `data`."""
    for first in range(0, data.size, _SUMMED):
        part = data[first : first + _SUMMED]
        total = np.uint32(0)
        weighted = np.uint32(0)
        weight = np.uint32(part.size)
        for i in range(part.size):
            value = np.uint32(part[i])
            total = np.uint32(total + value)
            weighted = np.uint32(weighted + np.uint32(value * np.uint32(weight - np.uint32(i))))
        high = (high + low * np.uint64(part.size) + np.uint64(weighted)) % np.uint64(_ADLER)
        low = (low + np.uint64(total)) % np.uint64(_ADLER)
    return low, high


@kernel
def _runs(data, starts, lengths):
    """Find where a byte repeats the one before it again and again; returns how many stretches.

    A stretch is cut at the longest match, and what is left of it is dropped if too short for another.
    """
    stop = data.size
    count = 0
    i = 1
    while i < stop:
        if i + 64 <= stop:
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
def _count(data, starts, lengths, runs, parts, counts):
    """Count the symbols of a block: the bytes that no run stands for, and the runs.

    Of a large block an eighth of the bytes is counted for all: here and there, as an image may repeat itself
    at any distance. What may occur all the same has a count of at least 1.
    """
    parts[:] = 0
    counts[:] = 0
    steps = _STEPS if data.size >= _SAMPLED else 1
    r = 0
    for place in range(0, data.size - 8 * steps + 1, 8 * steps):
        scattered = np.uint32(np.uint32(place) * np.uint32(_SCATTER)) >> np.uint32(16)
        at = place + 8 * (np.int64(scattered) & (steps - 1))
        while r < runs and starts[r] + lengths[r] <= at:
            r += 1
        if r == runs or at + 8 <= starts[r]:
            word = load_word(data, at)
            # Neighbours go to eight tables, so that no count waits for the one before.
            for k in range(8):
                parts[k, (word >> np.uint64(8 * k)) & np.uint64(0xFF)] += steps
        elif at < starts[r] or at + 8 > starts[r] + lengths[r]:
            _count_literals(data, at, at + 8, starts, lengths, r, runs, steps, parts)
    rest = data.size - data.size % (8 * steps)
    _count_literals(data, rest, data.size, starts, lengths, r, runs, 1, parts)
    for k in range(8):
        for s in range(256):
            counts[s] += parts[k, s]
    if steps > 1:
        least = most = np.int8(0)
        for i in range(data.size):
            value = np.int8(data[i])
            least = min(least, value)
            most = max(most, value)
        for level in range(least, most + 1):
            counts[level & 255] = max(1, counts[level & 255])
    for i in range(runs):
        counts[LENGTH_SYMBOL[lengths[i]]] += 1
    counts[END] = 1


@kernel
def _count_literals(data, first, stop, starts, lengths, r, runs, times, parts):
    """Count the bytes from `first` to `stop` outside of runs; those before run `r` end before `first`."""
    for i in range(first, stop):
        while r < runs and starts[r] + lengths[r] <= i:
            r += 1
        if r == runs or i < starts[r]:
            parts[i & 7, data[i]] += times


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
