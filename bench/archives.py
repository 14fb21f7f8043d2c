"""Archives to run the whole job on: phantom radiographs at full size in chosen transfer syntaxes."""

from __future__ import annotations

import csv
import multiprocessing
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from bench.inputs import cache_folder
from fxcore.cores import default_workers
from fxcore.phantom.encode import encode
from fxcore.phantom.identity import stream
from fxcore.phantom.plan import StudyPlan, plan_study
from fxcore.phantom.render import render

SHARES: dict[str, dict[str, float]] = {
    "mixed": {
        "explicit_le": 0.20,
        "implicit_le": 0.20,
        "jpeg_lossless_sv1": 0.30,
        "jpeg_ls": 0.15,
        "jpeg_2000_lossless": 0.10,
        "rle": 0.05,
    },
    "uncompressed": {"explicit_le": 0.5, "implicit_le": 0.5},
}
"""Fractions of the radiographs by transfer syntax."""

LABELS = "labels.csv"
# The first study of this seed is of a wrist: an archive of one study gives a data set.
_SEED = 7
# Raised when what is written changes: archives made before are not used any more.
_VERSION = 3


@dataclass(frozen=True)
class _Study:
    folder: str
    index: int
    scale: float
    syntaxes: tuple[str, ...]


def archive(kind: str, studies: int, *, scale: float = 1.0, folder: Path | None = None) -> tuple[Path, int]:
    """Return a folder with an archive of so many studies, and its number of radiographs.

    It is made on first use and kept: the same arguments give the same bytes.

    Parameters
    ----------
    kind : str
        A name in `SHARES`.
    studies : int
    scale : float
        Size of the radiographs; 1: as real ones.
    folder : pathlib.Path, optional
        Where to make it; a cache of the user's own where not given.
    """
    place = (folder or cache_folder()) / f"archive-{_VERSION}-{kind}-{studies}-{scale:g}"
    plans = [plan_study(_SEED, index, scale) for index in range(studies)]
    count = sum(len(plan.radiographs) for plan in plans)
    if not place.exists():
        work = place.with_name(place.name + ".work")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        syntaxes = _spread(SHARES[kind], count)
        tasks, at = [], 0
        for index, plan in enumerate(plans):
            tasks.append(_Study(str(work), index, scale, tuple(syntaxes[at : at + len(plan.radiographs)])))
            at += len(plan.radiographs)
        if scale < 0.5:
            for task in tasks:
                _write(task)
        else:
            with multiprocessing.get_context("spawn").Pool(default_workers()) as pool:
                pool.map(_write, tasks, chunksize=1)
        _write_labels(work / LABELS, plans)
        work.rename(place)
    return place, count


def _spread(shares: dict[str, float], count: int) -> list[str]:
    """Give each radiograph a transfer syntax: the shares as exactly as whole numbers can, in mixed order."""
    edges = [0]
    for share in shares.values():
        edges.append(edges[-1] + round(share * count * 1000))
    ordered = [
        name for name, low, high in zip(shares, edges[:-1], edges[1:], strict=True)
        for _ in range(round(high / 1000) - round(low / 1000))
    ]  # fmt: skip
    ordered += [next(iter(shares))] * (count - len(ordered))
    return [ordered[k] for k in stream(_SEED, 99).permutation(count)]


def _write(task: _Study) -> None:
    study = plan_study(_SEED, task.index, task.scale)
    for plan, syntax in zip(study.radiographs, task.syntaxes, strict=True):
        picture = render(plan, study.patient, study.body_part.anatomy)
        path = Path(task.folder) / plan.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(study, replace(plan, transfer_syntax=syntax, corrupt=""), picture))


def _write_labels(path: Path, plans: list[StudyPlan]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["StudyInstanceUID", "label"])
        writer.writerows((plan.study_uid, "broken" if plan.broken else "not_broken") for plan in plans)
