"""How the pixel data lies in its file: encapsulated or not, cut, padded, of any VR."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from fxcore.dicom.codecs.frames import decode_frames
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.index import look_into
from fxcore.dicom.pixels import pixel_bytes
from fxcore.dicom.read import load_dicom, open_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import ENCODERS, NATIVE, encode, image_dataset, write


def test_encapsulated_pixels_under_a_native_transfer_syntax(tmp_path: Path) -> None:
    ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    ds.PixelData = encapsulate([bytes(range(250)) * 4])
    ds["PixelData"].is_undefined_length = True
    path = write(ds, tmp_path / "a", uid.RLELossless)
    path.write_bytes(path.read_bytes().replace(uid.RLELossless.encode(), uid.ExplicitVRLittleEndian.encode()))
    with pytest.raises(UnreadableFileError, match="is encapsulated") as caught:
        load_dicom(path, PixelConfig())
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("said", [uid.ExplicitVRLittleEndian, *ENCODERS])
@pytest.mark.parametrize("syntax", ENCODERS)
def test_encapsulated_pixels_are_read_for_what_they_are(syntax: str, said: str, tmp_path: Path) -> None:
    stored = (np.add.outer(np.arange(30) ** 2, np.arange(40)) % 4096).astype(np.uint16)
    expected = next(load_dicom(write(image_dataset(stored, 12), tmp_path / "a"), PixelConfig()).frames)[1]
    ds = image_dataset(stored, 12)
    encode(ds, stored, 12, syntax)
    written = uid.RLELossless if said == uid.ExplicitVRLittleEndian else said
    path = write(ds, tmp_path / "b", written)
    path.write_bytes(path.read_bytes().replace(written.encode(), said.encode(), 1))
    loaded = load_dicom(path, PixelConfig())
    np.testing.assert_array_equal(next(loaded.frames)[1], expected)
    assert loaded.metadata["compression"] == "lossless"


def test_encapsulated_pixels_of_transfer_syntaxes_that_are_not_read_stay_so(tmp_path: Path) -> None:
    stored = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    ds = image_dataset(stored, 12)
    encode(ds, stored, 12, uid.JPEG2000Lossless)
    for said in (uid.JPEG2000MCLossless, "1.2.3.4.5.6.7.8.9.10.1"):
        path = write(ds, tmp_path / "a", uid.JPEG2000MCLossless)
        path.write_bytes(path.read_bytes().replace(uid.JPEG2000MCLossless.encode(), said.encode(), 1))
        with pytest.raises(UnreadableFileError) as caught:
            load_dicom(path, PixelConfig())
        assert caught.value.reason == "unsupported_transfer_syntax"


@pytest.mark.parametrize("vr_written", [b"UN", b"??", b"ow", b"\0\0", b"OX", b"US"])
@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless, uid.JPEG2000Lossless]
)
def test_pixel_data_of_unknown_vr(syntax: str, vr_written: bytes, tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    encode(ds, stored, 12, syntax)
    data = write(ds, tmp_path / "a", syntax).read_bytes()
    tag = b"\x7f\xe0\0\x10" if syntax == uid.ExplicitVRBigEndian else b"\xe0\x7f\x10\0"
    vr = data.rindex(tag + b"O") + 4
    (tmp_path / "b").write_bytes(data[:vr] + vr_written + data[vr + 2 :])
    (_, expected), (_, image) = (next(load_dicom(tmp_path / name, PixelConfig()).frames) for name in "ab")
    np.testing.assert_array_equal(image, expected)


def test_pixel_data_of_unknown_vr_before_other_elements_or_cut_off(tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    ds.DataSetTrailingPadding = bytes(6)
    data = write(ds, tmp_path / "a").read_bytes()
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    vr = data.rindex(b"\xe0\x7f\x10\0O") + 4
    short = data[: vr + 2] + (2 * stored.size).to_bytes(2, "little") + data[vr + 8 :]
    for whole in (data, short):
        (tmp_path / "b").write_bytes(whole[:vr] + b"??" + whole[vr + 2 :])
        np.testing.assert_array_equal(next(load_dicom(tmp_path / "b", PixelConfig()).frames)[1], expected)
    (tmp_path / "b").write_bytes(data[:vr] + b"??" + data[vr + 2 : -200])
    with pytest.raises(UnreadableFileError) as caught:
        load_dicom(tmp_path / "b", PixelConfig())
    assert caught.value.reason == "truncated_pixel_data"


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
def test_junk_after_the_pixel_data_does_not_matter(syntax: str, tmp_path: Path) -> None:
    # Bytes that may begin an element of a later group.
    stored = (np.arange(120000) // 100 - 1200).astype(np.int16).reshape(300, 400)
    stored[0] = -1
    data = write(image_dataset(stored, 16), tmp_path / "a", syntax).read_bytes()
    (tmp_path / "b").write_bytes(data + b"\n\0\r\n")
    (_, expected), (_, image) = (next(load_dicom(tmp_path / name, PixelConfig()).frames) for name in "ab")
    np.testing.assert_array_equal(image, expected)


def test_a_zlib_header_before_deflated_data_is_left_aside(tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    data = write(ds, tmp_path / "a", uid.DeflatedExplicitVRLittleEndian).read_bytes()
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    begin = 144 + int.from_bytes(data[140:144], "little")
    inflated = zlib.decompress(data[begin:], -zlib.MAX_WBITS)
    for level in (1, 6, 9):
        (tmp_path / "b").write_bytes(data[:begin] + zlib.compress(inflated, level))
        np.testing.assert_array_equal(next(load_dicom(tmp_path / "b", PixelConfig()).frames)[1], expected)
        assert look_into(tmp_path, "b", PixelConfig().limits).study_uid == ds.StudyInstanceUID


@pytest.mark.parametrize(
    "said", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]
)
@pytest.mark.parametrize("zlib_header", [False, True])
def test_a_deflated_data_set_is_read_whatever_it_is_said_to_be(
    said: str, zlib_header: bool, tmp_path: Path
) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    data = write(ds, tmp_path / "a", uid.DeflatedExplicitVRLittleEndian).read_bytes()
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    begin = 144 + int.from_bytes(data[140:144], "little")
    deflated = data[begin:]
    if zlib_header:
        deflated = zlib.compress(zlib.decompress(deflated, -zlib.MAX_WBITS))
    head = write(ds, tmp_path / "b", said).read_bytes()
    (tmp_path / "b").write_bytes(head[: 144 + int.from_bytes(head[140:144], "little")] + deflated)
    loaded = load_dicom(tmp_path / "b", PixelConfig())
    np.testing.assert_array_equal(next(loaded.frames)[1], expected)
    assert loaded.metadata["TransferSyntaxUID"] == "Deflated Explicit VR Little Endian"
    assert look_into(tmp_path, "b", PixelConfig().limits).study_uid == ds.StudyInstanceUID


def test_sequences_nested_too_deep_are_named(tmp_path: Path) -> None:
    data = write(image_dataset(np.eye(9, dtype=np.uint16), 12), tmp_path / "a").read_bytes()
    place = data.index(b"\x10\0\x20\0LO")
    sequence = b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    for depth in (100, 1000):
        end = (b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)) * depth
        (tmp_path / "b").write_bytes(data[:place] + sequence * depth + end + data[place:])
        if depth == 100:
            assert load_dicom(tmp_path / "b", PixelConfig()).n_frames == 1
            continue
        with pytest.raises(UnreadableFileError, match="nested hundreds deep"):
            load_dicom(tmp_path / "b", PixelConfig())


@pytest.mark.parametrize("bits", [8, 16])
def test_pixels_in_big_endian_after_a_header_in_little_endian(bits: int, tmp_path: Path) -> None:
    """A private transfer syntax of GE."""
    stored = np.random.default_rng(5).integers(0, 256, (31, 40)).astype(f"u{bits // 8}")
    expected = next(load_dicom(write(image_dataset(stored, bits), tmp_path / "a"), PixelConfig()).frames)[1]
    ds = image_dataset(stored, bits)
    ds.PixelData = stored.byteswap().tobytes()
    # As long as the one that it takes the place of.
    path = write(ds, tmp_path / "b", uid.ImplicitVRLittleEndian)
    data = path.read_bytes().replace(b"1.2.840.10008.1.2\0", b"1.2.840.113619.5.2", 1)
    path.write_bytes(data)
    assert look_into(tmp_path, "b", PixelConfig().limits).study_uid == ds.StudyInstanceUID
    if bits == 16:
        np.testing.assert_array_equal(next(load_dicom(path, PixelConfig()).frames)[1], expected)
        return
    with pytest.raises(UnreadableFileError, match="those of 16 are read") as caught:
        load_dicom(path, PixelConfig())
    assert caught.value.reason == "unsupported_transfer_syntax"


@pytest.mark.parametrize("vr", [b"??", b"\0\0", b"cs"])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless])
def test_elements_of_impossible_vr(syntax: str, vr: bytes, tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12, BodyPartExamined="WRIST", KVP="55")
    ds.ReferencedStudySequence = [Dataset()]
    ds.ReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.2.3"
    ds["ReferencedStudySequence"].is_undefined_length = True
    ds.private_block(0x29, "SOMEBODY", create=True).add_new(1, "LO", "something")
    encode(ds, stored, 12, syntax)
    data = write(ds, tmp_path / "a", syntax).read_bytes()
    loaded = load_dicom(tmp_path / "a", PixelConfig())
    expected, row = next(loaded.frames)[1], loaded.metadata
    assert row["BodyPartExamined"] == "WRIST"
    for group, element in ((0x08, 0x60), (0x18, 0x15), (0x28, 0x10), (0x29, 0x1001), (0x08, 0x1155)):
        order = ">HH" if syntax == uid.ExplicitVRBigEndian else "<HH"
        place = data.index(struct.pack(order, group, element), 300) + 4
        assert data[place : place + 2].isalpha()
        data = data[:place] + vr + data[place + 2 :]
        (tmp_path / "a").write_bytes(data)
        loaded = load_dicom(tmp_path / "a", PixelConfig())
        np.testing.assert_array_equal(next(loaded.frames)[1], expected)
        assert loaded.metadata == row
    entry = look_into(tmp_path, "a", PixelConfig().limits)
    assert (entry.body_part, entry.study_uid, entry.reason) == ("WRIST", ds.StudyInstanceUID, "")


@pytest.mark.parametrize("said", NATIVE)
@pytest.mark.parametrize("written", NATIVE[:3])
def test_another_native_encoding_than_the_meta_header_says(said: str, written: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    write(ds, tmp_path / "a")
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    encode(ds, stored, 12, written)
    bare = write(ds, tmp_path / "b", written, bare=True).read_bytes()
    value = said.encode() + b"\0" * (len(said) % 2)
    meta = b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value
    (tmp_path / "b").write_bytes(bytes(128) + b"DICM" + meta + bare)
    np.testing.assert_array_equal(next(load_dicom(tmp_path / "b", PixelConfig()).frames)[1], expected)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless])
def test_encapsulated_pixels_without_a_delimiter_may_be_padded(syntax: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(5).integers(0, 4096, (30, 40)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    encode(ds, stored, 12, syntax)
    data = write(ds, tmp_path / "a", syntax).read_bytes()
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    assert data.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    for zeros in (0, 1, 2, 7, 8, 9, 100_000):
        (tmp_path / "b").write_bytes(data[:-8] + bytes(zeros))
        np.testing.assert_array_equal(next(load_dicom(tmp_path / "b", PixelConfig()).frames)[1], expected)
    for end in (data[:-10], data[:-10] + bytes(1), data[:-8] + bytes(8) + b"more"):
        (tmp_path / "c").write_bytes(end)
        with pytest.raises(UnreadableFileError) as caught:
            load_dicom(tmp_path / "c", PixelConfig())
        assert caught.value.reason == "truncated_pixel_data"
    pixels = data.rindex(b"\xe0\x7f\x10\0OB")
    for empty in (data[: pixels + 12], data[: pixels + 12] + data[-8:]):
        (tmp_path / "d").write_bytes(empty)
        with pytest.raises(UnreadableFileError) as caught:
            load_dicom(tmp_path / "d", PixelConfig())
        assert caught.value.reason == "no_pixel_data"


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_a_file_that_is_cut_off_while_it_is_read(syntax: str, tmp_path: Path) -> None:
    """No pixel is made up of what is missing, nor of what the memory held before."""
    stored = np.random.default_rng(5).integers(0, 4096, (300, 300)).astype(np.uint16)
    ds = image_dataset(stored, 12)
    encode(ds, stored, 12, syntax)
    path = write(ds, tmp_path / "a", syntax)
    with path.open("rb") as stream:
        parsed, fmt = open_dicom(stream, PixelConfig().limits)
        os.truncate(path, path.stat().st_size - 20_000)
        with pytest.raises(UnreadableFileError) as caught:
            list(decode_frames(pixel_bytes(parsed, fmt), parsed.syntax, fmt))
    assert caught.value.reason == "truncated_pixel_data"


def test_a_delimiter_that_no_item_needs_hides_no_pixels(tmp_path: Path) -> None:
    """A sequence of defined length may leave its item's delimiter uncounted."""
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    data = write(image_dataset(stored, 12), tmp_path / "a").read_bytes()
    expected = next(load_dicom(tmp_path / "a", PixelConfig()).frames)[1]
    rows = data.index(b"\x28\0\x02\0US")
    element = b"\x08\0\0\x01SH\x04\0abcd"
    sequence = b"\x21\0\x10\x10SQ\0\0\x14\0\0\0\xfe\xff\0\xe0\x0c\0\0\0" + element
    (tmp_path / "b").write_bytes(data[:rows] + sequence + b"\xfe\xff\x0d\xe0\0\0\0\0" + data[rows:])
    np.testing.assert_array_equal(next(load_dicom(tmp_path / "b", PixelConfig()).frames)[1], expected)
    pixels = data.index(b"\xe0\x7f\x10\0OW")
    for cut in (*range(rows + 1, rows + 8), *range(pixels + 1, pixels + 12)):
        (tmp_path / "c").write_bytes(data[:cut])
        with pytest.raises(UnreadableFileError) as caught:
            load_dicom(tmp_path / "c", PixelConfig())
        assert caught.value.reason == "truncated_file"
