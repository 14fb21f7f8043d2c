"""Which studies are for training and which are kept aside: by patient, stratified, fixed by the seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fxcore.dataset.tables import read_csv, render_csv, write_atomically
from fxcore.errors import DataSetError
from fxtrain.config import DataConfig
from fxtrain.table import Table

TRAIN, VAL = "train", "val"
_COLUMNS = ("study_id", "patient_id", "label", "part")


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


def split_studies(table: Table, config: DataConfig, seed: int) -> Split:
    """Keep a share of each class aside; all studies of a patient go to the same side.

    A patient counts as broken where any of his studies is. With `val_balanced`, the validation set then
    loses studies of the larger class, chosen at random, until both are equally many; those are not used
    for training either.

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
    rng = np.random.default_rng([seed, 1])
    val: list[int] = []
    for broken in (False, True):
        names = sorted(name for name, studies in groups.items() if table.broken[studies].any() == broken)
        wanted = config.val_fraction * sum(len(groups[name]) for name in names)
        taken = 0
        for name in rng.permutation(names):
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
                f"falls to {part}; more studies of each class, or another data.val_fraction, are needed"
            )
    return Split(train, chosen)


def _balanced(
    studies: NDArray[np.int64], broken: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    classes = [studies[broken[studies] == value] for value in (False, True)]
    count = min(map(len, classes))
    return np.sort(np.concatenate([rng.permutation(found)[:count] for found in classes]))


def write_split(path: Path, table: Table, split: Split) -> None:
    """Write a row a study; those on neither side have an empty ``part``."""
    part = dict.fromkeys(split.train.tolist(), TRAIN) | dict.fromkeys(split.val.tolist(), VAL)
    rows = (
        (study, table.patients[k], "broken" if table.broken[k] else "not_broken", part.get(k, ""))
        for k, study in enumerate(table.studies)
    )
    write_atomically(path, render_csv([_COLUMNS, *rows]))


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
        if row.get("study_id") not in index:
            raise DataSetError(f"{path} has a study that {table.root} lacks; it belongs to another data set")
        if row.get("part") in parts:
            parts[row["part"]].append(index[row["study_id"]])
    return Split(*(np.array(sorted(parts[name]), np.int64) for name in (TRAIN, VAL)))
