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
from isal import isal_zlib
from skimage.filters import threshold_otsu
from skimage.util import invert

from bench.peers.chains import (
    cv_alignment_moments,
    cv_alignment_pca,
    cv_axis_moments,
    cv_inversion,
    cv_parts,
    inverted,
    numpy_inversion,
    our_alignment,
    our_inversion,
    our_mask,
    our_parts,
    skimage_alignment,
)
from bench.peers.functions import (
    ANGLE,
    SetUp,
    as_partition,
    axis_tuple,
    call,
    cv_axis,
    cv_components,
    cv_corners,
    cv_morphology,
    cv_otsu,
    cv_rotate,
    cv_shrink,
    equal,
    numpy_axis,
    numpy_rotate,
    numpy_shrink,
    numpy_unfilter,
    numpy_up,
    on_mask,
    on_runs,
    one_level,
    our_components,
    our_morphology,
    our_unfilter,
    same_axis,
    same_inflated,
    same_mask,
    same_partition,
    shrunk_size,
    skimage_components,
    skimage_morphology,
    thresholded,
    zlib_runs,
)
from fxcore import kernels


@dataclass(frozen=True)
class Row:
    """One kernel or chain of kernels, and what else does the same.

    Attributes
    ----------
    name : str
    ours : callable
        Set-up of ours; where it takes `threads`, the kernels in it share their work among so many.
    peers : dict of str to callable
        Set-ups by library. They give the same result.
    same : callable
    rough : dict of str to callable
        Peers that answer less exactly by design: they are timed, not held equal.
    needs : callable
        Whether an image makes sense here.
    moved : callable
        Bytes that must at least be read and written for an image, whoever does it.
    """

    name: str
    ours: SetUp
    peers: dict[str, SetUp]
    same: Callable[[Any, Any], None]
    rough: dict[str, SetUp] = field(default_factory=dict)
    needs: Callable[[np.ndarray], bool] = field(default=lambda image: image.size > 0)
    moved: Callable[[np.ndarray], int] = field(default=lambda image: 2 * image.nbytes)


def several_levels(image: np.ndarray) -> bool:
    """Whether a threshold can separate anything: in one grey level OpenCV calls everything foreground."""
    return image.size > 0 and image.min() != image.max()


def read_once(image: np.ndarray) -> int:
    return image.nbytes


def read_runs(image: np.ndarray) -> int:
    return 8 * len(thresholded(image))


def rotated(image: np.ndarray) -> int:
    return image.nbytes + kernels.rotate(image, ANGLE).nbytes


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
        moved=read_once,
    ),
    Row(
        "otsu_threshold",
        call(kernels.otsu_threshold),
        {"OpenCV": call(lambda image: cv_otsu(image)[0])},
        equal,
        rough={"scikit-image": call(threshold_otsu)},
        needs=several_levels,
        moved=read_once,
    ),
    Row(
        "runs_from_image",
        call(lambda image: kernels.runs_from_image(image, LEVEL)),
        {"OpenCV": call(lambda image: cv2.threshold(image, LEVEL, 255, cv2.THRESH_BINARY)[1])},
        same_mask,
        moved=read_once,
    ),
    Row(
        "runs_from_mask",
        on_mask(kernels.runs_from_mask),
        {"NumPy": on_mask(lambda mask: mask.copy())},
        same_mask,
        moved=read_once,
    ),
    Row(
        "components",
        our_components,
        {"OpenCV": cv_components, "scikit-image": skimage_components},
        lambda ours, theirs: same_partition(as_partition(ours), as_partition(theirs)),
        moved=read_runs,
    ),
    *(
        Row(
            f"{name}_rectangle {height}x{width}",
            our_morphology(getattr(kernels, f"{name}_rectangle"), height, width),
            {"OpenCV": cv_morphology(operation, height, width)},
            same_mask,
            # It treats the image's border in its own way.
            rough={"scikit-image": skimage_morphology(name, height, width)} if height == width else {},
            moved=read_runs,
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
        {
            "OpenCV moments": on_mask(cv_axis_moments),
            "OpenCV PCACompute2": on_mask(cv_axis),
            "NumPy": on_mask(numpy_axis),
        },
        same_axis,
        needs=several_levels,
        moved=read_runs,
    ),
    Row(
        "rotate",
        call(lambda image: kernels.rotate(image, ANGLE)),
        {"NumPy": call(numpy_rotate)},
        one_level,
        rough={"OpenCV": cv_rotate},
        moved=rotated,
    ),
    Row(
        "shrink",
        call(lambda image: kernels.shrink(image, *shrunk_size(image))),
        {"NumPy": call(numpy_shrink)},
        equal,
        rough={"OpenCV": call(cv_shrink)},
        moved=read_once,
    ),
    Row(
        "invert",
        call(kernels.invert),
        {
            "OpenCV": call(cv2.bitwise_not),
            "NumPy": call(lambda image: 255 - image),
            "scikit-image": call(invert),
        },
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
        moved=read_once,
    ),
    Row(
        "png_unfilter",
        our_unfilter,
        {"NumPy": numpy_unfilter},
        equal,
    ),
    Row(
        "png_deflate",
        call(kernels.png_deflate),
        {
            "NumPy, ISA-L": call(lambda image: isal_zlib.compress(numpy_up(image), 1)),
            "NumPy, zlib, runs and codes only": call(lambda image: zlib_runs(numpy_up(image))),
        },
        same_inflated,
    ),
    Row(
        "runs_to_mask",
        on_runs(kernels.runs_to_mask),
        {"OpenCV": call(lambda image: cv_otsu(image)[1])},
        equal,
        needs=several_levels,
        moved=read_once,
    ),
    Row(
        "corner_means",
        call(lambda image: kernels.corner_means(image, 50, 50)),
        {"OpenCV": call(cv_corners)},
        np.testing.assert_allclose,
        moved=lambda image: 4 * 50 * 50,
    ),
    Row(
        "Otsu to a mask",
        our_mask,
        {"OpenCV": call(lambda image: cv_otsu(image)[1])},
        same_mask,
        needs=several_levels,
    ),
    Row(
        "inversion test, inversion",
        inverted(our_inversion),
        {"OpenCV": inverted(cv_inversion), "NumPy": inverted(numpy_inversion)},
        equal,
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
        {"OpenCV moments": cv_alignment_moments, "OpenCV PCACompute2": cv_alignment_pca},
        same_axis,
        rough={"scikit-image, scikit-learn": skimage_alignment},
        needs=several_levels,
    ),
)
