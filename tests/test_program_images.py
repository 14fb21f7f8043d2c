"""The whole program on ordinary images: class folders, the MURA tree, a table of labels, 16 bits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import read_radiograph
from tests.program import fxray, rows, summary


def draw(path: Path, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    """Write an image with a bright bar on dark ground; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 20, (60, 50)).astype(dtype)
    image[10:50, 20:32] = 180
    if dtype is np.uint16:
        image *= 200
    assert cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return image


def uncompressed(file: Path) -> Path:
    """Write a TIFF of noise, which can be read whatever becomes of its pixels."""
    file.parent.mkdir(exist_ok=True)
    image = np.random.default_rng(0).integers(0, 256, (300, 200), dtype=np.uint8)
    assert cv2.imwrite(str(file), image, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    return file


@pytest.fixture
def ingest(tmp_path):
    def run(*options: object) -> tuple[Path, dict]:
        out = tmp_path / "out"
        return out, summary(
            "ingest", tmp_path / "archive", out, "--key", tmp_path / "key", "--workers", 1, *options
        )

    return run


def test_class_folders_give_the_labels_and_each_image_is_a_study(tmp_path, ingest):
    for i, folder in enumerate(["fractured", "fractured", "Non_fractured", "elsewhere"]):
        draw(tmp_path / "archive" / folder / f"{i}.png", i)
    _, figures = ingest()
    assert figures["studies"] == {"broken": 2, "not_broken": 1, "unlabelled": 1}


def test_the_mura_tree_gives_studies_patients_and_labels(tmp_path, ingest):
    for patient, name, images in (
        (1, "study1_positive", 2),
        (1, "study2_negative", 1),
        (2, "study1_positive", 1),
    ):
        for i in range(images):
            draw(
                tmp_path / "archive" / "XR_WRIST" / f"patient{patient:05d}" / name / f"image{i}.png",
                patient + i,
            )
    out, figures = ingest()
    assert figures["studies"] == {"broken": 2, "not_broken": 1, "unlabelled": 0}
    assert figures["radiographs"] == {"broken": 3, "not_broken": 1, "unlabelled": 0}
    assert len({row["patient_id"] for row in rows(out / "metadata.csv")}) == 2


def test_a_terminal_without_the_letters_of_a_path_is_told_of_it_all_the_same(tmp_path):
    draw(tmp_path / "снимки" / "1.png")
    job = ["ingest", tmp_path / "снимки", tmp_path / "данные", "--key", tmp_path / "key", "--workers", 1]
    assert (
        r"\u0434\u0430\u043d\u043d\u044b\u0435"
        in fxray(*job, environment={"PYTHONIOENCODING": "latin-1"}).stdout
    )


@pytest.mark.parametrize("key", ["a/1.png", "1.png", "1"])
def test_a_table_labels_images_by_path_name_or_stem(tmp_path, ingest, key):
    draw(tmp_path / "archive" / "a" / "1.png")
    draw(tmp_path / "archive" / "a" / "2.png", 1)
    (tmp_path / "labels.csv").write_text(f"file,fracture\n{key},yes\nmissing.png,no\n")
    out, figures = ingest("--labels", tmp_path / "labels.csv")
    assert figures["studies"] == {"broken": 1, "not_broken": 0, "unlabelled": 0}
    assert figures["dropped"] == {"study_without_label": 1, "label_without_study": 1}
    assert "missing" not in (out / "rejects.csv").read_text()


@pytest.mark.parametrize("heading", ["folder", "id"])
def test_a_table_labels_folders_as_studies(tmp_path, ingest, heading):
    for i, view in enumerate(("", "ap", "lat")):
        draw(tmp_path / "archive" / "s1" / view / f"{i}.png", i)
    draw(tmp_path / "archive" / "s2" / "0.png", 7)
    (tmp_path / "labels.csv").write_text(f"{heading};label\ns1;broken\ns2;not broken\n")
    _, figures = ingest("--labels", tmp_path / "labels.csv")
    assert figures["studies"] == {"broken": 1, "not_broken": 1, "unlabelled": 0}
    assert figures["radiographs"] == {"broken": 3, "not_broken": 1, "unlabelled": 0}


def test_a_study_with_too_many_radiographs_is_dropped_whole(tmp_path, ingest):
    for i in range(5):
        draw(tmp_path / "archive" / "study1_positive" / f"{i}.png", i)
    draw(tmp_path / "archive" / "study2_negative" / "0.png", 9)
    _, figures = ingest("--max-instances", 4)
    assert figures["studies"] == {"broken": 0, "not_broken": 1, "unlabelled": 0}
    assert figures["dropped"] == {"too_many_instances": 5}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("x.png", np.uint8),
        ("x.tif", np.uint8),
        ("x.jpg", np.uint8),
        ("x.png", np.uint16),
        ("x.tif", np.uint16),
    ],
)
def test_images_of_8_bits_stay_as_they_are_and_16_bits_are_windowed(tmp_path, ingest, name, dtype):
    image = draw(tmp_path / "archive" / name, dtype=dtype)
    out, _ = ingest()
    (row,) = rows(out / "metadata.csv")
    read = read_radiograph(Layout(out), row["label"], row).image
    assert read.shape == image.shape
    if dtype is np.uint16:
        assert read.min() == 0
        assert read.max() == 255
        assert np.corrcoef(read.ravel(), image.ravel())[0, 1] > 0.999
    else:
        assert np.abs(read.astype(int) - image).max() <= (4 if name.endswith("jpg") else 0)


def test_a_truncated_image_and_a_text_file_do_not_stop_the_others(tmp_path, ingest):
    draw(tmp_path / "archive" / "good.jpg")
    draw(tmp_path / "archive" / "bad.jpg", 1)
    bad = tmp_path / "archive" / "bad.jpg"
    bad.write_bytes(bad.read_bytes()[:900])
    (tmp_path / "archive" / "notes.txt").write_text("not an image")
    (tmp_path / "archive" / "empty.dcm").touch()
    _, figures = ingest()
    assert figures["converted"] == 1
    assert figures["passed_over"] == 1
    assert (
        figures["found"] == figures["converted"] + sum(figures["dropped"].values()) + figures["passed_over"]
    )
