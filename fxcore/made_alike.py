"""Whether a data set was made as a model expects: gathered, read and preprocessed as what it learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fxcore.config import from_dict, to_dict
from fxcore.dicom.config import PixelConfig
from fxcore.errors import ParameterError
from fxcore.output import difference
from fxcore.settings import StudySettings
from fxcore.steps import Pipeline


def made_otherwise(root: Path, made: dict[str, Any], learned: dict[str, Any]) -> str:
    """Say how a data set was made otherwise than what a model learned from.

    Parameters
    ----------
    root : pathlib.Path
        The data set.
    made, learned : dict
        The settings of it, and of what the model learned from, as ``dataset.json`` holds them: ``ingest``,
        of reading (``pixels``) and of which files make a study (see `fxcore.settings.StudySettings`),
        compared where both are known; ``steps``, none where there was no preprocessing.

    Returns
    -------
    str
        A sentence that says what to do; empty where there is no difference.
    """
    ingests = [config.get("ingest") for config in (made, learned)]
    pixels = (ingest and ingest.get("pixels") for ingest in ingests)
    if found := _first_difference("pixels", PixelConfig, *pixels):
        return _other_settings(root, found)
    gathered = (None if ingest is None else StudySettings.among(ingest) for ingest in ingests)
    if found := _first_difference("ingest", StudySettings, *gathered):
        return _other_settings(root, found)
    steps, wanted = made.get("steps"), learned.get("steps")
    if steps is not None and wanted is None:
        return (
            f"{root} is preprocessed, and the model learned from radiographs that were not; name the data "
            "set it was made from"
        )
    if steps is None and wanted is not None:
        return (
            f"{root} is not preprocessed, and the model learned from radiographs that were; name the data "
            "set that fxray preprocess makes of it"
        )
    if found := _first_difference("steps", Pipeline, steps, wanted):
        return _other_settings(root, found)
    return ""


def _other_settings(root: Path, found: str) -> str:
    return f"{root} was made with other settings than the model expects ({found}); build it with those"


def _first_difference(
    name: str, kind: type[Any], made: dict[str, Any] | None, wanted: dict[str, Any] | None
) -> str:
    if made is None or wanted is None:
        return ""
    # Limits refuse files; they do not change what becomes of the others.
    made, wanted = (
        {key: value for key, value in _normal(kind, values).items() if key != "limits"}
        for values in (made, wanted)
    )
    if made == wanted:
        return ""
    return difference(made, wanted, name, ("there", "by the model"))


def _normal(kind: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return settings with what they leave out at its default; as they are, where that fails."""
    try:
        return to_dict(from_dict(kind, values))
    except ParameterError:
        return values
