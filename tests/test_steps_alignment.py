"""Rotation alignment where it is in doubt, and what it writes of that."""

from __future__ import annotations

import numpy as np
import pytest

from fxcore.kernels import rotate
from fxcore.steps.alignment import align_rotation
from fxcore.steps.axis import LimbAxis, limb_axis
from fxcore.steps.config import AlignmentConfig
from fxcore.steps.overview import Overview, Overviews
from tests.test_steps import hand, study


@pytest.mark.parametrize("seed", range(4))
def test_a_limb_with_both_ends_alike_is_not_turned_over(seed):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:900, :500]
    rows = np.minimum(rows, 899 - rows)
    width = 75 + 50 * np.sin(rows / 900 * rng.uniform(2, 20))
    limb = np.where((abs(columns - 249.5) < width) & (rows > 75), 180, 0)
    tilted = rotate((limb + rng.integers(0, 10, limb.shape)).astype(np.uint8), float(rng.uniform(-60, 60)))
    row = align_rotation(study(tilted), AlignmentConfig()).radiographs[0].metadata
    assert row["alignment"] == "aligned"
    assert abs(float(row["rotation_degrees"])) < 90


def test_no_column_holds_a_zero_with_a_sign(monkeypatch):
    monkeypatch.setattr("fxcore.steps.alignment.end_margin", lambda lines: -1e-5)
    config = AlignmentConfig(min_degrees=0.0)
    row = align_rotation(study(hand()), config).radiographs[0].metadata
    assert row["distal_margin"] == "0.000"
    found = LimbAxis(-1e-5, 3.0, limb_axis(Overviews().of(hand())).lines)
    monkeypatch.setattr("fxcore.steps.alignment.limb_axis", lambda seen: found)
    row = align_rotation(study(hand()), config).radiographs[0].metadata
    assert (row["alignment"], row["rotation_degrees"]) == ("upright", "0")


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("level", [0, 110, 250])
def test_wide_padding_leaves_the_axis_as_it_is(level, times):
    limb = rotate(hand(), 9.0)
    image = limb.repeat(4, axis=0).repeat(4, axis=1)
    rows, columns = image.shape
    padded = np.full((times * rows, times * columns), level, np.uint8)
    padded[rows // 3 :, columns // 2 :][:rows, :columns] = np.maximum(image, 20)
    seen = Overview.of(padded)
    assert seen.nearer(padded).step < seen.step
    assert Overview.of(image).nearer(image).grey.shape == Overview.of(image).grey.shape
    before, after = (
        align_rotation(study(of), AlignmentConfig()).radiographs[0].metadata for of in (image, padded)
    )
    assert abs(float(before["rotation_degrees"]) - float(after["rotation_degrees"])) < 0.6


def _grainy(levels: np.ndarray) -> np.ndarray:
    grain = np.random.default_rng(1).normal(0, 2.5, levels.shape)
    return np.clip(levels + grain, 0, 255).astype(np.uint8)


def _noted(image: np.ndarray) -> dict[str, str]:
    return align_rotation(study(image), AlignmentConfig()).radiographs[0].metadata


def test_a_limb_is_found_in_air_that_stands_out_of_a_dark_frame():
    limb = rotate(hand(), 9.0)
    field = np.full((360, 360), 20.0)
    field[40:-40, 40:-40] = 60
    field[40:-40, 40 : 40 + limb.shape[1]] += limb[:280] / 4
    image = _grainy(field)
    whole, alone = _noted(image), _noted(np.ascontiguousarray(image[40:-40, 40:-40]))
    assert whole["alignment"] == alone["alignment"] == "aligned"
    assert abs(float(whole["rotation_degrees"]) - float(alone["rotation_degrees"])) < 1.0


def test_what_has_no_length_is_left_alone_whatever_lies_within_it():
    rows, columns = np.mgrid[:300, :300] - 149.5
    levels = np.where(np.hypot(rows, columns) < 120, 120 + 30 * np.cos(columns / 12), 20.0)
    assert _noted(_grainy(levels))["alignment"] == "no_clear_axis"


def test_a_streak_in_the_air_is_no_limb_though_it_is_larger():
    levels = np.random.default_rng(0).normal(10, 0.3, (200, 256)).astype(np.float32)
    levels[30:-30, 30:90] = np.linspace(60, 120, 60)
    levels[30:-30, 150:190] = 160
    seen = Overview(levels)
    assert [piece.area for piece in seen.pieces] == [8400, 5600]
    assert seen.limb is seen.pieces[1].mask
