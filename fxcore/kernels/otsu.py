"""Otsu's threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import as_plain
from fxcore.kernels._jit import kernel
from fxcore.kernels.histograms import histogram

_MOST_WEIGHTED = 2**62  # half of what 64 bits hold of the sum of all grey levels


def otsu_threshold(
    image: NDArray[Any] | None = None, *, hist: NDArray[Any] | None = None, threads: int = 1
) -> int:
    """Return the grey level that best separates foreground (``pixel > level``) from background.

    It maximises the variance between the two classes; of equally good levels the lowest wins. The
    sums run in the order and precision of OpenCV's ``THRESH_OTSU``, whose level this is (where OpenCV
    hands 8-bit images to Intel's IPP, that may take another one of levels that are exactly as good).
    One case differs: in an image of a single grey level nothing can be separated, and that level is
    returned, so that there is no foreground (OpenCV returns 0: everything is foreground).

    Cost: one pass over the image for its histogram, then one over the levels (microseconds for 256); of
    a histogram that is given, only the latter.

    Parameters
    ----------
    image : numpy.ndarray, optional
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.
    hist : numpy.ndarray, optional
        Its histogram, where the caller has it already: integers, shape ``(256,)`` or ``(65536,)``.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

    Returns
    -------
    int
        The threshold; 0 for an image without pixels.

    Raises
    ------
    ParameterError
        If not exactly one of the two is given, it has another shape or type, or a histogram counts more
        pixels than 64 bits hold the sum of.

    References
    ----------
    Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems,
    Man, and Cybernetics 9(1), 1979.

    Examples
    --------
    >>> otsu_threshold(np.array([[10, 10, 12], [200, 201, 10]], np.uint8))
    12
    """
    if (image is None) == (hist is None):
        raise ParameterError("give otsu_threshold either an image or its histogram")
    if image is not None:
        return int(_otsu(histogram(image, threads=threads)))
    counts = as_plain(np.asanyarray(hist), "hist")
    if counts.shape not in ((256,), (65536,)) or counts.dtype.kind not in "iu":
        raise ParameterError(
            f"hist must be integers of shape (256,) or (65536,), not {counts.dtype} of shape {counts.shape}"
        )
    if int(counts.min()) < 0:
        raise ParameterError(f"hist must not be negative; the smallest count is {counts.min()}")
    pixels, most = counts.sum(dtype=np.float64), _MOST_WEIGHTED // counts.size
    if pixels > most:
        raise ParameterError(f"hist counts {pixels:.0f} pixels; at {counts.size} levels {most} are the most")
    return int(_otsu(np.require(counts, np.int64, ("C", "A", "W"))))


@kernel
def _otsu(counts):
    """Return Otsu's threshold of the histogram `counts` (levels,)."""
    pixels = 0
    weighted = 0
    highest = 0
    for level in range(counts.size):
        pixels += counts[level]
        weighted += level * counts[level]
        if counts[level] > 0:
            highest = level
    if pixels == 0:
        return 0
    if counts[highest] == pixels:
        return highest
    scale = 1.0 / pixels
    mean = weighted * scale
    smallest = 2.0**-23  # classes lighter than this share of the image are not classes
    below_mean = 0.0
    below = 0.0
    best = 0
    best_variance = 0.0
    for level in range(counts.size):
        share = counts[level] * scale
        below_mean *= below
        below += share
        above = 1.0 - below
        if min(below, above) < smallest or max(below, above) > 1.0 - smallest:
            continue
        below_mean = (below_mean + level * share) / below
        above_mean = (mean - below * below_mean) / above
        variance = below * above * (below_mean - above_mean) * (below_mean - above_mean)
        if variance > best_variance:
            best_variance = variance
            best = level
    return best
