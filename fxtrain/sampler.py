"""In which order an epoch shows the samples: classes equally often, or each sample once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def epoch_order(broken: NDArray[np.bool_], sampler: str, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the samples of one epoch in the order they are shown.

    ``"balanced"`` takes 2 min(n_b, n_nb) samples, none twice, as many of either class, in random order: at
    each place, each of the n samples of a class stands with a chance of 1 / 2n (thesis, Eq. 4.3).
    ``"shuffle"`` takes all, once.

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
