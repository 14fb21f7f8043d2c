"""Tables that are ramps: found where there is one, and computed to what looking up gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore import kernels
from fxcore.dicom.grey import scale
from fxcore.dicom.transform import Window
from fxcore.kernels import tone
from fxcore.kernels._ramp import ramp_of

_RNG = np.random.default_rng(8)


def _table(
    centre: float, width: float, bits: int, *, inverted: bool = False, signed: bool = False
) -> np.ndarray:
    """Return what a window makes of each pattern of 16 bits, of which as many as `bits` are stored."""
    stored = np.arange(2**bits, dtype=np.float64)
    if signed:
        stored[2 ** (bits - 1) :] -= 2**bits
    levels = scale(Window(centre, width, "LINEAR")(stored, 0.0, 255.0), 0.0, 255.0)
    return (255 - levels if inverted else levels)[np.arange(65536) % 2**bits]


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("centre", "width", "bits"),
    [
        (2048, 4096, 12),
        (1500, 800, 12),
        (2000.5, 333.3, 12),
        (600, 20, 10),
        (40, 400, 16),
        (8000, 9000, 14),
        (5, 2, 12),
    ],
)
def test_the_ramp_of_a_window_is_found(centre: float, width: float, bits: int, inverted: bool) -> None:
    table = _table(centre, width, bits, inverted=inverted)
    assert ramp_of(table)[-1] >= 2**bits
    values = _RNG.integers(0, 2**bits, (1100, 1000)).astype(np.uint16)
    assert values.size >= tone._WORTH_A_RAMP
    np.testing.assert_array_equal(kernels.apply_table(values, table), table[values])


def test_values_past_the_ramp_are_looked_up() -> None:
    table = _table(2048, 4096, 12)
    values = _RNG.integers(0, 4096, (1100, 1000)).astype(np.uint16)
    values[500, 3] = 4096
    values[-1, -1] = 65535
    values[0, 0] = 40000
    np.testing.assert_array_equal(kernels.apply_table(values, table), table[values])


@pytest.mark.parametrize("signed", ["<i2", ">i2"])
def test_signed_values(signed: str) -> None:
    table = _table(-100, 3000, 16, signed=True)
    values = _RNG.integers(-4000, 4000, (1100, 1000)).astype(signed)
    np.testing.assert_array_equal(kernels.apply_table(values, table), table[values.astype(np.int64) % 65536])


@given(
    st.floats(-100, 70_000),
    st.floats(1, 70_000),
    st.integers(2, 16),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 255)), max_size=3),
)
def test_what_is_taken_for_a_ramp_is_one(
    centre: float, width: float, bits: int, inverted: bool, signed: bool, changed: list[tuple[int, int]]
) -> None:
    table = _table(centre, width, bits, inverted=inverted, signed=signed)
    for value, level in changed:
        table[value] = level
    low, high, slope, offset, limit = (int(number) for number in ramp_of(table))
    for value in {0, low, low + 1, high - 1, high, limit - 1, *(v for v, _ in changed), *range(0, limit, 97)}:
        if 0 <= value < limit:
            x = min(max(value, low), high) - low
            assert (x * slope + offset) % 2**32 >> 24 == table[value]


@pytest.mark.parametrize(
    "table",
    [
        np.zeros(65536, np.uint8),
        np.full(65536, 255, np.uint8),
        _RNG.integers(0, 256, 65536).astype(np.uint8),
        (np.arange(65536) // 256).astype(np.uint8),
        (255 - np.arange(65536) // 256).astype(np.uint8),
        np.minimum(np.sqrt(np.arange(65536)), 255).astype(np.uint8),
        np.where(np.arange(65536) == 65535, 255, 0).astype(np.uint8),
        np.where(np.arange(65536) == 0, 255, 0).astype(np.uint8),
        np.where(np.arange(65536) == 700, 0, _table(2048, 4096, 12)).astype(np.uint8),
    ],
)
def test_any_table(table: np.ndarray) -> None:
    values = np.concatenate([np.arange(65536), _RNG.integers(0, 65536, 1_000_000)]).astype(np.uint16)
    np.testing.assert_array_equal(kernels.apply_table(values, table), table[values])


def test_threads_share_a_ramp() -> None:
    table = _table(2048, 4096, 12)
    values = _RNG.integers(0, 4200, (2000, 1500)).astype(np.uint16)
    np.testing.assert_array_equal(kernels.apply_table(values, table, threads=3), table[values])
