"""Files that claim to be one image: which one counts, and what is said of those that are left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydicom import uid

from fxcore.jobs import IngestTask, SourceFile
from fxcore.settings import IngestConfig
from fxcore.study import Reject
from fxcore.work import take_through
from tests.dicom_files import encode, image_dataset, write
from tests.program import rows, summary

_STORED = (np.add.outer(np.arange(60) ** 2, np.arange(50)) % 4096).astype(np.uint16)


def rejected(folder: Path) -> list[Reject]:
    """Take the files of a folder in as copies of one radiograph; return those that are left out."""
    sources = tuple(
        SourceFile(path.name, "dicom", f"id of {path.name}", "r", "") for path in sorted(folder.iterdir())
    )
    task = IngestTask(str(folder), "", "s", "p", "broken", "", sources, IngestConfig(), None)
    kept: list[str] = []
    receiver = SimpleNamespace(
        converted=0,
        try_again=False,
        rejects=[],
        body_parts=Counter(),
        decisions=Counter(),
        add=lambda radiograph: kept.append(radiograph.metadata["source_id"]),
    )
    take_through(task, receiver)
    assert set(kept) == {"id of a"}
    return receiver.rejects


def said(folder: Path) -> tuple[str, str]:
    (reject,) = rejected(folder)
    assert reject.source_id == "id of b"
    assert "(source_id id of a) has the same SOPInstanceUID" in reject.message
    return reject.reason, reject.message


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.JPEG2000Lossless])
def test_a_copy_with_another_header_or_without_loss_is_one(syntax: str, tmp_path: Path) -> None:
    write(image_dataset(_STORED, 12), tmp_path / "a")
    ds = image_dataset(_STORED, 12, PatientID="OTHER", WindowCenter=100, WindowWidth=90)
    encode(ds, _STORED, 12, syntax)
    write(ds, tmp_path / "b", syntax)
    reason, message = said(tmp_path)
    assert reason == "duplicate"
    assert message.endswith("the same pixels")


@pytest.mark.parametrize(
    ("stored", "difference"),
    [
        (_STORED[::-1], "of 255 grey levels apart on average"),
        (_STORED[1:], "59 x 50 pixels, not 60 x 50"),
        (np.stack([_STORED, _STORED]), "2 frame(s), not 1"),
    ],
)
def test_other_pixels_under_a_known_identifier_are_told(
    stored: np.ndarray, difference: str, tmp_path: Path
) -> None:
    write(image_dataset(_STORED, 12), tmp_path / "a")
    write(image_dataset(stored, 12), tmp_path / "b")
    reason, message = said(tmp_path)
    assert reason == "doubtful_duplicate"
    assert difference in message
    assert "look at both" in message


def test_a_copy_that_cannot_be_read_costs_nothing(tmp_path: Path) -> None:
    path = write(image_dataset(_STORED, 12), tmp_path / "a")
    (tmp_path / "b").write_bytes(path.read_bytes()[:-100])
    reason, message = said(tmp_path)
    assert reason == "duplicate"
    assert "this one cannot be read (5900 bytes of pixel data found" in message


def test_a_copy_in_an_unlabelled_study_does_not_take_the_place_of_the_labelled_one(tmp_path: Path) -> None:
    dataset = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    dataset.SOPInstanceUID = "1.2.3.4"
    for study in ("1.2.1", "1.2.2"):
        dataset.StudyInstanceUID = study
        (tmp_path / "archive").mkdir(exist_ok=True)
        write(dataset, tmp_path / "archive" / study, uid.ExplicitVRLittleEndian)
    (tmp_path / "labels.csv").write_text("StudyInstanceUID,label\n1.2.2,1\n")
    options = ["--labels", tmp_path / "labels.csv", "--key", tmp_path / "key"]
    figures = summary("ingest", tmp_path / "archive", tmp_path / "out", *options)
    assert figures["studies"]["broken"] == 1
    assert figures["dropped"] == {"study_without_label": 1}


def test_a_copy_in_another_study_is_told_of_the_file_that_stands_for_it(tmp_path: Path) -> None:
    dataset = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
    dataset.SOPInstanceUID = "1.2.3.4"
    (tmp_path / "archive").mkdir()
    for study in ("1.2.1", "1.2.2"):
        dataset.StudyInstanceUID = study
        write(dataset, tmp_path / "archive" / study, uid.ExplicitVRLittleEndian)
    first = tmp_path / "archive" / "1.2.1"
    first.write_bytes(first.read_bytes()[:-400])
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    assert summary(*job)["converted"] == 0
    dropped = {row["reason"]: row for row in rows(tmp_path / "out" / "rejects.csv")}
    message = dropped["doubtful_duplicate"]["message"]
    assert dropped["truncated_pixel_data"]["source_id"] in message
    assert "its pixels may be others: look at both" in message
    first.unlink()
    assert summary(*job)["converted"] == 1
