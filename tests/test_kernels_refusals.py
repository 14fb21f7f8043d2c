"""What the kernels refuse, and that the message says what is wrong and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fxcore import kernels
from fxcore.errors import ParameterError

_NOISE = np.random.default_rng(11).integers(0, 256, (83, 140)).astype(np.uint8)

_RUNS = kernels.runs_from_mask(np.eye(4, dtype=np.uint8))
_FOUND = kernels.components(_RUNS)
_TWO = np.array([0.0, 1.0])
_EYE = np.eye(4, dtype=np.uint8)

REFUSED: dict[str, Callable[[], object]] = {
    "float image": lambda: kernels.histogram(np.zeros((2, 2))),
    "three dimensions": lambda: kernels.runs_from_mask(np.zeros((2, 2, 2), np.uint8)),
    "a list": lambda: kernels.otsu_threshold([[1]]),  # type: ignore[arg-type]
    "other byte order": lambda: kernels.histogram(np.zeros((2, 2), ">u2")),
    "threshold of 256": lambda: kernels.runs_from_image(_EYE, 256),
    "threshold of -1": lambda: kernels.runs_from_image(_EYE, -1),
    "threshold of 1.5": lambda: kernels.runs_from_image(_EYE, 1.5),  # type: ignore[arg-type]
    "neither image nor histogram": lambda: kernels.otsu_threshold(),
    "histogram of 100 levels": lambda: kernels.otsu_threshold(hist=np.zeros(100, int)),
    "negative histogram": lambda: kernels.otsu_threshold(hist=np.full(256, -1)),
    "even rectangle": lambda: kernels.dilate_rectangle(_RUNS, 4, 3),
    "rectangle of 0": lambda: kernels.erode_rectangle(_RUNS, 3, 0),
    "keep of wrong length": lambda: kernels.keep_components(_RUNS, _FOUND, np.ones(2, bool)),
    "keep of integers": lambda: kernels.keep_components(_RUNS, _FOUND, np.ones(1, np.uint8)),
    "components of others": lambda: kernels.keep_components(
        kernels.runs_from_mask(np.ones((1, 1), np.uint8)), _FOUND, np.ones(1, bool)
    ),
    "kept by too few": lambda: _FOUND.kept(np.ones(0, bool)),
    "kept with a label beyond the components": lambda: kernels.Components(
        1, _FOUND.label + np.int32(1), _FOUND.area, _FOUND.box
    ).kept(np.zeros(1, bool)),
    "label that is not": lambda: kernels.crop_without(_EYE, _RUNS, _FOUND, 1, (0, 0, 4, 4)),
    "box outside": lambda: kernels.crop_without(_EYE, _RUNS, _FOUND, 0, (0, 0, 5, 4)),
    "empty box": lambda: kernels.crop_without(_EYE, _RUNS, _FOUND, 0, (2, 0, 2, 4)),
    "image of another size": lambda: kernels.crop_without(_NOISE, _RUNS, _FOUND, 0, (0, 0, 4, 4)),
    "mask beyond 64-bit moments": lambda: kernels.principal_axis(
        kernels.Runs((40000, 40000), np.zeros(40001, np.int32), *[np.zeros(0, np.int32)] * 2)
    ),
    "runs of another height": lambda: kernels.Runs((5, 4), _RUNS.row_start, _RUNS.start, _RUNS.stop),
    "runs of int64": lambda: kernels.Runs((4, 4), _RUNS.row_start.astype(np.int64), _RUNS.start, _RUNS.stop),
    "strided runs": lambda: kernels.Runs((4, 4), np.repeat(_RUNS.row_start, 2)[::2], _RUNS.start, _RUNS.stop),
    "fewer starts than runs": lambda: kernels.Runs((4, 4), _RUNS.row_start, _RUNS.start[1:], _RUNS.stop),
    "row_start beyond its runs": lambda: kernels.Runs.checked((2, 9), [0, 5, 2], [1, 1], [2, 2]),
    "row_start that begins late": lambda: kernels.Runs.checked((1, 9), [1, 2], [1, 1], [2, 2]),
    "a run without pixels": lambda: kernels.Runs.checked((1, 9), [0, 1], [3], [3]),
    "a run beyond the border": lambda: kernels.Runs.checked((1, 9), [0, 1], [3], [10]),
    "a run before the border": lambda: kernels.Runs.checked((1, 9), [0, 1], [-1], [3]),
    "runs that touch": lambda: kernels.Runs.checked((1, 9), [0, 2], [1, 3], [3, 5]),
    "runs out of order": lambda: kernels.Runs.checked((1, 9), [0, 2], [5, 1], [7, 3]),
    "runs of floats": lambda: kernels.Runs.checked((1, 9), [0, 1], [0.5], [3]),
    "runs beyond 32 bits": lambda: kernels.Runs.checked((1, 9), [0, 1], [2**32], [2**32 + 3]),
    "areas of too many components": lambda: kernels.Components(2, _FOUND.label, _FOUND.area, _FOUND.box),
    "labels of int64": lambda: kernels.Components(1, _FOUND.label.astype(np.int64), _FOUND.area, _FOUND.box),
    "a label beyond the components": lambda: kernels.keep_components(
        _RUNS, kernels.Components(1, _FOUND.label + np.int32(1), _FOUND.area, _FOUND.box), np.ones(1, bool)
    ),
    "a label below 0": lambda: kernels.keep_components(
        _RUNS, kernels.Components(1, _FOUND.label - np.int32(1), _FOUND.area, _FOUND.box), np.ones(1, bool)
    ),
    "rotating nothing": lambda: kernels.rotate(np.zeros((0, 4), np.uint8), 3),
    "an angle that is no number": lambda: kernels.rotate(_EYE, math.nan),
    "rotating 32 bits": lambda: kernels.rotate(_EYE.astype(np.uint32), 3),
    "fill of 256": lambda: kernels.rotate(_EYE, 3, fill=256),
    "shrinking nothing": lambda: kernels.shrink(np.zeros((0, 4), np.uint8), 1, 1),
    "shrinking to more rows": lambda: kernels.shrink(_EYE, 5, 4),
    "shrinking to no columns": lambda: kernels.shrink(_EYE, 4, 0),
    "shrinking 16 bits": lambda: kernels.shrink(_EYE.astype(np.uint16), 2, 2),
    "corners of nothing": lambda: kernels.corner_means(np.zeros((4, 0), np.uint8), 1, 1),
    "corner without pixels": lambda: kernels.corner_means(_EYE, 0, 1),
    "out of another size": lambda: kernels.invert(_EYE, out=np.zeros((2, 2), np.uint8)),
    "table too short": lambda: kernels.apply_table(_EYE.astype(np.int16), np.zeros(256, np.uint8)),
    "table of int64": lambda: kernels.apply_table(_EYE, np.zeros(256, int)),
    "values of 32 bits": lambda: kernels.apply_table(np.zeros(3, np.int32), np.zeros(256, np.uint8)),
    "scanlines too short": lambda: kernels.png_unfilter(bytes(5), 2, 2),
    "filter type 5": lambda: kernels.png_unfilter(bytes([0, 1, 1, 5, 1, 1]), 2, 2),
    "filter type 9 of no columns": lambda: kernels.png_unfilter(bytes([0, 9]), 2, 0),
    "no segments": lambda: kernels.unpack_planes(bytes(4), [], 1),
    "a segment past the end": lambda: kernels.unpack_planes(bytes(4), [(0, 5)], 1),
    "a segment before the start": lambda: kernels.unpack_planes(bytes(4), [(-1, 2)], 1),
    "a segment that ends first": lambda: kernels.unpack_planes(bytes(4), [(3, 2)], 1),
    "runs of int16": lambda: kernels.unpack_planes(np.zeros(4, np.int16), [(0, 4)], 1),  # type: ignore[arg-type]
    "fewer than no pixels": lambda: kernels.unpack_planes(bytes(4), [(0, 4)], -1),
    "scanlines of int16": lambda: kernels.png_unfilter(np.zeros(6, np.int16), 2, 2),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_refusals_say_what_is_wrong(refused: Callable[[], object]) -> None:
    with pytest.raises(ParameterError) as caught:
        refused()
    assert len(str(caught.value)) > 20


_MASKED = np.ma.MaskedArray(_EYE, _EYE > 0)
_LONG = np.zeros((1, 70000), np.uint8)


def _cropped(box: Any) -> object:
    return kernels.crop_without(_EYE, _RUNS, _FOUND, 0, box)


def _unpacked(segments: Any) -> object:
    return kernels.unpack_planes(bytes(4), segments, 1)


SAID: dict[str, tuple[Callable[[], object], str]] = {
    "a masked image": (lambda: kernels.histogram(_MASKED), "image is a masked array; give a plain one"),
    "masked sums": (lambda: kernels.pixel_sums(_MASKED), "image is a masked array"),
    "a masked negative": (lambda: kernels.invert(_MASKED), "image is a masked array"),
    "masked values": (lambda: kernels.apply_table(_MASKED, np.zeros(256, np.uint8)), "values is a masked"),
    "a masked histogram": (lambda: kernels.otsu_threshold(hist=np.ma.zeros(256, int)), "hist is a masked"),
    "masked flags": (lambda: kernels.keep_components(_RUNS, _FOUND, np.ma.ones(1, bool)), "keep is a masked"),
    "masked bytes": (lambda: kernels.png_unfilter(np.ma.zeros(6, np.uint8), 2, 2), "raw is a masked"),
    "a wide image without pixels": (
        lambda: kernels.histogram(np.zeros((0, 2**31), np.uint8)),
        "image of 0 × 2147483648 is too large: 2147483647 pixels are the most",
    ),
    "a canvas beyond 32 bits": (
        lambda: kernels.rotate(_LONG, 45),
        r"1 × 70000 pixels fill 49499 × 49499, which are 2450151001; 2147483647 are the most",
    ),
    "an angle that is none": (lambda: kernels.rotate(_EYE, None), "degrees must be a finite number"),
    "an angle in words": (lambda: kernels.rotate(_EYE, "30"), "must be a finite number, not '30'"),
    "an angle beyond floats": (lambda: kernels.rotate(_EYE, 10**400), "must be a finite number, not 10"),
    "a box between pixels": (lambda: _cropped((0.9, 0, 3.9, 3)), "box must be an integer, not 0.9"),
    "a box in words": (lambda: _cropped(("0", 0, 3, 3)), "box must be an integer, not '0'"),
    "a box of 3": (lambda: _cropped((0, 3, 3)), r"box must have 4 values, not be \(0, 3, 3\)"),
    "a box that is none": (lambda: _cropped(None), "box must have 4 values, not be None"),
    "a segment of floats": (lambda: _unpacked([(0.0, 2.0)]), "segment must be an integer, not 0.0"),
    "a segment without an end": (lambda: _unpacked([(0,)]), "segment must have 2 values"),
    "segments that are none": (lambda: _unpacked([5]), "segment must have 2 values, not be 5"),
    "more pixels than can be summed": (
        lambda: kernels.otsu_threshold(hist=np.full(65536, 2**40)),
        "hist counts 72057594037927936 pixels; at 65536 levels 70368744177664 are the most",
    ),
    "more pixels than 63 bits": (
        lambda: kernels.otsu_threshold(hist=np.full(256, 2**63, np.uint64)),
        "at 256 levels 18014398509481984 are the most",
    ),
    "a table of floats": (lambda: kernels.apply_table(_EYE, np.zeros(256)), "not float64 of shape"),
    **{
        f"a mask for {take.__name__}": (lambda take=take: take(_EYE), "by runs_from_mask")
        for take in (kernels.components, kernels.principal_axis, kernels.runs_to_mask)
    },
    **{
        f"a mask for {take.__name__}": (lambda take=take: take(_EYE, 3, 3), "by runs_from_mask")
        for take in (kernels.close_rectangle, kernels.dilate_rectangle)
    },
    "a mask and components": (
        lambda: kernels.keep_components(_EYE, _FOUND, np.ones(1, bool)),  # type: ignore[arg-type]
        "by runs_from_mask",
    ),
    "points in lists": (lambda: kernels.medial_slope(*[[0.0, 1.0]] * 4), "along must be"),  # type: ignore[arg-type]
    "points that are no numbers": (
        lambda: kernels.medial_slope(_TWO, _TWO * math.nan, _TWO * 0, _TWO * 0),
        "finite",
    ),
    "a cut of more than all": (
        lambda: kernels.medial_slope(_TWO, _TWO, _TWO * 0, _TWO * 2),
        r"in 0\.\.1",
    ),
    "a line without an offset": (
        lambda: kernels.across_line(_EYE.astype(np.float32), _EYE > 0, _EYE > 0, np.array([0.0, 1.0])),
        "line must have 3 values",
    ),
    "a noise past 32 bits": (lambda: kernels.local_structure(_EYE.astype(np.float32), 1e30), "noise"),
    "a noise that is a text": (
        lambda: kernels.local_structure(_EYE.astype(np.float32), "a"),  # type: ignore[arg-type]
        "noise must be a finite number",
    ),
    "strokes of no length": (lambda: kernels.short_strokes(_EYE.astype(np.float32), 0, 1.0), "length"),
    "strokes below all": (lambda: kernels.short_strokes(_EYE.astype(np.float32), 3, -1.0), "least"),
    "weights of another mask": (
        lambda: kernels.moments(_RUNS, np.ones((2, 2), np.float32)),
        "weights of shape",
    ),
    "weights that are no numbers": (
        lambda: kernels.moments(_RUNS, np.full(_RUNS.shape, np.nan, np.float32)),
        "weights must be finite",
    ),
    "a median of nothing": (lambda: kernels.weighted_median(*np.ones((2, 0), np.float32)), "no pairs"),
    "a median of doubles": (lambda: kernels.weighted_median(_TWO, _TWO), "must be float32"),
    "a median without weight": (lambda: kernels.weighted_median(*np.zeros((2, 3), np.float32)), "above 0"),
    "a list to invert into": (lambda: kernels.invert(_EYE, out=[]), "out must be"),  # type: ignore[arg-type]
    "a shape of one side": (
        lambda: kernels.jpeg_ls_scan(b"\0", 0, (1,), precision=8),  # type: ignore[arg-type]
        "shape must have 2 values",
    ),
    "one threshold": (
        lambda: kernels.jpeg_ls_scan(b"\0", 0, (1, 1), precision=8, thresholds=(1,)),  # type: ignore[arg-type]
        "thresholds must have 3 values",
    ),
}


@pytest.mark.parametrize(("refused", "words"), SAID.values(), ids=SAID.keys())
def test_refusals_name_the_value_and_the_limit(refused: Callable[[], object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        refused()


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_an_array_as_any_other() -> None:
    matrix, table = np.matrix(_NOISE), np.arange(256, dtype=np.uint8)[::-1].copy()
    calls: list[Callable[[np.ndarray], object]] = [
        kernels.histogram, kernels.pixel_sums, kernels.invert, kernels.otsu_threshold,
        lambda image: kernels.apply_table(image, table), lambda image: kernels.rotate(image, 12.0),
    ]  # fmt: skip
    for call in calls:
        np.testing.assert_array_equal(call(matrix), call(_NOISE))
        assert type(call(matrix)) is type(call(_NOISE))


def test_segments_may_be_an_array() -> None:
    packed, segments = bytes([254, 7, 2, 1, 2, 3]), [(2, 6), (0, 2)]
    expected = kernels.unpack_planes(packed, segments, 3)
    np.testing.assert_array_equal(kernels.unpack_planes(packed, np.array(segments), 3), expected)
    np.testing.assert_array_equal(
        kernels.unpack_planes(packed, np.array(segments[:1]), 3)[:, 0], expected[:, 0]
    )


@pytest.mark.parametrize("levels", [256, 65536])
def test_the_largest_histograms_have_the_threshold_of_smaller_ones(levels: int) -> None:
    hist = np.random.default_rng(0).integers(1, 9, levels)
    largest = 2**62 // levels // int(hist.sum())
    for count in (hist * largest, (hist * largest).astype(np.uint64)):
        assert kernels.otsu_threshold(hist=count) == kernels.otsu_threshold(hist=hist)
