"""The weighted median, without sorting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import as_plain
from fxcore.kernels._jit import kernel


def weighted_median(values: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    """Return the least value up to which there is half of the weight.

    Cost: a few passes over the values, of which each leaves about half to look at.

    Parameters
    ----------
    values, weights : numpy.ndarray
        ``float32``, shape ``(n,)``, `n` at least 1; weights above 0.

    Raises
    ------
    ParameterError
        For other types or shapes, values that are not finite, or weights that are not above 0.

    References
    ----------
    Hoare, "Algorithm 65: Find", Communications of the ACM 4(7), 1961.

    Examples
    --------
    >>> weighted_median(np.array([9, 1, 5], np.float32), np.array([1, 1, 3], np.float32))
    5.0
    """
    found, weight = as_plain(values, "values"), as_plain(weights, "weights")
    if found.ndim != 1 or found.shape != weight.shape or found.size == 0:
        raise ParameterError(
            f"values of shape {found.shape} and weights of shape {weight.shape} are no pairs"
        )
    if found.dtype != np.float32 or weight.dtype != np.float32:
        raise ParameterError(f"values and weights must be float32, not {found.dtype} and {weight.dtype}")
    if not (np.isfinite(found).all() and np.isfinite(weight).all() and weight.min() > 0):
        raise ParameterError("values must be finite, and weights finite and above 0")
    # Of its own, since they are put in another order.
    return float(_weighted_median(found.copy(), weight.copy()))


@kernel
def _weighted_median(values, weights):
    half = 0.0
    for k in range(weights.size):
        half += weights[k] / 2.0
    low, high = 0, values.size - 1
    before = 0.0
    while low < high:
        one, other, last = values[low], values[(low + high) // 2], values[high]
        pivot = max(min(one, other), min(max(one, other), last))
        less, more, at = low, high, low
        lower = equal = 0.0
        while at <= more:
            value, weight = values[at], weights[at]
            if value < pivot:
                lower += weight
                values[at], weights[at] = values[less], weights[less]
                values[less], weights[less] = value, weight
                less += 1
                at += 1
            elif value > pivot:
                values[at], weights[at] = values[more], weights[more]
                values[more], weights[more] = value, weight
                more -= 1
            else:
                equal += weight
                at += 1
        if before + lower >= half:
            high = less - 1
        elif before + lower + equal >= half:
            return pivot
        else:
            before += lower + equal
            low = more + 1
    return values[min(low, values.size - 1)]
