"""What compression took from a frame, as the row has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate

from fxcore.dicom.colour import luma
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from tests.dicom_files import encode, htj2k, image_dataset, write


def encapsulated(ds: Dataset, frame: bytes, syntax: str, path: Path) -> None:
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    write(ds, path, syntax)


@pytest.mark.parametrize(
    ("syntax", "options", "expected"),
    [
        (uid.JPEG2000Lossless, {"reversible": True, "level": 0}, "lossless"),
        (uid.JPEG2000Lossless, {"reversible": True, "level": 40}, "cut"),
        (uid.JPEG2000, {"reversible": True, "level": 0}, "lossless"),
        (uid.JPEG2000, {"reversible": True, "level": 40}, "cut"),
        (uid.JPEG2000, {"level": 40}, "lossy"),
    ],
)
def test_what_compression_took_is_told(
    syntax: str, options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    y, x = np.mgrid[:64, :64]
    stored = (30 * x + (7919 * x * y) % 2000).astype(np.uint16)
    ds = image_dataset(stored, 12)
    encapsulated(ds, imagecodecs.jpeg2k_encode(stored, codecformat="j2k", **options), syntax, tmp_path / "a")
    assert load_dicom(tmp_path / "a", PixelConfig()).metadata["compression"] == expected


@pytest.mark.parametrize(
    ("syntax", "expected"),
    [(uid.ExplicitVRLittleEndian, "none"), (uid.RLELossless, "lossless"), (uid.HTJ2K, "lossless")]
    + [(syntax, "lossless") for syntax in (uid.JPEGLossless, uid.JPEGLSLossless, uid.HTJ2KLossless)]
    + [(syntax, "lossy") for syntax in (uid.JPEGBaseline8Bit, uid.JPEGLSNearLossless)],
)
def test_the_kind_of_compression_is_told(syntax: str, expected: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 256, (32, 32)).astype(np.uint8)
    near = {
        uid.JPEGLSNearLossless: lambda: imagecodecs.jpegls_encode(stored, level=2),
        uid.JPEGBaseline8Bit: lambda: imagecodecs.jpeg8_encode(stored),
        uid.HTJ2K: lambda: htj2k(stored, 8),
    }
    ds = image_dataset(stored, 8)
    if syntax in near:
        encapsulated(ds, near[syntax](), syntax, tmp_path / "a")
    else:
        encode(ds, stored, 8, syntax)
        write(ds, tmp_path / "a", syntax)
    assert load_dicom(tmp_path / "a", PixelConfig()).metadata["compression"] == expected


def test_of_a_stream_with_packets_missing_nothing_is_promised(tmp_path: Path) -> None:
    y, x = np.mgrid[:300, :260]
    stored = (10 * x + (7919 * x * y) % 200).astype(np.uint16)
    stream = imagecodecs.jpeg2k_encode(stored, codecformat="j2k", level=0, reversible=True, bitspersample=12)
    kept = len(stream) // 5
    stream = stream[:kept] + bytes(len(stream) - kept - 2) + b"\xff\xd9"
    encapsulated(image_dataset(stored, 12), stream, uid.JPEG2000Lossless, tmp_path / "a")
    loaded = load_dicom(tmp_path / "a", PixelConfig())
    assert (loaded.decoder, loaded.metadata["compression"]) == ("imagecodecs", "unknown")


@pytest.mark.parametrize(
    ("syntax", "level", "expected"),
    [(uid.JPEG2000, 0, "lossless"), (uid.JPEG2000, 40, "cut"), (uid.JPEG2000Lossless, 40, "cut")],
)
def test_what_compression_took_from_colours_is_told(
    syntax: str, level: int, expected: str, tmp_path: Path
) -> None:
    y, x = np.mgrid[:64, :64]
    rgb = np.dstack([3 * x, 2 * y, (7919 * x * y) % 200]).astype(np.uint8)
    ds = image_dataset(rgb[..., 0], 8, SamplesPerPixel=3, PhotometricInterpretation="YBR_RCT")
    ds.PlanarConfiguration = 0
    stream = imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", reversible=True, level=level)
    encapsulated(ds, stream, syntax, tmp_path / "a")
    loaded = load_dicom(tmp_path / "a", PixelConfig())
    assert loaded.metadata["compression"] == expected
    if not level:
        np.testing.assert_array_equal(next(loaded.frames)[1], luma(rgb))
