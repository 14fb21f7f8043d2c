"""What an ONNX file is: inputs, outputs, metadata, opset, size."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from typing import Any

from fxcore.aggregate import BY_MODEL
from fxcore.config import to_toml
from fxcore.errors import ParameterError
from fxcore.letterbox import Frame
from fxserve.device import open_session
from fxserve.model_file import makes_probabilities, read_operators, size_of
from fxserve.settings import ModelSettings
from fxserve.signature import image_input, properties_of, shape_text, takes_studies


def inspect(path: str | PathLike[str]) -> dict[str, Any]:
    """Return what there is to know of a model, after opening it on the CPU.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        Size in bytes, weights, opsets, what fxray wrote into it, and ``nodes``: inputs and outputs.

    Raises
    ------
    FxrayError
        If it is no model that can be used.
    """
    path = Path(path)
    session, _ = open_session(path, "cpu", 1)
    model = read_operators(path)
    weights = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    nodes = [
        {"side": side, "name": node.name, "type": node.type, "shape": shape_text(node.shape)}
        for side, found in (("input", session.get_inputs()), ("output", session.get_outputs()))
        for node in found
    ]
    return {
        "file": str(path),
        "bytes": size_of(path),
        "weights": weights,
        "operators": len(model.graph.node),
        "opset": ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import),
        "ir_version": model.ir_version,
        "made_by": f"{model.producer_name} {model.producer_version}".strip(),
        **properties_of(session),
        "nodes": nodes,
    }


def settings_template(path: str | PathLike[str]) -> str:
    """Return settings as TOML for a model that fxray did not export, to complete and put beside it.

    What its inputs say is filled in, and whether its output is a probability.

    Raises
    ------
    FxrayError
        If it cannot be opened, has its settings inside, or takes no images that fxray could give it.
    """
    path = Path(path)
    session, _ = open_session(path, "cpu", 1)
    if properties_of(session):
        raise ParameterError(
            f"{path} has its settings inside, as fxray exported it; it needs no TOML file, and one beside it "
            f"is not read. `fxray inspect {path}` shows them"
        )
    image, dtype = image_input(path, session)
    shape = image.shape
    values: dict[str, Any] = {"dtype": dtype}
    if makes_probabilities(path):
        values["output"] = "probability"
    if takes_studies(session):
        values["aggregate"] = BY_MODEL
    if len(shape) == 4:
        last = shape[3] in (1, 3)
        channels, height, width = (shape[3], *shape[1:3]) if last else shape[1:]
        values |= {"layout": "NHWC" if last else "NCHW", "channels": channels if channels in (1, 3) else 1}
        if isinstance(height, int) and isinstance(width, int):
            values["frame"] = Frame(width, height)
    return to_toml(ModelSettings(**values))
