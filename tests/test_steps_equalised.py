"""What an equalisation of the histogram did is undone before a radiograph is judged."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given

from fxcore.steps.equalised import unequalised
from fxcore.steps.inversion import inversion_margin
from fxcore.steps.limbs import find_limbs
from fxcore.steps.overview import Overview
from tests.test_steps import hand, noise


def exposed(air: float = 30) -> np.ndarray:
    """Draw a hand in noisy air, its skin and its bones blurred, before it is rounded to grey levels."""
    drawn = cv2.GaussianBlur(air + 0.8 * hand().astype(np.float64), (0, 0), 4)
    return drawn + np.random.default_rng(0).normal(0, 2, drawn.shape)


def levels(image: np.ndarray) -> np.ndarray:
    return image.clip(0, 255).astype(np.uint8)


def by_rank(image: np.ndarray) -> np.ndarray:
    """Equalise what has many more levels than 256: no gaps are left between them."""
    ranks = np.empty(image.size, np.int64)
    ranks[np.argsort(image, axis=None)] = np.arange(image.size)
    return (ranks * 256 // image.size).astype(np.uint8).reshape(image.shape)


def stored(image: np.ndarray) -> np.ndarray:
    code = cv2.imencode(".jpg", cv2.equalizeHist(levels(image)), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)


def smaller(image: np.ndarray) -> np.ndarray:
    """Equalise what has more pixels than its detector tells apart, then make it as small as it may be."""
    large = cv2.equalizeHist(levels(cv2.resize(image, None, fx=2, fy=2)))
    return np.asarray(cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize(
    "equalise", [lambda image: cv2.equalizeHist(levels(image)), by_rank, stored, smaller]
)
def test_an_equalised_radiograph_keeps_its_colour_and_its_limb(
    equalise: Callable[[np.ndarray], np.ndarray],
) -> None:
    image = equalise(exposed())
    for seen in (Overview.of(image), Overview.of(255 - image).negative):
        assert inversion_margin(seen) > 0.2
        assert inversion_margin(seen.negative) < -0.2
        assert len(find_limbs(seen).parts) == 1
    # As it is, the air has most structure.
    assert inversion_margin(Overview(image.astype(np.float32))) < 0


def test_what_was_not_equalised_is_looked_at_as_it_is() -> None:
    for image in (hand(), levels(exposed()), np.full((40, 50), 7, np.uint8), np.eye(30, dtype=np.uint8)):
        assert unequalised(image, 1) is image
        assert unequalised(image, 3) is image


def test_what_has_as_much_of_each_level_is_left_where_undoing_brings_no_peaks() -> None:
    slope = np.linspace(10, 245, 240) + np.random.default_rng(0).normal(0, 3, (200, 240))
    for image in (levels(slope), levels(slope.T)):
        assert unequalised(image, 1) is image


@given(image=noise)
def test_what_is_undone_in_the_negative_is_undone_alike(image: np.ndarray) -> None:
    for picture in (image, cv2.equalizeHist(image), by_rank(image), stored(image)):
        undone = unequalised(picture, 1)
        assert undone.shape == picture.shape
        np.testing.assert_array_equal(unequalised(255 - picture, 1), 255 - undone)


@pytest.mark.parametrize("shape", [(256, 1), (1, 256), (2, 128)])
def test_a_slope_of_a_line_or_two_is_no_reason_to_fail(shape: tuple[int, int]) -> None:
    slope = np.arange(256, dtype=np.uint8).reshape(shape)
    np.testing.assert_array_equal(np.unique(unequalised(slope, 1)), np.arange(256))
