"""The weights that a run begins with, and what they were trained on: none of it may be kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from fxcore import places
from fxcore.dataset.tables import read_csv
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxtrain.config import ModelConfig, TrainConfig
from fxtrain.models import Aggregator, create_model
from fxtrain.models.create import IMAGENET, Weights
from fxtrain.run_directory import RunDirectory, checkpoint_digest
from fxtrain.split import INHERITED, Split, read_split, read_trained, split_studies
from fxtrain.table import Table


def resolved(config: ModelConfig) -> ModelConfig:
    """Return the same with whole paths, so that the run can be gone on with from any folder."""
    init, pretrained = (
        path if path in ("", IMAGENET) else str(places.resolved(path))
        for path in (config.init, config.pretrained)
    )
    return replace(config, init=init, pretrained=pretrained)


def new_model(config: TrainConfig, *, weights: bool) -> nn.Module:
    """Make the model, with the weights that the settings name or without; a checkpoint has them all.

    Raises
    ------
    FxrayError
        If settings do not go together, or weights cannot be read or do not fit.
    """
    if weights and config.model.freeze_views:
        _check_trained_views(config.model)
    model = create_model(config.model, config.data.frame, weights=weights)
    if weights and config.model.init:
        _take_views(model, Path(config.model.init))
    return model


def origin_of(config: TrainConfig, table: Table) -> dict[str, Any]:
    """Return what a run writes down of what it begins with.

    ``image_mean`` and ``image_deviation``, which images are normalised by, are those of the data set; weights
    that come from a run are shown images as they have learned from, whatever data set they are on. Of the
    views of an aggregator, ``init_checkpoint`` is the digest.
    """
    # Of two, `init` is the first: it gives the features.
    places = origins(config.model)
    if places:
        mean, deviation = places[0].read_normalisation()
    else:
        mean, deviation = normalisation_for(table.mean, table.deviation, config)
    origin: dict[str, Any] = {"image_mean": mean, "image_deviation": deviation}
    if config.model.init:
        origin["init_checkpoint"] = checkpoint_digest(places[0].best)
    return origin


def normalisation_for(mean: float, deviation: float, config: TrainConfig) -> tuple[float, float]:
    """Return what images are normalised by, from the mean and deviation of the training data set.

    Where they are inverted at random, both kinds have a mean of 0.5 together.
    """
    return 0.5 if config.augment.invert > 0 else mean, max(deviation, 1e-3)


def _check_trained_views(config: ModelConfig) -> None:
    if config.name != "aggregator":
        raise ParameterError(f"model.freeze_views is for the views of an aggregator; {config.name} has none")
    if not config.init and not config.pretrained:
        raise ParameterError(
            "model.freeze_views would leave views as they are whose weights are drawn at random; take those "
            "of a trained run by model.init"
        )


def _take_views(model: nn.Module, run: Path) -> None:
    """Give an aggregator the features of a view model that another run has trained.

    And its classifier, where it has the same shape: training then begins about where one that judges single
    views has ended.
    """
    if not isinstance(model, Aggregator):
        raise ParameterError(
            "model.init gives an aggregator its views; for other models see model.pretrained"
        )
    place = RunDirectory(run)
    trained = place.read_config().model.name
    try:
        weights = Weights(place.best)
        weights.load(model.features, prefix="features.")
        if weights.fit(model.classifier, prefix="classifier."):
            weights.load(model.classifier, prefix="classifier.")
    except FxrayError as error:
        raise FxrayError(
            f"{run} trained {trained}; its features are not those of this aggregator: {error}"
        ) from None


def origins(config: ModelConfig) -> list[RunDirectory]:
    """Return the runs that weights come from: `init`, and `pretrained` where it is a run's checkpoint.

    Raises
    ------
    FxrayError
        If `init` is no run.
    """
    found = []
    if config.init:
        found.append(RunDirectory(Path(config.init)))
        found[0].read_config()
    if config.pretrained and config.pretrained != IMAGENET:
        weights = places.resolved(config.pretrained)
        place = RunDirectory(weights.parent.parent)
        if weights.parent == place.best.parent and place.split.exists():
            found.append(place)
    return found


def split_for(
    config: TrainConfig, table: Table, copies: Sequence[Sequence[int]] = ()
) -> tuple[Split, dict[str, str]]:
    """Keep studies aside that the weights to begin with have not been trained on.

    Where they come from one run on these very studies, those that it kept aside. What `copies` are, see
    `split_studies`.

    Returns
    -------
    Split
    dict
        What they have been trained on: the patient of each study.

    Raises
    ------
    DataSetError
        If that cannot be told, as identifiers are by another key; or as `split_studies` does.
    """
    places = origins(config.model)
    trained: dict[str, str] = {}
    for place in places:
        before = read_trained(place.split)
        _check_one_key(place, before, table)
        trained |= before
    if bringing := bringing_split(config, table):
        return read_split(bringing.split, table), trained
    return split_studies(table, config.data, config.seed, trained, copies), trained


def bringing_split(config: TrainConfig, table: Table) -> RunDirectory | None:
    """Return the run that the weights to begin with come from, where it has split these very studies."""
    places = origins(config.model)
    return places[0] if len(places) == 1 and _has_studies_of(places[0].split, table) else None


def _has_studies_of(split: Path, table: Table) -> bool:
    own = {
        (row["study_id"], row.get("patient_id", ""))
        for row in read_csv(split)
        if row.get("part") != INHERITED
    }
    return own == set(zip(table.studies, table.patients, strict=True))


def _check_one_key(place: RunDirectory, trained: dict[str, str], table: Table) -> None:
    """Refuse weights of which nothing is known here, lest a patient be judged that they have seen."""
    known = set(trained) & set(table.studies) or set(trained.values()) & set(table.patients) - {""}
    if not known and not has_one_key(place, table):
        raise DataSetError(
            f"none of the {len(trained)} studies that the weights of {place.root} were trained on is in "
            f"{table.root}, and their pseudonyms are not known to be by one key: who is in both cannot be "
            "told, so that none can be kept aside for validation. Make both data sets with the same --key; "
            "where they are of other patients, a copy of best.pt outside of its run may be named as "
            "model.pretrained."
        )


def has_one_key(place: RunDirectory, table: Table) -> bool:
    """Tell whether the pseudonyms of a run's data set and of another are known to be by one key."""
    return bool(table.key_check) and place.read_provenance().get("dataset_key_check") == table.key_check
