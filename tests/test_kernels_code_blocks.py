"""Code blocks of JPEG 2000: our passes against the standard in plain Python, over any bytes at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxcore.errors import ParameterError
from fxcore.kernels.code_blocks import MOST_BIT_PLANES, decode_code_blocks
from tests import jpeg_2000_reference

# Bytes of ones, and those after them that are a carry, a marker or neither, are what goes wrong.
BYTES = st.one_of(st.integers(0, 255), st.sampled_from([0xFF, 0xFF, 0x00, 0x7F, 0x80, 0x8F, 0x90]))
SIDES = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64])


def decoded(function, blocks: list[tuple[int, ...]], data: bytes, shape: tuple[int, int]) -> np.ndarray:
    plane = np.full(shape, 77, np.int32)
    columns = (np.array(column, np.int64) for column in zip(*blocks, strict=True))
    function(np.frombuffer(data + bytes(8), np.uint8), *columns, plane)
    return plane


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_what_the_standard_makes_of_them(data: st.DataObject) -> None:
    code = bytes(data.draw(st.lists(BYTES, max_size=120)))
    rows, columns = data.draw(SIDES), data.draw(SIDES)
    bit_planes = data.draw(st.integers(1, 9))
    passes = data.draw(st.integers(1, 3 * bit_planes - 2))
    block = (0, len(code), passes, bit_planes, data.draw(st.integers(0, 3)), 1, 2, rows, columns)
    shape = (rows + 2, columns + 3)
    ours = decoded(decode_code_blocks, [block], code, shape)
    np.testing.assert_array_equal(ours, decoded(jpeg_2000_reference.decode_code_blocks, [block], code, shape))
    assert (ours[0] == 77).all(), "written outside of the block"


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1024), (4, 1024), (1024, 4), (1024, 1), (64, 64), (13, 315)]
)
def test_the_largest_blocks(rows: int, columns: int) -> None:
    code = np.random.default_rng(rows).integers(0, 255, 4000).astype(np.uint8).tobytes()
    block = (0, len(code), 20, 8, 3, 0, 0, rows, columns)
    np.testing.assert_array_equal(
        decoded(decode_code_blocks, [block], code, (rows, columns)),
        decoded(jpeg_2000_reference.decode_code_blocks, [block], code, (rows, columns)),
    )


def test_most_bit_planes() -> None:
    code = np.random.default_rng(4).integers(0, 255, 500).astype(np.uint8).tobytes()
    block = (0, len(code), 3 * MOST_BIT_PLANES - 2, MOST_BIT_PLANES, 0, 0, 0, 5, 6)
    ours = decoded(decode_code_blocks, [block], code, (5, 6))
    np.testing.assert_array_equal(
        ours, decoded(jpeg_2000_reference.decode_code_blocks, [block], code, (5, 6))
    )
    assert np.abs(ours).max() > 2**25


def test_one_block_leaves_nothing_for_the_next() -> None:
    code = np.random.default_rng(5).integers(0, 255, 900).astype(np.uint8).tobytes()
    blocks = [
        (0, 600, 22, 8, 3, 0, 0, 40, 60),
        (600, 100, 9, 5, 1, 0, 60, 9, 4),
        (700, 0, 1, 1, 0, 40, 0, 3, 64),
        (500, 400, 6, 4, 2, 43, 0, 4, 64),
    ]
    together = decoded(decode_code_blocks, blocks, code, (47, 64))
    for block in blocks:
        top, left, rows, columns = block[5:]
        alone = decoded(decode_code_blocks, [block], code, (47, 64))
        area = np.s_[top : top + rows, left : left + columns]
        np.testing.assert_array_equal(together[area], alone[area])


def test_no_blocks_change_nothing() -> None:
    none = np.zeros(0, np.int64)
    plane = np.ones((2, 2), np.int32)
    decode_code_blocks(np.zeros(8, np.uint8), *[none] * 9, plane)
    assert (plane == 1).all()


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, -1, r"begin of code block 0 must be in 0\.\.2, not -1"),
        (0, 3, r"begin of code block 0 must be in 0\.\.2, not 3"),
        (1, 8, r"length of code block 0 must be in 0\.\.5, not 8"),
        (2, 0, r"passes of code block 0 must be in 1\.\.4, not 0"),
        (2, 5, r"passes of code block 0 must be in 1\.\.4, not 5"),
        (3, 31, r"bit_planes of code block 0 must be in 1\.\.30, not 31"),
        (4, 4, r"band of code block 0 must be in 0\.\.3, not 4"),
        (5, 3, r"top of code block 0 must be in 0\.\.2, not 3"),
        (6, -2, r"left of code block 0 must be in 0\.\.4, not -2"),
        (7, 1025, r"height of code block 0 must be in 1\.\.1024, not 1025"),
        (8, 1025, r"width of code block 0 must be in 1\.\.1024, not 1025"),
    ],
)
def test_what_cannot_be_is_refused_by_name(position: int, value: int, message: str) -> None:
    block = [0, 3, 4, 2, 0, 0, 0, 2, 2]
    block[position] = value
    with pytest.raises(ParameterError, match=message):
        decoded(decode_code_blocks, [tuple(block)], bytes(5), (4, 6))


def test_arrays_of_other_types_are_refused() -> None:
    block = [np.array([n]) for n in (0, 3, 4, 2, 0, 0, 0, 2, 2)]
    data, plane = np.zeros(16, np.uint8), np.zeros((4, 4), np.int32)
    with pytest.raises(ParameterError, match="int64 arrays of one length"):
        decode_code_blocks(data, *block[:8], np.array([2, 2]), plane)
    with pytest.raises(ParameterError, match="int64 arrays of one length"):
        decode_code_blocks(data, block[0].astype(np.int32), *block[1:], plane)
    with pytest.raises(ParameterError, match="plane int32"):
        decode_code_blocks(data, *block, plane.astype(np.int64))
    with pytest.raises(ParameterError, match="contiguous"):
        decode_code_blocks(data, *block, plane.T[:, ::2])
    plane.flags.writeable = False
    with pytest.raises(ParameterError, match="writable"):
        decode_code_blocks(data, *block, plane)
