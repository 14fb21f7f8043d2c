"""Where a mask lies and where it points, from the moments of its runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import as_image
from fxcore.kernels._jit import kernel
from fxcore.kernels.runs import Runs, as_runs

_MOST = 2**61  # sums of squared coordinates stay well inside 64 bits below this


@dataclass(frozen=True, slots=True)
class PrincipalAxis:
    """Where a mask lies and where it points.

    Attributes
    ----------
    area : int
        Pixels.
    centroid_row, centroid_col : float
        Mean coordinates of the pixels; NaN for an empty mask.
    angle_degrees : float
        Angle of the major axis from the vertical, in (-90, 90]; positive where its top leans to the
        right. ``rotate(image, angle_degrees)`` makes the axis vertical. 0 where no direction is longer
        than another.
    elongation : float
        Square root of the larger over the smaller eigenvalue of the covariance of the coordinates:
        how many times longer than wide. 1 for a disc, a square, a single pixel and an empty mask;
        infinite for pixels on one line.
    """

    area: int
    centroid_row: float
    centroid_col: float
    angle_degrees: float
    elongation: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of a mask's pixels, each with its weight.

    Attributes
    ----------
    weight : float
        Sum of the weights.
    row, column : float
        Their mean place; NaN where the weights sum up to nothing.
    row_row, column_column, row_column : float
        Mean products of the distances from there; NaN as well.
    """

    weight: float
    row: float
    column: float
    row_row: float
    column_column: float
    row_column: float


def moments(runs: Runs, weights: NDArray[np.float32] | None = None) -> Moments:
    """Return the moments of a mask, up to the second.

    Cost: one pass over the runs, or with weights over the mask's pixels.

    Parameters
    ----------
    runs : Runs
    weights : numpy.ndarray, optional
        ``float32``, of the mask's shape; 1 for each pixel where not given.

    Raises
    ------
    ParameterError
        For weights of another type or shape, or such as are not finite; without weights, for a mask so large
        that the moments would not fit 64 bits (beyond 38000 × 38000).

    References
    ----------
    Hu, "Visual pattern recognition by moment invariants", IRE Transactions on Information Theory
    8(2), 1962.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask
    >>> image = np.array([[0, 1, 3]], np.float32)
    >>> found = moments(runs_from_mask(image > 0), image)
    >>> found.weight, found.column, found.column_column
    (4.0, 1.75, 0.1875)
    """
    if weights is None:
        sums, origin = _exact(runs), (0.0, 0.0)
    else:
        mask, values = as_runs(runs), as_image(weights, np.float32, name="weights")
        if values.shape != mask.shape:
            raise ParameterError(f"weights of shape {values.shape} for a mask of {mask.shape}")
        sums = _weighted(mask.row_start, mask.start, mask.stop, values)
        # From the middle of the image, so that hardly anything is lost when the squares are subtracted.
        origin = ((mask.shape[0] - 1) / 2, (mask.shape[1] - 1) / 2)
    total = float(sums[0])
    if not math.isfinite(total):
        raise ParameterError("weights must be finite within the mask")
    if total == 0:
        return Moments(0.0, *[math.nan] * 5)
    row, column, row_row, column_column, row_column = (value / total for value in sums[1:])
    return Moments(
        total,
        row + origin[0],
        column + origin[1],
        row_row - row * row,
        column_column - column * column,
        row_column - row * column,
    )


def principal_axis(runs: Runs) -> PrincipalAxis:
    """Return the principal axis of a mask.

    The moments are exact integers, so are the central moments (scaled by the squared area); only the
    last step is rounded. Cost: one pass over the runs.

    Raises
    ------
    ParameterError
        For a mask so large that the moments would not fit 64 bits (beyond 38000 × 38000).

    References
    ----------
    Hu, "Visual pattern recognition by moment invariants", IRE Transactions on Information Theory
    8(2), 1962.

    Examples
    --------
    >>> import numpy as np
    >>> from fxcore.kernels import runs_from_mask
    >>> principal_axis(runs_from_mask(np.eye(5, dtype=np.uint8)[::-1].copy())).angle_degrees
    45.0
    """
    area, row, col, row_row, col_col, row_col = _exact(runs)
    if area == 0:
        return PrincipalAxis(0, math.nan, math.nan, 0.0, 1.0)
    vertical = area * row_row - row * row
    horizontal = area * col_col - col * col
    mixed = area * row_col - row * col
    # atan2 gives the lean of the axis' lower end to the right; its upper end leans the other way.
    angle = -math.degrees(0.5 * math.atan2(2 * mixed, vertical - horizontal)) + 0.0
    determinant = vertical * horizontal - mixed * mixed
    major = 0.5 * (vertical + horizontal + math.hypot(vertical - horizontal, 2 * mixed))
    if major == 0.0:
        elongation = 1.0
    elif determinant == 0:
        elongation = math.inf
    else:
        elongation = major / math.sqrt(determinant)
    return PrincipalAxis(
        area, row / area, col / area, 90.0 if angle == -90.0 else angle, max(elongation, 1.0)
    )


def _exact(runs: Runs) -> list[int]:
    """Return the sums over all pixels of 1, row, column, row², column² and row · column."""
    rows, cols = as_runs(runs).shape
    if rows * cols * max(rows, cols) ** 2 >= _MOST:
        raise ParameterError(f"a mask of {rows} × {cols} is too large for exact moments; crop it first")
    return [int(v) for v in _moments(runs.row_start, runs.start, runs.stop)]


@kernel
def _moments(row_start, start, stop):
    """Return the sums that `_exact` says."""
    area = 0
    row = 0
    col = 0
    row_row = 0
    col_col = 0
    row_col = 0
    for r in range(row_start.size - 1):
        n = 0
        s = 0
        for i in range(row_start[r], row_start[r + 1]):
            a = start[i] - 1
            b = stop[i] - 1
            n += b - a
            s += (b * (b + 1) - a * (a + 1)) // 2
            # Sum of the squares up to m: m (m + 1) (2 m + 1) / 6, also for m = -1.
            col_col += b * (b + 1) // 2 * (2 * b + 1) // 3 - a * (a + 1) // 2 * (2 * a + 1) // 3
        area += n
        col += s
        row += r * n
        row_row += r * r * n
        row_col += r * s
    return area, row, col, row_row, col_col, row_col


@kernel
def _weighted(row_start, start, stop, weights):
    """Return the weighted sums of 1, row, column, row², column² and row · column, from the image's middle."""
    rows, cols = weights.shape
    total = row = col = row_row = col_col = row_col = 0.0
    for r in range(rows):
        y = r - (rows - 1) / 2
        n = s = q = 0.0
        for i in range(row_start[r], row_start[r + 1]):
            for c in range(start[i], stop[i]):
                x = c - (cols - 1) / 2
                weight = np.float64(weights[r, c])
                n += weight
                s += weight * x
                q += weight * x * x
        total += n
        row += y * n
        col += s
        row_row += y * y * n
        col_col += q
        row_col += y * s
    return total, row, col, row_row, col_col, row_col
