"""Every real DICOM file: pixel by pixel what pydicom makes of it, or refused for the expected reason."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLossless

from fxcore.dicom.columns import FILE_COLUMNS
from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.entries import walk
from fxcore.dicom.index import look_into
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests import dicom_reference
from tests.shared_data import DICOM, requires_dicom

pytestmark = requires_dicom

# What is wrong with each of these, one by one; all else either decodes or has no pixel data.
REFUSED = {
    "CTImageEvenAligned.dat": "not_dicom",
    "CTImageOddAligned.dat": "not_dicom",
    "wadors/metadata": "not_dicom",
    "X11.LICENSE": "not_dicom",
    "no_meta.dcm": "not_dicom",  # one stray byte before a bare data set
    "multiframe.dcm": "undecodable",  # frames of 240 x 55 under a header of 240 x 240
    "genFile.dcm": "undecodable",  # native pixels under a JPEG transfer syntax
    "JPEG2000-embedded-sequence-delimiter.dcm": "undecodable",  # a tile size of 1
    "FreezePattern.dcm": "constant_image",
    "GH1261.dcm": "constant_image",
    "MR_truncated.dcm": "truncated_pixel_data",
    "GH1146.dcm": "no_pixel_data",  # an empty element
    "GH340.dcm": "unsupported_pixel_format",  # 12 bits allocated
    "GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm": "broken_header",
    "GH179A.dcm": "no_pixel_data",  # an element whose VR is two blanks
    "GH179B.dcm": "truncated_file",  # lengths that lead past the end
    "GH626.dcm": "truncated_file",
    "rtplan_truncated.dcm": "truncated_file",
    "badVR.dcm": "invalid_image_header",  # NumberOfFrames is "1A"
    "meta_missing_tsyntax.dcm": "invalid_image_header",
    "nested_priv_SQ.dcm": "invalid_image_header",
}
# pydicom has no decoder for these, or none that holds against the header; their pixels are tested below.
BEYOND_PYDICOM = (
    "2.4.53.dcm",
    "2.4.55.dcm",
    "JPEG-lossy.dcm",
    "liver_deflate.dcm",
    "liver_nonbyte_aligned_deflate.dcm",
    "liver_rle.dcm",
    "liver_nonbyte_aligned_rle.dcm",
    "GH1339.dcm",
    "GH1376.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
)
FILES = sorted({found.source for found in walk(DICOM)} - {"INVENTORY.csv"}) if DICOM.is_dir() else []
AUTO = PixelConfig()


def _load(path: str, config: PixelConfig = AUTO) -> tuple[list[np.ndarray], dict[str, str]]:
    loaded = load_dicom(DICOM / path, config)
    images = [image for _, image in loaded.frames]
    assert len(images) == loaded.n_frames
    return images, loaded.metadata


def _kind(path: str, rows: dict[str, dict[str, str]]) -> str:
    for name, reason in REFUSED.items():
        if path.endswith(name):
            return reason
    if path.endswith(BEYOND_PYDICOM):
        return "beyond_pydicom"
    row = rows[path]
    if row["pixel_decode"] == "no PixelData":
        return "dicomdir" if "DICOMDIR" in Path(path).name else "no_pixel_data"
    if row["photometric"] in ("MONOCHROME1", "MONOCHROME2"):
        return "grey"
    return "colour" if row["photometric"] else "no_pixel_data"


def _inventory() -> dict[str, str]:
    if not FILES:
        return {}
    with (DICOM / "INVENTORY.csv").open(encoding="utf-8", newline="") as table:
        rows = {row["path"]: row for row in csv.DictReader(table)}
    return {path: _kind(path, rows) for path in FILES}


EXPECTED = _inventory()


def _dataset(path: str) -> pydicom.Dataset:
    ds = pydicom.dcmread(DICOM / path, force=True)
    if not ds.file_meta.get("TransferSyntaxUID"):
        implicit, little = ds.original_encoding
        ds.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        )
    return ds


def test_nothing_hides_in_the_table() -> None:
    counts = Counter(EXPECTED.values())
    assert sum(counts.values()) == 407
    assert counts["grey"] == 196
    assert counts["colour"] == 92
    assert counts["beyond_pydicom"] == 10
    assert counts["no_pixel_data"] == 81
    assert counts["dicomdir"] == 9
    refused = Counter(reason for reason in REFUSED.values() if reason != "no_pixel_data")
    assert {reason: counts[reason] for reason in refused} == refused


NOT_SQUARE = ("/mr_brucker.dcm", "/color-pl.dcm", "/color-px.dcm", "/6293", "/6924")


@pytest.mark.parametrize("path", FILES)
def test_file(path: str) -> None:
    expected = EXPECTED[path]
    if expected in ("grey", "colour", "beyond_pydicom"):
        images, metadata = _load(path)
        assert tuple(metadata) == FILE_COLUMNS
        assert all(i.dtype == np.uint8 and i.ndim == 2 and i.flags.c_contiguous for i in images)
        if expected == "beyond_pydicom":
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # pydicom reads the words of a palette in little endian, whatever their order.
            ds = _dataset(path.replace("1A_expb", "1A"))
            render = dicom_reference.grey_frames if expected == "grey" else dicom_reference.luma_frames
            references = render(ds)
        assert len(images) == len(references)
        # Two implementations of a lossy colour transform may round differently.
        tolerance = int(expected == "colour" and "JPEG" in metadata["TransferSyntaxUID"])
        if "/" + path.rpartition("/")[2] in NOT_SQUARE:
            assert float(metadata["pixel_aspect"]) == pytest.approx(
                images[0].shape[0] / images[0].shape[1] * ds.Columns / ds.Rows, rel=0.05
            )
            references = [
                cv2.resize(r, images[0].shape[::-1], interpolation=cv2.INTER_LINEAR) for r in references
            ]
            tolerance += 1
        for image, reference in zip(images, references, strict=True):
            np.testing.assert_allclose(image.astype(int), reference.astype(int), rtol=0, atol=tolerance)
    else:
        with pytest.raises(UnreadableFileError) as caught:
            _load(path)
        assert caught.value.reason == expected
        assert len(caught.value.message) <= 500
        assert "/" not in caught.value.message.replace("1/", "")


@pytest.mark.parametrize("path", FILES)
def test_index(path: str) -> None:
    entry = look_into(DICOM, path, Limits())
    expected = EXPECTED[path]
    kind = {"not_dicom": "other", "dicomdir": "dicomdir"}.get(expected, "dicom")
    if path.endswith("no_meta.dcm"):
        # Its name promises DICOM: it is reported, not passed over.
        kind = "unreadable"
        assert entry.reason == "not_dicom"
    assert entry.kind == kind
    if expected in ("no_pixel_data", "broken_header", "truncated_file"):
        assert entry.reason == expected
    elif kind == "dicom":
        assert not entry.reason
        assert entry.number_of_frames >= 1


def _one(name: str) -> list[np.ndarray]:
    return _load(next(path for path in FILES if path.endswith(name)))[0]


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("liver_deflate.dcm", "pydicom-data/liver.dcm"),
        ("liver_rle.dcm", "pydicom-data/liver.dcm"),
        ("liver_nonbyte_aligned_deflate.dcm", "liver_nonbyte_aligned.dcm"),
        ("liver_nonbyte_aligned_rle.dcm", "liver_nonbyte_aligned.dcm"),
    ],
)
def test_frames_beyond_pydicom_equal_their_native_twin(name: str, twin: str) -> None:
    for image, reference in zip(_one(name), _one(twin), strict=True):
        np.testing.assert_array_equal(image, reference)


@pytest.mark.parametrize("name", ["2.4.53.dcm", "2.4.55.dcm"])
def test_twelve_bit_jpeg_is_close_to_its_native_twin(name: str) -> None:
    (image,), (reference,) = (
        _one(name),
        _one("testImages/CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm"),
    )
    assert np.abs(image.astype(int) - reference).mean() < 2.0


def test_jpeg_under_a_native_transfer_syntax_is_read() -> None:
    path = next(path for path in FILES if path.endswith("GH1376.dcm"))
    (image,), row = _load(path)
    assert (row["TransferSyntaxUID"], row["compression"]) == (JPEGLossless.name, "lossless")
    ds = _dataset(path)
    ds.file_meta.TransferSyntaxUID = JPEGLossless
    np.testing.assert_array_equal(image, dicom_reference.grey_frames(ds)[0])


def test_a_missing_sequence_delimiter_costs_nothing() -> None:
    (image,) = _one("GH1339.dcm")
    assert image.std() > 10
