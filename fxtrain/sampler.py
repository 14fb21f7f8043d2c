"""In which order an epoch shows the samples: classes equally often, or each sample once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sampling_probabilities(broken: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the chance of each sample to be drawn next: P(s) = n_opposite(s) / (2 n_b n_nb).

    The two classes are then equally likely (thesis, Eq. 4.3).

    Parameters
    ----------
    broken : numpy.ndarray
        ``bool``: the class of each sample; both must occur.

    Examples
    --------
    >>> sampling_probabilities(np.array([True, False, False, False]))
    array([0.5       , 0.16666667, 0.16666667, 0.16666667])
    """
    n_broken = int(broken.sum())
    n_opposite = np.where(broken, len(broken) - n_broken, n_broken)
    return n_opposite / (2 * n_broken * (len(broken) - n_broken))


def epoch_order(broken: NDArray[np.bool_], sampler: str, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the samples of one epoch in the order they are shown.

    ``"balanced"`` takes 2 min(n_b, n_nb) samples, none twice, as many of either class, in random order:
    at each place a sample stands with the chance that `sampling_probabilities` gives it. ``"shuffle"``
    takes all, once.

    Parameters
    ----------
    broken : numpy.ndarray
        ``bool``: the class of each sample.
    sampler : str
    seed, epoch : int
        The same give the same order.
    """
    rng = np.random.default_rng([seed, 2, epoch])
    if sampler == "shuffle":
        return rng.permutation(len(broken))
    classes = [rng.permutation(np.flatnonzero(broken == value)) for value in (False, True)]
    count = min(map(len, classes))
    return rng.permutation(np.concatenate([found[:count] for found in classes]))
