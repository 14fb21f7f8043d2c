"""The file of a model: its weights, which may lie in files beside it, and what it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fxcore.errors import FxrayError

# In the file, this is the name of the entry that says where else weights are (ONNX, TensorProto).
_EXTERNAL = b"\n\x08location\x12"
# What stands in the fifth to eighth byte of an .ort file.
_OF_THE_RUNTIME = b"ORTM"
# Operators that make probabilities, and those that leave values as they are.
_TO_PROBABILITIES = frozenset({"Sigmoid", "HardSigmoid", "Softmax"})
_SAME_VALUES = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})


def model_files(path: Path) -> list[Path]:
    """Return the file of a model, and those beside it that hold its weights.

    Raises
    ------
    FxrayError
        If the file of the model cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FxrayError(f"the model {path} cannot be read: {error.strerror}") from error
    if _EXTERNAL not in data:
        return [path]
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    tensors = filter(uses_external_data, _tensors(onnx.load_model_from_string(data)))
    places = sorted({ExternalDataInfo(tensor).location for tensor in tensors})
    return [path, *(path.parent / place for place in places)]


def _tensors(message: Any) -> Iterator[Any]:
    """Yield every tensor of a model: of graphs, of attributes of nodes, of branches, loops and functions."""
    from onnx import TensorProto

    if isinstance(message, TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in (value,) if hasattr(value, "ListFields") else value:
                yield from _tensors(part)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a model, the files of its weights included."""
    digest = hashlib.sha256()
    for file in model_files(path):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Return the bytes of a model, those of the files of its weights included."""
    return sum(file.stat().st_size for file in model_files(path))


def makes_probabilities(path: Path) -> str:
    """Return the operator that makes the first output of a model, if what it gives are probabilities.

    Empty for others, and for a file in ONNX Runtime's own format, which does not tell.
    """
    if _is_of_the_runtime(path):
        return ""
    graph = read_operators(path).graph
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in _SAME_VALUES:
        node = makers.get(node.input[0])
    return node.op_type if node is not None and node.op_type in _TO_PROBABILITIES else ""


def read_operators(path: Path) -> Any:
    """Return a model as ``onnx.ModelProto``, without the weights that lie in other files.

    Raises
    ------
    FxrayError
        If it is no ONNX file, though ONNX Runtime can open it.
    """
    if _is_of_the_runtime(path):
        raise FxrayError(f"{path} is in ONNX Runtime's own format; name the ONNX file that it was made from")
    import onnx

    return onnx.load(str(path), load_external_data=False)


def _is_of_the_runtime(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).endswith(_OF_THE_RUNTIME)
