"""Where the settings of a model come from: inside it, where fxray exported it; else a TOML file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

import onnx

from fxcore.errors import FxrayError, ParameterError
from fxserve import Scorer
from fxserve.inspect import inspect, settings_template
from fxserve.model import Model
from fxserve.quantize import quantize
from fxserve.score import score
from fxserve.settings import ModelSettings
from tests.serve_models import FRAME, mean_model, settings_for
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


@pytest.mark.parametrize(
    "wrong",
    [{"channels": 2}, {"mean": (0.1, 0.2)}, {"deviation": (0.0,)}, {"threshold": 2.0}, {"layout": "CHW"}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        ModelSettings(**wrong)
