"""Whether scans of a JPEG with Huffman codes hold all that they should (ITU-T T.81 annexes F and G).

Decoders fill what is missing of a scan with grey and call that a success. Here nothing is decoded: the
codes are followed, and what is told is where the last one ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._bits import ONE, count_ones, word_from_bit
from fxcore.kernels._jit import kernel

ROOM = 512  # bytes after the data that can be read: the codes of a block, and more, are shorter
_TABLE_BITS = 13
_BLOCK = 64  # coefficients
_MOST_CODES = 256
_TO_INDEX = np.uint64(64 - _TABLE_BITS)
_SIXTY_FOUR = np.uint64(64)
_ZEROS = 0xF0  # a run of 16 zeros without a coefficient after it
# Fields of an entry: bits and coefficients of the first code, bits and coefficients of it and all whole
# codes after it, and the coefficients before the last of those.
_TO_ADVANCE, _TO_ALL_BITS, _TO_ALL_ADVANCE, _TO_BEFORE = 5, 12, 17, 24
_FIVE, _SEVEN = 31, 127


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A Huffman table (T.81 annex C), ready to be looked up.

    Attributes
    ----------
    codes : numpy.ndarray
        ``int64``, for each pattern of 13 bits: bits of the code that it begins with, and from bit 8 on what
        the code stands for; 0 where that takes more bits.
    entries : numpy.ndarray
        ``int64``, for the same patterns: the fields named above, 0 where even the first code is not whole.
    last : numpy.ndarray
        ``uint64``, for codes from short to long: the last word that begins with it; 256 of them.
    lengths, symbols : numpy.ndarray
        ``int64``: bits of each, and what it stands for.
    """

    codes: NDArray[np.int64]
    entries: NDArray[np.int64]
    last: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    symbols: NDArray[np.int64]


def code_table(counts: Sequence[int], values: Sequence[int], *, first: bool) -> CodeTable:
    """Make the table of the codes that `counts` of 1 to 16 bits and `values` describe.

    Parameters
    ----------
    counts, values : sequence of int
        BITS and HUFFVAL of T.81 annex C.
    first : bool
        Whether they stand for differences of first coefficients, or of samples, one code for each; else for
        runs of zeros and the coefficient after them (F.1.2.2.1).

    Raises
    ------
    ParameterError
        If there are not as many bit patterns as codes, or more codes than there can be.
    """
    if len(counts) != 16 or sum(counts) != len(values) or not 1 <= len(values) <= _MOST_CODES:
        raise ParameterError(f"counts of codes {list(counts)} for {len(values)} values")
    if first and max(values) > 16:
        raise ParameterError(f"a difference of {max(values)} bits")
    lengths, symbols = np.zeros((2, _MOST_CODES), np.int64)
    lengths[: len(values)] = np.repeat(np.arange(1, 17), counts)
    symbols[: len(values)] = values
    ends = np.cumsum(1 << (16 - lengths[: len(values)]))
    if ends[-1] > 1 << 16:
        raise ParameterError(f"there are not as many bit patterns as codes: {list(counts)}")
    last = np.full(_MOST_CODES, np.iinfo(np.uint64).max)
    last[: len(values)] = [(end << 48) - 1 for end in ends.tolist()]
    codes, entries = np.zeros((2, 1 << _TABLE_BITS), np.int64)
    _fill(codes, entries, lengths, symbols, first)
    return CodeTable(codes, entries, last, lengths, symbols)


def stacked(tables: Sequence[CodeTable]) -> tuple[NDArray[Any], ...]:
    """Return the fields of `CodeTable`, each of all `tables` together."""
    names = ("codes", "entries", "last", "lengths", "symbols")
    return tuple(np.stack([getattr(table, name) for table in tables]) for name in names)


@kernel
def _fill(codes, entries, lengths, symbols, first):
    """Fill `codes` and `entries`, which are 0, from the codes in order."""
    begin = 0
    for i in range(lengths.size):
        length, symbol = lengths[i], symbols[i]
        if length == 0 or length > _TABLE_BITS:
            break
        for _ in range(1 << (_TABLE_BITS - length)):
            codes[begin] = length | symbol << 8
            begin += 1
    for index in range(codes.size):
        bits, advance, before, entry = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        while advance < _BLOCK:
            one = codes[index << bits & (codes.size - 1)]
            more, step = _meaning(one >> 8, first)
            more += one & 255
            if one == 0 or bits + more > _TABLE_BITS:
                if bits == 0 and one:
                    # More bits than looked up, but it is known how many.
                    entry = more | step << _TO_ADVANCE
                    bits, advance = more, step
                break
            if bits == 0:
                entry = more | step << _TO_ADVANCE
            bits, before, advance = bits + more, advance, advance + step
        entries[index] = entry | bits << _TO_ALL_BITS | advance << _TO_ALL_ADVANCE | before << _TO_BEFORE


@kernel
def _meaning(symbol, first):
    """Return how many bits follow the code of a symbol, and how many coefficients both stand for."""
    if first:
        # Size 16, of lossless JPEG alone, has none.
        return (symbol if symbol < 16 else np.int64(0)), np.int64(1)
    size = symbol & 15
    # The end of a block is as good as all that it may have.
    return size, ((symbol >> 4) + 1 if size or symbol == _ZEROS else np.int64(_BLOCK))


@kernel
def _code(word, t, codes, last, lengths, symbols):
    """Return bits and symbol of the code of table `t` that a word begins with; 0 bits if there is none."""
    one = codes[t, word >> _TO_INDEX]
    if one:
        return one & 255, one >> 8
    for i in range(_MOST_CODES):
        if word <= last[t, i]:
            return lengths[t, i], symbols[t, i]
    return np.int64(0), np.int64(0)


@kernel
def _long(word, t, codes, last, lengths, symbols, first):
    """Return bits, of code and value, and coefficients that a word begins with; 0 bits for no code."""
    length, symbol = _code(word, t, codes, last, lengths, symbols)
    if length == 0:
        return length, length
    size, step = _meaning(symbol, first)
    return length + size, step


@kernel
def follow_sequential(data, at, end, units, plan, firsts, others, alone):
    """Follow the codes of `units` units (MCU) from bit `at` on, none of which may end past bit `end`.

    Parameters
    ----------
    data : numpy.ndarray
        ``uint8``, without stuffed bytes, and with `ROOM` bytes after `end`.
    plan : numpy.ndarray
        ``int64``, shape ``(blocks of a unit, 2)``: which of `firsts` and of `others` each takes.
    firsts, others : tuple of numpy.ndarray
        From `stacked`, of first coefficients and of those after them.
    alone : bool
        Whether there are first coefficients, or samples, and nothing else.

    Returns
    -------
    at : int
        Where the last code ends, -1 where there is a pattern that is no code or ends past its block or `end`.
    unit : int
        How many units there were.
    """
    # Taken out of their tuples here: what is taken out of one within a loop is counted each time.
    first_codes, first_entries, first_last, first_lengths, first_symbols = firsts
    codes, entries, last, lengths, symbols = others
    for unit in range(units):
        for b in range(plan.shape[0]):
            t, o = plan[b, 0], plan[b, 1]
            word = word_from_bit(data, at)
            bits = first_entries[t, word >> _TO_INDEX] & _FIVE
            if bits == 0:
                bits, _ = _long(word, t, first_codes, first_last, first_lengths, first_symbols, True)
            at += bits
            if bits == 0 or at > end:
                return np.int64(-1), unit
            k = np.int64(_BLOCK if alone else 1)
            while k < _BLOCK:
                word = word_from_bit(data, at)
                entry = entries[o, word >> _TO_INDEX]
                if k + (entry >> _TO_BEFORE) < _BLOCK:
                    bits, step = entry >> _TO_ALL_BITS & _FIVE, entry >> _TO_ALL_ADVANCE & _SEVEN
                else:
                    bits, step = entry & _FIVE, entry >> _TO_ADVANCE & _SEVEN
                if entry == 0:
                    bits, step = _long(word, o, codes, last, lengths, symbols, False)
                at += bits
                k += step
                if bits == 0 or (k > _BLOCK and step < _BLOCK):
                    return np.int64(-1), unit
            if at > end:
                return np.int64(-1), unit
    return at, units


@kernel
def follow_band(data, at, end, present, tables, low, high, refining):
    """Follow the codes of a band of coefficients, as a progressive scan holds them (T.81 G.1.2.2, G.1.2.3).

    Parameters
    ----------
    data, at, end
        As for `follow_sequential`.
    present : numpy.ndarray
        ``uint64``, one for each block: which coefficients are not 0. The new ones are added.
    tables : tuple of numpy.ndarray
        From `stacked`, of a single table.
    low, high : int
        First and last coefficient of the band.
    refining : bool
        Whether the scan gives a further bit to what earlier ones have begun.

    Returns
    -------
    at, block : int
        As of `follow_sequential`.
    """
    codes, _, last, lengths, symbols = tables
    empty = np.int64(0)  # blocks without a new coefficient from here on
    for block in range(present.size):
        known = present[block]
        k = low
        while k <= high and empty == 0:
            word = word_from_bit(data, at)
            length, symbol = _code(word, 0, codes, last, lengths, symbols)
            run, size = symbol >> 4, symbol & 15
            at += length
            if length == 0 or at > end or (refining and size > 1):
                return np.int64(-1), block
            if size == 0 and run < 15:
                more = np.int64((word << np.uint64(length)) >> (_SIXTY_FOUR - np.uint64(run))) if run else 0
                empty = (np.int64(1) << run) + more
                at += run
                break
            at += size
            if refining:
                # A bit for each known coefficient that is passed, until `run` others were.
                while k <= high:
                    if known >> np.uint64(k) & ONE:
                        at += 1
                    elif run == 0:
                        break
                    else:
                        run -= 1
                    k += 1
            else:
                k += run
            if size:
                if k > high:
                    return np.int64(-1), block
                present[block] |= ONE << np.uint64(k)
            k += 1
        if empty:
            empty -= 1
            if refining:
                at += (
                    count_ones(known >> np.uint64(k) << np.uint64(_BLOCK - 1 - high + k)) if k <= high else 0
                )
        if at > end:
            return np.int64(-1), block
    return at, np.int64(present.size)
