"""What the weights that a run begins with have been trained on: none of it may be kept aside."""

from __future__ import annotations

from pathlib import Path

from fxcore.dataset.tables import read_csv
from fxcore.errors import DataSetError
from fxtrain.config import ModelConfig, TrainConfig
from fxtrain.models.create import IMAGENET
from fxtrain.run_directory import RunDirectory
from fxtrain.split import INHERITED, Split, read_split, read_trained, split_studies
from fxtrain.table import Table


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
        place = RunDirectory(Path(config.pretrained).resolve().parent.parent)
        if Path(config.pretrained).resolve().parent == place.best.parent and place.split.exists():
            found.append(place)
    return found


def split_for(config: TrainConfig, table: Table) -> tuple[Split, dict[str, str]]:
    """Keep studies aside that the weights to begin with have not been trained on.

    Where they come from one run on these very studies, those that it kept aside.

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
        _ask_for_one_key(place, before, table)
        trained |= before
    if len(places) == 1 and _has_studies_of(places[0].split, table):
        return read_split(places[0].split, table), trained
    return split_studies(table, config.data, config.seed, trained), trained


def _has_studies_of(split: Path, table: Table) -> bool:
    own = {
        (row["study_id"], row.get("patient_id", ""))
        for row in read_csv(split)
        if row.get("part") != INHERITED
    }
    return own == set(zip(table.studies, table.patients, strict=True))


def _ask_for_one_key(place: RunDirectory, trained: dict[str, str], table: Table) -> None:
    """Refuse weights of which nothing is known here, lest a patient be judged that they have seen."""
    known = set(trained) & set(table.studies) or set(trained.values()) & set(table.patients) - {""}
    key_check = place.read_provenance().get("dataset_key_check")
    if not known and not (table.key_check and key_check == table.key_check):
        raise DataSetError(
            f"none of the {len(trained)} studies that the weights of {place.root} were trained on is in "
            f"{table.root}, and their pseudonyms are not known to be by one key: who is in both cannot be "
            "told, so that none can be kept aside for validation. Make both data sets with the same --key; "
            "where they are of other patients, a copy of best.pt outside of its run may be named as "
            "model.pretrained."
        )
