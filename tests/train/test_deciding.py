"""What an evaluation decides: by what is stored, as scoring does, and without what has no number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")
pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

import torch

from fxcore.aggregate import AGGREGATES, BY_MODEL
from fxcore.errors import FxrayError
from fxserve.records import StudyScore, judge
from fxtrain import evaluate as evaluation
from fxtrain.evaluate import Operating
from fxtrain.metrics import probability
from fxtrain.models import Aggregator, create_model
from fxtrain.packing import pack
from fxtrain.predict import Predictions, predict
from fxtrain.table import read_table
from tests.train.data import SMALL


def predictions(*views: list[float], by_study: bool = False) -> Predictions:
    """Return predictions of a study for each list of probabilities of its views, every second one broken."""
    flat = np.array([value for study in views for value in study])
    with np.errstate(divide="ignore", invalid="ignore"):
        logits = np.log(flat / (1 - flat))
    index = np.repeat(np.arange(len(views)), [len(study) for study in views])
    every = np.arange(len(views))
    return Predictions(every, every % 2 == 0, np.arange(len(flat)), index, logits, by_study)


@pytest.mark.parametrize("how", [*AGGREGATES, BY_MODEL])
def test_a_study_is_decided_as_scoring_decides_it(how):
    rng = np.random.default_rng(0)
    threshold = 0.3712345
    # All within the rounding of what is stored, where another order of rounding decides otherwise.
    views = [
        list(threshold + rng.uniform(-1.5e-6, 1.5e-6, 1 if how == BY_MODEL else 1 + k % 4))
        for k in range(400)
    ]
    found = predictions(*views, by_study=how == BY_MODEL)
    decided = found.decided(how, threshold)
    assert 5 < decided.sum() < 395
    for k, study in enumerate(views):
        rows = tuple({"radiograph_id": f"{view}"} for view in range(len(study)))
        stored = tuple(round(float(p), 6) for p in probability(found.logits[found.study == k]))
        assert judge(StudyScore("s", "", rows, stored), how, threshold).positive == decided[k]


def test_figures_are_of_what_was_decided():
    found = predictions([0.4999996], [0.4999994], [0.9], [0.1])
    result = evaluation._judged(found, ["mean"], Operating("mean", 0.5, 1.0, ""))
    assert result["measures"]["mean"]["accuracy"]["value"] == 1.0
    assert result["measures"]["radiograph"]["accuracy"]["value"] == 1.0
    assert result["confusion"]["mean"] == [[2, 0], [0, 2]]
    assert result["confusion_percent"]["mean"] == [[50, 0], [0, 50]]


def test_a_view_without_a_number_does_not_count_and_a_study_without_any_is_refused():
    found = predictions([0.9, math.nan, 0.7], [0.2])
    kept = found.with_numbers()
    np.testing.assert_array_equal(kept.rows, [0, 2, 3])
    np.testing.assert_allclose(kept.scores("mean"), [0.8, 0.2])
    np.testing.assert_array_equal(kept.decided("mean", 0.5), [True, False])
    assert kept.with_numbers() is kept
    for lost in (predictions([0.9], [math.nan, 0.0]), predictions([0.9], [math.nan], by_study=True)):
        with pytest.raises(FxrayError, match="no finite number for 1 of 2 studies"):
            lost.with_numbers()


@pytest.mark.parametrize("name", ["rx-lite", "aggregator"])
def test_a_study_of_many_views_takes_no_more_memory_than_a_batch(dataset, name):
    """As of a DICOM file of a thousand frames."""
    table = read_table(dataset)
    many = replace(table, study=np.zeros(len(table), int), studies=table.studies[:1], broken=table.broken[:1])
    packed = pack(table, SMALL.data.frame, 1.0)
    model = create_model(replace(SMALL.model, name=name), SMALL.data.frame)
    counts: list[int] = []
    model.features.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))

    def logits(rows, config=SMALL):
        studies = np.arange(len(rows.studies))
        return predict(model, rows, packed, studies, config, torch.device("cpu"), (0.3, 0.3)).logits

    found = logits(many)
    assert max(counts) <= SMALL.batch
    expected = logits(many, replace(SMALL, batch=1000)) if name == "aggregator" else logits(table)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_many_views_are_learned_from_in_parts_as_if_all_at_once(frozen):
    torch.manual_seed(0)
    views, study = torch.rand(11, 1, 40, 32), torch.tensor([0] * 7 + [1] * 4)
    model = Aggregator(create_model(SMALL.model, SMALL.data.frame), "max", freeze_views=frozen)
    counts: list[int] = []
    model.features.register_forward_pre_hook(lambda _, inputs: counts.append(len(inputs[0])))
    gradients = []
    for at_once in (0, 4):
        model.zero_grad()
        model(views, study, at_once).square().sum().backward()
        gradients.append([weight.grad for weight in model.parameters() if weight.requires_grad])
    # Each part once more for the gradient, where views learn.
    assert sorted(counts) == [3, 4, 4, 11] if frozen else [3, 3, 4, 4, 4, 4, 11]
    for whole, parts in zip(*gradients, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
