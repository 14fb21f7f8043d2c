"""What an ONNX file is: inputs, outputs, metadata, opset, size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fxcore.config import to_toml
from fxcore.letterbox import Frame
from fxserve.device import open_session
from fxserve.model import image_input, properties_of, shape_text
from fxserve.model_file import read_operators, size_of
from fxserve.settings import ModelSettings


def inspect(path: Path) -> dict[str, Any]:
    """Return what there is to know of a model, after opening it on the CPU.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    dict
        Size in bytes, weights, opsets, what fxray wrote into it, and ``nodes``: inputs and outputs.

    Raises
    ------
    FxrayError
        If it is no model that can be used.
    """
    session, _ = open_session(path, "cpu", 1)
    model = read_operators(path)
    weights = sum(_elements(tensor) for tensor in model.graph.initializer)
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


def settings_template(path: Path) -> str:
    """Return settings as TOML for a model that fxray did not export, to complete and put beside it.

    What its input says is filled in.

    Raises
    ------
    FxrayError
        If it cannot be opened, or takes no images that fxray could give it.
    """
    session, _ = open_session(path, "cpu", 1)
    image, dtype = image_input(path, session)
    shape = image.shape
    values: dict[str, Any] = {"dtype": dtype}
    if len(shape) == 4:
        last = shape[3] in (1, 3)
        channels, height, width = (shape[3], *shape[1:3]) if last else shape[1:]
        values |= {"layout": "NHWC" if last else "NCHW", "channels": channels if channels in (1, 3) else 1}
        if isinstance(height, int) and isinstance(width, int):
            values["frame"] = Frame(width, height)
    return to_toml(ModelSettings(**values))


def _elements(tensor: Any) -> int:
    count = 1
    for side in tensor.dims:
        count *= side
    return count
