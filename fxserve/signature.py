"""What an opened ONNX file takes, gives and says of itself, before any settings are held against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fxcore.errors import ParameterError
from fxcore.json_text import from_json

# Of the properties that fxray writes into a model.
_PREFIX = "fxray."
# The types of images, and what the setting dtype calls them.
_TYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}


def signature(session: Any) -> str:
    """Name the inputs and outputs, their types and shapes."""
    sides = (("input", session.get_inputs()), ("output", session.get_outputs()))
    return ", ".join(
        f"the {side} {node.name!r} of {node.type} {shape_text(node.shape)}"
        for side, nodes in sides
        for node in nodes
    )


def image_input(path: Path, session: Any) -> tuple[Any, str]:
    """Return the input that takes images, and its type as the setting dtype has it."""
    nodes = session.get_inputs()
    if not nodes:
        raise ParameterError(f"{path} has no input; it should take images")
    (image, *_) = nodes
    if image.type not in _TYPES:
        raise ParameterError(
            f"the input {image.name!r} of {path} is of {image.type}; fxray gives images of "
            f"{' or '.join(_TYPES)}. Export the model with one of these, or put a Cast before it"
        )
    return image, _TYPES[image.type]


def takes_studies(session: Any) -> bool:
    """Tell whether the study of each image is a second input, as of a model of whole studies."""
    return [node.type for node in session.get_inputs()[1:]] == ["tensor(int64)"]


def properties_of(session: Any) -> dict[str, Any]:
    """Return what fxray wrote into a model, without the prefix."""
    found = {}
    for name, text in session.get_modelmeta().custom_metadata_map.items():
        if name.startswith(_PREFIX):
            try:
                found[name.removeprefix(_PREFIX)] = from_json(text)
            except ValueError:
                raise ParameterError(
                    f"the model's property {name} is damaged: {text[:80]!r}; export the model again"
                ) from None
    return found


def shape_text(shape: Sequence[Any]) -> str:
    """Write a shape as people do."""
    return f"({', '.join('?' if side is None else str(side) for side in shape)})"
