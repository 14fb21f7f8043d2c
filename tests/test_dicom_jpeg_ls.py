"""Streams of lossless JPEG-LS with all that may stand around the scan, against imagecodecs."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames

from fxcore.dicom.codecs.jpeg_ls import jpeg_ls_frame
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from tests.dicom_files import image_dataset, write
from tests.jpeg_ls_files import Presets, default_presets, stream
from tests.lossless_jpeg_files import LEFT_ALONE, runner, segment
from tests.shared_data import DICOM, requires_dicom


def picture(precision: int, shape: tuple[int, int] = (24, 30)) -> np.ndarray:
    rng = np.random.default_rng(precision)
    largest = 2**precision - 1
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * largest // sum(shape)
    image = np.clip(ramp + rng.normal(0, largest / 40, shape).astype(int), 0, largest)
    image[shape[0] // 2 :, : shape[1] // 3] = largest
    return image.astype(np.uint8 if precision <= 8 else np.uint16)


@pytest.mark.parametrize("precision", range(2, 17))
def test_streams_that_imagecodecs_reads(precision: int) -> None:
    image = picture(precision)
    largest = 2**precision - 1
    standard = default_presets(largest)
    for presets in (
        None,
        standard,
        Presets(largest, 1, 2, 3, 3),
        Presets(largest, largest, largest, largest),
    ):
        code = stream(image, precision, presets)
        found = jpeg_ls_frame(code, runner(image))
        assert found.dtype == image.dtype
        np.testing.assert_array_equal(found, image)
        np.testing.assert_array_equal(imagecodecs.jpegls_decode(code), image)


@pytest.mark.parametrize("precision", [8, 16])
def test_streams_of_imagecodecs(precision: int) -> None:
    image = picture(precision, (70, 90))
    code = bytes(imagecodecs.jpegls_encode(image))
    np.testing.assert_array_equal(jpeg_ls_frame(code, runner(image)), image)


IMAGE = picture(12)
PLAIN = stream(IMAGE, 12)
CODE = stream(IMAGE, 12, default_presets(4095))
FRAME, PRESETS, SCAN = (CODE.index(bytes([0xFF, marker])) for marker in (0xF7, 0xF8, 0xDA))
BEFORE_SCAN = PLAIN.index(b"\xff\xda")
LSE = CODE[PRESETS:SCAN]


def test_segments_that_do_not_matter() -> None:
    around = segment(0xE0, b"JFIF\0") + segment(0xFE, b"a comment \xff\xd9") + segment(0xEF, b"")
    spiff = segment(0xE8, b"SPIFF\0" + bytes(24))
    zeros = segment(0xF8, b"\x01" + bytes(10))
    for more in (around, spiff, LSE, zeros, LSE + around):
        for place in (2, BEFORE_SCAN):
            longer = PLAIN[:place] + more + PLAIN[place:] + b"\0\0"
            np.testing.assert_array_equal(jpeg_ls_frame(longer, runner(IMAGE)), IMAGE)
            np.testing.assert_array_equal(imagecodecs.jpegls_decode(longer), IMAGE)


def _changed(marker: int, at: int, value: int) -> bytes:
    """Set a byte of the content of a segment."""
    place = CODE.index(bytes([0xFF, marker])) + 4 + at
    return CODE[:place] + bytes([value]) + CODE[place + 1 :]


def _with(more: bytes) -> bytes:
    """Put segments before the scan of a stream without preset parameters."""
    return PLAIN[:BEFORE_SCAN] + more + PLAIN[BEFORE_SCAN:]


def _preset(**numbers: int) -> bytes:
    given = {"maxval": 4095, "t1": 18, "t2": 67, "t3": 276, "reset": 64} | numbers
    return _with(segment(0xF8, Presets(**given).segment))


THREE = CODE[FRAME : FRAME + 9] + b"\x03" + b"\x01\x11\0\x02\x11\0\x03\x11\0"
REFUSED = {
    "nothing": b"",
    "no start": CODE[2:],
    "start alone": CODE[:2],
    "cut in the frame header": CODE[: FRAME + 9],
    "cut in the presets": CODE[: PRESETS + 9],
    "cut before the scan": CODE[: SCAN + 9],
    "cut after the scan header": CODE[: SCAN + 10],
    "cut in the scan": CODE[:-100] + CODE[-2:],
    "no end": CODE[:-2],
    "no frame header": CODE.replace(b"\xff\xf7", b"\xff\xe3"),
    "no scan": CODE[:SCAN] + b"\xff\xd9",
    "two frame headers": CODE[:2] + CODE[FRAME:PRESETS] + CODE[2:],
    "baseline": CODE.replace(b"\xff\xf7", b"\xff\xc0"),
    "lossless JPEG": CODE.replace(b"\xff\xf7", b"\xff\xc3"),
    "extended JPEG-LS": CODE.replace(b"\xff\xf7", b"\xff\xf9"),
    "quantisation": _with(segment(0xDB, bytes(65))),
    "Huffman codes": _with(segment(0xC4, bytes(17))),
    "restart interval": _with(segment(0xDD, b"\0\x01")),
    "restart interval of three bytes": _with(segment(0xDD, b"\0\0\x01")),
    "no restart interval": _with(segment(0xDD, b"\0\0")),
    "number of lines": _with(segment(0xDC, b"\0\x18")),
    "number of lines after the scan": CODE[:-2] + segment(0xDC, b"\0\x18") + CODE[-2:],
    "a restart marker": CODE[:-2] + b"\xff\xd0" + CODE[-2:],
    "a comment after the scan": CODE[:-2] + segment(0xFE, b"") + CODE[-2:],
    "a second scan": CODE[:-2] + CODE[SCAN:],
    "the second scan of another component": CODE[:-2] + CODE[SCAN:].replace(b"\x01\x01", b"\x01\x02", 1),
    "fill bytes before the end": CODE[:-2] + b"\xff" + CODE[-2:],
    "a byte more": CODE[:-2] + b"\x01" + CODE[-2:],
    "bytes more": CODE[:-2] + bytes(3) + CODE[-2:],
    "a standalone marker": CODE[:2] + b"\xff\x01" + CODE[2:],
    "a segment of length 0": CODE[:2] + b"\xff\xe0\0\0" + CODE[2:],
    "a segment past the end": CODE[:2] + b"\xff\xe0\xff\xff" + CODE[2:],
    "no marker": CODE[:2] + b"\0" + CODE[2:],
    "three components": CODE[:FRAME] + THREE + CODE[PRESETS:],
    "three components in one": _changed(0xF7, 5, 3),
    "no component": _changed(0xF7, 5, 0),
    "no lines": _changed(0xF7, 2, 0),
    "one line less": _changed(0xF7, 2, 23),
    "one line more": _changed(0xF7, 2, 25),
    "one column more": _changed(0xF7, 4, 31),
    "precision 0": _changed(0xF7, 0, 0),
    "precision 1": _changed(0xF7, 0, 1),
    "precision 11": _changed(0xF7, 0, 11),
    "precision 17": _changed(0xF7, 0, 17),
    "sampling of two": _changed(0xF7, 7, 0x22),
    "a longer frame header": CODE.replace(b"\xff\xf7\0\x0b", b"\xff\xf7\0\x0e").replace(
        b"\xff\xf8", b"\0\0\0\xff\xf8"
    ),
    "two components in the scan": _changed(0xDA, 0, 2),
    "another component": _changed(0xDA, 1, 9),
    "a mapping table": _changed(0xDA, 2, 1),
    "near-lossless": _changed(0xDA, 3, 1),
    "lines interleaved": _changed(0xDA, 4, 1),
    "samples interleaved": _changed(0xDA, 4, 2),
    "a point transform": _changed(0xDA, 5, 1),
    "mapping table given": _with(segment(0xF8, b"\x02\x01\x02" + bytes(8192))),
    "mapping table continued": _with(segment(0xF8, b"\x03\x01\x02" + bytes(20))),
    "size in the presets": _with(segment(0xF8, b"\x04\x02" + bytes([0, 24, 0, 30]))),
    "presets of another kind": _with(segment(0xF8, LSE[4:].replace(b"\x01", b"\x05", 1))),
    "presets twice": _with(LSE + LSE),
    "presets cut": _with(segment(0xF8, LSE[4:-1])),
    "presets longer": _with(segment(0xF8, LSE[4:] + b"\0")),
    "presets empty": _with(segment(0xF8, b"")),
    "largest sample of other bits": _preset(maxval=2047),
    "largest sample that does not fill its bits": _preset(maxval=4094),
    "largest sample of more bits": _preset(maxval=8191),
    "other thresholds": _preset(t1=17),
    "thresholds out of order": _preset(t2=17),
    "a threshold above the largest sample": _preset(t3=4096),
    "another reset": _preset(reset=9),
    "reset 2": _preset(reset=2),
    "reset 256": _preset(reset=256),
    "colour transform": CODE[:2] + segment(0xE8, b"mrfx\x01") + CODE[2:],
    "an unknown colour transform": CODE[:2] + segment(0xE8, b"mrfx\x09") + CODE[2:],
    "a thousand comments": CODE[:2] + segment(0xFE, b"") * 1001 + CODE[2:],
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_what_is_left_to_another_decoder(code: bytes) -> None:
    assert code not in (CODE, PLAIN)
    np.testing.assert_array_equal(jpeg_ls_frame(CODE, runner(IMAGE)), IMAGE)
    with pytest.raises(LEFT_ALONE):
        jpeg_ls_frame(code, runner(IMAGE))


def _loaded(code: bytes, path: Path) -> tuple[np.ndarray, str]:
    ds = image_dataset(IMAGE, 12)
    ds.PixelData = encapsulate([code])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    loaded = load_dicom(write(ds, path, uid.JPEGLSLossless), PixelConfig())
    return next(loaded.frames)[1], loaded.decoder


def test_the_next_decoder_reads_what_is_left_to_it(tmp_path: Path) -> None:
    expected, decoder = _loaded(CODE, tmp_path / "a")
    assert decoder == "fxray"
    for name in ("presets twice", "no restart interval", "fill bytes before the end"):
        found, decoder = _loaded(REFUSED[name], tmp_path / "b")
        assert decoder == "imagecodecs"
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("precision", [2, 5, 8, 11, 16])
def test_no_broken_stream_is_taken_that_imagecodecs_refuses(precision: int) -> None:
    """Nor is it read differently: what bits are flipped, bytes lost and added."""
    rng = np.random.default_rng(precision)
    image = picture(precision, (14, 25))
    whole = stream(image, precision, default_presets(2**precision - 1) if precision % 4 == 0 else None)
    scan = whole.index(b"\xff\xda")
    accepted = 0
    # With few bits a sample there is little that fits by chance.
    for turn in range(300 if precision > 5 else 3000):
        code = bytearray(whole)
        # What is changed early in the scan changes most of what comes after it, and its length.
        first = (2, scan, len(whole) - 25)[turn % 3]
        for place in rng.integers(first, len(whole), rng.integers(1, 3)).tolist():
            kind = rng.integers(0, 6)
            if kind < 4 and place < len(code):
                code[place] ^= 1 << int(rng.integers(0, 8))
            elif kind == 4:
                del code[place : place + int(rng.integers(1, 9))]
            else:
                code[place:place] = rng.integers(0, 256, 2).astype(np.uint8).tobytes()
        try:
            found = jpeg_ls_frame(bytes(code), runner(image))
        except LEFT_ALONE:
            continue
        accepted += 1
        np.testing.assert_array_equal(found, imagecodecs.jpegls_decode(bytes(code)))
    assert accepted > 5


def _lossless_files() -> list[str]:
    """Return the real files whose frames are lossless JPEG-LS of one component."""
    with (DICOM / "INVENTORY.csv").open(encoding="utf-8", newline="") as table:
        return [
            row["path"]
            for row in csv.DictReader(table)
            if row["transfer_syntax"] == uid.JPEGLSLossless.name and row["spp"] == "1"
        ]


@requires_dicom
def test_real_files() -> None:
    frames = 0
    for path in _lossless_files():
        ds = pydicom.dcmread(DICOM / path)
        for frame in generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames") or 1)):
            found = jpeg_ls_frame(frame, SimpleNamespace(rows=ds.Rows, columns=ds.Columns))
            expected = imagecodecs.jpegls_decode(frame)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
            frames += 1
    assert frames >= 30
