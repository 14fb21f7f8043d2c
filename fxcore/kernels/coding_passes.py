"""The three coding passes over a bit-plane of a code block (ITU-T T.800 annex D.3).

A block is scanned in stripes of four rows, each column by column. What the passes ask of all coefficients
they ask of 64 at once: bit ``4 * column + row`` of a word stands for a coefficient of 16 columns of a
stripe. There is a word for what is significant, was visited, was refined, is negative, and for each
bit-plane. Only the contexts of single decisions are read from windows, a word a column, which hold
significance and sign of that column and its two neighbours.

What is significant has a border of a word, the windows have one of a column, and both have one of a stripe.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import trailing_zeros
from fxcore.kernels._jit import inlined, kernel
from fxcore.kernels.arithmetic import ALL, LOOKAHEAD, ONE, ZERO, decide, decide_likely, more_bits

COLUMNS = 16
"""Columns of a stripe to a word."""

_ROW = np.uint64(0x1111111111111111)
_NOT_FIRST, _NOT_LAST, _LAST = _ROW * np.uint64(14), _ROW * np.uint64(7), _ROW * np.uint64(8)
# Neighbours that come later in the scan, by row: below, and in the next column above, beside and below.
_LATER = np.array([0b110010, 0b111010, 0b111010, 0b011000], np.uint64)

# A window: bit 3 * (row + 1) + column + 1 for rows -1 to 4 and columns -1 to 1; 18 bits higher, the signs.
_SIGN, _ALL_AROUND = np.uint64(18), np.uint64(0o777777)
_ABOVE, _FIRST = np.uint64(7 | 7 << 18), np.uint64(7 << 3 | 7 << 21)
_CROSS, _CROSS_SIGNS, _TO_CROSS = np.uint64(0xAA), np.uint64(0x55), np.uint64(19)

# Contexts (T.800 table D.1 to D.5 number them so): significance 0 to 8, sign 9 to 13.
_REFINED, RUN, UNIFORM, CONTEXT_COUNT = 14, 17, 18, 19


def _significance_contexts() -> NDArray[np.uint8]:
    """Tables D.1: by band and the nine coefficients of a window around one."""
    table = np.zeros((4, 512), np.uint8)
    for pattern in range(512):
        near = [(pattern >> k) & 1 for k in range(9)]
        beside, above = near[3] + near[5], near[1] + near[7]
        corners = near[0] + near[2] + near[6] + near[8]
        for band in range(4):
            h, v = (above, beside) if band == 1 else (beside, above)
            if band == 3:
                context = (min(h + v, 2), 3 + min(h + v, 2), 6 + min(h + v, 1), 8)[min(corners, 3)]
            elif h:
                context = 8 if h == 2 else 7 if v else 6 if corners else 5
            else:
                context = 2 + v if v else min(corners, 2)
            table[band, pattern] = context
    return table


def _sign_contexts() -> NDArray[np.uint8]:
    """Tables D.2 and D.3: context, and in the highest bit what the sign is to be flipped by.

    By significance and sign of the four neighbours above, left, right and below: the odd and the even bits.
    """
    table = np.zeros(256, np.uint8)
    for pattern in range(256):
        above, left, right, below = (
            ((pattern >> (k + 1)) & 1) * (1 - 2 * ((pattern >> k) & 1)) for k in range(0, 8, 2)
        )
        h, v = max(-1, min(1, left + right)), max(-1, min(1, above + below))
        flip = h < 0 or (h == 0 and v < 0)
        if flip:
            h, v = -h, -v
        table[pattern] = 9 + (3 + v if h else v) | flip << 7
    return table


SIGNIFICANCE_CONTEXTS, _SIGN_CONTEXTS = _significance_contexts(), _sign_contexts()


class Coder(NamedTuple):
    """What the passes over a block decode from, and go on with.

    Attributes
    ----------
    bits : numpy.ndarray
        ``uint8``: the block's bits, followed by ones (`fxcore.kernels.arithmetic.without_stuffing`).
    state : numpy.ndarray
        ``uint64``, shape ``(2,)``: the interval and the code.
    counts : numpy.ndarray
        ``int64``, shape ``(3,)``: position in `bits`, the last there may be, and bits at hand.
    contexts : numpy.ndarray
        ``uint64``, shape ``(CONTEXT_COUNT,)``.
    """

    bits: NDArray[np.uint8]
    state: NDArray[np.uint64]
    counts: NDArray[np.int64]
    contexts: NDArray[np.uint64]


class Block(NamedTuple):
    """What is known of the coefficients of a block: ``uint64`` words, as the module says, by stripe.

    Attributes
    ----------
    rows, columns : int
    windows, significant : numpy.ndarray
        With borders.
    visited, refined, negative : numpy.ndarray
    """

    rows: int
    columns: int
    windows: NDArray[np.uint64]
    significant: NDArray[np.uint64]
    visited: NDArray[np.uint64]
    refined: NDArray[np.uint64]
    negative: NDArray[np.uint64]


@inlined
def _columns_around(significant, j, stride):
    """Significance next to the coefficients of word `j` in their own columns; and that with their own."""
    own = significant[j]
    above = ((own << ONE) & _NOT_FIRST) | ((significant[j - stride] >> np.uint64(3)) & _ROW)
    below = ((own >> ONE) & _NOT_LAST) | ((significant[j + stride] << np.uint64(3)) & _LAST)
    return above | below, above | below | own


@inlined
def _neighbours(significant, j, stride):
    """Which coefficients of word `j` have a significant neighbour."""
    near, column = _columns_around(significant, j, stride)
    _, before = _columns_around(significant, j - 1, stride)
    _, after = _columns_around(significant, j + 1, stride)
    return (
        near
        | (column << np.uint64(4))
        | (column >> np.uint64(4))
        | (before >> np.uint64(60))
        | (after << np.uint64(60))
    )


@inlined
def _valid(stripe, word, rows, columns):
    """Return which coefficients of a word are in the block."""
    short = max(0, 4 * (stripe + 1) - rows)
    narrow = max(0, COLUMNS * (word + 1) - columns)
    return (_ROW * (np.uint64(15) >> np.uint64(short))) & (ALL >> np.uint64(4 * narrow))


@inlined
def _window(windows, i, stride):
    """Return the window of column `i`, with the rows of other stripes above and below."""
    above = (windows[i - stride] >> np.uint64(12)) & _ABOVE
    return above | windows[i] | ((windows[i + stride] & _FIRST) << np.uint64(12))


@inlined
def _mark(windows, i, row, sign):
    """Tell the windows of column `i` and its neighbours of a coefficient that became significant."""
    mark = (ONE | (sign << _SIGN)) << np.uint64(3 * row)
    windows[i - 1] |= mark << np.uint64(5)
    windows[i] |= mark << np.uint64(4)
    windows[i + 1] |= mark << np.uint64(3)


@inlined
def _decide_sign(contexts, window, interval, code):
    """Decode a sign (D.3.2); the window is that of the coefficient, shifted to its row."""
    entry = _SIGN_CONTEXTS[(window & _CROSS) | ((window >> _TO_CROSS) & _CROSS_SIGNS)]
    place = entry & 15
    symbol, change, interval, code, used = decide(contexts[place], interval, code)
    contexts[place] ^= change
    return symbol ^ np.uint64(entry >> 7), interval, code, used


@kernel
def significance_pass(coder, block, table, plane):
    """Decode what is not significant but has a neighbour that is (D.3.1)."""
    bits, state, counts, contexts = coder
    rows, columns, windows, significant, visited, _, negative = block
    interval, code = state[0], state[1]
    position, last, at_hand = counts[0], counts[1], counts[2]
    words = (columns + COLUMNS - 1) // COLUMNS
    for stripe in range((rows + 3) >> 2):
        for word in range(words):
            k = stripe * words + word
            j = (stripe + 1) * (words + 2) + 1 + word
            first = (stripe + 1) * (columns + 2) + 1 + COLUMNS * word
            own, seen, signs = significant[j], ZERO, ZERO
            able = ~own & _valid(stripe, word, rows, columns)
            todo = able & _neighbours(significant, j, words + 2)
            while todo:
                b = trailing_zeros(todo)
                bit = todo & (ZERO - todo)
                todo ^= bit
                seen |= bit
                row, i = b & 3, first + (b >> 2)
                window = _window(windows, i, columns + 2) >> np.uint64(3 * row)
                context = table[window & np.uint64(511)]
                if at_hand < LOOKAHEAD:
                    position, code, at_hand = more_bits(bits, position, last, code, at_hand)
                symbol, change, interval, code, used = decide(contexts[context], interval, code)
                contexts[context] ^= change
                at_hand -= used
                if symbol:
                    if at_hand < LOOKAHEAD:
                        position, code, at_hand = more_bits(bits, position, last, code, at_hand)
                    sign, interval, code, used = _decide_sign(contexts, window, interval, code)
                    at_hand -= used
                    _mark(windows, i, row, sign)
                    signs |= sign << np.uint64(b)
                    own |= bit
                    todo |= able & (_LATER[row] << np.uint64(b))
            plane[k] = own ^ significant[j]
            visited[k] = seen
            negative[k] |= signs
            significant[j] = own
    state[0], state[1] = interval, code
    counts[0], counts[2] = position, at_hand


@kernel
def refinement_pass(coder, block, plane):
    """Decode the next bit of what was significant before this bit-plane (D.3.3)."""
    bits, state, counts, contexts = coder
    rows, columns, _, significant, visited, refined, _ = block
    interval, code = state[0], state[1]
    position, last, at_hand = counts[0], counts[1], counts[2]
    # Of the three contexts the last, for what was refined before, is much the most frequent.
    fresh, lonely, again = contexts[_REFINED + 1], contexts[_REFINED], contexts[_REFINED + 2]
    words = (columns + COLUMNS - 1) // COLUMNS
    for stripe in range((rows + 3) >> 2):
        for word in range(words):
            k = stripe * words + word
            j = (stripe + 1) * (words + 2) + 1 + word
            todo = significant[j] & ~visited[k]
            if todo == ZERO:
                continue
            before = refined[k]
            refined[k] = before | todo
            near = _neighbours(significant, j, words + 2) & ~before
            found = ZERO
            while todo:
                b = np.uint64(trailing_zeros(todo))
                todo &= todo - ONE
                is_again = ZERO - ((before >> b) & ONE)
                is_fresh = ZERO - ((near >> b) & ONE)
                if at_hand < LOOKAHEAD:
                    position, code, at_hand = more_bits(bits, position, last, code, at_hand)
                other = lonely ^ ((lonely ^ fresh) & is_fresh)
                context = (other & ~is_again) | (again & is_again)
                symbol, change, interval, code, used = decide(context, interval, code)
                again ^= change & is_again
                fresh ^= change & is_fresh
                lonely ^= change & ~(is_fresh | is_again)
                at_hand -= used
                found |= symbol << b
            plane[k] |= found
    contexts[_REFINED + 1], contexts[_REFINED], contexts[_REFINED + 2] = fresh, lonely, again
    state[0], state[1] = interval, code
    counts[0], counts[2] = position, at_hand


@kernel
def cleanup_pass(coder, block, table, plane):
    """Decode what the other passes of this bit-plane left out (D.3.4)."""
    bits, state, counts, contexts = coder
    rows, columns, windows, significant, visited, _, negative = block
    interval, code = state[0], state[1]
    position, last, at_hand = counts[0], counts[1], counts[2]
    words = (columns + COLUMNS - 1) // COLUMNS
    for stripe in range((rows + 3) >> 2):
        for word in range(words):
            k = stripe * words + word
            j = (stripe + 1) * (words + 2) + 1 + word
            first = (stripe + 1) * (columns + 2) + 1 + COLUMNS * word
            own, signs = significant[j], ZERO
            todo = ~(own | visited[k]) & _valid(stripe, word, rows, columns)
            while todo:
                b = trailing_zeros(todo)
                row, i = b & 3, first + (b >> 2)
                window = _window(windows, i, columns + 2)
                if at_hand < LOOKAHEAD:
                    position, code, at_hand = more_bits(bits, position, last, code, at_hand)
                if row == 0 and (todo >> np.uint64(b)) & np.uint64(15) == 15 and not window & _ALL_AROUND:
                    # Four in a column without a significant neighbour share a decision.
                    symbol, change, interval, code, used = decide_likely(contexts[RUN], interval, code)
                    contexts[RUN] ^= change
                    at_hand -= used
                    if symbol == ZERO:
                        todo ^= np.uint64(15) << np.uint64(b)
                        continue
                    for _ in range(2):
                        if at_hand < LOOKAHEAD:
                            position, code, at_hand = more_bits(bits, position, last, code, at_hand)
                        symbol, _, interval, code, used = decide(contexts[UNIFORM], interval, code)
                        at_hand -= used
                        row = 2 * row + np.int64(symbol)
                    todo ^= ((np.uint64(2) << np.uint64(row)) - ONE) << np.uint64(b)
                    b += row
                    window >>= np.uint64(3 * row)
                else:
                    todo &= todo - ONE
                    window >>= np.uint64(3 * row)
                    context = table[window & np.uint64(511)]
                    symbol, change, interval, code, used = decide_likely(contexts[context], interval, code)
                    contexts[context] ^= change
                    at_hand -= used
                    if symbol == ZERO:
                        continue
                if at_hand < LOOKAHEAD:
                    position, code, at_hand = more_bits(bits, position, last, code, at_hand)
                sign, interval, code, used = _decide_sign(contexts, window, interval, code)
                at_hand -= used
                _mark(windows, i, row, sign)
                signs |= sign << np.uint64(b)
                own |= ONE << np.uint64(b)
            plane[k] |= own ^ significant[j]
            negative[k] |= signs
            significant[j] = own
    state[0], state[1] = interval, code
    counts[0], counts[2] = position, at_hand
