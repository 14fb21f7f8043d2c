"""Files of one study that claim to be one image: what is said of the pixels of those that are left out."""

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
