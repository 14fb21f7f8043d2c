"""What the benchmark of learning makes of runs: scores as evaluation has them, labels given to others."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from sklearn.metrics import roc_auc_score

from bench import learning
from fxtrain.evaluate import evaluate
from fxtrain.predict import read_scores
from fxtrain.trainer import train
from tests.train.data import SMALL, make


def test_scores_by_study_are_those_of_the_evaluation_in_one_order(dataset, tmp_path):
    views, aggregator = tmp_path / "views", tmp_path / "aggregator"
    train(dataset, views, replace(SMALL, epochs=2))
    config = learning.aggregator_recipe(views, epochs=1)
    train(dataset, aggregator, replace(config, data=SMALL.data))
    truths = []
    other = make(tmp_path / "other", studies=30, views=3, share=0.4)
    for run, ways in ((views, ("mean", "alo")), (aggregator, ("model",))):
        evaluate(run, dataset, device="cpu")
        found = evaluate(run, other, part="all", device="cpu")
        for how in ways:
            predictions = run / found["files"]["predictions"]
            _, broken, scores = read_scores(predictions, "mean" if how == "model" else how)
            expected = found["measures"][how]["auc"]["value"]
            assert roc_auc_score(broken, scores) == pytest.approx(expected, abs=0.01)
            truths.append(broken)
    assert truths[0].sum() == 12
    for broken in truths[1:]:
        np.testing.assert_array_equal(broken, truths[0])


def test_shuffled_labels_are_the_same_ones_given_to_other_studies(tmp_path):
    rows = [["study", "label"], *([f"{k}", "broken" if k % 3 == 0 else "not broken"] for k in range(60))]
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    learning._shuffle(tmp_path / "labels.csv", tmp_path / "shuffled.csv", seed=0)
    with (tmp_path / "shuffled.csv").open(encoding="utf-8", newline="") as file:
        shuffled = list(csv.reader(file))
    assert [row[0] for row in shuffled] == [row[0] for row in rows]
    assert sorted(row[1] for row in shuffled[1:]) == sorted(row[1] for row in rows[1:])
    assert 10 < sum(row != other for row, other in zip(shuffled, rows, strict=True)) < 50
