"""Where the real test data lies; tests that need it skip with a reason when it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

DICOM = _DATA / "dicom"
FRACATLAS = _DATA / "fracatlas"

requires_dicom = pytest.mark.skipif(
    not DICOM.is_dir(), reason="the real DICOM files are not present beside the checkout"
)
requires_fracatlas = pytest.mark.skipif(
    not FRACATLAS.is_dir(), reason="the FracAtlas radiographs are not present beside the checkout"
)
