"""Which studies are for training and which are kept aside: by patient, stratified, fixed by the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    table: Table,
    config: DataConfig,
    seed: int,
    trained: Mapping[str, str] = MappingProxyType({}),
    copies: Sequence[Sequence[int]] = (),
) -> Split:
    """Keep a share of each class aside; all studies of a patient go to the same side.

    Patients in random order are kept aside as long as each brings both classes nearer to their shares: first
    those with studies of both, up to the share of what such patients have, then those with one class alone,
    who make up what is missing of it. One with more studies than shall be kept aside of a class of theirs
    (and more than ten) stays in training, and the share is that of the others: archives that were anonymised
    give many patients one identifier. Where the others have too few of either class to make up its share, of
    what may be kept aside, all count. With `val_balanced`, the validation set then loses studies of the
    larger class, chosen at random, until both are equally many; those are not used for training either.

    Parameters
    ----------
    table : Table
    config : DataConfig
    seed : int
    trained : mapping
        Studies that the weights to begin with have been trained on, and the patient of each (empty where
        not known): none of them, and of their patients, is kept aside.
    copies : sequence of sequence of int
        Studies that go to the same side as well, whoever their patients are; see `fxtrain.copies`.

    Raises
    ------
    DataSetError
        If either side would lack a class.
    """
    own = [
        f"patient {patient}" if patient else f"study {study}"
        for study, patient in zip(table.studies, table.patients, strict=True)
    ]
    groups = _grouped(own, copies)
    known = {f"study {study}" for study in trained} | {f"patient {name}" for name in trained.values() if name}
    seen = {
        name
        for name, studies in groups.items()
        if any(own[k] in known or f"study {table.studies[k]}" in known for k in studies)
    }
    # Of each patient, how many studies are not broken and broken.
    counts = {name: np.bincount(table.broken[studies], minlength=2) for name, studies in groups.items()}
    staying = _staying(counts, seen, config.val_fraction)
    rng = np.random.default_rng([seed, 1])
    names = _kept_aside({name: counts[name] for name in sorted(counts.keys() - staying)}, seen, config, rng)
    val = [study for name in names for study in groups[name]]
    chosen = np.array(sorted(val), np.int64)
    train = np.setdiff1d(np.arange(len(table.studies)), chosen)
    if config.val_balanced:
        chosen = _balanced(chosen, table.broken, rng)
    split = Split(train, chosen)
    if lacking := _lacking(split, table):
        raise DataSetError(
            f"of {len(table.studies)} studies ({int(table.broken.sum())} broken) none that is "
            f"{' falls to '.join(lacking)}; {_way_out(max(map(len, groups.values())), len(table.studies))}"
            f"{_bound(sum(len(groups[name]) for name in seen))}"
        )
    return split


def _grouped(own: Sequence[str], copies: Sequence[Sequence[int]]) -> dict[str, list[int]]:
    """Return the studies of each patient; under one of their names, those of several who share images."""
    stands_for: dict[str, str] = {}

    def of(name: str) -> str:
        while name in stands_for:
            name = stands_for[name]
        return name

    for studies in copies:
        first, *others = sorted({of(own[study]) for study in studies})
        stands_for.update(dict.fromkeys(others, first))
    groups: dict[str, list[int]] = {}
    for study, name in enumerate(own):
        groups.setdefault(of(name), []).append(study)
    return groups


def _staying(counts: Mapping[str, NDArray[np.int64]], seen: set[str], share: float) -> set[str]:
    """Return patients of so many studies that only the others are divided."""
    staying: set[str] = set()
    for kind in (0, 1):
        most = max(_BELIEVED, share * sum(count[kind] for count in counts.values()))
        large = staying | {name for name, count in counts.items() if count[kind] and count.sum() > most}
        # Of what is new: weights to begin with may have been trained on all who have few.
        others, new = (
            sum((counts[name] for name in counts.keys() - without), np.zeros(2, np.int64))
            for without in (seen | large, seen)
        )
        if (others >= share * new).all():
            staying = large
    return staying


def _kept_aside(
    counts: Mapping[str, NDArray[np.int64]],
    seen: set[str],
    config: DataConfig,
    rng: np.random.Generator,
) -> list[str]:
    """Choose the patients whose studies come nearest to the share of each class; see `split_studies`."""
    chosen: list[str] = []
    taken, nothing = np.zeros(2, np.int64), np.zeros(2, np.int64)
    order: list[str] = []
    for kinds in ((True, True), (True, False), (False, True)):
        alike = {name: count for name, count in counts.items() if tuple(count > 0) == kinds}
        # Those of one class make up what is missing of all that there is of it.
        divided = alike if all(kinds) else counts
        wanted = config.val_fraction * sum(divided.values(), nothing)
        drawn = rng.permutation([name for name in alike if name not in seen]).tolist()
        order += drawn
        for name in drawn:
            # Nearest to the share: who would overshoot it by more than it falls short stays.
            if (taken + counts[name] / 2 <= wanted)[list(kinds)].all():
                chosen.append(name)
                taken = taken + counts[name]
    for kind in (0, 1):
        # The share of few studies may be less than half of the smallest patient: then he alone is it.
        having = [name for name in order if counts[name][kind]]
        if not taken[kind] and having:
            chosen.append(min(having, key=lambda name: int(counts[name].sum())))
            taken = taken + counts[chosen[-1]]
    return chosen


def _lacking(split: Split, table: Table) -> tuple[str, str] | None:
    """Return a class and the side that has none of it."""
    for part, studies in ((TRAIN, split.train), (VAL, split.val)):
        found = table.broken[studies]
        if not found.any() or found.all():
            return "not broken" if found.any() else "broken", part
    return None


def _way_out(largest: int, studies: int) -> str:
    if largest > 1 and 2 * largest > studies:
        return (
            f"{largest} are of one patient, or have one image. Where the archive was anonymised before, "
            "give each patient a PatientID of its own, or all of them none, and build the data set again"
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
        If it names a study that the data set does not have, or leaves a side without a class.
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
    split = Split(*(np.array(sorted(parts[name]), np.int64) for name in (TRAIN, VAL)))
    if lacking := _lacking(split, table):
        raise DataSetError(
            f"{path} has no study that is {' in '.join(lacking)}; put it back as the run wrote it, or train "
            "anew"
        )
    return split


def read_trained(path: Path) -> dict[str, str]:
    """Return the studies that a run's weights have been trained on, and the patient of each."""
    return _patients_of(path, TRAIN, INHERITED)


def read_validated(path: Path) -> dict[str, str]:
    """Return the studies that a run has kept aside, and the patient of each."""
    return _patients_of(path, VAL)


def _patients_of(path: Path, *parts: str) -> dict[str, str]:
    rows = (row for row in read_csv(path) if row.get("part") in parts)
    return {row.get("study_id", ""): row.get("patient_id", "") for row in rows}
