"""Models that judge whole studies: given whole ones, and held to one row for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

import onnx
from onnx import TensorProto, helper, numpy_helper

from fxcore.config import to_dict
from fxcore.errors import ParameterError
from fxserve.inspect import settings_template
from fxserve.model import Model
from fxserve.score import score
from tests.serve_models import FRAME, IMAGES, mean_model, settings_for
from tests.train.data import make


def study_model(path: Path, kind: str) -> Path:
    """Write a model of studies: the largest mean of their views; or of others, what one may take for it."""
    model = onnx.load(str(mean_model(path)))
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.shape.dim.extend([onnx.TensorShapeProto.Dimension()] * 2)
    model.graph.input.append(helper.make_tensor_value_info("study", TensorProto.INT64, ["n"]))
    last = model.graph.node.pop()
    if kind == "a row a study":
        constants = {"one": np.array(1), "shape": np.array([1]), "column": np.array([-1, 1])}
        model.graph.initializer.extend(numpy_helper.from_array(v, name) for name, v in constants.items())
        model.graph.node.extend(
            [
                helper.make_node("ReduceMax", ["study"], ["last"], keepdims=0),
                helper.make_node("Add", ["last", "one"], ["count"]),
                helper.make_node("Reshape", ["count", "shape"], ["counts"]),
                helper.make_node("ConstantOfShape", ["counts"], ["none"]),
                helper.make_node("Flatten", ["plain"], ["rows"]),
                helper.make_node("Reshape", ["rows", "shape_all"], ["flat"]),
                helper.make_node("ScatterElements", ["none", "study", "flat"], ["found"], reduction="max"),
                helper.make_node("Reshape", ["found", "column"], list(last.output)),
            ]
        )
        model.graph.initializer.append(numpy_helper.from_array(np.array([-1]), "shape_all"))
    elif kind == "a row an image":
        model.graph.node.append(helper.make_node("Identity", ["plain"], list(last.output)))
    else:
        model.graph.node.append(
            helper.make_node("ReduceMean", ["plain"], list(last.output), axes=[0], keepdims=1)
        )
    onnx.save(model, str(path))
    return settings_for(path, aggregate="model")


@pytest.mark.parametrize("batch", [2, 3, 7])
def test_a_model_of_others_that_gives_a_row_a_study_is_used(tmp_path, batch):
    model = Model(study_model(tmp_path / "m.onnx", "a row a study"), device="cpu", batch=batch)
    found = model.run(IMAGES, np.array([0, 0, 1, 2, 2, 2, 3]))[1]
    means = IMAGES.mean(axis=(1, 2)) / 255
    expected = [part.max() for part in np.split(means, [2, 3, 6])]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_model_of_studies_is_known_by_its_inputs(tmp_path):
    path = study_model(tmp_path / "m.onnx", "a row a study")
    path.with_suffix(".toml").write_text(settings_template(path))
    assert Model(path, device="cpu").by_study
    settings_for(path)
    with pytest.raises(ParameterError, match='judges whole studies, the setting aggregate should be "model"'):
        Model(path, device="cpu")


@pytest.mark.parametrize(("kind", "found"), [("a row an image", r"\(8, 1\)"), ("a row in all", r"\(1, 1\)")])
def test_an_output_without_a_row_for_each_study_is_refused(tmp_path, kind, found):
    path = study_model(tmp_path / "m.onnx", kind)
    with pytest.raises(ParameterError, match=rf"the shape {found}; it should be \(5\), .* a row a study"):
        Model(path, device="cpu", batch=2).run(IMAGES, np.array([0, 0, 1, 2, 2, 2, 3]))
    with pytest.raises(ParameterError, match="a row a study"):
        score(path, make(tmp_path / "dataset", studies=4, views=2), tmp_path / "out", device="cpu", workers=1)


def test_a_model_of_studies_is_given_whole_studies(tmp_path):
    pytest.importorskip("torch", reason="the model of studies is made here")
    from fxtrain.config import ModelConfig
    from fxtrain.export import DeployedAggregator, write_onnx
    from fxtrain.models import create_model

    network = create_model(ModelConfig(name="aggregator", views="rx-lite"), FRAME)
    judging = {"threshold": 0.5, "aggregate": "model", "classes": ["not_broken", "broken"]}
    path = tmp_path / "m.onnx"
    deployed = DeployedAggregator(network, 0.2, 0.2, 1.0).eval()
    metadata = {"frame": to_dict(FRAME), "steps": {}, "pixels": None, **judging}
    write_onnx(deployed, IMAGES[:, None], path, metadata)
    dataset = make(tmp_path / "dataset", studies=7, views=3)
    for batch in (1, 4):
        score(path, dataset, tmp_path / f"out{batch}", device="cpu", batch=batch)
    one, four = ((tmp_path / f"out{batch}" / "studies.csv").read_text().splitlines() for batch in (1, 4))
    assert len(one) == len(four) == 8
    for a, b in zip(one[1:], four[1:], strict=True):
        assert a.split(",")[0] == b.split(",")[0]
        assert float(a.split(",")[1]) == pytest.approx(float(b.split(",")[1]), abs=2e-6)
    assert ",,," in (tmp_path / "out1" / "predictions.csv").read_text() or one[1].endswith(",")
