"""Weights of an earlier run: nobody they were trained on is kept aside, whatever became of the data set."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from fxcore.cli.train import _seen as said_of_seen
from fxcore.errors import DataSetError, ParameterError
from fxtrain import evaluate as evaluation
from fxtrain.config import ModelConfig, TrainConfig
from fxtrain.evaluate import _seen, evaluate
from fxtrain.origin import resolved, split_for
from fxtrain.run_directory import RunDirectory
from fxtrain.split import read_trained
from fxtrain.table import Table, read_table
from fxtrain.trainer import train
from tests.program import rows
from tests.train.data import SMALL, make
from tests.train.test_views import Heard


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Trained on 40 studies of 16 patients."""
    folder = tmp_path_factory.mktemp("origin")
    train(make(folder / "dataset", patients=16), folder / "run", replace(SMALL, epochs=1))
    return folder / "run"


def beginning_with(run: Path, by: str) -> TrainConfig:
    best = RunDirectory(run).best
    given = {
        "init": ModelConfig(name="aggregator", init=str(run)),
        "pretrained": ModelConfig(name="rx-lite", pretrained=str(best)),
    }
    return replace(SMALL, model=given[by], epochs=1, seed=5)


def kept(table: Table, run: Path, by: str) -> tuple[set[str], set[str]]:
    split, _ = split_for(beginning_with(run, by), table)
    return {table.studies[k] for k in split.val}, {table.patients[k] for k in split.val}


@pytest.mark.parametrize("by", ["init", "pretrained"])
def test_of_a_data_set_that_has_grown_nobody_trained_on_is_kept_aside(tmp_path, trained, by):
    seen = read_trained(trained / "split.csv")
    # The same patients have come again, and new ones.
    table = read_table(make(tmp_path / "grown", studies=90, patients=45))
    studies, patients = kept(table, trained, by)
    assert studies
    assert not studies & set(seen)
    assert not patients & set(seen.values())
    assert table.broken[split_for(beginning_with(trained, by), table)[0].val].any()


@pytest.mark.parametrize("by", ["init", "pretrained"])
def test_of_the_same_studies_the_same_are_kept_aside(trained, by):
    table = read_table(trained.parent / "dataset")
    expected = {row["study_id"] for row in rows(trained / "split.csv") if row["part"] == "val"}
    assert kept(table, trained, by)[0] == expected


def test_a_split_that_weights_bring_along_is_told_of(tmp_path, trained):
    heard = Heard()
    config = beginning_with(trained, "pretrained")
    config = replace(config, data=replace(config.data, val_fraction=0.5, val_balanced=True))
    train(trained.parent / "dataset", tmp_path / "run", config, progress=heard)
    split, brought = (rows(run / "split.csv") for run in (tmp_path / "run", trained))
    assert split == brought
    count = sum(row["part"] == "val" for row in brought)
    told = f"Kept aside are the {count} of 40 studies that {trained} kept aside"
    assert any(
        text.startswith(told) and "data.val_fraction, data.val_balanced and seed" in text
        for text in heard.texts
    )


def test_an_evaluation_says_how_much_of_it_was_trained_on(tmp_path, trained):
    grown = make(tmp_path / "grown", studies=90, patients=45)
    evaluate(trained, trained.parent / "dataset", device="cpu")
    result = evaluate(trained, grown, part="all", device="cpu")
    # The 40 studies of the run, and 16 of its patients.
    assert result["studies_trained_on"] + result["studies_validated_on"] == 56
    assert result["studies_validated_on"] >= 12
    assert result["studies_of_unknown_patients"] == 0
    unknown = make(tmp_path / "unknown", studies=50)
    result = evaluate(trained, unknown, part="all", device="cpu")
    assert result["studies_of_unknown_patients"] == 50
    assert "others of their patients, who are not known of 50; " in said_of_seen(result)
    with pytest.raises(DataSetError, match="how many of its studies were trained on"):
        evaluate(trained, grown, device="cpu")
    table = read_table(grown)
    strangers = replace(table, studies=[f"f{study[1:]}" for study in table.studies], patients=[""] * 90)
    assert set(_seen(RunDirectory(trained), strangers, np.arange(90)).values()) == {None}


def test_without_its_split_a_run_is_evaluated_all_the_same(tmp_path, trained, monkeypatch):
    run, dataset = Path(shutil.copytree(trained, tmp_path / "run")), trained.parent / "dataset"
    evaluate(run, dataset, device="cpu")
    split = run / "split.csv"
    # By the same key: then what is not in a split is not known, where that names no study.
    (run / "provenance.json").write_text(
        json.dumps(RunDirectory(run).read_provenance() | {"dataset_key_check": "abc"})
    )
    monkeypatch.setattr(evaluation, "read_table", lambda root: replace(read_table(root), key_check="abc"))
    for left in ("study_id,patient_id,label,part\n", None):
        split.unlink() if left is None else split.write_text(left)
        result = evaluate(run, dataset, part="all", device="cpu")
        assert result["studies_trained_on"] is result["studies_validated_on"] is None


def test_what_a_run_has_inherited_is_not_forgotten_by_the_next(tmp_path, trained):
    """The second run's data set has half of the studies; the third's has all of them again."""
    half = make(tmp_path / "half", studies=20)
    train(half, tmp_path / "second", beginning_with(trained, "pretrained"))
    table = read_table(trained.parent / "dataset")
    seen = set(read_trained(trained / "split.csv"))
    assert not seen <= set(read_table(half).studies)
    assert seen <= set(read_trained(tmp_path / "second" / "split.csv"))
    assert not kept(table, tmp_path / "second", "pretrained")[0] & seen
    # And the run itself goes on with its own split.
    assert len(train(half, tmp_path / "second", replace(SMALL, epochs=2), resume=True)) == 2


def test_a_data_set_by_another_key_is_refused_and_strangers_by_the_same_key_are_not(tmp_path, trained):
    table = read_table(make(tmp_path / "other"))
    table = replace(
        table,
        studies=[f"f{study[1:]}" for study in table.studies],
        patients=[f"other-{k}" for k in range(len(table.studies))],
    )
    with pytest.raises(DataSetError, match="the same --key"):
        kept(table, trained, "init")
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    origin = json.loads((run / "provenance.json").read_text())
    (run / "provenance.json").write_text(json.dumps(origin | {"dataset_key_check": "abc"}))
    assert kept(replace(table, key_check="abc"), run, "init")[0]
    with pytest.raises(DataSetError, match="the same --key"):
        kept(replace(table, key_check="abd"), run, "init")
    # Outside of a run, nothing is known of weights.
    shutil.copy(RunDirectory(run).best, tmp_path / "weights.pt")
    named = ModelConfig(name="rx-lite", pretrained=str(tmp_path / "weights.pt"))
    assert len(split_for(replace(SMALL, model=named), table)[0].val)


def test_links_that_lead_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "loop.pt").symlink_to("loop.pt")
    with pytest.raises(ParameterError, match="in a circle"):
        resolved(ModelConfig(pretrained=str(tmp_path / "loop.pt")))
