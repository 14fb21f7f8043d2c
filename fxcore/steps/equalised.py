"""Histogram equalisation, which is undone before the steps look at a radiograph."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fxcore.kernels import histogram

# Equalising again moves the grey levels of what was equalised by no more than this, on average, as a fraction
# of the range that all but the most common one cover: a little where it was made smaller, or stored as JPEG.
_FLAT = 0.12
# Undoing it brings peaks back, so that equalising again would move them so many times as far.
_PEAKED = 2
# Fewer grey levels are no radiograph's.
_FEWEST = 16
# A level's noise is the greatest of so many on each side: pixels beside rare levels say little of it.
_REACH = 4


def unequalised(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return a radiograph whose histogram was equalised as it may have been before; any other as it is.

    Equalisation gives most grey levels to what covers most of the image: to the air and its noise. Noise is
    much the same at all levels of a radiograph; levels are put so far apart that it is again, be it the
    noise of neighbouring pixels or that of rounding, of which gaps between the levels tell.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``.
    step : int
        Of so many rows one is looked at, and so many columns.

    Returns
    -------
    numpy.ndarray
        ``uint8``, the same shape; that of the negative is the negative.
    """
    counts = histogram(np.ascontiguousarray(image[::step, ::step]))
    off = _off(counts)
    if off > _FLAT:
        return image
    rows = image[::step].astype(np.intp)
    # The last column is its own neighbour: an image may have no other.
    differences = abs(np.diff(rows, append=rows[:, -1:]))
    pairs = np.bincount((256 * rows + differences).ravel(), minlength=65536).reshape(256, 256)
    levels = np.flatnonzero(pairs.any(axis=1))
    summed = np.cumsum(pairs[levels], axis=1)
    noise = np.argmax(2 * summed >= summed[:, -1:], axis=1)
    gaps = np.diff(levels)
    about = sliding_window_view(np.pad(noise, _REACH), 2 * _REACH + 2).max(axis=1)
    places = np.append(0, np.cumsum(gaps / np.maximum(gaps, about)))
    # Halves are rounded to the end that is nearer: the other way in the negative.
    spread = np.interp(np.arange(256), levels, 255 / places[-1] * places) + np.linspace(-1e-6, 1e-6, 256)
    undone = spread.round().astype(np.uint8)
    if _off(np.bincount(undone, counts, 256).astype(np.int64)) < _PEAKED * off:
        return image
    return undone[image]


def _off(counts: NDArray[np.int64]) -> float:
    """Return how far grey levels lie, on average, from the share of pixels below them, or up to them.

    The darkest pixels or the brightest do not count: equalisation maps the darkest level to 0 whatever its
    share, or, in a negative, the brightest to 255. Nor does the level that most pixels have: a margin's, say,
    which is near to its share wherever it lies. As fractions of what the others cover of the range of
    levels; 1 for too few levels.
    """
    levels = np.flatnonzero(counts)
    if levels.size < _FEWEST:
        return 1.0
    off = 1.0
    for end in (0, -1):
        share = counts[levels]
        share[end] = 0
        up_to = np.cumsum(share)
        # In whole numbers, so that the negative's is the same.
        whole, span = int(up_to[-1]), int(levels[-1] - levels[0])
        bright = (levels - levels[0]) * whole
        away = np.maximum(np.maximum((up_to - share) * span - bright, bright - up_to * span), 0)
        off = min(off, int((share * away).sum()) / ((whole - int(share.max())) ** 2 * span))
    return off
