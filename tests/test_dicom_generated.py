"""Made files in every combination that matters, against the reference rendering."""

from __future__ import annotations

import copy
import itertools
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import ENCODERS, NATIVE, encode, image_dataset, write
from tests.dicom_reference import grey_frames

SYNTAXES = (*NATIVE, *ENCODERS)
BITS = (7, 8, 9, 10, 12, 13, 15, 16)
SHAPE = (17, 23)


def _lut(first: int, entries: np.ndarray, depth: int) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, depth])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return Sequence([item])


def _vois(bits: int, signed: bool) -> list[dict[str, Any]]:
    low = -(2 ** (bits - 1)) if signed else 0
    middle, width = low + 2 ** (bits - 1) + 3, max(2 ** (bits - 2), 4)
    entries = np.round((2**12 - 1) * np.linspace(0, 1, 2 ** (bits - 1)) ** 2)
    return [
        {},
        {"WindowCenter": middle, "WindowWidth": width},
        {
            "WindowCenter": [middle + 0.5, 1],
            "WindowWidth": [width + 0.25, 2],
            "VOILUTFunction": "LINEAR_EXACT",
        },
        {"WindowCenter": middle, "WindowWidth": width, "VOILUTFunction": "SIGMOID"},
        {"VOILUTSequence": _lut(low + 5, entries, 12), "WindowCenter": 1, "WindowWidth": 9},
        {
            "WindowCenter": 2 * middle,
            "WindowWidth": 3 * width,
            "RescaleSlope": "2.5",
            "RescaleIntercept": "-7",
        },
        {"WindowCenter": -middle, "WindowWidth": width, "RescaleSlope": "-1", "RescaleIntercept": "0"},
    ]


def _cases() -> Iterator[tuple[int, bool, dict[str, Any]]]:
    """All of bits x sign x VOI; the rest takes turns, so that every pair of choices meets."""
    inversions = itertools.cycle(
        [
            {},
            {"PhotometricInterpretation": "MONOCHROME1"},
            {"PresentationLUTShape": "INVERSE"},
            {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            {"PresentationLUTShape": "IDENTITY"},
        ]
    )
    paddings = itertools.cycle(
        [{}, {"PixelPaddingValue": 3}, {"PixelPaddingValue": 9, "PixelPaddingRangeLimit": 2}]
    )
    for bits, signed in itertools.product(BITS, (False, True)):
        for voi in _vois(bits, signed):
            yield bits, signed, voi | next(inversions) | next(paddings)


def _stored(rng: np.random.Generator, bits: int, signed: bool) -> np.ndarray:
    low = -(2 ** (bits - 1)) if signed else 0
    values = rng.integers(low, low + 2**bits, SHAPE)
    values[:4] = rng.integers(0, 12, (4, SHAPE[1]))
    values[5, :2] = low, low + 2**bits - 1
    return values.astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def _with_padding_vr(ds: Dataset, signed: bool) -> None:
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        if keyword in ds:
            ds[keyword].VR = "SS" if signed else "US"


@pytest.mark.parametrize("syntax", SYNTAXES, ids=[s.name for s in SYNTAXES])
def test_matrix(syntax: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(20)
    count = 0
    for bits, signed, attributes in _cases():
        stored = _stored(rng, bits, signed)
        ds = image_dataset(stored, bits, **copy.deepcopy(attributes))
        _with_padding_vr(ds, signed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            native = write(copy.deepcopy(ds), tmp_path / "native.dcm")
            (reference,) = grey_frames(pydicom.dcmread(native))
            encode(ds, stored, bits, syntax)
            if syntax == "1.2.840.10008.1.2.2" and "VOILUTSequence" in ds:
                item = ds.VOILUTSequence[0]
                item.LUTData = np.frombuffer(item.LUTData, "<u2").byteswap().tobytes()
            path = write(ds, tmp_path / "encoded.dcm", syntax)
        loaded = load_dicom(path, PixelConfig())
        ((_, image),) = loaded.frames
        np.testing.assert_array_equal(image, reference, err_msg=f"{bits} bits, signed {signed}, {attributes}")
        inverted = "INVERSE" in attributes.values() or "MONOCHROME1" in attributes.values()
        assert loaded.metadata["inverted_photometric"] == str(int(inverted))
        count += 1
    assert count == len(BITS) * 2 * 7


def test_unused_high_bits_are_ignored(tmp_path: Path) -> None:
    """Overlays used to be kept above the stored bits (PS3.5 section 8.1.1)."""
    rng = np.random.default_rng(1)
    for bits, signed in itertools.product((9, 12, 15), (False, True)):
        stored = _stored(rng, bits, signed)
        noisy = stored.view(np.uint16) & np.uint16(2**bits - 1) | rng.integers(0, 2, SHAPE, np.uint16) << bits
        attributes = {"WindowCenter": 40, "WindowWidth": 200}
        clean = load_dicom(write(image_dataset(stored, bits, **attributes), tmp_path / "a"), PixelConfig())
        loaded = load_dicom(
            write(image_dataset(noisy.view(stored.dtype), bits, **attributes), tmp_path / "b"), PixelConfig()
        )
        np.testing.assert_array_equal(next(loaded.frames)[1], next(clean.frames)[1])


@pytest.mark.parametrize("signed", [False, True])
def test_left_aligned_pixels(signed: bool, tmp_path: Path) -> None:
    stored = _stored(np.random.default_rng(2), 12, signed)
    plain = load_dicom(write(image_dataset(stored, 12), tmp_path / "a"), PixelConfig())
    left = load_dicom(write(image_dataset(stored << 4, 12, HighBit=15), tmp_path / "b"), PixelConfig())
    np.testing.assert_array_equal(next(left.frames)[1], (expected := next(plain.frames)[1]))
    # A HighBit that no sample has, and low bits that all have.
    wrong = load_dicom(write(image_dataset(stored, 12, HighBit=15), tmp_path / "b"), PixelConfig())
    np.testing.assert_array_equal(next(wrong.frames)[1], expected)


@pytest.mark.parametrize("bits", [9, 12, 15])
def test_swapped_bytes_of_pixels_are_told(bits: int, tmp_path: Path) -> None:
    stored = _stored(np.random.default_rng(3), bits, False)
    for syntax in (uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian):
        ds = image_dataset(stored, bits)
        if syntax == uid.ExplicitVRLittleEndian:
            ds.PixelData = stored.byteswap().tobytes()
        with pytest.raises(UnreadableFileError, match=f"the {bits} bits of BitsStored only with") as caught:
            load_dicom(write(ds, tmp_path / "a", syntax), PixelConfig())
        assert caught.value.reason == "invalid_image_header"


@pytest.mark.parametrize("declared", NATIVE[:2], ids=[s.name for s in NATIVE[:2]])
def test_a_data_set_in_big_endian_that_says_it_is_in_little_endian(declared: str, tmp_path: Path) -> None:
    stored = _stored(np.random.default_rng(3), 12, True)
    ds = image_dataset(stored, 12)
    encode(ds, stored, 12, uid.ExplicitVRBigEndian)
    data = write(ds, tmp_path / "a", uid.ExplicitVRBigEndian).read_bytes()
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    length = len(uid.ExplicitVRBigEndian)
    said = data.replace(uid.ExplicitVRBigEndian.encode(), declared.encode().ljust(length, b"\0"))
    (tmp_path / "b").write_bytes(said)
    loaded = load_dicom(tmp_path / "b", PixelConfig())
    assert loaded.metadata["TransferSyntaxUID"] == uid.ExplicitVRBigEndian.name
    np.testing.assert_array_equal(next(loaded.frames)[1], expected)


@pytest.mark.parametrize("syntax", NATIVE[:3], ids=[s.name for s in NATIVE[:3]])
def test_bare_file(syntax: str, tmp_path: Path) -> None:
    stored = _stored(np.random.default_rng(3), 12, True)
    ds = image_dataset(stored, 12)
    expected = next(load_dicom(write(copy.deepcopy(ds), tmp_path / "a"), PixelConfig()).frames)[1]
    encode(ds, stored, 12, syntax)
    path = write(ds, tmp_path / "b", syntax, bare=True)
    assert path.read_bytes()[:132].find(b"DICM") < 0
    np.testing.assert_array_equal(next(load_dicom(path, PixelConfig()).frames)[1], expected)


def test_group_2_in_implicit_vr(tmp_path: Path) -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    body = write(image_dataset(stored, 12), tmp_path / "a", bare=True).read_bytes()
    syntax = uid.ExplicitVRLittleEndian.encode() + b"\0"
    element = struct.pack("<HHL", 2, 0x10, len(syntax)) + syntax
    path = tmp_path / "b"
    path.write_bytes(bytes(128) + b"DICM" + struct.pack("<HHLL", 2, 0, 4, len(element)) + element + body)
    (_, image), *_ = load_dicom(path, PixelConfig(voi="none")).frames
    np.testing.assert_array_equal(image, np.rint(stored / 4095 * 255))


@pytest.mark.parametrize(
    ("attributes", "voi"),
    [
        ({"WindowCenter": 100, "WindowWidth": 0}, "percentile_after_bad_window"),
        ({"WindowCenter": 60000, "WindowWidth": 2}, "percentile_after_blank_window"),
        ({"WindowCenter": [100, 1], "WindowWidth": [300, 1]}, "window_1_of_2"),
        ({"WindowCenter": 100, "WindowWidth": 300, "VOILUTFunction": "CUBIC"}, "percentile_after_bad_window"),
        ({"WindowCenter": 100, "WindowWidth": 300, "VOILUTFunction": "SIGMOID"}, "sigmoid"),
        (
            {"WindowCenter": 100, "WindowWidth": 300, "RescaleSlope": "0", "RescaleIntercept": "5"},
            "percentile_after_bad_rescale",
        ),
        ({"RescaleSlope": "1e308", "RescaleIntercept": "0"}, "percentile_after_bad_rescale"),
        ({"RescaleIntercept": "1e300"}, "percentile_after_bad_rescale"),
        ({"ModalityLUTSequence": _lut(0, np.array([7, 7]), 12)}, "percentile_after_bad_rescale"),
        ({"WindowCenter": 100}, "percentile_after_bad_window"),
        ({"WindowWidth": 300}, "percentile_after_bad_window"),
        ({"VOILUTSequence": _lut(0, np.arange(9), 3)}, "percentile_after_bad_voi_lut"),
    ],
)
def test_what_was_applied_is_recorded(attributes: dict[str, Any], voi: str, tmp_path: Path) -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    path = write(image_dataset(stored, 12, **attributes), tmp_path / "a")
    loaded = load_dicom(path, PixelConfig())
    assert loaded.metadata["voi"] == voi
    assert next(loaded.frames)[1].std() > 20


def test_unparsable_window_is_as_good_as_absent(tmp_path: Path) -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    path = write(image_dataset(stored, 12, WindowCenter=100, WindowWidth=300), tmp_path / "a")
    path.write_bytes(path.read_bytes().replace(b"300.0 ", b"wide  "))
    assert load_dicom(path, PixelConfig()).metadata["voi"] == "percentile_after_bad_window"


@pytest.mark.parametrize(
    ("alone", "both"),
    [
        ({"RescaleSlope": "-2"}, {"RescaleSlope": "-2", "RescaleIntercept": "0"}),
        ({"RescaleIntercept": "-300"}, {"RescaleSlope": "1", "RescaleIntercept": "-300"}),
        ({"RescaleSlope": "-2", "RescaleIntercept": ""}, {"RescaleSlope": "-2", "RescaleIntercept": "0"}),
    ],
)
def test_a_slope_or_an_intercept_alone_counts(
    alone: dict[str, str], both: dict[str, str], tmp_path: Path
) -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    images = []
    for attributes in (alone, both):
        ds = image_dataset(stored, 12, WindowCenter=-200, WindowWidth=300, **attributes)
        loaded = load_dicom(write(ds, tmp_path / "a"), PixelConfig())
        assert loaded.metadata["voi"] == "window"
        images += [image for _, image in loaded.frames]
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize(("most", "white"), [(4095, 4095), (4000, 4095), (255, 255), (16384, 65535)])
def test_a_voi_lut_that_declares_far_more_bits_than_it_uses(most: int, white: int, tmp_path: Path) -> None:
    """Some writers declare the bits of the words; by those, a table up to 4095 would be nearly black."""
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    entries = np.linspace(0, most, 4096).astype(np.uint16)
    path = write(image_dataset(stored, 12, VOILUTSequence=_lut(0, entries, 16)), tmp_path / "a")
    image = next(load_dicom(path, PixelConfig()).frames)[1]
    np.testing.assert_array_equal(image, np.rint(entries[stored] / white * 255))


def test_a_modality_lut_keeps_its_values_whatever_bits_it_declares(tmp_path: Path) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    images = []
    for bits in (12, 16):
        attributes = {"ModalityLUTSequence": _lut(0, np.arange(4096), bits), "WindowCenter": 2000}
        ds = image_dataset(stored, 12, WindowWidth=999, **attributes)
        images += [image for _, image in load_dicom(write(ds, tmp_path / "a"), PixelConfig()).frames]
    np.testing.assert_array_equal(*images)


def test_full_range_and_percentile_policies(tmp_path: Path) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    path = write(image_dataset(stored, 12, WindowCenter=5, WindowWidth=3), tmp_path / "a")
    full = load_dicom(path, PixelConfig(voi="none"))
    assert full.metadata["voi"] == "full_range"
    np.testing.assert_array_equal(next(full.frames)[1], np.rint(stored / 4095 * 255))
    turned = image_dataset(stored, 12, RescaleSlope="-1", RescaleIntercept="4095")
    (_, image), *_ = load_dicom(write(turned, tmp_path / "b"), PixelConfig(voi="none")).frames
    np.testing.assert_array_equal(image, np.rint((4095 - stored) / 4095 * 255))
    narrow = load_dicom(path, PixelConfig(voi="percentile", percentile_low=25, percentile_high=75))
    image = next(narrow.frames)[1]
    assert narrow.metadata["voi"] == "percentile"
    assert (image == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert (image == 255).mean() == pytest.approx(0.25, abs=0.01)


def test_a_voi_lut_from_below_zero_in_implicit_vr(tmp_path: Path) -> None:
    """Nothing but the rescale says that the first value, which pydicom reads as 64512, is negative."""
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    lut = _lut(-1024, np.arange(4096)[::-1], 12)
    ds = image_dataset(stored, 12, RescaleSlope="1", RescaleIntercept="-1024", VOILUTSequence=lut)
    images = []
    for syntax in (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian):
        loaded = load_dicom(write(ds, tmp_path / "a", syntax), PixelConfig())
        assert loaded.metadata["voi"] == "voi_lut"
        images += [image for _, image in loaded.frames]
    np.testing.assert_array_equal(images, [np.rint((4095 - stored) / 4095 * 255)] * 2)


def test_padding_is_background_after_the_inversion(tmp_path: Path) -> None:
    stored = np.arange(400, dtype=np.uint16).reshape(20, 20)
    stored[0] = 4095
    ds = image_dataset(stored, 12, PhotometricInterpretation="MONOCHROME1")
    ds.add_new("PixelPaddingValue", "US", 4095)
    image = next(load_dicom(write(ds, tmp_path / "a"), PixelConfig()).frames)[1]
    assert (image[0] == 0).all()
    assert image[1, 0] > 200


def test_frames_of_a_multi_frame_file(tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (3, 8, 9)).astype(np.uint16)
    loaded = load_dicom(write(image_dataset(stored, 12), tmp_path / "a"), PixelConfig(voi="none"))
    frames = list(loaded.frames)
    assert [index for index, _ in frames] == [0, 1, 2]
    assert [loaded.row(index)["frame"] for index, _ in frames] == ["0", "1", "2"]
    for (_, image), values in zip(frames, stored, strict=True):
        np.testing.assert_array_equal(image, np.rint(values / 4095 * 255))


def test_the_frame_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    stored = np.random.default_rng(2).integers(0, 4096, (3, 11, 13)).astype(np.uint16)
    stored[1] = 7
    loaded = load_dicom(write(image_dataset(stored, 12), tmp_path / "a"), PixelConfig())
    with pytest.raises(UnreadableFileError, match=r"^frame 2 of 3: all pixels") as caught:
        list(loaded.frames)
    assert caught.value.reason == "constant_image"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PixelData": b"\0\0"}, "truncated_pixel_data"),
        ({"Rows": 0}, "invalid_image_header"),
        ({"Rows": 65535, "Columns": 65535}, "too_large"),
        ({"NumberOfFrames": "100000"}, "too_large"),
        ({"NumberOfFrames": "2"}, "truncated_pixel_data"),
        ({"BitsStored": 17}, "invalid_image_header"),
        ({"PhotometricInterpretation": "CMYK"}, "unsupported_pixel_format"),
        ({"SamplesPerPixel": 3}, "invalid_image_header"),
        ({"PixelData": b""}, "no_pixel_data"),
        ({"PixelData": bytes(800)}, "constant_image"),
    ],
)
def test_refused(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    for keyword, value in change.items():
        setattr(ds, keyword, value)
    with pytest.raises(UnreadableFileError) as caught:
        load_dicom(write(ds, tmp_path / "a"), PixelConfig())
    assert caught.value.reason == reason


@pytest.mark.parametrize(("said", "told"), [("CMYK", "(CMYK) "), ("", "(empty) "), ("JOHN DOE", "")])
def test_a_known_colour_space_that_is_not_read_is_named(said: str, told: str, tmp_path: Path) -> None:
    ds = image_dataset(np.arange(1200).astype(np.uint8).reshape(20, 60), 8)
    ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 20, 3, said
    with pytest.raises(UnreadableFileError) as caught:
        load_dicom(write(ds, tmp_path / "a"), PixelConfig())
    assert caught.value.message == f"the PhotometricInterpretation {told}is none that has a grey image here"


def test_whole_chroma_under_a_header_of_halved(tmp_path: Path) -> None:
    ds = image_dataset(np.arange(1200).astype(np.uint8).reshape(20, 60), 8)
    ds.Columns, ds.SamplesPerPixel, ds.PlanarConfiguration = 20, 3, 0
    ds.PhotometricInterpretation = "YBR_FULL_422"
    with pytest.raises(UnreadableFileError, match="should say RGB or YBR_FULL") as caught:
        load_dicom(write(ds, tmp_path / "a"), PixelConfig())
    assert caught.value.reason == "invalid_image_header"
    ds.PixelData = ds.PixelData[:800]
    assert load_dicom(write(ds, tmp_path / "a"), PixelConfig()).decoder == "native"
