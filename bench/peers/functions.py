"""What the table of peers is made of: a drawn hand, references, set-ups and comparisons."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import skimage.measure
from skimage.morphology import closing, dilation, erosion, footprint_rectangle, opening

from fxcore import kernels

SetUp = Callable[[np.ndarray], Callable[[], Any]]


def hand(rows: int = 2500, cols: int = 3000, seed: int = 0) -> np.ndarray:
    """Draw something like a hand, leaning, with noise, a few specks and a marker; ``uint8``."""
    rng = np.random.default_rng(seed)
    image = np.zeros((rows, cols), np.float32)
    scale = min(rows, cols)

    def point(x: float, y: float) -> tuple[int, int]:
        return round(cols / 2 + x * scale), round(rows / 2 + y * scale)

    def bone(a: tuple[int, int], b: tuple[int, int], width: float, level: float) -> None:
        cv2.line(image, a, b, level, max(1, round(width * scale)))

    bone(point(-0.12, 0.5), point(-0.02, 0.1), 0.22, 120)
    cv2.ellipse(image, point(0.0, 0.05), (round(0.17 * scale), round(0.15 * scale)), 10, 0, 360, 130, -1)
    for k, length in enumerate((0.28, 0.33, 0.36, 0.33, 0.27)):
        angle = math.radians(-78 - 20 * (k - 2.4))
        tip = point(0.02 + length * math.cos(angle), 0.05 + length * math.sin(angle))
        bone(point(0.01, 0.02), tip, 0.05, 135)
        bone(point(0.01, 0.02), tip, 0.02, 190)
    cv2.rectangle(image, point(0.35, -0.45), point(0.4, -0.42), 220, -1)
    for x, y in rng.uniform(-0.45, 0.45, (12, 2)):
        cv2.circle(image, point(x, y), max(1, round(0.004 * scale)), 200, -1)
    image = cv2.GaussianBlur(image, (0, 0), max(0.4, scale / 500))
    return np.clip(image + 22 + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)


@contextmanager
def opencv_itself() -> Iterator[None]:
    """Keep OpenCV from handing work to Intel's IPP, whose Otsu breaks exact ties in its own way."""
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.ipp.setUseIPP(before)


# --- how results are compared ---


def equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(ours, theirs)


def one_level(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Rounding may differ by one grey level."""
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs.astype(int)).max(initial=0) <= 1


def same_partition(ours: tuple[Any, Any, Any], theirs: tuple[Any, Any, Any]) -> None:
    """Same components whatever their numbers: label image, areas, boxes; both in raster order."""
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def same_axis(ours: tuple[float, ...], theirs: tuple[float, ...]) -> None:
    """Centroid, direction (modulo 180 degrees, where there is one) and elongation, to rounding."""
    np.testing.assert_allclose(ours[:2], theirs[:2], atol=1e-6)
    if math.isinf(ours[3]):
        assert theirs[3] > 1e4
    else:
        np.testing.assert_allclose(ours[3], theirs[3], rtol=1e-5)
    if ours[3] > 1.001:
        assert abs((ours[2] - theirs[2] + 90) % 180 - 90) < 1e-3


# --- set-ups ---


def thresholded(image: np.ndarray) -> kernels.Runs:
    return kernels.runs_from_image(image, kernels.otsu_threshold(image))


def cv_otsu(image: np.ndarray) -> tuple[float, np.ndarray]:
    return cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)


def cv_mask(image: np.ndarray) -> np.ndarray:
    return kernels.runs_to_mask(thresholded(image))


def raster_order(label: np.ndarray, area: np.ndarray, box: np.ndarray) -> tuple[Any, Any, Any]:
    """Renumber components 1.. in raster order of their first pixels."""
    flat = label.reshape(-1)
    names, first = np.unique(flat, return_index=True)
    names = names[np.argsort(first)]
    names = names[names > 0]
    to = np.zeros(int(flat.max(initial=0)) + 1, np.int64)
    to[names] = np.arange(1, names.size + 1)
    return to[label], area[names - 1], box[names - 1]


def our_components(image: np.ndarray) -> Callable[[], Any]:
    runs = thresholded(image)
    return lambda: (runs, kernels.components(runs))


def cv_components(image: np.ndarray) -> Callable[[], Any]:
    mask = cv_mask(image)
    return lambda: cv2.connectedComponentsWithStats(mask, connectivity=8)


def skimage_components(image: np.ndarray) -> Callable[[], Any]:
    mask = cv_mask(image)

    def work() -> Any:
        label = skimage.measure.label(mask, connectivity=2)
        found = skimage.measure.regionprops(label)
        return label, [f.area for f in found], [f.bbox for f in found]

    return work


def as_partition(result: Any) -> tuple[Any, Any, Any]:
    """Bring a result of any of the three to label image, areas and boxes in raster order."""
    if isinstance(result[0], kernels.Runs):
        runs, found = result
        label = np.zeros(runs.shape, np.int64)
        rows = np.repeat(np.arange(runs.shape[0]), np.diff(runs.row_start))
        for r, a, b, k in zip(rows, runs.start, runs.stop, found.label, strict=True):
            label[r, a:b] = k + 1
        return label, found.area, found.box
    if len(result) == 4:
        _, label, stats, _ = result
        x, y, w, h, area = stats[1:].T
        return raster_order(label, area, np.stack([y, x, y + h, x + w], axis=1))
    label, area, box = result
    return raster_order(label, np.array(area, int), np.array(box, int).reshape(-1, 4))


def our_morphology(function: Callable[..., kernels.Runs], height: int, width: int) -> SetUp:
    def set_up(image: np.ndarray) -> Callable[[], Any]:
        runs = thresholded(image)
        return lambda: function(runs, height, width)

    return set_up


def cv_morphology(operation: int, height: int, width: int) -> SetUp:
    def set_up(image: np.ndarray) -> Callable[[], Any]:
        mask, element = cv_mask(image), np.ones((height, width), np.uint8)
        return lambda: cv2.morphologyEx(mask, operation, element)

    return set_up


def skimage_morphology(name: str, height: int, width: int) -> SetUp:
    function = {"dilate": dilation, "erode": erosion, "close": closing, "open": opening}[name]

    def set_up(image: np.ndarray) -> Callable[[], Any]:
        mask = cv_mask(image) > 0
        footprint = footprint_rectangle((height, width), decomposition="separable")
        return lambda: function(mask, footprint)

    return set_up


def same_mask(ours: kernels.Runs, theirs: np.ndarray) -> None:
    np.testing.assert_array_equal(kernels.runs_to_mask(ours), theirs)
    check_runs(ours)


def check_runs(runs: kernels.Runs) -> None:
    """Runs are in order, within their rows, not empty, and do not touch."""
    assert runs.row_start.size == runs.shape[0] + 1
    assert runs.row_start[0] == 0
    assert runs.row_start[-1] == len(runs) == runs.stop.size
    assert (runs.start < runs.stop).all()
    assert (runs.start >= 0).all()
    assert (runs.stop <= runs.shape[1]).all()
    for a, b in zip(runs.row_start[:-1], runs.row_start[1:], strict=True):
        assert (runs.stop[a:b][:-1] < runs.start[a:b][1:]).all()


def axis_tuple(found: kernels.PrincipalAxis) -> tuple[float, ...]:
    return found.centroid_row, found.centroid_col, found.angle_degrees, found.elongation


def cv_axis(mask: np.ndarray) -> tuple[float, ...]:
    points = cv2.findNonZero(mask).reshape(-1, 2).astype(np.float64)
    if len(points) == 1:
        return points[0, 1], points[0, 0], 0.0, 1.0
    mean, vectors, values = cv2.PCACompute2(points, mean=None)
    x, y = vectors[0]
    return mean[0, 1], mean[0, 0], math.degrees(math.atan2(x, -y)), extent_ratio(values[0, 0], values[1, 0])


def numpy_axis(mask: np.ndarray) -> tuple[float, ...]:
    row, col = np.nonzero(mask)
    covariance = np.cov(np.stack([row, col]).astype(np.float64), bias=True)
    values, vectors = np.linalg.eigh(covariance)
    angle = math.degrees(math.atan2(vectors[1, 1], -vectors[0, 1]))
    return row.mean(), col.mean(), angle, extent_ratio(values[1], values[0])


def extent_ratio(major: float, minor: float) -> float:
    if major <= 0:
        return 1.0
    return math.sqrt(major / minor) if minor > major * 1e-12 else math.inf


ANGLE = 17.3


def cv_rotate(image: np.ndarray) -> Callable[[], Any]:
    rows, cols = image.shape
    matrix = cv2.getRotationMatrix2D(((cols - 1) / 2, (rows - 1) / 2), ANGLE, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    width, height = math.ceil(cols * c + rows * s), math.ceil(rows * c + cols * s)
    matrix[:, 2] += (width - cols) / 2, (height - rows) / 2
    return lambda: cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)


def numpy_rotate(image: np.ndarray, degrees: float = ANGLE, fill: int = 0) -> np.ndarray:
    """Rotate, rounding the float64 reference to grey levels."""
    return np.floor(exact_rotation(image, degrees, fill) + 0.5).astype(np.uint8)


def exact_rotation(image: np.ndarray, degrees: float = ANGLE, fill: int = 0) -> np.ndarray:
    """Rotate in float64, straight from the definition: the reference for accuracy and direction."""
    rows, cols = image.shape
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    height = math.ceil(rows * abs(cosine) + cols * abs(sine) - 1e-9)
    width = math.ceil(cols * abs(cosine) + rows * abs(sine) - 1e-9)
    down, right = np.meshgrid(
        np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij"
    )
    y = right * sine + down * cosine + (rows - 1) / 2
    x = right * cosine - down * sine + (cols - 1) / 2
    framed = np.pad(image.astype(np.float64), 2, constant_values=fill)
    y, x = np.clip(y, -1.5, rows + 0.5) + 2, np.clip(x, -1.5, cols + 0.5) + 2
    r, c = np.floor(y).astype(int), np.floor(x).astype(int)
    r, c = np.minimum(r, rows + 2), np.minimum(c, cols + 2)
    fy, fx = y - r, x - c
    top = framed[r, c] * (1 - fx) + framed[r, c + 1] * fx
    bottom = framed[r + 1, c] * (1 - fx) + framed[r + 1, c + 1] * fx
    return top * (1 - fy) + bottom * fy


def numpy_up(image: np.ndarray) -> np.ndarray:
    above = np.vstack([np.zeros((1, image.shape[1]), np.uint8), image[:-1]])
    return np.hstack([np.full((image.shape[0], 1), 2, np.uint8), image - above])


def shrunk_size(image: np.ndarray) -> tuple[int, int]:
    """Return rows and columns of about a seventh, into which neither side goes a whole number of times."""
    rows, columns = (max(1, int(side / 7.3)) for side in image.shape)
    return rows, columns


def numpy_shrink(image: np.ndarray) -> np.ndarray:
    """Average areas by two products with the share of each pixel in each area."""
    down, across = (_shares(*sides) for sides in zip(image.shape, shrunk_size(image), strict=True))
    return np.floor(down @ image.astype(np.float64) @ across.T / image.size + 0.5).astype(np.uint8)


def _shares(many: int, few: int) -> np.ndarray:
    """Return how much of each of `many` pixels lies in each of `few`: whole numbers, of a pixel's `few`."""
    pixels, areas = few * np.arange(many), many * np.arange(few)[:, None]
    overlap = np.minimum(pixels + few, areas + many) - np.maximum(pixels, areas)
    return np.maximum(overlap, 0).astype(np.float64)


def cv_shrink(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, shrunk_size(image)[::-1], interpolation=cv2.INTER_AREA)


def zlib_runs(raw: np.ndarray) -> bytes:
    """Do what OpenCV asks of zlib by default: codes, and runs of one byte."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
    return packer.compress(raw.data) + packer.flush()


def same_inflated(ours: tuple[np.ndarray, int], theirs: bytes) -> None:
    stream, checksum = ours
    assert zlib.decompress(stream.tobytes(), -15) == zlib.decompress(theirs)
    assert checksum == int.from_bytes(theirs[-4:])


def our_unfilter(image: np.ndarray) -> Callable[[], Any]:
    raw = numpy_up(image)
    return lambda: kernels.png_unfilter(raw, *image.shape)


def numpy_unfilter(image: np.ndarray) -> Callable[[], Any]:
    raw = numpy_up(image)
    return lambda: np.add.accumulate(raw[:, 1:], axis=0, dtype=np.uint8)


def cv_corners(image: np.ndarray) -> list[float]:
    windows = (image[:50, :50], image[:50, -50:], image[-50:, :50], image[-50:, -50:])
    return [cv2.mean(np.ascontiguousarray(window))[0] for window in windows]


def call(function: Callable[[np.ndarray], Any]) -> SetUp:
    """Return a set-up with nothing to set up."""
    return lambda image: lambda: function(image)


def on_mask(function: Callable[[np.ndarray], Any]) -> SetUp:
    def set_up(image: np.ndarray) -> Callable[[], Any]:
        mask = cv_mask(image)
        return lambda: function(mask)

    return set_up


def on_runs(function: Callable[[kernels.Runs], Any]) -> SetUp:
    def set_up(image: np.ndarray) -> Callable[[], Any]:
        runs = thresholded(image)
        return lambda: function(runs)

    return set_up
