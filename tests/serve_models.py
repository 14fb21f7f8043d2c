"""Models to score with: one that fxray trained, and tiny ones of which the answer is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fxcore.config import to_dict, to_toml
from fxcore.dicom.config import PixelConfig
from fxcore.letterbox import Frame
from fxcore.steps import Pipeline
from fxserve.settings import ModelSettings

FRAME = Frame(32, 40)
IMAGES = np.random.default_rng(0).integers(0, 256, (7, FRAME.height, FRAME.width), dtype=np.uint8)


def trained(folder: Path) -> tuple[Path, Path, Path]:
    """Train for an epoch on drawn radiographs; return data set, run and exported model."""
    import torch

    from fxtrain.config import DataConfig, ModelConfig, OptimConfig, TrainConfig
    from fxtrain.evaluate import evaluate
    from fxtrain.export import export
    from fxtrain.trainer import train
    from tests.train.data import make

    torch.set_num_threads(1)
    dataset, run, model = make(folder / "dataset"), folder / "run", folder / "model.onnx"
    config = TrainConfig(
        data=DataConfig(frame=FRAME, val_fraction=0.3),
        model=ModelConfig(name="rx-lite"),
        optim=OptimConfig(learning_rate=2e-3),
        batch=8,
        device="cpu",
    )
    train(dataset, run, replace(config, epochs=1))
    evaluate(run, dataset, device="cpu")
    export(run, model)
    return dataset, run, model


def settings_for(path: Path, **settings: Any) -> Path:
    """Write the settings of a model for images of `FRAME` into the TOML file beside it."""
    path.with_suffix(".toml").write_text(to_toml(ModelSettings(frame=FRAME, **settings)))
    return path


def with_properties(model: Path, out: Path, **properties: Any) -> Path:
    """Write a model again with other properties."""
    loaded = onnx.load(str(model))
    kept = {entry.key: entry.value for entry in loaded.metadata_props}
    kept |= {f"fxray.{name}": json.dumps(value) for name, value in properties.items()}
    del loaded.metadata_props[:]
    helper.set_model_props(loaded, kept)
    onnx.save(loaded, str(out))
    return out


def of_steps(model: Path, out: Path) -> Path:
    """Write a model again as one that learned from preprocessed radiographs of an archive."""
    return with_properties(model, out, steps=to_dict(Pipeline()), pixels=to_dict(PixelConfig()))


def mean_model(
    path: Path,
    *,
    layout: str = "NCHW",
    channels: int = 1,
    dtype: int = 0,
    classes: int = 1,
    batch: int | str = "n",
    opset: int = 17,
    nan_above: float | None = None,
    own: bool = False,
    ending: str = "Identity",
    **attributes: Any,
) -> Path:
    """Write a model whose outputs are 1, 2... times the mean of an image; NaN where it is above a limit.

    With `own` it is as one that fxray exported, for images of `FRAME`. Another operator at the `ending` makes
    other shapes of the outputs, of which the file says nothing.
    """
    dtype = dtype or (TensorProto.UINT8 if own else TensorProto.FLOAT)
    sides = [channels, FRAME.height, FRAME.width]
    shape = [batch, *(sides if layout == "NCHW" else [*sides[1:], channels])]
    factors = np.arange(1, classes + 1, dtype=np.float32)[None]
    nodes = [
        helper.make_node("Cast", ["images"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grey"], ["mean4"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Flatten", ["mean4"], ["mean"]),
        helper.make_node("MatMul", ["mean", "factors"], ["plain"]),
    ]
    constants = [numpy_helper.from_array(factors, "factors")]
    last = "plain"
    if nan_above is not None:
        constants.append(numpy_helper.from_array(np.float32(nan_above), "limit"))
        constants.append(numpy_helper.from_array(np.float32("nan"), "nan"))
        nodes.append(helper.make_node("Greater", ["mean", "limit"], ["above"]))
        nodes.append(helper.make_node("Where", ["above", "nan", "plain"], ["spoilt"]))
        last = "spoilt"
    names = ["scores"]
    if own:
        nodes.append(helper.make_node("Sigmoid", [last], ["probability"]))
        names = ["probability", "logit"]
    nodes.append(helper.make_node(ending, [last], [names[-1]], **attributes))
    sides_out = [batch, classes] if ending == "Identity" else [None, None]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides_out) for name in names]
    graph = helper.make_graph(
        nodes, "mean", [helper.make_tensor_value_info("images", dtype, shape)], outputs, constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(model, str(path))
    if own:
        judging = {"threshold": 0.5, "aggregate": "alo", "classes": ["not_broken", "broken"]}
        with_properties(path, path, frame=to_dict(FRAME), steps={}, pixels=None, **judging)
    return path
