"""The radiographs of a data set as columns of numbers: what split, sampler and evaluation work on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dataset.assemble import read_finished_provenance
from fxcore.dataset.layout import Layout, image_name
from fxcore.dataset.tables import read_csv
from fxcore.errors import DataSetError
from fxcore.places import resolved
from fxcore.settings import without_allowances
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN


@dataclass(frozen=True)
class Table:
    """Labelled radiographs, study by study.

    Attributes
    ----------
    root : pathlib.Path
        The data set.
    fingerprint : str
        Of the files it was made from, the settings it was made with (but for what workers were allowed), the
        mean and deviation that came of it, and the labelled radiographs in its table: another one means other
        pixels, or others of them.
    mean, deviation : float
        Over all its pixels, on the scale 0 to 1.
    radiographs : list of str
        Identifiers.
    study : numpy.ndarray
        ``int64``: index into `studies`, of each radiograph; never decreasing.
    studies, patients : list of str
        Identifiers of the studies, and of the patient of each; empty where not known.
    broken : numpy.ndarray
        ``bool``, of each study.
    config : dict
        The settings it was made with.
    unlabelled : int
        Radiographs of the data set that are left out, having no label.
    key_check : str
        Tells whether two data sets have pseudonyms by one key; empty where not known.
    """

    root: Path
    fingerprint: str
    mean: float
    deviation: float
    radiographs: list[str]
    study: NDArray[np.int64]
    studies: list[str]
    patients: list[str]
    broken: NDArray[np.bool_]
    config: dict[str, Any]
    unlabelled: int = 0
    key_check: str = ""

    def __len__(self) -> int:
        return len(self.radiographs)

    def path(self, index: int) -> Path:
        """Return where the PNG of a radiograph is."""
        study = self.study[index]
        label = LABEL_BROKEN if self.broken[study] else LABEL_NOT_BROKEN
        return Layout(self.root).study(label, self.studies[study]) / image_name(self.radiographs[index])

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Index of the first radiograph of each study, and at the end the number of radiographs."""
        return np.searchsorted(self.study, np.arange(len(self.studies) + 1))

    def of_studies(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the indices of the radiographs of the chosen studies, study by study."""
        views = [np.arange(self.starts[study], self.starts[study + 1]) for study in chosen.tolist()]
        return np.concatenate([*views, np.empty(0, np.int64)])


def read_table(root: Path) -> Table:
    """Read a finished data set.

    Raises
    ------
    DataSetError
        If it is not one, has no labelled radiograph or one twice, or a study of two labels.
    """
    layout = Layout(resolved(root))
    provenance = read_finished_provenance(layout)
    rows: dict[str, tuple[bool, str, list[str]]] = {}
    seen: set[tuple[str, str]] = set()
    unlabelled = 0
    for row in read_csv(layout.metadata):
        try:
            label, study, radiograph = row["label"], row["study_id"], row["radiograph_id"]
        except KeyError as error:
            raise DataSetError(f"{layout.metadata} has no column {error}") from None
        if label not in (LABEL_BROKEN, LABEL_NOT_BROKEN):
            unlabelled += 1
            continue
        if (study, radiograph) in seen:
            raise DataSetError(f"{layout.metadata} names the radiograph {radiograph} twice; leave one out")
        seen.add((study, radiograph))
        broken = label == LABEL_BROKEN
        known = rows.setdefault(study, (broken, row.get("patient_id", ""), []))
        if known[1] != row.get("patient_id", ""):
            raise DataSetError(
                f"in {layout.metadata} the study {study} has rows of two patient_id, which may fall to both "
                "sides of a split; give all its rows the same"
            )
        if known[0] != broken:
            raise DataSetError(
                f"in {layout.metadata} the study {study} is broken and not broken; change its label in the "
                "labels file, and make the data set again"
            )
        known[2].append(radiograph)
    if not rows:
        raise DataSetError(
            f"{layout.root} has no labelled radiograph ({unlabelled} have no label); build it with --labels"
        )
    studies = sorted(rows)
    counts = [len(rows[study][2]) for study in studies]
    return Table(
        root=layout.root,
        fingerprint=_fingerprint(provenance, rows),
        mean=_number(layout, provenance, "mean"),
        deviation=_number(layout, provenance, "standard_deviation") or 1.0,
        radiographs=[radiograph for study in studies for radiograph in sorted(rows[study][2])],
        study=np.repeat(np.arange(len(studies)), counts),
        studies=studies,
        patients=[rows[study][1] for study in studies],
        broken=np.array([rows[study][0] for study in studies]),
        config=provenance["config"],
        unlabelled=unlabelled,
        key_check=str(provenance.get("key_check") or ""),
    )


def _number(layout: Layout, provenance: dict[str, Any], name: str) -> float:
    value = provenance.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise DataSetError(f"{layout.provenance} is damaged: {name!r} is no number")
    return float(value or 0.0)


def _fingerprint(provenance: dict[str, Any], rows: dict[str, tuple[bool, str, list[str]]]) -> str:
    content = {**provenance, "config": without_allowances(provenance["config"])}
    names = ("source_fingerprint", "config", "mean", "standard_deviation")
    text = json.dumps([content.get(name) for name in names], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for study in sorted(rows):
        broken, patient, radiographs = rows[study]
        digest.update(f"\n{study} {broken} {patient} {sorted(radiographs)}".encode())
    return digest.hexdigest()
