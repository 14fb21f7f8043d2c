"""The one table of peers: what each kernel is held against, for the parity tests and the benchmarks.

A set-up takes an image (``uint8``, rows × columns), does all that is not to be measured, and returns a
callable without arguments that does the work. ``same`` asserts that two results agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from bench.peers.functions import (
    ANGLE,
    SetUp,
    as_partition,
    axis_tuple,
    call,
    cv_alignment,
    cv_axis,
    cv_components,
    cv_corners,
    cv_morphology,
    cv_otsu,
    cv_parts,
    cv_rotate,
    equal,
    numpy_axis,
    numpy_rotate,
    numpy_unfilter,
    numpy_up,
    on_mask,
    on_runs,
    one_level,
    our_alignment,
    our_components,
    our_morphology,
    our_parts,
    our_unfilter,
    same_axis,
    same_mask,
    same_partition,
    skimage_components,
)
from fxcore import kernels


@dataclass(frozen=True)
class Row:
    """One kernel or chain of kernels, and what else does the same.

    The peers in `rough` answer less exactly by design: they are timed, not held equal.
    """

    name: str
    ours: SetUp
    peers: dict[str, SetUp]
    same: Callable[[Any, Any], None]
    rough: dict[str, SetUp] = field(default_factory=dict)
    needs: Callable[[np.ndarray], bool] = field(default=lambda image: image.size > 0)


def several_levels(image: np.ndarray) -> bool:
    """Whether a threshold can separate anything: in one grey level OpenCV calls everything foreground."""
    return image.size > 0 and image.min() != image.max()


SIDES = ((15, 15), (1, 7), (9, 1), (3, 41))
LEVEL = 90
LEVELS = np.random.default_rng(1).integers(0, 256, 256).astype(np.uint8)

TABLE: tuple[Row, ...] = (
    Row(
        "copy (the floor)",
        call(lambda image: image.copy()),
        {"OpenCV": call(lambda image: cv2.copyTo(image, None))},
        equal,
    ),
    Row(
        "histogram",
        call(kernels.histogram),
        {
            "OpenCV": call(lambda image: cv2.calcHist([image], [0], None, [256], [0, 256]).reshape(-1)),
            "NumPy": call(lambda image: np.bincount(image.reshape(-1), minlength=256)),
        },
        equal,
    ),
    Row(
        "otsu_threshold",
        call(kernels.otsu_threshold),
        {"OpenCV": call(lambda image: cv_otsu(image)[0])},
        equal,
        needs=several_levels,
    ),
    Row(
        "runs_from_image",
        call(lambda image: kernels.runs_from_image(image, LEVEL)),
        {"OpenCV": call(lambda image: cv2.threshold(image, LEVEL, 255, cv2.THRESH_BINARY)[1])},
        same_mask,
    ),
    Row(
        "runs_from_mask",
        on_mask(kernels.runs_from_mask),
        {"NumPy": on_mask(lambda mask: mask.copy())},
        same_mask,
    ),
    Row(
        "components",
        our_components,
        {"OpenCV": cv_components, "scikit-image": skimage_components},
        lambda ours, theirs: same_partition(as_partition(ours), as_partition(theirs)),
    ),
    *(
        Row(
            f"{name}_rectangle {height}x{width}",
            our_morphology(getattr(kernels, f"{name}_rectangle"), height, width),
            {"OpenCV": cv_morphology(operation, height, width)},
            same_mask,
        )
        for height, width in SIDES
        for name, operation in (
            ("dilate", cv2.MORPH_DILATE),
            ("erode", cv2.MORPH_ERODE),
            ("close", cv2.MORPH_CLOSE),
            ("open", cv2.MORPH_OPEN),
        )
    ),
    Row(
        "principal_axis",
        on_runs(lambda runs: axis_tuple(kernels.principal_axis(runs))),
        {"OpenCV": on_mask(cv_axis), "NumPy": on_mask(numpy_axis)},
        same_axis,
        needs=several_levels,
    ),
    Row(
        "rotate",
        call(lambda image: kernels.rotate(image, ANGLE)),
        {"NumPy": call(numpy_rotate)},
        one_level,
        rough={"OpenCV": cv_rotate},
    ),
    Row(
        "invert",
        call(kernels.invert),
        {"OpenCV": call(cv2.bitwise_not), "NumPy": call(lambda image: 255 - image)},
        equal,
    ),
    Row(
        "apply_table",
        call(lambda image: kernels.apply_table(image, LEVELS)),
        {
            "OpenCV": call(lambda image: cv2.LUT(image, LEVELS)),
            "NumPy": call(lambda image: LEVELS[image]),
        },
        equal,
    ),
    Row(
        "pixel_sums",
        call(kernels.pixel_sums),
        {
            "NumPy": call(lambda image: (int(image.sum()), int((image.astype(np.int64) ** 2).sum()))),
        },
        equal,
    ),
    Row(
        "png_filter_up",
        call(kernels.png_filter_up),
        {"NumPy": call(numpy_up)},
        equal,
    ),
    Row(
        "png_unfilter",
        our_unfilter,
        {"NumPy": numpy_unfilter},
        equal,
    ),
    Row(
        "runs_to_mask",
        on_runs(kernels.runs_to_mask),
        {"OpenCV": call(lambda image: cv_otsu(image)[1])},
        equal,
        needs=several_levels,
    ),
    Row(
        "corner_means",
        call(lambda image: kernels.corner_means(image, 50, 50)),
        {"OpenCV": call(cv_corners)},
        np.testing.assert_allclose,
    ),
    Row(
        "Otsu, components, drop small, components",
        our_parts,
        {"OpenCV": cv_parts},
        lambda ours, theirs: same_partition(as_partition(ours), as_partition(theirs)),
        needs=several_levels,
    ),
    Row(
        "Otsu, close 15x15, open 15x15, axis",
        our_alignment,
        {"OpenCV": cv_alignment},
        same_axis,
        needs=several_levels,
    ),
)
