"""The scan of a lossless JPEG with Huffman codes and one component (ITU-T T.81 annex H, process 14)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import DamagedDataError, ParameterError
from fxcore.kernels._bits import SUMS, add_up
from fxcore.kernels._check import MOST_PIXELS, as_bytes, as_integer, as_sequence
from fxcore.kernels._jit import kernel
from fxcore.kernels.jpeg_differences import (
    CODES,
    COUNT,
    FOUND,
    MOST,
    PADDING,
    PARTS,
    STATE,
    difference_table,
    read_differences,
)
from fxcore.kernels.jpeg_stuffing import unstuff

_LONGEST = 16  # bits of a code, and of a difference


def lossless_jpeg_scan(
    source: bytes | bytearray | memoryview | NDArray[np.uint8],
    start: int,
    code_counts: Sequence[int],
    code_values: Sequence[int],
    shape: tuple[int, int],
    *,
    precision: int,
    predictor: int,
    point_transform: int = 0,
    restart_rows: int = 0,
) -> NDArray[np.uint16]:
    """Decode the only scan of a lossless JPEG with one component, up to its end-of-image marker.

    It takes no stream for good that is not whole: every bit must belong to a code, every sample must
    fit the precision, and the markers must be where they have to be.

    Cost: one pass to take out stuffed bytes, one over the codes, four at a time, and one over the samples.

    Parameters
    ----------
    source : bytes-like
        The stream.
    start : int
        Where the entropy-coded data begins, after the scan header.
    code_counts : sequence of int
        How many Huffman codes there are of 1 to 16 bits (BITS of annex C).
    code_values : sequence of int
        What they stand for (HUFFVAL): the number of bits of a difference.
    shape : (int, int)
        Rows and columns.
    precision : int
        Bits of a sample, 2 to 16.
    predictor : int
        Selection value of table H.1, 1 to 7.
    point_transform : int
        Low bits that were left out, and come back as 0; below `precision`.
    restart_rows : int
        Rows in a restart interval; 0 without.

    Returns
    -------
    numpy.ndarray
        ``uint16``, of the given shape.

    Raises
    ------
    ParameterError
        For parameters outside their range, codes that are no prefix code, data without the marker that
        ends the image or that goes on after its last sample, and samples that do not fit the precision.
    DamagedDataError
        For data that is cut short or holds a code that cannot be.

    References
    ----------
    ITU-T T.81 (1992): sections C.2 (codes), E.2.4 (restart intervals), H.1.2 (prediction, differences).

    Examples
    --------
    The code 0 stands for the difference 0, and 10 for one of the further bit: 0 is -1, 1 is 1.

    >>> data = bytes([0b0_10_0_10_0_1, 0b0_1_111111, 0xFF, 0xD9])
    >>> lossless_jpeg_scan(data, 0, [1, 1] + [0] * 14, [0, 1], (2, 2), precision=8, predictor=1)
    array([[128, 127],
           [127, 128]], dtype=uint16)
    """
    stream = as_bytes(source, "source")
    rows, cols = (as_integer(n, 1, MOST_PIXELS, "each side of shape") for n in as_sequence(shape, 2, "shape"))
    as_integer(rows * cols, 1, MOST_PIXELS, "the number of pixels")
    start = as_integer(start, 0, stream.size, "start")
    precision = as_integer(precision, 2, 16, "precision")
    predictor = as_integer(predictor, 1, 7, "predictor")
    bits = precision - as_integer(point_transform, 0, precision - 1, "point_transform")
    restart_rows = as_integer(restart_rows, 0, MOST_PIXELS, "restart_rows") or rows
    codes = _codes(code_counts, code_values)

    data = np.empty(stream.size - start + PADDING, np.uint8)
    ends = np.empty(-(-rows // restart_rows), np.int64)
    intervals, marker = unstuff(stream, start, data, ends)
    if marker < stream.size and intervals != ends.size:
        raise DamagedDataError("the restart markers of the scan are not those of its rows")
    if stream[marker : marker + 2].tobytes() != b"\xff\xd9":
        raise ParameterError("the scan is not followed by the end of the image")
    image = np.empty((rows, cols), np.uint16)
    table = difference_table(*codes)
    found, state = np.empty(FOUND, np.uint16), np.empty(STATE, np.int64)
    at, seen = 0, 0
    part = 8 * int(ends[-1]) * CODES // (rows * cols)
    for first, end in zip(range(0, rows, restart_rows), (8 * ends).tolist(), strict=True):
        done, size = 0, min(restart_rows, rows - first) * cols
        while done < size:
            at, part = read_differences(data, at, end, part, table, *codes, size - done, found, state)
            if at < 0:
                raise DamagedDataError(f"corrupt codes in the scan after sample {first * cols + done}")
            done, bits_seen = _add_predictions(
                found, state[COUNT], image, first, done, predictor, 1 << (bits - 1)
            )
            seen |= bits_seen
        if end - at >= 8:
            raise ParameterError("the scan has more data than samples")
        at = end
    if seen >> bits:
        raise ParameterError(f"samples of the scan are outside {bits} bits")
    return np.left_shift(image, point_transform, out=image) if point_transform else image


def _codes(
    counts: Sequence[int], values: Sequence[int]
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the end of the bit patterns of each code, its length and the bits that follow (C.2)."""
    counts = [as_integer(n, 0, 256, "a count of codes") for n in counts]
    values = [as_integer(v, 0, _LONGEST, "the size of a difference") for v in values]
    if len(counts) != _LONGEST or sum(counts) != len(values) or not 1 <= len(values) <= _LONGEST + 1:
        raise ParameterError(f"counts of codes {counts} for the {len(values)} sizes of a difference {values}")
    lengths = [length for length, n in enumerate(counts, 1) for _ in range(n)]
    limits, limit = [], 0
    for length in lengths:
        limit += 1 << (64 - length)
        # A code of ones alone is not allowed.
        if limit >= 1 << 64:
            raise ParameterError(f"there are not as many bit patterns as codes: {counts}")
        limits.append(limit)
    return np.array(limits, np.uint64), np.array(lengths, np.int64), np.array(values, np.int64)


@kernel
def _add_predictions(found, counts, image, first, done, predictor, initial):
    """Add what is predicted (table H.1) to the differences that count, and use them up.

    They are those of the samples from number `done` on, in an interval that begins with row `first` and
    the prediction `initial`. Returns how many samples are done then, and the bits that any of them has.
    """
    cols = image.shape[1]
    seen = np.uint16(0)
    for k in range(PARTS):
        differences = found[k * MOST : (k + 1) * MOST]
        i = 0
        while i < counts[k]:
            r, begin = first + done // cols, done % cols
            row = image[r]
            # What is above the first row is never looked at.
            up = image[max(r - 1, first)]
            stop = min(cols, begin + counts[k] - i)
            c = begin
            if c == 0:
                row[0] = differences[i] + (initial if r == first else up[0])
                c = 1
            ahead = differences[i + c - begin : i + stop - begin]
            if r == first or predictor == 1:
                _from_left(ahead, row, c)
            elif predictor == 2:
                for j in range(ahead.size):
                    row[c + j] = up[c + j] + ahead[j]
            elif predictor == 3:
                for j in range(ahead.size):
                    row[c + j] = up[c + j - 1] + ahead[j]
            elif predictor <= 5:
                for j in range(ahead.size):
                    ahead[j] += (np.int32(up[c + j]) - np.int32(up[c + j - 1])) >> (predictor - 4)
                _from_left(ahead, row, c)
            else:
                _from_both(ahead, row, up, c, predictor)
            for value in row[begin:stop]:
                seen |= value
            i, done = i + stop - begin, done + stop - begin
    return done, seen


@kernel
def _from_left(ahead, row, c):
    left = row[c - 1]
    j = 0
    while j + SUMS <= ahead.size:
        left = add_up(ahead, j, row, c + j, left)
        j += SUMS
    for k in range(j, ahead.size):
        left = np.uint16(left + ahead[k])
        row[c + k] = left


@kernel
def _from_both(ahead, row, up, c, predictor):
    left = np.int32(row[c - 1])
    if predictor == 6:
        for j in range(ahead.size):
            corner = np.int32(up[c + j - 1])
            left = (np.int32(up[c + j] + ahead[j]) + ((left - corner) >> 1)) & 0xFFFF
            row[c + j] = left
    else:
        for j in range(ahead.size):
            left = (np.int32(ahead[j]) + ((left + np.int32(up[c + j])) >> 1)) & 0xFFFF
            row[c + j] = left
