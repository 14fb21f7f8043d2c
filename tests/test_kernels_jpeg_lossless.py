"""Scans of lossless JPEG: every way to predict, every length of code, parts read from anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxcore.errors import DamagedDataError, ParameterError
from fxcore.kernels import jpeg_differences, lossless_jpeg_scan
from tests.lossless_jpeg_files import Codes, any_codes, scan

END = b"\xff\xd9"
_RNG = np.random.default_rng(12)


def decoded(data: bytes, codes: Codes, shape: tuple[int, ...], precision: int, predictor: int, **more: int):
    return lossless_jpeg_scan(
        data, 0, codes.counts, codes.values, shape, precision=precision, predictor=predictor, **more
    )


def _image(kind: str, shape: tuple[int, int], precision: int) -> np.ndarray:
    largest = (1 << precision) - 1
    noise = _RNG.integers(0, largest + 1, shape)
    if kind == "noise":
        return noise
    if kind == "flat":
        return np.full(shape, noise[0, 0])
    if kind == "spikes":
        # Long codes among short ones.
        return np.where(_RNG.random(shape) < 0.02, noise, np.minimum(noise % 3, largest))
    if kind == "extremes":
        return noise % 2 * largest
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * largest // sum(shape)
    return np.clip(ramp + _RNG.normal(0, largest / 50, shape).astype(int), 0, largest)


@pytest.mark.parametrize("kind", ["noise", "flat", "extremes", "smooth", "spikes"])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_what_was_encoded_comes_back(predictor: int, kind: str) -> None:
    for shape in ((1, 1), (1, 40), (40, 1), (7, 33), (70, 65), (60, 231)):
        precision = int(_RNG.integers(2, 17))
        shift = int(_RNG.integers(0, precision)) if _RNG.random() < 0.3 else 0
        restart = int(_RNG.integers(1, shape[0] + 1)) if _RNG.random() < 0.4 else 0
        image = _image(kind, shape, precision) >> shift << shift
        codes = any_codes(_RNG)
        data = scan(image, codes, precision, predictor, shift, restart) + END
        found = decoded(data, codes, shape, precision, predictor, point_transform=shift, restart_rows=restart)
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, image)


def test_a_difference_of_half_the_range() -> None:
    """Size 16 has no bits after its code, and sums are modulo 65,536."""
    image = np.array([[0, 32768, 0, 65535, 32767], [65535, 0, 1, 32769, 32768]])
    for predictor in range(1, 8):
        for _ in range(5):
            codes = any_codes(_RNG)
            data = scan(image, codes, 16, predictor) + END
            np.testing.assert_array_equal(decoded(data, codes, image.shape, 16, predictor), image)


def test_long_codes_after_those_that_just_fit() -> None:
    """Three codes of up to 13 bits leave of a word of 64 less than a code and its difference can take."""
    sizes = [8, 7, 6, 9, 5, 10, 11, 4, 3, 2, 1, 0, 12, 13, 14, 15, 16]
    codes = Codes([0, 1, 3, 2, *[1] * 11, 0], sizes)
    heavy = _RNG.integers(0, 2, (150, 230)) * 2 - 1
    image = 32768 + (heavy * 2 ** _RNG.uniform(3, 14, heavy.shape)).astype(int)
    for predictor in (1, 2):
        data = scan(image, codes, 16, predictor) + END
        np.testing.assert_array_equal(decoded(data, codes, image.shape, 16, predictor), image)


def test_parts_that_never_fall_into_step_do_not_count() -> None:
    """The bits 0101... read from the second on are other codes, without end."""
    codes = Codes([0, 3] + [0] * 14, [1, 0, 2])
    image = np.full((100, 333), 128)
    data = scan(image, codes, 8, 1) + END
    np.testing.assert_array_equal(decoded(data, codes, image.shape, 8, 1), image)
    bits = np.frombuffer(data + bytes(jpeg_differences.PADDING), np.uint8).copy()
    limits = np.array([1 << 62, 2 << 62, 3 << 62], np.uint64)
    lengths, sizes = np.full(3, 2), np.array([1, 0, 2])
    table = jpeg_differences.difference_table(limits, lengths, sizes)
    state = np.empty(jpeg_differences.STATE, np.int64)
    found = np.empty(jpeg_differences.FOUND, np.uint16)
    counted = {}
    for part in (8000, 8001):
        at, _ = jpeg_differences.read_differences(
            bits, 0, 66600, part, table, limits, lengths, sizes, 33300, found, state
        )
        counted[part] = state[jpeg_differences.COUNT, : jpeg_differences.PARTS].copy()
        assert at == 2 * counted[part].sum()
    assert np.count_nonzero(counted[8000]) == 8
    assert np.count_nonzero(counted[8001]) == 1


@pytest.mark.parametrize("restart", [0, 1, 9])
def test_a_scan_cut_or_longer_is_refused(restart: int) -> None:
    image = _image("smooth", (80, 90), 12)
    codes = any_codes(_RNG)
    data = scan(image, codes, 12, 1, 0, restart)
    np.testing.assert_array_equal(decoded(data + END, codes, image.shape, 12, 1, restart_rows=restart), image)
    for kept in (0, 1, *_RNG.integers(2, len(data), 30).tolist(), len(data) - 1):
        for end, error in ((b"", ParameterError), (END, DamagedDataError)):
            with pytest.raises(error):
                decoded(data[:kept] + end, codes, image.shape, 12, 1, restart_rows=restart)
    for longer in (
        b"\x00",
        b"\xfe" * 3,
        b"\xff\x00",
        b"\xff\xd1",
        b"\xff\xd0\x00",
        b"\xff\xdc\x00\x04\x00\x50",
        data,
    ):
        with pytest.raises(ParameterError):
            decoded(data + longer + END, codes, image.shape, 12, 1, restart_rows=restart)
    for rows in (79, 81, 160):
        with pytest.raises(ParameterError):
            decoded(data + END, codes, (rows, 90), 12, 1, restart_rows=restart)
    # Some encoders write a restart marker after the last interval too.
    last = b"\xff\xd7" if restart == 1 else b"\xff\xd0"
    marked = decoded(data + last + END, codes, image.shape, 12, 1, restart_rows=restart)
    np.testing.assert_array_equal(marked, image)
    # Fill bytes may stand before a marker (B.1.1.2), and what follows the image does not matter.
    filled = decoded(data + b"\xff\xff" + END + b"more", codes, image.shape, 12, 1, restart_rows=restart)
    np.testing.assert_array_equal(filled, image)


def test_restart_markers_out_of_order_are_refused() -> None:
    image = _image("smooth", (30, 40), 10)
    codes = any_codes(_RNG)
    data = scan(image, codes, 10, 1, 0, 3) + END
    assert decoded(data, codes, image.shape, 10, 1, restart_rows=3).shape == image.shape
    for wrong in (b"\xff\xd3", b"\xff\xd7", b"\xff\xc4", b"\xff\x01"):
        with pytest.raises(ParameterError):
            decoded(data.replace(b"\xff\xd2", wrong), codes, image.shape, 10, 1, restart_rows=3)
    for rows in (0, 2, 4, 30):
        with pytest.raises(ParameterError):
            decoded(data, codes, image.shape, 10, 1, restart_rows=rows)


def test_samples_beyond_the_precision_are_refused() -> None:
    image = _image("extremes", (20, 30), 9)
    codes = any_codes(_RNG)
    data = scan(image, codes, 9, 1) + END
    with pytest.raises(ParameterError, match="outside 8 bits"):
        # The first prediction is lower by 128, and with it each sample.
        decoded(scan(image + 128, codes, 9, 1) + END, codes, image.shape, 8, 1)
    np.testing.assert_array_equal(decoded(data, codes, image.shape, 9, 1), image)


_FLIPPED = _image("smooth", (60, 90), 15)
_FLIPPED_CODES = Codes([0, 2, 2, 2, 2, 2, 2, 2, 2, 1] + [0] * 6, list(range(17)))
_FLIPPED_SCANS = {restart: scan(_FLIPPED, _FLIPPED_CODES, 15, 1, 0, restart) for restart in (0, 7)}


@given(st.sampled_from([0, 7]), st.lists(st.integers(0, 1 << 40), min_size=1, max_size=3))
@settings(deadline=None)
def test_flipped_bits_give_another_image_or_an_error(restart: int, places: list[int]) -> None:
    """What is taken for an image has been read to its last bit: encoded again it is the same."""
    data = bytearray(_FLIPPED_SCANS[restart])
    for place in places:
        data[place // 8 % len(data)] ^= 1 << place % 8
    try:
        found = decoded(data + END, _FLIPPED_CODES, _FLIPPED.shape, 16, 1, restart_rows=restart)
    except ParameterError:
        return
    again = scan(found.astype(np.int64), _FLIPPED_CODES, 16, 1, 0, restart)
    assert len(again) == len(data)
    # Only the bits that fill up a last byte may differ.
    differ = np.frombuffer(again, np.uint8) != np.frombuffer(data, np.uint8)
    assert differ.sum() <= (1 if not restart else 9)


@given(st.binary(max_size=900), st.integers(1, 9), st.integers(1, 50), st.integers(1, 7), st.integers(0, 5))
@settings(deadline=None)
def test_any_bytes_end_well(data: bytes, rows: int, cols: int, predictor: int, restart: int) -> None:
    try:
        found = decoded(data + END, _FLIPPED_CODES, (rows, cols), 16, predictor, restart_rows=restart)
    except ParameterError:
        return
    again = scan(found.astype(np.int64), _FLIPPED_CODES, 16, predictor, 0, restart)
    assert len(again) == len(data.rstrip(b"\xff"))  # fill bytes before a marker


BROKEN_CODES = {
    "none": ([0] * 16, []),
    "fifteen lengths": ([0, 1] + [0] * 13, [0]),
    "another number of values": ([0, 1] + [0] * 14, [0, 1]),
    "eighteen": ([0] * 15 + [18], [*range(17), 0]),
    "a difference of 17 bits": ([0, 1] + [0] * 14, [17]),
    "ones alone": ([2] + [0] * 15, [0, 1]),
    "more codes than patterns": ([1, 1, 3] + [0] * 13, [0, 1, 2, 3, 4]),
    "a negative count": ([-1, 2] + [0] * 14, [0]),
}


@pytest.mark.parametrize("codes", BROKEN_CODES.values(), ids=BROKEN_CODES)
def test_codes_that_are_none_are_refused(codes: tuple[list[int], list[int]]) -> None:
    with pytest.raises(ParameterError):
        lossless_jpeg_scan(bytes(9) + END, 0, *codes, (2, 2), precision=8, predictor=1)


@pytest.mark.parametrize(
    "change",
    [
        {"precision": 1},
        {"precision": 17},
        {"predictor": 0},
        {"predictor": 8},
        {"point_transform": 8},
        {"restart_rows": -1},
        {"shape": (0, 4)},
        {"shape": (1 << 17, 1 << 17)},
        {"start": 9},
        {"source": np.zeros(4, np.int16)},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(change: dict[str, object]) -> None:
    given: dict[str, object] = {
        "source": b"\x0f" + END,
        "start": 0,
        "code_counts": [1] + [0] * 15,
        "code_values": [0],
        "shape": (2, 2),
        "precision": 8,
        "predictor": 1,
    }
    np.testing.assert_array_equal(lossless_jpeg_scan(**given), np.full((2, 2), 128))  # type: ignore[arg-type]
    with pytest.raises(ParameterError):
        lossless_jpeg_scan(**(given | change))  # type: ignore[arg-type]
