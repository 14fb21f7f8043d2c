"""What is no field: wide collimators, round ones, padding of one level."""

from __future__ import annotations

import numpy as np
import pytest

from bench.accuracy_cases import phantoms
from bench.accuracy_changes import CHANGES
from fxcore.steps.disc import around_disc
from fxcore.steps.inversion import inversion_margin
from fxcore.steps.limbs import find_limbs
from fxcore.steps.overview import Overview
from tests.test_steps import hand


def test_a_wide_collimator_is_surely_no_field() -> None:
    """Each of its sides is seen on half of its way only: up to the sides beside it."""
    image = (hand() + 20).astype(np.float32)
    rows, columns = image.shape
    grain = np.random.default_rng(0).normal(250, 3, image.shape)
    lit = np.s_[round(0.22 * rows) : round(0.76 * rows), round(0.24 * columns) : round(0.77 * columns)]
    grain[lit] = image[lit]
    seen = Overview(grain.clip(0, 255).astype(np.float32))
    field = np.zeros(image.shape, np.bool_)
    field[lit] = True
    assert (~seen.frame.sure & ~field).mean() < 0.01
    assert (seen.frame.sure & field).mean() < 0.03


@pytest.mark.parametrize("pad", [100, 200])
@pytest.mark.parametrize("level", [165, 170, 180])
def test_a_forearm_may_cross_the_side_of_a_collimator_that_is_as_bright(level: int, pad: int) -> None:
    image = np.random.default_rng(0).normal(level, 1, np.add(hand().shape, 2 * pad))
    lit = np.s_[pad:-pad, pad:-pad]
    image[lit] = hand() + 20
    seen = Overview.of(image.astype(np.uint8))
    assert (~seen.frame.sure).mean() == pytest.approx(hand().size / image.size, abs=0.02)
    assert inversion_margin(seen) > 0 > inversion_margin(seen.negative)


@pytest.mark.parametrize("level", [40, 128, 200])
@pytest.mark.parametrize("pads", [((60, 50), (40, 70)), ((0, 0), (90, 80)), ((70, 70), (0, 0))])
def test_padding_of_one_level_is_no_field(level: int, pads: tuple[tuple[int, int], tuple[int, int]]) -> None:
    image = np.pad(hand(), pads, constant_values=level)
    field = np.pad(np.ones(hand().shape, np.bool_), pads)
    seen = Overview(image.astype(np.float32))
    assert (~seen.frame.sure & ~field).mean() < 0.01
    assert (seen.frame.sure & field).mean() < 0.03
    assert inversion_margin(seen) > 0 > inversion_margin(seen.negative)


def _round(image: np.ndarray, level: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Leave a disc of an image, in a surround that has noise; and where it lies."""
    rows, columns = image.shape
    down, across = np.ogrid[:rows, :columns]
    disc = np.hypot(down - 0.52 * rows, across - 0.49 * columns) <= radius * max(rows, columns)
    noise = np.random.default_rng(0).normal(level, 1, image.shape)
    return np.where(disc, image, noise.clip(0, 255)).astype(np.float32), disc


@pytest.mark.parametrize("level", [110, 180, 255])
@pytest.mark.parametrize("radius", [0.38, 0.45, 0.5])
def test_what_surrounds_a_round_field_is_none_of_it(level: int, radius: float) -> None:
    image, field = _round(hand() + 20.0, level, radius)
    seen = Overview(image)
    assert (~seen.frame.sure & ~field).mean() < 0.01
    assert (seen.frame.sure & field).mean() < 0.03
    assert inversion_margin(seen) > 0 > inversion_margin(seen.negative)


def test_a_round_surround_that_is_dark_is_the_negatives() -> None:
    """In the radiograph it is a shutter, which is told by its level and its smoothness."""
    seen = Overview(_round(hand() + 40.0, 3, 0.45)[0])
    assert seen.disc.any()
    assert not seen.frame.mask.any()
    np.testing.assert_array_equal(seen.negative.frame.mask & seen.disc, seen.disc)
    assert inversion_margin(seen) > 0 > inversion_margin(seen.negative)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_nothing_surrounds_a_field_that_is_not_round(level: int) -> None:
    rng = np.random.default_rng(0)
    for image in (hand(), rng.integers(0, 255, (200, 160)), np.full((200, 160), level), np.eye(64) * level):
        assert not around_disc(image.astype(np.float32)).any()
    assert not around_disc(np.pad(hand(), 30, constant_values=level).astype(np.float32)).any()
    assert not around_disc(np.full((1, 1), level, np.float32)).any()


def test_a_wide_frame_is_no_part_beside_the_limb() -> None:
    """Its inner edges are as sharp as the seam between two exposures."""
    rng = np.random.default_rng(0)
    names = {"phantom 11-5.1", "phantom 11-11.1", "phantom 11-15.1"}
    framed = [CHANGES["wide white frame"](case, rng) for case in phantoms(16) if case.name in names]
    assert [len(find_limbs(Overview.of(case.image)).parts) for case in framed] == [1, 1, 1]
