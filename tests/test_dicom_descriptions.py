"""Pixels that a header describes in an unusual way, or wrongly: read for what they are, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import image_dataset, jpeg_2000, jpeg_lossless, write

_RAMP = np.linspace(0, 4095, 64 * 64).astype(np.uint16).reshape(64, 64)
_GREY = np.rint(_RAMP / 4095 * 255).astype(np.uint8)
_SIGNED = (_RAMP.astype(np.int32) - 2048).astype(np.int16)
_BYTES = (_RAMP >> 4).astype(np.uint8)


def _load(ds: Dataset, path: Path, syntax: str = uid.ExplicitVRLittleEndian, voi: str = "none") -> Any:
    loaded = load_dicom(write(ds, path / "file", syntax), PixelConfig(voi=voi))
    return [image for _, image in loaded.frames], loaded.metadata


def _refusal(ds: Dataset, path: Path, syntax: str = uid.ExplicitVRLittleEndian) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        _load(ds, path, syntax)
    return caught.value


def _encapsulated(ds: Dataset, frames: list[bytes]) -> Dataset:
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def _lut(first: int, entries: Any, bits: int, vr: str = "US", data_vr: str = "OW") -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries), first, bits])
    item.add_new("LUTData", data_vr, np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


def test_a_single_bit_has_no_sign(tmp_path: Path) -> None:
    drawn = _RAMP > 3000
    ds = image_dataset(drawn.astype(np.uint8), 1, BitsAllocated=1, PixelRepresentation=1)
    ds.PixelData = np.packbits(drawn, bitorder="little").tobytes()
    np.testing.assert_array_equal(_load(ds, tmp_path)[0][0], 255 * drawn)


@pytest.mark.parametrize("high", [11, 15])
@pytest.mark.parametrize(
    ("syntax", "encode"), [(uid.JPEGLosslessSV1, jpeg_lossless), (uid.JPEG2000Lossless, jpeg_2000)]
)
def test_a_stream_of_12_bits_has_nothing_to_shift(
    tmp_path: Path, syntax: str, encode: Callable[[np.ndarray, int], bytes], high: int
) -> None:
    ds = _encapsulated(image_dataset(_RAMP, 12, HighBit=high), [encode(_RAMP, 12)])
    np.testing.assert_array_equal(_load(ds, tmp_path, syntax)[0][0], _GREY)


def test_left_aligned_pixels_of_a_stream_that_holds_them_so(tmp_path: Path) -> None:
    ds = image_dataset(_RAMP << 4, 12, HighBit=15)
    _encapsulated(ds, [imagecodecs.ljpeg_encode(_RAMP << 4, bitspersample=16)])
    np.testing.assert_array_equal(_load(ds, tmp_path, uid.JPEGLosslessSV1)[0][0], _GREY)


def test_left_aligned_colour(tmp_path: Path) -> None:
    images = []
    for high in (11, 15):
        ds = image_dataset(np.stack([_RAMP, _RAMP[::-1], _RAMP.T], -1) << (high - 11), 12, HighBit=high)
        ds.Rows, ds.Columns, ds.SamplesPerPixel = 64, 64, 3
        ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 0
        del ds.NumberOfFrames
        images.append(_load(ds, tmp_path)[0][0])
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize(
    ("keyword", "dtype"), [("FloatPixelData", np.float32), ("DoubleFloatPixelData", np.float64)]
)
def test_padding_of_floating_point_pixels(tmp_path: Path, keyword: str, dtype: type) -> None:
    values = (_RAMP / 1000).astype(dtype)
    values[:10], values[10:20] = -1e30, -2e30
    ds = image_dataset(_RAMP.astype(np.uint32), 32)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, name)
    ds.BitsAllocated = 8 * values.itemsize
    setattr(ds, keyword, values.tobytes())
    setattr(ds, keyword.replace("Data", "PaddingValue"), dtype(-1e30))
    setattr(ds, keyword.replace("Data", "PaddingRangeLimit"), dtype(-2e30))
    image = _load(ds, tmp_path, voi="auto")[0][0]
    assert not image[:20].any()
    assert np.unique(image[20:]).size > 200


@pytest.mark.parametrize(("first", "vr"), [(-2048, "SS"), (65536 - 2048, "US")])
def test_a_modality_lut_for_signed_pixels_however_its_first_input_is_typed(
    tmp_path: Path, first: int, vr: str
) -> None:
    ds = image_dataset(_SIGNED, 12, ModalityLUTSequence=_lut(first, np.arange(4096) * 16, 16, vr))
    images, metadata = _load(ds, tmp_path)
    np.testing.assert_array_equal(images[0], np.rint(_RAMP * 16 / 65535 * 255))
    assert metadata["voi"] == "full_range"


@pytest.mark.parametrize(("first", "vr"), [(40000, "US"), (40000 - 65536, "SS")])
@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_lut_for_unsigned_pixels_however_its_first_input_is_typed(
    tmp_path: Path, first: int, vr: str, keyword: str
) -> None:
    stored = _RAMP << 4
    ds = image_dataset(stored, 16, **{keyword: _lut(first, np.arange(20000), 16, vr)})
    image = _load(ds, tmp_path, voi="none" if keyword[0] == "M" else "auto")[0][0]
    np.testing.assert_array_equal(image, np.rint(np.clip(stored - 40000.0, 0, 19999) / 65535 * 255))


def test_a_lut_may_begin_below_what_there_is(tmp_path: Path) -> None:
    ds = image_dataset(_RAMP, 12, VOILUTSequence=_lut(-1000, np.arange(5096), 13, "SS"))
    image = _load(ds, tmp_path, voi="auto")[0][0]
    np.testing.assert_array_equal(image, np.rint((_RAMP + 1000) / 8191 * 255))


@pytest.mark.parametrize(("keyword", "note"), [("ModalityLUT", "bad_rescale"), ("VOILUT", "bad_voi_lut")])
def test_a_lut_for_no_value_that_there_is_is_left_out(tmp_path: Path, keyword: str, note: str) -> None:
    ds = image_dataset(_RAMP, 12, **{f"{keyword}Sequence": _lut(20000, np.arange(4096), 12)})
    assert _load(ds, tmp_path, voi="auto")[1]["voi"] == f"percentile_after_{note}"


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_entries_of_8_bits_packed_in_words(tmp_path: Path, keyword: str) -> None:
    """Written as numbers (VR US), they were taken for half as many as there are."""
    packed = _lut(0, np.frombuffer(bytes(range(256)), "<u2"), 8)
    packed[0].LUTDescriptor = [256, 0, 8]
    packed[0]["LUTData"].VR = "US"
    packed[0].LUTData = np.frombuffer(bytes(range(256)), "<u2").tolist()
    image, metadata = _load(image_dataset(_BYTES, 8, **{keyword: packed}), tmp_path, voi="auto")
    assert "bad" not in metadata["voi"]
    if keyword == "VOILUTSequence":
        np.testing.assert_array_equal(image[0], _BYTES)


def _with_palette(stored: np.ndarray, first: int, colours: np.ndarray) -> Dataset:
    ds = image_dataset(stored, 8, PhotometricInterpretation="PALETTE COLOR")
    for k, name in enumerate(("Red", "Green", "Blue")):
        data = colours[:, k].tobytes()
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [len(colours), first, 8])
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", data + bytes(len(data) % 2))
    return ds


@pytest.mark.parametrize("length", [3, 17, 254, 255])
def test_palettes_of_any_length(tmp_path: Path, length: int) -> None:
    """Of an odd number of 8-bit colours there is one byte more."""
    colours = np.random.default_rng(0).integers(0, 256, (length, 1)).astype(np.uint8).repeat(3, 1)
    stored = (np.arange(4096) % length).astype(np.uint8).reshape(64, 64)
    image = _load(_with_palette(stored, 0, colours), tmp_path)[0][0]
    np.testing.assert_array_equal(image, colours[stored, 0])


def test_a_palette_for_signed_pixels_typed_unsigned(tmp_path: Path) -> None:
    stored = (np.arange(4096) % 100 - 50).astype(np.int8).reshape(64, 64)
    colours = np.arange(100, dtype=np.uint8)[:, None].repeat(3, 1)
    image = _load(_with_palette(stored, 65536 - 50, colours), tmp_path)[0][0]
    np.testing.assert_array_equal(image, stored + 50)
    error = _refusal(_with_palette(stored, 1000, colours), tmp_path)
    assert error.reason == "invalid_image_header"
    assert "no colour" in error.message


@pytest.mark.parametrize("change", [{"Rows": 16}, {"Rows": 32}, {"BitsAllocated": 8, "BitsStored": 8}])
def test_native_pixel_data_longer_by_a_frame_is_not_what_is_declared(tmp_path: Path, change: Any) -> None:
    ds = image_dataset(_RAMP, 12)
    ds.PixelData += bytes(100)
    assert len(_load(ds, tmp_path)[0]) == 1
    for keyword, value in change.items():
        setattr(ds, keyword, value)
    error = _refusal(ds, tmp_path)
    assert error.reason == "invalid_image_header"
    assert "8292 bytes of pixel data, a frame or more over" in error.message


def test_native_pixel_data_padded_with_zeros_is_read(tmp_path: Path) -> None:
    """Old writers did, and no frame of nothing is lost with it (PS3.5 section 8.1.1)."""
    ds = image_dataset(_RAMP, 12)
    image = _load(ds, tmp_path)[0][0]
    ds.PixelData += bytes(3 * len(ds.PixelData))
    np.testing.assert_array_equal(_load(ds, tmp_path)[0][0], image)


def test_more_encoded_frames_than_declared_are_not_one_radiograph(tmp_path: Path) -> None:
    ds = _encapsulated(image_dataset(_BYTES, 8), [imagecodecs.jpegls_encode(_BYTES)] * 4)
    error = _refusal(ds, tmp_path, uid.JPEGLSLossless)
    assert error.reason == "invalid_image_header"
    assert "4 frames" in error.message
    ds.NumberOfFrames = 4
    assert len(_load(ds, tmp_path, uid.JPEGLSLossless)[0]) == 4


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_frames_of_single_bits_begin_within_bytes(tmp_path: Path, syntax: str) -> None:
    bits = (np.add.outer(np.arange(7), np.arange(9)) % 3 == 0).astype(np.uint8)
    frames = np.stack([bits, 1 - bits, bits])
    ds = image_dataset(frames, 1, BitsAllocated=1)
    data = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
    ds.PixelData = data + bytes(len(data) % 2)
    ds["PixelData"].VR = "OB"
    np.testing.assert_array_equal(_load(ds, tmp_path, syntax)[0], 255 * frames)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEG2000])
@pytest.mark.parametrize("bits", [8, 12])
def test_native_pixels_under_another_transfer_syntax_are_told_by_their_length(
    tmp_path: Path, syntax: str, bits: int
) -> None:
    # Of 8 bits a byte of padding comes after them.
    stored = _RAMP if bits == 12 else _BYTES[:63, :63]
    path = write(image_dataset(stored, bits), tmp_path / "native")
    expected = next(load_dicom(path, PixelConfig()).frames)[1]
    data = path.read_bytes()
    other = syntax.ljust(len(syntax) + len(syntax) % 2, "\0").encode()
    native = uid.ExplicitVRLittleEndian.encode() + b"\0"
    place = data.index(native)
    grown = len(other) - len(native)
    data = data[: place - 2] + len(other).to_bytes(2, "little") + other + data[place + len(native) :]
    group = data.index(b"\x02\0\0\0UL\4\0") + 8
    length = int.from_bytes(data[group : group + 4], "little") + grown
    data = data[:group] + length.to_bytes(4, "little") + data[group + 4 :]
    path.write_bytes(data)
    loaded = load_dicom(path, PixelConfig())
    np.testing.assert_array_equal(next(loaded.frames)[1], expected)
    row = loaded.metadata
    assert (loaded.decoder, row["compression"]) == ("native", "none")
    assert row["TransferSyntaxUID"] == uid.ExplicitVRLittleEndian.name
    size = len(stored.tobytes() + bytes(stored.size % 2))
    place = data.rindex(size.to_bytes(4, "little"))
    path.write_bytes(data[:place] + (size - 2).to_bytes(4, "little") + data[place + 4 : -2])
    with pytest.raises(UnreadableFileError, match="not encapsulated") as caught:
        load_dicom(path, PixelConfig())
    assert caught.value.reason == "undecodable"


def test_partial_422_is_sampled_as_full_422(tmp_path: Path) -> None:
    luma = np.random.default_rng(2).integers(16, 236, (8, 8)).astype(np.uint8)
    packed = np.full((8, 4, 4), 128, np.uint8)
    packed[..., :2] = luma.reshape(8, 4, 2)
    ds = image_dataset(luma, 8, PhotometricInterpretation="YBR_PARTIAL_422", SamplesPerPixel=3)
    ds.PixelData, ds.PlanarConfiguration = packed.tobytes(), 0
    image, metadata = _load(ds, tmp_path)
    np.testing.assert_allclose(image[0], np.clip((luma - 16.0) / 219, 0, 1) * 255, atol=1)
    assert metadata["colour"] == "ybr_partial_422"
