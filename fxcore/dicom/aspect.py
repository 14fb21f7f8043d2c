"""Pixels that are not square: the image is stretched, so that angles in it are those of the body."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from fxcore.dicom.bounded import value_of
from fxcore.dicom.transform import functional_group

SPACINGS = ("PixelSpacing", "ImagerPixelSpacing")
"""Attributes whose columns are of the pixels of the stretched image."""
# The first that is there counts: a ratio is given where no spacing is (PS3.3 C.7.6.3.1.7).
_KEYWORDS = (*SPACINGS, "NominalScannedPixelSpacing", "PixelAspectRatio")
# Less is the rounding of a spacing, more a slip of the pen.
_LEAST, _MOST = 1.01, 4.0
# Dates and numbers of patients are larger.
_MOST_TOLD = 100.0
_AT_ONCE = 2**20


def pixel_aspect(dataset: Dataset, frame: int) -> float | None:
    """Return the height of a pixel of frame number `frame` (from 0) over its width; None where nothing says.

    References
    ----------
    DICOM PS3.3 section 10.7.1.3 (spacing of rows, then of columns) and C.7.6.16.2.1 (Pixel Measures).
    """
    measures = functional_group(dataset, frame, "PixelMeasuresSequence")
    for holder in (measures, dataset):
        for keyword in _KEYWORDS if holder is not None else ():
            try:
                high, wide = (float(value) for value in value_of(holder, keyword))
            except Exception:  # absent, of another multiplicity or unreadable
                continue
            if 0 < high < math.inf and 0 < wide < math.inf:
                aspect = high / wide
                return aspect if 1 / _MOST_TOLD < aspect < _MOST_TOLD else None
    return None


def square_shape(rows: int, columns: int, aspect: float | None) -> tuple[int, int]:
    """Return rows and columns of an image whose pixels are made square by more of them."""
    if aspect is None or not _LEAST <= max(aspect, 1 / aspect) <= _MOST:
        return rows, columns
    return (round(rows * aspect), columns) if aspect > 1 else (rows, round(columns / aspect))


def square_spacing(spacing: str, aspect: float) -> str:
    """Return a spacing of rows and columns, as the metadata have it, after the stretch to `square_shape`."""
    try:
        high, wide = (float(value) for value in spacing.split("\\"))
    except ValueError:
        return spacing
    high, wide = (high / aspect, wide) if aspect > 1 else (high, wide * aspect)
    return f"{high:.10g}\\{wide:.10g}"


def stretch(image: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Return the image with more rows or columns, interpolated linearly between the centres of its own."""
    if columns > image.shape[1]:
        return np.ascontiguousarray(_more_rows(image.T, columns).T)
    return _more_rows(image, rows) if rows > image.shape[0] else image


def _more_rows(image: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    last = len(image) - 1
    places = np.clip((np.arange(rows) + 0.5) * len(image) / rows - 0.5, 0, last)
    above = places.astype(np.int64)
    shares = (places - above).astype(np.float32)[:, np.newaxis]
    result = np.empty((rows, image.shape[1]), np.uint8)
    step = max(1, _AT_ONCE // image.shape[1])
    for start in range(0, rows, step):
        part = slice(start, start + step)
        upper = image[above[part]].astype(np.float32)
        lower = image[np.minimum(above[part] + 1, last)]
        result[part] = np.rint(upper + shares[part] * (lower - upper))
    return result
