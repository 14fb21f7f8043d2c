"""Deflate against zlib's inflate, on what is hard: borders of blocks, skewed counts, runs of every length."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.errors import ParameterError
from fxcore.kernels import deflate
from fxcore.kernels.deflating import BLOCK
from fxcore.kernels.huffman import code_lengths

_RNG = np.random.default_rng(3)


def inflated(data: np.ndarray) -> bytes:
    inflater = zlib.decompressobj(wbits=-15)
    raw = inflater.decompress(deflate(data).tobytes())
    assert inflater.eof
    assert not inflater.unused_data
    return raw


def _kinds(n: int) -> dict[str, np.ndarray]:
    return {
        "zeros": np.zeros(n, np.uint8),
        "incompressible": _RNG.integers(0, 256, n).astype(np.uint8),
        "noise around zero": _RNG.normal(0, 3, n).round().astype(np.int8).view(np.uint8),
        "short runs": np.repeat(_RNG.integers(0, 3, n // 3 + 1), 3)[:n].astype(np.uint8),
        "very skewed": (_RNG.random(n) ** 60 * 255).astype(np.uint8),
        "one value": np.full(n, 200, np.uint8),
    }


SIZES = (
    0,
    1,
    2,
    3,
    4,
    63,
    64,
    65,
    66,
    67,
    258,
    259,
    1000,
    65535,
    65536,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    3 * BLOCK + 7,
)


@pytest.mark.parametrize("size", SIZES)
def test_zlib_reads_what_is_written(size):
    for name, data in _kinds(size).items():
        assert inflated(data) == data.tobytes(), name


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 600)), max_size=60),
    st.integers(0, 70),
)
def test_runs_of_any_length_at_any_place(stretches, lead):
    start = _RNG.integers(0, 256, lead).astype(np.uint8)
    data = np.concatenate([start, *(np.full(length, value, np.uint8) for value, length in stretches)])
    assert inflated(data) == data.tobytes()


def test_a_run_across_blocks():
    data = _RNG.integers(0, 256, 3 * BLOCK).astype(np.uint8)
    data[BLOCK - 100 : BLOCK + 100] = 7
    data[2 * BLOCK - 1 : 2 * BLOCK + 2] = 9
    assert inflated(data) == data.tobytes()


def test_what_cannot_be_compressed_grows_by_a_little_only():
    data = _RNG.integers(0, 256, 1_000_000).astype(np.uint8)
    assert len(deflate(data)) <= data.size + 5 * (data.size // 65535 + data.size // BLOCK + 2)


@pytest.mark.parametrize("seed", range(6))
def test_long_codes_side_by_side(seed):
    """Bytes from -16 to 15, each rarer than the one before; then many of those that get 5 to 9 bits."""
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.arange(-16, 16)).astype(np.int8)
    often = rng.permutation(np.repeat(values, (30_000 * 0.7 ** np.arange(32)).astype(int) + 1))
    data = np.concatenate([often, rng.choice(values[8:20], 8000)]).view(np.uint8)
    lengths = code_lengths(np.bincount(data, minlength=286), 14)
    bits = lengths[data[-8000:]].reshape(-1, 8).sum(axis=1)
    assert {55, 56, 57, 58} <= set(bits.tolist())  # what just goes together, and what just does not
    assert inflated(data) == data.tobytes()


@pytest.mark.parametrize("value", [-128, -17, -16, -1, 0, 15, 16, 127])
def test_each_place_of_a_word_may_hold_what_is_rare(value):
    data = np.random.default_rng(value + 128).integers(-16, 16, 64 * 9).astype(np.int8)
    data[::9] = value
    assert inflated(data.view(np.uint8)) == data.tobytes()


@pytest.mark.parametrize(("spread", "most"), [(1.2, 1.025), (2, 1.02), (3, 1.01)])
def test_noise_is_packed_about_as_well_as_it_can_be(spread, most):
    # The less it spreads, the more chance repetitions there are, which cost more as runs than as bytes.
    data = _RNG.normal(0, spread, 1_000_000).round().astype(np.int8).view(np.uint8)
    share = np.bincount(data, minlength=256) / data.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert 8 * len(deflate(data)) <= most * entropy * data.size


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=60), st.integers(7, 15))
def test_a_code_is_complete_and_within_its_limit(counts, most):
    lengths = code_lengths(np.array(counts, np.int64), most)
    assert lengths.max() <= most
    assert sum(2.0 ** -int(length) for length in lengths if length) == 1.0
    assert all(length > 0 for length, count in zip(lengths, counts, strict=True) if count)


@pytest.mark.parametrize("data", [np.zeros((2, 2), np.uint8), np.zeros(3, np.uint16), b"abc"])
def test_other_input_is_refused(data):
    with pytest.raises(ParameterError, match="one-dimensional uint8"):
        deflate(data)
