"""The trainer at its edges: other data and settings, runs stopped early, shared batches, full disks."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch

from fxcore.cli.train import Display
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.letterbox import Frame
from fxtrain import metrics, packing, trainer
from fxtrain.config import ModelConfig
from fxtrain.evaluate import evaluate
from fxtrain.export import export
from fxtrain.loader import Batch, TrainBatches
from fxtrain.packing import pack
from fxtrain.progress import Status
from fxtrain.run_directory import RunDirectory
from fxtrain.split import read_split
from fxtrain.table import read_table
from fxtrain.trainer import train
from tests.program import remount, rows, small_disk
from tests.train.data import SMALL, make


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    train(dataset, run, replace(SMALL, epochs=1))
    return run


def said(dataset: Path, **changes: object) -> Path:
    """Change what ``dataset.json`` says."""
    path = dataset / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return dataset


def test_the_same_files_made_with_other_settings_are_packed_anew(tmp_path, dataset):
    copy = Path(shutil.copytree(dataset, tmp_path / "dataset"))
    begun: list[int] = []
    pack(read_table(copy), SMALL.data.frame, 1.0, begun.append)
    said(copy, config={"steps": {"alignment": {"enabled": False}}})
    pack(read_table(copy), SMALL.data.frame, 1.0, begun.append)
    assert len(begun) == 2


def test_other_data_are_normalised_as_the_training_data_were(tmp_path, dataset, trained):
    """Not by their own mean and deviation, which no exported model would know."""
    other = said(Path(shutil.copytree(dataset, tmp_path / "dataset")), mean=0.9, standard_deviation=0.9)
    evaluate(trained, dataset, device="cpu")
    logits = []
    for place in (dataset, other):
        files = evaluate(trained, place, part="all", device="cpu")["files"]
        logits.append([row["logit"] for row in rows(trained / files["predictions"])])
    assert logits[0] == logits[1]
    with pytest.raises(DataSetError, match="another data set"):
        evaluate(trained, other, device="cpu")
    with pytest.raises(DataSetError, match="another data set"):
        train(other, trained, resume=True)


def test_a_run_stopped_before_its_first_checkpoint_is_gone_on_with(tmp_path, dataset, trained):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.toml", "provenance.json"):
        shutil.copy(trained / name, run)
    (run / "checkpoints").mkdir()
    train(dataset, run, resume=True)
    place, other = RunDirectory(run), RunDirectory(trained)
    assert place.split.read_bytes() == other.split.read_bytes()
    for name, value in place.load(place.last)["model"].items():
        assert torch.equal(value, other.load(other.last)["model"][name]), name


def test_a_run_is_not_gone_on_with_or_judged_by_other_rows_of_its_data_set(tmp_path, dataset, trained):
    run = shutil.copytree(trained, tmp_path / "run")
    # With the times of its files, which are not what tells.
    fewer = Path(shutil.copytree(dataset, tmp_path / "fewer"))
    header, *rows = (fewer / "metadata.csv").read_text().splitlines(keepends=True)
    several = [row for row in rows if row.split(",")[0].endswith("0001")]
    rows.remove(several[-1])
    (fewer / "metadata.csv").write_text("".join([header, *rows]))
    with pytest.raises(DataSetError, match="another data set"):
        evaluate(run, fewer, device="cpu")
    with pytest.raises(DataSetError, match="another data set"):
        train(fewer, run, resume=True)
    (fewer / "metadata.csv").write_text("".join([header, *reversed(rows), several[-1]]))
    assert read_table(fewer).fingerprint == read_table(dataset).fingerprint


def test_resuming_keeps_the_epochs_that_were_asked_for_and_a_finished_run_as_it_is(
    tmp_path, dataset, trained
):
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    before = RunDirectory(run).last.read_bytes()
    assert len(train(dataset, run, resume=True)) == 1
    assert RunDirectory(run).last.read_bytes() == before
    assert len(train(dataset, run, replace(SMALL, epochs=2), resume=True)) == 2
    assert RunDirectory(run).read_config().epochs == 2
    # What is behind a run cannot be taken back, nor shall its settings say so.
    with pytest.raises(ParameterError, match=r"2 epochs behind it, more than epochs = 1; .*--epochs"):
        train(dataset, run, replace(SMALL, epochs=1), resume=True)
    assert RunDirectory(run).read_config().epochs == 2


def test_what_workers_were_allowed_when_a_data_set_was_made_again_is_nothing_to_a_run(tmp_path, dataset):
    ingest = {"max_instances": 0, "seconds_per_file": 60.0, "memory_per_worker": 4.0}
    copy = said(Path(shutil.copytree(dataset, tmp_path / "dataset")), config={"ingest": ingest})
    train(copy, tmp_path / "run", replace(SMALL, epochs=1))
    said(copy, config={"ingest": ingest | {"seconds_per_file": 600.0, "memory_per_worker": 8.0}})
    assert len(train(copy, tmp_path / "run", replace(SMALL, epochs=2), resume=True)) == 2
    said(copy, config={"ingest": ingest | {"max_instances": 3}})
    with pytest.raises(DataSetError, match="another data set"):
        train(copy, tmp_path / "run", resume=True)


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_metrics_that_a_finished_run_could_not_write_are_made_up_by_the_next(tmp_path, dataset, monkeypatch):
    run = RunDirectory(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "write_metrics", no_space)
        with pytest.raises(OSError, match="No space"):
            train(dataset, run.root, replace(SMALL, epochs=1))
    train(dataset, run.root, resume=True)
    assert [row["epoch"] for row in rows(run.metrics)] == ["1"]
    assert (run.root / "curves.png").exists()


def test_a_threshold_is_not_used_for_weights_that_came_after_it(tmp_path, dataset, trained):
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    evaluate(run, dataset, sensitivity=0.3, device="cpu")
    train(dataset, run, replace(SMALL, epochs=6), resume=True)
    assert RunDirectory(run).best.read_bytes() != RunDirectory(trained).best.read_bytes()
    for use in (lambda: export(run, tmp_path / "model.onnx"), lambda: evaluate(run, dataset, part="all")):
        with pytest.raises(ParameterError, match="evaluate again"):
            use()
    chosen = evaluate(run, dataset, device="cpu")["operating"]
    # What was asked for holds for these as well.
    assert chosen["sensitivity"] == 0.3
    assert evaluate(run, dataset, part="all", device="cpu")["operating"] == chosen
    exported = export(run, tmp_path / "model.onnx")
    assert all(exported[name] == chosen[name] for name in ("threshold", "sensitivity"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("width = 32", "width = 64", r"data\.frame\.width: 32 then, 64 now"),
        ('name = "rx-lite"', 'name = "rx-large"', r"model\.name: 'rx-lite' then, 'rx-large' now"),
    ],
)
def test_settings_of_another_model_are_not_those_of_its_weights(
    tmp_path, dataset, trained, before, after, said
):
    place = RunDirectory(Path(shutil.copytree(trained, tmp_path / "run")))
    text = place.config.read_text()
    assert before in text
    place.config.write_text(text.replace(before, after, 1))
    with pytest.raises(FxrayError, match=f"config.toml is not as the run was trained any more .{said}"):
        evaluate(place.root, dataset, device="cpu")
    with pytest.raises(FxrayError, match=said):
        export(place.root, tmp_path / "model.onnx")
    place.config.write_text(text.replace('aggregate = "mean"', 'aggregate = "alo"'))
    assert evaluate(place.root, dataset, device="cpu")["operating"]["aggregate"] == "alo"


def test_of_a_data_set_that_has_moved_the_way_to_name_it_is_told(tmp_path, dataset, trained):
    run = RunDirectory(Path(shutil.copytree(trained, tmp_path / "run")))
    evaluate(run.root, dataset, device="cpu")
    run.write_json(run.provenance, run.read_provenance() | {"dataset": str(tmp_path / "gone")})
    with pytest.raises(DataSetError, match=r"gone.*--dataset"):
        export(run.root, tmp_path / "model.onnx")
    with pytest.raises(DataSetError, match="elsewhere") as refused:
        export(run.root, tmp_path / "model.onnx", dataset=tmp_path / "elsewhere")
    assert "--dataset" not in str(refused.value)


def test_a_sensitivity_is_not_asked_for_where_nothing_is_chosen(dataset, trained):
    for sensitivity in (0.0, 0.9):
        with pytest.raises(ParameterError, match="sensitivity is chosen on the validation studies"):
            evaluate(trained, dataset, part="all", sensitivity=sensitivity)


def test_a_threshold_that_was_chosen_for_a_sensitivity_is_so_until_another_is_asked_for(
    tmp_path, dataset, trained
):
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    youden = evaluate(run, dataset, device="cpu")["operating"]
    asked = evaluate(run, dataset, sensitivity=0.3, device="cpu")["operating"]
    assert (youden["sensitivity"], asked["sensitivity"]) == (0.0, 0.3)
    assert asked["threshold"] > youden["threshold"]
    assert evaluate(run, dataset, device="cpu")["operating"] == asked
    assert evaluate(run, dataset, sensitivity=0.0, device="cpu")["operating"] == youden


def test_weights_that_are_no_numbers_end_a_run_with_a_word(tmp_path, dataset, monkeypatch):
    real = trainer.Trainer.step

    def poisoned(self, batch):
        result = real(self, batch)
        with torch.no_grad():
            next(iter(self.model.parameters())).fill_(float("nan"))
        return result

    # One step an epoch: no later loss tells.
    monkeypatch.setattr(trainer.Trainer, "step", poisoned)
    one = replace(SMALL, epochs=1, batch=1000)
    told = "in the validation after epoch 1. No epoch was finished, so that nothing is kept"
    with pytest.raises(FxrayError, match=f"no number any more, {told}") as ended:
        train(dataset, tmp_path / "run", one)
    assert "--resume" not in str(ended.value)
    # With other settings, it is begun anew in the same folder.
    monkeypatch.undo()
    assert len(train(dataset, tmp_path / "run", replace(one, batch=8))) == 1


@pytest.mark.parametrize("whole_studies", [False, True])
@pytest.mark.parametrize("world", [2, 3, 5])
def test_shares_of_a_batch_add_up_to_the_whole(dataset, world, whole_studies):
    """The mean over processes of share times mean loss is the mean loss of the batch, the last one too."""
    table = read_table(dataset)
    packed = pack(table, SMALL.data.frame, 1 / SMALL.augment.crop_least)
    # 57 views of 38 studies: the last batch has a single sample.
    studies, device = np.arange(len(table.studies))[:-2], torch.device("cpu")
    config = replace(SMALL, batch=37 if whole_studies else 7, data=replace(SMALL.data, sampler="shuffle"))

    def batches(**team: int) -> list[Batch]:
        made = TrainBatches(
            table, packed, studies, config, device, (0.5, 0.3), whole_studies=whole_studies, **team
        )
        return list(made.epoch(0))

    alone, every = batches(), [batches(rank=rank, world=world) for rank in range(world)]
    assert len(alone[-1].broken) == 1
    for whole, *parts in zip(alone, *every, strict=True):
        together = sum(part.share * part.broken.mean() for part in parts) / world
        torch.testing.assert_close(together, whole.broken.mean())
        assert sum(len(part.images) for part in parts if part.share) == len(whole.images)
        assert all(len(part.broken) for part in parts)


def test_a_batch_that_cannot_be_shared_is_refused(dataset):
    table = read_table(dataset)
    packed = pack(table, SMALL.data.frame, 1 / SMALL.augment.crop_least)
    studies, device = np.arange(len(table.studies)), torch.device("cpu")
    with pytest.raises(ParameterError, match="batch = 2 cannot be shared by 3"):
        TrainBatches(table, packed, studies, replace(SMALL, batch=2), device, (0.5, 0.3), world=3)


def test_packing_on_a_full_disk_ends_with_a_word(tmp_path):
    """Written through a map into pages there is no room for, it would end by a signal."""
    disk = tmp_path / "disk"
    with small_disk(disk, "2m"):
        table = read_table(make(disk / "dataset", studies=10))
        with pytest.raises(FxrayError, match="No space left"):
            pack(table, Frame(512, 1024), 1.0)
        assert not list((disk / "dataset.packed").glob("*.npy*"))


def test_what_a_killed_run_was_packing_makes_room_for_the_next_and_one_packs_for_all(tmp_path):
    table, begun = read_table(make(tmp_path / "dataset", studies=4)), []
    left = tmp_path / "dataset.packed" / "0123.npy.partial"
    left.parent.mkdir()
    left.write_bytes(b"x")
    with ThreadPoolExecutor(2) as pool:
        every = [pool.submit(pack, table, Frame(300, 400), 1.0, begun.append) for _ in range(2)]
        assert [len(packed.result().exact) for packed in every] == [len(table)] * 2
    assert begun == [len(table)]
    assert not left.exists()


def test_machines_whose_locks_do_not_reach_each_other_share_no_half_packed_file(tmp_path, monkeypatch):
    table, halves = read_table(make(tmp_path / "dataset", studies=4)), set()
    folder = tmp_path / "dataset.packed"
    for machine in ("one", "two"):
        monkeypatch.setattr(platform, "node", lambda machine=machine: machine)
        pack(table, Frame(8, 8), 1.0, advance=lambda _: halves.update(folder.glob("*.partial")))
        shutil.rmtree(folder)
    assert len(halves) == 2


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    table = read_table(make(tmp_path / "dataset", studies=4))

    def no(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no)
    with pytest.raises(FxrayError, match=r"has no flock \(No locks available\)"):
        pack(table, Frame(8, 8), 1.0)


def test_a_data_set_where_nothing_may_be_written_is_packed_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    disk, begun = tmp_path / "disk", []
    with small_disk(disk, "8m"):
        table = read_table(make(disk / "dataset", studies=4))
        remount(disk, "ro")
        for _ in range(2):
            assert len(pack(table, Frame(8, 8), 1.0, begun.append).exact) == len(table)
        assert begun == [len(table)]
        (folder,) = (tmp_path / "cache" / "fxray").iterdir()
        # It holds images of patients.
        assert folder.stat().st_mode & 0o777 == 0o700
        # What the owner of the data set has packed there is opened.
        remount(disk, "rw")
        pack(table, Frame(9, 9), 1.0, begun.append)
        remount(disk, "ro")
        pack(table, Frame(9, 9), 1.0, begun.append)
        assert len(begun) == 2
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(FxrayError, match=r"cannot pack the data set in \S+file\S+: Not a directory"):
            pack(table, Frame(7, 7), 1.0)


def test_one_pixel_can_be_packed_and_augmented(dataset):
    from fxtrain.augment import augment

    images = torch.tensor([[[7]], [[200]]], dtype=torch.uint8)
    drawn = torch.tensor([[0.5, 0.2, 0.9, -1, 0], [1.0, 0, 0, 1, 1]])
    found = augment(images, drawn, 2, 3, 0.0, 1.0) * 255
    torch.testing.assert_close(found[:, 0, 0, 0], torch.tensor([7.0, 55.0]))
    assert packing.pack(read_table(dataset), Frame(1, 1), 1.0).exact.shape[1:] == (1, 1)


def test_the_aggregator_is_held_against_its_views_on_studies_new_to_both(tmp_path, dataset, trained):
    model = ModelConfig(name="aggregator", views="rx-lite", init=str(trained))
    # Another seed would keep other studies aside, on some of which the views were trained.
    train(dataset, tmp_path / "run", replace(SMALL, model=model, epochs=1, seed=9))
    table = read_table(dataset)
    kept = [read_split(RunDirectory(run).split, table).val for run in (trained, tmp_path / "run")]
    np.testing.assert_array_equal(*kept)
    result = evaluate(tmp_path / "run", dataset, device="cpu", aggregates=["mean"])
    views = evaluate(trained, dataset, device="cpu")
    over = result["over_views"]["mean"]["auc"]
    expected = result["measures"]["model"]["auc"]["value"] - views["measures"]["mean"]["auc"]["value"]
    assert over["value"] == pytest.approx(expected)
    assert over["low"] <= over["value"] <= over["high"]


def test_a_paired_interval_is_narrower_than_those_of_the_two():
    rng = np.random.default_rng(3)
    broken = np.arange(200) % 2 == 0
    ours = 0.4 * broken + rng.normal(0, 0.4, 200)
    theirs = ours + rng.normal(0, 0.05, 200)
    found = metrics.differences(broken, ours, theirs)["auc"]
    alone = metrics.with_intervals(broken, ours, ours >= 0.5, np.arange(200))["auc"]
    assert found["high"] - found["low"] < 0.4 * (alone["high"] - alone["low"])
    assert found["low"] < found["value"] < found["high"]
    same = metrics.differences(broken, ours, ours)["auc"]
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_progress_of_a_resumed_run_counts_what_is_left():
    class Screen:
        def __init__(self) -> None:
            self.total, self.done = 0, 0

        def stage(self, name: str, total: int) -> None:
            self.total = total

        def advance(self, units: int) -> None:
            self.done += units

    screen = Screen()
    display = Display(screen)  # type: ignore[arg-type]
    for epoch in (3, 4):
        for step in (5, 10):
            display.status(Status(epoch, 4, step, 10))
    assert (screen.total, screen.done) == (20, 20)
