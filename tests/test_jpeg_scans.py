"""JPEGs that lack a part of their image: what libjpeg fills with grey is refused, all else is not."""

from __future__ import annotations

import cv2
import imagecodecs
import numpy as np
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate

from fxcore.dicom.codecs.jpeg_scans import check_jpeg_scans, with_jpeg_end
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.errors import ParameterError, UnreadableFileError
from fxcore.kernels.jpeg_scans import code_table
from tests.dicom_files import image_dataset, write

_END = b"\xff\xd9"
_ROWS, _COLUMNS = np.mgrid[:133, :150]
_GREY = 128 + 60 * np.sin(_COLUMNS / 9) + 50 * np.cos(_ROWS / 13)
_GREY = (_GREY + np.random.default_rng(3).normal(0, 4, _GREY.shape)).clip(0, 255).astype(np.uint8)
_COLOUR = np.stack([_GREY, 255 - _GREY, _GREY[::-1]], -1)
_DEEP = _GREY.astype(np.uint16) * 16


def _opencv(image: np.ndarray, quality: int, **options: int) -> bytes:
    chosen = {"QUALITY": quality, **options}
    flags = [n for name, value in chosen.items() for n in (getattr(cv2, f"IMWRITE_JPEG_{name}"), value)]
    return cv2.imencode(".jpg", image, flags)[1].tobytes()


_WHOLE, _ACROSS, _BOTH = (
    getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{kind}") for kind in ("444", "422", "420")
)
STREAMS = {
    "grey": imagecodecs.jpeg8_encode(_GREY, level=90),
    "coarse": imagecodecs.jpeg8_encode(_GREY, level=5),
    "fine": imagecodecs.jpeg8_encode(_GREY, level=100),
    "noise": imagecodecs.jpeg8_encode(
        np.random.default_rng(1).integers(0, 256, (90, 91), np.uint8), level=100
    ),
    "flat": imagecodecs.jpeg8_encode(np.full((90, 91), 7, np.uint8)),
    "optimised": _opencv(_GREY, 80, OPTIMIZE=1),
    "restarts": _opencv(_GREY, 80, RST_INTERVAL=7),
    "12 bits": imagecodecs.jpeg8_encode(_DEEP, level=95, bitspersample=12),
    "4:4:4": _opencv(_COLOUR, 85, SAMPLING_FACTOR=_WHOLE),
    "4:2:2": _opencv(_COLOUR, 85, SAMPLING_FACTOR=_ACROSS),
    "4:2:0": _opencv(_COLOUR, 85, SAMPLING_FACTOR=_BOTH),
    "4:2:0, restarts": _opencv(_COLOUR, 85, SAMPLING_FACTOR=_BOTH, RST_INTERVAL=10),
    "CMYK": imagecodecs.jpeg8_encode(np.dstack([_COLOUR, _GREY]), colorspace="CMYK", outcolorspace="CMYK"),
    "progressive": _opencv(_GREY, 90, PROGRESSIVE=1),
    "progressive, fine": _opencv(_GREY, 100, PROGRESSIVE=1),
    "progressive, coarse": _opencv(_GREY, 10, PROGRESSIVE=1),
    "progressive 4:2:0": _opencv(_COLOUR, 90, PROGRESSIVE=1, SAMPLING_FACTOR=_BOTH),
    "progressive, restarts": _opencv(_COLOUR, 90, PROGRESSIVE=1, RST_INTERVAL=5),
    "lossless": imagecodecs.jpeg8_encode(_DEEP, lossless=True, bitspersample=12),
    "lossless colour": imagecodecs.jpeg8_encode(_COLOUR, lossless=True),
}
_KINDS = pytest.mark.parametrize("kind", STREAMS)


def _scans(stream: bytes) -> list[tuple[int, int]]:
    """Return where the data of each scan of a stream begins and ends."""
    found, offset = [], 2
    while stream[offset + 1] != 0xD9:
        code, size = stream[offset + 1], int.from_bytes(stream[offset + 2 : offset + 4], "big")
        offset += 2 + size
        if code == 0xDA:
            begin = offset
            while stream[offset] != 0xFF or stream[offset + 1] in (0, *range(0xD0, 0xD8)):
                offset += 1
            found.append((begin, offset))
    return found


@_KINDS
def test_whole_streams_pass(kind: str) -> None:
    check_jpeg_scans(STREAMS[kind], "truncated_image")
    end = _scans(STREAMS[kind])[-1][1]
    padded = STREAMS[kind][:end] + bytes(3) + STREAMS[kind][end:]
    check_jpeg_scans(padded, "truncated_image")


@_KINDS
def test_a_stream_cut_anywhere_is_refused(kind: str) -> None:
    """With an end marker put behind it, which is all that was looked for once."""
    stream = STREAMS[kind]
    begin, end = _scans(stream)[0][0], _scans(stream)[-1][1]
    # The last bytes may be bits that fill the last one up.
    for cut in np.linspace(begin, end - 2, 60).astype(int):
        # What is cut within a marker segment has no length to be followed by, and is no news.
        if any(first <= cut <= last for first, last in _scans(stream)):
            with pytest.raises(UnreadableFileError, match="damaged or cut short") as caught:
                check_jpeg_scans(stream[: cut - (stream[cut - 1] == 0xFF)] + _END, "truncated_image")
            assert caught.value.reason == "truncated_image"


@_KINDS
def test_a_scan_without_its_middle_is_refused(kind: str) -> None:
    stream = STREAMS[kind]
    for begin, end in _scans(stream):
        first, last = begin + (end - begin) // 3, begin + 2 * (end - begin) // 3
        if last - first > 20:
            with pytest.raises(UnreadableFileError, match="damaged or cut short"):
                check_jpeg_scans(stream[:first] + stream[last:], "truncated_image")


def test_fill_bytes_before_markers_are_no_data() -> None:
    """T.81 B.1.1.2 allows any number of them, before a restart marker too."""
    stream = STREAMS["restarts"]
    for code in range(0xD0, 0xDA):
        stream = stream.replace(bytes([0xFF, code]), bytes([0xFF, 0xFF, 0xFF, code]))
    assert len(stream) > len(STREAMS["restarts"]) + 20
    check_jpeg_scans(stream, "truncated_image")


def test_a_restart_marker_after_the_last_interval_is_no_harm() -> None:
    """Some encoders write one, and libjpeg passes over it; data may not follow it."""
    stream = STREAMS["restarts"]
    begin, end = _scans(stream)[0]
    count = sum(stream.count(bytes([0xFF, code]), begin, end) for code in range(0xD0, 0xD8))
    marker = bytes([0xFF, 0xD0 + count % 8])
    whole = stream[:end] + marker + _END
    check_jpeg_scans(whole, "truncated_image")
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(whole), imagecodecs.jpeg8_decode(stream))
    other = bytes([0xFF, 0xD0 + (count + 1) % 8])
    for more in (marker + b"\x00", marker + other, other):
        with pytest.raises(UnreadableFileError, match="restart markers"):
            check_jpeg_scans(stream[:end] + more + _END, "truncated_image")


def test_data_after_the_last_block_is_refused() -> None:
    end = _scans(STREAMS["grey"])[0][1]
    stream = STREAMS["grey"][:end] + b"\0" * 39 + b"\1" + _END
    with pytest.raises(UnreadableFileError, match="goes on for"):
        check_jpeg_scans(stream, "truncated_image")


@_KINDS
def test_zeros_up_to_a_block_of_the_disk_are_padding(kind: str) -> None:
    """But not those that came in the place of codes, though they too are codes."""
    stream = STREAMS[kind]
    begin, end = _scans(stream)[-1]
    padded = stream[:end] + bytes(500) + stream[end:]
    if stream[end - 1]:
        check_jpeg_scans(padded, "truncated_image")
        np.testing.assert_array_equal(imagecodecs.jpeg8_decode(padded), imagecodecs.jpeg8_decode(stream))
    for kept in range((end - begin) // 10, 9 * (end - begin) // 10, 31):
        zeroed = stream[: begin + kept] + bytes(100_000) + stream[end:]
        with pytest.raises(UnreadableFileError):
            check_jpeg_scans(zeroed, "truncated_image")


@_KINDS
def test_the_end_marker_alone_may_be_missing(kind: str) -> None:
    stream = STREAMS[kind]
    end = _scans(stream)[-1][1]
    assert with_jpeg_end(stream, "truncated_image") is stream
    for lacking in (stream[:end], stream[:end] + b"\xff"):
        whole = with_jpeg_end(lacking, "truncated_image")
        check_jpeg_scans(whole, "truncated_image")
        np.testing.assert_array_equal(imagecodecs.jpeg8_decode(whole), imagecodecs.jpeg8_decode(stream))
    for cut in range(4, end - 2, 11):
        with pytest.raises(UnreadableFileError, match="before its end marker"):
            with_jpeg_end(stream[:cut], "truncated_image")


def test_a_missing_scan_of_a_progressive_jpeg_is_refused() -> None:
    stream = STREAMS["progressive"]
    for number, (_, end) in enumerate(_scans(stream)[:-1]):
        with pytest.raises(UnreadableFileError, match="a scan is missing"):
            check_jpeg_scans(stream[:end] + _END, "truncated_image")
        assert number < 20


def test_what_is_not_followed_is_left_to_the_decoder() -> None:
    """Arithmetic codes, tables that are the decoder's own, broken segments."""
    stream = STREAMS["grey"]
    arithmetic = stream.replace(b"\xff\xc0", b"\xff\xc9")
    begin = stream.index(b"\xff\xc4")
    tables = int.from_bytes(stream[begin + 2 : begin + 4], "big")
    for other in (arithmetic, stream[:begin] + stream[begin + 2 + tables :], stream[:40], b"\xff\xd8\xff"):
        check_jpeg_scans(other, "truncated_image")


@pytest.mark.parametrize(
    ("counts", "values"),
    [([3] + [0] * 15, [0, 1, 2]), ([1] + [0] * 15, []), ([0] * 16, []), ([1] * 15, [0] * 15)],
)
def test_impossible_tables_are_named(counts: list[int], values: list[int]) -> None:
    with pytest.raises(ParameterError):
        code_table(counts, values, first=False)
    with pytest.raises(ParameterError, match="17 bits"):
        code_table([1] + [0] * 15, [17], first=True)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_half_a_frame_is_no_radiograph(tmp_path, syntax: str) -> None:
    deep = syntax == uid.JPEGExtended12Bit
    stream = STREAMS["12 bits" if deep else "grey"]
    ds = image_dataset(_DEEP if deep else _GREY, 12 if deep else 8)
    for data, whole in ((stream, True), (stream[: len(stream) // 2] + _END, False)):
        ds.PixelData = encapsulate([data])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        path = write(ds, tmp_path / "frame", syntax)
        if whole:
            assert load_dicom(path, PixelConfig()).decoder == "imagecodecs"
        else:
            with pytest.raises(UnreadableFileError, match="end after") as caught:
                load_dicom(path, PixelConfig())
            assert caught.value.reason == "truncated_pixel_data"
