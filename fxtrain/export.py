"""A trained model as one ONNX file that holds all that scoring needs, checked against torch."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import fxcore
from fxcore.config import to_dict
from fxcore.errors import DataSetError, FxrayError
from fxcore.letterbox import Frame
from fxcore.places import check_model_place
from fxcore.settings import StudySettings
from fxtrain.evaluate import load_model, read_operating
from fxtrain.models import Aggregator
from fxtrain.packing import pack
from fxtrain.run_directory import RunDirectory
from fxtrain.table import Table, read_table

TOLERANCE = 1e-4
_BATCHES = (1, 2, 7)
_OPSET = 20
CLASSES = ("not_broken", "broken")


class Deployed(nn.Module):
    """A model of radiographs from bytes to probability, its normalisation and calibration inside."""

    def __init__(self, model: nn.Module, mean: float, deviation: float, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature
        self.scale, self.shift = 1 / (255 * deviation), -mean / deviation

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return probability and logit of ``uint8`` images of shape ``(n, 1, height, width)``."""
        logit = self.model(images.float() * self.scale + self.shift) / self.temperature
        return torch.sigmoid(logit), logit


class DeployedAggregator(Deployed):
    """A model of studies: views and the study of each, to a probability a study."""

    def forward(self, images: Tensor, study_index: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return probability and logit of each study; `study_index` is ``int64``, ``(n,)``, from 0 on."""
        model = self.model
        assert isinstance(model, Aggregator)
        features = model.features(images.float() * self.scale + self.shift)
        # As many rows as there are views, then cut: no study has fewer than one view.
        logit = model.of_features(features, study_index, features.shape[0]) / self.temperature
        present = torch.zeros_like(logit).scatter_add(0, study_index, torch.ones_like(logit)) > 0
        logit = logit[present]
        return torch.sigmoid(logit), logit


def export(run: Path, out: Path, *, dataset: Path | None = None) -> dict[str, Any]:
    """Write the best model of a run as ONNX.

    Parameters
    ----------
    run : pathlib.Path
        A run that was evaluated on its validation studies.
    out : pathlib.Path
        The file.
    dataset : pathlib.Path, optional
        Where to take radiographs from for the check; the data set of the run where not given.

    Returns
    -------
    dict
        The metadata in the file, the sensitivity that the threshold was chosen for (0: Youden's), and the
        largest difference found.

    Raises
    ------
    FxrayError
        If the file does not give what torch gives, within 1e-4 (see `largest_difference`), or the threshold
        was chosen for other weights; no file is left then.
    """
    run, out = Path(run), Path(out)
    check_model_place(out)
    place = RunDirectory(run)
    model, config = load_model(place)
    operating = read_operating(place)
    origin = place.read_provenance()
    try:
        table = read_table(Path(dataset or origin["dataset"]))
    except DataSetError as error:
        if dataset:
            raise
        raise DataSetError(f"{error}; if the data set of the run has moved, name it by --dataset") from error
    mean, deviation = place.read_normalisation()
    kind = DeployedAggregator if isinstance(model, Aggregator) else Deployed
    deployed = kind(model, mean, deviation, operating.temperature).eval()
    images = _real_images(table, config.data.frame, 1 / config.augment.crop_least)
    made = origin.get("dataset_config", {})
    ingest = made.get("ingest", {})
    metadata = {
        "producer": f"fxray {fxcore.__version__}",
        "model": config.model.name,
        "frame": to_dict(config.data.frame),
        "steps": made.get("steps"),
        "pixels": ingest.get("pixels"),
        "ingest": StudySettings.among(ingest),
        "classes": CLASSES,
        "threshold": operating.threshold,
        "aggregate": operating.aggregate,
        "temperature": operating.temperature,
        "dataset_fingerprint": origin.get("dataset_fingerprint", ""),
    }
    beside = out.with_name(f"{out.name}.partial")
    try:
        write_onnx(deployed, images, beside, metadata)
        difference = largest_difference(deployed, beside, images)
        if not difference <= TOLERANCE:
            raise FxrayError(
                f"the exported model differs from torch by {difference:.2g}, more than {TOLERANCE:g}; "
                "it was not kept"
            )
        beside.replace(out)
    except OSError as error:
        raise FxrayError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    found = {"file": str(out), "sensitivity": operating.sensitivity, "largest_difference": difference}
    return metadata | found


def _real_images(table: Table, frame: Frame, headroom: float) -> NDArray[np.uint8]:
    count = max(_BATCHES)
    rows = np.resize(np.arange(len(table)), count)
    return np.array(pack(table, frame, headroom).exact[rows])[:, None]


def _inputs(deployed: nn.Module, images: NDArray[np.uint8], count: int) -> dict[str, NDArray[Any]]:
    inputs: dict[str, NDArray[Any]] = {"images": images[:count]}
    if isinstance(deployed, DeployedAggregator):
        inputs["study_index"] = np.sort(np.arange(count) // 2).astype(np.int64)
    return inputs


def write_onnx(deployed: nn.Module, images: NDArray[np.uint8], path: Path, metadata: dict[str, Any]) -> None:
    """Write a model as ONNX for any number of images, with `metadata` as its ``fxray.*`` properties.

    Parameters
    ----------
    deployed : torch.nn.Module
    images : numpy.ndarray
        ``uint8``, shape ``(n, 1, height, width)``: some to trace it with.
    path : pathlib.Path
    metadata : dict
        Each value is written as JSON.

    Raises
    ------
    FxrayError
        If torch cannot export it.
    """
    inputs = _inputs(deployed, images, max(_BATCHES))
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            deployed,
            tuple(torch.from_numpy(values) for values in inputs.values()),
            input_names=list(inputs),
            output_names=["probability", "logit"],
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise FxrayError("torch could not export this model")
    _forget_origin(program.model)
    for name, value in metadata.items():
        program.model.metadata_props[f"fxray.{name}"] = json.dumps(value)
    program.save(path)


def _forget_origin(model: Any) -> None:
    """Take away what torch notes of where each node is from: source lines, with paths of this machine."""
    for graph in (*model.graphs(), *model.functions.values()):
        noted = [graph, *graph.inputs, *getattr(graph, "initializers", {}).values()]
        for node in graph:
            noted += [node, *node.outputs]
        for each in noted:
            each.metadata_props.clear()
            each.doc_string = None


def largest_difference(deployed: Deployed, path: Path, images: NDArray[np.uint8]) -> float:
    """Return how far ONNX Runtime and torch are apart, over several batches.

    In probability, and in logit before the division by the temperature, which would enlarge what both
    round otherwise. A difference of logits counts in proportion where they are above 1.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    for count in _BATCHES:
        inputs = _inputs(deployed, images, count)
        found = session.run(["probability", "logit"], inputs)
        with torch.inference_mode():
            expected = deployed(*(torch.from_numpy(values) for values in inputs.values()))
        for ours, theirs, unit in zip(found, expected, (1.0, deployed.temperature), strict=True):
            if ours.shape != tuple(theirs.shape):
                return float("inf")
            scaled = unit * theirs.numpy()
            gap = (np.abs(unit * ours - scaled) / np.maximum(1.0, np.abs(scaled))).max()
            largest = max(largest, float(gap)) if np.isfinite(gap) else float("inf")
    return largest
