"""How good predictions are, with intervals: scikit-learn's metrics, bootstrapped over studies."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special
from sklearn import metrics

_RESAMPLES = 1000
_BINS = 10
_INTERVAL = (2.5, 97.5)
_Z = float(special.ndtri(_INTERVAL[1] / 100))
# Draws that differ by less are of one mind.
_AGREE = 1e-12
# Natural logarithms of the least and the largest temperature.
_TEMPERATURES = (-4.0, 4.0)
# Not defined where a class is missing.
_OF_BOTH = ("auc", "average_precision", "kappa")

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]


def measures(broken: Labels, scores: Scores, decided: Labels) -> dict[str, float]:
    """Return all measures of scores and of what was decided by them, ``broken`` being the positive class.

    Areas are of the scores, the rest is of the decisions (see `fxcore.aggregate.decide`). What is not
    defined, as the AUC of one class, is NaN.
    """
    both = bool(broken.any() and not broken.all())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "accuracy": float(metrics.accuracy_score(broken, decided)),
            "sensitivity": float(metrics.recall_score(broken, decided, zero_division=np.nan)),
            "specificity": float(metrics.recall_score(~broken, ~decided, zero_division=np.nan)),
            "precision": float(metrics.precision_score(broken, decided, zero_division=np.nan)),
            "f1": float(metrics.f1_score(broken, decided, zero_division=np.nan)),
            "auc": float(metrics.roc_auc_score(broken, scores)) if both else float("nan"),
            "average_precision": float(metrics.average_precision_score(broken, scores))
            if both
            else float("nan"),
            "kappa": float(metrics.cohen_kappa_score(broken, decided)) if both else float("nan"),
        }


def with_intervals(
    broken: Labels, scores: Scores, decided: Labels, groups: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """Return each measure as ``value``, ``low``, ``high``: a 95% interval, bootstrapped over studies.

    Whole studies are drawn with replacement, as the radiographs of one are not independent; draws in which
    a measure is not defined, as for lack of a class, are left out of its interval. A proportion on which all
    draws agree, as where nothing was decided wrongly, has Wilson's interval instead.

    Parameters
    ----------
    broken, scores, decided : numpy.ndarray
        Of each sample.
    groups : numpy.ndarray
        ``int64``: the study of each sample, never decreasing.
    """
    rng = np.random.default_rng([0, 4])
    _, study = np.unique(groups, return_inverse=True)
    studies = int(study[-1]) + 1
    drawn = np.full(studies, 1 / studies)
    weights = rng.multinomial(studies, drawn, size=_RESAMPLES)[:, study].astype(np.float64)
    draws = weighted_measures(broken, scores, decided, weights)
    of = {"accuracy": broken | True, "sensitivity": broken, "specificity": ~broken, "precision": decided}
    result = {}
    for name, value in measures(broken, scores, decided).items():
        low, high = _percentiles(draws[name])
        if name in of and high - low < _AGREE:
            low, high = wilson_interval(value, len(np.unique(study[of[name]])))
        result[name] = {"value": value, "low": low, "high": high}
    return result


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95% interval of a proportion of `count` independent cases after Wilson (1927)."""
    middle = share + _Z**2 / (2 * count)
    half = _Z * np.sqrt(share * (1 - share) / count + (_Z / (2 * count)) ** 2)
    low, high = (middle + np.array([-half, half])) / (1 + _Z**2 / count)
    return max(0.0, min(float(low), share)), min(1.0, max(float(high), share))


def _percentiles(draws: Scores) -> tuple[float, float]:
    """Return the 95% interval of what was drawn."""
    found = draws[np.isfinite(draws)]
    low, high = np.percentile(found, _INTERVAL) if found.size else (np.nan, np.nan)
    return float(low), float(high)


def differences(broken: Labels, ours: Scores, theirs: Scores) -> dict[str, dict[str, float]]:
    """Return by how much the AUC and average precision of one model are above those of another.

    Each as ``value``, ``low``, ``high``.
    A paired bootstrap: both are judged on the same studies in each draw, so that what makes a draw hard
    for both does not widen the 95% interval of the difference.

    Parameters
    ----------
    broken, ours, theirs : numpy.ndarray
        Of each study.
    """
    rng = np.random.default_rng([0, 5])
    once = np.ones((1, len(broken)))
    drawn = rng.multinomial(len(broken), np.full(len(broken), 1 / len(broken)), size=_RESAMPLES)
    weights = np.vstack([once, drawn])
    found, other = (weighted_measures(broken, scores, broken, weights) for scores in (ours, theirs))
    result = {}
    for name in ("auc", "average_precision"):
        value, *draws = found[name] - other[name]
        low, high = _percentiles(np.array(draws))
        result[name] = {"value": float(value), "low": low, "high": high}
    return result


def weighted_measures(
    broken: Labels, scores: Scores, decided: Labels, weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return what `measures` does for many weightings of the samples at once.

    A thousand resamples take milliseconds so, where a call of the library for each takes a minute.

    Parameters
    ----------
    weights : numpy.ndarray
        Shape ``(weightings, samples)``: for instance how often each sample was drawn.
    """
    order = np.argsort(-scores, kind="stable")
    truth, weight = broken[order], weights[:, order]
    # Samples of equal score are one point of the curves: its last.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true_positive = np.cumsum(weight * truth, axis=1)[:, ends]
    false_positive = np.cumsum(weight * ~truth, axis=1)[:, ends]
    positive, negative = true_positive[:, -1:], false_positive[:, -1:]
    tp, fp = weights @ (broken & decided).astype(float), weights @ (~broken & decided).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p, n = positive[:, 0], negative[:, 0]
        fn, tn, total = p - tp, n - fp, p + n
        before = np.hstack([np.zeros_like(positive), true_positive[:, :-1]])
        steps = np.diff(false_positive, axis=1, prepend=0)
        auc = (steps * (true_positive + before) / 2).sum(axis=1) / (p * n)
        precisions = true_positive / (true_positive + false_positive)
        gains = np.diff(true_positive, axis=1, prepend=0)
        average_precision = np.where(gains > 0, precisions * gains, 0).sum(axis=1) / p
        agreed, expected = (tp + tn) / total, ((tp + fp) * p + (tn + fn) * n) / total**2
        result = {
            "accuracy": agreed,
            "sensitivity": tp / p,
            "specificity": tn / n,
            "precision": tp / (tp + fp),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "auc": auc,
            "average_precision": average_precision,
            "kappa": (agreed - expected) / (1 - expected),
        }
    both = (p > 0) & (n > 0)
    return result | {name: np.where(both, result[name], np.nan) for name in _OF_BOTH}


def confusion(broken: Labels, decided: Labels) -> list[list[int]]:
    """Return the confusion matrix: numbers of samples.

    Rows are what is true, columns what is predicted; broken first, as in the thesis' Tables 6.6 and 6.7.
    """
    table: list[list[int]] = metrics.confusion_matrix(broken, decided, labels=[True, False]).tolist()
    return table


def percent(table: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return a confusion matrix in percent of all samples."""
    count = sum(map(sum, table))
    return [[100 * cell / count for cell in row] for row in table]


def best_threshold(broken: Labels, scores: Scores, sensitivity: float = 0.0) -> float:
    """Return the score from which on a sample counts as broken.

    It lies halfway between the least score that shall reach it and the next lower one: rounding, which
    differs between runtimes, then moves no sample across it.

    Parameters
    ----------
    broken, scores : numpy.ndarray
        Of validation samples, of both classes.
    sensitivity : float
        The least wanted: of the thresholds that reach it, the highest. 0: the threshold of the largest
        sensitivity + specificity (Youden, 1950).
    """
    false_positive, true_positive, thresholds = metrics.roc_curve(broken, scores, drop_intermediate=False)
    if sensitivity > 0:
        chosen = int(np.argmax(true_positive >= sensitivity))
    else:
        # The first threshold of the curve is infinite: nothing is broken.
        chosen = 1 + int(np.argmax((true_positive - false_positive)[1:]))
    # Below the least score lies 0, where everything is broken.
    lower = thresholds[chosen + 1] if chosen + 1 < len(thresholds) else 0.0
    return float((thresholds[chosen] + lower) / 2)


def best_temperature(broken: Labels, logits: Scores) -> float:
    """Return what logits are divided by to be calibrated best (Guo et al., 2017).

    Held against the smoothed targets of Platt (1999), not 0 and 1: of samples that the logits separate,
    those would have every probability 0 or 1, however few there are.
    """
    positive = int(broken.sum())
    negative = len(broken) - positive
    targets = np.where(broken, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, scaled) - targets * scaled))

    found = optimize.minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded")
    return float(np.exp(found.x))


def is_at_bound(temperature: float) -> bool:
    """Tell whether the fit of a temperature was ended by its range: a better one may lie outside of it.

    As above it, where the logits tell no better than by chance: then none is large enough.
    """
    least, largest = np.exp(_TEMPERATURES)
    return not 1.001 * least < temperature < largest / 1.001


def calibration_error(broken: Labels, probabilities: Scores) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    gaps = np.bincount(bins, weights=broken - probabilities, minlength=_BINS)
    return float(np.abs(gaps).sum() / counts.sum())


def probability(logits: ArrayLike, temperature: float = 1.0) -> Scores:
    """Return the probability that belongs to a logit."""
    values: Scores = special.expit(np.asarray(logits, np.float64) / temperature)
    return values
