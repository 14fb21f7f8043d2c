"""TIFFs: strips that are missing are missed, every kind of page is read rightly or refused aloud."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest

from fxcore.dicom.config import PixelConfig
from fxcore.errors import UnreadableFileError
from fxcore.images import load_image

RNG = np.random.default_rng(12)
SMOOTH = np.add.outer(np.arange(0, 192, 4), np.arange(0, 60, 2)).astype(np.uint8)  # 48 x 30
RGB = np.dstack([SMOOTH, SMOOTH[::-1], SMOOTH[:, ::-1]])
LUMA = np.rint(RGB.astype(float) @ [299, 587, 114] / 1000).astype(np.uint8)
COLOURS = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
LUMA_OF_COLOURS = np.rint([299, 587, 114] @ COLOURS.astype(float) / 1000 / 257).astype(np.uint8)


def _load(path: Path, data: bytes, voi: str = "auto") -> tuple[list[np.ndarray], dict[str, str]]:
    path = path / "image.tif"
    path.write_bytes(data)
    loaded = load_image(path, PixelConfig(voi=voi))
    return [image for _, image in loaded.frames], loaded.metadata


def _entry(data: bytes, tag: int) -> int:
    """Return where the entry of a tag is in the first directory of a little-endian TIFF."""
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    (place,) = (
        at
        for at in range(start + 2, start + 2 + 12 * count, 12)
        if struct.unpack_from("<H", data, at) == (tag,)
    )
    return place


def _values(data: bytes, tag: int) -> tuple[str, int]:
    """Return the format of the values of a tag, and where they are."""
    place = _entry(data, tag)
    kind, number = struct.unpack_from("<HI", data, place + 2)
    code = f"<{number}{'H' if kind == 3 else 'I'}"
    return code, place + 8 if struct.calcsize(code) <= 4 else struct.unpack_from("<I", data, place + 8)[0]


def _get(data: bytes, tag: int) -> tuple[int, ...]:
    return struct.unpack_from(_values(data, tag)[0], data, _values(data, tag)[1])


def _set(data: bytes, tag: int, *values: int) -> bytes:
    changed = bytearray(data)
    code, place = _values(data, tag)
    struct.pack_into(code, changed, place, *values)
    return bytes(changed)


def _renamed(data: bytes, old: int, tag: int, value: int) -> bytes:
    """Make of a tag that does not matter another one."""
    changed = bytearray(data)
    struct.pack_into("<HHII", changed, _entry(data, old), tag, 4, 1, value)
    return bytes(changed)


def _pages(*pages: tuple[np.ndarray, dict[str, Any]]) -> bytes:
    data = b""
    for image, options in pages:
        data = imagecodecs.tiff_encode(image, **options, **({"appendto": data} if data else {}))
    return data


_STRIPS: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "plain": (SMOOTH, {}),
    "lzw": (SMOOTH, {"compression": "lzw"}),
    "jpeg": (SMOOTH, {"compression": "jpeg"}),
    "jpeg, rgb": (RGB, {"compression": "jpeg", "photometric": "rgb"}),
    "jpeg, cmyk": (np.dstack([RGB, SMOOTH]), {"compression": "jpeg", "photometric": "separated"}),
    "palette": (SMOOTH, {"photometric": "palette", "colormap": COLOURS, "compression": "lzw"}),
    "cmyk": (np.dstack([RGB, SMOOTH]), {"photometric": "separated", "compression": "lzw"}),
    "ycbcr": (RGB, {"photometric": "ycbcr"}),
}


@pytest.mark.parametrize("kind", _STRIPS)
def test_missing_strips_are_missed(kind: str, tmp_path: Path) -> None:
    image, options = _STRIPS[kind]
    data = imagecodecs.tiff_encode(image, rowsperstrip=16, **options)
    _load(tmp_path, data)
    offsets, lengths = _get(data, 273), _get(data, 279)
    assert len(offsets) == len(lengths) == 3
    broken = {
        "no length": _set(data, 279, *lengths[:2], 0),
        "nowhere": _set(data, 273, *offsets[:2], 0),
        "more rows": _set(data, 257, 2 * len(image)),
    }
    if options.get("compression"):
        broken["zeros"] = data[: offsets[2]] + bytes(lengths[2]) + data[offsets[2] + lengths[2] :]
    for name, damaged in broken.items():
        with pytest.raises(UnreadableFileError) as caught:
            _load(tmp_path, damaged)
        assert caught.value.reason in ("truncated_image", "damaged_image")
        if name != "zeros":
            assert "of the" in caught.value.message
            assert "strips or tiles" in caught.value.message


@pytest.mark.parametrize("tiling", [{}, {"rowsperstrip": 16}, {"tile": (16, 16)}, {"tile": (64, 64)}])
@pytest.mark.parametrize("kind", ["jpeg", "jpeg, rgb", "jpeg, cmyk", "palette", "cmyk"])
def test_strips_and_tiles(kind: str, tiling: dict[str, Any], tmp_path: Path) -> None:
    image, options = _STRIPS[kind]
    (read,), metadata = _load(tmp_path, imagecodecs.tiff_encode(image, **tiling, **options))
    light = (255 - image[..., :3].astype(float)) @ [0.299, 0.587, 0.114] if image.ndim == 3 else image
    expected = {
        "jpeg": SMOOTH,
        "jpeg, rgb": LUMA,
        "palette": LUMA_OF_COLOURS[SMOOTH],
    }.get(kind, light * (1 - SMOOTH / 255))
    assert np.abs(read.astype(float) - expected).mean() < (2 if "jpeg" in kind else 0.6)
    assert metadata["colour"] == {"jpeg": "", "jpeg, rgb": "rgb", "palette": "palette"}.get(kind, "cmyk")


@pytest.mark.parametrize("image", [SMOOTH, RGB[..., ::-1]])
@pytest.mark.parametrize("padding", [0, 1])
def test_strips_that_share_their_jpeg_tables(image: np.ndarray, padding: int, tmp_path: Path) -> None:
    """The tables may be followed by a byte that makes their length even."""
    flags = [cv2.IMWRITE_TIFF_COMPRESSION, 7, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 16]
    data = bytearray(cv2.imencode(".tif", image, flags)[1].tobytes() + bytes(1))
    count = _entry(bytes(data), 347) + 4
    struct.pack_into("<I", data, count, struct.unpack_from("<I", data, count)[0] + padding)
    assert len(_get(bytes(data), 273)) == 3
    (read,), _ = _load(tmp_path, bytes(data))
    assert np.abs(read.astype(float) - (SMOOTH if image.ndim == 2 else LUMA)).mean() < 2


def test_palette_of_four_bits(tmp_path: Path) -> None:
    data = imagecodecs.tiff_encode(SMOOTH >> 4, photometric="palette", bitspersample=4, colormap=COLOURS)
    (read,), _ = _load(tmp_path, data)
    np.testing.assert_array_equal(read, LUMA_OF_COLOURS[SMOOTH >> 4])


def test_palette_of_eight_bits_in_sixteen(tmp_path: Path) -> None:
    grey = np.array([np.arange(255, -1, -1)] * 3, np.uint16)
    (read,), _ = _load(tmp_path, imagecodecs.tiff_encode(SMOOTH, photometric="palette", colormap=grey))
    np.testing.assert_array_equal(read, 255 - SMOOTH)


_THUMBNAIL = SMOOTH[::4, ::3]


@pytest.mark.parametrize(
    "data",
    [
        _pages((SMOOTH, {}), (_THUMBNAIL, {"subfiletype": 1})),
        _pages((_THUMBNAIL, {"subfiletype": 1}), (SMOOTH, {})),
        _pages((SMOOTH, {}), (SMOOTH > 90, {"subfiletype": 4})),
        _renamed(_pages((_THUMBNAIL, {}), (SMOOTH, {})), 296, 255, 2),
    ],
)
def test_thumbnails_and_masks_are_passed_over(data: bytes, tmp_path: Path) -> None:
    (read,), metadata = _load(tmp_path, data)
    np.testing.assert_array_equal(read, SMOOTH)
    assert metadata["NumberOfFrames"] == ""
    assert metadata["Rows"] == "48"


def test_a_thumbnail_alone_is_the_image(tmp_path: Path) -> None:
    data = imagecodecs.tiff_encode(SMOOTH, subfiletype=1)
    (read,), _ = _load(tmp_path, data)
    np.testing.assert_array_equal(read, SMOOTH)
    with pytest.raises(UnreadableFileError, match="subdirectory"):
        _load(tmp_path, _renamed(data, 296, 330, 8))


def test_pages_of_several_kinds_and_sizes(tmp_path: Path) -> None:
    data = _pages((SMOOTH, {}), (_THUMBNAIL, {"subfiletype": 1}), (RGB[::2], {"photometric": "rgb"}))
    (first, second), _ = _load(tmp_path, data)
    np.testing.assert_array_equal(first, SMOOTH)
    np.testing.assert_array_equal(second, LUMA[::2])


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (RGB, {"photometric": "rgb"}, LUMA),
        (RGB, {"photometric": "rgb", "tile": (16, 16), "compression": "deflate"}, LUMA),
        (RGB, {"photometric": "rgb", "rowsperstrip": 16}, LUMA),
        (RGB[..., :2], {"photometric": "minisblack", "extrasample": "unassalpha"}, SMOOTH),
        (RGB[..., :2], {"photometric": "miniswhite", "extrasample": "unassalpha"}, 255 - SMOOTH),
    ],
)
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_samples_side_by_side_or_in_planes(
    image: np.ndarray, options: dict[str, Any], expected: np.ndarray, planes: str, tmp_path: Path
) -> None:
    stored = np.moveaxis(image, -1, 0) if planes == "separate" else image
    data = imagecodecs.tiff_encode(np.ascontiguousarray(stored), planarconfig=planes, **options)
    (read,), _ = _load(tmp_path, data)
    np.testing.assert_array_equal(read, expected)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_set(imagecodecs.tiff_encode(RGB, photometric="rgb"), 262, 8), "interpretation 8,"),
        (_set(imagecodecs.tiff_encode(SMOOTH), 262, 32803), "interpretation 32803,"),
        (_set(imagecodecs.tiff_encode(SMOOTH), 262, 2), "1 samples"),
        (_set(imagecodecs.tiff_encode(SMOOTH, compression="jpeg"), 259, 6), "old-style JPEG"),
        (_set(imagecodecs.tiff_encode(SMOOTH, compression="jpeg"), 256, 40), "strip or tile of JPEG with"),
        (_set(imagecodecs.tiff_encode(SMOOTH), 262, 3), "palette of 0 values"),
        (_renamed(imagecodecs.tiff_encode(SMOOTH, compression="packbits"), 296, 317, 2), "with a predictor"),
        (
            imagecodecs.tiff_encode(RGB, photometric="minisblack", extrasample="unspecified"),
            "2 samples a pixel besides",
        ),
        (
            imagecodecs.tiff_encode(
                np.stack([SMOOTH, SMOOTH]),
                photometric="minisblack",
                planarconfig="separate",
                extrasample="unspecified",
            ),
            "1 samples a pixel besides",
        ),
    ],
)
def test_what_is_not_read_is_refused_aloud(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=said) as caught:
        _load(tmp_path, data)
    assert caught.value.reason == "unsupported_image"


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "deflate"},
        {"compression": "deflate", "predictor": True},
        {"compression": "deflate", "tile": (16, 16)},
        {"compression": "deflate", "rowsperstrip": 20},
        {"compression": "packbits"},
        {"compression": "packbits", "rowsperstrip": 20},
    ],
)
def test_damage_that_libtiff_does_not_see(options: dict[str, Any], bits: int, tmp_path: Path) -> None:
    """It stops when a strip is full: what damage has made longer gives an image of noise."""
    image = RNG.integers(0, 2**bits, (200, 150)).astype(f"u{bits // 8}")
    image[::2] = 7
    data = imagecodecs.tiff_encode(image, **options)
    (_,), _ = _load(tmp_path, data)
    tags = (324, 325) if "tile" in options else (273, 279)
    places, lengths = (_get(data, tag) for tag in tags)
    for place in np.linspace(min(places) + 9, max(places) + lengths[-1] - 309, 10).astype(int):
        with pytest.raises(UnreadableFileError) as caught:
            _load(tmp_path, data[:place] + bytes(300) + data[place + 300 :])
        assert caught.value.reason == "damaged_image"


@pytest.mark.parametrize("options", [{}, {"predictor": True}])
def test_lzw_that_a_wrong_bit_has_made_longer(options: dict[str, Any], tmp_path: Path) -> None:
    data = imagecodecs.tiff_encode(np.tile(SMOOTH, (3, 2)), compression="lzw", **options)
    (start,), (length,) = _get(data, 273), _get(data, 279)
    whole, longer = len(imagecodecs.lzw_decode(data[start : start + length])), 0
    for place in range(start + 9, start + length - 9, length // 40):
        bad = bytearray(data)
        bad[place] ^= 4
        with contextlib.suppress(imagecodecs.LzwError):
            if len(imagecodecs.lzw_decode(bad[start : start + length])) > whole:
                longer += 1
                with pytest.raises(UnreadableFileError, match="it unpacks to more"):
                    _load(tmp_path, bytes(bad))
    assert longer > 4


@pytest.mark.parametrize("compression", ["deflate", "packbits", "lzw"])
@pytest.mark.parametrize("order", [1, 2])
def test_a_last_strip_may_be_filled_up(compression: str, order: int, tmp_path: Path) -> None:
    data = imagecodecs.tiff_encode(SMOOTH, compression=compression, rowsperstrip=16)
    if order == 2:
        # Bits from the other end (FillOrder), in the strips alone.
        start, end = (
            min(_get(data, 273)),
            max(a + b for a, b in zip(_get(data, 273), _get(data, 279), strict=True)),
        )
        turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data[start:end])
        data = _renamed(data[:start] + turned + data[end:], 296, 266, 2)
    (read,), _ = _load(tmp_path, _set(data, 257, 40))
    np.testing.assert_array_equal(read, SMOOTH[:40])


@pytest.mark.parametrize("compression", ["none", "lzw", "packbits", "jpeg"])
def test_lengths_that_an_old_writer_left_out(compression: str, tmp_path: Path) -> None:
    data = imagecodecs.tiff_encode(SMOOTH, compression=compression)
    (whole,), _ = _load(tmp_path, data)
    for without in (_renamed(data, 279, 65000, 1), _set(data, 279, 0)):
        (read,), _ = _load(tmp_path, without)
        np.testing.assert_array_equal(read, whole)
    with pytest.raises(UnreadableFileError, match="0 of the 1 strips"):
        _load(tmp_path, _set(_set(data, 279, 0), 273, len(data)))


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("tiling", [{}, {"rowsperstrip": 16}, {"tile": (16, 16)}])
@pytest.mark.parametrize(
    ("image", "photometric", "expected"),
    [
        (RGB, "rgb", LUMA),
        (np.dstack([RGB, SMOOTH[::-1]]), "rgb", LUMA),
        (RGB[..., :2], "minisblack", SMOOTH),
        (RGB[..., :2], "miniswhite", 255 - SMOOTH),
    ],
)
def test_jpeg_with_transparency_or_in_planes(
    image: np.ndarray,
    photometric: str,
    expected: np.ndarray,
    tiling: dict[str, Any],
    planes: str,
    tmp_path: Path,
) -> None:
    stored = np.ascontiguousarray(np.moveaxis(image, -1, 0)) if planes == "separate" else image
    options = {"photometric": photometric, "planarconfig": planes, "compression": "jpeg", **tiling}
    if image.shape[2] != 3:
        options["extrasample"] = "unassalpha"
    (read,), _ = _load(tmp_path, imagecodecs.tiff_encode(stored, **options))
    assert np.abs(read.astype(float) - expected).mean() < 2


@pytest.mark.parametrize("subsampling", ["444", "420"])
@pytest.mark.parametrize("image", [SMOOTH, RGB])
def test_old_style_jpeg_in_one_stream(image: np.ndarray, subsampling: str, tmp_path: Path) -> None:
    stream = imagecodecs.jpeg8_encode(image, level=95, subsampling=subsampling)
    samples = image.size // SMOOTH.size
    entries = [(256, 30), (257, 48), (258, 8), (259, 6), (262, 6 if samples == 3 else 1), (277, samples)]

    def stored(rows: int, length: int) -> bytes:
        tags = [*entries, (513, 8), (514, length)]
        tags[1] = (257, rows)
        directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        start = 8 + len(stream)
        return struct.pack("<4sI", b"II*\0", start) + stream + struct.pack("<H", 8) + directory + bytes(4)

    (read,), metadata = _load(tmp_path, stored(48, len(stream)))
    assert np.abs(read.astype(float) - (SMOOTH if samples == 1 else LUMA)).mean() < 2
    assert metadata["colour"] == ("" if samples == 1 else "rgb")
    for rows, length in ((96, len(stream)), (48, len(stream) // 2)):
        with pytest.raises(UnreadableFileError):
            _load(tmp_path, stored(rows, length))
