"""De-identification: canaries in every attribute there is, and what happens to odd values."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from fxcore.dicom.columns import FILE_COLUMNS, METADATA_COLUMNS
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.entries import walk
from fxcore.dicom.metadata import clean_metadata
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import image_dataset, write
from tests.shared_data import DICOM, requires_dicom

TEXT, NUMBER, DATE = "CANARY", 987654321, "19591231"
_BY_VR: dict[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"), TEXT),
    **dict.fromkeys(("DS", "IS"), str(NUMBER)),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "UN"), TEXT.encode() + b"  "),
    **dict.fromkeys(("SL", "UL", "SV", "UV"), NUMBER),
    **dict.fromkeys(("SS", "US"), 9876),
    **dict.fromkeys(("FD", "FL"), float(NUMBER)),
    "AS": "098Y",
    "DA": DATE,
    "TM": "235859",
    "DT": DATE + "235859",
    "UI": "1.2.987654321",
    "AT": Tag(0x98765432),
}
# Free text about the body part is what the product is for; the rest of the row is codes and numbers.
_FREE_TEXT = "BodyPartExamined"


def _canaries() -> Dataset:
    """Every standard attribute that is not a column, at the top and nested, and private ones."""
    inner = Dataset()
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        group = tag >> 16
        if not keyword or keyword in METADATA_COLUMNS or group in (0x0000, 0x0002, 0x7FE0, 0xFFFE, 0x0028):
            continue
        first = vr.split(" or ")[0]
        if first in _BY_VR:
            inner.add(DataElement(tag, first, _BY_VR[first]))
    inner.add_new(0x00091001, "LO", TEXT)
    inner.add_new(0x00291010, "UN", TEXT.encode())
    outer = copy.deepcopy(inner)
    for keyword in ("RequestAttributesSequence", "AnatomicRegionSequence", "OtherPatientIDsSequence"):
        outer.add_new(tag_for_keyword(keyword), "SQ", Sequence([copy.deepcopy(inner)]))
    return outer


def test_no_canary_comes_through(tmp_path: Path) -> None:
    ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    canaries = _canaries()
    assert len(canaries) > 3000
    ds.update({tag: element for tag, element in canaries.items() if tag.group != 0x0028})
    ds.PresentationLUTShape = "IDENTITY"
    for row in (
        clean_metadata(ds, ExplicitVRLittleEndian),
        load_dicom(write(ds, tmp_path / "a"), PixelConfig()).metadata,
    ):
        text = "|".join(f"{key}={value}" for key, value in row.items())
        for canary in (TEXT, "9876", DATE, "2358", "098Y"):
            assert canary not in text
    assert tuple(row) == FILE_COLUMNS


def test_canaries_inside_the_allowed_attributes_are_dropped() -> None:
    """A value that is not what its attribute holds says nothing: only that field is emptied."""
    ds = image_dataset(np.zeros((2, 2), np.uint16), 12)
    for keyword in METADATA_COLUMNS:
        tag = tag_for_keyword(keyword)
        if tag is not None and keyword not in (_FREE_TEXT, "TransferSyntaxUID", "Modality"):
            ds._dict[Tag(tag)] = RawDataElement(Tag(tag), None, 12, b"Doe^John1959", 0, True, True)
    row = clean_metadata(ds, UID("1.2.276.0.7230010.3.1.4.999"))
    assert {key: value for key, value in row.items() if value} == {"Modality": "DX"}


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("Modality", " dx ", "DX"),
        ("BodyPartExamined", "Handgelenk  re\0\n", "Handgelenk re"),
        ("BodyPartExamined", "x" * 500, "x" * 64),
        ("BodyPartExamined", "za\u202epe\u0301sti\x1b[31m", "za pe\u0301sti [31m"),
        ("Laterality", "L", "L"),
        ("Laterality", "LEFT", ""),
        ("Modality", "DOE", ""),
        ("ViewPosition", "lat oblique", "LAT OBLIQUE"),
        ("ViewPosition", "DOE JANE", ""),
        ("PatientOrientation", ["DOE", "F"], ""),
        ("KVP", "19470813", ""),
        ("KVP", "55.0", "55"),
        ("KVP", "5.50e1", "55"),
        ("PixelSpacing", ["0.1500", ".15"], "0.15\\0.15"),
        ("WindowCenter", ["100", "2e3"], "100\\2000"),
        ("PatientOrientation", ["L", "F"], "L\\F"),
        ("BurnedInAnnotation", "YES", "YES"),
        ("PresentationIntentType", "FOR PRESENTATION", "FOR PRESENTATION"),
        ("NumberOfFrames", "3", "3"),
    ],
)
def test_values_are_written_anew(keyword: str, value: Any, expected: str) -> None:
    ds = Dataset()
    ds.add(
        DataElement(
            tag_for_keyword(keyword), {"KVP": "DS"}.get(keyword, _vr(keyword)), value, validation_mode=0
        )
    )
    row = clean_metadata(ds)
    assert tuple(row) == METADATA_COLUMNS
    assert row[keyword] == expected
    assert row["burned_in"] == ("1" if keyword == "BurnedInAnnotation" else "")


def _vr(keyword: str) -> str:
    return DicomDictionary[tag_for_keyword(keyword)][0]


def test_the_transfer_syntax_is_written_by_name() -> None:
    assert (
        clean_metadata(Dataset(), ExplicitVRLittleEndian)["TransferSyntaxUID"] == "Explicit VR Little Endian"
    )
    for other in ("1.2.840.113619.5.2", "1.2.840.10008.5.1.4.1.1.2", "rubbish", ""):
        assert clean_metadata(Dataset(), UID(other))["TransferSyntaxUID"] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2048\\", "2048"),
        ("2048\\ \\40", "2048\\\\40"),
        ("\\40", "\\40"),
        ("2048\\40", "2048\\40"),
        ("2048\\wide", ""),
        ("\\", ""),
    ],
)
def test_windows_may_lack_values_besides_the_first(value: str, text: str) -> None:
    ds = Dataset()
    for keyword in ("WindowCenter", "PixelSpacing"):
        tag = Tag(keyword)
        raw = value.encode().ljust(len(value) + len(value) % 2)
        ds[tag] = RawDataElement(tag, "DS", len(raw), raw, 0, False, True)
    row = clean_metadata(ds)
    assert row["WindowCenter"] == text
    assert row["PixelSpacing"] == ""


def test_windows_and_rescales_of_frames_are_those_of_their_functional_groups(tmp_path: Path) -> None:
    stored = np.arange(1200, dtype=np.uint16).reshape(3, 20, 20)
    window, rescale = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 500, [900, 3]
    rescale.RescaleSlope, rescale.RescaleIntercept = "2", "-7"
    shared, own, none = Dataset(), Dataset(), Dataset()
    shared.PixelValueTransformationSequence = Sequence([rescale])
    own.FrameVOILUTSequence = Sequence([window])
    ds = image_dataset(
        stored,
        12,
        WindowCenter=600,
        WindowWidth=1000,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence([own, none, own]),
    )
    loaded = load_dicom(write(ds, tmp_path / "a"), PixelConfig())
    rows = [loaded.row(index) for index, _ in loaded.frames]
    assert [row["WindowCenter"] for row in rows] == ["500", "600", "500"]
    assert [row["WindowWidth"] for row in rows] == ["900\\3", "1000", "900\\3"]
    assert {(row["RescaleSlope"], row["RescaleIntercept"]) for row in rows} == {("2", "-7")}
    assert all(tuple(row) == FILE_COLUMNS for row in rows)


def test_integer_strings_with_decimals_are_kept() -> None:
    """Exposure and exposure time are whole numbers in the standard and decimals in many archives."""
    ds = Dataset()
    for keyword in ("ExposureTime", "Exposure"):
        tag = Tag(tag_for_keyword(keyword))
        ds._dict[tag] = RawDataElement(tag, "IS", 4, b"12.5", 0, False, True)
    row = clean_metadata(ds)
    assert (row["ExposureTime"], row["Exposure"]) == ("12.5", "12.5")


@requires_dicom
def test_no_identifier_of_a_real_file_comes_through() -> None:
    checked = 0
    for path in sorted(found.source for found in walk(DICOM)):
        try:
            loaded = load_dicom(DICOM / path, PixelConfig())
        except UnreadableFileError:
            continue
        row = loaded.metadata
        text = "|".join(v for k, v in row.items() if k not in ("Rows", "Columns", "TransferSyntaxUID"))
        for secret in _secrets(DICOM / path):
            assert secret not in text, path
            checked += 1
    assert checked > 3000


def _secrets(path: Path) -> set[str]:
    """Names, dates, times, UIDs and identifiers of a file, long enough to mean something."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        found = set()
        for tag in list(ds._dict):
            try:
                element = ds[tag]
                if element.VR in ("PN", "DA", "TM", "UI", "DT") or element.keyword.endswith(("ID", "Number")):
                    found.add(str(element.value).strip())
            except Exception:
                continue
    return {secret for secret in found if len(secret) >= 6}
