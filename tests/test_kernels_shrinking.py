"""The kernel that makes radiographs smaller: exact means of areas, none of the image left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fxcore.errors import ParameterError
from fxcore.kernels import shrink


@given(image=arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=17)), data=st.data())
def test_each_pixel_is_the_mean_of_its_area(image, data):
    rows, columns = (data.draw(st.integers(1, side)) for side in image.shape)
    # Each pixel as so many of equal size that the areas are whole numbers of them.
    fine = np.kron(image, np.ones((rows, columns), np.int64))
    sums = fine.reshape(rows, image.shape[0], columns, image.shape[1]).sum(axis=(1, 3))
    np.testing.assert_array_equal(shrink(image, rows, columns), (2 * sums + image.size) // (2 * image.size))


def test_its_own_size_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (31, 45), dtype=np.uint8)
    np.testing.assert_array_equal(shrink(image, *image.shape), image)


def test_turned_and_mirrored_images_come_out_turned_and_mirrored():
    image = np.random.default_rng(1).integers(0, 256, (301, 173), dtype=np.uint8)
    small = shrink(image, 41, 29)
    np.testing.assert_array_equal(shrink(image.T, 29, 41), small.T)
    np.testing.assert_array_equal(shrink(image[::-1, ::-1], 41, 29), small[::-1, ::-1])


@pytest.mark.parametrize("shape", [(1, 1 << 24), (1 << 24, 1), (3000, 65_000)])
def test_the_largest_sums_fit(shape):
    white = np.full(shape, 255, np.uint8)
    assert (shrink(white, 1, 1) == 255).all()
    assert (shrink(white, 1, min(7, shape[1])) == 255).all()


def test_sides_whose_sums_would_not_fit_are_refused():
    with pytest.raises(ParameterError, match="16777216"):
        shrink(np.zeros((1, (1 << 24) + 1), np.uint8), 1, 1)
