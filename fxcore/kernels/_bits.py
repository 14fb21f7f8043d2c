"""The few machine operations that Numba does not offer, as LLVM instructions, and what is made of one."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from fxcore.kernels._jit import kernel

WORD = 64  # pixels looked at together
SUMS = 32  # numbers added up together


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    return builder.gep(make_array(array_type)(context, builder, array).data, [offset])


@intrinsic
def bits_above(typing_context: Any, row: Any, offset: Any, threshold: Any) -> Any:
    """Compare the 64 pixels from ``row[offset]`` on with `threshold`; bit i of the answer is pixel i.

    One vector load, one vector comparison, one move of the mask. Nothing checks the bounds: the
    caller has made sure that ``offset + 64 <= row.size``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, first, level = arguments
        pixels = ir.VectorType(level.type, WORD)
        pointer = _pointer(context, builder, signature.args[0], array, first)
        vector = builder.load(builder.bitcast(pointer, pixels.as_pointer()), align=level.type.width // 8)
        undefined = ir.Constant(pixels, ir.Undefined)
        lane = ir.IntType(32)
        one = builder.insert_element(undefined, level, lane(0))
        levels = builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(lane, WORD), [0] * WORD))
        return builder.bitcast(builder.icmp_unsigned(">", vector, levels), ir.IntType(WORD))

    return types.uint64(row, types.intp, row.dtype), generate


@intrinsic
def pixel_pair(typing_context: Any, pixels: Any, offset: Any) -> Any:
    """Load the two pixels at ``pixels[offset]`` together: the first in the low half.

    Nothing checks the bounds: the caller has made sure that ``offset + 1 < pixels.size``.
    """
    pair: Any = types.uint16 if pixels.dtype.bitwidth == 8 else types.uint32

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        number = ir.IntType(pair.bitwidth)
        return builder.load(builder.bitcast(pointer, number.as_pointer()), align=pixels.dtype.bitwidth // 8)

    return pair(pixels, types.intp), generate


def _prefetch(write: int) -> Any:
    @intrinsic
    def prefetch(typing_context: Any, pixels: Any, offset: Any) -> Any:
        """Ask for the memory of ``pixels[offset]`` early; an offset outside the array does no harm."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            ask = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
            pointer = _pointer(context, builder, signature.args[0], *arguments)
            builder.call(ask, [builder.bitcast(pointer, byte), flag(write), flag(3), flag(1)])
            return context.get_dummy_value()

        return types.void(pixels, types.intp), generate

    return prefetch


prefetch_to_read = _prefetch(0)
prefetch_to_write = _prefetch(1)


@intrinsic
def transpose_block(
    typing_context: Any, source: Any, at: Any, stride: Any, target: Any, to: Any, step: Any
) -> Any:
    """Transpose as many rows as 16 bytes hold pixels, of that many pixels, from `source` into `target`.

    Row i is loaded from ``source[at + i * stride]`` on, column i stored to ``target[to + i * step]`` on;
    both strides may be negative. Nothing checks the bounds.
    """
    size = 128 // source.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first, pitch, start, jump = (arguments[k] for k in (1, 2, 4, 5))
        row = ir.VectorType(ir.IntType(source.dtype.bitwidth), size)
        width = source.dtype.bitwidth // 8

        def address(kind: Any, array: Any, origin: Any, stride: Any, i: int) -> Any:
            offset = builder.add(origin, builder.mul(stride, stride.type(i)))
            return builder.bitcast(_pointer(context, builder, kind, array, offset), row.as_pointer())

        rows = [
            builder.load(address(signature.args[0], arguments[0], first, pitch, i), align=width)
            for i in range(size)
        ]
        # Interleaving the first half of the rows with the second, log2(size) times over, transposes.
        lane = ir.VectorType(ir.IntType(32), size)
        low = ir.Constant(lane, [i // 2 + size * (i % 2) for i in range(size)])
        high = ir.Constant(lane, [size // 2 + i // 2 + size * (i % 2) for i in range(size)])
        for _ in range(size.bit_length() - 1):
            pairs = zip(rows[: size // 2], rows[size // 2 :], strict=True)
            rows = [builder.shuffle_vector(a, b, half) for a, b in pairs for half in (low, high)]
        for i, vector in enumerate(rows):
            builder.store(vector, address(signature.args[3], arguments[3], start, jump, i), align=width)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


@intrinsic
def reverse_block(typing_context: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """Write the pixels of 64 bytes from ``source[at]`` on into `target` from `to` on, last pixel first.

    Nothing checks the bounds.
    """
    size = 512 // source.dtype.bitwidth
    width = source.dtype.bitwidth // 8

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = ir.VectorType(ir.IntType(source.dtype.bitwidth), size)
        given = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        taken = _pointer(context, builder, signature.args[2], arguments[2], arguments[3])
        vector = builder.load(builder.bitcast(given, row.as_pointer()), align=width)
        order = ir.Constant(ir.VectorType(ir.IntType(32), size), list(range(size))[::-1])
        vector = builder.shuffle_vector(vector, vector, order)
        builder.store(vector, builder.bitcast(taken, row.as_pointer()), align=width)
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp), generate


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a word that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate


@intrinsic
def count_ones(typing_context: Any, word: Any) -> Any:
    """Return how many bits of a word are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


ZERO = np.uint64(0)
ONE = np.uint64(1)


@intrinsic
def bits_repeated(typing_context: Any, row: Any, offset: Any) -> Any:
    """Compare 64 bytes from ``row[offset]`` on, each with the byte before it; bit i is set where equal.

    Nothing checks the bounds: the caller has made sure that ``1 <= offset <= row.size - 64``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, first = arguments
        vector = ir.VectorType(ir.IntType(8), WORD).as_pointer()
        before = builder.sub(first, ir.Constant(first.type, 1))
        here, there = (
            builder.load(
                builder.bitcast(_pointer(context, builder, signature.args[0], array, o), vector), align=1
            )
            for o in (first, before)
        )
        return builder.bitcast(builder.icmp_unsigned("==", here, there), ir.IntType(WORD))

    return types.uint64(row, types.intp), generate


@intrinsic
def load_word(typing_context: Any, source: Any, offset: Any) -> Any:
    """Load the eight bytes from ``source[offset]`` on as one word, lowest first.

    Nothing checks the bounds: the caller has made sure that ``offset + 8 <= source.size``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(pointer, ir.IntType(WORD).as_pointer()), align=1)

    return types.uint64(source, types.intp), generate


@intrinsic
def load_word_big_endian(typing_context: Any, source: Any, offset: Any) -> Any:
    """Load the eight bytes from ``source[offset]`` on as one word, highest first.

    Nothing checks the bounds: the caller has made sure that ``offset + 8 <= source.size``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        word = builder.load(builder.bitcast(pointer, ir.IntType(WORD).as_pointer()), align=1)
        return builder.bswap(word)

    return types.uint64(source, types.intp), generate


@kernel
def word_from_bit(data, at):
    """Return the bits from bit `at` on, highest first: at least 57 of them, then zeros.

    Nothing checks the bounds: the caller has made sure that ``at // 8 + 8 <= data.size``.
    """
    return load_word_big_endian(data, at >> 3) << np.uint64(at & 7)


@intrinsic
def store_word(typing_context: Any, target: Any, offset: Any, word: Any) -> Any:
    """Store the eight bytes of `word`, lowest first, from ``target[offset]`` on.

    Nothing checks the bounds: the caller has made sure that ``offset + 8 <= target.size``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, first, value = arguments
        pointer = _pointer(context, builder, signature.args[0], array, first)
        builder.store(value, builder.bitcast(pointer, ir.IntType(WORD).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(target, types.intp, types.uint64), generate


@intrinsic
def leading_zeros(typing_context: Any, word: Any) -> Any:
    """Return how many zeros are above the highest set bit of a word; 64 for a word of 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), generate


@intrinsic
def byte_swapped(typing_context: Any, word: Any) -> Any:
    """Return a word with its bytes in the opposite order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bswap(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def put_run(typing_context: Any, source: Any, at: Any, target: Any, to: Any, repeat: Any) -> Any:
    """Write 128 bytes from ``target[to]`` on: those at ``source[at]`` or, with `repeat`, only the first.

    No branch tells one from the other: which it is cannot be predicted. Nothing checks the bounds: the
    caller has made sure that ``at + 128 <= source.size`` and ``to + 128 <= target.size``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, lane, lanes = ir.IntType(8), ir.IntType(32), 64
        vector = ir.VectorType(byte, lanes)
        undefined = ir.Constant(vector, ir.Undefined)
        zeros = ir.Constant(ir.VectorType(lane, lanes), [0] * lanes)

        def everywhere(value: Any) -> Any:
            one = builder.insert_element(undefined, value, lane(0))
            return builder.shuffle_vector(one, undefined, zeros)

        given = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        taken = _pointer(context, builder, signature.args[2], arguments[2], arguments[3])
        filling = everywhere(builder.load(given))
        chosen = everywhere(builder.sext(builder.trunc(arguments[4], ir.IntType(1)), byte))
        filling, kept = builder.and_(filling, chosen), builder.not_(chosen)
        for k in range(0, 128, lanes):
            step = ir.IntType(64)(k)
            literal = builder.bitcast(builder.gep(given, [step]), vector.as_pointer())
            literal = builder.load(literal, align=1)
            place = builder.bitcast(builder.gep(taken, [step]), vector.as_pointer())
            builder.store(builder.or_(builder.and_(literal, kept), filling), place, align=1)
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp, types.boolean), generate


@intrinsic
def add_up(typing_context: Any, source: Any, at: Any, target: Any, to: Any, before: Any) -> Any:
    """Write the sums of `before` and the first 1 to 32 of 32 numbers, modulo 2^16; returns the last.

    They are read from ``source[at]`` on and written from ``target[to]`` on. Nothing checks the bounds.
    """
    lanes = SUMS

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lane = ir.IntType(32)
        vector = ir.VectorType(ir.IntType(16), lanes)
        given = _pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        taken = _pointer(context, builder, signature.args[2], arguments[2], arguments[3])
        sums = builder.load(builder.bitcast(given, vector.as_pointer()), align=2)
        zeros = ir.Constant(vector, [0] * lanes)
        step = 1
        while step < lanes:
            moved = ir.Constant(ir.VectorType(lane, lanes), [lanes - step + i for i in range(lanes)])
            sums = builder.add(sums, builder.shuffle_vector(zeros, sums, moved))
            step *= 2
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[4], lane(0))
        everywhere = ir.Constant(ir.VectorType(lane, lanes), [0] * lanes)
        sums = builder.add(sums, builder.shuffle_vector(one, one, everywhere))
        builder.store(sums, builder.bitcast(taken, vector.as_pointer()), align=2)
        return builder.extract_element(sums, lane(lanes - 1))

    return types.uint16(source, types.intp, target, types.intp, types.uint16), generate
