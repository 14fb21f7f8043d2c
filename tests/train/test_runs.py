"""Whole runs: they learn, resume, stop with a word, are evaluated and exported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch

from fxcore.config import to_dict, to_toml
from fxcore.dicom.config import PixelConfig
from fxcore.errors import FxrayError
from fxtrain import export, processes, trainer
from fxtrain.config import ModelConfig, OptimConfig
from fxtrain.evaluate import evaluate
from fxtrain.models import Aggregator, create_model
from fxtrain.run_directory import RunDirectory
from fxtrain.trainer import best_epoch, train
from tests.program import fxray, fxray_here, remount, rows, small_disk
from tests.train.data import SMALL

FRAME = SMALL.data.frame


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    train(dataset, run, replace(SMALL, epochs=12))
    return run


# --- training ---


def state(run):
    return RunDirectory(run).load(RunDirectory(run).last)


def assert_same_weights(one, other):
    for name, value in state(one)["model"].items():
        assert torch.equal(value, state(other)["model"][name]), name


def test_it_learns_what_is_plain_to_see(dataset, trained):
    result = evaluate(trained, dataset, device="cpu")
    assert result["measures"]["alo"]["auc"]["value"] > 0.9
    epochs = rows(RunDirectory(trained).metrics)
    assert [row["epoch"] for row in epochs] == [str(k + 1) for k in range(12)]
    assert float(epochs[-1]["train_loss"]) < float(epochs[0]["train_loss"])
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


@pytest.mark.parametrize(("has_bf16", "precision"), [(True, "bf16"), (False, "fp32")])
def test_on_a_gpu_it_computes_in_bf16_where_that_has_it(monkeypatch, has_bf16, precision):
    # Older GPUs emulate it, slower than single precision.
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation or has_bf16
    )
    assert processes.choose_precision("auto", torch.device("cuda")) == precision
    assert processes.choose_precision("auto", torch.device("cpu")) == "fp32"
    assert processes.choose_precision("fp16", torch.device("cuda")) == "fp16"


def test_a_run_stays_at_the_precision_it_began_with(dataset, tmp_path, monkeypatch):
    seen = []
    real = trainer.Trainer._autocast
    monkeypatch.setattr(trainer.Trainer, "_autocast", lambda self: seen.append(self.precision) or real(self))
    run = RunDirectory(tmp_path / "run")
    train(dataset, run.root, replace(SMALL, epochs=1, precision="auto"))
    assert run.read_config().precision == "fp32"
    # Gone on with where it would be another one.
    monkeypatch.setattr(trainer, "choose_precision", lambda name, device: "bf16" if name == "auto" else name)
    train(dataset, run.root, replace(SMALL, epochs=2), resume=True)
    assert set(seen) == {torch.float32}


def test_bf16_learns_as_fp32_does(dataset, tmp_path):
    losses = []
    for precision in ("fp32", "bf16"):
        # Whole batches of an even number: see `processes.choose_precision`.
        config = replace(SMALL, precision=precision, data=replace(SMALL.data, sampler="shuffle"))
        losses.append([row["train_loss"] for row in train(dataset, tmp_path / precision, config)])
    assert losses[0] != losses[1]
    np.testing.assert_allclose(*losses, rtol=0.2)


def test_two_processes_do_what_one_does(dataset, tmp_path):
    """Through torchrun, as a user would; the same global batch, so the same loss."""
    config = tmp_path / "train.toml"
    # 40 radiographs: the last batch has a single one.
    settings = replace(
        SMALL, epochs=2, batch=13, precision="fp32", data=replace(SMALL.data, sampler="shuffle")
    )
    config.write_text(to_toml(settings))
    train(dataset, tmp_path / "one", settings)

    def torchrun() -> subprocess.CompletedProcess[str]:
        command = ["torch.distributed.run", "--nproc-per-node", "2", "-m", "fxtrain", "train"]
        named = [str(dataset), str(tmp_path / "two"), "--config", str(config), "--quiet", "--json"]
        return subprocess.run(
            [sys.executable, "-m", *command, *named],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=240,
        )

    done = torchrun()
    assert done.returncode == 0, done.stderr
    # One of the two speaks.
    assert [row["epoch"] for row in json.loads(done.stdout)] == [1, 2]
    histories = [state(tmp_path / name)["history"] for name in ("one", "two")]
    for name in ("train_loss", "train_accuracy", "learning_rate", "val_loss"):
        np.testing.assert_allclose(*([row[name] for row in history] for history in histories), rtol=1e-4)
    # So too where it cannot go on; the other ends with it.
    refused = torchrun()
    assert refused.returncode == 1
    assert refused.stderr.count("is not empty") == 1
    assert str(Path(trainer.__file__)) not in refused.stderr


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
    # What has the shape of the run's classifier begins as that.
    still = OptimConfig(learning_rate=1e-12)
    train(dataset, tmp_path / "still", replace(SMALL, model=model, optim=still, epochs=1))
    for name, value in state(tmp_path / "still")["model"].items():
        assert torch.allclose(value, before[name], atol=1e-6), name
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
    with pytest.raises(FxrayError, match=r"weights of epoch 1 and.*learning_rate.*best\.pt"):
        train(dataset, tmp_path / "run", replace(SMALL, epochs=2), resume=True)
    assert RunDirectory(tmp_path / "run").last.read_bytes() == before
    with pytest.raises(FxrayError, match=r"nothing is kept: train again with") as refused:
        train(dataset, tmp_path / "other", SMALL)
    assert "intact" not in str(refused.value)
    assert "pretrained" not in str(refused.value)


def test_a_full_disk_at_a_checkpoint_keeps_the_one_before(dataset, tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "12m"):
        # Room for the checkpoints of one epoch, not for new ones beside them.
        with pytest.raises(FxrayError, match=r"No space left.*is intact"):
            train(dataset, disk / "run", SMALL)
        assert len(state(disk / "run")["history"]) == 1
        remount(disk, "size=60m")
        train(dataset, disk / "run", resume=True)
        train(dataset, tmp_path / "undisturbed", SMALL)
        assert_same_weights(disk / "run", tmp_path / "undisturbed")


def test_the_best_epoch_is_the_best_by_its_metric_then_by_loss_then_the_first():
    history = [
        {"val_auc": auc, "val_loss": loss}
        for auc, loss in ((0.5, 0.9), (0.8, 0.6), (0.8, 0.4), (0.8, 0.4), (0.7, 0.2))
    ]
    assert best_epoch(history, "auc") == 2
    assert best_epoch(history, "loss") == 4
    nothing = float("nan")
    assert best_epoch([{"val_auc": nothing, "val_loss": 0.1}, *history], "auc") == 3
    assert best_epoch([{"val_auc": 0.8, "val_loss": nothing}, *history], "auc") == 3


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


def said(*arguments: object) -> Any:
    return json.loads(fxray_here(*arguments, "--json").stdout)


def test_the_program_trains_evaluates_and_exports(dataset, tmp_path):
    config, run = tmp_path / "train.toml", tmp_path / "run"
    config.write_text(
        "epochs = 2\nbatch = 8\n[data]\nval_fraction = 0.3\n[data.frame]\nwidth = 32\nheight = 40\n"
    )
    assert "not a training run" in fxray_here("export", run, tmp_path / "model.onnx", code=1).stderr
    history = said("train", dataset, run, "--config", config, "--model", "rx-lite")
    assert len(history) == 2
    assert "is not empty" in fxray_here("train", dataset, run, "--config", config, code=1).stderr
    assert "no threshold yet" in fxray_here("export", run, tmp_path / "model.onnx", code=1).stderr
    assert "alo, majority, mean" in fxray_here("evaluate", run, dataset, "--aggregate", "vote", code=2).stderr
    evaluated = said("evaluate", run, dataset, "--sensitivity", 0.9)
    assert evaluated["measures"]["mean"]["sensitivity"]["value"] >= 0.9
    assert len(rows(run / "predictions.csv")) == evaluated["radiographs"]
    result = said("export", run, tmp_path / "model.onnx")
    assert result["largest_difference"] <= export.TOLERANCE
    assert result["threshold"] == evaluated["operating"]["threshold"]
    for part, warned in (("val", "optimistic"), ("all", "28 of 40 studies, or others of their patients")):
        shown = fxray_here("evaluate", run, dataset, "--split", part, "--aggregate", "mean").stdout
        assert warned in " ".join(shown.split())
    assert len(said("train", dataset, run, "--resume", "--epochs", 3)) == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [("model", "foo"), ("epochs", 3_000_000_000), ("seed", 3_000_000_000), ("device", "gpu")],
)
def test_a_value_that_an_option_of_training_cannot_have_is_wrong_usage(tmp_path, option, value):
    refused = fxray_here("train", tmp_path, tmp_path / "run", f"--{option}", value, code=2).stderr
    assert f"--{option}" in refused
    assert str(value) in refused
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("aggregate", "mean,vote"), ("sensitivity", 1.5), ("sensitivity", "nan"), ("device", "gpu")],
)
def test_a_value_that_an_option_of_evaluation_cannot_have_is_wrong_usage(tmp_path, option, value):
    assert f"--{option}" in fxray_here("evaluate", tmp_path, tmp_path, f"--{option}", value, code=2).stderr


def test_the_demonstration_goes_on_to_a_model_and_its_scores(tmp_path, monkeypatch):
    monkeypatch.setattr("fxcore.demo.STUDIES", 24)
    monkeypatch.setattr("fxcore.demo.SCALE", 0.1)
    monkeypatch.setattr("fxtrain.demo.SETTINGS", replace(SMALL, epochs=1))
    folder = tmp_path / "demo"
    # A second time on the same folder: what is finished is kept, and nothing stands in the way.
    for _ in range(2):
        shown = fxray_here("demo", folder, "--workers", 1).stdout
        assert "Decision support, not a diagnosis" in shown
    judged = rows(folder / "scores" / "studies.csv")
    assert judged[0]["study_id"] in shown
    # What has no label is in no data set, but is scored.
    learned = rows(folder / "dataset" / "metadata.csv")
    assert {row["study_id"] for row in judged} >= {row["study_id"] for row in learned}


def test_an_export_that_differs_from_torch_is_not_kept(dataset, trained, tmp_path, monkeypatch):
    evaluate(trained, dataset, device="cpu")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(FxrayError, match="it was not kept"):
        export.export(trained, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    (tmp_path / "radiograph.dcm").write_bytes(b"of worth")
    with pytest.raises(FxrayError, match=r"radiograph\.dcm exists, and is no model by its name"):
        export.export(trained, tmp_path / "radiograph.dcm")


@pytest.mark.parametrize(("logit", "allowed"), [(2.0, True), (0.0, False)])
def test_logits_are_compared_before_the_temperature_divides_them(tmp_path, logit, allowed):
    """There, rounding is rounding; where it moves a probability after all, it counts."""
    model = create_model(ModelConfig(name="rx-lite"), FRAME)
    with torch.no_grad():
        model.classifier[-1].weight.zero_()
        model.classifier[-1].bias.fill_(logit)
    deployed = export.Deployed(model, 0.2, 0.3, temperature=0.02).eval()
    images = np.zeros((7, 1, 40, 32), np.uint8)
    export.write_onnx(deployed, images, tmp_path / "model.onnx", {})
    with torch.no_grad():
        model.classifier[-1].bias += 2e-5
    found = export.largest_difference(deployed, tmp_path / "model.onnx", images)
    assert (found <= export.TOLERANCE) == allowed


@pytest.mark.parametrize("pool", ["max", "logsumexp"])
def test_the_exported_aggregator_takes_studies_of_any_number_of_views(pool, dataset, tmp_path):
    import onnxruntime

    model = ModelConfig(name="aggregator", views="rx-lite", pool=pool)
    train(dataset, tmp_path / "run", replace(SMALL, model=model, epochs=1))
    evaluate(tmp_path / "run", dataset, device="cpu")
    place = RunDirectory(tmp_path / "run")
    ingest = {"pixels": to_dict(PixelConfig()), "memory_per_worker": 1.0, "image_studies": "folder"}
    place.write_json(place.provenance, place.read_provenance() | {"dataset_config": {"ingest": ingest}})
    export.export(tmp_path / "run", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 40, 32), dtype=np.uint8)
    inputs = {"images": images, "study_index": np.array([0, 1, 1, 1, 2])}
    probability, _ = session.run(None, inputs)
    assert probability.shape == (3,)
    assert isinstance(create_model(model, FRAME), Aggregator)
    written = (tmp_path / "model.onnx").read_bytes()
    # Nor from where it was made: lines of source code, folders of this machine.
    assert not [sign for sign in (b".py", b"stack_trace", str(dataset.parent).encode()) if sign in written]
    kept = session.get_modelmeta().custom_metadata_map
    assert json.loads(kept["fxray.frame"]) == {"width": 32, "height": 40, "fit": "letterbox"}
    assert json.loads(kept["fxray.ingest"]) == {"image_studies": "folder"}
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
    assert re.search(r"-m pip install 'torch>=[\d.]+'$", said)
