"""Which studies are for training and which are kept aside: by patient, stratified, fixed by the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fxcore.dataset.tables import read_csv, render_csv, write_atomically
from fxcore.errors import DataSetError
from fxtrain.config import DataConfig
from fxtrain.table import Table

TRAIN, VAL = "train", "val"
# Of other data sets than the run's own: what the weights it began with had been trained on.
INHERITED = "inherited"
_COLUMNS = ("study_id", "patient_id", "label", "part")
# Studies of one patient that are believed however few there are in all.
_BELIEVED = 10


@dataclass(frozen=True)
class Split:
    """Indices of studies, each in one of the two at most.

    Attributes
    ----------
    train, val : numpy.ndarray
        ``int64``, in ascending order.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]


def split_studies(
    table: Table, config: DataConfig, seed: int, trained: Mapping[str, str] = MappingProxyType({})
) -> Split:
    """Keep a share of each class aside; all studies of a patient go to the same side.

    A patient counts as broken where any of his studies is. One with more studies than shall be kept aside of
    his class (and more than ten) stays in training, and the share is that of the others: archives that were
    anonymised give many patients one identifier. Where the others have too few of the class to make up its
    share, of what may be kept aside, all count. With `val_balanced`, the validation set then loses studies of
    the larger class, chosen at random, until both are equally many; those are not used for training either.

    Parameters
    ----------
    table : Table
    config : DataConfig
    seed : int
    trained : mapping
        Studies that the weights to begin with have been trained on, and the patient of each (empty where
        not known): none of them, and of their patients, is kept aside.

    Raises
    ------
    DataSetError
        If either side would lack a class.
    """
    groups: dict[str, list[int]] = {}
    for study, patient in enumerate(table.patients):
        groups.setdefault(f"patient {patient}" if patient else f"study {table.studies[study]}", []).append(
            study
        )
    known = {f"study {study}" for study in trained} | {f"patient {name}" for name in trained.values() if name}
    seen = {
        name
        for name, studies in groups.items()
        if name in known or any(f"study {table.studies[k]}" in known for k in studies)
    }
    rng = np.random.default_rng([seed, 1])
    val: list[int] = []
    for broken in (False, True):
        names = sorted(name for name, studies in groups.items() if table.broken[studies].any() == broken)
        wanted = config.val_fraction * sum(len(groups[name]) for name in names)
        fitting = [name for name in names if len(groups[name]) <= max(wanted, _BELIEVED)]
        # How many of the class itself, of those that are new: a large group of both classes has few of it.
        others, new = (
            sum(int((table.broken[groups[name]] == broken).sum()) for name in some if name not in seen)
            for some in (fitting, names)
        )
        if others >= config.val_fraction * new:
            names, wanted = fitting, config.val_fraction * sum(len(groups[name]) for name in fitting)
        taken = 0
        for name in rng.permutation([name for name in names if name not in seen]):
            # Nearest to the share: a group that would overshoot by more than it falls short stays.
            if taken + len(groups[name]) / 2 > wanted and taken:
                break
            val += groups[name]
            taken += len(groups[name])
    chosen = np.array(sorted(val), np.int64)
    train = np.setdiff1d(np.arange(len(table.studies)), chosen)
    if config.val_balanced:
        chosen = _balanced(chosen, table.broken, rng)
    for part, studies in ((TRAIN, train), (VAL, chosen)):
        found = table.broken[studies]
        if not found.any() or found.all():
            missing = "not broken" if found.any() else "broken"
            raise DataSetError(
                f"of {len(table.studies)} studies ({int(table.broken.sum())} broken) none that is {missing} "
                f"falls to {part}; {_way_out(max(map(len, groups.values())), len(table.studies))}"
                f"{_bound(sum(len(groups[name]) for name in seen))}"
            )
    return Split(train, chosen)


def _way_out(largest: int, studies: int) -> str:
    if largest > 1 and 2 * largest > studies:
        return (
            f"{largest} are of one patient. Where the archive was anonymised before, give each patient a "
            "PatientID of its own, or all of them none, and build the data set again"
        )
    return "more studies of each class, or another data.val_fraction, are needed"


def _bound(count: int) -> str:
    return f" ({count} stay in {TRAIN}: the weights to begin with were trained on them)" if count else ""


def _balanced(
    studies: NDArray[np.int64], broken: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    classes = [studies[broken[studies] == value] for value in (False, True)]
    count = min(map(len, classes))
    return np.sort(np.concatenate([rng.permutation(found)[:count] for found in classes]))


def write_split(
    path: Path, table: Table, split: Split, trained: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write a row a study; those on neither side have an empty ``part``.

    Studies in `trained` (see `split_studies`) that the table lacks follow as ``inherited``, so that a run
    that begins with this one's weights finds all they have seen in one file.
    """
    part = dict.fromkeys(split.train.tolist(), TRAIN) | dict.fromkeys(split.val.tolist(), VAL)
    rows = (
        (study, table.patients[k], "broken" if table.broken[k] else "not_broken", part.get(k, ""))
        for k, study in enumerate(table.studies)
    )
    own = set(table.studies)
    others = ((study, patient, "", INHERITED) for study, patient in trained.items() if study not in own)
    write_atomically(path, render_csv([_COLUMNS, *rows, *others]))


def read_split(path: Path, table: Table) -> Split:
    """Read what `write_split` wrote.

    Raises
    ------
    DataSetError
        If it names a study that the data set does not have.
    """
    index = {study: k for k, study in enumerate(table.studies)}
    parts: dict[str, list[int]] = {TRAIN: [], VAL: []}
    for row in read_csv(path):
        if row.get("part") == INHERITED:
            continue
        if row.get("study_id") not in index:
            raise DataSetError(f"{path} has a study that {table.root} lacks; it belongs to another data set")
        if row.get("part") in parts:
            parts[row["part"]].append(index[row["study_id"]])
    return Split(*(np.array(sorted(parts[name]), np.int64) for name in (TRAIN, VAL)))


def read_trained(path: Path) -> dict[str, str]:
    """Return the studies that a run's weights have been trained on, and the patient of each."""
    return _patients_of(path, TRAIN, INHERITED)


def read_validated(path: Path) -> dict[str, str]:
    """Return the studies that a run has kept aside, and the patient of each."""
    return _patients_of(path, VAL)


def _patients_of(path: Path, *parts: str) -> dict[str, str]:
    return {row["study_id"]: row.get("patient_id", "") for row in read_csv(path) if row.get("part") in parts}
