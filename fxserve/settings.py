"""What a model expects and gives: kept inside the models fxray exports, in a TOML file beside others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fxcore.aggregate import AGGREGATES, BY_MODEL
from fxcore.arguments import check_share
from fxcore.config import from_dict, to_dict
from fxcore.dataset.tables import cell
from fxcore.dicom.config import PixelConfig
from fxcore.errors import ParameterError
from fxcore.letterbox import Frame
from fxcore.settings import StudySettings
from fxcore.steps import Pipeline

DTYPES = ("uint8", "float32")
LAYOUTS = ("NCHW", "NHWC")
OUTPUTS = ("logit", "probability")
_CHANNELS = (1, 3)


@dataclass(frozen=True)
class ModelSettings:
    """How radiographs become a model's input, and its output a decision.

    Attributes
    ----------
    frame : Frame
        Size of the input.
    channels : int
        1, or 3: grey three times.
    layout : str
        ``"NCHW"`` or ``"NHWC"``.
    dtype : str
        ``"uint8"``: grey levels as they are. ``"float32"``: grey levels over 255, less `mean`, over
        `deviation`.
    mean, deviation : tuple of float
        One number, or one for each channel, on the scale 0 to 1; of ``"float32"`` alone.
    output : str
        ``"logit"``, which a sigmoid (one number an image) or a softmax (one for each class) makes a
        probability; or ``"probability"``.
    class_index : int
        The class that is scored, of the output's one number for each class. A single number is that of class
        1; with 0, one that speaks of ``not_broken`` is turned into the other.
    classes : tuple of str
        What a study is called below the threshold, and from it on.
    threshold : float
        The probability from which on a study counts as the second of the classes.
    aggregate : str
        How the radiographs of a study become one score: ``"alo"``, ``"majority"``, ``"mean"``; or
        ``"model"``, where the model gives one itself.
    run_steps : bool
        Whether the model was trained on preprocessed radiographs.
    steps : Pipeline
        Settings of the preprocessing.
    pixels : PixelConfig
        How DICOM files become grey.
    ingest : StudySettings
        Which files of a raw archive make a study, as in the table of that name for `fxray ingest`.
    """

    frame: Frame = field(default_factory=lambda: Frame(224, 224))
    channels: int = 1
    layout: str = "NCHW"
    dtype: str = "float32"
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    output: str = "logit"
    class_index: int = 1
    classes: tuple[str, ...] = ("not_broken", "broken")
    threshold: float = 0.5
    aggregate: str = "alo"
    run_steps: bool = True
    steps: Pipeline = field(default_factory=Pipeline)
    pixels: PixelConfig = field(default_factory=PixelConfig)
    ingest: StudySettings = field(default_factory=StudySettings)

    def __post_init__(self) -> None:
        allowed: dict[str, tuple[Any, ...]] = {
            "channels": _CHANNELS,
            "layout": LAYOUTS,
            "dtype": DTYPES,
            "output": OUTPUTS,
            "aggregate": (*AGGREGATES, BY_MODEL),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ParameterError(
                    f"{name} is one of {', '.join(map(str, values))}, not {getattr(self, name)!r}"
                )
        for name in ("mean", "deviation"):
            if len(getattr(self, name)) not in (1, self.channels):
                raise ParameterError(
                    f"{name} has {len(getattr(self, name))} numbers; it needs one, or one for each of the "
                    f"{self.channels} channels"
                )
        for number in self.mean:
            if not 0 <= number <= 1:
                hint = f": of grey levels 0 to 255 it is {number / 255:.3f}" if 1 < number <= 255 else ""
                raise ParameterError(f"mean is on the scale 0 to 1, not {number:g}{hint}")
        if min(self.deviation) <= 0:
            raise ParameterError(f"deviation must be above 0, not {min(self.deviation):g}")
        if self.dtype == "uint8" and (any(self.mean) or set(self.deviation) != {1.0}):
            raise ParameterError(
                'mean and deviation are of models with dtype "float32"; one with "uint8" is given the grey '
                "levels as they are: leave them out"
            )
        check_share("threshold", self.threshold)
        if self.class_index < 0:
            raise ParameterError(f"class_index must be 0 or more, not {self.class_index}")
        if len(self.classes) != 2 or len(set(self.classes)) != 2:
            raise ParameterError(f"classes are two different names, not {', '.join(self.classes)!r}")
        for name in self.classes:
            if not name or name != cell(name):
                raise ParameterError(
                    f"{name!r}, as a name of a class, cannot stand in a table; name it by text without "
                    "blanks at either end, control characters or the = + - @ of a formula at its beginning"
                )

    def of_pixels(self) -> dict[str, Any]:
        """Return what decides studies and their probabilities, as plain values: all but the judging."""
        values = to_dict(self)
        for name in ("threshold", "aggregate", "classes"):
            del values[name]
        return values


def from_metadata(properties: Mapping[str, Any]) -> ModelSettings:
    """Return the settings of a model that fxray exported.

    Parameters
    ----------
    properties : mapping
        The model's ``fxray.*`` properties, without that prefix, from JSON.

    Raises
    ------
    ParameterError
        For properties that do not fit together.
    """
    try:
        values = {name: properties[name] for name in ("frame", "threshold", "aggregate", "classes")}
        # Null where training knew of none; a file that lacks them was damaged.
        known = {name: properties[name] for name in ("steps", "pixels") if properties[name] is not None}
    except KeyError as error:
        raise ParameterError(f"the property fxray.{error.args[0]} is missing") from None
    # Models exported before it was kept have none.
    if properties.get("ingest") is not None:
        known["ingest"] = properties["ingest"]
    values |= {"dtype": "uint8", "run_steps": "steps" in known} | known
    # Training may have found that no threshold but an infinite one is best.
    if isinstance(values["threshold"], float) and values["threshold"] > 1:
        values["threshold"] = 1.0
    return from_dict(ModelSettings, values)
