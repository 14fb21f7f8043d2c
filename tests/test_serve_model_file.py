"""The file of a model: weights beside it are of the model, wherever in it they are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from fxcore.errors import FxrayError
from fxserve.inspect import inspect
from fxserve.model import Model
from fxserve.model_file import digest_of, size_of
from fxserve.score import score
from tests.serve_models import FRAME, IMAGES, settings_for
from tests.train.data import make


def write(path: Path, place: str, factor: float) -> Path:
    """Write a model that gives the mean of an image times a factor, which lies in ``weights.bin``."""
    (path.parent / "weights.bin").write_bytes(np.float32(factor).tobytes())
    tensor = numpy_helper.from_array(np.float32([[factor]]), "factor")
    set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, FRAME.height, FRAME.width])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1])
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean4"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Flatten", ["mean4"], ["mean"]),
    ]
    constant = helper.make_node("Constant", [], ["factor"], value=tensor)
    product = helper.make_node("MatMul", ["mean", "factor"], ["scores"])
    functions, initializers, opsets = [], [], [helper.make_opsetid("", 17)]
    if place == "graph":
        nodes, initializers = [*nodes, product], [tensor]
    elif place == "node":
        nodes += [constant, product]
    elif place == "branch":
        branch = helper.make_graph([product], "branch", [], [scores], [tensor])
        nodes.append(helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))))
        nodes.append(helper.make_node("If", ["yes"], ["scores"], then_branch=branch, else_branch=branch))
    else:
        functions = [
            helper.make_function("own", "Times", ["mean"], ["scores"], [constant, product], opsets[:1])
        ]
        opsets.append(helper.make_opsetid("own", 1))
        nodes.append(helper.make_node("Times", ["mean"], ["scores"], domain="own"))
    graph = helper.make_graph(nodes, "times", [images], [scores], initializers)
    made = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)
    path.write_bytes(made.SerializeToString())
    return settings_for(path)


@pytest.mark.parametrize("place", ["graph", "node", "branch", "function"])
def test_weights_beside_the_file_belong_to_the_model_wherever_they_are_named(tmp_path, place):
    path = write(tmp_path / "m.onnx", place, 2.0)
    before = Model(path, device="cpu")
    assert size_of(path) == path.stat().st_size + 4
    digest, data, (_, logit) = before.digest, path.read_bytes(), before.run(IMAGES)
    write(path, place, -3.0)
    assert path.read_bytes() == data
    assert digest_of(path) != digest
    np.testing.assert_allclose(Model(path, device="cpu").run(IMAGES)[1], logit * -1.5, rtol=1e-5)


def test_scores_of_replaced_weights_are_not_kept_as_the_new_ones(tmp_path):
    dataset = make(tmp_path / "dataset", studies=3)
    score(write(tmp_path / "m.onnx", "node", 2.0), dataset, tmp_path / "out", device="cpu", workers=1)
    with pytest.raises(FxrayError, match="another model sha256"):
        score(write(tmp_path / "m.onnx", "node", -3.0), dataset, tmp_path / "out", device="cpu", workers=1)
    assert inspect(tmp_path / "m.onnx")["bytes"] == size_of(tmp_path / "m.onnx")
