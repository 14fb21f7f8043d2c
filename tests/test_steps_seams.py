"""Where an image is cut in two: between exposures, and never across a limb."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fxcore.steps.config import SplitterConfig
from fxcore.steps.inversion import inversion_margin
from fxcore.steps.overview import Overview
from fxcore.steps.seams import panels
from fxcore.steps.splitter import split_parts
from fxcore.study import Radiograph, Study


def _limb(rows: int = 240, columns: int = 180, degrees: float = 8.0) -> np.ndarray:
    """A limb at a slant, thicker in the middle, with two bones, on air that has noise."""
    down, across = (
        np.mgrid[:rows, :columns].astype(np.float32) - np.array([rows / 2, columns / 2])[:, None, None]
    )
    off = across * np.cos(np.radians(degrees)) + down * np.sin(np.radians(degrees))
    depth = np.clip(1 - (off / 35) ** 2, 0, 1)
    bones = np.clip(1 - ((abs(off) - 14) / 8) ** 2, 0, 1)
    noise = np.random.default_rng(0).normal(0, 1, (rows, columns))
    return np.clip(12 + 110 * np.sqrt(depth) + 70 * bones + noise, 0, 255).astype(np.uint8)


def _parts(image: np.ndarray) -> list[Radiograph]:
    study = Study("s", "unlabelled", [Radiograph(image, {"radiograph_id": "r"})])
    return split_parts(study, SplitterConfig()).radiographs


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("width", [1, 3, 6])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("degrees", [0.0, 8.0, -25.0])
def test_a_line_drawn_across_a_limb_does_not_cut_it(
    level: int, width: int, turned: bool, degrees: float
) -> None:
    image = cv2.resize(_limb(degrees=degrees), (540, 720), interpolation=cv2.INTER_LINEAR)
    image[300 : 300 + width] = level
    assert len(_parts(np.ascontiguousarray(image.T if turned else image))) == 1


def test_a_step_of_the_level_across_a_limb_does_not_cut_it() -> None:
    image = _limb()
    image[110:] = np.clip(image[110:].astype(int) + 9, 0, 255)
    assert len(_parts(image)) == 1


@pytest.mark.parametrize("factor", [0.6, 0.7, 0.8])
@pytest.mark.parametrize("turned", [False, True])
def test_a_half_that_is_darker_by_a_factor_does_not_cut_a_limb(factor: float, turned: bool) -> None:
    image = _limb(rows=400) + 20.0
    image[190:] *= factor
    assert len(_parts(np.ascontiguousarray((image.T if turned else image).astype(np.uint8)))) == 1


@pytest.mark.parametrize("level", [0, 255])
def test_two_exposures_of_one_limb_one_above_the_other_are_cut(level: int) -> None:
    """The limb leaves one where it enters the other; that its exposure is another is told by the air."""
    above, below = _limb(degrees=0), np.clip(_limb(degrees=1) * 0.85 + 9, 0, 255).astype(np.uint8)
    assert len(_parts(np.vstack([above, np.full((6, 180), level, np.uint8), below]))) == 2


@pytest.mark.parametrize("level", [0, 255])
def test_two_limbs_that_meet_at_a_strip_as_mirror_images_are_cut(level: int) -> None:
    """Both leave their exposure at the strip, at the same places."""
    left = np.ascontiguousarray(_limb(degrees=60.0))
    right = np.clip(left[:, ::-1] * 0.9 + 6, 0, 255).astype(np.uint8)
    strip = np.full((left.shape[0], 5), level, np.uint8)
    assert len(_parts(np.hstack([left, strip, right]))) == 2


def test_the_white_inside_of_a_clipped_limb_is_no_strip_between_two() -> None:
    rows, columns = np.mgrid[:120, :100].astype(np.float32)
    depth = np.clip(1 - ((columns - 50 - (rows - 60) / 8) / 35) ** 2, 0, 1)
    limb = np.clip(400 * depth, 0, 255).astype(np.float32)
    field = np.ones(limb.shape, np.bool_)
    assert np.ptp(limb[:, 50]) == 0
    assert len(panels(limb, field, limb > 0)) == 1
    pair = np.hstack([limb, np.full((120, 3), 255, np.float32), 0.8 * limb[:, ::-1]])
    assert len(panels(pair, np.ones(pair.shape, np.bool_), pair > 0)) == 2


def test_the_sides_of_a_strip_between_two_exposures_make_no_frame_of_both() -> None:
    """In the negative nearly all is bright beyond either side of it: the air of one exposure or the other."""
    rng = np.random.default_rng(0)
    image = np.full((256, 256), 255, np.float32)
    for column in (9, 131):
        image[9:247, column : column + 116] = 30 + rng.normal(0, 1.5, (238, 116))
        round_limb = 120 * np.sqrt(1 - np.linspace(-1, 1, 18) ** 2)
        image[40:247, column + 50 : column + 68] += round_limb + rng.normal(0, 6, (207, 18))
    seen = Overview(np.clip(image, 0, 255).astype(np.float32))
    assert seen.negative.frame.sure.mean() <= 0.85
    assert inversion_margin(seen) > 0.5
    assert inversion_margin(seen.negative) < -0.5


def _quarter(degrees: float, gain: float) -> np.ndarray:
    return np.clip(_limb(200, 150, degrees) * gain + 10 * gain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("level", [0, 255])
def test_four_exposures_in_two_rows_are_four_parts(level: int) -> None:
    tilts, gains = (60.0, -40.0, 80.0, 20.0), (1.0, 0.85, 1.1, 0.95)
    shown = [_quarter(tilt, gain) for tilt, gain in zip(tilts, gains, strict=True)]
    beside, between = np.full((200, 8), level, np.uint8), np.full((8, 308), level, np.uint8)
    rows = [np.hstack([left, beside, right]) for left, right in (shown[:2], shown[2:])]
    parts = _parts(np.vstack([rows[0], between, rows[1]]))
    middles = {(r0 + r1 > 408, c0 + c1 > 308) for r0, c0, r1, c1 in (_box(part) for part in parts)}
    assert len(parts) == 4
    assert len(middles) == 4


def _box(part: Radiograph) -> tuple[int, ...]:
    return tuple(int(edge) for edge in part.metadata["part_box"].split())
