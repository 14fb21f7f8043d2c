"""The scan of a lossless JPEG-LS with one component (ITU-T T.87 annexes A and B)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import ONE, leading_zeros, word_from_bit
from fxcore.kernels._check import MOST_PIXELS, as_bytes, as_integer, as_sequence
from fxcore.kernels._jit import inlined, kernel
from fxcore.kernels.jpeg_ls_stuffing import unstuff_bits

MOST_BITS = 16  # of a sample
_LIMIT = 64  # bits of the longest code of such a sample
_CONTEXTS = 365  # where samples are not in a run, and two more for those that end one (A.2.1)
# What is known in a context (A.2.1): sums of the errors' sizes and of the errors, the correction of the
# prediction, how many samples were counted; and from these the bits of the next code's remainder.
_A, _B, _C, _N, _K = range(5)
_FIELDS = 8
_NEGATIVE = _B  # in the two contexts of runs: how many errors were negative
_LEAST_C, _LARGEST_C = -128, 127
_RESET = 64
# Bits of runs by the index of the run (A.2.1, array J).
_RUN_BITS = np.repeat(
    np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]), [4, 4, 4, 4, 2, 2, 2, 2, *[1] * 8]
)
_LAST_RUN = _RUN_BITS.size - 1
_SIXTY_THREE = np.uint64(63)


def jpeg_ls_scan(
    source: bytes | bytearray | memoryview | NDArray[np.uint8],
    start: int,
    shape: tuple[int, int],
    *,
    precision: int,
    thresholds: Sequence[int] = (0, 0, 0),
    reset: int = 0,
) -> tuple[NDArray[np.uint16], int]:
    """Decode a scan of one component that was coded without loss, up to the marker after it.

    Cost: one pass to take out stuffed bits, one over the samples. Each has to wait for the one before,
    whose value says how it was coded: what counts is how few steps there are from one to the next.

    Parameters
    ----------
    source : bytes-like
        The stream.
    start : int
        Where the entropy-coded data begins, after the scan header.
    shape : (int, int)
        Rows and columns.
    precision : int
        Bits of a sample, 2 to 16; the largest sample is the largest number of as many bits.
    thresholds : three of int
        Where gradients are divided (T1, T2, T3 of C.2.4.1.1); 0 for that of the standard.
    reset : int
        Samples of a context after which older ones count half (RESET), 3 to 255; 0 for 64.

    Returns
    -------
    image : numpy.ndarray
        ``uint16``, of the given shape.
    marker : int
        Where the marker after the scan is.

    Raises
    ------
    ParameterError
        For parameters outside their range, and data that has a code that cannot be, or is longer or
        shorter than the image.

    References
    ----------
    ITU-T T.87 (1998): annex A (coding of samples), C.2.4.1.1 (thresholds). M. Weinberger, G. Seroussi,
    G. Sapiro: The LOCO-I lossless image compression algorithm. IEEE Trans. Image Processing 9 (2000).

    Examples
    --------
    One row of zeros is a run: a bit for each of its parts, of 1, 1, 1 and 1 samples.

    >>> jpeg_ls_scan(bytes([0b11110000, 0xFF, 0xD9]), 0, (1, 4), precision=8)
    (array([[0, 0, 0, 0]], dtype=uint16), 1)
    """
    stream = as_bytes(source, "source")
    rows, cols = (as_integer(n, 1, MOST_PIXELS, "each side of shape") for n in as_sequence(shape, 2, "shape"))
    as_integer(rows * cols, 1, MOST_PIXELS, "the number of pixels")
    start = as_integer(start, 0, stream.size, "start")
    precision = as_integer(precision, 2, MOST_BITS, "precision")
    largest = (1 << precision) - 1
    steps = [1]
    for given, usual in zip(
        as_sequence(thresholds, 3, "thresholds"), default_thresholds(largest), strict=True
    ):
        steps.append(as_integer(given or usual, steps[-1], largest, "each of thresholds, in order,"))
    reset = as_integer(reset or _RESET, 3, 255, "reset")

    # A row can be read past the end of the data: whether it was is looked at after each.
    data = np.empty(stream.size - start + (cols + 2) * _LIMIT // 8, np.uint8)
    bits, marker = unstuff_bits(stream, start, data)
    if bits < 0:
        raise ParameterError("the scan has no marker at its end")
    image = np.empty((rows, cols), np.uint16)
    divided = np.repeat(np.arange(5, dtype=np.int8), np.diff([0, *steps, largest + 1]))
    divided = np.concatenate((-divided[:0:-1], divided))
    row = _decode(data, bits, image, precision, divided, np.array(steps, np.uint16), np.int64(reset))
    if row < rows:
        raise ParameterError(f"corrupt codes in row {row} of the scan")
    return image, int(marker)


def default_thresholds(largest: int) -> list[int]:
    """Return where gradients are divided in images whose largest sample is `largest` (C.2.4.1.1.1)."""
    basic = (3, 7, 21)
    if largest >= 128:
        factor = (min(largest, 4095) + 128) >> 8
        found = [factor * (value - least) + least for value, least in zip(basic, (2, 3, 4), strict=True)]
    else:
        factor = 256 // (largest + 1)
        found = [max(least, value // factor) for value, least in zip(basic, (2, 3, 4), strict=True)]
    low = 1
    for k, value in enumerate(found):
        # What does not fit becomes the one before.
        low = found[k] = value if low <= value <= largest else low
    return found


@kernel
def _decode(data, bits, image, precision, divided, steps, reset):
    """Decode the rows of an image; returns how many are right."""
    rows, cols = image.shape
    largest = (np.int64(1) << precision) - 1
    contexts = np.zeros((_CONTEXTS + 2) * _FIELDS, np.int32)
    for i in range(0, contexts.size, _FIELDS):
        contexts[i + _A] = max(2, (largest + 33) >> 6)
        contexts[i + _N] = 1
        contexts[i + _K] = _remainder_bits(np.int64(contexts[i + _A]), np.int64(1))
    # The row above, with what stands for the samples beside it (A.2.1), and its part of the contexts.
    above = np.zeros(cols + 2, np.uint16)
    context_above = np.zeros(cols, np.int16)
    gradients = np.zeros(cols + 1, np.int16)
    # No loop over four numbers of an array is unrolled and done on vectors, one over a tuple is.
    levels = steps[0], steps[1], steps[2], steps[3]
    run, at = 0, np.int64(0)
    for r in range(rows):
        at, run = _decode_row(
            data, at, image[r], above, context_above, contexts, run, precision, divided, reset
        )
        if at < 0 or at > bits:
            return r
        # A loop: slices take long to compile.
        above[0] = above[1]
        for c in range(cols):
            above[c + 1] = image[r, c]
        above[cols + 1] = above[cols]
        _look_above(above, levels, gradients, context_above)
    # The last byte is filled up with zeros, and one that is FF has another after it.
    rest = bits - at
    filled = rest < 16 and (word_from_bit(data, at) >> ONE) >> np.uint64(63 - rest) == 0
    return rows if filled else rows - 1


@kernel
def _look_above(above, steps, gradients, found):
    """Find what the row above adds to the number of each sample's context (A.3.3)."""
    cols = found.size
    for c in range(cols + 1):
        left, right = above[c], above[c + 1]
        far = np.uint16(max(left, right) - min(left, right))
        level = np.int16(0)
        for step in steps:
            level += np.int16(1) if far >= step else np.int16(0)
        gradients[c] = level if right >= left else np.int16(-level)
    for c in range(cols):
        found[c] = np.int16(81) * gradients[c + 1] + np.int16(9) * gradients[c]


@kernel
def _remainder_bits(total, count):
    """Return the least k for which ``count << k`` is at least `total` (A.5.1)."""
    k = max(
        np.int64(0), np.int64(leading_zeros(np.uint64(count))) - np.int64(leading_zeros(np.uint64(total)))
    )
    return k + np.int64((count << k) < total)


@kernel
def _long_code(data, at, k, limit, precision):
    """Read a code of any length (A.5.3); returns the bit after it, -1 if there is none, and its value."""
    word = word_from_bit(data, at)
    zeros = np.int64(leading_zeros(word))
    most = limit - precision - 1
    if zeros > most:
        return np.int64(-1), np.int64(0)
    at += zeros + 1
    word = word_from_bit(data, at)
    if zeros < most:
        return at + k, zeros << k | np.int64((word >> ONE) >> np.uint64(63 - k))
    return at + precision, np.int64((word >> ONE) >> np.uint64(63 - precision)) + 1


@kernel
def _decode_row(data, at, row, above, context_above, contexts, run, precision, divided, reset):
    """Decode the samples of a row; returns the bit after them, -1 for a code that cannot be, and the run."""
    cols = np.uint64(row.size)
    largest = (np.int64(1) << precision) - 1
    limit = 2 * (precision + max(8, precision))
    # With more zeros than these a code is the long one. Of the others, 57 bits are all of any that is small
    # enough to be an error, and so many of a word can be read, whichever of its bits is the first.
    most = np.uint64(limit - precision - 2)
    middle = np.int64(divided.size // 2)
    left, corner = np.int64(above[1]), np.int64(above[0])
    c = np.uint64(0)
    while c < cols:
        up = np.int64(above[c + ONE])
        number = np.int64(context_above[c]) + np.int64(divided[np.uint64(middle + corner - left)])
        if number == 0:
            at, c, run = _decode_run(data, at, row, above, contexts, c, left, run, precision, reset)
            if at < 0:
                return at, run
            if c < cols:
                left, corner = np.int64(row[c]), np.int64(above[c + ONE])
            c += ONE
            continue
        # Contexts that mirror each other are one (A.3.4).
        sign = number >> 63
        i = np.uint64((number ^ sign) - sign) * np.uint64(_FIELDS)
        k = np.uint64(contexts[i + np.uint64(_K)])
        word = word_from_bit(data, at)
        zeros = leading_zeros(word)
        if zeros <= most:
            value = np.int64(((zeros - ONE) << k) + ((word << zeros) >> (_SIXTY_THREE - k)))
            at += np.int64(zeros + k) + 1
        else:
            at, value = _long_code(data, at, np.int64(k), limit, precision)
        # No error is that large; taken into a context, it would make codes of any length.
        if at < 0 or value > largest:
            return np.int64(-1), run
        bias, count = np.int64(contexts[i + np.uint64(_B)]), np.int64(contexts[i + np.uint64(_N)])
        # With no remainder, the more frequent sign has the shorter codes (A.5.2).
        swapped = ((2 * bias + count - 1) & (np.int64(k) - 1)) >> 63
        error = (value >> 1) ^ -(value & 1) ^ swapped
        # The prediction: left + up - corner, but between left and up (A.4.1), corrected (A.4.2).
        low, high = min(left, up), max(left, up)
        expected = min(max(left + up - corner, low), high)
        correction = np.int64(contexts[i + np.uint64(_C)])
        expected = min(max(expected + ((correction ^ sign) - sign), np.int64(0)), largest)
        left = (expected + ((error ^ sign) - sign)) & largest
        row[c] = left
        corner = up
        c += ONE
        _learn(contexts, i, error, reset)
    return at, run


@inlined
def _learn(contexts, i, error, reset):
    """Take the error of a sample into its context (A.6)."""
    total = np.int64(contexts[i + np.uint64(_A)]) + abs(error)
    bias = np.int64(contexts[i + np.uint64(_B)]) + error
    count = np.int64(contexts[i + np.uint64(_N)])
    correction = np.int64(contexts[i + np.uint64(_C)])
    if count == reset:
        total, bias, count = total >> 1, bias >> 1, count >> 1
    count += 1
    # The prediction is corrected by one wherever the mean error is not between -1 and 0.
    low, high = (bias + count - 1) >> 63, -bias >> 63
    bias += (low & count) - (high & count)
    bias = min(max(bias, 1 - count), np.int64(0))
    correction += low - high
    if not _LEAST_C <= correction <= _LARGEST_C:
        correction += high - low
    k = _remainder_bits(total, count)
    contexts[i + np.uint64(_A)] = total
    contexts[i + np.uint64(_B)] = bias
    contexts[i + np.uint64(_C)] = correction
    contexts[i + np.uint64(_N)] = count
    contexts[i + np.uint64(_K)] = k


@kernel
def _decode_run(data, at, row, above, contexts, c, left, run, precision, reset):
    """Decode a run of samples that are `left`, from column `c` on, and the sample that ends it (A.7).

    Returns the bit after them, -1 for a code that cannot be, the column of that sample, and the run's
    next index.
    """
    cols = np.uint64(row.size)
    largest = (np.int64(1) << precision) - 1
    while True:
        size = np.uint64(_RUN_BITS[run])
        word = word_from_bit(data, at)
        whole = word >> _SIXTY_THREE
        at += 1
        if whole == ONE:
            length = min(ONE << size, cols - c)
            if length == ONE << size:
                run = min(run + 1, _LAST_RUN)
        else:
            length = ((word << ONE) >> ONE) >> (_SIXTY_THREE - size)
            at += np.int64(size)
            if c + length >= cols:
                return np.int64(-1), c, run
        for _ in range(length):
            row[c] = left
            c += ONE
        if c >= cols:
            return at, c, run
        if whole != ONE:
            break
    up = np.int64(above[c + ONE])
    same = np.int64(left == up)
    i = np.uint64((_CONTEXTS + same) * _FIELDS)
    total, count = np.int64(contexts[i + np.uint64(_A)]), np.int64(contexts[i + np.uint64(_N)])
    negative = np.int64(contexts[i + np.uint64(_NEGATIVE)])
    k = _remainder_bits(total + (count >> 1) * same, count)
    limit = 2 * (precision + max(8, precision)) - np.int64(size) - 1
    at, value = _long_code(data, at, k, limit, precision)
    if at < 0 or value > largest + 1 - same:
        return np.int64(-1), c, run
    # Which of the errors of a size comes first depends on which there were more of (A.7.2.2).
    odd = (value + same) & 1
    error = (value + same + odd) >> 1
    if np.int64(k != 0 or 2 * negative >= count) == odd:
        error = -error
    row[c] = (left + error if same else (up - error if left > up else up + error)) & largest
    half = np.int64(count == reset)
    contexts[i + np.uint64(_A)] = (total + ((value + 1 - same) >> 1)) >> half
    contexts[i + np.uint64(_NEGATIVE)] = (negative + np.int64(error < 0)) >> half
    contexts[i + np.uint64(_N)] = (count >> half) + 1
    return at, c, max(run - 1, 0)
