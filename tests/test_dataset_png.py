"""The data set's PNG codec against another reader and writer, and against damage."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fxcore.dataset.png import SIGNATURE, decode_png, encode_png
from fxcore.errors import DataSetError, ParameterError
from fxcore.kernels import png_unfilter

images = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(image=images)
def test_what_is_written_is_read_by_us_and_by_opencv(image):
    data = encode_png(image)
    np.testing.assert_array_equal(decode_png(data), image)
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), image)


@given(image=images)
@pytest.mark.parametrize("strategy", [cv2.IMWRITE_PNG_ALL_FILTERS, cv2.IMWRITE_PNG_FILTER_PAETH])
def test_files_of_other_writers_are_read(image, strategy):
    written, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_FILTER, strategy])
    assert written
    np.testing.assert_array_equal(decode_png(data.tobytes()), image)


def test_the_same_image_gives_the_same_bytes_whatever_its_memory_layout():
    image = np.random.default_rng(0).integers(0, 256, (90, 70), np.uint8)
    assert encode_png(np.asfortranarray(image)) == encode_png(image)


@given(data=st.data())
def test_damage_is_an_error_and_never_another_image(data):
    image = np.arange(30 * 20, dtype=np.uint16).astype(np.uint8).reshape(30, 20)
    whole = bytearray(encode_png(image))
    kind = data.draw(st.sampled_from(["flip", "truncate"]))
    position = data.draw(st.integers(0, len(whole) - 1))
    if kind == "flip":
        whole[position] ^= data.draw(st.integers(1, 255))
    else:
        del whole[position:]
    try:
        result = decode_png(bytes(whole))
    except DataSetError:
        return
    np.testing.assert_array_equal(result, image)


@pytest.mark.parametrize(
    ("image", "flags"),
    [
        (np.zeros((5, 5, 3), np.uint8), []),
        (np.zeros((5, 5), np.uint16), []),
    ],
    ids=["colour", "16 bits"],
)
def test_only_8_bit_grey_is_part_of_a_data_set(image, flags):
    with pytest.raises(DataSetError, match="8-bit grey"):
        decode_png(cv2.imencode(".png", image, flags)[1].tobytes())


# --- files made by hand ---

_IMAGE = np.random.default_rng(1).integers(0, 4, (10, 7), np.uint8)
_LINES = b"".join(b"\0" + row.tobytes() for row in _IMAGE)
_STREAM = zlib.compress(_LINES)
_END = (b"IEND", b"")


def header(rows: int = 10, columns: int = 7, compression: int = 0, filtering: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, compression, filtering, 0)


def file_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of these chunks with right checksums."""
    parts = [SIGNATURE]
    for kind, body in chunks:
        parts += [struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(kind + body))]
    return b"".join(parts)


def test_pixels_are_taken_only_where_zlib_takes_them_whatever_bit_is_flipped():
    refused = 0
    for bit in range(8 * len(_STREAM)):
        stream = bytearray(_STREAM)
        stream[bit // 8] ^= 1 << (bit % 8)
        try:
            image = decode_png(file_of(header(), (b"IDAT", bytes(stream)), _END))
        except DataSetError:
            refused += 1
            continue
        # A few flips change Adler-32 as they change what it sums.
        np.testing.assert_array_equal(image, png_unfilter(zlib.decompress(stream), 10, 7))
    assert refused > 7 * len(_STREAM)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([header(), (b"IDAT", _STREAM[:-4]), _END], "without their checksum"),
        ([header(), (b"IDAT", _STREAM[:-1]), _END], "without their checksum"),
        ([header(9), (b"IDAT", _STREAM), _END], "more pixels than its header says"),
        ([header(11), (b"IDAT", _STREAM), _END], "fewer pixels than its header says"),
        ([header(), _END], "fewer pixels than its header says"),
        ([header(), (b"IDAT", zlib.compress(b"\7" + _LINES[1:])), _END], "scanline 0 has filter type 7"),
        ([header(compression=1), (b"IDAT", _STREAM), _END], "compression method 1"),
        ([header(filtering=64), (b"IDAT", _STREAM), _END], "filter method 64"),
        ([(b"IDAT", _STREAM), header(), _END], "no header"),
        ([header(20, 20), header(), (b"IDAT", _STREAM), _END], "'IHDR'"),
        ([header(), (b"ABCD", b"x"), (b"IDAT", _STREAM), _END], "'ABCD'"),
        ([header(0, 5), (b"IDAT", zlib.compress(b"")), _END], "no pixels: its size is 5 × 0"),
        ([header(2**30, 1), (b"IDAT", _STREAM), _END], "2147483648 bytes with their filters; at most"),
    ],
)  # fmt: skip
def test_what_the_standard_forbids_is_refused_with_the_reason(chunks, message):
    with pytest.raises(DataSetError, match=message):
        decode_png(file_of(*chunks))


def test_chunks_that_one_may_pass_over_are_and_pixels_may_be_in_several():
    text = b"tEXt", b"Title\0wrist"
    pieces = [(b"IDAT", _STREAM[k : k + 9]) for k in range(0, len(_STREAM), 9)]
    np.testing.assert_array_equal(decode_png(file_of(header(), text, *pieces, text, _END)), _IMAGE)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (5,), (5, 5, 3), (1 << 15, 1 << 15)])
def test_what_could_not_be_read_back_is_not_written(shape):
    with pytest.raises(ParameterError):
        encode_png(np.zeros(shape, np.uint8))
    with pytest.raises(ParameterError, match="uint16"):
        encode_png(np.zeros((5, 5), np.uint16))
