"""Evaluation of a trained model: by radiograph and by study, with intervals, threshold and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fxcore.aggregate import AGGREGATES, BY_MODEL, DECIMALS, check_aggregate, decide, rounded
from fxcore.allocator import kept_memory
from fxcore.arguments import check_share
from fxcore.dataset.tables import render_csv, write_atomically
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.json_text import from_json
from fxcore.made_alike import made_otherwise
from fxtrain.config import TrainConfig
from fxtrain.metrics import (
    best_temperature,
    best_threshold,
    calibration_error,
    confusion,
    differences,
    is_at_bound,
    percent,
    probability,
    with_intervals,
)
from fxtrain.models import create_model
from fxtrain.origin import has_one_key
from fxtrain.packing import pack_for
from fxtrain.predict import Predictions, predict
from fxtrain.processes import choose_device
from fxtrain.progress import Progress, Silent
from fxtrain.run_directory import RunDirectory, checkpoint_digest, other_model
from fxtrain.split import read_split, read_trained, read_validated
from fxtrain.table import Table, read_table

PARTS = ("val", "train", "all")
RADIOGRAPH = "radiograph"
# Characters of a data set's name that are taken into those of files.
_NAME = 40
_COLUMNS = ("study_id", "radiograph_id", "label", "logit", "probability")


@dataclass(frozen=True)
class Operating:
    """How a model's logits become decisions; chosen on the validation studies and kept with the run.

    Attributes
    ----------
    aggregate : str
        How the radiographs of a study become one score: ``"alo"``, ``"majority"``, ``"mean"``; or
        ``"model"``, where the model gives one itself.
    threshold : float
        The probability from which on a study counts as broken.
    temperature : float
        What logits are divided by before they become probabilities.
    checkpoint : str
        Digest of the weights that they were chosen for.
    sensitivity : float
        The least that the threshold was to reach; 0 where it is Youden's.
    """

    aggregate: str
    threshold: float
    temperature: float
    checkpoint: str
    sensitivity: float = 0.0


def load_model(place: RunDirectory) -> tuple[nn.Module, TrainConfig]:
    """Return the best model of a run, in evaluation mode, and the run's settings.

    Raises
    ------
    FxrayError
        If there is none, or the settings have been edited so that they are of another model.
    """
    config, state = place.read_config(), place.load(place.best)
    if changed := other_model(state["config"], config):
        raise FxrayError(
            f"{place.config} is not as the run was trained any more ({changed}); put it back, or train anew"
        )
    model = create_model(config.model, config.data.frame, weights=False)
    model.load_state_dict(state["model"])
    return model.eval(), config


@kept_memory()
def evaluate(
    run: Path,
    dataset: Path,
    *,
    part: str = "val",
    aggregates: Sequence[str] = AGGREGATES,
    sensitivity: float | None = None,
    device: str = "auto",
    as_is: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate the best model of a run; write ``evaluation.json``, ``predictions.csv``, ``confusion.png``.

    Of other parts than ``"val"`` the names have that of the part as well; of another data set than the run
    was trained on, its name and the beginning of its fingerprint. ``files`` in the result has them.

    A model of studies that was given its views by another run is also held against that run, whose
    radiographs are judged one by one: differences with paired intervals, ``over_views``.

    Threshold and temperature are chosen on the validation studies of the run's own data set, and kept:
    on other data, or another part, those that were kept are used.

    Parameters
    ----------
    run : pathlib.Path
    dataset : pathlib.Path
        The data set of the run, or another one: then `part` must be ``"all"``.
    part : str
        ``"val"``, ``"train"`` or ``"all"``.
    aggregates : sequence of str
        Ways to judge a study; the run's own is used for the threshold whether named or not.
    sensitivity : float, optional
        The least that the threshold must reach on the validation studies; 0: Youden's threshold. For the
        part ``"val"`` alone. Where not given, what was asked for last counts, also for other weights.
    device : str
    as_is : bool
        Judge by a data set though it was made by other settings than the run's own; ``made_otherwise`` in
        the result says so.
    progress : Progress, optional

    Returns
    -------
    dict
        As in ``evaluation.json``.

    Raises
    ------
    FxrayError
        If run and data set do not go together, or there is nothing to evaluate.
    """
    if part not in PARTS:
        raise ParameterError(f"the part to evaluate is one of {', '.join(PARTS)}, not {part!r}")
    for how in aggregates:
        check_aggregate(how)
    if sensitivity is not None:
        check_share("the wanted sensitivity", sensitivity)
    if sensitivity is not None and part != "val":
        raise ParameterError(
            f"the threshold for a wanted sensitivity is chosen on the validation studies; part {part!r} is "
            "judged by the one that was chosen there"
        )
    place, progress = RunDirectory(Path(run)), progress or Silent()
    # Before the weights are read: should they be replaced meanwhile, the digest is not that of the new ones.
    checkpoint = checkpoint_digest(place.best)
    model, config = load_model(place)
    kept = None if part == "val" else read_operating(place)
    table = read_table(Path(dataset))
    studies = _studies(place, table, part)
    otherwise = made_otherwise(table.root, table.config, place.read_provenance().get("dataset_config") or {})
    if otherwise and not as_is:
        raise DataSetError(f"{otherwise}, or, to judge by it nevertheless, give --as-is")
    seen = _seen(place, table, studies)
    chosen_device = choose_device(device)
    model.to(chosen_device)
    packed = pack_for(table, config, progress)
    progress.stage("Evaluating radiographs", len(table.of_studies(studies)))
    normalisation = place.read_normalisation()
    every = predict(model, table, packed, studies, config, chosen_device, normalisation, progress.advance)
    found = every.with_numbers()
    del packed
    over = {}
    if found.by_study and config.model.init:
        views = RunDirectory(Path(config.model.init))
        if lacking := _other_views(place, views):
            progress.say(lacking)
        else:
            over = _over_views(views, table, studies, list(aggregates), found, chosen_device)
    ways = [BY_MODEL] if found.by_study else list(dict.fromkeys([*aggregates, config.aggregate]))
    own = BY_MODEL if found.by_study else config.aggregate
    if sensitivity is None:
        sensitivity = before.sensitivity if (before := _kept_operating(place)) else 0.0
    operating = kept or _operate(found, own, sensitivity, checkpoint)
    result = _judged(found, ways, operating) | {
        "radiographs_without_number": len(every.rows) - len(found.rows),
        "part": part,
        "files": _files(place, part, table),
        "dataset": str(table.root),
        "dataset_fingerprint": table.fingerprint,
        "model": config.model.name,
        "chosen_on": "val",
    }
    result |= seen | {
        "studies_of_unknown_patients": sum(not table.patients[k] for k in studies),
        "made_otherwise": otherwise or None,
        "radiographs_unlabelled": table.unlabelled,
    }
    if over:
        result["over_views"] = over
    _write(place, table, found, operating, result)
    return result


def _other_views(place: RunDirectory, views: RunDirectory) -> str:
    """Say why a model of studies cannot be held against the views that it began with; empty if it can."""
    digest = checkpoint_digest(views.best)
    if digest and digest == place.read_provenance().get("init_checkpoint"):
        return ""
    why = "has found other weights since" if digest else "is not there any more"
    return (
        f"The run that gave {place.root} its views, {views.root}, {why}: how much better it is than these is "
        "not told."
    )


def _over_views(
    views: RunDirectory,
    table: Table,
    studies: NDArray[np.int64],
    ways: list[str],
    found: Predictions,
    device: torch.device,
) -> dict[str, Any]:
    """Return by how much a model of studies is better than its views, for each way to judge these."""
    model, config = load_model(views)
    packed = pack_for(table, config, Silent())
    theirs = predict(model.to(device), table, packed, studies, config, device, views.read_normalisation())
    theirs = theirs.with_numbers()
    ours = found.scores(BY_MODEL)
    return {how: differences(found.broken, ours, theirs.scores(how)) for how in ways}


def _studies(place: RunDirectory, table: Table, part: str) -> NDArray[np.int64]:
    if part == "all":
        return np.arange(len(table.studies))
    if place.read_provenance().get("dataset_fingerprint") != table.fingerprint:
        raise DataSetError(
            f"{place.root} was trained on another data set than {table.root}, or before it changed, so that "
            f"this has no part {part!r}; --split all judges all of it and says how many of its studies were "
            "trained on, whose figures say nothing of others"
        )
    split = read_split(place.split, table)
    return split.val if part == "val" else split.train


def _seen(place: RunDirectory, table: Table, studies: NDArray[np.int64]) -> dict[str, int | None]:
    """Count the studies that the run, or another study of whose patient, was trained and validated on.

    None where it cannot be told: the run has no split any more, or one that names no study; or none is
    found, and identifiers are not known to be by one key.
    """
    counts: dict[str, int | None] = {"studies_trained_on": None, "studies_validated_on": None}
    if not place.split.exists():
        return counts
    for name, read in zip(counts, (read_trained, read_validated), strict=True):
        known = read(place.split)
        if not known:
            return dict.fromkeys(counts)
        patients = set(known.values()) - {""}
        counts[name] = sum(table.studies[k] in known or table.patients[k] in patients for k in studies)
    return counts if any(counts.values()) or has_one_key(place, table) else dict.fromkeys(counts)


def _operate(found: Predictions, how: str, sensitivity: float, checkpoint: str) -> Operating:
    broken = found.broken if found.by_study else found.broken[found.study]
    temperature = best_temperature(broken, found.logits)
    scores = found.scores(how, temperature)
    threshold = best_threshold(found.broken, scores, sensitivity)
    return Operating(how, threshold, temperature, checkpoint, sensitivity)


def read_operating(place: RunDirectory) -> Operating:
    """Return what was chosen on the validation studies.

    Raises
    ------
    ParameterError
        If the run has not been evaluated on them, or has found better weights since.
    """
    command = f"fxray evaluate {place.root} DATASET --split val"
    operating = _kept_operating(place)
    if operating is None:
        raise ParameterError(
            f"{place.root} has no threshold yet: evaluate it on its validation studies first ({command})"
        )
    if operating.checkpoint != checkpoint_digest(place.best):
        raise ParameterError(
            f"the threshold of {place.root} was chosen for other weights than those of its best checkpoint; "
            f"evaluate again ({command})"
        )
    return operating


def _kept_operating(place: RunDirectory) -> Operating | None:
    """Return what was chosen last, for whatever weights."""
    try:
        kept = from_json(place.evaluation.read_text(encoding="utf-8"))["operating"]
        return Operating(
            aggregate=str(kept["aggregate"]),
            threshold=float(kept["threshold"]),
            temperature=float(kept["temperature"]),
            checkpoint=str(kept.get("checkpoint", "")),
            sensitivity=float(kept.get("sensitivity", 0.0)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _judged(found: Predictions, ways: list[str], operating: Operating) -> dict[str, Any]:
    threshold, temperature = operating.threshold, operating.temperature
    levels: dict[str, Any] = {}
    matrices: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    studies, truth = np.arange(len(found.studies)), found.broken
    samples = [
        (how, truth, found.scores(how, temperature), found.decided(how, threshold, temperature), studies)
        for how in ways
    ]
    if not found.by_study:
        every = probability(found.logits, temperature)
        samples.insert(0, (RADIOGRAPH, truth[found.study], every, decide(every, threshold), found.study))
    for name, broken, scores, decided, groups in samples:
        levels[name] = with_intervals(broken, scores, decided, groups)
        matrices[name] = confusion(broken, decided)
        calibration[name] = calibration_error(broken, scores)
    return {
        "studies": len(found.studies),
        "radiographs": len(found.rows),
        "operating": asdict(operating),
        "temperature_at_bound": is_at_bound(temperature),
        "measures": levels,
        "confusion": matrices,
        "confusion_percent": {name: percent(matrix) for name, matrix in matrices.items()},
        "calibration_error": calibration,
    }


def _files(place: RunDirectory, part: str, table: Table) -> dict[str, str]:
    """Return the names of an evaluation's files: those of a data set do not replace those of another."""
    added = "" if part == "val" else f"-{part}"
    if place.read_provenance().get("dataset_fingerprint") != table.fingerprint:
        added += f"-{table.root.name[:_NAME]}-{table.fingerprint[:8]}"
    files = (place.evaluation, place.predictions, place.root / "confusion.png")
    return {path.stem: f"{path.stem}{added}{path.suffix}" for path in files}


def _write(
    place: RunDirectory,
    table: Table,
    found: Predictions,
    operating: Operating,
    result: dict[str, Any],
) -> None:
    """Write the files of an evaluation."""
    from fxtrain.plots import plot_confusion

    place.write_json(place.root / result["files"]["evaluation"], result)
    # As an exported model gives them, so that those of a scoring can be held against these.
    logits = found.logits / operating.temperature
    probabilities = rounded(probability(logits))
    rows = [_COLUMNS]
    for k in range(len(found.logits)):
        study = k if found.by_study else int(found.study[k])
        radiograph = "" if found.by_study else table.radiographs[found.rows[k]]
        label = "broken" if found.broken[study] else "not_broken"
        name = table.studies[found.studies[study]]
        rows.append((name, radiograph, label, f"{logits[k]:z.6f}", f"{probabilities[k]:.{DECIMALS}f}"))
    write_atomically(place.root / result["files"]["predictions"], render_csv(rows))
    plot_confusion(result["confusion"], place.root / result["files"]["confusion"])
