"""What `fxray inspect` says of a model, and the settings it begins for one of others."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

from fxcore.cli.app import app
from fxcore.config import from_dict, read_toml, to_dict
from fxcore.errors import FxrayError
from fxcore.letterbox import Frame
from fxserve import device
from fxserve.inspect import inspect, settings_template
from fxserve.model import Model
from fxserve.settings import ModelSettings
from tests.serve_models import IMAGES, mean_model, with_properties
from tests.test_serve_models import BAD


def test_inspection_shows_what_is_needed_to_describe_a_model(tmp_path):
    path = mean_model(tmp_path / "m.onnx", layout="NHWC", channels=3)
    found = inspect(path)
    assert found["opset"] == "ai.onnx 17"
    assert found["bytes"] == path.stat().st_size
    assert [node["shape"] for node in found["nodes"]] == ["(n, 40, 32, 3)", "(n, 1)"]
    path.with_suffix(".toml").write_text(settings_template(path))
    settings = read_toml(ModelSettings, path.with_suffix(".toml"))
    assert (settings.layout, settings.channels, settings.frame) == ("NHWC", 3, Frame(32, 40))
    assert len(Model(path, device="cpu").run(IMAGES)[0]) == len(IMAGES)
    assert from_dict(ModelSettings, to_dict(settings)) == settings


def test_settings_are_shown_one_a_row(tmp_path):
    steps = {"splitter": {"method": "likeness"}, "part_filter": {"parts": ["wrist", "hand"], "terms": {}}}
    path = mean_model(tmp_path / "m.onnx", own=True)
    with_properties(path, path, steps=steps, threshold=0.4312345)
    shown = CliRunner().invoke(app, ["inspect", str(path)]).stdout
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines()]
    assert ["steps.splitter.method", "likeness"] in lines
    assert ["threshold", "0.4312345"] in lines
    assert ["steps.part_filter.parts", "wrist, hand"] in lines
    assert ["steps.part_filter.terms", "none"] in lines
    assert "{" not in shown


@pytest.mark.parametrize("name", ["no input", "float16"])
def test_no_settings_are_written_for_a_model_that_none_would_fit(tmp_path, name):
    make_model, reason = BAD[name]
    with pytest.raises(FxrayError, match=reason):
        settings_template(make_model(tmp_path))


def test_a_model_in_the_format_of_the_runtime_is_not_taken_for_an_onnx_file(tmp_path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "m.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    path = mean_model(tmp_path / "m.onnx")
    onnxruntime.InferenceSession(str(path), options, providers=[device.CPU])
    with pytest.raises(FxrayError, match="own format"):
        inspect(tmp_path / "m.ort")
