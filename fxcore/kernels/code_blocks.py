"""Code blocks of JPEG 2000: arithmetic-coded bit-planes to wavelet coefficients (ITU-T T.800 annex D)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._jit import inlined, kernel
from fxcore.kernels.arithmetic import CONTEXTS, ONE, SLACK, WHOLE_INTERVAL, ZERO, first_bits, without_stuffing
from fxcore.kernels.coding_passes import (
    COLUMNS,
    CONTEXT_COUNT,
    RUN,
    SIGNIFICANCE_CONTEXTS,
    UNIFORM,
    Block,
    Coder,
    cleanup_pass,
    refinement_pass,
    significance_pass,
)

MOST_BIT_PLANES = 30
MOST_AREA, MOST_SIDE = 4096, 1024
"""Size of a code block at most, in coefficients (T.800 table A.18)."""

# Most words of a block (four columns by 1024 rows), and most windows (1024 columns by four rows), borders
# included; blocks on the edge of an image are smaller, never more of either.
_WORDS, _BORDERED, _WINDOWS = 256, 1024, 4096


def decode_code_blocks(
    data: NDArray[np.uint8],
    begin: NDArray[np.int64],
    length: NDArray[np.int64],
    passes: NDArray[np.int64],
    bit_planes: NDArray[np.int64],
    band: NDArray[np.int64],
    top: NDArray[np.int64],
    left: NDArray[np.int64],
    height: NDArray[np.int64],
    width: NDArray[np.int64],
    plane: NDArray[np.int32],
) -> None:
    """Decode code blocks into their places among the coefficients of a tile.

    Blocks without selective bypass, resets, terminations, vertically causal contexts or segmentation symbols
    (code-block style 0, T.800 table A.19). Coefficients of which not all bit-planes were coded are
    set to the middle of what they can be (T.800 E.1.1.2, r = 1/2), rounded towards zero.

    Cost: about 9 ns a bit of the stream; no other step of decoding JPEG 2000 comes near it.

    Parameters
    ----------
    data : numpy.ndarray
        ``uint8``, shape ``(bytes,)``: the bytes of the blocks, and at least 8 more.
    begin, length : numpy.ndarray
        ``int64``, shape ``(blocks,)``: where the bytes of each block are.
    passes, bit_planes : numpy.ndarray
        ``int64``, shape ``(blocks,)``: number of coding passes and of coded magnitude bit-planes.
    band : numpy.ndarray
        ``int64``, shape ``(blocks,)``: 0 for LL, 1 for HL (horizontally high-pass), 2 for LH, 3 for HH.
    top, left, height, width : numpy.ndarray
        ``int64``, shape ``(blocks,)``: the place of each block in `plane`.
    plane : numpy.ndarray
        ``int32``, shape ``(rows, columns)``. Changed in place, where there are blocks.

    Raises
    ------
    ParameterError
        If arrays are of another type or length, or a block lies outside of `data` or `plane`, is larger
        than a code block may be, or has more passes or bit-planes than there can be.

    Examples
    --------
    Four coefficients of the example in T.800 J.10, in seven passes over three bit-planes.

    >>> code = np.array([0x0F, 0xB1, 0x76, *8 * [0]], np.uint8)
    >>> plane = np.zeros((4, 1), np.int32)
    >>> numbers = (0, 3, 7, 3, 2, 0, 0, 4, 1)
    >>> decode_code_blocks(code, *(np.array([n]) for n in numbers), plane)
    >>> plane.ravel()
    array([1, 5, 1, 0], dtype=int32)
    """
    blocks = (begin, length, passes, bit_planes, band, top, left, height, width)
    if not all(isinstance(a, np.ndarray) and a.dtype == np.int64 and a.shape == begin.shape for a in blocks):
        raise ParameterError("what describes the code blocks must be int64 arrays of one length")
    if data.dtype != np.uint8 or data.ndim != 1 or plane.dtype != np.int32 or plane.ndim != 2:
        raise ParameterError("data must be uint8 with 1 dimension and plane int32 with 2")
    if not plane.flags.carray:
        raise ParameterError("plane must be writable and contiguous, row after row")
    rows, columns = plane.shape
    _require(band, 0, 3, "band")
    _require(bit_planes, 1, MOST_BIT_PLANES, "bit_planes")
    _require(passes, 1, 3 * bit_planes - 2, "passes")
    _require(length, 0, data.size - 8, "length")
    _require(begin, 0, data.size - 8 - length, "begin")
    _require(height, 1, MOST_SIDE, "height")
    _require(width, 1, np.minimum(MOST_SIDE, MOST_AREA // height), "width")
    _require(top, 0, rows - height, "top")
    _require(left, 0, columns - width, "left")
    if begin.size:
        _decode(
            length.max(),
            np.require(data, requirements=("C", "A", "W")),
            *map(np.ascontiguousarray, blocks),
            plane,
        )


def _require(values: NDArray[np.int64], low: int, high: Any, name: str) -> None:
    wrong = np.flatnonzero((values < low) | (values > high))
    if wrong.size:
        k = wrong[0]
        most = np.broadcast_to(high, values.shape)[k]
        raise ParameterError(f"{name} of code block {k} must be in {low}..{most}, not {values[k]}")


@inlined
def _words():
    return np.empty(_WORDS, np.uint64)


@kernel
def _clear(words, count):
    for i in range(count):
        words[i] = ZERO


@kernel
def _begin(coder, last):
    """Set contexts (table D.7), interval and code as they are before the first pass."""
    bits, state, counts, contexts = coder
    for i in range(CONTEXT_COUNT):
        contexts[i] = CONTEXTS[0]
    contexts[0] = CONTEXTS[2 * 4]
    contexts[RUN] = CONTEXTS[2 * 3]
    contexts[UNIFORM] = CONTEXTS[2 * 46]
    state[0] = WHOLE_INTERVAL
    state[1], counts[0], counts[2] = first_bits(bits)
    counts[1] = last


@kernel
def _place(planes, bit_planes, passes, block, coefficients):
    """Put the bit-planes together."""
    rows, columns = block.rows, block.columns
    words = (columns + COLUMNS - 1) // COLUMNS
    # The lowest bit-plane that was begun; in its first pass only those visited took part.
    lowest = bit_planes - 1 - (passes + 1) // 3
    in_part = (passes + 1) % 3 == 0
    values = np.empty(64, np.int32)
    for stripe in range((rows + 3) >> 2):
        for word in range(words):
            k = stripe * words + word
            for c in range(64):
                values[c] = 0
            for p in range(lowest, bit_planes):
                for half in range(0, 64, 32):
                    bits = np.uint32(planes[p, k] >> np.uint64(half))
                    for c in range(32):
                        values[half + c] |= np.int32((bits >> np.uint32(c)) & np.uint32(1)) << np.int32(p)
            if lowest > 0 or in_part:
                for c in range(64):
                    known = lowest
                    if in_part and not (block.visited[k] >> np.uint64(c)) & ONE:
                        known += 1
                    if values[c] and known:
                        values[c] |= np.int32(1) << np.int32(known - 1)
            for half in range(0, 64, 32):
                bits = np.uint32(block.negative[k] >> np.uint64(half))
                for c in range(32):
                    flip = -np.int32((bits >> np.uint32(c)) & np.uint32(1))
                    values[half + c] = (values[half + c] ^ flip) - flip
            for row in range(min(4, rows - 4 * stripe)):
                for c in range(min(COLUMNS, columns - COLUMNS * word)):
                    coefficients[4 * stripe + row, COLUMNS * word + c] = values[4 * c + row]


@kernel
def _decode(longest, data, begin, length, passes, bit_planes, band, top, left, height, width, plane):
    windows, significant = np.empty(_WINDOWS, np.uint64), np.empty(_BORDERED, np.uint64)
    visited, refined, negative = _words(), _words(), _words()
    planes = np.empty((MOST_BIT_PLANES, _WORDS), np.uint64)
    bits, contexts = np.empty(longest + SLACK, np.uint8), np.empty(CONTEXT_COUNT, np.uint64)
    coder = Coder(bits, np.empty(2, np.uint64), np.empty(3, np.int64), contexts)
    for k in range(begin.size):
        block = Block(height[k], width[k], windows, significant, visited, refined, negative)
        stripes, words = (height[k] + 3) >> 2, (width[k] + COLUMNS - 1) // COLUMNS
        _clear(windows, (stripes + 2) * (width[k] + 2))
        _clear(significant, (stripes + 2) * (words + 2))
        for array in (visited, refined, negative):
            _clear(array, stripes * words)
        for p in range(bit_planes[k]):
            _clear(planes[p], stripes * words)
        _begin(coder, without_stuffing(data, begin[k], length[k], bits))
        table = SIGNIFICANCE_CONTEXTS[band[k]]
        # The first bit-plane has a cleanup pass alone.
        for n in range(2, passes[k] + 2):
            bit_plane = planes[bit_planes[k] - 1 - n // 3]
            if n % 3 == 0:
                significance_pass(coder, block, table, bit_plane)
            elif n % 3 == 1:
                refinement_pass(coder, block, bit_plane)
            else:
                cleanup_pass(coder, block, table, bit_plane)
        place = plane[top[k] : top[k] + height[k], left[k] : left[k] + width[k]]
        _place(planes, bit_planes[k], passes[k], block, place)
