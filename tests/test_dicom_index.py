"""Looking into an archive: what is found, what each file is, and that nothing stops it."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import os
import pickle
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.entries import IndexEntry, walk
from fxcore.dicom.index import look_into
from fxcore.dicom.parse import HEAD_BYTES
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import image_dataset, write


def _dataset() -> Dataset:
    ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = "1.2.3", "1.2.3.4", "1.2.3.4.5"
    ds.AccessionNumber, ds.PatientID, ds.BodyPartExamined = "A1", "P1", "muñeca"
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.StudyDescription, ds.SeriesDescription, ds.ProtocolName = "study", "series", "protocol"
    region = Dataset()
    region.CodeMeaning = "Wrist joint"
    ds.AnatomicRegionSequence = Sequence([region])
    return ds


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    """Some character sets give what cannot be written, nor made a pseudonym of."""
    ds = _dataset()
    ds.PatientID = ds.StudyDescription = ds.AnatomicRegionSequence[0].CodeMeaning = "+2AA-"
    del ds.SeriesDescription, ds.ProtocolName
    file = write(ds, tmp_path / "a.dcm")
    file.write_bytes(file.read_bytes().replace(b"ISO_IR 100", b"utf_7     "))
    entry = look_into(tmp_path, "a.dcm", Limits())
    assert (entry.patient_id, entry.body_part_described) == ("?", "+2AA- +2AA-")


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian], ids=str
)
def test_entry_of_a_dicom_file(syntax: str, bare: bool, tmp_path: Path) -> None:
    write(_dataset(), tmp_path / "scan.txt", syntax, bare=bare)
    entry = look_into(tmp_path, "scan.txt", Limits())
    code = (tmp_path / "scan.txt").read_bytes()
    assert len(code) < HEAD_BYTES
    assert entry == IndexEntry(
        source="scan.txt",
        size=len(code),
        kind="dicom",
        checksum=zlib.crc32(code),
        ending=zlib.crc32(code[-(len(code) // 2) :]),
        study_uid="1.2.3",
        sop_uid="1.2.3.4.5",
        accession="A1",
        patient_id="P1",
        body_part="muñeca",
        body_part_described="study series protocol Wrist joint",
        number_of_frames=1,
        modality="DX",
    )
    assert pickle.loads(pickle.dumps(entry)) == entry


@pytest.mark.parametrize("kind", ["dicom", "image"])
@pytest.mark.parametrize("part", ["beginning", "end"])
def test_a_file_that_keeps_its_size_is_told_by_its_beginning_and_end(tmp_path, kind, part):
    file = write(_dataset(), tmp_path / "a")
    begin = file.read_bytes() if kind == "dicom" else b"\x89PNG\r\n\x1a\n"
    whole = begin + bytes(50_000)
    place = {"beginning": len(begin) + 1, "end": -1}[part]
    changed = bytearray(whole)
    changed[place] = 1
    entries = []
    for content in (whole, changed):
        file.write_bytes(content)
        entries.append(look_into(tmp_path, "a", Limits()))
    assert [entry.kind for entry in entries] == [kind, kind]
    assert entries[0].checksum != entries[1].checksum


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"", "unreadable", "empty_file"),
        (b"\x89PNG\r\n\x1a\n", "image", ""),
        (b"\xff\xd8\xff\xe0", "image", ""),
        (b"II*\0", "image", ""),
        (b"MM\0*", "image", ""),
        (b"hello world, this is a text", "other", ""),
        (b"\x08\0\x05\0CS", "other", ""),
        (bytes(128) + b"DICM", "dicom", "no_pixel_data"),
        (bytes(128) + b"DICM\x02\0\x10\0UI\xff\xff1.2", "dicom", "no_pixel_data"),
        (b"II*\0" + bytes(124) + b"DICM", "dicom", "no_pixel_data"),
        (
            bytes(128)
            + b"DICM"
            + b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 3000,
            "dicom",
            "broken_header",
        ),
    ],
)
def test_kind_is_told_by_content(content: bytes, kind: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    entry = look_into(tmp_path, "a", Limits())
    assert (entry.kind, entry.reason) == (kind, reason)


@pytest.mark.parametrize("kind", ["zip", "gzip", "tar", "bzip2", "xz"])
def test_packed_archives_are_told(kind: str, tmp_path: Path) -> None:
    path, packed = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"a radiograph")
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(path, "study/a.dcm")
    elif kind == "tar":
        with tarfile.open(packed, "w") as archive:
            archive.add(path, "study/a.dcm")
    else:
        pack = {"gzip": gzip, "bzip2": bz2, "xz": lzma}[kind]
        packed.write_bytes(pack.compress(path.read_bytes()))
    entry = look_into(tmp_path, "b", Limits())
    assert (entry.kind, entry.reason) == ("unreadable", "packed")
    assert f"({kind})" in entry.message


def test_documents_are_no_packed_archives(tmp_path: Path) -> None:
    for name in ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"):
        with zipfile.ZipFile(tmp_path / "a", "w") as archive:
            archive.writestr(name, "text")
        assert look_into(tmp_path, "a", Limits()).kind == "other"


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".gif", ".jp2", ".pgm", ".pbm", ".avif", ".j2k", ".jxl"])
def test_an_image_that_is_not_read_is_no_file_of_another_kind(suffix: str, tmp_path: Path) -> None:
    image = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    if suffix in (".j2k", ".jxl"):
        encode = imagecodecs.jpegxl_encode if suffix == ".jxl" else imagecodecs.jpeg2k_encode
        options = {"usecontainer": True} if suffix == ".jxl" else {"codecformat": "j2k"}
        data = encode(image, **options)
    elif suffix == ".avif":
        data = imagecodecs.avif_encode(np.dstack([image] * 3))
    elif suffix == ".gif":
        data = imagecodecs.gif_encode(image)
    else:
        data = cv2.imencode(suffix, image)[1].tobytes()
    for name in ("a", "a.png"):
        (tmp_path / name).write_bytes(data)
        entry = look_into(tmp_path, name, Limits())
        assert (entry.kind, entry.reason) == ("unreadable", "unsupported_image")
        assert "save it as PNG" in entry.message


@pytest.mark.parametrize(
    "text",
    [
        b"BM " * 99,
        b"BMI,weight\n" * 9,
        b"P5",
        b"P5 is the fifth\n" * 9,
        b"P1,P2,P3\n1,2,3\n",
        b"RIFF1234WAVE",
    ],
)
def test_what_begins_like_an_image_by_chance_is_passed_over(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(text)
    assert look_into(tmp_path, "a", Limits()).kind == "other"


def test_absurd_lengths_cost_no_memory(tmp_path: Path) -> None:
    ds = _dataset()
    content = bytearray(write(ds, tmp_path / "a").read_bytes())
    place = content.find(b"\x08\0\x30\x10LO") + 4
    content[place : place + 8] = b"UT\0\0\xf0\xff\xff\xff"
    (tmp_path / "a").write_bytes(content)
    assert look_into(tmp_path, "a", Limits()).reason == "truncated_file"


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian], ids=str)
def test_a_file_cut_short_says_so(syntax: str, tmp_path: Path) -> None:
    content = write(_dataset(), tmp_path / "a", syntax).read_bytes()
    seen = set()
    for kept in range(400, len(content) - 1, 7):
        (tmp_path / "a").write_bytes(content[:kept])
        seen.add(look_into(tmp_path, "a", Limits()).reason)
        with pytest.raises(UnreadableFileError) as caught:
            load_dicom(tmp_path / "a", PixelConfig())
        seen.add(caught.value.reason)
    assert "truncated_pixel_data" in seen
    assert seen <= {
        "",
        "truncated_file",
        "truncated_pixel_data",
        "no_pixel_data",
        "broken_header",
        "invalid_image_header",
    }


def test_files_that_are_gone_or_too_large(tmp_path: Path) -> None:
    assert look_into(tmp_path, "gone", Limits()).reason == "unreadable"
    folder = look_into(tmp_path, "d" * 300 + "/", Limits())
    assert folder.message == "the folder cannot be listed (File name too long)"
    write(_dataset(), tmp_path / "a")
    assert look_into(tmp_path, "a", Limits(max_file_bytes=100)).reason == "too_large"


def test_walk(tmp_path: Path) -> None:
    for name in ("b/2", "b/10", "a/x/y/z", "c.dcm", "b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "file_link").symlink_to(tmp_path / "c.dcm")
    os.mkfifo(tmp_path / "pipe")
    odd = os.fsencode(tmp_path) + b"/\xff\xfe"
    Path(os.fsdecode(odd)).write_bytes(b"x")
    found = sorted(found.source for found in walk(tmp_path))
    odd_name = os.fsdecode(b"\xff\xfe")
    assert found == sorted(
        ["a/x/y/z", "b/10", "b/2", "b.txt", "c.dcm", "file_link", "link", "pipe", odd_name]
    )
    assert look_into(tmp_path, odd_name, Limits()).size == 1
    kinds = {name: look_into(tmp_path, name, Limits()).kind for name in ("file_link", "link", "pipe")}
    assert kinds == {"file_link": "link", "link": "link", "pipe": "special"}


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path) -> None:
    (entry,) = [look_into(tmp_path, found.source, Limits()) for found in walk(tmp_path / "gone")]
    assert (entry.kind, entry.reason) == ("unreadable", "unreadable")


def test_pydicom_stays_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ds = _dataset()
    ds["StudyInstanceUID"].validation_mode = 0
    path = write(ds, tmp_path / "a")
    path.write_bytes(path.read_bytes().replace(b"1.2.3\0", b"1.x.Y "))
    caplog.clear()
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        look_into(tmp_path, "a", Limits())
        list(load_dicom(path, PixelConfig()).frames)
        warnings.warn("the caller's own", stacklevel=1)
    assert [str(w.message) for w in caught] == ["the caller's own"]
    assert not [r for r in caplog.records if r.name.startswith("pydicom")]
