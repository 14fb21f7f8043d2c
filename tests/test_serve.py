"""Scoring as a whole: one flow, the same scores whatever the way there, nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")
pytest.importorskip("torch", reason="the model to score with is trained here")

from fxcore.build import build
from fxcore.config import to_dict
from fxcore.errors import FxrayError
from fxcore.executor import Executor
from fxcore.ingest import ingest
from fxcore.phantom import synthesise
from fxcore.settings import Settings
from fxcore.steps import Pipeline
from fxcore.steps.config import PartFilterConfig
from fxserve import Scorer
from fxserve.quantize import quantize
from fxserve.score import score
from tests.program import FAULTY_CODEC, fxray, remount, rows, small_disk, start, summary
from tests.serve_models import mean_model, of_steps, trained, with_properties
from tests.test_program_images import draw

TABLES = ("predictions.csv", "studies.csv", "rejects.csv")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    dataset, run, model = trained(folder)
    return {"folder": folder, "dataset": dataset, "run": run, "model": model}


@pytest.fixture(scope="module")
def phantom(made):
    """An archive, the data set built from it, a model that knows the steps, and the key of both."""
    folder = made["folder"]
    synthesise(folder / "archive", studies=8, seed=3, scale=0.3)
    key = folder / "key"
    build(folder / "archive", folder / "built", key_file=key)
    return folder / "archive", folder / "built", of_steps(made["model"], folder / "steps.onnx"), key


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


def test_an_archive_and_the_data_set_built_from_it_score_alike(phantom, tmp_path):
    archive, built, model, key = phantom
    found = summary("score", model, archive, tmp_path / "a", "--key", key, "--workers", 2)
    score(model, built, tmp_path / "b", workers=1, batch=3, device="cpu")
    score(model, archive, tmp_path / "c", workers=4, batch=1, device="cpu", key_file=key)
    assert tables(tmp_path / "a") == tables(tmp_path / "b") == tables(tmp_path / "c")
    predictions = rows(tmp_path / "a" / "predictions.csv")
    stored = {row["radiograph_id"]: row for row in rows(built / "metadata.csv")}
    assert [row["radiograph_id"] for row in predictions] == list(stored)
    for row in predictions:
        decided = stored[row["radiograph_id"]]
        for name in ("inverted", "part_index", "part_count", "rotation_degrees"):
            assert row[name] == decided[name]
    assert (tmp_path / "a" / "rejects.csv").read_bytes() == (built / "rejects.csv").read_bytes()
    assert found["counts"]["radiographs_scored"] == len(predictions) > 5
    assert found["provider"] == "CPUExecutionProvider"
    assert "not a diagnosis" in found["statement"]
    assert not (tmp_path / "a" / ".fxray").exists()


def test_tables_are_parquet_where_the_name_says_so(phantom, tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install '.[parquet]'")
    _, built, model, _ = phantom
    score(model, built, tmp_path / "text", device="cpu", workers=1)
    out = tmp_path / "night.parquet"
    summary("score", model, built, out, "--device", "cpu")
    assert {path.suffix for path in out.iterdir()} == {".parquet", ".json", ".jsonl"}
    fractions = ("probability", "logit", "threshold", "inversion_margin", "corner_mean", "part_margin")
    fractions += ("rotation_degrees", "elongation", "distal_margin")
    whole = ("views", "inverted", "otsu_threshold", "part_count", "part_index")
    numbers = dict.fromkeys(fractions, float) | dict.fromkeys(whole, int)
    for name in ("predictions", "studies", "rejects"):
        expected = [
            {key: numbers.get(key, str)(text) if text else None for key, text in row.items()}
            for row in rows(tmp_path / "text" / f"{name}.csv")
        ]
        assert parquet.read_table(out / f"{name}.parquet").to_pylist() == expected
    before = {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    monkeypatch.setattr("fxserve.tables._ROWS_IN_A_GROUP", 2)
    score(model, built, out, device="cpu", workers=1)
    assert parquet.ParquetFile(out / "predictions.parquet").num_row_groups > 1
    monkeypatch.undo()
    score(model, built, out, device="cpu", workers=2, batch=3)
    assert before == {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FxrayError, match=r"-m pip install 'pyarrow"):
        score(model, built, tmp_path / "other.parquet", device="cpu")


def test_the_scores_are_those_of_training(made, tmp_path):
    from fxtrain.evaluate import evaluate

    score(made["model"], made["dataset"], tmp_path / "out", device="cpu", workers=2)
    judged = evaluate(made["run"], made["dataset"], part="all", device="cpu")
    predictions = rows(made["run"] / judged["files"]["predictions"])
    expected = {r["radiograph_id"]: float(r["probability"]) for r in predictions}
    found = {r["radiograph_id"]: float(r["probability"]) for r in rows(tmp_path / "out" / "predictions.csv")}
    assert found.keys() == expected.keys()
    assert max(abs(found[name] - expected[name]) for name in found) < 1e-4
    truth = {r["study_id"]: r["label"] for r in rows(made["dataset"] / "metadata.csv")}
    studies = rows(tmp_path / "out" / "studies.csv")
    caught = sum(r["prediction"] == truth[r["study_id"]] == "broken" for r in studies)
    sensitivity = judged["measures"][judged["operating"]["aggregate"]]["sensitivity"]["value"]
    assert caught / sum(label == "broken" for label in truth.values()) == pytest.approx(sensitivity)


def test_another_threshold_or_aggregate_judges_anew_and_scores_nothing_again(made, tmp_path):
    out = tmp_path / "out"
    first = score(made["model"], made["dataset"], out, device="cpu", aggregate="alo")
    before = rows(out / "studies.csv")
    again = score(made["model"], made["dataset"], out, device="cpu", aggregate="majority", threshold=0.0)
    assert (again.studies_done, again.studies_kept) == (0, first.studies_done)
    assert {row["prediction"] for row in rows(out / "studies.csv")} == {"broken"}
    views: dict[str, dict[str, float]] = {}
    for row in rows(out / "predictions.csv"):
        views.setdefault(row["study_id"], {})[row["radiograph_id"]] = float(row["probability"])
    for row in before:
        of_study = views[row["study_id"]]
        assert float(row["probability"]) == max(of_study.values()) == of_study[row["deciding_radiograph"]]
        assert int(row["views"]) == len(of_study)
    with pytest.raises(FxrayError, match="cannot be judged by 'model'"):
        score(made["model"], made["dataset"], out, device="cpu", aggregate="model")


def test_another_model_is_not_mixed_into_a_scoring(made, tmp_path):
    out = tmp_path / "out"
    score(made["model"], made["dataset"], out, device="cpu")
    other = of_steps(made["model"], tmp_path / "other.onnx")
    with pytest.raises(FxrayError, match="another model sha256"):
        score(other, made["dataset"], out, device="cpu")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(FxrayError, match="is not empty"):
        score(made["model"], made["dataset"], tmp_path / "full", device="cpu")


def test_a_data_set_of_other_settings_is_refused_unless_asked_for(phantom, tmp_path):
    archive, _, model, key = phantom
    any_part = Settings(steps=Pipeline(part_filter=PartFilterConfig(parts=("any",))))
    build(archive, tmp_path / "hands", settings=any_part, key_file=key)
    with pytest.raises(FxrayError, match=r"steps\.part_filter.*--as-is"):
        score(model, tmp_path / "hands", tmp_path / "out", device="cpu")
    assert score(model, tmp_path / "hands", tmp_path / "out", device="cpu", as_is=True).scored


def test_a_model_of_before_a_setting_scores_what_was_made_with_its_default(phantom, tmp_path):
    _, built, model, _ = phantom
    steps = to_dict(Pipeline())
    del steps["alignment"]["as_stored"]
    older = with_properties(model, tmp_path / "older.onnx", steps=steps)
    assert score(older, built, tmp_path / "out", device="cpu").scored


def test_a_data_set_without_the_steps_gets_them_on_the_way(phantom, tmp_path):
    archive, built, model, key = phantom
    ingest(archive, tmp_path / "ingested", key_file=key)
    score(model, tmp_path / "ingested", tmp_path / "a", device="cpu")
    score(model, built, tmp_path / "b", device="cpu")
    for name in ("predictions.csv", "studies.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with pytest.raises(FxrayError, match="is not preprocessed"):
        quantize(model, tmp_path / "ingested", tmp_path / "int8.onnx")


def test_a_killed_run_goes_on_and_a_deadly_file_costs_itself(tmp_path):
    model = mean_model(tmp_path / "mean.onnx", own=True)
    archive = tmp_path / "archive"
    for k in range(7):
        draw(archive / f"slow{k}.png", seed=k)
    draw(archive / "kill.png", seed=99)
    with_fault = tmp_path / "site"
    with_fault.mkdir()
    (with_fault / "sitecustomize.py").write_text(FAULTY_CODEC)
    path = os.pathsep.join((str(with_fault), os.environ.get("PYTHONPATH", "")))
    environment = {"PYTHONPATH": path}
    out = tmp_path / "out"
    part_any = of_steps(model, tmp_path / "any.onnx")
    command = ("score", part_any, archive, out, "--key", tmp_path / "key", "--workers", 2, "--batch", 1)
    process = start(*command, "--quiet", environment=environment)
    deadline = time.monotonic() + 60
    while len(list((out / ".fxray" / "records").rglob("*.json"))) < 3:
        assert time.monotonic() < deadline, "no study was scored"
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (out / "studies.csv").exists()
    found = summary(*command, code=3, environment=environment)
    assert found["studies_kept"] >= 3
    assert found["studies_kept"] + found["studies_done"] == 8
    (rejected,) = [row for row in rows(out / "rejects.csv") if row["reason"] == "worker_died"]
    assert "SIGKILL" in rejected["message"]
    other = (*command[:3], tmp_path / "undisturbed", *command[4:])
    summary(*other, code=3, environment=environment)
    assert tables(out) == tables(tmp_path / "undisturbed")


def test_an_archive_of_nothing_and_one_of_rejects_only(tmp_path):
    model = mean_model(tmp_path / "mean.onnx", own=True)
    (tmp_path / "empty").mkdir()
    key = ("--key", tmp_path / "key")
    assert "empty" in fxray("score", model, tmp_path / "empty", tmp_path / "a", *key, code=1).stderr
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "one.dcm").write_bytes(b"not DICOM at all")
    fxray("score", model, tmp_path / "broken", tmp_path / "b", *key, code=4)
    assert len(rows(tmp_path / "b" / "rejects.csv")) == 1
    assert rows(tmp_path / "b" / "studies.csv") == rows(tmp_path / "b" / "predictions.csv") == []


def test_a_full_disk_ends_the_run_and_room_lets_it_go_on(made, tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "64k"):
        refused = fxray("score", made["model"], made["dataset"], disk / "out", "--device", "cpu", code=1)
        assert "No space left" in refused.stderr
        remount(disk, "size=8m")
        found = summary("score", made["model"], made["dataset"], disk / "out", "--device", "cpu")
        assert found["studies_kept"] > 0
        assert found["studies_kept"] + found["studies_done"] == 40
        score(made["model"], made["dataset"], tmp_path / "undisturbed", device="cpu")
        assert tables(disk / "out") == tables(tmp_path / "undisturbed")


def test_the_scorer_gives_what_the_program_gives(phantom, tmp_path):
    archive, _, model, key = phantom
    score(model, archive, tmp_path / "out", device="cpu", key_file=key)
    expected = sorted(row["probability"] for row in rows(tmp_path / "out" / "predictions.csv"))
    files = sorted(path for path in archive.rglob("*") if path.is_file())
    scorer = Scorer(model, device="cpu")
    found = scorer.score(files)
    assert {entry.path for entry in found} == {str(path) for path in files}
    scored = sorted(f"{entry.probability:.6f}" for entry in found if not entry.rejected)
    # Single files know nothing of copies of them elsewhere in an archive.
    assert set(scored) == set(expected)
    assert all(bool(entry.rejected) == np.isnan(entry.probability) for entry in found)
    assert all(":" in entry.rejected for entry in found if entry.rejected)
    best = max((entry for entry in found if not entry.rejected), key=lambda entry: entry.probability)
    assert (
        scorer.probability([best.path]) >= best.probability - 1e-6
        or scorer.model.settings.aggregate == "mean"
    )


def test_a_failure_of_the_model_ends_the_run_with_its_workers(made, tmp_path, monkeypatch):
    from fxserve.model import Model

    def fail(self, inputs):
        raise FxrayError("the model failed")

    monkeypatch.setattr(Model, "_bound", fail)
    with pytest.raises(FxrayError, match="the model failed"):
        score(made["model"], made["dataset"], tmp_path / "out", device="cpu", workers=1)
    with Executor(1) as executor:
        assert next(iter(executor.run(abs, [-1], lambda task: 10.0))).result == 1


def test_scoring_loads_neither_torch_nor_the_training_and_tells_nobody(tmp_path):
    model, home = mean_model(tmp_path / "m.onnx", own=True), tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, fxserve.score, fxserve.inspect, fxserve.quantize\n"
        "fxserve.Scorer(sys.argv[1], device='cpu')\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('torch', 'fxtrain')], 'torch is loaded'"
    )
    # Where tests run, ONNX Runtime reports nothing anyway.
    env = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("ORT_")}
    env |= dict.fromkeys(("HOME", "XDG_CACHE_HOME", "TMPDIR"), str(home))
    subprocess.run([sys.executable, "-c", code, model], check=True, env=env)
    # It would put an identifier of the machine and what it has not sent yet into these.
    assert not list(home.iterdir())
