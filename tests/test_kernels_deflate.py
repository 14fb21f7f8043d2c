"""Deflate against zlib's inflate, on what is hard: borders of blocks, skewed counts, runs of every length."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.peers.functions import numpy_up
from fxcore.errors import ParameterError
from fxcore.kernels import png_deflate
from fxcore.kernels.deflating import _SAMPLED, _SCATTER, _STEPS, BLOCK
from fxcore.kernels.huffman import code_lengths

_RNG = np.random.default_rng(3)


def deflated(image: np.ndarray) -> np.ndarray:
    """Compress an image; zlib must read its scanlines, whole, from what comes of it."""
    stream, checksum = png_deflate(image)
    scanlines = numpy_up(image).tobytes()
    inflater = zlib.decompressobj(wbits=-15)
    assert inflater.decompress(stream.tobytes()) == scanlines
    assert inflater.eof
    assert not inflater.unused_data
    assert checksum == zlib.adler32(scanlines)
    return stream


def image_of(data: np.ndarray, columns: int = 0) -> np.ndarray:
    """Return an image of which the filter leaves `data`, a stretch to each row; all in one by default."""
    rows = data.reshape(-1, columns) if columns else data.reshape(1, -1)
    return np.add.accumulate(rows, axis=0, dtype=np.uint8)


def _kinds(n: int) -> dict[str, np.ndarray]:
    return {
        "zeros": np.zeros(n, np.uint8),
        "incompressible": _RNG.integers(0, 256, n).astype(np.uint8),
        "noise around zero": _RNG.normal(0, 3, n).round().astype(np.int8).view(np.uint8),
        "short runs": np.repeat(_RNG.integers(0, 3, n // 3 + 1), 3)[:n].astype(np.uint8),
        "very skewed": (_RNG.random(n) ** 60 * 255).astype(np.uint8),
        "one value": np.full(n, 200, np.uint8),
    }


# The type of the filter comes before the bytes of the only row.
SIZES = (0, 1, 2, 3, 4, 62, 63, 64, 65, 66, 67, 258, 259, 1000, _SAMPLED - 2, _SAMPLED - 1, _SAMPLED + 9)
LARGE = (65534, 65535, 65536, BLOCK, 3 * BLOCK + 7)


@pytest.mark.parametrize("size", SIZES + LARGE)
def test_zlib_reads_what_is_written(size):
    for data in _kinds(size).values():
        deflated(image_of(data))


@pytest.mark.parametrize("columns", [1, 7, 1023, 1024, BLOCK - 1, BLOCK])
def test_blocks_of_whole_rows(columns):
    for data in _kinds(3 * BLOCK // columns * columns).values():
        deflated(image_of(data, columns))


@pytest.mark.parametrize("columns", [64, 1023, 43690, 65534, 65535, 65536, 70000, BLOCK - 2, BLOCK])
def test_what_cannot_be_compressed_grows_by_hardly_anything(columns):
    data = _RNG.integers(0, 256, 20 * BLOCK // columns * columns).astype(np.uint8)
    image = image_of(data, columns)
    scanlines = image.size + len(image)
    assert len(png_deflate(image)[0]) <= scanlines + 10 * scanlines / 65535 + 300


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 600)), max_size=60),
    st.integers(0, 70),
)
def test_runs_of_any_length_at_any_place(stretches, lead):
    start = _RNG.integers(0, 256, lead).astype(np.uint8)
    data = np.concatenate([start, *(np.full(length, value, np.uint8) for value, length in stretches)])
    deflated(image_of(data))


def test_a_run_of_what_begins_a_row():
    """Twos, which is the type of the filter, to the end of a block and on into the next: a run ends there."""
    data = _RNG.integers(0, 256, 3 * BLOCK).astype(np.uint8)
    columns = 1024
    rows = BLOCK // (1 + columns)
    data[rows * columns - 1500 : rows * columns + 1500] = 2
    deflated(image_of(data, columns))


@pytest.mark.parametrize("columns", [1000, 1_000_000])
def test_what_cannot_be_compressed_grows_by_a_little_only(columns):
    stream = deflated(image_of(_RNG.integers(0, 256, 1_000_000).astype(np.uint8), columns))
    scanlines = 1_000_000 + 1_000_000 // columns
    blocks = scanlines // BLOCK + 2
    assert len(stream) <= scanlines + 5 * (scanlines // 65535 + blocks)


@pytest.mark.parametrize("seed", range(6))
def test_long_codes_side_by_side(seed):
    """Bytes from -16 to 15, each rarer than the one before; then many of those that get 5 to 9 bits."""
    rng = np.random.default_rng(seed)
    values = rng.permutation(np.arange(-16, 16)).astype(np.int8)
    often = rng.permutation(np.repeat(values, (9_000 * 0.7 ** np.arange(32)).astype(int) + 1))
    data = np.concatenate([often, rng.choice(values[8:20], 2000)]).view(np.uint8)
    assert data.size < _SAMPLED  # so that all of it is counted
    lengths = code_lengths(np.bincount(data, minlength=286), 14)
    bits = np.convolve(lengths[data[-2000:]], np.ones(8, int), "valid")
    # What just goes together, and what just does not, wherever the words begin.
    assert all({55, 56, 57, 58} <= set(bits[first::8].tolist()) for first in range(8))
    deflated(image_of(data))


@pytest.mark.parametrize("value", [-128, -17, -16, -1, 0, 15, 16, 127])
def test_each_place_of_a_word_may_hold_what_is_rare(value):
    data = np.random.default_rng(value + 128).integers(-16, 16, 64 * 9).astype(np.int8)
    data[::9] = value
    deflated(image_of(data.view(np.uint8)))


@pytest.mark.parametrize(("spread", "most"), [(1.2, 1.025), (2, 1.02), (3, 1.01)])
def test_noise_is_packed_about_as_well_as_it_can_be(spread, most):
    # The less it spreads, the more chance repetitions there are, which cost more as runs than as bytes.
    data = _RNG.normal(0, spread, 1_000_000).round().astype(np.int8).view(np.uint8)
    share = np.bincount(data, minlength=256) / data.size
    entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
    assert 8 * len(deflated(image_of(data, 1000))) <= most * entropy * data.size


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=60), st.integers(7, 15))
def test_a_code_is_complete_and_within_its_limit(counts, most):
    lengths = code_lengths(np.array(counts, np.int64), most)
    assert lengths.max() <= most
    assert sum(2.0 ** -int(length) for length in lengths if length) == 1.0
    assert all(length > 0 for length, count in zip(lengths, counts, strict=True) if count)


@pytest.mark.parametrize("hidden", [0, 40])
def test_a_block_that_is_not_what_some_of_its_bytes_look_like(hidden):
    """All bytes that are counted are alike; the others, in `hidden` percent of the words, are anything."""
    scanline = np.zeros(2 * BLOCK, np.uint8)
    counted = np.zeros(scanline.size // 8, bool)
    places = np.arange(0, scanline.size, 8 * _STEPS)
    counted[places // 8 + (places * _SCATTER % 2**32 >> 16) % _STEPS] = True
    assert counted.sum() == scanline.size // (8 * _STEPS)
    if hidden:
        counted |= _RNG.random(counted.size) >= hidden / 100
    scanline.reshape(-1, 8)[~counted] = _RNG.integers(0, 256, ((~counted).sum(), 8))
    assert len(deflated(image_of(scanline[1:]))) <= scanline.size + 5 * 6 + 400


def _images() -> dict[str, np.ndarray]:
    noise = _RNG.normal(100, 3, (300, 1000)).round().astype(np.uint8)
    limb = np.zeros((700, 401), np.uint8)
    limb[100:, 100:300] = noise[:, :200].repeat(2, axis=0)
    return {
        "noise": noise,
        "a limb on black": limb,
        "one pixel": np.full((1, 1), 7, np.uint8),
        "one column": noise[:, :1],
        "black": np.zeros((1000, 1000), np.uint8),
        "not contiguous": noise[::3, ::-2],
        "no rows": np.zeros((0, 5), np.uint8),
        "no columns": np.zeros((5, 0), np.uint8),
    }


@pytest.mark.parametrize("name", list(_images()))
def test_images(name):
    deflated(_images()[name])


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(1, 256))
def test_small_images(rows, columns, seed, levels):
    deflated(np.random.default_rng(seed).integers(0, levels, (rows, columns)).astype(np.uint8))


@pytest.mark.parametrize("size", [1, 4094, 4095, 4096, 5552, 100_000])
def test_the_checksum_of_the_largest_bytes(size):
    image = np.full((2, size), 255, np.uint8)
    image[1] = 254
    deflated(image)


@pytest.mark.parametrize("image", [np.zeros(3, np.uint8), np.zeros((2, 2), np.uint16), b"abc"])
def test_other_input_is_refused(image):
    with pytest.raises(ParameterError, match="image must"):
        png_deflate(image)
