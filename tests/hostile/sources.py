"""Sound files to damage: the real DICOM files where they are present, and files made here."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import Dataset

from fxcore.dicom.quiet import quiet
from tests.dicom_files import ENCODERS, NATIVE, encode, image_dataset, write
from tests.shared_data import DICOM

_LARGEST = 2_000_000
PIXEL_DATA = 0x7FE00010
_SIZE = (48, 40)


@dataclass(frozen=True)
class Source:
    """A sound file, and what a mutation needs to know to hit something that matters.

    Attributes
    ----------
    name : str
    data : bytes
        The whole file; inflated after group 0002 where `deflated_from` is set.
    kind : str
        ``"dicom"``, ``"png"``, ``"jpeg"`` or ``"tiff"``.
    elements : dict of int to (int, int, bool)
        Tag to where the value starts, how wide the length field before it is, and whether a VR precedes.
    pixels : int
        Where the value of the pixel data starts; for images, the end of the first hundred bytes.
    identifiers : tuple of bytes
        UIDs that must differ from file to file: of copies, only one is decoded.
    deflated_from : int
        Where to deflate from again when the file is written; 0 for never.
    """

    name: str
    data: bytes
    kind: str = "dicom"
    elements: dict[int, tuple[int, int, bool]] = field(default_factory=dict)
    pixels: int = 0
    identifiers: tuple[bytes, ...] = ()
    deflated_from: int = 0


def sources(scratch: Path) -> list[Source]:
    """Return all sources, always in the same order; `scratch` takes the files that are made."""
    made = [_dicom(path.name, path.read_bytes()) for path in _made_dicom(scratch)]
    paths = sorted(p for p in DICOM.rglob("*") if p.is_file() and p.name != "INVENTORY.csv")
    real = [
        _dicom(str(path.relative_to(DICOM)), path.read_bytes())
        for path in paths
        if 132 < path.stat().st_size <= _LARGEST
    ]
    return [*made, *real, *_images()]


def _made_dicom(scratch: Path) -> Iterator[Path]:
    rng = np.random.default_rng(1)
    rows, columns = _SIZE
    stored = (np.add.outer(np.arange(rows), np.arange(columns)) * 20 + rng.integers(0, 60, _SIZE)).astype(
        "u2"
    )
    for syntax in (*NATIVE, *ENCODERS):
        # A UID of known digits, so that the same seed gives the same bytes.
        ds = image_dataset(stored, 12, WindowCenter=900, WindowWidth=1800, BodyPartExamined="WRIST")
        for number, keyword in enumerate(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")):
            setattr(ds, keyword, f"1.2.826.0.1.3680043.8.498.{number + 1}{'1' * 20}")
        item = Dataset()
        item.CodeMeaning = "Wrist"
        ds.AnatomicRegionSequence = [item]
        encode(ds, stored, 12, syntax)
        yield write(ds, scratch / f"made-{uid.UID(syntax).keyword}.dcm", syntax)


def _dicom(name: str, data: bytes) -> Source:
    """Find out where the elements of a file are, as far as pydicom can follow it."""
    elements: dict[int, tuple[int, int, bool]] = {}
    identifiers: list[bytes] = []
    deflated_from = 0
    with quiet():
        try:
            ds = pydicom.dcmread(io.BytesIO(data), force=True)
            meta = ds.file_meta
            if meta.get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian:
                deflated_from = 144 + meta[0x00020000].value
                rest = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[deflated_from:])
                data = data[:deflated_from] + rest
            for tag, element in [*meta._dict.items(), *ds._dict.items()]:
                if isinstance(element, pydicom.dataelem.RawDataElement):
                    long = (
                        element.is_implicit_VR
                        or data[element.value_tell - 8 : element.value_tell - 6].isupper()
                    )
                    start = element.value_tell + (deflated_from if tag.group != 2 else 0)
                    elements[int(tag)] = (start, 4 if long else 2, not element.is_implicit_VR)
            for keyword in ("StudyInstanceUID", "SOPInstanceUID"):
                value = str(ds.get(keyword, "")).encode()
                if len(value) > 12:
                    identifiers.append(value)
        except Exception:  # some of the real files are broken: they are damaged blindly
            pass
    pixels = elements.get(PIXEL_DATA, (min(len(data) // 2, 1000), 0, False))[0]
    return Source(name, data, "dicom", elements, pixels, tuple(identifiers), deflated_from)


def _images() -> Iterator[Source]:
    rng = np.random.default_rng(2)
    grey = (np.add.outer(np.arange(60), np.arange(50)) + rng.integers(0, 40, (60, 50))).astype(np.uint8)
    deep = grey.astype(np.uint16) * 200
    colour = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)
    for name, image in (("grey", grey), ("deep", deep), ("colour", colour)):
        yield Source(f"made-{name}.png", imagecodecs.png_encode(image), "png", pixels=100)
        for compression in (1, 5, 8):  # none, LZW, deflate (TIFF 6.0 tag 259)
            data = _tiff(image, compression)
            yield Source(f"made-{name}-{compression}.tif", data, "tiff", pixels=min(100, len(data)))
    for name, image in (("grey", grey), ("colour", colour)):
        yield Source(f"made-{name}.jpg", imagecodecs.jpeg8_encode(image), "jpeg", pixels=300)


def _tiff(image: np.ndarray, compression: int) -> bytes:
    import cv2

    done, data = cv2.imencode(".tif", image, [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert done
    return bytes(data)
