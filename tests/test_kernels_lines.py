"""Straight edges, against the same vote counted pixel by pixel in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxcore.errors import ParameterError
from fxcore.kernels import straight_edges


def plain_edges(mask):
    """Return row, column and gradient of the edge pixels, from the definition."""
    wide = np.pad(mask.astype(int), 3, mode="edge")
    away = np.arange(-3, 4)
    for r, c in np.argwhere(mask):
        cross = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
        if all(wide[y + 3, x + 3] for y, x in cross):
            continue
        window = wide[r : r + 7, c : c + 7]
        down, across = int((window.sum(1) * away).sum()), int((window.sum(0) * away).sum())
        if down or across:
            yield int(r), int(c), down, across


def plain_votes(edges, tilt):
    """Return for each quarter the votes by distance: of pixels whose gradient is within 20 degrees."""
    counted = [{}, {}, {}, {}]
    for r, c, down, across in edges:
        own = math.floor(math.degrees(math.atan2(down, across)))
        for quarter in range(4):
            angle = tilt + 90 * quarter
            if (own - angle + 180) % 360 - 180 in range(-20, 20):
                normal = math.sin(math.radians(angle)), math.cos(math.radians(angle))
                distance = math.floor(r * normal[0] + c * normal[1] + 0.5)
                counted[quarter][distance] = counted[quarter].get(distance, 0) + 1
    return counted


def longest(votes):
    return max((n + votes.get(d + 1, 0) for d, n in votes.items()), default=0)


def plain_support(edges, least):
    """Return the most edge pixels that the longest lines of one tilt hold, and the tilts that have them."""
    totals = [sum(n for v in plain_votes(edges, t) if (n := longest(v)) >= least) for t in range(90)]
    return max(totals), {t for t in range(90) if totals[t] == max(totals)}


@st.composite
def masks(draw):
    """Half planes of any tilt, joined or cut out of each other, with specks."""
    shape = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    rows, columns = np.indices(shape)
    mask = np.zeros(shape, bool)
    for _ in range(draw(st.integers(0, 3))):
        angle, offset = draw(st.floats(0, 6.28)), draw(st.floats(-4, 24))
        half = rows * math.sin(angle) + columns * math.cos(angle) > offset
        mask = mask | half if draw(st.booleans()) else mask & ~half
    specks = np.random.default_rng(draw(st.integers(0, 99))).random(shape)
    return mask ^ (specks < draw(st.sampled_from([0, 0.03, 0.5])))


@settings(max_examples=120, deadline=None)
@given(mask=masks(), least=st.integers(1, 12), box=st.none() | st.tuples(*[st.integers(0, 24)] * 4))
def test_lines_are_those_that_hold_the_most_edge_pixels(mask, least, box):
    known = None
    edges = list(plain_edges(mask))
    if box:
        known = np.zeros(mask.shape, bool)
        known[min(box[:2]) : max(box[:2]), min(box[2:]) : max(box[2:])] = True
        edges = [edge for edge in edges if not known[edge[0], edge[1]]]
    found = straight_edges(mask, least, known)
    most, tilts = plain_support(edges, least)
    if not most:
        assert len(found) == 0
        return
    # The longest of each of the four directions; those after it are what their removal leaves.
    directions = {}
    for line in found:
        directions.setdefault(tuple(line[:2].round(9)), []).append(line)
    degrees = {round(math.degrees(math.atan2(down, across))) % 90 for down, across in directions}
    assert degrees <= tilts
    assert len(degrees) == 1
    votes = plain_votes(edges, degrees.pop())
    assert sorted(n for v in votes if (n := longest(v)) >= least) == sorted(
        lines[0][3] for lines in directions.values()
    )
    assert sum(lines[0][3] for lines in directions.values()) == most
    assert np.all(np.diff(found[:, 3]) <= 0)
    assert found[:, 3].min() >= least
    for (down, across), lines in directions.items():
        counted = votes[round((math.degrees(math.atan2(down, across)) % 360) // 90)]
        inner = math.floor(lines[0][2] + 0.5)
        # The line runs before the first of its two distances that has votes enough.
        assert max(counted.get(inner, 0) + counted.get(inner + k, 0) for k in (-1, 1)) >= lines[0][3]


def test_a_pixel_without_a_gradient_votes_for_nothing():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert len(straight_edges(mask, 1)) == 0


def test_what_is_known_lets_a_shorter_edge_be_found():
    rows, columns = np.indices((60, 80))
    long, short = columns > 60, rows * 0.9397 + columns * 0.3420 < 15
    assert abs(straight_edges(long | short, 20)[0][:2] - (0, 1)).max() < 0.02
    known = abs(columns - 60) < 3
    np.testing.assert_allclose(straight_edges(long | short, 20, known)[0, :2], (-0.94, -0.34), atol=0.02)
    with pytest.raises(ParameterError, match="different shapes"):
        straight_edges(long, 20, known[:-1])


@pytest.mark.parametrize("kind", [np.uint8, np.bool_])
def test_a_mask_of_either_type_and_any_strides(kind):
    mask = np.zeros((40, 60), kind)
    mask[:, ::2][:, 20:] = 3
    mask[:, 1::2][:, 20:] = 1
    np.testing.assert_array_equal(straight_edges(mask, 20), straight_edges(mask.T, 20)[:, [1, 0, 2, 3]])
