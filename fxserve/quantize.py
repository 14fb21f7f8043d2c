"""An int8 model by static quantisation, held against the one it was made from in the same run."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.aggregate import decide, judged
from fxcore.arguments import check_whole
from fxcore.cores import default_workers
from fxcore.dataset.layout import Layout
from fxcore.dataset.tables import naming, write_atomically
from fxcore.errors import FxrayError, ParameterError
from fxcore.places import check_model_place, resolved
from fxcore.progress import Progress, Silent
from fxserve.model import Model
from fxserve.model_file import read_operators, size_of
from fxserve.sample import Sample, draw_sample
from fxserve.sources import DataSetSource

_ROUNDS = 3
_LAYERS = ("Conv", "Gemm", "MatMul")
"""Operators with weights, which take nearly all of the time."""
_QUANTISED = re.compile(r"QuantizeLinear$|^QLinear|Integer$")
"""Names of operators of integers, or between them and floats: DequantizeLinear, ConvInteger..."""
_COPIES = 4
"""Of the model, that its quantisation may have on the disk at once."""
_OPSET_OF_CHANNELS = 13
"""The first with QuantizeLinear by channel."""


def quantize(
    model: str | PathLike[str],
    dataset: str | PathLike[str],
    out: str | PathLike[str],
    *,
    count: int = 128,
    settings_file: str | PathLike[str] | None = None,
    as_is: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write an int8 model (QDQ, ranges by calibration) and compare both on the data set.

    Parameters
    ----------
    model : path
        A model of radiographs.
    dataset : path
        A finished data set, preprocessed as the model expects. Of studies spread over it, every second one
        calibrates, and both models are compared on the others: no study does both.
    out : path
        The file; it keeps the metadata. Where the model has its settings in a TOML file, a copy of that is
        written beside it.
    count : int
        Radiographs to calibrate by, about.
    settings_file : path, optional
        Settings of a model that fxray did not export.
    as_is : bool
        Take a data set though it was made with other settings than the model expects.
    progress : Progress, optional

    Returns
    -------
    dict
        Size, radiographs a second, AUC (over radiographs; None where a class is missing) of both, the
        largest change of a probability, how many studies are decided otherwise at the model's threshold,
        and whether int8 is faster.

    Raises
    ------
    FxrayError
        If it cannot be done; nothing is left at `out` then.
    """
    progress = progress or Silent()
    model, dataset, out = Path(model), Path(dataset), Path(out)
    check_whole("count", count, 1)
    _check_place(out, model)
    cores = default_workers()
    before = Model(model, device="cpu", threads=cores, settings_file=settings_file)
    if before.by_study:
        raise ParameterError(f"{model} judges whole studies; quantise the model of its radiographs instead")
    if before.note:
        progress.say(before.note)
    _check_operators(model)
    toml = _settings_of(before, settings_file)
    if toml is not None:
        _check_free(out, toml)
    layout = Layout(resolved(dataset))
    if DataSetSource(layout.root, resolved(out), before.settings, as_is).steps is not None:
        raise ParameterError(
            f"{layout.root} is not preprocessed, and the model expects radiographs that are; make a data set "
            "of it with fxray preprocess and name that"
        )
    sample = draw_sample(layout, before.settings, 2 * count)
    for_calibration, for_test = sample.halves()
    if for_calibration is for_test:
        progress.say("Warning: there is one study only: the models are compared on what calibrated.")
    progress.stage("Calibrating", len(for_calibration.images))
    with tempfile.TemporaryDirectory(prefix="fxray-quantize-") as folder:
        made = Path(folder) / "int8.onnx"
        _quantize(before, for_calibration.images, made, progress)
        data = _with_metadata(made, model)
    beside = out.with_name(f"{out.name}.partial")
    try:
        with naming(out):
            beside.write_bytes(data)
        after = Model(beside, device="cpu", threads=cores, settings_file=toml)
        found = _compared(before, after, for_test)
        if toml is not None:
            write_atomically(out.with_suffix(".toml"), toml.read_bytes())
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    beside_it = {} if toml is None else {"settings": str(out.with_suffix(".toml"))}
    found = {"file": str(out), **beside_it, "calibrated_by": len(for_calibration.images)} | found
    if not found["int8_is_faster"]:
        progress.say("Warning: int8 is not faster than float here; keep the float model on such a machine.")
    return found


def _settings_of(model: Model, named: str | PathLike[str] | None) -> Path | None:
    """Return the TOML file with the settings of a model; None where they are inside it."""
    return None if model.properties else Path(named or model.path.with_suffix(".toml"))


def _check_place(out: Path, model: Path) -> None:
    """Check, before it is calibrated, that the new model may be written."""
    if resolved(out) == resolved(model):
        raise ParameterError(f"{out} is the model itself; name another file")
    check_model_place(out)
    if not out.parent.is_dir():
        raise ParameterError(f"the folder {out.parent} does not exist; make it, or name another place")
    if not os.access(out.parent, os.W_OK):
        raise ParameterError(f"the folder {out.parent} cannot be written to; name another place")


def _check_free(out: Path, toml: Path) -> None:
    """Check that the settings may be written beside the new model: nothing else is there."""
    place = out.with_suffix(".toml")
    if place == out:
        raise ParameterError(f"{out} would be the settings of the int8 model; name a file that ends in .onnx")
    if place.exists() and place.read_bytes() != toml.read_bytes():
        raise ParameterError(
            f"{place} would be the settings of the int8 model, and says other than {toml}; name another "
            "file, or remove it"
        )


class _Calibration:
    """Gives the quantiser one input after the other."""

    def __init__(self, model: Model, images: NDArray[np.uint8], progress: Progress) -> None:
        self._inputs = self._each(model, images, progress)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._inputs, None)

    def _each(
        self, model: Model, images: NDArray[np.uint8], progress: Progress
    ) -> Iterator[dict[str, NDArray[Any]]]:
        for at in range(0, len(images), model.batch):
            # The first ones once more fill the last batch, as a model may take whole ones only: blank images
            # would widen the ranges.
            yield model.inputs(images[np.arange(at, at + model.batch) % len(images)])
            progress.advance(min(model.batch, len(images) - at))


def _quantize(model: Model, images: NDArray[np.uint8], out: Path, progress: Progress) -> None:
    import logging

    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    CalibrationDataReader.register(_Calibration)
    ready = out.with_name("ready.onnx")
    root = logging.getLogger()
    level = root.level
    # It tells the root logger that it was asked to do what it does.
    root.setLevel(logging.ERROR)
    try:
        quant_pre_process(str(model.path), str(ready))
        _name_nodes(ready)
        operators, left, per_channel = _what_to_quantise(ready)
        quantize_static(
            str(ready),
            str(out),
            _Calibration(model, images, progress),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
            op_types_to_quantize=operators,
            nodes_to_exclude=left,
        )
    except Exception as error:
        text = (str(error).splitlines() or [""])[0][:300]
        room = _lack_of_room(out.parent.parent, _COPIES * size_of(model.path), error)
        raise FxrayError(
            f"{model.path} cannot be quantised ({type(error).__name__}: {text}){room}"
        ) from error
    finally:
        root.setLevel(level)


def _lack_of_room(folder: Path, needed: int, error: Exception) -> str:
    """Return, for a message, what is left in the folder of temporary files; empty if it is not the cause.

    A file that did not fit is not always told of when it is written, but found damaged when it is read.
    """
    free = shutil.disk_usage(folder).free
    if free >= needed and not isinstance(error, OSError):
        return ""
    return (
        f". Its working files are written to {folder}, where {free:,} bytes are left: make room for several "
        "times the model there, or name another folder by the variable TMPDIR"
    )


def _check_operators(path: Path) -> None:
    """Check that no operator of a model computes in integers yet."""
    kinds = {node.op_type for node in read_operators(path).graph.node}
    if found := sorted(kind for kind in kinds if _QUANTISED.search(kind)):
        raise ParameterError(
            f"{path} is quantised already: it has the operators {', '.join(found)}; name the float model "
            "that it was made from"
        )


def _name_nodes(path: Path) -> None:
    """Name the nodes that have no name, as of other programs: by that a node can be left as it is."""
    import onnx

    model = read_operators(path)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"fxray_{number}"
    onnx.save(model, str(path))


def _what_to_quantise(model: Path) -> tuple[list[str] | None, list[str], bool]:
    """Return the types of operators to quantise, None for all that can be, which nodes to leave, how.

    By channel, where the model's opset has operators for that.

    The first and the last layer stay as they are, unless they are all there are; so does all between layers
    where values are normalised there, which is not part of the weights: rounding costs accuracy and gains
    little.
    """
    loaded = read_operators(model)
    nodes = loaded.graph.node
    layers = [node.name for node in nodes if node.op_type in _LAYERS]
    ends = [layers[0], layers[-1]] if len(layers) > 2 else []
    normalised = any(node.op_type.endswith("Normalization") for node in nodes)
    opset = max(entry.version for entry in loaded.opset_import if entry.domain in ("", "ai.onnx"))
    operators = list(_LAYERS) if normalised else None
    return operators, ends, opset >= _OPSET_OF_CHANNELS


def _with_metadata(made: Path, origin: Path) -> bytes:
    """Return the file with the metadata of the model that it was made from."""
    import onnx

    model = onnx.load(str(made))
    kept = read_operators(origin).metadata_props
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    data: bytes = model.SerializeToString()
    return data


def _compared(before: Model, after: Model, sample: Sample) -> dict[str, Any]:
    images, broken = sample.images, sample.broken
    probability: dict[str, NDArray[np.float64]] = {}
    seconds: dict[str, list[float]] = {"float": [], "int8": []}
    # In turn, so that what slows the machine slows both.
    for _ in range(_ROUNDS):
        for name, model in (("float", before), ("int8", after)):
            begin = time.perf_counter()
            probability[name], _logit = model.run(images)
            seconds[name].append(time.perf_counter() - begin)
    speed = {name: len(images) / float(np.median(times)) for name, times in seconds.items()}
    for name, found_by in probability.items():
        if missing := int(np.count_nonzero(~np.isfinite(found_by))):
            raise FxrayError(
                f"the {name} model gave no finite number for {missing} of {len(images)} radiographs"
            )
    known = broken >= 0
    found: dict[str, Any] = {"compared_on": len(images)}
    for name, path in (("float", before.path), ("int8", after.path)):
        found[f"bytes_{name}"] = size_of(path)
        found[f"radiographs_per_second_{name}"] = speed[name]
        found[f"auc_{name}"] = auc(broken[known] == 1, probability[name][known])
    found["largest_change_of_probability"] = float(np.abs(probability["float"] - probability["int8"]).max())
    studies, settings = int(sample.study[-1]) + 1, before.settings
    decided = {
        name: decide(judged(found_by, sample.study, studies, settings.aggregate), settings.threshold)
        for name, found_by in probability.items()
    }
    found["studies_compared"] = studies
    found["studies_decided_otherwise"] = int(np.count_nonzero(decided["float"] != decided["int8"]))
    return found | {"int8_is_faster": speed["int8"] > speed["float"]}


def auc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """Return the area under the ROC curve, as the rank statistic of Mann and Whitney; ties count half.

    None where there are not both classes.
    """
    above, below = scores[positive], np.sort(scores[~positive])
    if not len(above) or not len(below):
        return None
    wins = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(wins.sum() / (2 * len(above) * len(below)))
