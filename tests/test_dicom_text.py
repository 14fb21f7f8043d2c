"""Body-part labels, in whatever bytes a device wrote them, read the same by the index and by ingest."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fxcore.body_parts import recognise
from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.index import look_into
from fxcore.dicom.read import load_dicom
from tests.dicom_files import image_dataset, write

_TAG = Tag("BodyPartExamined")
# What pydicom would warn of, or fail at, when it writes.
_ODD = ("ISO_IR 149", "rubbish", "utf_7", "zlib")


def _read(raw: bytes, declared: str, folder: Path, syntax: str = ExplicitVRLittleEndian) -> str:
    """Write a file whose label is `raw`, and return what both readers take it for."""
    ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    odd = declared in _ODD
    if declared:
        ds.SpecificCharacterSet = "ISO_IR 100" if odd else declared.split("\\")
    implicit = syntax == ImplicitVRLittleEndian
    ds._dict[_TAG] = RawDataElement(_TAG, None if implicit else "CS", len(raw), raw, 0, implicit, True)
    file = write(ds, folder / "a.dcm", syntax)
    if odd:
        file.write_bytes(file.read_bytes().replace(b"ISO_IR 100", declared.encode().ljust(10)))
    assert raw.rstrip(b"\0") in file.read_bytes()
    entry = look_into(folder, "a.dcm", Limits())
    row = load_dicom(file, PixelConfig()).metadata
    assert entry.body_part == row["BodyPartExamined"]
    return entry.body_part


@pytest.mark.parametrize("declared", ["ISO_IR 100", ""])
@pytest.mark.parametrize(("text", "encoding"), [("колено", "cp1251"), ("колено", "utf-8"), ("膝关节", "gbk")])
def test_descriptions_are_read_as_labels_are(tmp_path: Path, declared: str, text: str, encoding: str) -> None:
    ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    ds.SpecificCharacterSet = declared
    tag, raw = Tag("StudyDescription"), text.encode(encoding)
    ds._dict[tag] = RawDataElement(tag, "LO", len(raw), raw, 0, False, True)
    write(ds, tmp_path / "a.dcm", ExplicitVRLittleEndian)
    assert look_into(tmp_path, "a.dcm", Limits()).body_part_described == text


@pytest.mark.parametrize(
    ("label", "part", "declared", "encoding"),
    [
        ("стопа", "foot", "ISO_IR 192", "utf-8"),
        ("膝関節", "knee", "ISO_IR 192", "utf-8"),
        ("łokieć", "elbow", "ISO_IR 192", "utf-8"),
        ("胸部", "chest", "ISO_IR 192", "utf-8"),
        ("KOTNÍK", "ankle", "ISO_IR 192", "utf-8"),
        ("запястье", "wrist", "", "utf-8"),
        ("запястье", "wrist", "ISO_IR 100", "utf-8"),
        ("手腕", "wrist", "ISO_IR 6", "utf-8"),
        ("EL BİLEĞİ", "wrist", "ISO_IR 148", "utf-8"),
        ("стопа", "foot", "ISO_IR 144", "utf-8"),
        ("踝关节", "ankle", "GB18030", "gb18030"),
        ("联通足", "foot", "GB18030", "gb18030"),  # its first letters are UTF-8 as well
        ("踝关节", "ankle", "GBK", "gbk"),
        ("手腕\\膝盖", "wrist", "GB18030", "gb18030"),
        ("膝関節", "knee", "ISO_IR 13", "shift_jis"),
        ("足部\\表", "foot", "ISO_IR 13", "shift_jis"),  # half of the last letter is a backslash
        ("足関節", "ankle", "\\ISO 2022 IR 87", "iso2022_jp"),
        ("足関節", "ankle", "ISO 2022 IR 87", "iso2022_jp"),
        ("足関節", "ankle", "", "iso2022_jp"),
        ("발목", "ankle", "\\ISO 2022 IR 149", "euc_kr"),
        ("발목", "ankle", "ISO_IR 149", "euc_kr"),
        ("الكاحل", "ankle", "ISO_IR 127", "iso8859_6"),
        ("קרסול", "ankle", "ISO_IR 138", "iso8859_8"),
        ("запястье", "wrist", "ISO_IR 144", "iso8859_5"),
        ("καρπός", "wrist", "ISO_IR 126", "iso8859_7"),
        ("łokieć", "elbow", "ISO_IR 101", "iso8859_2"),
        ("EL BİLEĞİ", "wrist", "ISO_IR 148", "iso8859_9"),
        ("muñeca", "wrist", "ISO_IR 100", "latin-1"),
        ("muñeca", "wrist", "ISO_IR 192", "latin-1"),
        ("muñeca", "wrist", "rubbish", "latin-1"),
        ("žápěstí", "wrist", "ISO_IR 100", "cp1250"),
        *[("запястье", "wrist", "ISO_IR 100", page) for page in ("cp1251", "koi8_r", "cp866")],
        ("pâté de cœur", "chest", "ISO_IR 100", "cp1252"),
        ("Ž…", "", "ISO_IR 100", "cp1252"),
    ],
)
def test_a_label_is_read_as_it_was_meant(
    label: str, part: str, declared: str, encoding: str, tmp_path: Path
) -> None:
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        read = _read(label.encode(encoding), declared, tmp_path, syntax)
        assert (read, recognise(read).part) == (label, part)


@pytest.mark.parametrize(
    ("raw", "declared", "label"),
    [
        (b"\x1b$)C\xb9\xdf\xb8\xf1", "\\ISO 2022 IR 149", "발목"),
        (b"\x1b$)A\xcb\xce\xd7\xe3", "\\ISO 2022 IR 58", "宋足"),
        (b"\x1b-L\xe1\xe2\xde\xdf\xd0", "ISO 2022 IR 100\\ISO 2022 IR 144", "стопа"),
        (b"HAND\\WRIST ", "", "HAND\\WRIST"),
        (b"WRIST\0\0", "", "WRIST"),
        (b"WR\x1b[31mIST", "", "WR [31mIST"),
        (b"\x1b\xff\x1b$B", "ISO 2022 IR 87", "ÿ $B"),
        ("лучезапястный".encode()[:15], "ISO_IR 192", "лучезап"),
        ("лучезапястный".encode()[:15], "", "лучезап"),
        ("手关节正位".encode("gb18030")[:9], "GB18030", "手关节正"),
        (b"\x1b$B" + "右足関節正面".encode("iso2022_jp")[3:12], "ISO 2022 IR 87", "右足関節"),
        (b"main, \xe9", "", "main, é"),
        (b"", "ISO_IR 192", ""),
        (b"+2AA-", "utf_7", "+2AA-"),
        (zlib.compress(bytes(10**7)), "zlib", None),
    ],
)
def test_odd_bytes_are_read_as_far_as_they_go(
    raw: bytes, declared: str, label: str | None, tmp_path: Path
) -> None:
    read = _read(raw, declared, tmp_path)
    assert label is None or read == label


def test_a_label_too_long_to_be_one_is_none(tmp_path: Path) -> None:
    assert _read(b"A" * 2**17, "", tmp_path, ImplicitVRLittleEndian) == ""
