"""Samples that contradict what the header says of their bits and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import uid

from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from tests.dicom_files import encode, image_dataset, write


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.JPEGLSLossless, uid.JPEG2000Lossless])
@pytest.mark.parametrize("kind", ["u", "i"])
@pytest.mark.parametrize("voi", [{}, {"WindowCenter": 3000, "WindowWidth": 6000}])
def test_samples_that_go_past_the_stored_bits_stay_bright(
    kind: str, voi: dict[str, Any], syntax: str, tmp_path: Path
) -> None:
    def rendered(stored: np.ndarray, said: int) -> tuple[np.ndarray, str]:
        ds = image_dataset(stored, said, **voi)
        encode(ds, stored, 14, syntax)
        loaded = load_dicom(write(ds, tmp_path / "a", syntax), PixelConfig())
        return next(loaded.frames)[1], loaded.metadata["voi"]

    y, x = np.mgrid[:64, :90]
    stored = (65 * x + np.random.default_rng(3).normal(0, 20, x.shape)).clip(0).astype(f"{kind}2")
    right, noted = rendered(stored, 14)
    image, noted_with_12 = rendered(stored, 12)
    assert noted_with_12 == noted + "_after_bad_bits_stored"
    if not voi:
        np.testing.assert_array_equal(image, right)
    assert image[:, 80:].min() > image[:, 30:40].max()
    # Above what is stored may be an overlay, or signs left out.
    plain = stored // 4
    clean, noted = rendered(plain, 12)
    drawn, noted_with_overlay = rendered(
        plain | (((x - 40) ** 2 + (y - 30) ** 2 < 200).astype(stored.dtype) << 12), 12
    )
    np.testing.assert_array_equal(drawn, clean)
    assert noted_with_overlay == noted


@pytest.mark.parametrize("voi", [{}, {"WindowCenter": 3000, "WindowWidth": 6000}])
def test_padding_of_all_pixels_is_none(voi: dict[str, Any], tmp_path: Path) -> None:
    stored = np.arange(900, dtype=np.uint16).reshape(30, 30)
    plain = load_dicom(write(image_dataset(stored, 12, **voi), tmp_path / "a"), PixelConfig())
    padding = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}
    padded = load_dicom(write(image_dataset(stored, 12, **voi, **padding), tmp_path / "b"), PixelConfig())
    np.testing.assert_array_equal(next(padded.frames)[1], next(plain.frames)[1])
    assert padded.metadata["voi"] == plain.metadata["voi"] + "_after_bad_padding"
    # A failed exposure within padding stays one.
    failed = np.where(stored > 300, 500, 0).astype(np.uint16)
    path = write(image_dataset(failed, 12, PixelPaddingValue=0, **voi), tmp_path / "c")
    with pytest.raises(UnreadableFileError, match="all pixels of the image are equal"):
        load_dicom(path, PixelConfig(voi="percentile"))


@pytest.mark.parametrize(("bits", "kind"), [(16, "u"), (10, "i"), (12, "i"), (16, "i")])
def test_swapped_bytes_of_an_image_that_takes_all_bits_are_told(bits: int, kind: str, tmp_path: Path) -> None:
    y, x = np.mgrid[:70, :90]
    smooth = np.sin(x / 30) * np.cos(y / 20) + np.random.default_rng(3).normal(0, 0.02, x.shape)
    stored = ((smooth + 1.2 * (kind == "u")) * 0.4 * 2 ** (bits - 1)).astype(f"{kind}2")
    assert load_dicom(write(image_dataset(stored, bits), tmp_path / "a"), PixelConfig()).n_frames == 1
    with pytest.raises(UnreadableFileError, match="an image with their bytes swapped") as caught:
        load_dicom(write(image_dataset(stored.byteswap(), bits), tmp_path / "a"), PixelConfig())
    assert caught.value.reason == "invalid_image_header"
    # What is noise either way is not judged, and 8 bits in the upper byte are the same image.
    noise = np.random.default_rng(3).integers(0, 2**8, stored.shape).astype(f"{kind}2")
    for other in (noise, noise << 8, (stored >> (bits - 8)) << 8)[: 3 if bits == 16 else 1]:
        load_dicom(write(image_dataset(other, bits), tmp_path / "a"), PixelConfig())
