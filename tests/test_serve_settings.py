"""Where the settings of a model come from: inside it, where fxray exported it; else a TOML file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

import onnx

from fxcore.build import build
from fxcore.config import to_dict
from fxcore.errors import FxrayError, ParameterError
from fxcore.settings import IngestConfig, Settings, StudySettings
from fxcore.steps import Pipeline
from fxserve import Scorer
from fxserve.inspect import inspect, settings_template
from fxserve.model import Model
from fxserve.quantize import quantize
from fxserve.score import score
from fxserve.settings import ModelSettings
from tests.serve_models import FRAME, mean_model, settings_for, with_properties
from tests.test_catalogue import Said
from tests.test_program_images import draw
from tests.train.data import make


def test_a_file_of_the_same_name_as_an_exported_model_is_passed_over_and_said(tmp_path):
    path = mean_model(tmp_path / "m.onnx", own=True)
    dataset = make(tmp_path / "dataset", studies=3)
    assert Model(path, device="cpu").note == ""
    path.with_suffix(".toml").write_text("epochs = 3\n")
    said = Said()
    score(path, dataset, tmp_path / "out", device="cpu", workers=1, progress=said)
    sentence = "m.onnx has its settings inside, as fxray exported it; m.toml beside it is not read."
    assert sentence in said.text
    written = (tmp_path / "out" / "scoring.json").read_text()
    assert json.loads(written)["settings_note"] == sentence
    assert str(tmp_path) not in written
    with pytest.raises(ParameterError, match=r"has its settings inside.*do without .*m\.toml"):
        score(path, dataset, tmp_path / "out", settings_file=path.with_suffix(".toml"))
    with pytest.raises(ParameterError, match=r"has its settings inside.*needs no TOML file"):
        settings_template(path)


def test_an_exported_model_is_quantised_whatever_lies_beside_the_new_one(tmp_path):
    path = mean_model(tmp_path / "m.onnx", own=True)
    dataset = make(tmp_path / "dataset", studies=4)
    for name in ("m.toml", "int8.toml", "int8.onnx.toml"):
        (tmp_path / name).write_text("epochs = 3\n")
    said = Said()
    assert "settings" not in quantize(path, dataset, tmp_path / "int8.onnx", count=4, progress=said)
    assert "m.toml beside it is not read" in said.text
    assert Model(tmp_path / "int8.onnx", device="cpu").settings == Model(path, device="cpu").settings
    assert (tmp_path / "int8.toml").read_text() == "epochs = 3\n"


@pytest.mark.parametrize("lost", ["frame", "steps", "pixels", "threshold", "aggregate", "classes"])
def test_an_exported_model_that_lost_a_setting_is_refused(tmp_path, lost):
    path = mean_model(tmp_path / "m.onnx", own=True)
    model = onnx.load(str(path))
    kept = [entry for entry in model.metadata_props if entry.key != f"fxray.{lost}"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, str(path))
    with pytest.raises(ParameterError, match=f"are damaged: the property fxray.{lost} is missing"):
        Model(path, device="cpu")


def test_places_may_be_given_as_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False)
    Path("m.toml").rename("of_m.toml")
    draw(tmp_path / "archive" / "1.png", seed=1)
    make(tmp_path / "dataset", studies=4)
    settings = {"settings_file": "of_m.toml"}
    given = {"key_file": "key", "index_file": "index", "device": "cpu", "workers": 1}
    assert score("m.onnx", "archive", "out", **given, **settings).scored == 1
    assert quantize("m.onnx", "dataset", "int8.onnx", as_is=True, **settings)["file"] == "int8.onnx"
    assert inspect("int8.onnx")["file"] == "int8.onnx"
    assert f"width = {FRAME.width}" in settings_template("m.onnx")
    assert Scorer("int8.onnx", device="cpu").probability("archive/1.png") >= 0
    with pytest.raises(FxrayError, match=r"the model no\.onnx does not exist"):
        Scorer("no.onnx", device="cpu")


@pytest.mark.parametrize("own", [True, False])
def test_an_archive_is_gathered_into_studies_as_the_data_set_that_the_model_learned_from(tmp_path, own):
    for name in ("anna/1", "anna/2", "bert/1", "carl/1", "carl/2", "carl/3"):
        draw(tmp_path / "archive" / f"{name}.png", seed=len(name))
    ingest = {"max_instances": 2, "image_studies": "folder"}
    given = {"key_file": tmp_path / "key", "index_file": tmp_path / "index", "workers": 1}
    settings = Settings(IngestConfig(**ingest))
    built = build(tmp_path / "archive", tmp_path / "built", settings=settings, **given)
    assert built.studies_done == 2
    model = mean_model(tmp_path / "m.onnx", own=own)
    if own:
        with_properties(model, model, steps=to_dict(Pipeline()), ingest=ingest)
    else:
        settings_for(model, ingest=StudySettings(**ingest))
    score(model, tmp_path / "archive", tmp_path / "a", device="cpu", **given)
    score(model, tmp_path / "built", tmp_path / "b", device="cpu", workers=1)
    for table in ("studies.csv", "predictions.csv", "rejects.csv"):
        assert (tmp_path / "a" / table).read_bytes() == (tmp_path / "b" / table).read_bytes()
    build(tmp_path / "archive", tmp_path / "of_files", **given)
    with pytest.raises(FxrayError, match=r"ingest\.max_instances: 0 there, 2 by the model.*--as-is"):
        score(model, tmp_path / "of_files", tmp_path / "c", device="cpu", workers=1)
    quantize(model, tmp_path / "built", tmp_path / "int8.onnx")
    assert Model(tmp_path / "int8.onnx", device="cpu").settings.ingest == StudySettings(**ingest)
    if own:
        assert inspect(tmp_path / "int8.onnx")["ingest"] == ingest


def test_a_model_exported_before_it_kept_how_studies_are_gathered_takes_the_defaults(tmp_path):
    model = mean_model(tmp_path / "m.onnx", own=True)
    assert "ingest" not in inspect(model)
    assert Model(model, device="cpu").settings.ingest == StudySettings(0, "auto")


@pytest.mark.parametrize(
    "wrong",
    [{"channels": 2}, {"mean": (0.1, 0.2)}, {"deviation": (0.0,)}, {"threshold": 2.0}, {"layout": "CHW"}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        ModelSettings(**wrong)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("mean = [123.675]", r"scale 0 to 1, not 123\.675: of grey levels 0 to 255 it is 0\.485"),
        ("channels = 3\nmean = [0.5, 0.5, -3]", r"mean is on the scale 0 to 1, not -3"),
        ('dtype = "uint8"\nmean = [0.5]', r"mean and deviation are of models with dtype .float32."),
        ('dtype = "uint8"\ndeviation = [0.2]', r"mean and deviation are of models with dtype .float32."),
        ('classes = ["", "broken"]', r"'', as a name of a class, .*without blanks"),
        ('classes = ["no", " no"]', r"' no', as a name of a class"),
        ('classes = ["no", "=cmd()"]', r"'=cmd\(\)', as a name of a class"),
        ('classes = ["no", "y\\nes"]', r"'y\\nes', as a name of a class"),
    ],
)
def test_settings_that_would_spoil_images_or_tables_are_refused(tmp_path, settings, message):
    model = mean_model(tmp_path / "m.onnx")
    model.with_suffix(".toml").write_text(settings)
    with pytest.raises(ParameterError, match=message):
        Model(model, device="cpu")


@pytest.mark.parametrize("content", [b"", b"\x08\x01"])
def test_a_file_without_a_model_in_it_is_told_as_such(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(FxrayError, match=r"it is not an ONNX file, or a truncated one"):
        inspect(tmp_path / "m.onnx")


def test_a_name_that_onnx_runtime_cannot_take_is_told(tmp_path):
    model = mean_model(tmp_path / "m.onnx", own=True).rename(tmp_path / "m\udcff.onnx")
    with pytest.raises(FxrayError, match=r"its name or that of a folder above it is not UTF-8.*; rename it"):
        inspect(model)
