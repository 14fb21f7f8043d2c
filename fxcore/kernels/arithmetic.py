"""The adaptive binary arithmetic decoder of JPEG 2000, the MQ decoder (ITU-T T.800 annex C).

It is written so that the processor never has to guess: which of the two intervals was meant is noise, by
the purpose of the coder, and a guess that fails costs more than all else of a decision. Every decision
takes the same few instructions, the choices in them are masks, and the next bits are at hand as a word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fxcore.kernels._bits import byte_swapped, leading_zeros, load_word_big_endian, store_word
from fxcore.kernels._jit import inlined, kernel

# Table C.2: the size of the less probable interval, the state after the more and after the less probable
# symbol, and whether the latter changes which symbol is the more probable one.
_STATES = (
    (0x5601, 1, 1, 1), (0x3401, 2, 6, 0), (0x1801, 3, 9, 0), (0x0AC1, 4, 12, 0), (0x0521, 5, 29, 0),
    (0x0221, 38, 33, 0), (0x5601, 7, 6, 1), (0x5401, 8, 14, 0), (0x4801, 9, 14, 0), (0x3801, 10, 14, 0),
    (0x3001, 11, 17, 0), (0x2401, 12, 18, 0), (0x1C01, 13, 20, 0), (0x1601, 29, 21, 0), (0x5601, 15, 14, 1),
    (0x5401, 16, 14, 0), (0x5101, 17, 15, 0), (0x4801, 18, 16, 0), (0x3801, 19, 17, 0), (0x3401, 20, 18, 0),
    (0x3001, 21, 19, 0), (0x2801, 22, 19, 0), (0x2401, 23, 20, 0), (0x2201, 24, 21, 0), (0x1C01, 25, 22, 0),
    (0x1801, 26, 23, 0), (0x1601, 27, 24, 0), (0x1401, 28, 25, 0), (0x1201, 29, 26, 0), (0x1101, 30, 27, 0),
    (0x0AC1, 31, 28, 0), (0x09C1, 32, 29, 0), (0x08A1, 33, 30, 0), (0x0521, 34, 31, 0), (0x0441, 35, 32, 0),
    (0x02A1, 36, 33, 0), (0x0221, 37, 34, 0), (0x0141, 38, 35, 0), (0x0111, 39, 36, 0), (0x0085, 40, 37, 0),
    (0x0049, 41, 38, 0), (0x0025, 42, 39, 0), (0x0015, 43, 40, 0), (0x0009, 44, 41, 0), (0x0005, 45, 42, 0),
    (0x0001, 45, 43, 0), (0x5601, 46, 46, 0),
)  # fmt: skip

# A context is one word: the interval in the top 16 bits, where the decoder compares it, the more probable
# symbol in bit 32, and in the lowest byte where _CHANGES has what comes next.
_SYMBOL = np.uint64(32)
_INTERVAL = np.uint64(0xFFFF << 48)
_NEXT = np.uint64(0xFF)
ONE = np.uint64(1)
ZERO = np.uint64(0)
ALL = np.uint64(2**64 - 1)

WHOLE_INTERVAL = np.uint64(0x8000 << 48)
"""The interval a decoder begins with."""
SLACK = 48
"""Bytes more than those of the stream that `without_stuffing` may write."""
LOOKAHEAD = 16
"""Bits that must be at hand before each decision: no decision takes more than 15."""


def _contexts() -> np.ndarray[Any, Any]:
    words = [
        (interval << 48) | (symbol << 32) | (2 * (2 * state + symbol))
        for state, (interval, *_) in enumerate(_STATES)
        for symbol in (0, 1)
    ]
    return np.array(words, np.uint64)


def _changes() -> np.ndarray[Any, Any]:
    """By what to change a context's word: after the more probable symbol; and what to add for the other."""
    words = _contexts()
    changes = np.zeros(256, np.uint64)
    for state, (_, more, less, switch) in enumerate(_STATES):
        for symbol in (0, 1):
            here = 2 * state + symbol
            after_more = words[here] ^ words[2 * more + symbol]
            after_less = words[here] ^ words[2 * less + (symbol ^ switch)]
            changes[2 * here] = after_more
            changes[2 * here + 1] = after_more ^ after_less
    return changes


CONTEXTS = _contexts()
"""A context's word by ``2 * state + more probable symbol``."""
_CHANGES = _changes()


@intrinsic
def opaque(typing_context: Any, word: Any) -> Any:
    """Return `word`, of which the compiler knows nothing any more.

    Where it sees that a mask comes from a comparison, it makes a branch of it.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(64), [ir.IntType(64)])
        return builder.call(ir.InlineAsm(kind, "", "=r,0"), arguments)

    return types.uint64(types.uint64), generate


@inlined
def decide(context, interval, code):
    """Decode one decision (figures C.15 to C.18).

    Returns
    -------
    tuple
        The symbol, the change (exclusive or) of the context's word, the interval and the code after it, and
        how many bits were used up.
    """
    size = context & _INTERVAL
    place = context & _NEXT
    rest = interval - size
    lower = np.uint64(code < size)
    less = lower ^ np.uint64(rest < size)
    chosen = ZERO - lower
    interval = rest ^ ((rest ^ size) & chosen)
    code -= size & ~chosen
    used = leading_zeros(interval)
    symbol = ((context >> _SYMBOL) & ONE) ^ less
    change = _CHANGES[place] ^ (_CHANGES[place + ONE] & opaque(ZERO - less))
    # An interval of one half or more stays, and so does the state.
    stays = opaque(np.uint64(np.int64(interval) >> np.int64(63)))
    return symbol, change & ~stays, interval << used, code << used, np.int64(used)


@inlined
def decide_likely(context, interval, code):
    """Do as `decide`, sooner where the more probable symbol comes and is far more probable."""
    size = context & _INTERVAL
    rest = interval - size
    if code >= size and rest >> np.uint64(63):
        return (context >> _SYMBOL) & ONE, ZERO, rest, code - size, 0
    return decide(context, interval, code)


@inlined
def more_bits(bits, position, last, code, at_hand):
    """Add 32 bits to the code, of which fewer than `LOOKAHEAD` are at hand."""
    word = load_word_big_endian(bits, position) >> np.uint64(32)
    return min(position + 4, last), code + (word << np.uint64(16 - at_hand)), at_hand + 32


@inlined
def first_bits(bits):
    """Return the code to begin with, the position of the next bits, and how many are at hand."""
    # They begin one bit below the top (figure C.20); a byte that does not fit whole is left for later.
    code = (load_word_big_endian(bits, 8) >> ONE) & ~np.uint64(0x7F)
    return code | (np.uint64(bits[7]) << np.uint64(63)), 15, 41


@inlined
def _holds_ff(word):
    inverse = ~word
    return (inverse - np.uint64(0x0101010101010101)) & ~inverse & np.uint64(0x8080808080808080)


@kernel
def without_stuffing(data, begin, length, bits):
    """Write the bits of ``data[begin : begin + length]`` to `bits`, as they follow each other.

    After a byte of ones comes one of seven bits, and its eighth is a carry (figure C.19). The end, and the
    place of a marker, are followed by ones for ever: there are only ones from the returned position on.
    The bits begin at ``bits[8]``, after zeros, or a carry out of them. `bits` needs room for
    `length` + `SLACK` bytes.
    """
    store_word(bits, 0, ZERO)
    pending, count, out = ZERO, 0, 8
    after_ones = False
    i, end = begin, begin + length
    while i < end:
        if not after_ones and i + 8 <= end:
            word = load_word_big_endian(data, i)
            if _holds_ff(word) == ZERO:
                store_word(bits, out, byte_swapped(pending | (word >> np.uint64(count))))
                out += 8
                pending = (word << np.uint64(63 - count)) << ONE
                i += 8
                continue
        byte = data[i]
        if after_ones and byte > 0x8F:
            break
        if after_ones and byte & 0x80:
            before = pending
            if count:
                pending += ONE << np.uint64(64 - count)
            if count == 0 or pending < before:
                back = out - 1
                while bits[back] == 0xFF:
                    bits[back] = 0
                    back -= 1
                bits[back] += np.uint8(1)
        width = 7 if after_ones else 8
        word = np.uint64(byte) << np.uint64(64 - width)
        pending |= word >> np.uint64(count)
        count += width
        if count >= 64:
            store_word(bits, out, byte_swapped(pending))
            out += 8
            count -= 64
            pending = (word << np.uint64(width - count - 1)) << ONE
        after_ones = byte == 0xFF
        i += 1
    store_word(bits, out, byte_swapped(pending | (ALL >> np.uint64(count))))
    store_word(bits, out + 8, ALL)
    store_word(bits, out + 16, ALL)
    return out + 8
