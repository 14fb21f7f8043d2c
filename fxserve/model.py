"""An ONNX model opened for scoring: checked against its settings, run in batches of one size."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.aggregate import BY_MODEL
from fxcore.arguments import check_whole
from fxcore.config import read_toml
from fxcore.errors import FxrayError, ParameterError
from fxserve.device import CUDA, open_session
from fxserve.model_file import digest_of, makes_probabilities
from fxserve.settings import ModelSettings, from_metadata
from fxserve.signature import image_input, properties_of, shape_text, signature, takes_studies

BATCH_CPU, BATCH_GPU = 2, 64
_MOST_IN_A_BATCH = 4096
# A mean of probabilities, in float16 or float32, may be off by so much.
_ROUNDED = 1e-3


class Model:
    """A model and how it is to be used; several threads may run it at once.

    Parameters
    ----------
    path : path
        An ONNX file that fxray exported; or another, with its settings in a TOML file beside it.
    device : str
        See `fxserve.device.open_session`.
    threads : int
        For one operator on the CPU.
    batch : int
        Images in one run of the session; 0: 2 on the CPU, 64 on a GPU. Every run has that many, the
        last one filled up: memory stays as it is, and a score does not depend on its neighbours.
    settings_file : path, optional
        TOML file with the settings; the one beside the model (``model.toml``) where not given. For a model
        that fxray did not export: the others have theirs inside.

    Attributes
    ----------
    settings : ModelSettings
    properties : dict
        What fxray wrote into the file, without the prefix ``fxray.``; empty for other models.
    said : str
        Where it runs, for the user.
    note : str
        Which file was passed over, for the user; empty where none was.

    Raises
    ------
    FxrayError
        If it cannot be used, with the reason.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        device: str = "auto",
        threads: int = 1,
        batch: int = 0,
        settings_file: str | PathLike[str] | None = None,
    ) -> None:
        check_batch(batch)
        self.path = Path(path)
        self.session, self.said = open_session(self.path, device, threads)
        self.properties = properties_of(self.session)
        self.note = ""
        self.settings = self._settings(None if settings_file is None else Path(settings_file))
        self.by_study = self.settings.aggregate == BY_MODEL
        self.batch = self._check_input(batch or (BATCH_GPU if self.provider == CUDA else BATCH_CPU))
        self._outputs = self._check_outputs()
        self._place = ("cuda", self._gpu()) if self.provider == CUDA else ("cpu", 0)
        # Of each thread: the buffers it fills.
        self._buffers = threading.local()

    @property
    def provider(self) -> str:
        """The execution provider that really runs it."""
        return str(self.session.get_providers()[0])

    @property
    def digest(self) -> str:
        """SHA-256 of the model file, and of the files of weights beside it."""
        return digest_of(self.path)

    def run(
        self, images: NDArray[np.uint8], study_index: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score images.

        Parameters
        ----------
        images : numpy.ndarray
            ``uint8``, shape ``(n, height, width)``, any number of them.
        study_index : numpy.ndarray, optional
            ``int64``, shape ``(n,)``, from 0 on, never decreasing: the study of each, for a model of studies.

        Returns
        -------
        probability, logit : numpy.ndarray
            ``float64``, of each image; or of each study. Both are NaN where one of them is not finite.
        """
        count = len(images)
        if study_index is None:
            parts = [self._run(images[at : at + self.batch]) for at in range(0, count, self.batch)]
            found = np.concatenate(parts, axis=1) if parts else np.empty((2, 0))
            return found[0], found[1]
        studies = int(study_index[-1]) + 1 if count else 0
        found = self._run(images, study_index, studies)
        return found[0], found[1]

    def _run(
        self, images: NDArray[np.uint8], study_index: NDArray[np.int64] | None = None, studies: int = 0
    ) -> NDArray[np.float64]:
        """Return probabilities and logits, ``(2, n)``, of what fills up to whole batches."""
        count = len(images)
        total = -(-count // self.batch) * self.batch
        inputs = self.inputs(images, total)
        if study_index is not None:
            filled = np.full(total, studies, np.int64)
            filled[:count] = study_index
            inputs[self.session.get_inputs()[1].name] = filled
        outputs = self._bound(inputs)
        # What fills up the last batch of a model of studies is one more study.
        rows = total if study_index is None else studies + (total > count)
        self._check_rows(outputs, rows)
        if "probability" in outputs and "logit" in outputs:
            both = np.stack([outputs[name].reshape(-1) for name in ("probability", "logit")])
        else:
            # What is not finite is told of as such, below.
            with np.errstate(invalid="ignore"):
                both = _interpreted(next(iter(outputs.values())), self.settings)
        both = both.astype(np.float64)[:, : count if study_index is None else studies]
        return np.where(np.isfinite(both).all(axis=0), both, np.nan)

    def _check_rows(self, outputs: dict[str, NDArray[Any]], rows: int) -> None:
        """Check the number of rows, which what the file says of its outputs does not tell."""
        for name, values in outputs.items():
            shape = values.shape
            classes = shape[1] if len(shape) == 2 else 1
            fits = len(shape) in (1, 2) and shape[0] == rows
            if not fits or max(2, classes) <= self.settings.class_index:
                raise self._wrong_output(name, shape, f"({rows}), ({rows}, 1) or ({rows}, classes)")

    def _wrong_output(self, name: str, shape: Sequence[Any], wanted: str) -> ParameterError:
        return ParameterError(
            f"the output {name!r} of {self.path} has the shape {shape_text(shape)}; it should be {wanted}, a "
            f"row {'a study' if self.by_study else 'an image'}, with more classes (two, where there is one "
            f"number) than the setting class_index, {self.settings.class_index}"
        )

    def inputs(self, images: NDArray[np.uint8], total: int = 0) -> dict[str, NDArray[Any]]:
        """Return what the session is given for images, filled up to `total` of them."""
        return {self.session.get_inputs()[0].name: self._input(images, max(total, len(images)))}

    def _input(self, images: NDArray[np.uint8], total: int) -> NDArray[Any]:
        settings, frame = self.settings, self.settings.frame
        if images.shape[1:] != (frame.height, frame.width):
            raise ParameterError(
                f"images of {frame.height} x {frame.width} are needed, not {images.shape[1:]}"
            )
        values: NDArray[Any] = np.zeros((total, 1, frame.height, frame.width), settings.dtype)
        values[: len(images), 0] = images
        if settings.channels == 3:
            values = np.repeat(values, 3, axis=1)
        if settings.dtype == "float32":
            shape = (1, -1, 1, 1)
            values /= np.float32(255)
            values -= np.asarray(settings.mean, np.float32).reshape(shape)
            values /= np.asarray(settings.deviation, np.float32).reshape(shape)
        return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if settings.layout == "NHWC" else values

    def _bound(self, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run the session on buffers that stay where they are, from batch to batch."""
        import onnxruntime

        binding = self.session.io_binding()
        buffers: dict[str, Any] = self._buffers.__dict__
        try:
            for name, values in inputs.items():
                kept = buffers.get(name)
                if kept is None or tuple(kept.shape()) != values.shape:
                    kept = onnxruntime.OrtValue.ortvalue_from_numpy(values, *self._place)
                    buffers[name] = kept
                else:
                    kept.update_inplace(values)
                binding.bind_ortvalue_input(name, kept)
            for name in self._outputs:
                binding.bind_output(name, "cpu")
            self.session.run_with_iobinding(binding)
            found = binding.copy_outputs_to_cpu()
        except Exception as error:
            text = str(error).partition(" : ")[2] or str(error)
            raise FxrayError(
                f"the model {self.path} failed on a batch of {self.batch} ({text.splitlines()[0][:300]}); "
                "if memory ran out, a smaller --batch helps"
            ) from error
        return dict(zip(self._outputs, found, strict=True))

    def _gpu(self) -> int:
        return int(self.session.get_provider_options().get(CUDA, {}).get("device_id", 0))

    def _settings(self, named: Path | None) -> ModelSettings:
        beside = self.path.with_suffix(".toml")
        if self.properties:
            inside = "has its settings inside, as fxray exported it"
            if named:
                raise ParameterError(f"{self.path} {inside}; do without {named}")
            # Of the same name may be anything, such as the settings of its training.
            if beside.exists():
                # Without folders, as it goes into the output.
                self.note = f"{self.path.name} {inside}; {beside.name} beside it is not read."
            try:
                return from_metadata(self.properties)
            except ParameterError as error:
                raise ParameterError(f"the settings inside {self.path} are damaged: {error}") from error
        place = named or beside
        if not place.exists():
            raise ParameterError(
                f"{self.path} was not exported by fxray, and {place} does not exist: write there what it "
                f"expects and gives. It has {signature(self.session)}. `fxray inspect {self.path} --toml` "
                "prints a file to begin with."
            )
        return read_toml(ModelSettings, place)

    def _check_input(self, batch: int) -> int:
        """Hold the input against the settings; return the size of the batch, which the model may fix."""
        settings, frame = self.settings, self.settings.frame
        image, dtype = image_input(self.path, self.session)
        nodes = self.session.get_inputs()
        if takes_studies(self.session) != self.by_study or len(nodes) > 1 + self.by_study:
            more = " and the study of each" if self.by_study else ""
            hint = ""
            if takes_studies(self.session):
                hint = f'. If it judges whole studies, the setting aggregate should be "{BY_MODEL}"'
            raise ParameterError(
                f"{self.path} should take images{more}; it has {signature(self.session)}{hint}"
            )
        if dtype != settings.dtype:
            raise ParameterError(
                f"the input {image.name!r} of {self.path} is of {image.type}, which is {dtype}; the setting "
                f"dtype says {settings.dtype}"
            )
        sides = {"channels": settings.channels, "height": frame.height, "width": frame.width}
        names = (
            ("channels", "height", "width") if settings.layout == "NCHW" else ("height", "width", "channels")
        )
        shape = list(image.shape)
        fits = len(shape) == 4 and all(
            not isinstance(has, int) or has == sides[name] for has, name in zip(shape[1:], names, strict=True)
        )
        if not fits:
            expected = ["n", *(sides[name] for name in names)]
            raise ParameterError(
                f"the input {image.name!r} of {self.path} has the shape {shape_text(shape)}; by the settings "
                f"(layout {settings.layout}, channels, frame) it would be {shape_text(expected)}"
            )
        if isinstance(shape[0], int) and shape[0] > 0:
            if self.by_study:
                raise ParameterError(
                    f"{self.path} takes {shape[0]} images only; a model of studies takes any"
                )
            return shape[0]
        return batch

    def _check_outputs(self) -> list[str]:
        nodes = self.session.get_outputs()
        names = [node.name for node in nodes]
        if {"probability", "logit"} <= set(names) and (self.properties or self.by_study):
            return ["probability", "logit"]
        if len(nodes) != 1:
            raise ParameterError(
                f"{self.path} should have one output, and has {signature(self.session)}; export it with the "
                "one to score by"
            )
        (node,) = nodes
        if node.type not in ("tensor(float)", "tensor(double)", "tensor(float16)"):
            raise ParameterError(f"the output {node.name!r} of {self.path} is of {node.type}, not of floats")
        shape = list(node.shape)
        classes = shape[1] if len(shape) == 2 else 1
        # Any number of images, and rows of which the number is known: the classes stand in the first place.
        any_number = not isinstance(self.session.get_inputs()[0].shape[0], int)
        turned = any_number and len(shape) == 2 and isinstance(shape[0], int) and not isinstance(classes, int)
        few = isinstance(classes, int) and max(2, classes) <= self.settings.class_index
        if len(shape) not in (1, 2) or turned or few:
            raise self._wrong_output(node.name, shape, "(n), (n, 1) or (n, classes)")
        if self.settings.output == "logit" and (operator := makes_probabilities(self.path)):
            raise ParameterError(
                f"the output {node.name!r} of {self.path} is that of a {operator}, which is a probability "
                'already; the setting output should be "probability", not "logit"'
            )
        return names


def _interpreted(output: NDArray[Any], settings: ModelSettings) -> NDArray[np.float64]:
    """Return probabilities and logits, ``(2, n)``, of the output of a model that gives one of them."""
    values = output.astype(np.float64)
    if values.ndim == 2 and values.shape[1] > 1:
        if settings.output == "logit":
            values = np.exp(values - values.max(axis=1, keepdims=True))
            values /= values.sum(axis=1, keepdims=True)
        probability = _in_range(values[:, settings.class_index])
    elif settings.output == "probability":
        probability = _in_range(values.reshape(-1))
        # A single number is of the second class; of the first it says the rest.
        probability = probability if settings.class_index else 1 - probability
    else:
        logit = values.reshape(-1) if settings.class_index else -values.reshape(-1)
        return np.stack([np.exp(-np.logaddexp(0, -logit)), logit])
    kept = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.stack([probability, np.log(kept) - np.log1p(-kept)])


def _in_range(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities without what rounding leaves above 1 or below 0.

    Raises
    ------
    ParameterError
        If one is no probability.
    """
    values = np.where(np.isfinite(values), values, np.nan)
    off = np.maximum(values - 1, -values)
    if np.any(off > _ROUNDED):
        worst = values[np.nanargmax(off)]
        raise ParameterError(
            f"the model gave {worst:g}, which is no probability; the setting output should not be "
            '"probability": if the model ends before its sigmoid or softmax, it is "logit"'
        )
    return np.clip(values, 0, 1)


def check_batch(batch: int) -> None:
    """Check that a batch may have so many images; 0: as the device has it.

    Raises
    ------
    ParameterError
    """
    check_whole("the batch", batch, 0, _MOST_IN_A_BATCH)
