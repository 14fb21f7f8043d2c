"""Metrics of the trainer: against scikit-learn, against what is plain to see, and studies judged as named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from fxcore.aggregate import AGGREGATES, aggregate, decide
from fxcore.errors import ParameterError
from fxtrain import metrics


@st.composite
def samples(draw):
    count = draw(st.integers(4, 30))
    # Few levels, so that scores are equal often.
    scores = draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    broken = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    repeats = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    return np.array(broken), np.array(scores) / 6, np.array(repeats)


@given(samples(), st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.1]))
def test_weighted_measures_are_those_of_repeated_samples(drawn, threshold):
    broken, scores, repeats = drawn
    repeated = np.repeat(np.arange(len(scores)), repeats)
    decided = scores >= threshold
    found = metrics.weighted_measures(broken, scores, decided, repeats[None].astype(float))
    if not repeats.any():
        assert all(np.isnan(values[0]) for values in found.values())
        return
    for name, expected in metrics.measures(broken[repeated], scores[repeated], decided[repeated]).items():
        np.testing.assert_allclose(found[name][0], expected, atol=1e-12, err_msg=name)


def test_an_interval_holds_its_value_and_narrows_with_more_studies():
    rng = np.random.default_rng(0)
    widths = []
    for count in (40, 640):
        broken = np.arange(count) % 2 == 0
        scores = np.clip(0.4 + 0.2 * broken + rng.normal(0, 0.2, count), 0, 1)
        auc = metrics.with_intervals(broken, scores, scores >= 0.5, np.arange(count))["auc"]
        assert auc["low"] < auc["value"] < auc["high"]
        widths.append(auc["high"] - auc["low"])
    assert widths[1] < widths[0] / 2.5


def test_of_one_class_there_are_intervals_of_what_is_defined():
    broken, decided = np.ones(50, bool), np.arange(50) % 5 > 0
    found = metrics.with_intervals(broken, decided.astype(float), decided, np.arange(50))
    for name in ("accuracy", "sensitivity"):
        assert found[name]["low"] < found[name]["value"] == 0.8 < found[name]["high"]
    assert {name for name in found if np.isnan(found[name]["low"])} == {"specificity", *metrics._OF_BOTH}


@pytest.mark.parametrize("right", [0, 20])
def test_a_proportion_on_which_all_draws_agree_is_no_certainty(right):
    """Of studies, however many radiographs they have."""
    expected = binomtest(right, 20).proportion_ci(method="wilson")
    study = np.repeat(np.arange(20), 5)
    broken = np.ones(100, bool)
    decided = broken if right else ~broken
    found = metrics.with_intervals(broken, decided.astype(float), decided, study)
    for name in ("accuracy", "sensitivity"):
        assert (found[name]["low"], found[name]["high"]) == pytest.approx((expected.low, expected.high))


@given(samples(), st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.1]))
def test_no_interval_of_a_proportion_is_a_point(drawn, threshold):
    broken, scores, repeats = drawn
    study = np.cumsum(repeats > 1)
    found = metrics.with_intervals(broken, scores, scores >= threshold, study)
    for name in ("accuracy", "sensitivity", "specificity", "precision"):
        if not np.isnan(found[name]["value"]):
            assert 0 <= found[name]["low"] < found[name]["high"] <= 1


def test_radiographs_of_one_study_are_not_taken_for_independent():
    rng = np.random.default_rng(1)
    broken = np.arange(60) % 2 == 0
    scores = np.clip(0.4 + 0.2 * broken + rng.normal(0, 0.2, 60), 0, 1)
    once = metrics.with_intervals(broken, scores, scores >= 0.5, np.arange(60))["accuracy"]
    tenfold = np.repeat(np.arange(60), 10)
    again = metrics.with_intervals(broken[tenfold], scores[tenfold], scores[tenfold] >= 0.5, tenfold)[
        "accuracy"
    ]
    assert again["high"] - again["low"] == pytest.approx(once["high"] - once["low"], rel=0.15)


def test_threshold_by_youden_and_by_wanted_sensitivity():
    broken = np.array([0, 0, 0, 1, 0, 1, 1, 1], bool)
    scores = np.array([0.1, 0.2, 0.3, 0.35, 0.4, 0.6, 0.7, 0.9])
    # Of two that are equally good, the higher.
    assert metrics.best_threshold(broken, scores) == pytest.approx(0.5)
    assert metrics.best_threshold(broken, scores, 1.0) == pytest.approx(0.325)
    assert metrics.best_threshold(broken, scores, 0.5) == pytest.approx(0.65)
    assert metrics.best_threshold(~broken, scores, 1.0) == pytest.approx(0.05)


@pytest.mark.parametrize("sensitivity", [0.0, 0.8, 0.9, 1.0])
def test_rounding_of_another_runtime_moves_no_sample_across_the_threshold(sensitivity):
    rng = np.random.default_rng(0)
    broken = rng.random(60) < 0.4
    scores = metrics.probability(rng.normal(0, 1, 60) + 1.5 * broken)
    threshold = metrics.best_threshold(broken, scores, sensitivity)
    decided = decide(scores, threshold)
    for off in (-2e-6, 2e-6):
        np.testing.assert_array_equal(decide(scores + off, threshold), decided)
    assert metrics.measures(broken, scores, decided)["sensitivity"] >= sensitivity


def test_a_few_samples_that_are_told_apart_make_no_probability_certain():
    """Whatever the scale of the logits: 12 samples of each class are no proof of more than 13 in 14."""
    broken = np.arange(24) % 2 == 0
    logits = np.where(broken, 1.0, -1.0) + np.linspace(-0.2, 0.2, 24)
    for scale in (0.3, 1.0, 20.0):
        temperature = metrics.best_temperature(broken, scale * logits)
        probabilities = metrics.probability(scale * logits, temperature)
        assert probabilities.max() < 0.97
        assert probabilities[broken].mean() == pytest.approx(13 / 14, abs=0.02)


def test_temperature_undoes_overconfidence():
    rng = np.random.default_rng(2)
    honest = rng.normal(0, 1.5, 20_000)
    broken = rng.random(20_000) < metrics.probability(honest)
    assert metrics.best_temperature(broken, 3 * honest) == pytest.approx(3, rel=0.05)
    calibrated = metrics.calibration_error(broken, metrics.probability(3 * honest, 3))
    assert calibrated < 0.02 < metrics.calibration_error(broken, metrics.probability(3 * honest))


def test_a_temperature_that_its_range_ends_is_told():
    broken = np.arange(40) % 2 == 0
    logits = np.where(broken, 1.0, -1.0) + np.tile([0.0, 0.0, -3.0, 0.0], 10)
    assert not metrics.is_at_bound(metrics.best_temperature(broken, logits))
    for ended in (-logits, 1e-4 * logits, 1e4 * logits):
        assert metrics.is_at_bound(metrics.best_temperature(broken, ended))


def test_confusion_has_broken_first():
    broken = np.array([1, 1, 1, 0], bool)
    found = metrics.confusion(broken, np.array([1, 1, 0, 1], bool))
    assert found == [[2, 1], [1, 0]]
    assert metrics.percent(found) == [[50, 25], [25, 0]]


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=5), min_size=1, max_size=6),
    st.floats(0.01, 1),
    st.randoms(use_true_random=False),
)
def test_studies_are_judged_as_the_names_say(studies, threshold, random):
    flat = [(value, k) for k, views in enumerate(studies) for value in views]
    random.shuffle(flat)
    values, index = zip(*flat, strict=True)
    decided = {how: aggregate(values, index, len(studies), how) >= threshold for how in AGGREGATES}
    for k, views in enumerate(studies):
        reached = sum(value >= threshold for value in views)
        assert decided["alo"][k] == (reached >= 1)
        assert decided["majority"][k] == (2 * reached > len(views))
    means = aggregate(values, index, len(studies), "mean")
    np.testing.assert_allclose(means, [np.mean(views) for views in studies])


def test_a_study_without_views_is_refused():
    with pytest.raises(ParameterError, match="study 1"):
        aggregate([0.5, 0.5], [0, 2], 3, "mean")
    with pytest.raises(ParameterError, match="alo, majority, mean"):
        aggregate([0.5], [0], 1, "vote")
