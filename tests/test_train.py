"""The trainer: no leaks between parts, balanced epochs, augmentation as torchvision's, runs that resume."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install 'fxray[train]'")

import torch
from click.testing import Result
from torchvision.transforms.v2 import functional as reference
from typer.testing import CliRunner

from fxcore.cli.app import app
from fxcore.config import to_toml
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.letterbox import Frame, fit_image
from fxtrain import augment, export, trainer
from fxtrain.config import AugmentConfig, DataConfig, ModelConfig, OptimConfig
from fxtrain.evaluate import evaluate
from fxtrain.loader import prefetch
from fxtrain.models import Aggregator, create_model
from fxtrain.packing import pack
from fxtrain.run_directory import RunDirectory
from fxtrain.sampler import epoch_order, sampling_probabilities
from fxtrain.split import read_split, split_studies, write_split
from fxtrain.table import read_table
from fxtrain.trainer import train
from tests.program import fxray
from tests.train_data import SMALL, make

FRAME = SMALL.data.frame


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make(tmp_path_factory.mktemp("train") / "dataset")


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    train(dataset, run, replace(SMALL, epochs=12))
    return run


# --- split and sampler ---


@pytest.mark.parametrize("balanced", [False, True])
def test_no_patient_is_on_both_sides_and_classes_are_kept_in_proportion(tmp_path, balanced):
    table = read_table(make(tmp_path / "dataset", studies=120, views=1, share=0.25, patients=50))
    config = DataConfig(val_fraction=0.3, val_balanced=balanced)
    split = split_studies(table, config, seed=1)
    patients = [{table.patients[k] for k in side} for side in (split.train, split.val)]
    assert not patients[0] & patients[1]
    assert not set(split.train) & set(split.val)
    share = table.broken[split.val].mean()
    if balanced:
        assert share == 0.5
    else:
        assert len(split.train) + len(split.val) == 120
        assert abs(len(split.val) / 120 - 0.3) < 0.06
        assert abs(share - 0.25) < 0.1
    again = split_studies(table, config, seed=1)
    np.testing.assert_array_equal(split.val, again.val)
    assert not np.array_equal(split.val, split_studies(table, config, seed=2).val)
    write_split(tmp_path / "split.csv", table, split)
    np.testing.assert_array_equal(read_split(tmp_path / "split.csv", table).train, split.train)


def test_a_data_set_of_one_class_or_too_few_studies_is_refused(tmp_path):
    for name, studies, share in (("one-class", 20, 1.0), ("few", 2, 0.5)):
        with pytest.raises(DataSetError, match=r"data\.val_fraction"):
            train(make(tmp_path / name, studies, share=share), tmp_path / f"run-{name}", SMALL)


def test_an_epoch_is_balanced_and_shows_nothing_twice():
    broken = np.arange(1000) < 150
    orders = [epoch_order(broken, "balanced", 0, epoch) for epoch in range(40)]
    for order in orders:
        assert len(order) == len(set(order)) == 300
        assert broken[order].sum() == 150
    # Equation 4.3: each sample's chance to stand at one place of an epoch.
    first = np.bincount(np.concatenate([order[:100] for order in orders]), minlength=1000) / (40 * 100)
    expected = sampling_probabilities(broken)
    assert expected.sum() == pytest.approx(1)
    assert first[broken].mean() == pytest.approx(expected[0], rel=0.1)
    assert first[~broken].mean() == pytest.approx(expected[-1], rel=0.1)
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[3], epoch_order(broken, "balanced", 0, 3))
    assert sorted(epoch_order(broken, "shuffle", 0, 0)) == list(range(1000))


# --- images ---


def test_letterboxing_keeps_the_shape_and_resizing_does_not():
    image = np.full((100, 50), 200, np.uint8)
    boxed = fit_image(image, Frame(40, 40))
    assert boxed.shape == (40, 40)
    assert (boxed[:, 10:30] == 200).all()
    assert not boxed[:, :10].any()
    assert not boxed[:, 30:].any()
    assert (fit_image(image, Frame(40, 40, "resize")) == 200).all()
    # All of the image counts: the mean stays.
    noise = np.random.default_rng(0).integers(0, 256, (400, 200), dtype=np.uint8)
    assert fit_image(noise, Frame(20, 40)).mean() == pytest.approx(noise.mean(), abs=1)
    assert fit_image(np.full((3, 2), 9, np.uint8), Frame(20, 40)).max() == 9


def test_packing_is_done_once_and_again_when_the_data_set_changes(tmp_path, dataset):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    table = read_table(copy)
    begun = []
    packed = pack(table, FRAME, 1.25, begun.append)
    assert packed.exact.shape == (len(table), 40, 32)
    assert packed.roomy.shape == (len(table), 50, 40)
    pack(table, FRAME, 1.25, begun.append)
    assert begun == [len(table)]
    pack(read_table(make(copy, studies=42)), FRAME, 1.25, begun.append)
    assert len(begun) == 2
    table.path(3).write_bytes(b"\x89PNG")
    with pytest.raises(DataSetError, match="is damaged"):
        pack(table, Frame(30, 30), 1.0)
    table.path(3).unlink()
    with pytest.raises(DataSetError, match="No such file"):
        pack(table, Frame(30, 31), 1.0)
    assert not list((tmp_path / "dataset.packed").glob("*.partial"))


def test_augmentation_is_that_of_torchvision(dataset):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 50, 40), dtype=np.uint8))
    drawn = torch.tensor(
        [  # side, across, down, mirrored, inverted: crops of whole pixels
            [0.8, 0.0, 0.0, 1, 0],
            [0.8, 1.0, 1.0, 1, 0],
            [0.9, 0.5, 0.4, -1, 0],
            [1.0, 0.3, 0.7, 1, 1],
            [0.8, 0.25, 0.5, -1, 1],
            [1.0, 0.0, 0.0, 1, 0],
        ]
    )
    ours = augment.augment(images, drawn, 40, 32, 0.25, 0.5)
    for image, (side, across, down, mirrored, inverted), found in zip(
        images, drawn.tolist(), ours, strict=True
    ):
        height, width = round(50 * side), round(40 * side)
        top, left = round((50 - height) * down), round((40 - width) * across)
        expected = reference.resized_crop(
            image[None].float(), top, left, height, width, [40, 32], antialias=False
        )
        expected = reference.horizontal_flip(expected) if mirrored < 0 else expected
        expected = 255 - expected if inverted else expected
        expected = reference.normalize(expected / 255, [0.25], [0.5])
        # At the rim of a crop, ours sees the pixel beyond it where torchvision repeats the last.
        torch.testing.assert_close(found[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=2e-5, rtol=0)


def test_what_is_drawn_follows_from_the_seed_and_is_as_often_as_asked():
    config = AugmentConfig(crop_least=0.9, flip=0.25, invert=0.5)
    drawn = augment.draw(20_000, config, 1, 2, 3)
    torch.testing.assert_close(drawn, augment.draw(20_000, config, 1, 2, 3))
    assert not torch.equal(drawn, augment.draw(20_000, config, 1, 2, 4))
    assert 0.9 <= drawn[:, 0].min() < 0.901
    assert drawn[:, 0].max() <= 1
    assert float((drawn[:, 3] < 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(drawn[:, 4].mean()) == pytest.approx(0.5, abs=0.02)


def test_prefetching_passes_on_items_errors_and_ends():
    assert list(prefetch(range(100))) == list(range(100))

    def broken():
        yield 1
        raise DataSetError("gone")

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(DataSetError, match="gone"):
        next(items)
    endless = prefetch(iter(int, 1))
    next(endless)
    endless.close()


# --- models ---


@pytest.mark.parametrize("name", ["rx-lite", "rx-lite-plain", "resnet18", "mobilenet_v3_small", "vit_b_32"])
def test_models_take_one_channel_and_give_one_logit(name):
    model = create_model(ModelConfig(name=name), Frame(48, 64)).eval()
    assert model(torch.randn(3, 1, 64, 48)).shape == (3,)


def test_rx_large_fits_the_default_size_and_learns_where_the_plain_one_does_not():
    images = torch.randn(8, 1, 512, 341)
    gradients = {}
    for name in ("rx-large", "rx-large-plain"):
        torch.manual_seed(0)
        model = create_model(ModelConfig(name=name), Frame())
        model(images).sum().backward()
        first = next(module for module in model.features if isinstance(module, torch.nn.Conv2d))
        gradients[name] = float(first.weight.grad.norm())
    assert gradients["rx-large"] > 100 * gradients["rx-large-plain"]
    with pytest.raises(ParameterError, match="too small"):
        create_model(ModelConfig(name="rx-large"), Frame(40, 40))


def test_unknown_models_and_foreign_weights_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="rx-lite"):
        create_model(ModelConfig(name="resnet19"), FRAME)
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(FxrayError, match="not of this model"):
        create_model(ModelConfig(name="rx-lite", pretrained=str(tmp_path / "weights.pt")), FRAME)


@pytest.mark.parametrize("pool", ["max", "mean", "attention"])
def test_a_study_is_judged_the_same_whatever_is_beside_it(pool):
    torch.manual_seed(0)
    model = create_model(ModelConfig(name="aggregator", pool=pool), FRAME).eval()
    views = torch.randn(6, 1, 40, 32)
    together = model(views, torch.tensor([0, 0, 0, 1, 2, 2]))
    alone = [model(views[a:b], torch.zeros(b - a, dtype=torch.int64)) for a, b in ((0, 3), (3, 4), (4, 6))]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(
        model(views[order], torch.zeros(3, dtype=torch.int64)), alone[0], atol=1e-5, rtol=1e-5
    )


# --- training ---


def state(run):
    return RunDirectory(run).load(RunDirectory(run).last)


def assert_same_weights(one, other):
    for name, value in state(one)["model"].items():
        assert torch.equal(value, state(other)["model"][name]), name


def test_it_learns_what_is_plain_to_see(dataset, trained):
    result = evaluate(trained, dataset, device="cpu")
    assert result["measures"]["alo"]["auc"]["value"] > 0.9
    with RunDirectory(trained).metrics.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(k + 1) for k in range(12)]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    names = {path.name for path in trained.iterdir()}
    assert names >= {
        "config.toml",
        "split.csv",
        "metrics.csv",
        "provenance.json",
        "curves.png",
        "confusion.png",
    }
    provenance = json.loads((trained / "provenance.json").read_text())
    assert {
        "versions",
        "git_commit",
        "dataset_fingerprint",
        "command",
        "seed",
        "machine",
    } <= provenance.keys()


def test_the_same_seed_is_the_same_run_and_a_resumed_one_too(dataset, tmp_path, monkeypatch):
    train(dataset, tmp_path / "one", SMALL)
    train(dataset, tmp_path / "two", SMALL)
    assert_same_weights(tmp_path / "one", tmp_path / "two")

    class Killed(BaseException):
        pass

    epochs = []
    real = trainer.Trainer._epoch

    def killed(self, epoch):
        if epoch == 1 and not epochs:
            epochs.append(epoch)
            # In the middle of an epoch, after steps whose effect must not remain.
            for step, batch in enumerate(self.batches.epoch(epoch)):
                self.step(batch)
                if step == 1:
                    raise Killed
        return real(self, epoch)

    monkeypatch.setattr(trainer.Trainer, "_epoch", killed)
    with pytest.raises(Killed):
        train(dataset, tmp_path / "three", SMALL)
    history = train(dataset, tmp_path / "three", resume=True)
    assert len(history) == 3
    assert_same_weights(tmp_path / "one", tmp_path / "three")
    train(dataset, tmp_path / "four", replace(SMALL, seed=1))
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "one", tmp_path / "four")


def test_two_processes_do_what_one_does(dataset, tmp_path):
    """Through torchrun, as a user would; the same global batch, so the same loss."""
    config = tmp_path / "train.toml"
    config.write_text(to_toml(replace(SMALL, epochs=2)))
    train(dataset, tmp_path / "one", replace(SMALL, epochs=2))
    command = ["torch.distributed.run", "--nproc-per-node", "2", "-m", "fxtrain", "train"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            *command,
            str(dataset),
            str(tmp_path / "two"),
            "--config",
            str(config),
            "--quiet",
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    losses = [[row["train_loss"] for row in state(tmp_path / name)["history"]] for name in ("one", "two")]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_the_aggregator_starts_from_trained_views_and_can_leave_them_as_they_are(dataset, trained, tmp_path):
    model = ModelConfig(name="aggregator", views="rx-lite", init=str(trained), freeze_views=True)
    train(dataset, tmp_path / "run", replace(SMALL, model=model, epochs=4))
    before = RunDirectory(trained).load(RunDirectory(trained).best)["model"]
    after = state(tmp_path / "run")["model"]
    for name, value in before.items():
        if name.startswith("features."):
            assert torch.equal(value, after[name]), name
    result = evaluate(tmp_path / "run", dataset, device="cpu")
    assert list(result["measures"]) == ["model"]
    assert result["measures"]["model"]["auc"]["value"] > 0.8
    with pytest.raises(FxrayError, match="not those of this aggregator"):
        train(dataset, tmp_path / "other", replace(SMALL, model=replace(model, views="resnet18")))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(dataset, tmp_path, monkeypatch):
    train(dataset, tmp_path / "run", replace(SMALL, epochs=1))
    before = RunDirectory(tmp_path / "run").last.read_bytes()
    real = trainer.Trainer.step

    def poisoned(self, batch):
        batch.images.fill_(float("nan"))
        return real(self, batch)

    monkeypatch.setattr(trainer.Trainer, "step", poisoned)
    with pytest.raises(FxrayError, match=r"no number any more.*learning_rate"):
        train(dataset, tmp_path / "run", replace(SMALL, epochs=2), resume=True)
    assert RunDirectory(tmp_path / "run").last.read_bytes() == before


def test_a_full_disk_at_a_checkpoint_keeps_the_one_before(dataset, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)], capture_output=True
    ).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        # Room for the checkpoints of one epoch, not for new ones beside them.
        with pytest.raises(FxrayError, match=r"No space left.*is intact"):
            train(dataset, disk / "run", SMALL)
        assert len(state(disk / "run")["history"]) == 1
        subprocess.run(["mount", "-o", "remount,size=60m", str(disk)], check=True)
        train(dataset, disk / "run", resume=True)
        train(dataset, tmp_path / "undisturbed", SMALL)
        assert_same_weights(disk / "run", tmp_path / "undisturbed")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_patience_ends_a_run_that_gets_no_better(dataset, tmp_path):
    still = replace(SMALL, optim=OptimConfig(learning_rate=1e-12), epochs=20, patience=2)
    assert len(train(dataset, tmp_path / "run", still)) == 3


@pytest.mark.parametrize("optimiser", ["adamw", "amsgrad", "sgd"])
def test_every_optimiser_and_schedule_trains(dataset, tmp_path, optimiser):
    schedule = {"adamw": "cosine", "amsgrad": "step", "sgd": "constant"}[optimiser]
    optim = OptimConfig(optimiser=optimiser, schedule=schedule, learning_rate=2e-3)
    history = train(dataset, tmp_path / "run", replace(SMALL, optim=optim, epochs=6))
    assert min(row["train_loss"] for row in history[1:]) < history[0]["train_loss"]


# --- evaluation and export, by the command line ---


def program(*arguments: object, code: int = 0) -> Result:
    """Run the command line here: a process of its own would take longer to import torch than to train."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


def said(*arguments: object) -> Any:
    return json.loads(program(*arguments, "--json").stdout)


def test_the_program_trains_evaluates_and_exports(dataset, tmp_path):
    config, run = tmp_path / "train.toml", tmp_path / "run"
    config.write_text(
        "epochs = 2\nbatch = 8\n[data]\nval_fraction = 0.3\n[data.frame]\nwidth = 32\nheight = 40\n"
    )
    assert "not a training run" in program("export", run, tmp_path / "model.onnx", code=1).stderr
    history = said("train", dataset, run, "--config", config, "--model", "rx-lite")
    assert len(history) == 2
    assert "is not empty" in program("train", dataset, run, "--config", config, code=1).stderr
    assert "no threshold yet" in program("export", run, tmp_path / "model.onnx", code=1).stderr
    assert "alo, majority, mean" in program("evaluate", run, dataset, "--aggregate", "vote", code=1).stderr
    evaluated = said("evaluate", run, dataset, "--sensitivity", 0.9)
    assert evaluated["measures"]["mean"]["sensitivity"]["value"] >= 0.9
    with (run / "predictions.csv").open() as file:
        assert sum(1 for _ in csv.DictReader(file)) == evaluated["radiographs"]
    result = said("export", run, tmp_path / "model.onnx")
    assert result["largest_difference"] <= export.TOLERANCE
    assert result["threshold"] == evaluated["operating"]["threshold"]
    assert len(said("train", dataset, run, "--resume", "--epochs", 3)) == 3


def test_an_export_that_differs_from_torch_is_not_kept(dataset, trained, tmp_path, monkeypatch):
    evaluate(trained, dataset, device="cpu")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(FxrayError, match="it was not kept"):
        export.export(trained, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_the_exported_aggregator_takes_studies_of_any_number_of_views(dataset, tmp_path):
    import onnxruntime

    model = ModelConfig(name="aggregator", views="rx-lite")
    train(dataset, tmp_path / "run", replace(SMALL, model=model, epochs=1))
    evaluate(tmp_path / "run", dataset, device="cpu")
    export.export(tmp_path / "run", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 40, 32), dtype=np.uint8)
    inputs = {"images": images, "study_index": np.array([0, 1, 1, 1, 2])}
    probability, _ = session.run(None, inputs)
    assert probability.shape == (3,)
    assert isinstance(create_model(model, FRAME), Aggregator)
    kept = session.get_modelmeta().custom_metadata_map
    assert json.loads(kept["fxray.frame"]) == {"width": 32, "height": 40, "fit": "letterbox"}
    assert {
        "fxray.threshold",
        "fxray.temperature",
        "fxray.steps",
        "fxray.classes",
        "fxray.aggregate",
    } <= kept.keys()


def test_without_torch_the_user_is_told_what_to_install(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'torch' else real(name, *a)\n"
    )
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    said = fxray("train", tmp_path, tmp_path / "run", code=1, environment=environment).stderr
    assert "pip install 'fxray[train]'" in said
