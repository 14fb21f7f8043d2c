"""Streams of lossless JPEG with all that may stand around the scan, against imagecodecs."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from fxcore.dicom.codecs.jpeg_lossless import jpeg_lossless_frame
from tests.lossless_jpeg_files import LEFT_ALONE, any_codes, runner, segment, stream

_RNG = np.random.default_rng(21)


def picture(precision: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    largest = (1 << precision) - 1
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * largest // sum(shape)
    image = np.clip(ramp + _RNG.normal(0, largest / 40, shape).astype(int), 0, largest)
    return image.astype(np.uint8 if precision <= 8 else np.uint16)


@pytest.mark.parametrize("precision", range(2, 17))
def test_streams_of_imagecodecs(precision: int) -> None:
    image = picture(precision)
    for predictor in range(1, 8):
        code = imagecodecs.jpeg8_encode(image, lossless=True, predictor=predictor, bitspersample=precision)
        found = jpeg_lossless_frame(code, runner(image))
        assert found.dtype == image.dtype
        np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("precision", [2, 8, 11, 16])
def test_streams_that_imagecodecs_reads(precision: int) -> None:
    for predictor in range(1, 8):
        for shift, restart in ((0, 0), (1, 0), (0, 1), (0, 7)):
            image = picture(precision) >> shift << shift
            code = stream(image.astype(np.int64), any_codes(_RNG), precision, predictor, shift, restart)
            found = jpeg_lossless_frame(code, runner(image))
            np.testing.assert_array_equal(found, image)
            np.testing.assert_array_equal(imagecodecs.jpeg8_decode(code), image)


def test_segments_that_do_not_matter() -> None:
    image = picture(12)
    code = stream(image.astype(np.int64), any_codes(_RNG), 12, 1)
    around = segment(0xE0, b"JFIF\0") + segment(0xFE, b"a comment \xff\xd9") + segment(0xEF, b"")
    other_table = segment(0xC4, bytes([2, *any_codes(_RNG).segment[1:]]))
    for more in (around, other_table, segment(0xDD, b"\0\0")):
        longer = code[:2] + more + code[2:] + b"\0\0"
        np.testing.assert_array_equal(jpeg_lossless_frame(longer, runner(image)), image)


def _changed(code: bytes, marker: int, at: int, value: int) -> bytes:
    """Set a byte of the content of a segment."""
    place = code.index(bytes([0xFF, marker])) + 4 + at
    return code[:place] + bytes([value]) + code[place + 1 :]


IMAGE = picture(12)
CODE = stream(IMAGE.astype(np.int64), any_codes(np.random.default_rng(3)), 12, 1)
SCAN = CODE.index(b"\xff\xda") + 10
REFUSED = {
    "nothing": b"",
    "no start": CODE[2:],
    "start alone": CODE[:2],
    "cut in the frame header": CODE[: CODE.index(b"\xff\xc3") + 9],
    "cut before the scan": CODE[: SCAN - 1],
    "no end": CODE[:-2],
    "no frame header": CODE.replace(b"\xff\xc3", b"\xff\xe3"),
    "no table": CODE.replace(b"\xff\xc4", b"\xff\xe4"),
    "two frame headers": CODE[:2] + segment(0xC3, bytes(9)) + CODE[2:],
    "baseline": CODE.replace(b"\xff\xc3", b"\xff\xc0"),
    "differential": CODE.replace(b"\xff\xc3", b"\xff\xc7"),
    "arithmetic": CODE.replace(b"\xff\xc3", b"\xff\xcb"),
    "arithmetic conditioning": CODE[:2] + segment(0xCC, b"\0\0") + CODE[2:],
    "hierarchical": CODE[:2] + segment(0xDE, bytes(6)) + CODE[2:],
    "quantisation": CODE[:2] + segment(0xDB, bytes(65)) + CODE[2:],
    "number of lines": CODE[:2] + segment(0xDC, b"\0\x3c") + CODE[2:],
    "number of lines after the scan": CODE[:-2] + segment(0xDC, b"\0\x3c") + CODE[-2:],
    "a second scan": CODE[:-2] + CODE[SCAN - 10 :],
    "a standalone marker": CODE[:2] + b"\xff\x01" + CODE[2:],
    "a segment of length 0": CODE[:2] + b"\xff\xe0\0\0" + CODE[2:],
    "a segment past the end": CODE[:2] + b"\xff\xe0\xff\xff" + CODE[2:],
    "no marker": CODE[:2] + b"\0" + CODE[2:],
    "three components": _changed(CODE, 0xC3, 5, 3),
    "no lines": _changed(_changed(CODE, 0xC3, 1, 0), 0xC3, 2, 0),
    "precision 17": _changed(CODE, 0xC3, 0, 17),
    "precision 1": _changed(CODE, 0xC3, 0, 1),
    "one line more": _changed(CODE, 0xC3, 2, 61),
    "sampling of two": _changed(CODE, 0xC3, 7, 0x22),
    "two components in the scan": _changed(CODE, 0xDA, 0, 2),
    "another component": _changed(CODE, 0xDA, 1, 9),
    "another table": _changed(CODE, 0xDA, 2, 0x10),
    "predictor 0": _changed(CODE, 0xDA, 3, 0),
    "predictor 8": _changed(CODE, 0xDA, 3, 8),
    "an end of the spectrum": _changed(CODE, 0xDA, 4, 63),
    "a point transform of all bits": _changed(CODE, 0xDA, 5, 12),
    "an earlier point transform": _changed(CODE, 0xDA, 5, 0x10),
    "table of another class": _changed(CODE, 0xC4, 0, 0x10),
    "table 4": _changed(CODE, 0xC4, 0, 4),
    "a table longer than its segment": _changed(CODE, 0xC4, 16, 200),
    "an interval of half a row": CODE[:2] + segment(0xDD, b"\0\x28") + CODE[2:],
    "an interval without its markers": CODE[:2] + segment(0xDD, b"\0\xa0") + CODE[2:],
    "an interval in one byte": CODE[:2] + segment(0xDD, b"\0") + CODE[2:],
    "a thousand comments": CODE[:2] + segment(0xFE, b"") * 1001 + CODE[2:],
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_what_is_left_to_another_decoder(code: bytes) -> None:
    np.testing.assert_array_equal(jpeg_lossless_frame(CODE, runner(IMAGE)), IMAGE)
    with pytest.raises(LEFT_ALONE):
        jpeg_lossless_frame(code, runner(IMAGE))


@pytest.mark.parametrize("restart", [0, 4])
def test_no_broken_stream_is_taken_that_imagecodecs_refuses(restart: int) -> None:
    """Nor is it read differently: what bits are flipped, bytes lost and added."""
    image = picture(12, (40, 120))
    whole = stream(image.astype(np.int64), any_codes(np.random.default_rng(5)), 12, 4, 0, restart)
    rng = np.random.default_rng(restart)
    accepted = 0
    for _ in range(1500):
        code = bytearray(whole)
        # From the end on: what is lost moves no place still to come.
        for place in sorted(rng.integers(2, len(code), rng.integers(1, 4)).tolist(), reverse=True):
            kind = rng.integers(0, 4)
            if kind < 2:
                code[place] ^= 1 << int(rng.integers(0, 8))
            elif kind == 2:
                del code[place : place + int(rng.integers(1, 9))]
            else:
                code[place:place] = rng.integers(0, 256, 2).astype(np.uint8).tobytes()
        try:
            found = jpeg_lossless_frame(bytes(code), runner(image))
        except LEFT_ALONE:
            continue
        accepted += 1
        np.testing.assert_array_equal(found, imagecodecs.jpeg8_decode(bytes(code)))
    assert accepted > 10
