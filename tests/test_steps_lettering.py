"""Text that was burned in joins no limb, and what is no text stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.accuracy import ALIGNMENT, aligned
from bench.accuracy_cases import phantoms
from bench.accuracy_changes import changed
from fxcore.steps.lettering import without_lettering
from tests.test_steps import hand


def _written(image: np.ndarray, *words: str) -> np.ndarray:
    """Write lines at four times the size and shrink them, as an overview does."""
    ink = np.zeros((4 * image.shape[0], 4 * image.shape[1]), np.uint8)
    for line, text in enumerate(words):
        cv2.putText(ink, text, (16, 48 + 40 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2, cv2.LINE_AA)
    share = cv2.resize(ink, image.shape[::-1], interpolation=cv2.INTER_AREA) / np.float32(255)
    return image + share * (255 - image)


@pytest.mark.parametrize("turns", [0, 1])
def test_text_is_taken_away_and_what_lies_below_it_stays(turns: int) -> None:
    image = hand().astype(np.float32)
    words = ("DOE^JANE ANN 12.03.1967", "KLINIKUM NORD", "HAND PA", "55 kV 2.0 mAs 14:22")
    written = _written(image, *words)
    assert (np.abs(written - image) > 40).mean() > 0.005
    left = np.rot90(without_lettering(np.ascontiguousarray(np.rot90(written, turns))), -turns)
    assert (left - image > 40).mean() < 0.0005
    assert (image - left > 40).mean() < 0.002


def test_what_is_no_text_stays() -> None:
    image = hand().astype(np.float32)
    wired = image.copy()
    cv2.line(wired, (20, 180), (140, 40), 255, 2)
    noisy = image + np.random.default_rng(0).normal(0, 12, image.shape).astype(np.float32)
    for kept in (image, wired, noisy, np.zeros((200, 160), np.float32), np.zeros((1, 1), np.float32)):
        np.testing.assert_array_equal(without_lettering(kept), kept)


@pytest.mark.parametrize("degrees", range(0, 180, 8))
def test_a_thin_bone_is_no_text_however_it_lies(degrees: int) -> None:
    image = np.full((256, 200), 60, np.float32)
    for apart in (-12, 0, 12):
        bone = ((100, 128), (90, 3), degrees)
        corners = cv2.boxPoints(bone) + apart * np.array(
            [-np.sin(np.radians(degrees)), np.cos(np.radians(degrees))]
        )
        cv2.fillPoly(image, [np.round(16 * corners).astype(np.int32)], 220, cv2.LINE_AA, 4)
    assert (image > 200).sum() > 500
    np.testing.assert_array_equal(without_lettering(image), image)


def test_patient_data_in_the_corners_moves_no_axis() -> None:
    cases = [case for case in phantoms(16) if case.tilt is not None]
    for case, written in zip(cases, changed(cases, "patient data"), strict=True):
        before, after = aligned(case, ALIGNMENT[0]), aligned(written, ALIGNMENT[0])
        assert abs((after.residual - before.residual + 90) % 180 - 90) < 1.5, case.name
        assert after.up == before.up, case.name
