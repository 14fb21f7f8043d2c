"""An int8 model by static quantisation, held against the one it was made from in the same run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dataset.assemble import LOOSE
from fxcore.dataset.journal import read_journal
from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import read_study
from fxcore.dataset.tables import naming
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.executor import default_workers
from fxcore.letterbox import fit_image
from fxcore.run import Progress, Silent
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN
from fxserve.model import Model
from fxserve.settings import ModelSettings
from fxserve.sources import DataSetSource

_ROUNDS = 3


def quantize(
    model: Path,
    dataset: Path,
    out: Path,
    *,
    count: int = 128,
    settings_file: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write an int8 model (QDQ, ranges by calibration) and compare both on the data set.

    Parameters
    ----------
    model : pathlib.Path
        A model of radiographs.
    dataset : pathlib.Path
        A finished data set, preprocessed as the model expects; spread over it, `count` radiographs
        calibrate, and others, as many, are what both models are compared on.
    out : pathlib.Path
        The file; it keeps the metadata.
    count : int
        Radiographs to calibrate by.
    settings_file : pathlib.Path, optional
        Settings of a model that fxray did not export.
    progress : Progress, optional

    Returns
    -------
    dict
        Size, radiographs a second, AUC (over radiographs; None where a class is missing) of both, the
        largest change of a probability, and whether int8 is faster.

    Raises
    ------
    FxrayError
        If it cannot be done; nothing is left at `out` then.
    """
    progress = progress or Silent()
    if out.resolve() == model.resolve():
        raise ParameterError(f"{out} is the model itself; name another file")
    cores = default_workers()
    before = Model(model, device="cpu", threads=cores, settings_file=settings_file)
    if before.by_study:
        raise ParameterError(f"{model} judges whole studies; quantise the model of its radiographs instead")
    layout = Layout(dataset.resolve())
    if DataSetSource(layout.root, out.resolve(), before.settings, as_is=False).steps is not None:
        raise ParameterError(
            f"{layout.root} is not preprocessed, and the model expects radiographs that are; make a data set "
            "of it with fxray preprocess and name that"
        )
    images, broken = _radiographs(layout, before.settings, 2 * count)
    # Every second one calibrates; a data set too small for both has all do both.
    for_calibration, for_test = (
        (slice(0, None, 2), slice(1, None, 2)) if len(images) > 1 else (slice(None),) * 2
    )
    progress.stage("Calibrating", len(images[for_calibration]))
    with tempfile.TemporaryDirectory(prefix="fxray-quantize-") as folder:
        made = Path(folder) / "int8.onnx"
        _quantize(before, images[for_calibration], made, progress)
        data = _with_metadata(made, model)
    beside = out.with_name(f"{out.name}.partial")
    try:
        with naming(out):
            beside.write_bytes(data)
        after = Model(
            beside, device="cpu", threads=cores, settings_file=settings_file or _settings_beside(model)
        )
        found = _compared(before, after, images[for_test], broken[for_test])
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)
    found = {"file": str(out), "calibrated_by": len(images[for_calibration])} | found
    if not found["int8_is_faster"]:
        progress.say("Warning: int8 is not faster than float here; keep the float model on such a machine.")
    return found


def _settings_beside(model: Path) -> Path | None:
    beside = model.with_suffix(".toml")
    return beside if beside.exists() else None


def _radiographs(
    layout: Layout, settings: ModelSettings, count: int
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Return images of studies spread over the data set, and 1, 0 or -1 for broken, not, unknown."""
    records = [r for r in read_journal(layout) if r.study_id != LOOSE and r.radiographs]
    if not records:
        raise DataSetError(f"{layout.root} has no radiograph to calibrate by")
    step = max(1.0, sum(record.radiographs for record in records) / count)
    chosen = sorted({int(at) for at in np.arange(0, len(records), step)})
    truth = {LABEL_BROKEN: 1, LABEL_NOT_BROKEN: 0}
    images, labels = [], []
    for k in chosen:
        for radiograph in read_study(layout, records[k].label, records[k].study_id):
            images.append(fit_image(radiograph.image, settings.frame))
            labels.append(truth.get(records[k].label, -1))
    return np.stack(images), np.array(labels, np.int8)


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
            part = images[at : at + model.batch]
            yield model.inputs(part)
            progress.advance(len(part))


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
        quantize_static(
            str(ready),
            str(out),
            _Calibration(model, images, progress),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
    except Exception as error:
        text = (str(error).splitlines() or [""])[0][:300]
        raise FxrayError(f"{model.path} cannot be quantised ({type(error).__name__}: {text})") from error
    finally:
        root.setLevel(level)


def _with_metadata(made: Path, origin: Path) -> bytes:
    """Return the file with the metadata of the model that it was made from."""
    import onnx

    model = onnx.load(str(made))
    kept = onnx.load(str(origin), load_external_data=False).metadata_props
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    data: bytes = model.SerializeToString()
    return data


def _compared(
    before: Model, after: Model, images: NDArray[np.uint8], broken: NDArray[np.int8]
) -> dict[str, Any]:
    probability: dict[str, NDArray[np.float64]] = {}
    seconds: dict[str, list[float]] = {"float": [], "int8": []}
    # In turn, so that what slows the machine slows both.
    for _ in range(_ROUNDS):
        for name, model in (("float", before), ("int8", after)):
            begin = time.perf_counter()
            probability[name], _logit = model.run(images)
            seconds[name].append(time.perf_counter() - begin)
    speed = {name: len(images) / float(np.median(times)) for name, times in seconds.items()}
    known = broken >= 0
    found: dict[str, Any] = {"compared_on": len(images)}
    for name, path in (("float", before.path), ("int8", after.path)):
        found[f"bytes_{name}"] = path.stat().st_size
        found[f"radiographs_per_second_{name}"] = speed[name]
        found[f"auc_{name}"] = auc(broken[known] == 1, probability[name][known])
    found["largest_change_of_probability"] = float(np.abs(probability["float"] - probability["int8"]).max())
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
