"""The data set's PNG codec against another reader and writer, and against damage."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fxcore.dataset.png import decode_png, encode_png
from fxcore.errors import DataSetError

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
