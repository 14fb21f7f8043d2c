"""Rotation and principal axis: exactness, directions, and that nothing is cut."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from bench.peers import functions as peer_functions
from fxcore import kernels

_RNG = np.random.default_rng(11)


@pytest.mark.parametrize("degrees", [1e-9, 0.01, 7.5, 45, 89.999, 90.001, 123.4, 180.5, 271, -33.3, 750.2])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (2, 2), (83, 140), (300, 41)])
def test_rotation_is_within_a_level_of_float64(degrees: float, shape: tuple[int, int]) -> None:
    image = _RNG.integers(0, 256, shape).astype(np.uint8)
    for fill in (0, 255):
        peer_functions.one_level(
            kernels.rotate(image, degrees, fill), peer_functions.numpy_rotate(image, degrees, fill)
        )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("degrees", [0.02, 15.75929, 17.3, 45, 80, 135, 199, 300])
def test_rotation_is_as_exact_as_its_integers(degrees: float, dtype: type) -> None:
    most = np.iinfo(dtype).max
    noise = _RNG.integers(0, most + 1, (300, 2500)).astype(dtype)
    checkerboard = np.indices(noise.shape).sum(0).astype(dtype) % 2 * most
    for image in (noise, checkerboard.astype(dtype)):
        exact = peer_functions.exact_rotation(image, degrees, most // 3)
        rotated = kernels.rotate(image, degrees, most // 3)
        assert rotated.dtype == dtype
        error = np.abs(rotated - exact).max()
        assert error <= (0.51 if dtype == np.uint8 else 0.53)


@pytest.mark.parametrize("degrees", [3, 17.3, 45, 80, 135])
def test_rotation_is_no_less_exact_than_that_of_opencv(degrees: float) -> None:
    image = _RNG.integers(0, 256, (400, 500)).astype(np.uint8)
    exact = peer_functions.exact_rotation(image, degrees)
    rows, cols = image.shape
    matrix = cv2.getRotationMatrix2D(((cols - 1) / 2, (rows - 1) / 2), degrees, 1.0)
    matrix[:, 2] += (exact.shape[1] - cols) / 2, (exact.shape[0] - rows) / 2
    theirs = cv2.warpAffine(image, matrix, exact.shape[::-1], flags=cv2.INTER_LINEAR)
    ours = kernels.rotate(image, degrees)
    assert np.abs(ours - exact).max() <= np.abs(theirs - exact).max()


def test_rotation_of_a_wide_image_stays_exact_over_many_blocks() -> None:
    image = _RNG.integers(0, 256, (120, 2000)).astype(np.uint8)
    peer_functions.one_level(kernels.rotate(image, 20.0), peer_functions.numpy_rotate(image, 20.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("quarters", range(-5, 6))
def test_quarter_turns_are_exact(quarters: int, dtype: type) -> None:
    for shape in ((1, 1), (1, 40), (40, 1), (15, 17), (16, 16), (8, 9), (64, 128), (83, 140), (65, 250)):
        image = _RNG.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
        turned = kernels.rotate(image, 90.0 * quarters)
        np.testing.assert_array_equal(turned, np.rot90(image, quarters))
        assert turned.flags.c_contiguous
        assert not np.shares_memory(turned, image)


@pytest.mark.parametrize("degrees", [3, 30, 45, 77, 100, -20])
def test_rotation_cuts_nothing(degrees: float) -> None:
    white = np.full((60, 201), 255, np.uint8)
    total = kernels.rotate(white, degrees).sum(dtype=np.int64) / 255
    assert total == pytest.approx(white.size, rel=2e-3)
    corner = np.zeros((60, 201), np.uint8)
    corner[0, 0] = corner[0, -1] = corner[-1, 0] = corner[-1, -1] = 255
    assert kernels.rotate(corner, degrees).sum(dtype=np.int64) / 255 == pytest.approx(4, abs=0.6)


def bar(degrees: float) -> np.ndarray:
    """Draw a long bar whose top leans `degrees` to the right of the vertical."""
    image = np.zeros((301, 301), np.uint8)
    x, y = 120 * math.sin(math.radians(degrees)), -120 * math.cos(math.radians(degrees))
    ends = [(round(16 * (150 + s * x)), round(16 * (150 + s * y))) for s in (-1, 1)]
    cv2.line(image, ends[0], ends[1], 255, 9, cv2.LINE_AA, 4)
    return image


@pytest.mark.parametrize("degrees", [-85, -60, -45, -10, 0, 5, 30, 45, 80, 90])
def test_rotate_by_the_angle_of_the_axis_makes_it_vertical(degrees: float) -> None:
    found = kernels.principal_axis(kernels.runs_from_image(bar(degrees), 127))
    assert found.angle_degrees == pytest.approx(degrees, abs=0.3)
    assert found.elongation > 8
    upright = kernels.rotate(bar(degrees), found.angle_degrees)
    assert kernels.principal_axis(kernels.runs_from_image(upright, 127)).angle_degrees == pytest.approx(
        0, abs=0.2
    )


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (np.zeros((4, 5)), (0, math.nan, math.nan, 0.0, 1.0)),
        (np.ones((1, 1)), (1, 0.0, 0.0, 0.0, 1.0)),
        (np.ones((1, 9)), (9, 0.0, 4.0, 90.0, math.inf)),
        (np.ones((9, 1)), (9, 4.0, 0.0, 0.0, math.inf)),
        (np.ones((6, 6)), (36, 2.5, 2.5, 0.0, 1.0)),
        (np.eye(7), (7, 3.0, 3.0, -45.0, math.inf)),
    ],
)
def test_axis_of_plain_shapes(mask: np.ndarray, expected: tuple[float, ...]) -> None:
    found = kernels.principal_axis(kernels.runs_from_mask(mask.astype(np.uint8)))
    assert (found.area, *peer_functions.axis_tuple(found)) == pytest.approx(expected, nan_ok=True)
