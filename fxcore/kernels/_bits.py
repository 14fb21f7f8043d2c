"""The few machine operations that Numba does not offer, as LLVM instructions.

Numba's cache on disk notices a change of the file that holds a kernel, not of this one: whoever edits
it clears ``__pycache__`` (or touches the kernels that import it).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

WORD = 64  # pixels looked at together


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
    """Load the two 8-bit pixels at ``pixels[offset]`` together: the first in the low byte.

    Nothing checks the bounds: the caller has made sure that ``offset + 1 < pixels.size``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(pointer, ir.IntType(16).as_pointer()), align=1)

    return types.uint16(pixels, types.intp), generate


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return the number of the lowest set bit of a word that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate


ZERO = np.uint64(0)
ONE = np.uint64(1)
