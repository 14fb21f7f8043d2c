"""An aggregator on trained views: it sees images as they did, and begins where they have ended."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch

from fxcore.letterbox import Frame
from fxtrain.config import AugmentConfig, ModelConfig, TrainConfig
from fxtrain.evaluate import evaluate, load_model
from fxtrain.loader import evaluation_batches
from fxtrain.models import Aggregator
from fxtrain.origin import new_model, origin_of
from fxtrain.packing import pack_for
from fxtrain.progress import Silent
from fxtrain.run_directory import RunDirectory
from fxtrain.table import read_table
from fxtrain.trainer import train
from tests.train.data import SMALL

RX = ModelConfig(name="rx-lite")
RESNET = replace(SMALL, model=ModelConfig(name="resnet18"), data=replace(SMALL.data, frame=Frame(32, 32)))


class Heard(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def say(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture(scope="module")
def inverted(tmp_path_factory, dataset) -> Path:
    """Views that have learned from images of both kinds, centred on 0.5."""
    run = tmp_path_factory.mktemp("views") / "run"
    train(dataset, run, replace(SMALL, epochs=1, augment=AugmentConfig(invert=0.5)))
    return run


def on_views(run: Path, config: TrainConfig = SMALL, **options: object) -> TrainConfig:
    model = ModelConfig(name="aggregator", views=config.model.name, init=str(run), **options)
    return replace(config, model=model, epochs=1)


def test_trained_views_are_shown_images_as_they_have_learned_from(tmp_path, dataset, inverted):
    config = on_views(inverted, freeze_views=True)
    train(dataset, tmp_path / "run", config)
    table, place = read_table(dataset), RunDirectory(tmp_path / "run")
    assert (
        place.read_normalisation()
        == RunDirectory(inverted).read_normalisation()
        == (0.5, pytest.approx(table.deviation))
    )
    assert table.mean < 0.3
    # What the best checkpoint was chosen by is what evaluation finds, so that both showed it the same.
    history = torch.load(place.last, weights_only=True)["history"]
    result = evaluate(place.root, dataset, device="cpu")
    assert result["measures"]["model"]["auc"]["value"] == pytest.approx(history[0]["val_auc"])


@pytest.mark.parametrize("name", ["rx-lite", "aggregator"])
def test_weights_of_a_checkpoint_are_shown_images_as_in_its_run(dataset, inverted, name):
    best = RunDirectory(inverted).best
    config = replace(
        SMALL, model=ModelConfig(name=name, pretrained=str(best), freeze_views=name != "rx-lite")
    )
    origin = origin_of(config, read_table(dataset))
    assert (origin["image_mean"], origin["image_deviation"]) == RunDirectory(inverted).read_normalisation()


@pytest.mark.parametrize("base", [SMALL, RESNET], ids=["rx-lite", "resnet18"])
def test_judged_view_by_view_it_begins_exactly_as_good_as_its_views(tmp_path, dataset, base):
    train(dataset, tmp_path / "views", replace(base, epochs=1))
    config = on_views(tmp_path / "views", base, pool="logsumexp")
    views, aggregator = (
        load_model(RunDirectory(tmp_path / "views"))[0],
        new_model(config, weights=True).eval(),
    )
    assert isinstance(aggregator, Aggregator)
    table = read_table(dataset)
    origin = origin_of(config, table)
    normalisation = origin["image_mean"], origin["image_deviation"]
    assert normalisation == RunDirectory(tmp_path / "views").read_normalisation()
    packed, every = pack_for(table, config, Silent()), np.arange(len(table.studies))
    batches = evaluation_batches(table, packed, every, config, torch.device("cpu"), normalisation)
    with torch.inference_mode():
        for batch in batches:
            odds = views(batch.images).exp()
            index = batch.study_index
            mean = torch.zeros(int(index.max()) + 1).index_add(0, index, odds) / torch.bincount(index)
            torch.testing.assert_close(aggregator(batch.images, index).exp(), mean, rtol=1e-3, atol=1e-5)


def test_views_of_an_aggregator_come_with_its_classifier(tmp_path, dataset, inverted):
    train(dataset, tmp_path / "first", on_views(inverted))
    trained = load_model(RunDirectory(tmp_path / "first"))[0].classifier.state_dict()
    model = new_model(on_views(tmp_path / "first"), weights=True)
    torch.testing.assert_close(dict(model.classifier.state_dict()), dict(trained), rtol=0, atol=0)


@pytest.mark.parametrize("change", ["moved", "trained on"])
def test_views_that_cannot_be_held_against_any_more_are_told(tmp_path, dataset, inverted, change):
    views = Path(shutil.copytree(inverted, tmp_path / "views"))
    train(dataset, tmp_path / "run", on_views(views))
    heard = Heard()
    assert "over_views" in evaluate(tmp_path / "run", dataset, device="cpu", progress=heard)
    assert not heard.texts
    if change == "moved":
        views.rename(tmp_path / "elsewhere")
    else:
        best = RunDirectory(views).best
        torch.save(torch.load(best, weights_only=True) | {"history": []}, best)
    assert "over_views" not in evaluate(tmp_path / "run", dataset, device="cpu", progress=heard)
    assert len(heard.texts) == 1
    assert ("is not there any more" if change == "moved" else "has found other weights since") in heard.texts[
        0
    ]


def test_views_that_have_learned_from_another_kind_of_data_set_are_told(tmp_path, dataset, inverted):
    views = Path(shutil.copytree(inverted, tmp_path / "views"))
    place, heard = RunDirectory(views), Heard()
    made = {"steps": {"inversion": {"method": "corners"}}}
    place.provenance.write_text(json.dumps(place.read_provenance() | {"dataset_config": made}))
    train(dataset, tmp_path / "run", on_views(views), progress=heard)
    assert any(
        "have learned from others" in text and "steps.inversion.method" in text for text in heard.texts
    )


def test_training_divides_a_batch_of_many_views(tmp_path, dataset, monkeypatch):
    config = replace(SMALL, model=ModelConfig(name="aggregator", views="rx-lite"), epochs=1)
    losses, parts = [], []
    monkeypatch.setattr(
        "fxtrain.models.aggregator.checkpoint",
        lambda function, views, **_: parts.append(len(views)) or function(views),
    )
    for views in (8, 1):
        monkeypatch.setattr("fxtrain.trainer._VIEWS", views)
        losses.append(train(dataset, tmp_path / str(views), config)[0]["val_loss"])
        assert bool(parts) == (views == 1)
    assert max(parts) <= config.batch
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
