"""What is no field: wide collimators, padding of one level."""

from __future__ import annotations

import numpy as np
import pytest

from fxcore.steps.inversion import inversion_margin
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


@pytest.mark.parametrize("level", [40, 128, 200])
@pytest.mark.parametrize("pads", [((60, 50), (40, 70)), ((0, 0), (90, 80)), ((70, 70), (0, 0))])
def test_padding_of_one_level_is_no_field(level: int, pads: tuple[tuple[int, int], tuple[int, int]]) -> None:
    image = np.pad(hand(), pads, constant_values=level)
    field = np.pad(np.ones(hand().shape, np.bool_), pads)
    seen = Overview(image.astype(np.float32))
    assert (~seen.frame.sure & ~field).mean() < 0.01
    assert (seen.frame.sure & field).mean() < 0.03
    assert inversion_margin(seen) > 0 > inversion_margin(seen.negative)
