"""Every decoder against every other on the real files, and what is refused before native code."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames

from fxcore.dicom.codecs import frames, fxray_plugin, imagecodecs_plugin
from fxcore.dicom.codecs.frames import DECODERS
from fxcore.dicom.codecs.streams import (
    END_MARKER,
    ITEM_TAG,
    StreamSize,
    jpeg_2000_size,
    jpeg_size,
    scans_until_end,
)
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import ENCODERS, image_dataset, write
from tests.shared_data import DICOM, requires_dicom
from tests.test_dicom_real_files import EXPECTED

ENCAPSULATED = sorted(path for path, kind in EXPECTED.items() if kind in ("grey", "colour"))
_LOSSY_ONE_OFF = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEG2000, uid.HTJ2K)


@requires_dicom
@pytest.mark.slow
def test_every_decoder_agrees_on_every_real_file() -> None:
    compared = 0
    for path in ENCAPSULATED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = pydicom.dcmread(DICOM / path, force=True)
            syntax = ds.file_meta.get("TransferSyntaxUID")
            if syntax not in DECODERS:
                continue
            arrays = {}
            for name in DECODERS[syntax].available_plugins:
                try:
                    arrays[name] = DECODERS[syntax].as_array(ds, decoding_plugin=name)[0].astype(np.int64)
                except RuntimeError:
                    assert name != imagecodecs_plugin.NAME, path
        ours = arrays.pop(imagecodecs_plugin.NAME)
        if fxray_plugin.is_available(syntax):
            left_alone = (syntax != uid.RLELossless and ds.SamplesPerPixel > 1) or _irreversible(ds, syntax)
            assert (fxray_plugin.NAME in arrays) != left_alone, path
        for name, theirs in arrays.items():
            assert ours.shape == theirs.shape
            # Only what rounds, a cosine or colour transform, may differ, and by one or two levels.
            largest = int(np.abs(ours - theirs).max())
            allowed = 2 if syntax in _LOSSY_ONE_OFF and name != fxray_plugin.NAME else 0
            assert largest <= allowed, f"{path}: {name} differs by {largest}"
            compared += 1
    assert compared >= 95


def _irreversible(ds: pydicom.Dataset, syntax: str) -> bool:
    """Tell whether a frame is JPEG 2000 with the 9/7 wavelet: the last byte of its COD segment is 0."""
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    return syntax in uid.JPEG2000TransferSyntaxes and frame[frame.index(b"\xff\x52") + 13] == 0


def _decodes(ds: pydicom.Dataset, frame: bytes, syntax: str, path: Path) -> np.ndarray:
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return next(load_dicom(write(ds, path, syntax), PixelConfig()).frames)[1]


def test_the_decoder_that_managed_is_named(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (30, 40)).astype(np.uint16)
    frames = {syntax: encoder(stored, 12) for syntax, encoder in ENCODERS.items()}
    ds = image_dataset(stored, 12)
    for syntax, frame in frames.items():
        _decodes(ds, frame, syntax, tmp_path / "a")
        expected = "fxray" if fxray_plugin.is_available(syntax) else "imagecodecs"
        assert load_dicom(tmp_path / "a", PixelConfig()).decoder == expected
    lossless = frames[uid.JPEGLossless]
    plain = _decodes(ds, lossless, uid.JPEGLossless, tmp_path / "a")
    # A quantisation table, which lossless JPEG has no use for; and a byte too many.
    table = b"\xff\xdb\x00\x43\x00" + bytes([1] * 64)
    end = lossless.rindex(END_MARKER)
    for odd in (lossless[:2] + table + lossless[2:], lossless[:end] + b"\0" + lossless[end:]):
        np.testing.assert_array_equal(_decodes(ds, odd, uid.JPEGLossless, tmp_path / "b"), plain)
        assert load_dicom(tmp_path / "b", PixelConfig()).decoder == "imagecodecs"


@pytest.mark.parametrize("syntax", ENCODERS, ids=[uid.UID(s).keyword for s in ENCODERS])
def test_a_frame_of_another_size_is_refused(syntax: str, tmp_path: Path) -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    frame = ENCODERS[syntax](stored, 12)
    ds = image_dataset(stored, 12)
    assert _decodes(ds, frame, syntax, tmp_path / "a").shape == (20, 20)
    ds.Rows = 21
    with pytest.raises(UnreadableFileError) as caught:
        _decodes(ds, frame, syntax, tmp_path / "b")
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("syntax", ENCODERS, ids=[uid.UID(s).keyword for s in ENCODERS])
def test_a_frame_cut_short_is_never_an_image(syntax: str, tmp_path: Path) -> None:
    """libjpeg and OpenJPEG would fill what is missing and report success."""
    stored = np.random.default_rng(3).integers(0, 4096, (64, 64)).astype(np.uint16)
    frame = ENCODERS[syntax](stored, 12)
    for kept, end in itertools.product((0.2, 0.5, 0.9, 0.99), (b"", END_MARKER)):
        cut = frame[: int(kept * len(frame))] + end
        with pytest.raises(UnreadableFileError) as caught:
            _decodes(image_dataset(stored, 12), cut, syntax, tmp_path / "a")
        assert caught.value.reason in ("truncated_pixel_data", "undecodable")


@pytest.mark.parametrize(
    "syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.HTJ2KLossless]
)
@pytest.mark.parametrize("filler", [b"\0", b"\xff", b" "])
def test_padding_after_a_frame_costs_nothing(syntax: str, filler: bytes, tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (64, 64)).astype(np.uint16)
    ds, frame = image_dataset(stored, 12), ENCODERS[syntax](stored, 12)
    plain = _decodes(ds, frame, syntax, tmp_path / "a")
    for length in (15, 16, 17, 100_000):
        padded = _decodes(ds, frame + length * filler, syntax, tmp_path / "b")
        np.testing.assert_array_equal(padded, plain)
    with pytest.raises(UnreadableFileError) as caught:
        _decodes(ds, frame[:-200] + bytes(100_000), syntax, tmp_path / "c")
    assert caught.value.reason in ("truncated_pixel_data", "undecodable")


def test_the_message_lists_what_each_decoder_said(tmp_path: Path) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    frame = bytearray(ENCODERS[uid.JPEGLSLossless](stored, 16))
    frame[len(frame) // 2 : len(frame) // 2 + 60] = bytes(range(60))
    with pytest.raises(UnreadableFileError) as caught:
        _decodes(image_dataset(stored, 16), bytes(frame), uid.JPEGLSLossless, tmp_path / "a")
    assert "imagecodecs:" in caught.value.message
    assert "gdcm:" not in caught.value.message
    assert len(caught.value.message) <= 500


def test_rle_with_missing_bytes_is_never_an_image(tmp_path: Path) -> None:
    """What is left over tells of it, and no other decoder is asked to be less particular."""
    rng = np.random.default_rng(5)
    stored = (100 + 20 * np.sin(np.arange(64) / 5) + rng.normal(0, 2, (64, 64))).astype(np.uint16)
    frame = ENCODERS[uid.RLELossless](stored, 12)
    accepted = 0
    for begin in rng.integers(64, len(frame) - 600, 40):
        cut = frame[:begin] + frame[begin + rng.choice([1, 2, 16, 512]) :]
        with contextlib.suppress(UnreadableFileError):
            _decodes(image_dataset(stored, 12), cut, uid.RLELossless, tmp_path / "a")
            accepted += 1
    assert not accepted


def test_only_known_decoders_are_tried(tmp_path: Path) -> None:
    """Whatever else is installed: the pylibjpeg-rle that the benchmarks need panics on such a header."""
    segments = (64).to_bytes(4, "little") + (2**32 - 9).to_bytes(4, "little") * 15
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    with pytest.raises(UnreadableFileError) as caught:
        _decodes(image_dataset(stored, 12), segments + bytes(100), uid.RLELossless, tmp_path / "a")
    assert caught.value.message.startswith("the frame is damaged (")


def test_nothing_reaches_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (64, 64)).astype(np.uint16)
    rng = np.random.default_rng(4)
    for syntax, encoder in ENCODERS.items():
        for _ in range(20):
            frame = np.frombuffer(encoder(stored, 12), np.uint8).copy()
            places = rng.integers(60, len(frame) - 4, 6)
            frame[places] = rng.integers(0, 256, 6)
            with contextlib.suppress(UnreadableFileError):
                _decodes(image_dataset(stored, 12), frame.tobytes(), syntax, tmp_path / "a")
    assert capfd.readouterr() == ("", "")


def test_streams_say_their_size() -> None:
    image = np.random.default_rng(0).integers(0, 255, (31, 47)).astype(np.uint8)
    assert jpeg_size(imagecodecs.jpeg8_encode(image)) == StreamSize(31, 47, 1, 8)
    assert jpeg_size(imagecodecs.jpegls_encode(image)) == StreamSize(31, 47, 1, 8)
    assert jpeg_2000_size(imagecodecs.jpeg2k_encode(image, codecformat="jp2")) == StreamSize(31, 47, 1, 8)
    for junk in (b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\x4f\xff\x51", bytes(100)):
        assert jpeg_size(junk) is None
        assert jpeg_2000_size(junk) is None


def test_end_marker_is_found_by_following_the_segments() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(image)
    thumbnail = b"\xff\xe1" + (2 + len(stream)).to_bytes(2, "big") + stream
    whole = stream[:2] + thumbnail + stream[2:]
    assert scans_until_end(stream)
    assert scans_until_end(whole)
    assert scans_until_end(whole + bytes(9))
    for kept in range(0, len(whole) - 1, 37):
        assert not scans_until_end(whole[:kept])


def test_a_jp2_box_without_length_ends_the_search() -> None:
    image = np.random.default_rng(0).integers(0, 255, (31, 47)).astype(np.uint8)
    stream = bytearray(imagecodecs.jpeg2k_encode(image, codecformat="jp2"))
    assert jpeg_2000_size(bytes(stream)) == StreamSize(31, 47, 1, 8)
    for length in (0, 1, 7, 2**32 - 1):
        stream[12:16] = length.to_bytes(4, "big")
        assert jpeg_2000_size(bytes(stream)) is None


def test_a_jpeg_without_its_tables_does_not_reach_the_decoder_that_aborts(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 256, (64, 64)).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(stored)
    place = stream.find(b"\xff\xdb")
    broken = stream[:place] + b"\xff\xfe" + stream[place + 2 :]  # the quantisation table as a comment
    with pytest.raises(UnreadableFileError) as caught:
        _decodes(image_dataset(stored, 8), broken, uid.JPEGBaseline8Bit, tmp_path / "a")
    assert "imagecodecs:" in caught.value.message
    assert "gdcm:" not in caught.value.message


@pytest.mark.parametrize(
    ("syntax", "header", "place", "byte", "bits"),
    [
        (uid.JPEGLSLossless, b"\xff\xf7", 4, 17, 17),
        (uid.JPEGLSLossless, b"\xff\xf7", 4, 1, 1),
        (uid.JPEG2000Lossless, b"\xff\x51", 40, 32, 33),
    ],
)
def test_a_precision_that_gdcm_aborts_on_reaches_no_decoder(
    syntax: str, header: bytes, place: int, byte: int, bits: int, tmp_path: Path, monkeypatch: Any
) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (64, 64)).astype(np.uint16)
    frame = bytearray(ENCODERS[syntax](stored, 12))
    frame[frame.index(header) + place] = byte
    monkeypatch.setattr(frames, "_ORDER", ())
    with pytest.raises(UnreadableFileError, match=f"a frame of {bits} bits a sample") as caught:
        _decodes(image_dataset(stored, 12), bytes(frame), syntax, tmp_path / "a")
    assert caught.value.reason == "undecodable"


def test_lossy_samples_past_the_stored_bits_stay_bright(tmp_path: Path) -> None:
    """A 12-bit JPEG of 10 bits overshoots at edges; without its high bits that would be black."""
    y, x = np.mgrid[:64, :64]
    stored = np.where((x - 32) ** 2 + (y - 32) ** 2 < 500, 1023, 2 * x).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(stored, level=90, bitspersample=12)
    decoded = imagecodecs.jpeg8_decode(frame)
    assert (decoded > 1023).any()
    ds = image_dataset(stored, 10, WindowCenter=512, WindowWidth=1024)
    image = _decodes(ds, frame, uid.JPEGExtended12Bit, tmp_path / "a")
    assert image[decoded > 1023].min() == 255


def _wide(syntax: str, stored: np.ndarray) -> bytes:
    """Encode without loss, every bit of the words."""
    if syntax in uid.JPEGLSTransferSyntaxes:
        return ENCODERS[uid.JPEGLSLossless](stored, 16)
    high_throughput = syntax in (uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL)
    return ENCODERS[uid.HTJ2KLossless if high_throughput else uid.JPEG2000Lossless](stored, 16)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "syntax", [*uid.JPEGLSTransferSyntaxes, *(s for s in uid.JPEG2000TransferSyntaxes if s in DECODERS)]
)
def test_unused_high_bits_of_streams_without_loss_are_ignored(
    syntax: str, signed: bool, tmp_path: Path
) -> None:
    """As those of native pixels are: overlays, or whatever the writer left there."""
    rng = np.random.default_rng(8)
    stored = rng.integers(0, 4096, (32, 33)).astype(np.uint16)
    noisy = stored | rng.integers(0, 16, stored.shape).astype(np.uint16) << 12
    pixels = [values.view(np.int16 if signed else np.uint16) for values in (stored, noisy)]
    ds = image_dataset(pixels[0], 12, WindowCenter=300, WindowWidth=3000)
    clean = next(load_dicom(write(ds, tmp_path / "a"), PixelConfig()).frames)[1]
    np.testing.assert_array_equal(_decodes(ds, _wide(syntax, noisy), syntax, tmp_path / "b"), clean)
    ds.HighBit = 15
    left = _decodes(ds, _wide(syntax, stored << np.uint16(4)), syntax, tmp_path / "c")
    np.testing.assert_array_equal(left, clean)


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (uid.JPEGLSNearLossless, lambda stored: imagecodecs.jpegls_encode(stored, level=9)),
        (uid.JPEG2000, lambda stored: imagecodecs.jpeg2k_encode(stored, level=70, codecformat="j2k")),
        (
            uid.JPEG2000,
            lambda stored: imagecodecs.jpeg2k_encode(stored, level=70, codecformat="j2k", reversible=True),
        ),
    ],
    ids=["JPEG-LS near-lossless", "JPEG 2000 irreversible", "JPEG 2000 cut"],
)
def test_what_a_lossy_stream_overshoots_by_stays_bright(syntax: str, frame: Any, tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :64]
    stored = np.where((x - 32) ** 2 + (y - 32) ** 2 < 500, 1023, 2 * x).astype(np.uint16)
    # The samples that are rounded up are those of an edge that is not quite as bright.
    stored -= ((x + y) % 7 * (stored == 1023)).astype(np.uint16)
    stream = frame(stored)
    decode = imagecodecs.jpegls_decode if syntax == uid.JPEGLSNearLossless else imagecodecs.jpeg2k_decode
    decoded = decode(stream)
    assert (decoded > 1023).any()
    # Whether or not the header admits it.
    for admitted in ({"LossyImageCompression": "01"}, {}):
        ds = image_dataset(stored, 10, WindowCenter=512, WindowWidth=1024, **admitted)
        image = _decodes(ds, stream, syntax, tmp_path / "a")
        assert image[decoded > 1023].min() == 255


@pytest.mark.parametrize(
    "syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.JPEGLosslessSV1, uid.RLELossless]
)
def test_more_frames_than_declared_are_refused_without_an_offset_table(syntax: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (3, 32, 32)).astype(np.uint16)
    streams = [ENCODERS[syntax](one, 12) for one in stored]
    ds = image_dataset(stored[0], 12)
    for declared in (1, 2, 3):
        ds.NumberOfFrames = declared
        ds.PixelData = encapsulate(streams, has_bot=False)
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        path = write(ds, tmp_path / "a", syntax)
        if declared == 3:
            assert len(list(load_dicom(path, PixelConfig()).frames)) == 3
            continue
        with pytest.raises(UnreadableFileError, match=f"holds 3 frames where NumberOfFrames says {declared}"):
            load_dicom(path, PixelConfig())


def _items(*contents: bytes) -> bytes:
    whole = [content + bytes(len(content) % 2) for content in contents]
    return b"".join(ITEM_TAG + len(content).to_bytes(4, "little") + content for content in whole)


def _table(*offsets: int) -> bytes:
    return b"".join(offset.to_bytes(4, "little") for offset in offsets)


def _images(ds: Any, data: bytes, syntax: str, path: Path) -> list[np.ndarray]:
    ds.PixelData = data
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return [image for _, image in load_dicom(write(ds, path, syntax), PixelConfig()).frames]


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLosslessSV1, uid.JPEG2000Lossless])
def test_an_offset_table_that_contradicts_the_fragments_is_left_aside(syntax: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (3, 32, 32)).astype(np.uint16)
    streams = [ENCODERS[syntax](one, 12) for one in stored]
    ds = image_dataset(stored, 12)
    expected = _images(ds, encapsulate(streams), syntax, tmp_path / "a")
    assert len(expected) == 3
    second = 8 + len(streams[0]) + len(streams[0]) % 2
    third = second + 8 + len(streams[1]) + len(streams[1]) % 2
    halves = [half for one in streams for half in (one[:200], one[200:] + bytes(40))]
    for offsets in (
        (),
        (0, 0, 0),
        (0,),
        (0, second),
        (0, third, second),
        (100, second + 100, third + 100),
        (0, 7, 2**32 - 1),
    ):
        images = _images(ds, _items(_table(*offsets), *streams), syntax, tmp_path / "b")
        np.testing.assert_array_equal(images, expected)
        if syntax != uid.RLELossless:
            images = _images(ds, _items(_table(*offsets), *halves), syntax, tmp_path / "b")
            np.testing.assert_array_equal(images, expected)
    numbers = np.array([0, 9, 9], "<u8").tobytes()
    ds.ExtendedOffsetTable = ds.ExtendedOffsetTableLengths = numbers
    np.testing.assert_array_equal(_images(ds, _items(b"", *streams), syntax, tmp_path / "c"), expected)
    for offsets, more, message in (
        ((0, 0, 0, 0), streams, "offset table is of 4 frames"),
        ((), streams[:2], r"^frame 3 of 3: 2 encoded frame\(s\) found"),
        ((0, 0, 0), [], r"^frame 1 of 3: 0 encoded frame\(s\) found"),
    ):
        with pytest.raises(UnreadableFileError, match=message):
            _images(ds, _items(_table(*offsets), *more), syntax, tmp_path / "d")


def test_more_frames_than_declared_are_refused_where_the_offset_table_is_wrong(tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 4096, (3, 32, 32)).astype(np.uint16)
    streams = [ENCODERS[uid.JPEG2000Lossless](one, 12) for one in stored]
    with pytest.raises(UnreadableFileError, match="holds 3 frames where NumberOfFrames says 2"):
        _images(
            image_dataset(stored[:2], 12),
            _items(_table(0, 0), *streams),
            uid.JPEG2000Lossless,
            tmp_path / "a",
        )
