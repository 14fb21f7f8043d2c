"""What a run says: where it ended early, what it left out, why weights or a data set are not its own."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch
import torchvision

from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.json_text import json_text
from fxcore.letterbox import Frame
from fxtrain.config import ModelConfig, OptimConfig
from fxtrain.evaluate import evaluate
from fxtrain.models import create_model
from fxtrain.run_directory import RunDirectory
from fxtrain.trainer import train
from tests.program import rows
from tests.train.data import SMALL, make
from tests.train.test_views import Heard

ONE = replace(SMALL, epochs=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, dataset) -> Path:
    run = tmp_path_factory.mktemp("told") / "run"
    train(dataset, run, ONE)
    evaluate(run, dataset, device="cpu")
    return run


def test_a_run_that_ended_early_says_so_and_goes_on_with_more_patience(tmp_path, dataset):
    heard = Heard()
    still = replace(SMALL, optim=OptimConfig(learning_rate=1e-12), epochs=20, patience=1)
    ended = "Ended after epoch 2 of 20, as none of the last 1 was better than epoch 1 by auc (patience = 1)"
    assert len(train(dataset, tmp_path / "run", still, progress=heard)) == 2
    assert [text for text in heard.texts if text.startswith(ended)]
    more = replace(still, patience=3)
    assert len(train(dataset, tmp_path / "run", more, resume=True, progress=heard)) == 4
    assert "none of the last 3" in heard.texts[-1]
    assert RunDirectory(tmp_path / "run").read_config().patience == 3


def with_steps(dataset: Path, steps: dict[str, object] | None, **ingest: object) -> Path:
    """Make the data set one of other settings."""
    said = json.loads((dataset / "dataset.json").read_text())
    config = {"steps": steps} | ({"ingest": ingest} if ingest else {})
    (dataset / "dataset.json").write_text(json.dumps(said | {"config": config}))
    return dataset


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            {"inversion": {"method": "corners"}},
            r"steps\.inversion\.method: 'corners' there, '\w+' by the model",
        ),
        (None, "is not preprocessed, and the model learned from radiographs that were"),
    ],
)
def test_a_data_set_made_otherwise_is_judged_by_when_asked_for_and_then_said(tmp_path, trained, steps, said):
    other = with_steps(make(tmp_path / "other"), steps)
    with pytest.raises(DataSetError, match=rf"{said}.*--as-is"):
        evaluate(trained, other, part="all", device="cpu")
    result = evaluate(trained, other, part="all", device="cpu", as_is=True)
    assert result["made_otherwise"]
    assert result["dataset"] == str(other)
    written = (trained / result["files"]["evaluation"]).read_text()
    assert json.loads(written) == json.loads(json_text(result))


def test_an_evaluation_of_a_data_set_does_not_replace_that_of_another_of_its_name(tmp_path, trained):
    judged = {}
    for place, studies in (("a", 6), ("b", 8), ("b", 8)):
        (tmp_path / place).mkdir(exist_ok=True)
        other = tmp_path / place / "other"
        other = other if other.exists() else make(other, studies)
        judged[place] = evaluate(trained, other, part="all", device="cpu", aggregates=["mean"])
    names = [set(found["files"].values()) for found in judged.values()]
    assert not names[0] & names[1]
    for found in judged.values():
        assert found["files"]["evaluation"].startswith("evaluation-all-other-")
        written = json.loads((trained / found["files"]["evaluation"]).read_text())
        assert (written["dataset"], written["studies"]) == (found["dataset"], found["studies"])
        assert len(rows(trained / found["files"]["predictions"])) == found["radiographs"]
        assert (trained / found["files"]["confusion"]).exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image_studies": "folder"}, "'folder' there, 'auto' by the model"),
        ({"max_instances": 3}, "3 there, 0 by the model"),
    ],
)
def test_other_studies_of_the_same_radiographs_are_not_judged_without_a_word(tmp_path, changed, said):
    learned = with_steps(make(tmp_path / "learned"), {}, seconds_per_file=60.0)
    train(learned, tmp_path / "run", ONE)
    evaluate(tmp_path / "run", learned, device="cpu")
    other = with_steps(Path(shutil.copytree(learned, tmp_path / "other")), {}, **changed)
    name = next(iter(changed))
    with pytest.raises(DataSetError, match=rf"\(ingest\.{name}: {said}\).*--as-is"):
        evaluate(tmp_path / "run", other, part="all", device="cpu")
    assert evaluate(tmp_path / "run", other, part="all", device="cpu", as_is=True)["made_otherwise"]


def test_one_made_alike_is_judged_by_without_a_word(tmp_path, trained):
    # What is left out is at its default.
    other = with_steps(make(tmp_path / "other"), {"inversion": {}})
    assert evaluate(trained, other, part="all", device="cpu")["made_otherwise"] is None


def test_radiographs_without_a_label_are_counted(tmp_path, dataset, trained):
    some, heard = Path(shutil.copytree(dataset, tmp_path / "some")), Heard()
    lines = (some / "metadata.csv").read_text().splitlines(keepends=True)
    changed = [line.replace("not_broken", "unlabelled") for line in lines[-3:]]
    assert changed != lines[-3:]
    (some / "metadata.csv").write_text("".join([*lines[:-3], *changed]))
    train(some, tmp_path / "run", ONE, progress=heard)
    assert any(text.startswith("3 radiographs of") for text in heard.texts)
    assert evaluate(trained, some, part="all", device="cpu")["radiographs_unlabelled"] == 3


def test_of_studies_whose_patients_are_not_known_it_is_told_that_one_may_be_on_both_sides(tmp_path):
    heard = Heard()
    some = make(tmp_path / "some", patients=16)
    train(some, tmp_path / "all_known", ONE, progress=heard)
    assert not heard.texts
    lines = (some / "metadata.csv").read_text().splitlines(keepends=True)
    changed = [line.replace(",p3,", ",,") for line in lines]
    assert changed != lines
    (some / "metadata.csv").write_text("".join(changed))
    train(some, tmp_path / "run", ONE, progress=heard)
    (told,) = heard.texts
    assert told.startswith("Of 3 of 40 studies the patient is not known: ")
    train(some, tmp_path / "run", ONE, resume=True, progress=heard)
    assert len(heard.texts) == 1


def test_a_run_gone_on_with_for_longer_says_that_its_learning_rate_is_another_one(tmp_path, dataset):
    heard, constant = Heard(), OptimConfig(schedule="constant")
    for name, optim, told in (("cosine", OptimConfig(), 1), ("constant", constant, 0)):
        heard.texts.clear()
        train(dataset, tmp_path / name, replace(ONE, optim=optim))
        train(dataset, tmp_path / name, replace(ONE, epochs=2), resume=True, progress=heard)
        assert sum("as in a run of 2 epochs, no more as in one of 1" in text for text in heard.texts) == told


def test_how_few_an_epoch_shows_of_a_rare_class_is_told(tmp_path):
    heard = Heard()
    train(make(tmp_path / "rare", views=1, share=0.1), tmp_path / "run", ONE, progress=heard)
    said = "Of 28 radiographs to train on, each epoch shows 6, as many of either class"
    assert sum(text.startswith(said) for text in heard.texts) == 1


@pytest.mark.parametrize(("warmup", "told"), [(0.5, False), (1, True)])
def test_a_learning_rate_that_is_never_reached_is_told(tmp_path, dataset, warmup, told):
    heard = Heard()
    train(dataset, tmp_path / "run", replace(ONE, optim=OptimConfig(warmup_epochs=warmup)), progress=heard)
    said = "The learning rate never gets to optim.learning_rate: optim.warmup_epochs = 1, and epochs = 1."
    assert (said in heard.texts) == told


def test_a_data_set_whose_mean_is_no_number_is_refused_by_name(tmp_path):
    dataset = make(tmp_path / "dataset", studies=4)
    said = json.loads((dataset / "dataset.json").read_text())
    for name, wrong in (("mean", "x"), ("standard_deviation", []), ("mean", True)):
        (dataset / "dataset.json").write_text(json.dumps(said | {name: wrong}))
        with pytest.raises(DataSetError, match=rf"dataset\.json is damaged: '{name}' is no number"):
            train(dataset, tmp_path / "run", ONE)


def test_logits_are_those_that_the_probabilities_are_of(trained):
    for row in rows(trained / "predictions.csv"):
        expected = torch.sigmoid(torch.tensor(float(row["logit"]), dtype=torch.float64)).item()
        assert float(row["probability"]) == pytest.approx(expected, abs=2e-6)


# --- a run that something happened to ---


def of_run(tmp_path: Path, trained: Path) -> RunDirectory:
    return RunDirectory(Path(shutil.copytree(trained, tmp_path / "run")))


@pytest.mark.parametrize("left", [b"", b"no checkpoint", "half"])
def test_a_damaged_checkpoint_is_told_in_a_line_of_ours(tmp_path, dataset, trained, left):
    place = of_run(tmp_path, trained)
    for path, use in ((place.last, train), (place.best, evaluate)):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if left == "half" else left)
        with pytest.raises(FxrayError, match=rf"{path.name} is damaged \(\w+\); put .* or train anew$"):
            use(place.root, dataset) if use is evaluate else use(dataset, place.root, resume=True)
        path.write_bytes(whole)


def test_of_a_run_that_lost_its_best_checkpoint_it_is_not_said_that_it_finished_no_epoch(
    tmp_path, dataset, trained
):
    place = of_run(tmp_path, trained)
    place.best.unlink()
    with pytest.raises(FxrayError, match=r"lost its checkpoint best\.pt; put it back, or train anew"):
        evaluate(place.root, dataset)


def test_the_setting_that_a_run_cannot_be_gone_on_with_is_named(tmp_path, dataset, trained):
    place = of_run(tmp_path, trained)
    text = place.config.read_text()
    place.config.write_text(text.replace("learning_rate = 0.002", "learning_rate = 0.01"))
    with pytest.raises(ParameterError, match=r"last\.pt .*optim\.learning_rate: 0\.002 then, 0\.01 now"):
        train(dataset, place.root, resume=True)


def test_a_provenance_that_holds_something_else_is_told(tmp_path, dataset, trained):
    place = of_run(tmp_path, trained)
    place.provenance.write_text("[]")
    with pytest.raises(FxrayError, match=r"cannot read \S+provenance\.json: it holds no settings by name"):
        evaluate(place.root, dataset)


# --- weights ---


def test_weights_as_torchvision_publishes_them_are_taken(tmp_path):
    torch.manual_seed(3)
    for name in ("resnet18", "googlenet"):
        options = {"init_weights": True} if name == "googlenet" else {}
        published = torchvision.models.get_model(name, weights=None, **options)
        torch.save(published.state_dict(), tmp_path / f"{name}.pth")
        config = ModelConfig(name=name, pretrained=str(tmp_path / f"{name}.pth"))
        model = create_model(config, Frame(64, 64))
        first = next(each for each in model.state_dict().values() if each.shape[1:2] == (1,))
        expected = next(iter(published.state_dict().values())).sum(dim=1, keepdim=True)
        torch.testing.assert_close(first, expected)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("resnet18", r"^nothing$", ""),
        ("densenet121", r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2"),
        ("vit_b_32", r"mlp\.0\.", "mlp.linear_1."),
    ],
)
def test_published_weights_of_long_ago_are_taken(tmp_path, name, old, new):
    """Files of torchvision have no counts of batches, and some the names of its first versions."""
    options = {"image_size": 64} if name == "vit_b_32" else {}
    published = torchvision.models.get_model(name, weights=None, **options).state_dict()
    state = {
        re.sub(old, new, key).replace("mlp.3.", "mlp.linear_2."): value
        for key, value in published.items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(state, tmp_path / "weights.pth")
    config = ModelConfig(name=name, pretrained=str(tmp_path / "weights.pth"))
    model = create_model(config, Frame(64, 64)).state_dict()
    of_matrices = [value for value in model.values() if value.ndim == 2 and value.shape[0] > 1]
    of_filters = [value for value in model.values() if value.ndim == 4 and value.shape[1] > 1]
    for value in (*of_matrices, *of_filters):
        assert any(value.shape == each.shape and value.equal(each) for each in published.values())


@pytest.mark.parametrize(("larger", "name"), [("resnet34", "resnet18"), ("convnext_small", "convnext_tiny")])
def test_published_weights_of_a_larger_network_are_not_cut_to_a_smaller_one(tmp_path, larger, name):
    torch.save(torchvision.models.get_model(larger, weights=None).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(FxrayError, match=r"not of this model: it has no \S+, of which kind they hold \d+$"):
        create_model(ModelConfig(name=name, pretrained=str(tmp_path / "weights.pth")), Frame(64, 64))


def test_weights_that_a_run_has_given_are_taken_with_the_versions_of_their_modules(tmp_path):
    model = create_model(ModelConfig(name="mnasnet0_5"), Frame(64, 64))
    torch.save({"model": model.state_dict()}, tmp_path / "best.pt")
    again = create_model(ModelConfig(name="mnasnet0_5", pretrained=str(tmp_path / "best.pt")), Frame(64, 64))
    for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_an_aggregator_takes_published_weights_for_its_views(tmp_path):
    published = torchvision.models.resnet18()
    torch.save(published.state_dict(), tmp_path / "resnet18.pth")
    config = ModelConfig(name="aggregator", views="resnet18", pretrained=str(tmp_path / "resnet18.pth"))
    model = create_model(config, Frame(64, 64))
    torch.testing.assert_close(
        model.features[4][0].conv1.weight, published.layer1[0].conv1.weight, rtol=0, atol=0
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"a": torch.zeros(1)}, r"they lack \d+ of its \d+ tensors, features\.0\.weight and so on"),
        ("more", r"it has no another, of which kind they hold 1$"),
        ("shape", r"features\.0\.weight has the shape \(2, 2\) there, and \(16, 1, 3, 3\) here$"),
        ([1, 2], "holds no weights by name"),
        (b"no file of torch", r"it is damaged, or no file of plain tensors.*\(\w+\)$"),
    ],
)
def test_weights_of_another_model_are_refused_in_one_line(tmp_path, state, said):
    own = create_model(SMALL.model, SMALL.data.frame).state_dict()
    changed = {
        "more": own | {"another": torch.zeros(1)},
        "shape": own | {"features.0.weight": torch.zeros(2, 2)},
    }
    path = tmp_path / "weights.pt"
    if isinstance(state, bytes):
        path.write_bytes(state)
    else:
        torch.save(changed.get(state, state) if isinstance(state, str) else state, path)
    with pytest.raises(FxrayError, match=said) as refused:
        create_model(replace(SMALL.model, pretrained=str(path)), SMALL.data.frame)
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


def test_where_imagenet_cannot_be_reached_the_file_to_fetch_is_named(monkeypatch):
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision._internally_replaced_utils.load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(FxrayError, match=r"no route to host.*/resnet18-\w+\.pth elsewhere"):
        create_model(ModelConfig(name="resnet18", pretrained="imagenet"), Frame(64, 64))


def test_a_seed_too_large_is_told_its_limit():
    with pytest.raises(ParameterError, match=r"seed must be in 0\.\.2147483647, not 2147483648"):
        replace(SMALL, seed=2**31)
