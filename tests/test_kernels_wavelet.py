"""The inverse 5/3 wavelet against the standard in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.errors import ParameterError
from fxcore.kernels.wavelet import inverse_wavelet_5_3
from tests.jpeg_2000_reference import inverse_wavelet


@given(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 90), st.integers(1, 20)),
    st.integers(0, 7),
    st.integers(0, 2**31),
)
def test_odd_and_even_tiles(tile: tuple[int, int, int, int], levels: int, seed: int) -> None:
    x0, y0, width, height = tile
    plane = np.random.default_rng(seed).integers(-5000, 5000, (height, width)).astype(np.int32)
    out = np.empty_like(plane)
    area = (x0, y0, x0 + width, y0 + height)
    inverse_wavelet_5_3(plane, out, area, (0, 0), levels)
    np.testing.assert_array_equal(out, inverse_wavelet(plane, area, levels))


@pytest.mark.parametrize("levels", [0, 1, 3])
@pytest.mark.parametrize(
    ("dtype", "limits"), [(np.uint8, (-128, 127)), (np.uint8, (0, 31)), (np.uint16, (0, 4095))]
)
def test_shifted_and_limited(dtype: type, limits: tuple[int, int], levels: int) -> None:
    plane = np.random.default_rng(levels).integers(-3000, 3000, (37, 41)).astype(np.int32)
    out = np.zeros(plane.shape, dtype)
    inverse_wavelet_5_3(plane, out, (0, 0, 41, 37), (0, 0), levels, shift=20, limits=limits)
    expected = np.clip(inverse_wavelet(plane, (0, 0, 41, 37), levels) + 20, *limits)
    np.testing.assert_array_equal(out, expected.astype(dtype))


@pytest.mark.parametrize("levels", [0, 2])
def test_a_tile_among_others(levels: int) -> None:
    plane = np.random.default_rng(5).integers(-99, 99, (30, 50)).astype(np.int32)
    out = np.full_like(plane, 7)
    inverse_wavelet_5_3(plane, out, (3, 8, 20, 19), (5, 11), levels)
    place = np.s_[5:16, 11:28]
    np.testing.assert_array_equal(out[place], inverse_wavelet(plane[place], (3, 8, 20, 19), levels))
    out[place] = 7
    assert (out == 7).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"plane": np.zeros((8, 8))}, "plane"),
        ({"plane": np.zeros((8, 16), np.int32)[:, ::2]}, "plane"),
        ({"out": np.zeros((8, 8), np.int16)}, "out"),
        ({"out": np.zeros((8, 9), np.uint8)}, "out"),
        ({"tile": (0, 0, 9, 8)}, "tile"),
        ({"tile": (0, 0, 8, 9)}, "tile"),
        ({"tile": (4, 4, 4, 8)}, "tile"),
        ({"origin": (1, 0)}, "tile"),
        ({"origin": (-1, 0)}, "tile"),
        ({"levels": 33}, "33 decomposition levels"),
    ],
)
def test_arguments_out_of_range(change: dict[str, object], message: str) -> None:
    arguments = {"plane": np.zeros((8, 8), np.int32), "out": np.zeros((8, 8), np.uint8)}
    arguments |= {"tile": (0, 0, 8, 8), "origin": (0, 0), "levels": 1} | change
    with pytest.raises(ParameterError, match=message):
        inverse_wavelet_5_3(**arguments)
