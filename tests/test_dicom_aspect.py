"""Pixels that are not square."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from fxcore.kernels import shrink
from tests.dicom_files import image_dataset, write


def disc(rows: int, columns: int) -> np.ndarray:
    """Return a disc that fills the image: round where pixels are square."""
    y, x = (np.mgrid[:rows, :columns] + 0.5) / np.array([rows, columns]).reshape(2, 1, 1) * 2 - 1
    return np.where(x**2 + y**2 < 0.8, 4000, 100).astype(np.uint16)


def loaded(path: Path, stored: np.ndarray, **attributes: Any) -> tuple[np.ndarray, str]:
    file = load_dicom(write(image_dataset(stored, 12, **attributes), path), PixelConfig())
    return next(file.frames)[1], file.metadata["pixel_aspect"]


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"PixelAspectRatio": ["2", "1"]}, "2"),
        ({"PixelSpacing": ["0.4", "0.2"], "PixelAspectRatio": ["1", "1"]}, "2"),
        ({"ImagerPixelSpacing": ["0.3", "0.15"]}, "2"),
        ({"NominalScannedPixelSpacing": ["0.3", "0.15"]}, "2"),
        ({"PixelSpacing": ["0", "0"], "PixelAspectRatio": ["200", "100"]}, "2"),
        ({"PixelAspectRatio": ["1", "2"]}, "0.5"),
        ({"PixelSpacing": ["0.2", "0.3"]}, "0.666667"),
    ],
)
def test_an_image_is_stretched_to_square_pixels(attributes: Any, told: str, tmp_path: Path) -> None:
    aspect = float(told)
    rows, columns = (60, round(60 * aspect)) if aspect > 1 else (round(60 / aspect), 60)
    stored = disc(rows, columns)
    plain, _ = loaded(tmp_path / "a", stored)
    image, aspect_told = loaded(tmp_path / "b", stored, **attributes)
    assert aspect_told == told
    assert image.shape == (max(rows, columns),) * 2
    assert image.flags.c_contiguous
    # Round, and nothing of what was there is lost.
    bright = image > 127
    assert abs(int(bright.any(0).sum()) - int(bright.any(1).sum())) <= 2
    assert np.abs(shrink(image, *plain.shape).astype(int) - plain).mean() < 3


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({}, ""),
        ({"PixelSpacing": ["0.143", "0.143"]}, "1"),
        ({"PixelSpacing": ["0.1433", "0.143"]}, "1.0021"),
        ({"PixelSpacing": ["0.143", "0.0143"]}, "10"),
        ({"PixelSpacing": ["19700131", "1"]}, ""),
        ({"PixelAspectRatio": ["1"]}, ""),
        ({"PixelSpacing": ["0", "0.1"]}, ""),
    ],
)
def test_what_is_square_or_nonsense_stays_as_it_is(attributes: Any, told: str, tmp_path: Path) -> None:
    stored = disc(50, 40)
    image, aspect_told = loaded(tmp_path / "b", stored, **attributes)
    assert aspect_told == told
    np.testing.assert_array_equal(image, loaded(tmp_path / "a", stored)[0])


def test_each_frame_may_have_its_own_spacing(tmp_path: Path) -> None:
    def group(*spacing: str) -> Dataset:
        item = Dataset()
        item.PixelMeasuresSequence = [Dataset()]
        item.PixelMeasuresSequence[0].PixelSpacing = list(spacing)
        return item

    ds = image_dataset(np.stack([disc(30, 20)] * 3), 12)
    ds.PerFrameFunctionalGroupsSequence = [group("0.2", "0.1"), Dataset(), group("0.1", "0.1")]
    ds.SharedFunctionalGroupsSequence = [group("0.1", "0.2")]
    file = load_dicom(write(ds, tmp_path / "a"), PixelConfig())
    shapes = [image.shape for _, image in file.frames]
    assert shapes == [(60, 20), (30, 40), (30, 20)]
    assert [file.row(k)["pixel_aspect"] for k in range(3)] == ["2", "0.5", "1"]
    assert [file.row(k)["PixelSpacing"] for k in range(3)] == ["0.1\\0.1"] * 3


@pytest.mark.parametrize(
    ("in_file", "in_row"),
    [
        ({"PixelSpacing": "0.4\\0.2", "ImagerPixelSpacing": "0.5\\0.25"}, ("0.2\\0.2", "0.25\\0.25")),
        ({"PixelSpacing": "0.143\\0.286"}, ("0.143\\0.143", "")),
        ({"ImagerPixelSpacing": "0.3\\0.1", "PixelAspectRatio": "1\\1"}, ("", "0.1\\0.1")),
        ({"PixelSpacing": "0.1433\\0.143"}, ("0.1433\\0.143", "")),
        ({"PixelSpacing": "1\\0.1"}, ("1\\0.1", "")),
        ({"PixelAspectRatio": "2\\1"}, ("", "")),
    ],
)
def test_the_spacing_in_the_row_is_that_of_the_image(
    in_file: dict[str, str], in_row: tuple[str, str], tmp_path: Path
) -> None:
    ds = image_dataset(disc(31, 33), 12, **{keyword: text.split("\\") for keyword, text in in_file.items()})
    row = load_dicom(write(ds, tmp_path / "a"), PixelConfig()).metadata
    assert (row["PixelSpacing"], row["ImagerPixelSpacing"]) == in_row
    assert (row["Rows"], row["Columns"]) == ("31", "33")


def test_the_limit_holds_for_the_stretched_image(tmp_path: Path) -> None:
    path = write(image_dataset(disc(50, 40), 12, PixelAspectRatio=["3", "1"]), tmp_path / "a")
    with pytest.raises(UnreadableFileError, match="square pixels, the image takes 150 x 40") as caught:
        load_dicom(path, PixelConfig(limits=Limits(max_pixels=5000)))
    assert caught.value.reason == "too_large"
