"""Ordinary images: exact grey, honoured orientation, nothing half-read."""

from __future__ import annotations

import csv
import gc
import itertools
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest

from fxcore.dicom.columns import FILE_COLUMNS
from fxcore.dicom.config import Limits, PixelConfig
from fxcore.errors import UnreadableFileError
from fxcore.images import load_image
from tests.hostile.bombs import chunk
from tests.shared_data import FRACATLAS, requires_fracatlas

RNG = np.random.default_rng(11)
GREY8 = RNG.integers(0, 256, (23, 31)).astype(np.uint8)
GREY16 = RNG.integers(900, 3000, (23, 31)).astype(np.uint16)
RGB8 = RNG.integers(0, 256, (23, 31, 3)).astype(np.uint8)
LUMA8 = np.rint(RGB8.astype(float) @ [299, 587, 114] / 1000).astype(np.uint8)
RGB12 = RNG.integers(0, 4096, (23, 31, 3)).astype(np.uint16)
LUMA12 = np.rint(RGB12.astype(float) @ [299, 587, 114] / 1000)


def _load(path: Path, config: PixelConfig | None = None) -> tuple[list[np.ndarray], dict[str, str]]:
    loaded = load_image(path, config or PixelConfig())
    assert tuple(loaded.metadata) == FILE_COLUMNS
    return [image for _, image in loaded.frames], loaded.metadata


def _saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "image"
    path.write_bytes(data)
    return path


def _window(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values.astype(float), [0.5, 99.5], method="inverted_cdf")
    return np.rint((np.clip(values, low, high) - low) / (high - low) * 255).astype(np.uint8)


def _png_palette(index: np.ndarray, palette: np.ndarray) -> bytes:
    rows = b"".join(b"\0" + row.tobytes() for row in index)
    header = index.shape[1].to_bytes(4, "big") + index.shape[0].to_bytes(4, "big") + b"\x08\x03\0\0\0"
    chunks = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in chunks)


_ALPHA = np.dstack([RGB8, GREY8])
_GREY_ALPHA = np.dstack([GREY8, GREY8[::-1]])
_PALETTE = RNG.integers(0, 256, (256, 3)).astype(np.uint8)
_PALETTE_LUMA = np.rint(_PALETTE[GREY8].astype(float) @ [299, 587, 114] / 1000).astype(np.uint8)
_DEEP_RGB = RGB8.astype(np.uint16) * 257
_DEEP_LUMA = np.rint(_DEEP_RGB.astype(float) @ [299, 587, 114] / 1000)


@pytest.mark.parametrize(
    ("data", "expected", "columns"),
    [
        (imagecodecs.png_encode(GREY8), GREY8, {"voi": "full_range", "colour": "", "BitsStored": "8"}),
        (imagecodecs.png_encode(GREY16), _window(GREY16), {"voi": "percentile", "BitsStored": "16"}),
        (imagecodecs.png_encode(RGB8), LUMA8, {"colour": "rgb", "SamplesPerPixel": "3"}),
        (imagecodecs.png_encode(_ALPHA), LUMA8, {"colour": "rgb"}),
        (imagecodecs.png_encode(_DEEP_RGB), _window(_DEEP_LUMA), {"colour": "rgb", "voi": "percentile"}),
        (imagecodecs.png_encode(RGB12), _window(LUMA12), {"colour": "rgb", "voi": "percentile"}),
        (imagecodecs.tiff_encode(RGB12, photometric="rgb"), _window(LUMA12), {"voi": "percentile"}),
        (imagecodecs.png_encode(_GREY_ALPHA), GREY8, {"colour": ""}),
        (_png_palette(GREY8, _PALETTE), _PALETTE_LUMA, {"colour": "palette"}),
        (imagecodecs.tiff_encode(GREY8), GREY8, {"decoder": "imagecodecs"}),
        (imagecodecs.tiff_encode(GREY16), _window(GREY16), {"voi": "percentile"}),
        (imagecodecs.tiff_encode(GREY16.copy(), byteorder=">"), _window(GREY16), {}),
        (imagecodecs.tiff_encode(GREY16, bigtiff=True), _window(GREY16), {}),
        (imagecodecs.tiff_encode(GREY16.astype(np.float32)), _window(GREY16), {"voi": "percentile"}),
        (imagecodecs.tiff_encode(RGB8, photometric="rgb"), LUMA8, {"colour": "rgb"}),
        (
            imagecodecs.tiff_encode(GREY8, photometric="miniswhite"),
            255 - GREY8,
            {"inverted_photometric": "1"},
        ),
        (
            imagecodecs.tiff_encode(GREY8 >> 4, bitspersample=4, photometric="miniswhite"),
            255 - 17 * (GREY8 >> 4),
            {"voi": "full_range", "BitsStored": "4"},
        ),
        (imagecodecs.tiff_encode(GREY8 >> 6, bitspersample=2), 85 * (GREY8 >> 6), {"BitsStored": "2"}),
        (
            imagecodecs.jpeg8_encode(RGB8, colorspace="RGB", outcolorspace="RGB", level=100),
            None,
            {"colour": "rgb"},
        ),
    ],
)
def test_kinds(data: bytes, expected: np.ndarray | None, columns: dict[str, str], tmp_path: Path) -> None:
    (image,), metadata = _load(_saved(tmp_path, data))
    assert image.dtype == np.uint8
    if expected is None:
        assert np.abs(image.astype(int) - LUMA8).mean() < 2
    else:
        np.testing.assert_array_equal(image, expected)
    assert columns.items() <= metadata.items()
    assert (metadata["Rows"], metadata["Columns"]) == ("23", "31")


def test_full_range_of_sixteen_bits(tmp_path: Path) -> None:
    (image,), metadata = _load(_saved(tmp_path, imagecodecs.png_encode(GREY16)), PixelConfig(voi="none"))
    np.testing.assert_array_equal(image, np.rint(GREY16 / 65535 * 255))
    assert metadata["voi"] == "full_range"
    (image,), _ = _load(_saved(tmp_path, imagecodecs.png_encode(_DEEP_RGB)), PixelConfig(voi="none"))
    np.testing.assert_array_equal(image, LUMA8)


def test_full_range_of_twelve_bits(tmp_path: Path) -> None:
    data = imagecodecs.tiff_encode(GREY16, bitspersample=12)
    (image,), _ = _load(_saved(tmp_path, data), PixelConfig(voi="none"))
    np.testing.assert_array_equal(image, np.rint(GREY16 / 4095 * 255))


def test_black_of_a_cmyk_jpeg(tmp_path: Path) -> None:
    """A grey image as printers write it, nearly all of it in the black; inverted, as JPEGs hold it."""
    tones = np.full((24, 32), 240, np.uint8)
    inverted = np.dstack([tones, tones, tones, _SMOOTH])
    data = imagecodecs.jpeg8_encode(inverted, colorspace="CMYK", outcolorspace="CMYK", level=100)
    (image,), metadata = _load(_saved(tmp_path, data))
    assert np.abs(image - _SMOOTH * (240 / 255)).max() < 4
    assert metadata["colour"] == "cmyk"


def test_pages_of_a_tiff_are_frames(tmp_path: Path) -> None:
    pages = RNG.integers(0, 256, (3, 9, 11)).astype(np.uint8)
    images, metadata = _load(_saved(tmp_path, cv2.imencodemulti(".tiff", list(pages))[1].tobytes()))
    np.testing.assert_array_equal(images, pages)
    assert metadata["NumberOfFrames"] == "3"
    pages[2] = 7
    with pytest.raises(UnreadableFileError, match=r"^frame 3 of 3: all pixels"):
        _load(_saved(tmp_path, cv2.imencodemulti(".tiff", list(pages))[1].tobytes()))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("order", "fill"), [("<", b""), (">", b""), ("<", b"\xff\xff\xff")])
def test_exif_orientation(orientation: int, order: str, fill: bytes, tmp_path: Path) -> None:
    mark, byte = {"<": (b"II*\0", "little"), ">": (b"MM\0*", "big")}[order]

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, byte)  # type: ignore[arg-type]

    entry = number(274, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + bytes(2)
    exif = b"Exif\0\0" + mark + number(8, 4) + number(1, 2) + entry + bytes(4)
    jpeg = imagecodecs.jpeg8_encode(GREY8, level=95)
    data = jpeg[:2] + fill + b"\xff\xe1" + (2 + len(exif)).to_bytes(2, "big") + exif + jpeg[2:]
    (image,), metadata = _load(_saved(tmp_path, data))
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(image, expected)
    assert (metadata["Rows"], metadata["Columns"]) == tuple(map(str, image.shape))


_SMOOTH = np.add.outer(np.arange(0, 120, 5), np.arange(0, 128, 4)).astype(np.uint8)
_SMOOTH_RGB = np.dstack([_SMOOTH] * 3)
_KINDS = {
    "grey": (_SMOOTH, {}),
    "rgb": (_SMOOTH_RGB, {"photometric": "rgb"}),
    "palette": (
        _SMOOTH,
        {"photometric": "palette", "colormap": np.array([np.arange(256) * 257] * 3, np.uint16)},
    ),
    "cmyk": (np.dstack([255 - _SMOOTH_RGB, 0 * _SMOOTH]), {"photometric": "separated"}),
    "ycbcr": (np.dstack([_SMOOTH, *[np.full_like(_SMOOTH, 128)] * 2]), {"photometric": "ycbcr"}),
    "jpeg": (_SMOOTH, {"compression": "jpeg"}),
    "jpeg, white is zero": (255 - _SMOOTH, {"compression": "jpeg", "photometric": "miniswhite"}),
    "jpeg, rgb": (_SMOOTH_RGB, {"compression": "jpeg", "photometric": "rgb"}),
}
# What the first row and the first column of the stored image are (TIFF 6.0, Orientation).
_LOOKED_AT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,  # top, left
    2: np.fliplr,  # top, right
    3: lambda stored: np.rot90(stored, 2),  # bottom, right
    4: np.flipud,  # bottom, left
    5: np.transpose,  # left, top
    6: lambda stored: np.rot90(stored, -1),  # right, top
    7: lambda stored: np.rot90(stored, 2).T,  # right, bottom
    8: np.rot90,  # left, bottom
}


@pytest.mark.parametrize("orientation", _LOOKED_AT)
@pytest.mark.parametrize("kind", _KINDS)
def test_tiff_orientation(kind: str, orientation: int, tmp_path: Path) -> None:
    stored, options = _KINDS[kind]
    data = imagecodecs.tiff_encode(stored, **options)
    unit = struct.pack("<HHIH", 296, 3, 1, 1)
    assert data.count(unit) == 1
    data = data.replace(unit, struct.pack("<HHIH", 274, 3, 1, orientation))
    (image,), metadata = _load(_saved(tmp_path, data))
    expected = _LOOKED_AT[orientation](_SMOOTH)
    assert np.abs(image.astype(int) - expected).max() <= (8 if "jpeg" in kind else 1)
    assert (metadata["Rows"], metadata["Columns"]) == tuple(map(str, expected.shape))


_WHOLE = {
    "png": imagecodecs.png_encode(GREY8),
    "jpeg": imagecodecs.jpeg8_encode(GREY8),
    "tiff": imagecodecs.tiff_encode(GREY8),
}


@pytest.mark.parametrize("kind", _WHOLE)
def test_cut_short(kind: str, tmp_path: Path) -> None:
    data = _WHOLE[kind]
    for kept in np.linspace(30, 0.95 * len(data), 25).astype(int):
        with pytest.raises(UnreadableFileError) as caught:
            _load(_saved(tmp_path, data[:kept]))
        assert caught.value.reason in ("truncated_image", "damaged_image")
        assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        _WHOLE["png"].replace(_WHOLE["png"][100:200], bytes(100)),
        _WHOLE["jpeg"].replace(b"\xff\xdb", b"\xff\xfe"),  # quantization tables made comments
        imagecodecs.tiff_encode(GREY8, compression="deflate").replace(b"\x78", b"\0", 1),
    ],
)
def test_damaged_files_do_not_use_up_the_process(data: bytes, tmp_path: Path) -> None:
    path = _saved(tmp_path, data)

    def references_taken(times: int) -> int:
        gc.collect()
        before = sys.getrefcount(None)
        for _ in range(times):
            with pytest.raises(UnreadableFileError):
                load_image(path, PixelConfig())
        gc.collect()
        return before - sys.getrefcount(None)

    references_taken(10)
    # One round may be the one in which something else is given up.
    assert min(references_taken(30) for _ in range(2)) < 15


def test_damage_in_one_of_several_chunks_of_a_png(tmp_path: Path) -> None:
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in _SMOOTH))
    header = b"\0\0\0\x20\0\0\0\x18\x08\0\0\0\0"
    chunks = ((b"IHDR", header), (b"IDAT", rows[:-20]), (b"IDAT", rows[-20:]), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in chunks)
    (image,), _ = _load(_saved(tmp_path, data))
    np.testing.assert_array_equal(image, _SMOOTH)
    start = data.index(rows[-20:])
    for place, bit in itertools.product(range(start, start + 20), range(8)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        with pytest.raises(UnreadableFileError) as caught:
            _load(_saved(tmp_path, bytes(damaged)))
        assert caught.value.reason == "damaged_image"
    # What is not needed for the pixels may be damaged.
    said = data[:33] + b"\0\0\0\3tEXtabc\0\0\0\0" + data[33:]
    (image,), _ = _load(_saved(tmp_path, said))
    np.testing.assert_array_equal(image, _SMOOTH)


def test_a_jpeg_that_lacks_nothing_but_its_end_marker(tmp_path: Path) -> None:
    data = _WHOLE["jpeg"]
    assert data.endswith(b"\xff\xd9")
    (whole,), _ = _load(_saved(tmp_path, data))
    (image,), _ = _load(_saved(tmp_path, data[:-2]))
    np.testing.assert_array_equal(image, whole)


@pytest.mark.parametrize("image", [_SMOOTH, _SMOOTH_RGB])
@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_a_jpeg_with_an_end_but_not_all_of_its_image(
    image: np.ndarray, progressive: int, suffix: str, tmp_path: Path
) -> None:
    if suffix == ".jpg":
        data = cv2.imencode(suffix, image, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    else:
        data = imagecodecs.tiff_encode(image, compression="jpeg")
    _load(_saved(tmp_path, data))
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    # The last scan of a progressive JPEG is a short one of a component: it is left out whole.
    kept = start if progressive and suffix == ".jpg" else start + (end - start) // 2
    with pytest.raises(UnreadableFileError) as caught:
        _load(_saved(tmp_path, data[:kept] + b"\xff\xd9" * ((end - kept) // 2) + data[end:]))
    assert caught.value.reason == "truncated_image"


@pytest.mark.parametrize(
    ("data", "limits", "reason"),
    [
        (b"", {}, "empty_file"),
        (b"nothing of the kind", {}, "unsupported_image"),
        (_WHOLE["png"], {"max_pixels": 23 * 31 - 1}, "too_large"),
        (_WHOLE["jpeg"], {"max_pixels": 23 * 31 - 1}, "too_large"),
        (_WHOLE["tiff"], {"max_pixels": 23 * 31 - 1}, "too_large"),
        (_WHOLE["tiff"], {"max_file_bytes": 99}, "too_large"),
        (imagecodecs.png_encode(np.full((9, 9), 7, np.uint8)), {}, "constant_image"),
    ],
)
def test_refused(data: bytes, limits: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        _load(_saved(tmp_path, data), PixelConfig(limits=Limits(**limits)))
    assert caught.value.reason == reason


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        load_image(tmp_path / "gone", PixelConfig())
    assert caught.value.reason == "unreadable"


@requires_fracatlas
def test_fracatlas() -> None:
    refused = 0
    with (FRACATLAS / "INDEX.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        path = FRACATLAS / row["file"]
        if row["truncated_jpeg"] == "1":
            with pytest.raises(UnreadableFileError) as caught:
                _load(path)
            assert caught.value.reason == "truncated_image"
            refused += 1
        else:
            (image,), _ = _load(path)
            np.testing.assert_array_equal(image, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    assert (len(rows), refused) == (96, 5)


def test_a_directory_past_all_places_is_a_truncated_tiff(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II+\0\x08\0\0\0" + b"\xff" * 8)
    with pytest.raises(UnreadableFileError) as caught:
        load_image(tmp_path / "a.tif", PixelConfig())
    assert caught.value.reason == "truncated_image"


def test_what_a_decoder_says_is_short_and_names_nobody(tmp_path, monkeypatch):
    def fails(*_: Any, **__: Any) -> None:
        raise ValueError("first line\ncannot read /archive/Doe^Jane/a.png of 1.2.840.10008.5 " + "x" * 500)

    path = tmp_path / "image.png"
    cv2.imwrite(str(path), GREY8)
    monkeypatch.setattr(imagecodecs, "png_decode", fails)
    with pytest.raises(UnreadableFileError) as caught:
        _load(path)
    assert "cannot read ... of ... xxx" in caught.value.message
    assert len(caught.value.message) < 200


def test_no_warning_of_numbers_that_are_none(tmp_path: Path) -> None:
    """Processors tell of the signalling kind when it is converted, and NumPy passes that on."""
    values = GREY16.astype(np.float32)
    values.view(np.uint32)[3, 3] = 0x7F800001
    path = tmp_path / "image.tif"
    path.write_bytes(imagecodecs.tiff_encode(values))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, image = next(load_image(path, PixelConfig()).frames)
    assert image[3, 3] == 0
