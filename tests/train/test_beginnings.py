"""How runs begin and are gone on with: what is refused costs nothing, what was killed is no dead end."""

from __future__ import annotations

import errno
import os
import shutil
import weakref
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch

from fxcore.errors import FxrayError, ParameterError
from fxcore.letterbox import Frame
from fxtrain import beginning, run_directory
from fxtrain.config import AugmentConfig, DataConfig, ModelConfig
from fxtrain.models import Rx, create_model
from fxtrain.packing import pack
from fxtrain.processes import Processes
from fxtrain.progress import Silent
from fxtrain.run_directory import RunDirectory
from fxtrain.split import Split, split_studies
from fxtrain.table import read_table
from fxtrain.trainer import Trainer, train
from tests.train.data import SMALL, make

ONE = replace(SMALL, epochs=1)
TINY = replace(ONE, model=ModelConfig(name="resnet18"), data=replace(SMALL.data, frame=Frame(32, 32)))


class Killed(BaseException):
    pass


def stop(*_: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(ONE, model=ModelConfig(name="resnt18")), "no model 'resnt18'"),
        (replace(ONE, model=ModelConfig(name="rx-lite", pretrained="nowhere.pt")), "cannot read the weights"),
        (replace(ONE, model=ModelConfig(name="aggregator", init="nowhere")), "not a training run"),
        (replace(ONE, model=ModelConfig(name="rx-lite", freeze_views=True)), "rx-lite has none"),
        (replace(ONE, model=ModelConfig(name="aggregator", freeze_views=True)), "drawn at random"),
        (replace(ONE, data=DataConfig(frame=Frame(4, 4))), "too small"),
        (replace(ONE, data=replace(SMALL.data, val_fraction=0.9)), "val_fraction"),
        (replace(ONE, device="meta"), "device 'meta' cannot be used"),
        (replace(ONE, device="hpu"), "device 'hpu' cannot be used"),
        (replace(TINY, batch=1), "another batch than 1"),
        (replace(TINY, batch=1, model=ModelConfig(name="aggregator", views="resnet18")), "another batch"),
    ],
)
def test_a_wrong_setting_costs_neither_packing_nor_the_name_of_the_run(tmp_path, wrong, said):
    dataset, run = make(tmp_path / "dataset", studies=4, views=1), tmp_path / "run"
    with pytest.raises(FxrayError, match=said):
        train(dataset, run, wrong)
    assert {path.name for path in tmp_path.iterdir()} == {"dataset"}


def test_a_batch_of_one_study_of_several_views_is_not_a_single_image(tmp_path, dataset, monkeypatch):
    table = read_table(dataset)
    several = np.flatnonzero(np.bincount(table.study) > 1)
    monkeypatch.setattr(beginning, "split_for", lambda *_: (Split(several, several), {}))
    monkeypatch.setattr(RunDirectory, "begin", stop)
    wanted = replace(TINY, batch=1, model=ModelConfig(name="aggregator", views="resnet18"))
    with pytest.raises(Killed):
        train(dataset, tmp_path / "run", wanted)


def test_a_frame_too_large_for_its_crops_is_refused_by_the_names_of_both():
    with pytest.raises(ParameterError, match=r"data\.frame over augment\.crop_least.*not 40000"):
        replace(ONE, data=DataConfig(frame=Frame(4000, 4000)), augment=AugmentConfig(crop_least=0.1))


@pytest.mark.parametrize("at", ["write_json", "write_config"])
def test_a_run_killed_as_it_began_can_be_begun(tmp_path, dataset, monkeypatch, at):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, at, stop)
        with pytest.raises(Killed):
            train(dataset, run, ONE)
    assert (run / "checkpoints").exists()
    assert len(train(dataset, run, ONE)) == 1
    with pytest.raises(FxrayError, match="is not empty"):
        train(dataset, run, ONE)


@pytest.mark.parametrize("name", ["notes.txt", "checkpoints/best.pt", ".fxray/records/ab/abc.json"])
def test_a_folder_with_anything_else_is_not_taken_for_one(tmp_path, dataset, name):
    kept = tmp_path / "run" / name
    kept.parent.mkdir(parents=True)
    kept.write_text("a year of work")
    with pytest.raises(FxrayError, match="is not empty"):
        train(dataset, tmp_path / "run", ONE)
    assert kept.read_text() == "a year of work"


def test_a_run_that_another_process_trains_is_left_to_it(tmp_path, dataset):
    place = RunDirectory(tmp_path / "run")
    train(dataset, place.root, ONE)
    with place.alone(print), pytest.raises(FxrayError, match=r"another run is writing to .* \(process \d+"):
        train(dataset, place.root, replace(ONE, epochs=2), resume=True)
    assert place.read_config().epochs == 1
    assert len(train(dataset, place.root, replace(ONE, epochs=2), resume=True)) == 2


@pytest.mark.parametrize(("number", "room"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_room_is_asked_for_where_it_is_short(tmp_path, monkeypatch, number, room):
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(run_directory, "write_atomically", failing)
    for before in ("None is lost, as it is the first", "The one before is intact"):
        with pytest.raises(FxrayError, match=before) as refused:
            RunDirectory(tmp_path).save(tmp_path / "last.pt", {})
        assert ("make room" in str(refused.value)) == room
        (tmp_path / "last.pt").touch()


def test_where_a_model_cannot_be_compiled_it_is_told(tmp_path, dataset, monkeypatch):
    class Uncompiled(torch.nn.Module):
        def forward(self, *_):
            raise type("InductorError", (RuntimeError,), {"__module__": "torch._inductor.exc"})(
                "backend='inductor' raised:\nNo working C++ compiler found"
            )

    monkeypatch.setattr(torch, "compile", lambda _: Uncompiled())
    with pytest.raises(FxrayError, match=r"cannot be compiled here .*C\+\+ compiler found.*compile = false"):
        train(dataset, tmp_path / "run", replace(ONE, compile=True))
    assert len(train(dataset, tmp_path / "run", ONE)) == 1


def test_to_go_on_in_another_number_of_threads_is_told(tmp_path, dataset):
    class Heard(Silent):
        def say(self, text: str) -> None:
            heard.append(text)

    heard: list[str] = []
    train(dataset, tmp_path / "run", ONE)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        train(dataset, tmp_path / "run", resume=True, progress=Heard())
        assert [text for text in heard if "threads was 1 when" in text] == heard
        assert len(heard) == threads - 1
    torch.set_num_threads(1)


def test_to_go_on_the_weights_begun_with_need_not_be_there_any_more(tmp_path, dataset):
    train(dataset, tmp_path / "first", ONE)
    weights = tmp_path / "weights.pt"
    shutil.copy(RunDirectory(tmp_path / "first").best, weights)
    given = {
        "fine": ModelConfig(name="rx-lite", pretrained=str(weights)),
        "views": ModelConfig(name="aggregator", init=str(tmp_path / "first")),
    }
    for name, model in given.items():
        train(dataset, tmp_path / name, replace(ONE, model=model))
    weights.unlink()
    shutil.rmtree(tmp_path / "first")
    for name in given:
        assert len(train(dataset, tmp_path / name, replace(SMALL, epochs=2), resume=True)) == 2


def test_a_transformer_has_the_shape_of_its_imagenet_weights_without_reading_them():
    model = create_model(ModelConfig(name="vit_b_32", pretrained="imagenet"), Frame(48, 64), weights=False)
    assert model.side == 224


@pytest.mark.parametrize("world", [1, 2])
def test_what_fits_a_gpu_is_tried_once_the_failed_batch_is_forgotten(tmp_path, dataset, monkeypatch, world):
    table = read_table(dataset)
    packed = pack(table, SMALL.data.frame, 1 / SMALL.augment.crop_least)
    split = split_studies(table, SMALL.data, 0)
    team = Processes(0, 1, torch.device("cpu"))
    model = create_model(SMALL.model, SMALL.data.frame)
    place = RunDirectory(tmp_path)
    trainer = Trainer(model, SMALL, table, packed, split, team, place, Silent(), normalisation=(0.5, 0.3))
    batch = next(trainer.batches.epoch(0))
    trainer.team = replace(team, world=world)
    held: list[weakref.ref[torch.Tensor]] = []
    real = Rx.forward

    def short(self: Rx, images: torch.Tensor) -> torch.Tensor:
        assert all(tensor() is None for tensor in held)
        activations = images * 2
        held.append(weakref.ref(activations))
        if len(images) > 2:
            raise torch.cuda.OutOfMemoryError
        return real(self, activations)

    monkeypatch.setattr(Rx, "forward", short)
    with pytest.raises(FxrayError, match="batch = 8; 2 fits" if world == 1 else "8 in this process"):
        trainer.step(batch)
    assert len(held) == (3 if world == 1 else 1)
