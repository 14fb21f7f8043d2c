"""The kernels the steps decide with: block means, straight edges, lines across an axis, strokes."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fxcore.errors import ParameterError
from fxcore.kernels import (
    above_plane,
    across_axis,
    across_line,
    at_border,
    background,
    block_means,
    blocks,
    components,
    correlation,
    keep_components,
    lines,
    local_structure,
    masked_levels,
    medial_slope,
    medians,
    moments,
    profiles,
    runs_from_mask,
    runs_to_mask,
    short_strokes,
    straight_edges,
    strokes,
    texture,
    weighted_median,
)

_SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=23)


@pytest.mark.parametrize("module", [background, blocks, lines, medians, profiles, strokes, texture])
def test_examples(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


@given(
    image=arrays(np.uint8, _SHAPES),
    step=st.integers(1, 30),
)
def test_block_means_are_those_of_the_slices(image, step):
    rows, columns = image.shape
    plain = [
        [image[r : r + step, c : c + step].mean(dtype=np.float64) for c in range(0, columns, step)]
        for r in range(0, rows, step)
    ]
    means = block_means(image, step)
    np.testing.assert_allclose(means, plain, atol=1 / 512)
    np.testing.assert_array_equal(block_means(255 - image, step), 255 - means)


@pytest.mark.parametrize("degrees", [0, 7, 30, 62, 90, 135, 200, 315])
def test_a_half_plane_has_one_edge_where_it_is(degrees):
    normal = np.array([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))])
    rows, columns = np.mgrid[:90, :70]
    distance = (rows - 44) * normal[0] + (columns - 33) * normal[1]
    found = straight_edges(distance > 5, 30)
    assert len(found) >= 1
    np.testing.assert_allclose(found[0, :2], normal, atol=0.02)
    assert found[0, 2] == pytest.approx(normal @ (44, 33) + 5, abs=2)
    share, fill, drop, way = across_line(
        (distance > 5).astype(np.float32), distance > 5, distance > -99, found[0]
    )
    assert fill > 0.99
    assert drop > 0.9
    assert found[0, 3] > 0.65 * way  # at 45 degrees more pixels lie along it than are its edge
    assert 0 < share < 0.6


def test_a_disc_and_nothing_have_no_straight_edge():
    rows, columns = np.mgrid[:80, :80]
    assert len(straight_edges((rows - 40) ** 2 + (columns - 40) ** 2 < 900, 40)) == 0
    assert len(straight_edges(np.zeros((5, 0), bool), 3)) == 0
    assert len(straight_edges(np.ones((20, 30), bool), 3)) == 0


@pytest.mark.parametrize("degrees", [-70, -20, 0, 33, 90])
def test_a_bar_is_the_same_line_by_line_at_any_tilt(degrees):
    rows, columns = np.mgrid[:120, :120].astype(np.float64)
    tilt = np.radians(degrees)
    along = (columns - 60) * np.sin(tilt) - (rows - 60) * np.cos(tilt)
    across = (columns - 60) * np.cos(tilt) + (rows - 60) * np.sin(tilt)
    bar = (abs(along) < 40) & (abs(across - 3) < 8)
    found = across_axis(bar, np.ones(bar.shape, np.float32), bar, (60, 60), degrees)
    middle = slice(5, -5)
    assert len(found.along) == pytest.approx(80, abs=3)
    np.testing.assert_allclose(found.pieces[middle], 1)
    np.testing.assert_allclose(found.width[middle], 16, atol=1.5)
    np.testing.assert_allclose(found.middle[middle], 3, atol=0.8)
    np.testing.assert_array_equal(found.touching, found.width)
    np.testing.assert_array_equal([found.cut_left[middle], found.cut_right[middle]], 1)


@pytest.mark.parametrize("centre", [(-60, 50), (-161, 50), (50, 900), (4000, -7000), (-1e6, 50)])
@pytest.mark.parametrize("degrees", [0, 25, -90])
def test_lines_are_the_same_wherever_on_the_image_or_off_it_their_centre_lies(centre, degrees):
    mask = np.zeros((100, 100), bool)
    mask[20:80, 45:55] = mask[30:40, 60:70] = True
    weights = np.random.default_rng(0).random(mask.shape, np.float32)
    # So far on along and across that lines and their pixels fall on the same places.
    tilt = np.radians(degrees)
    off = np.subtract(centre, 50)
    down, right = round(off @ (np.cos(tilt), -np.sin(tilt))), round(off @ (np.sin(tilt), np.cos(tilt)))
    there = (
        50 + down * np.cos(tilt) + right * np.sin(tilt),
        50 - down * np.sin(tilt) + right * np.cos(tilt),
    )
    near = across_axis(mask, weights, mask, (50, 50), degrees)
    far = across_axis(mask, weights, mask, there, degrees)
    assert len(near.along) >= 10
    np.testing.assert_array_equal(far.along + down, near.along)
    np.testing.assert_allclose(far.middle + right, near.middle, atol=1e-5)
    for name in ("pieces", "width", "touching", "weight"):
        np.testing.assert_array_equal(getattr(far, name), getattr(near, name))


@pytest.mark.parametrize(
    "wrong", [np.nan, np.inf, -np.inf, pytest.param(10**400, id="huge"), "5", None, 1e12]
)
def test_an_axis_goes_through_a_place_and_has_a_tilt(wrong):
    mask, weights = np.eye(9, dtype=bool), np.ones((9, 9), np.float32)
    for centre in ((wrong, 4), (4, wrong), wrong, (4, 4, 4)):
        with pytest.raises(ParameterError, match="centre"):
            across_axis(mask, weights, mask, centre, 0)
    if wrong != 1e12:
        with pytest.raises(ParameterError, match="degrees"):
            across_axis(mask, weights, mask, (4, 4), wrong)


def test_an_end_at_the_border_counts_by_the_width_of_its_piece():
    mask = np.zeros((1, 9), bool)
    mask[0, :2] = mask[0, 3:7] = True
    border = np.zeros_like(mask)
    border[0, 0] = True
    found = across_axis(mask, np.ones(mask.shape, np.float32), border, (0, 4), 0.0)
    assert (found.cut_left[0], found.cut_right[0]) == (0.5, 0)


def test_what_is_cut_at_one_end_only_says_on_which_side_the_middle_is():
    along = np.arange(20.0)
    seen = along.copy()
    seen[12:] -= 9.0
    whole, cut = np.zeros(20), np.where(along < 12, 0.0, 1.0)
    assert medial_slope(along, seen, whole, whole) < 0.7
    assert medial_slope(along, seen, whole, cut) == pytest.approx(1, abs=0.03)
    assert medial_slope(along, -seen, cut, whole) == pytest.approx(-1, abs=0.03)


def test_noise_alone_is_hardly_a_structure():
    grain = np.random.default_rng(0).normal(0, 5, (200, 200)).astype(np.float32)
    plain, told = local_structure(grain), local_structure(grain, 5.0)
    assert plain.mean() > 1.5
    assert np.median(told) < 0.7 * np.median(plain)
    # What is smooth has as much of it as most of the noise, and what is an edge nearly all that it had.
    assert local_structure(np.zeros_like(grain), 5.0).max() == np.median(told)
    grain[:, 100:] += 100
    edge = local_structure(grain)[:, 98:102].mean()
    assert local_structure(grain, 5.0)[:, 98:102].mean() > 0.97 * edge


@pytest.mark.parametrize("scale", [1e-38, 1e-5, 1, 1e30])
def test_images_go_with_each_other_however_small_their_range(scale):
    grey = np.random.default_rng(1).normal(0, scale, (64, 64)).astype(np.float32)
    mask = np.ones(grey.shape, bool)
    for other, expected in ((grey, 1), (-grey, -1), (np.full_like(grey, 0.1), 0)):
        assert correlation(grey, other, mask) == (pytest.approx(expected), grey.size)
        assert correlation(other, grey, mask) == (pytest.approx(expected), grey.size)
    assert correlation(grey, grey, ~mask) == (0, 0)


@pytest.mark.parametrize("level", [np.nan, np.inf, -np.inf])
def test_levels_that_are_not_finite_are_refused_where_they_count(level):
    grey = np.random.default_rng(1).random((20, 20), np.float32)
    holed, mask = grey.copy(), np.ones(grey.shape, bool)
    holed[3, 4] = level
    for pair in ((holed, grey), (grey, holed)):
        with pytest.raises(ParameterError, match="finite within the mask"):
            correlation(*pair, mask)
        assert correlation(*pair, np.isfinite(holed))[0] == pytest.approx(1)
    for air in (mask, ~mask):
        with pytest.raises(ParameterError, match="finite"):
            above_plane(holed, air)


@pytest.mark.parametrize("step", [1e-45, 1e-30, 1e-7, 1, 1e30])
def test_levels_are_counted_in_equal_steps_whatever_their_range(step):
    grey = np.float32(step) * np.arange(4, dtype=np.float32)[None]
    counts, low, high = masked_levels(grey, grey >= 0, 4)
    assert (counts.tolist(), low, high) == ([1, 1, 1, 1], 0, grey[0, 3])
    counts, low, high = masked_levels(grey, grey == grey[0, 2], 4)
    assert (counts.tolist(), low, high) == ([1, 0, 0, 0], grey[0, 2], grey[0, 2])


@given(arrays(np.uint8, _SHAPES, elements=st.integers(0, 6)), st.integers(1, 9), st.integers(0, 6))
def test_short_strokes_are_what_openings_by_lines_take_away(image, length, least):
    grey = image.astype(np.float32)
    expected = np.ones(grey.shape, bool)
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)):
        count = round((length - 1) / np.hypot(down, across)) + 1
        rim = 2 * length
        wide = np.pad(grey, rim, mode="edge")
        moved = [(step * down, step * across) for step in range(count)]
        least_from = np.min([np.roll(wide, (-y, -x), (0, 1)) for y, x in moved], axis=0)
        opened = np.max([np.roll(least_from, (y, x), (0, 1)) for y, x in moved], axis=0)
        expected &= grey - opened[rim:-rim, rim:-rim] > least
    np.testing.assert_array_equal(short_strokes(grey, length, least), expected)


@given(arrays(np.bool_, _SHAPES))
def test_what_reaches_the_border_is_told_by_the_boxes_of_components(mask):
    runs = runs_from_mask(mask)
    found = components(runs)
    reaches = (found.box[:, :2] == 0).any(axis=1) | (found.box[:, 2:] == mask.shape).any(axis=1)
    expected = runs_to_mask(keep_components(runs, found, reaches)) > 0
    np.testing.assert_array_equal(at_border(mask), expected)
    np.testing.assert_array_equal(at_border(np.asfortranarray(mask)), expected)


@given(arrays(np.bool_, _SHAPES))
def test_moments_are_those_of_the_pixels(mask):
    weights = np.random.default_rng(2).random(mask.shape, np.float32)
    runs, places = runs_from_mask(mask), np.argwhere(mask)
    for found, weight in ((moments(runs), np.ones(len(places))), (moments(runs, weights), weights[mask])):
        assert found.weight == pytest.approx(weight.sum(dtype=float))
        if not len(places):
            assert np.isnan(found.row)
            continue
        middle = np.average(places, axis=0, weights=weight)
        off = places - middle
        square = (off * weight[:, None]).T @ off / weight.sum(dtype=float)
        assert (found.row, found.column) == pytest.approx(tuple(middle))
        told = found.row_row, found.column_column, found.row_column
        np.testing.assert_allclose(told, square[[0, 1, 0], [0, 1, 1]], atol=1e-6)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 6)), min_size=1, max_size=40))
def test_a_weighted_median_is_the_middle_of_as_many_copies(pairs):
    values, weights = np.array(pairs, np.float32).T.copy()
    copies = np.sort(np.repeat(values, weights.astype(int)))
    assert weighted_median(values, weights) == copies[(len(copies) - 1) // 2]


def test_the_logarithms_of_a_structure_are_those_of_the_library():
    grey = np.random.default_rng(0).lognormal(0, 4, (60, 50)).astype(np.float32)
    wide = np.pad(grey.astype(float), 1, mode="edge")
    rough = grey - np.lib.stride_tricks.sliding_window_view(wide, (3, 3)).mean(axis=(2, 3))
    wide = np.pad(rough**2, 2, mode="edge")
    deviation = np.sqrt(np.lib.stride_tricks.sliding_window_view(wide, (5, 5)).mean(axis=(2, 3)))
    np.testing.assert_allclose(local_structure(grey), np.log1p(deviation), rtol=2e-4)
    assert local_structure(np.zeros((3, 3), np.float32)).tolist() == [[0] * 3] * 3


def test_wrong_arguments_are_named():
    image = np.zeros((4, 4), np.uint8)
    with pytest.raises(ParameterError, match="noise"):
        local_structure(image.astype(np.float32), -1.0)
    with pytest.raises(ParameterError, match="step"):
        block_means(image, 0)
    for shape in ((0, 4), ((1 << 24) + 1, 1)):
        with pytest.raises(ParameterError, match="1 to 16777216 pixels a side"):
            block_means(np.zeros(shape, np.uint8), 2)
    with pytest.raises(ParameterError, match="different shapes"):
        across_axis(image, np.zeros((4, 5), np.float32), image, (0, 0), 0)
    with pytest.raises(ParameterError, match="different shapes"):
        across_line(image.astype(np.float32), image > 0, np.zeros((2, 2), bool), np.ones(3))
    with pytest.raises(ParameterError, match="least"):
        straight_edges(image, 0)
    with pytest.raises(ParameterError, match="known must be bool"):
        straight_edges(np.eye(20, dtype=bool), 3, np.zeros((20, 20), np.uint8))
    nothing = np.zeros((0, 5), np.float32)
    with pytest.raises(ParameterError, match="no background"):
        above_plane(nothing, nothing > 0)
    with pytest.raises(ParameterError, match="no sides of a line"):
        across_line(nothing, nothing > 0, nothing > 0, np.ones(3))
    for bins in (0, 1, 65537, 2.5):
        with pytest.raises(ParameterError, match="bins"):
            masked_levels(np.zeros((4, 4), np.float32), image == 0, bins)


@pytest.mark.parametrize("levels", [[1, np.nan, 3], [np.inf, 1, 3], [-np.inf, np.inf, 3], [-3e38, 3e38, 0]])
def test_levels_are_counted_only_where_they_have_a_place(levels):
    grey = np.array([levels], np.float32)
    with pytest.raises(ParameterError, match="finite"):
        masked_levels(grey, np.ones((1, 3), bool), 8)
    assert masked_levels(grey, grey == levels[2], 8)[0].sum() == 1
