"""What is decided of a study before it is read."""

from __future__ import annotations

import pytest

from fxcore.dicom.entries import IndexEntry
from fxcore.settings import IngestConfig
from fxcore.verdicts import Verdicts


def dicom(source: str, sop: str, frames: int = 1) -> IndexEntry:
    return IndexEntry(source, kind="dicom", study_uid="1.2", sop_uid=sop, number_of_frames=frames)


@pytest.mark.parametrize(
    ("files", "radiographs"),
    [
        ([dicom("a/1", "1"), dicom("a/2", "2"), dicom("b/1", "1"), dicom("b/2", "2")], 2),
        ([dicom("a/1", "1", 3), dicom("b/1", "1", 3)], 3),
        ([dicom("a/1", ""), dicom("a/2", "")], 2),
        ([dicom("a/1", "1"), dicom("a/2", "a/1"), IndexEntry("1", kind="image")], 3),
    ],
)
def test_radiographs_are_counted_once_however_often_they_are_stored(files, radiographs):
    assert Verdicts(None, IngestConfig(max_instances=radiographs)).of(files).reason == ""
    if radiographs > 1:
        verdict = Verdicts(None, IngestConfig(max_instances=radiographs - 1)).of(files)
        assert verdict.reason == "too_many_instances"
        assert f"{radiographs} radiographs" in verdict.message
