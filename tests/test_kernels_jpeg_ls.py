"""Scans of lossless JPEG-LS: every kind of code and context, and whatever is not such a scan."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.errors import ParameterError
from fxcore.kernels import jpeg_ls_scan
from fxcore.kernels.jpeg_ls import default_thresholds
from tests.jpeg_ls_files import Presets, codes, default_presets, scan, stream, stuffed, wrapped

END = b"\xff\xd9"
KINDS = ["noise", "flat", "extremes", "smooth", "spikes", "steps", "ramp", "runs", "runs to the end", "bands"]
SHAPES = [(1, 1), (1, 30), (30, 1), (2, 2), (5, 23), (19, 20)]


def decoded(data: bytes, shape: tuple[int, ...], presets: Presets) -> np.ndarray:
    """Decode a scan that ends where `data` does."""
    image, marker = jpeg_ls_scan(
        data + END,
        0,
        shape,  # type: ignore[arg-type]
        precision=presets.maxval.bit_length(),
        thresholds=presets.thresholds,
        reset=presets.reset,
    )
    assert image.dtype == np.uint16
    assert marker == len(data)
    return image


def assert_read(data: bytes, image: np.ndarray, precision: int, presets: Presets | None = None) -> None:
    """Decode with ours, and with imagecodecs, which shows that the encoder is right."""
    rows, cols = image.shape
    known = presets or default_presets(2**precision - 1)
    np.testing.assert_array_equal(decoded(data, (rows, cols), known), image)
    whole = wrapped(data, (rows, cols), precision, presets)
    np.testing.assert_array_equal(imagecodecs.jpegls_decode(whole), image)


def assert_comes_back(image: np.ndarray, precision: int, presets: Presets | None = None) -> bytes:
    """Encode and decode; returns the entropy-coded data."""
    data = scan(image, presets or default_presets(2**precision - 1))
    assert_read(data, image, precision, presets)
    return data


def any_presets(rng: np.random.Generator, precision: int) -> Presets:
    largest = 2**precision - 1
    t1, t2, t3 = sorted(rng.integers(1, largest + 1, 3).tolist())
    # Small ones are reached in small images.
    reset = int(rng.choice([3, 4, 9, 64, 200, 255]))
    return Presets(largest, t1, t2, t3, reset)


def any_image(rng: np.random.Generator, kind: str, shape: tuple[int, int], precision: int) -> np.ndarray:
    largest = 2**precision - 1
    noise = rng.integers(0, largest + 1, shape)
    if kind == "noise":
        return noise
    if kind == "flat":
        return np.full(shape, noise[0, 0])
    if kind == "extremes":
        return noise % 2 * largest
    if kind == "spikes":
        return np.where(rng.random(shape) < 0.05, noise, np.minimum(noise % 3, largest))
    if kind == "steps":
        return np.clip(largest // 2 + np.cumsum(rng.integers(-1, 2, shape), axis=1), 0, largest)
    if kind == "ramp":
        return np.add.outer(3 * np.arange(shape[0]), 5 * np.arange(shape[1])) % (largest + 1)
    if kind == "runs":
        return np.where(rng.random(shape) < 0.1, noise, noise[0, 0])
    if kind == "runs to the end":
        return np.where(
            np.arange(shape[1]) < rng.integers(0, shape[1] + 1, (shape[0], 1)), noise, noise[:, :1]
        )
    if kind == "bands":
        return np.repeat(noise[:, :1], shape[1], axis=1)
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * largest // sum(shape)
    return np.clip(ramp + rng.normal(0, largest / 50, shape).astype(int), 0, largest)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", range(2, 17))
def test_what_was_encoded_comes_back(precision: int, kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind) + 100 * precision)
    for shape in SHAPES:
        presets = any_presets(rng, precision) if rng.random() < 0.5 else None
        assert_comes_back(any_image(rng, kind, shape, precision), precision, presets)


@given(st.data())
def test_drawn_images_come_back(data: st.DataObject) -> None:
    precision = data.draw(st.integers(2, 16))
    largest = 2**precision - 1
    t1, t2, t3 = sorted(data.draw(st.tuples(*[st.integers(1, largest)] * 3)))
    presets = Presets(largest, t1, t2, t3, data.draw(st.integers(3, 255)))
    cols = data.draw(st.integers(1, 12))
    values = data.draw(st.lists(st.integers(0, largest), min_size=1, max_size=4))
    row = st.lists(st.sampled_from(values), min_size=cols, max_size=cols)
    image = np.array(data.draw(st.lists(row, min_size=1, max_size=7)))
    assert_comes_back(image, precision, data.draw(st.sampled_from([presets, None])))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_streams_of_imagecodecs(dtype: type) -> None:
    rng = np.random.default_rng(7)
    precision = 8 * np.dtype(dtype).itemsize
    for kind in KINDS:
        for shape in (*SHAPES, (90, 131)):
            image: np.ndarray = any_image(rng, kind, shape, precision).astype(dtype)
            whole = imagecodecs.jpegls_encode(image, out=2 * image.nbytes + 1000)
            start = whole.rindex(b"\xff\xda\x00\x08") + 10
            found, marker = jpeg_ls_scan(whole, start, shape, precision=precision)
            assert marker == len(whole) - 2
            np.testing.assert_array_equal(found, image)


def test_runs_of_every_length() -> None:
    """The longest parts of runs have 32,768 samples, at index 31."""
    image = np.full((4, 65_535), 9)
    image[2, [0, 100, 33_000]] = 200
    image[3, [60_000, -1]] = 0
    assert_comes_back(image, 8)
    lengths = np.geomspace(1, 2000, 60).astype(int)
    runs = np.repeat(np.arange(60) % 4, np.random.default_rng(1).permutation(lengths))
    for precision in (2, 16):
        assert_comes_back(runs[np.newaxis], precision)


@pytest.mark.parametrize("precision", [5, 12, 16])
def test_codes_of_every_length_from_every_bit_of_a_byte(precision: int) -> None:
    """Of a word that is loaded from a whole byte on, 57 bits are certain; a code has up to 64."""
    largest, limit = 2**precision - 1, 2 * (precision + max(8, precision))
    # Rows that are predicted without an error make short codes, and then there is one of any size.
    sizes = np.arange(60) % (largest + 1)
    image = np.tile(np.arange(12) % 2, (180, 1))
    image[::3, 6] = np.where(sizes % 2, largest + 1 - sizes, sizes)
    lengths: set[int] = set()
    begun: set[int] = set()
    for reset in (3, 5, 9):
        presets = Presets(largest, 1, 1, 1, reset)
        pieces = codes(image, presets)
        sizes_in_bits = [len(piece) for piece in pieces]
        lengths.update(sizes_in_bits)
        starts = np.cumsum([0, *sizes_in_bits])[:-1]
        begun |= {int(at) % 8 for at, size in zip(starts, sizes_in_bits, strict=True) if size == limit}
        assert_read(stuffed("".join(pieces)), image, precision, presets)
    # All up to the last before the escape code, and that.
    assert {*range(1, limit - precision), limit} <= lengths
    assert max(lengths) == limit
    assert begun == set(range(8))


@pytest.mark.parametrize("precision", [5, 8, 16])
def test_escape_codes_at_the_end_of_runs(precision: int) -> None:
    """They are shorter by the bits of the run (A.7.2.2), which are more after long runs."""
    rng = np.random.default_rng(precision)
    largest, limit = 2**precision - 1, 2 * (precision + max(8, precision))
    found = set()
    for reset in (3, 9):
        image = (rng.random((159, 30)) < np.linspace(0.02, 0.5, 159)[:, None]).astype(int)
        image[1::3] = image[2::3] = 0
        image[np.arange(2, 159, 3), rng.integers(0, 30, 53)] = rng.integers(0, largest + 1, 53)
        if reset == 9:
            image = largest - image
        presets = Presets(largest, 1, 1, 1, reset)
        pieces = codes(image, presets)
        assert_read(stuffed("".join(pieces)), image, precision, presets)
        for bits in range(16):
            zeros = "0" * (limit - bits - 1 - precision - 1)
            found |= {bits for p in pieces if len(p) == limit - bits - 1 and p.startswith(zeros + "1")}
    assert {3, 4} <= found


def test_ones_alone_are_stuffed_and_so_is_a_last_byte_of_ones() -> None:
    """Each row of one sample as above it is a run of one bit, 1."""
    for rows in range(1, 70):
        data = assert_comes_back(np.zeros((rows, 1), int), 8)
        assert data[:1] == (b"\xff" if rows >= 8 else bytes([256 - 2 ** (8 - rows)]))
        assert data == b"\xff\x7f" * (rows // 15) + data[rows // 15 * 2 :]
        assert data[-1] != 0xFF
    assert assert_comes_back(np.zeros((8, 1), int), 8) == b"\xff\x00"
    flat = np.zeros((4000, 1), int)
    flat[1999:, 0] = 255
    assert assert_comes_back(flat, 8).count(0xFF) > 200


def test_the_scan_starts_anywhere_in_anything_of_bytes() -> None:
    image = any_image(np.random.default_rng(2), "smooth", (12, 17), 12)
    data = scan(image, default_presets(4095))
    for start in range(9):
        whole = b"\xff" * start + data + END
        for source in (whole, bytearray(whole), memoryview(whole), np.frombuffer(whole, np.uint8)):
            found, marker = jpeg_ls_scan(source, start, (12, 17), precision=12)
            np.testing.assert_array_equal(found, image)
            assert marker == start + len(data)


def test_what_follows_the_scan_does_not_matter() -> None:
    image = any_image(np.random.default_rng(2), "steps", (12, 17), 12)
    data = scan(image, default_presets(4095))
    for after in (b"\xff\xd0", b"\xff\x80", b"\xff\xda\x00\x08", b"\xff\xff\xd9", END + data + END):
        found, marker = jpeg_ls_scan(data + after, 0, (12, 17), precision=12)
        np.testing.assert_array_equal(found, image)
        assert marker == len(data)


@pytest.mark.parametrize("kind", ["noise", "smooth", "spikes", "runs", "bands"])
def test_a_scan_cut_or_longer_is_refused(kind: str) -> None:
    presets = default_presets(4095)
    image = any_image(np.random.default_rng(4), kind, (16, 21), 12)
    data = scan(image, presets)
    for kept in range(len(data)):
        with pytest.raises(ParameterError):
            decoded(data[:kept], image.shape, presets)
    for kept in (0, 1, 2, len(data) // 2, len(data)):
        for end in (b"", b"\xff", b"\xff\x00", b"\xff\x7f"):
            with pytest.raises(ParameterError):
                jpeg_ls_scan(data[:kept] + end, 0, (16, 21), precision=12)
    for longer in (b"\x01", b"\x00\x00", b"\x80", b"\xff\x00", b"\x00\xff\x00", bytes(90), data):
        with pytest.raises(ParameterError):
            decoded(data + longer, image.shape, presets)
    for shape in ((15, 21), (17, 21), (16, 22), (32, 21)):
        with pytest.raises(ParameterError):
            decoded(data, shape, presets)


def test_only_zeros_fill_up_the_last_byte() -> None:
    image, presets = np.array([[3, 1, 4]]), default_presets(255)
    pieces = "".join(codes(image, presets))
    data = stuffed(pieces)
    unused = 8 * len(data) - len(pieces)
    assert unused > 1
    for bit in range(unused):
        other = data[:-1] + bytes([data[-1] | 1 << bit])
        with pytest.raises(ParameterError):
            decoded(other, (1, 3), presets)
        with pytest.raises(imagecodecs.JpeglsError):
            imagecodecs.jpegls_decode(wrapped(other, (1, 3), 8))
    np.testing.assert_array_equal(decoded(data, (1, 3), presets), image)


def _pair(first: str, second: str, precision: int) -> np.ndarray:
    """Decode two samples: one that ends a run of none, and one outside of runs."""
    return decoded(stuffed("0" + first + second), (1, 2), default_presets(2**precision - 1))


@pytest.mark.parametrize("zeros", range(13))
def test_a_code_beyond_every_error_is_refused(zeros: int) -> None:
    """In two bits errors map to 0..3, though there is room for more before the escape code.

    Both samples are coded with one bit after the zeros.
    """
    code = "0" * zeros + "11"
    if zeros < 2:
        np.testing.assert_array_equal(_pair("10", code, 2), [[3, zeros]])
        np.testing.assert_array_equal(_pair(code, "10", 2), [[zeros + 1, zeros + 1]])
        return
    for first, second in (("10", code), (code, "10")):
        with pytest.raises(ParameterError):
            _pair(first, second, 2)


def test_escape_codes_that_are_none_are_refused() -> None:
    """With as many zeros as none has, or for an error that none is; in 8 bits those map to 0..255."""
    short, ones = "100", "1" * 8
    for second in ("0" * 23 + "1" + ones[1:] + "0", "0" * 22 + "100"):
        assert _pair(short, second, 8).shape == (1, 2)
    for second in ("0" * 24 + "1" + ones[1:] + "0", "0" * 23 + "1" + ones, "0" * 60):
        with pytest.raises(ParameterError):
            _pair(short, second, 8)
    # The code after a run is shorter by the bit that ended it.
    assert _pair("0" * 22 + "1" + ones[1:] + "0", short, 8).shape == (1, 2)
    for first in ("0" * 23 + "1" + ones[1:] + "0", "0" * 22 + "1" + ones):
        with pytest.raises(ParameterError):
            _pair(first, short, 8)


_FLIPPED = {
    precision: stream(any_image(np.random.default_rng(5), kind, (13, 29), precision), precision)
    for precision, kind in (
        (2, "runs"),
        (5, "spikes"),
        (8, "smooth"),
        (11, "noise"),
        (12, "steps"),
        (16, "spikes"),
    )
}
_START = _FLIPPED[8].index(b"\xff\xda") + 10


def _as_imagecodecs(whole: bytes, shape: tuple[int, int], precision: int) -> None:
    """Refuse a stream, or decode it as imagecodecs does."""
    try:
        found, marker = jpeg_ls_scan(whole, _START, shape, precision=precision)
    except ParameterError:
        return
    np.testing.assert_array_equal(found, imagecodecs.jpegls_decode(whole[:marker] + END))


@given(st.sampled_from(list(_FLIPPED)), st.lists(st.integers(0, 1 << 40), min_size=1, max_size=3))
def test_flipped_bits_give_an_error_or_what_imagecodecs_reads(precision: int, places: list[int]) -> None:
    whole = bytearray(_FLIPPED[precision])
    for place in places:
        whole[_START + place // 8 % (len(whole) - 2 - _START)] ^= 1 << place % 8
    _as_imagecodecs(bytes(whole), (13, 29), precision)


@given(st.binary(max_size=60), st.integers(1, 9), st.integers(1, 40), st.integers(2, 16), st.integers(0, 7))
def test_any_bytes_give_an_error_or_what_imagecodecs_reads(
    data: bytes, rows: int, cols: int, precision: int, sparse: int
) -> None:
    if sparse:
        # Long codes, with only a bit of some bytes.
        data = bytes(1 << byte % 8 if byte % sparse == 0 else 0 for byte in data)
    _as_imagecodecs(wrapped(data, (rows, cols), precision), (rows, cols), precision)


@pytest.mark.parametrize(
    "change",
    [
        {"precision": 1},
        {"precision": 17},
        {"precision": 8.0},
        {"thresholds": (-1, 7, 21)},
        {"thresholds": (3, 7, 256)},
        {"thresholds": (8, 7, 21)},
        {"thresholds": (3, 22, 21)},
        {"thresholds": (8, 0, 0)},
        {"thresholds": (0, 2, 0)},
        {"reset": 2},
        {"reset": 256},
        {"reset": -1},
        {"shape": (0, 4)},
        {"shape": (1, -4)},
        {"shape": (1 << 17, 1 << 17)},
        {"start": 4},
        {"start": -1},
        {"source": np.zeros(4, np.int16)},
        {"source": b""},
        {"source": END},
        {"source": b"\xf0"},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(change: dict[str, object]) -> None:
    given: dict[str, object] = {"source": b"\xf0" + END, "start": 0, "shape": (1, 4), "precision": 8}
    found, marker = jpeg_ls_scan(**given)  # type: ignore[arg-type]
    assert marker == 1
    np.testing.assert_array_equal(found, np.zeros((1, 4)))
    with pytest.raises(ParameterError):
        jpeg_ls_scan(**(given | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (1, [1, 1, 1]),
        (3, [2, 3, 3]),
        (7, [2, 3, 4]),
        (15, [2, 3, 4]),
        (31, [2, 3, 4]),
        (63, [2, 3, 5]),
        (127, [2, 3, 10]),
        (255, [3, 7, 21]),
        (511, [4, 11, 38]),
        (1023, [6, 19, 72]),
        (4095, [18, 67, 276]),
        (65535, [18, 67, 276]),
    ],
)
def test_default_thresholds(largest: int, expected: list[int]) -> None:
    """Those of 8, 12 and 16 bits are in table C.3, the others follow from C.2.4.1.1.1."""
    assert default_thresholds(largest) == expected


def test_default_thresholds_of_every_largest_sample() -> None:
    for largest in (*range(1, 5000), *range(5000, 65536, 777)):
        assert tuple(default_thresholds(largest)) == default_presets(largest).thresholds


def test_thresholds_and_reset_of_0_are_the_standards() -> None:
    image = any_image(np.random.default_rng(8), "noise", (70, 50), 8)
    data = scan(image, default_presets(255)) + END
    for thresholds, reset in (((0, 0, 0), 0), ((3, 0, 21), 0), ((0, 7, 0), 64), ((3, 7, 21), 64)):
        found, _ = jpeg_ls_scan(data, 0, (70, 50), precision=8, thresholds=thresholds, reset=reset)
        np.testing.assert_array_equal(found, image)
    for thresholds, reset in (((4, 0, 0), 0), ((0, 0, 30), 0), ((0, 0, 0), 63)):
        with pytest.raises(ParameterError):
            jpeg_ls_scan(data, 0, (70, 50), precision=8, thresholds=thresholds, reset=reset)
