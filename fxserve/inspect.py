"""What an ONNX file is: inputs, outputs, metadata, opset, size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fxcore.errors import FxrayError
from fxserve.device import open_session
from fxserve.model import properties_of, shape_text, size_of, template

# What stands in the fifth to eighth byte of an .ort file.
_OF_THE_RUNTIME = b"ORTM"


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
    with path.open("rb") as file:
        if file.read(8).endswith(_OF_THE_RUNTIME):
            raise FxrayError(
                f"{path} is in ONNX Runtime's own format; inspect the ONNX file that it was made from"
            )
    import onnx

    model = onnx.load(str(path), load_external_data=False)
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

    Raises
    ------
    FxrayError
        If it cannot be opened, or takes no images that fxray could give it.
    """
    return template(path, open_session(path, "cpu", 1)[0])


def _elements(tensor: Any) -> int:
    count = 1
    for side in tensor.dims:
        count *= side
    return count
