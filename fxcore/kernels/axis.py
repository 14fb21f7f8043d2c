"""The principal axis of a mask, from the exact moments of its runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fxcore.errors import ParameterError
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
    rows, cols = as_runs(runs).shape
    if rows * cols * max(rows, cols) ** 2 >= _MOST:
        raise ParameterError(f"a mask of {rows} × {cols} is too large for exact moments; crop it first")
    area, row, col, row_row, col_col, row_col = (
        int(v) for v in _moments(runs.row_start, runs.start, runs.stop)
    )
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


@kernel
def _moments(row_start, start, stop):
    """Return the sums over all pixels of 1, row, column, row², column² and row · column."""
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
