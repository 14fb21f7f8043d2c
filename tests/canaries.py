"""Files in which every attribute that can hold something holds a canary: a value to search the output for."""

from __future__ import annotations

import copy
import functools
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydicom import config, uid
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from tests.dicom_files import image_dataset

TEXT, DATE, TIME, NUMBER, SHORT, AGE = "ZQX", "194708", "234719", 864208642, 8642, "086Y"
ROOT = f"1.2.{NUMBER}"

# What is kept by design, and why a canary there is none.
KEPT = {
    "BodyPartExamined": "sorting by the hospital's own label is what it is for; the README says so",
    **dict.fromkeys(
        [
            "Rows",
            "Columns",
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "PixelRepresentation",
            "SamplesPerPixel",
            "NumberOfFrames",
            "PhotometricInterpretation",
            "PlanarConfiguration",
        ],
        "with another value the pixels are not decoded",
    ),
    **dict.fromkeys(
        ["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"],
        "numbers that the grey is made with",
    ),
    **dict.fromkeys(
        [
            "SpecificCharacterSet",
            "StudyInstanceUID",
            "SOPInstanceUID",
            "SOPClassUID",
            "PixelPaddingValue",
            "PixelPaddingRangeLimit",
            "ModalityLUTSequence",
            "VOILUTSequence",
            "PerFrameFunctionalGroupsSequence",
            "SharedFunctionalGroupsSequence",
        ],
        "set to what makes the file an image; the identifiers are canaries of their own",
    ),
}
_SKIPPED_GROUPS = (0x0000, 0x0002, 0x0004, 0x7FE0, 0xFFFE, 0xFFFC)


def _value(vr: str, tag: int) -> Any:
    text, day = f"{TEXT}{tag:08X}", f"{DATE}{tag % 28 + 1:02d}"
    if vr in ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"):
        return text
    if vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN"):
        return text.encode() + b"     "
    return {
        "DS": str(NUMBER), "IS": str(NUMBER), "SL": NUMBER, "UL": NUMBER, "SV": NUMBER, "UV": NUMBER,
        "SS": SHORT, "US": SHORT, "FD": float(NUMBER), "FL": float(NUMBER), "AS": AGE, "DA": day, "TM": TIME,
        "DT": day + TIME, "UI": f"{ROOT}.{tag}", "AT": Tag(NUMBER),
    }.get(vr)  # fmt: skip


@functools.cache
def canaries() -> Dataset:
    """Return a data set of every attribute of the dictionary, nested three levels deep, and private ones."""
    flat = Dataset()
    repeating = ((int(mask.replace("x", "0"), 16), entry) for mask, entry in RepeatersDictionary.items())
    for tag, (vr, _, _, _, keyword) in [*DicomDictionary.items(), *repeating]:
        value = _value(vr.split(" or ")[-1 if vr.startswith("US") else 0], tag)
        if value is None or keyword in KEPT or tag >> 16 in _SKIPPED_GROUPS:
            continue
        flat.add(
            DataElement(
                tag, vr.split(" or ")[-1 if vr.startswith("US") else 0], value, validation_mode=config.IGNORE
            )
        )
    flat.add_new(0x00090010, "LO", f"{TEXT}CREATOR")
    flat.add_new(0x00091001, "LO", f"{TEXT}PRIVATE")
    flat.add_new(0x00091002, "UN", f"{TEXT}PRIVATEBYTES".encode())
    nested = copy.deepcopy(flat)
    for keyword in ("RequestAttributesSequence", "OtherPatientIDsSequence", "AnatomicRegionSequence"):
        outer = copy.deepcopy(flat)
        setattr(outer, keyword, Sequence([nested]))
        nested = outer
    return nested


def stored() -> np.ndarray:
    """Return an image with a bright bar on dark ground, which all steps keep."""
    image = np.random.default_rng(0).integers(0, 200, (120, 100)).astype(np.uint16)
    image[20:100, 40:64] = 3000
    return image


def dicom(number: int, **attributes: Any) -> Dataset:
    """Return an image full of canaries; `number` tells its identifiers from those of others."""
    ds = image_dataset(stored(), 12)
    ds.update(canaries())
    ds.StudyInstanceUID, ds.SOPInstanceUID = f"{ROOT}.1.{number}", f"{ROOT}.2.{number}"
    ds.BodyPartExamined = "WRIST"
    ds.add_new(0xFFFCFFFC, "OB", f"{TEXT}PADDING".encode() * 20)
    for keyword, value in attributes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def encoded(ds: Dataset, syntax: str = uid.ExplicitVRLittleEndian) -> bytes:
    """Return the file, with canaries in preamble, group 0002 and behind the end."""
    meta = ds.file_meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.UID(syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    for keyword in (
        "SourceApplicationEntityTitle",
        "SendingApplicationEntityTitle",
        "ImplementationVersionName",
    ):
        setattr(meta, keyword, f"{TEXT}{keyword[:9]}")
    meta.PrivateInformationCreatorUID, meta.PrivateInformation = f"{ROOT}.9", f"{TEXT}META".encode()
    ds.preamble = (TEXT.encode() + b"PREAMBLE")[:11].ljust(128, b"Z")
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue() + TEXT.encode() + b"BEHIND THE END"


def broken() -> dict[str, bytes]:
    """Return files that provoke messages: values that do not convert, streams that do not decode."""
    whole = encoded(dicom(100))
    files = {"truncated": whole[: len(whole) // 3], "cut-in-pixels": whole[:-9000]}
    for number, (old, new) in enumerate(
        (
            (b"(\0\x10\0US\x02\0", b"(\0\x10\0LO\x02\0"),
            (b"\x10\0\x10\0PN", b"\x10\0\x10\0ZQ"),
            (b"\x08\0\x20\0DA", b"\x08\0\x20\0FD"),
            (f"{DATE}".encode(), b"ZQXBAD"),
            (str(NUMBER).encode(), b"ZQXNUMBER"),
            (b"1.2.840.10008.1.2.1\0", b"1.2.864208642.8642.9"),
            (b"MONOCHROME2", b"ZQXMONOCHRO"),
        )
    ):
        # Another study for each, for as many bytes.
        changed = whole.replace(f"{ROOT}.1.100".encode(), f"{ROOT}.1.{101 + number}".encode())
        changed = changed.replace(f"{ROOT}.2.100".encode(), f"{ROOT}.2.{101 + number}".encode())
        assert old in changed, old
        files[f"changed{number}"] = changed.replace(old, new)
    for number, (keyword, value) in enumerate(
        (("SpecificCharacterSet", "ZQXCHARSET"), ("NumberOfFrames", f"{NUMBER}"), ("PixelData", b"ZQX" * 10),
         ("Rows", 9999), ("BitsAllocated", 12), ("PhotometricInterpretation", "ZQXPHOTO"), ("Rows", None))
    ):  # fmt: skip
        files[f"set{number}"] = encoded(dicom(200 + number, **{keyword: value}))
    for number, syntax in enumerate(
        (uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEG2000, uid.JPEGLSLossless)
    ):
        ds = dicom(300 + number)
        ds.PixelData = encapsulate([b"\xff\xd8\xff\xfe" + b"ZQXCODESTREAM" * 9 + b"\xff\xd9"])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        files[f"stream{number}"] = encoded(ds, syntax)
    directory = dicom(400, SOPClassUID="1.2.840.10008.1.3.10", PixelData=None)
    return {**files, "DICOMDIR": encoded(directory)}


def images() -> dict[str, bytes]:
    """Return PNG, JPEG and TIFF files with canaries in all that is not pixels."""
    image = (stored() // 12).clip(0, 255).astype(np.uint8)
    text = TEXT.encode()
    exif = (
        b"II*\0\x08\0\0\0\x01\0"
        + struct.pack("<HHLL", 0x010E, 2, 20, 26)
        + bytes(4)
        + text
        + b"DESCRIPTION"
        + bytes(6)
    )
    png = cv2.imencode(".png", image)[1].tobytes()
    chunks = {
        b"tEXt": b"Author\0" + text, b"zTXt": b"k\0\0" + zlib.compress(text), b"eXIf": exif,
        b"iTXt": b"k\0\0\0\0\0" + text, b"tIME": struct.pack(">HBBBBB", 1947, 8, 13, 23, 47, 19),
    }  # fmt: skip
    extra = b"".join(
        struct.pack(">L", len(d)) + n + d + struct.pack(">L", zlib.crc32(n + d)) for n, d in chunks.items()
    )
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    comment = b"\xff\xfe" + struct.pack(">H", len(text) + 9) + text + b"COMMENT"
    app1 = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    good = {
        "a.png": png[:33] + extra + png[33:] + text,
        "b.jpg": jpeg[:2] + app1 + comment + jpeg[2:] + text,
        "c.tif": _tiff(image),
    }
    return good | {f"broken-{name}": data[: len(data) * 2 // 3] for name, data in good.items()}


def _tiff(image: np.ndarray) -> bytes:
    text = f"{TEXT}TIFF".encode().ljust(20, b"\0")
    rows, columns = image.shape
    entries = [(256, 4, 1, columns), (257, 4, 1, rows), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags = (269, 270, 271, 272, 305, 306, 315, 316, 33432)
    count = len(entries) + 3 + len(tags)
    start = 8 + 2 + 12 * count + 4
    entries += [(273, 4, 1, start + 20), (278, 4, 1, rows), (279, 4, 1, image.size)]
    entries += [(tag, 2, 20, start) for tag in tags]
    directory = b"".join(struct.pack("<HHLL", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + directory + bytes(4) + text + image.tobytes()


def make_archive(root: Path) -> None:
    """Write all of it below folders that are canaries themselves."""
    folder = root / f"{TEXT} Doe^Jane 19470813" / f"{ROOT}.1"
    folder.mkdir(parents=True)
    for number, flag in enumerate((None, "YES", "NO", "ZQXFLAG")):
        (folder / f"{TEXT}{number}.dcm").write_bytes(encoded(dicom(number, BurnedInAnnotation=flag)))
    for name, data in {**broken(), **images()}.items():
        (folder / f"{TEXT}{name}").write_bytes(data)
    (folder / f"{TEXT}.dcm").write_bytes(b"ZQX is no DICOM")
    (folder / f"{TEXT}.txt").write_bytes(b"ZQX is nothing")
