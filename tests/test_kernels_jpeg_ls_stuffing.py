"""Stuffed bits of JPEG-LS: taken out as one would bit by bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fxcore.kernels._check import as_bytes
from fxcore.kernels.jpeg_ls_stuffing import unstuff_bits


def _unstuffed(data: bytes) -> tuple[str, int]:
    """Return the bits up to a marker one byte after the other, and where it is, -1 if nowhere."""
    bits = ""
    for k, byte in enumerate(data):
        after_ones = k > 0 and data[k - 1] == 0xFF
        if after_ones and byte >= 0x80:
            return bits[:-8], k - 1
        bits += f"{byte:07b}" if after_ones else f"{byte:08b}"
    return bits, -1


_PIECES = st.one_of(
    st.binary(max_size=20),
    st.binary(min_size=64, max_size=64).map(lambda piece: piece.replace(b"\xff", b"\xfe") * 2),
    st.sampled_from([b"\xff", b"\xff\x00", b"\xff\x7f" * 9, b"\xff\x7f\x80", bytes(70)]),
)


@given(st.lists(_PIECES, max_size=8).map(b"".join), st.integers(0, 70), st.sampled_from([b"", b"\xff\xd9"]))
def test_unstuffing_as_bit_by_bit(data: bytes, start: int, end: bytes) -> None:
    data += end
    start = min(start, len(data))
    expected, place = _unstuffed(data[start:])
    target = np.full(len(data) - start, 0xA5, np.uint8)
    bits, marker = unstuff_bits(as_bytes(data, "data"), start, target)
    if place < 0:
        assert bits == -1
        return
    assert bits == len(expected)
    assert marker == start + place
    assert "".join(map(str, np.unpackbits(target)[:bits])) == expected
