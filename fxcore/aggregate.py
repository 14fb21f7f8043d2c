"""From the probabilities of a study's radiographs to one of the study: what training and scoring share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fxcore.errors import ParameterError

AGGREGATES = ("alo", "majority", "mean")

BY_MODEL = "model"
"""The way to judge a study that a model of whole studies has: it does so itself."""

DECIMALS = 6
"""Of probabilities, as they are stored, printed and decided by."""


def rounded(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities as they are stored and decided by; rounding twice changes nothing."""
    return np.asarray(probabilities, np.float64).round(DECIMALS)


def decide(probabilities: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Tell which probabilities are positive: those that reach the threshold, both at `DECIMALS`.

    What is stored is what is compared: who recomputes a decision from the tables finds the same. NaN is
    never positive.

    Examples
    --------
    >>> decide([0.4999996, 0.4999994], 0.5)
    array([ True, False])
    """
    positive: NDArray[np.bool_] = rounded(probabilities) >= rounded(threshold)
    return positive


def check_aggregate(how: str, *others: str) -> None:
    """Check that there is such a way to judge a study by its radiographs, or that it is one of the others.

    Raises
    ------
    ParameterError
    """
    allowed = (*AGGREGATES, *others)
    if how not in allowed:
        raise ParameterError(f"aggregate is one of {', '.join(allowed)}, not {how!r}")


def aggregate(probabilities: ArrayLike, study: ArrayLike, studies: int, how: str) -> NDArray[np.float64]:
    """Return one score a study.

    Held against a threshold, it decides as its name says, whatever the threshold:

    - ``"alo"`` (at least one): the largest probability of its views;
    - ``"majority"``: the one that more than half of its views reach, their lower median;
    - ``"mean"``: the mean.

    Parameters
    ----------
    probabilities : array_like
        Of the radiographs.
    study : array_like
        The study of each, from 0 to ``studies - 1``.
    studies : int
        Their number; each has a radiograph.
    how : str

    Raises
    ------
    ParameterError
        For another `how`, or a study without radiographs.

    Examples
    --------
    >>> aggregate([0.9, 0.2, 0.4], [0, 0, 1], 2, "majority")
    array([0.2, 0.4])
    """
    values, index = np.asarray(probabilities, np.float64), np.asarray(study, np.int64)
    counts = np.bincount(index, minlength=studies)
    if (counts == 0).any():
        raise ParameterError(f"study {int(np.argmin(counts))} has no radiograph to judge by")
    check_aggregate(how)
    if how == "mean":
        return np.bincount(index, weights=values, minlength=studies) / counts
    order = np.lexsort((values, index))
    last = np.cumsum(counts) - 1
    if how == "alo":
        return values[order][last]
    return values[order][last - counts // 2]


def judged(probabilities: ArrayLike, study: ArrayLike, studies: int, how: str) -> NDArray[np.float64]:
    """Return of each study the probability that is stored and decided by, from those of its radiographs.

    These too are taken as they are stored. Those that are not finite do not count; NaN where a study has no
    others. Parameters are those of `aggregate`.

    Examples
    --------
    >>> judged([0.90000049, float("nan"), 0.4], [0, 0, 1], 2, "mean")
    array([0.9, 0.4])
    """
    values, index = rounded(probabilities), np.asarray(study, np.int64)
    finite = np.isfinite(values)
    known, place = np.unique(index[finite], return_inverse=True)
    result = np.full(studies, np.nan)
    if len(known):
        result[known] = rounded(aggregate(values[finite], place, len(known), how))
    return result
