"""The chains of kernels that the steps are made of, and what an expert writes for each instead."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from skimage.filters import threshold_otsu
from skimage.morphology import closing, footprint_rectangle, opening
from sklearn.decomposition import PCA

from bench.peers.functions import axis_tuple, cv_axis, cv_otsu, extent_ratio
from fxcore import kernels

# The rectangle of the alignment chain, and the fraction of the image below which the splitter drops.
SIDE = 15
LEAST_PART = 1000

# Corner windows and threshold of the inversion test, as the colour inversion step has them.
WINDOW = 0.05
BRIGHT = 100.0


def threaded(function: Callable[..., Any], threads: int) -> Callable[..., Any]:
    """Return `function` working on `threads` threads where it can, or as it is where it cannot."""
    return partial(function, threads=threads) if threads > 1 and takes_threads(function) else function


def takes_threads(function: Callable[..., Any]) -> bool:
    """Tell whether a kernel can share its work among threads."""
    return "threads" in inspect.signature(function).parameters


def our_otsu_mask(image: np.ndarray, threads: int = 1) -> kernels.Runs:
    threshold = threaded(kernels.otsu_threshold, threads)(image)
    return threaded(kernels.runs_from_image, threads)(image, threshold)


def our_mask(image: np.ndarray, threads: int = 1) -> Callable[[], Any]:
    return lambda: our_otsu_mask(image, threads)


def our_parts(image: np.ndarray, threads: int = 1) -> Callable[[], Any]:
    least = image.size // LEAST_PART

    def work() -> Any:
        runs = our_otsu_mask(image, threads)
        found = kernels.components(runs)
        keep = found.area >= least
        return kernels.keep_components(runs, found, keep), found.kept(keep)

    return work


def cv_parts(image: np.ndarray) -> Callable[[], Any]:
    least = image.size // LEAST_PART

    def work() -> Any:
        _, mask = cv_otsu(image)
        _, label, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        keep = (stats[:, cv2.CC_STAT_AREA] >= least).astype(np.uint8) * 255
        keep[0] = 0
        return cv2.connectedComponentsWithStats(keep[label], connectivity=8)

    return work


def our_alignment(image: np.ndarray, threads: int = 1) -> Callable[[], Any]:
    def work() -> Any:
        runs = our_otsu_mask(image, threads)
        closed = threaded(kernels.close_rectangle, threads)(runs, SIDE, SIDE)
        runs = threaded(kernels.open_rectangle, threads)(closed, SIDE, SIDE)
        return axis_tuple(kernels.principal_axis(runs))

    return work


def cv_alignment(axis: Callable[[np.ndarray], tuple[float, ...]]) -> Callable[..., Callable[[], Any]]:
    """Return the set-up of OpenCV's chain that ends in `axis`."""

    def set_up(image: np.ndarray) -> Callable[[], Any]:
        element = np.ones((SIDE, SIDE), np.uint8)

        def work() -> Any:
            _, mask = cv_otsu(image)
            mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, element)
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, element)
            return axis(mask) if mask.any() else (math.nan, math.nan, 0.0, 1.0)

        return work

    return set_up


cv_alignment_moments = cv_alignment(lambda mask: cv_axis_moments(mask))
cv_alignment_pca = cv_alignment(cv_axis)


def cv_axis_moments(mask: np.ndarray) -> tuple[float, ...]:
    """Centroid, direction and elongation from second-order moments: the fastest way OpenCV has."""
    m = cv2.moments(mask, binaryImage=True)
    area = m["m00"]
    xx, xy, yy = m["mu20"] / area, m["mu11"] / area, m["mu02"] / area
    spread = math.hypot(xx - yy, 2 * xy)
    major, minor = (xx + yy + spread) / 2, (xx + yy - spread) / 2
    # The angle from the vertical, counter-clockwise as seen on a screen.
    angle = math.degrees(math.atan2(2 * xy, xx - yy) / 2) + 90
    return m["m01"] / area, m["m10"] / area, angle, extent_ratio(major, minor)


def skimage_alignment(image: np.ndarray) -> Callable[[], Any]:
    footprint = footprint_rectangle((SIDE, SIDE), decomposition="separable")

    def work() -> Any:
        mask = image > threshold_otsu(image)
        mask = closing(mask, footprint)
        mask = opening(mask, footprint)
        points = np.argwhere(mask)
        if len(points) < 2:
            return math.nan, math.nan, 0.0, 1.0
        found = PCA(n_components=2).fit(points)
        (row, col), (down, right) = found.mean_, found.components_[0]
        major, minor = found.explained_variance_
        angle = math.degrees(math.atan2(right, -down))
        return row, col, angle, math.sqrt(major / minor) if minor > 0 else math.inf

    return work


def _corner(image: np.ndarray) -> tuple[int, int]:
    return max(1, round(image.shape[0] * WINDOW)), max(1, round(image.shape[1] * WINDOW))


def inverted(work: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Callable[[], Any]]:
    """Hand `work` the image or its negative, whichever has bright corners and so has to be inverted."""

    def set_up(image: np.ndarray) -> Callable[[], Any]:
        r, c = _corner(image)
        corners = (image[:r, :c], image[:r, -c:], image[-r:, :c], image[-r:, -c:])
        bright = sum(float(corner.mean()) for corner in corners) / 4 >= BRIGHT
        given = image if bright else 255 - image
        return lambda: work(given)

    return set_up


def our_inversion(image: np.ndarray) -> np.ndarray:
    means = kernels.corner_means(image, *_corner(image))
    return kernels.invert(image) if means.mean() >= BRIGHT else image


def cv_inversion(image: np.ndarray) -> np.ndarray:
    r, c = _corner(image)
    windows = (image[:r, :c], image[:r, -c:], image[-r:, :c], image[-r:, -c:])
    bright = sum(cv2.mean(window)[0] for window in windows) / 4 >= BRIGHT
    return cv2.bitwise_not(image) if bright else image


def numpy_inversion(image: np.ndarray) -> np.ndarray:
    r, c = _corner(image)
    windows = (image[:r, :c], image[:r, -c:], image[-r:, :c], image[-r:, -c:])
    bright = sum(float(window.mean()) for window in windows) / 4 >= BRIGHT
    return 255 - image if bright else image
