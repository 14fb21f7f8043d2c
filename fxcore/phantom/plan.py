"""What each study and radiograph of the archive will hold, decided before a pixel is drawn.

Every nuisance is drawn from numbers that never see the label: whether a bone is broken is the only thing
a class can be told by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxcore.phantom.identity import Patient, day_in_year_of_age, patient, stream, token, uid
from fxcore.phantom.labels import BodyPart, draw_body_part, on_side

BROKEN_FRACTION = 0.31
VIEW_COUNTS = (0.17, 0.62, 0.13, 0.05, 0.01, 0.015, 0.0025, 0.0025)
"""Fraction of studies with 1, 2, ... 8 radiographs."""

VISIBLE_IN_HALF, VISIBLE_IN_THIRD, VISIBLE_IN_SOME = 0.14, 0.04, 0.01
"""Fractions of broken studies whose fracture shows in half, in a third and in all but one of the views."""

SIZES = (250, 4000)
"""Least and greatest side at scale 1, pixels."""

TRANSFER_SYNTAXES: dict[str, tuple[str, float]] = {
    "implicit_le": ("1.2.840.10008.1.2", 0.12),
    "explicit_le": ("1.2.840.10008.1.2.1", 0.24),
    "explicit_be": ("1.2.840.10008.1.2.2", 0.02),
    "deflated": ("1.2.840.10008.1.2.1.99", 0.02),
    "jpeg_baseline": ("1.2.840.10008.1.2.4.50", 0.01),
    "jpeg_extended": ("1.2.840.10008.1.2.4.51", 0.01),
    "jpeg_lossless_sv1": ("1.2.840.10008.1.2.4.70", 0.30),
    "jpeg_ls": ("1.2.840.10008.1.2.4.80", 0.15),
    "jpeg_2000_lossless": ("1.2.840.10008.1.2.4.90", 0.08),
    "jpeg_2000": ("1.2.840.10008.1.2.4.91", 0.02),
    "rle": ("1.2.840.10008.1.2.5", 0.03),
}
"""Short name: UID and frequency."""

CORRUPTIONS = ("truncated", "header", "constant", "garbage", "empty")
BLOCK = 24
"""In each block of so many studies: one corrupt file, one duplicate, one label missing, one surplus."""


@dataclass(frozen=True)
class LimbPlan:
    """One limb of a radiograph: angle in degrees clockwise from fingers up, and whether it is broken here."""

    laterality: str
    angle: float
    fractured: bool


@dataclass(frozen=True)
class RadiographPlan:
    """Everything one radiograph will be; its pixels follow from this and ``pixel_key`` alone."""

    pixel_key: tuple[int, ...]
    sop_uid: str
    path: str
    view: str
    limbs: tuple[LimbPlan, ...]
    joined: bool
    rows: int
    columns: int
    height_mm: float
    inverted: bool
    monochrome1: bool
    collimator: str
    marker: str
    cast: bool
    metal: str
    transfer_syntax: str
    bits_stored: int
    corrupt: str
    duplicate_path: str

    @property
    def fracture_visible(self) -> bool:
        return any(limb.fractured for limb in self.limbs)


@dataclass(frozen=True)
class StudyPlan:
    """One appointment: its patient, label and radiographs."""

    index: int
    study_uid: str
    accession: str
    patient: Patient
    date: str
    time: str
    broken: bool
    labelled: bool
    body_part: BodyPart
    radiographs: tuple[RadiographPlan, ...]


def plan_study(seed: int, index: int, scale: float, one_view: float = 0.0) -> StudyPlan:
    """Plan the study of this index; depends on nothing but its arguments.

    `one_view` is as in `visible_views`, and changes nothing but in which radiographs a fracture shows.
    """
    rng = stream(seed, 0, index)
    returning = rng.random() < 0.15
    number = int(rng.integers(0, index + 1)) if returning else index
    broken = bool(rng.random() < BROKEN_FRACTION)
    body_part = draw_body_part(rng)
    count = 1 + int(np.searchsorted(np.cumsum(VIEW_COUNTS)[:-1], rng.random(), side="right"))
    visible = visible_views(stream(seed, 2, index), count, one_view) if broken else (False,) * count
    side = "L" if rng.random() < 0.5 else "R"
    one_station = rng.random() < 0.7
    station = rng.random(3)
    study_uid = uid(seed, "study", index)
    radiographs = tuple(
        _plan_radiograph(
            stream(seed, 3, index, k),
            (seed, 4, index, k),
            k,
            count,
            side,
            visible[k],
            scale,
            station if one_station else None,
            index,
        )
        for k in range(count)
    )
    person = patient(seed, number)
    date = day_in_year_of_age(person, int(rng.integers(0, 365 * 9)))
    return StudyPlan(
        index=index,
        study_uid=study_uid,
        accession=f"A{token(seed, 'accession', index, digits=10)}",
        patient=person,
        date=str(date).replace("-", ""),
        time=f"{rng.integers(0, 24):02d}{rng.integers(0, 60):02d}{rng.integers(0, 60):02d}",
        broken=broken,
        labelled=index % BLOCK != 13,
        body_part=on_side(body_part, side),
        radiographs=radiographs,
    )


def visible_views(rng: np.random.Generator, count: int, one_view: float = 0.0) -> tuple[bool, ...]:
    """In which of a broken study's views the fracture shows.

    The number of views is drawn without regard to the label, so the rarer patterns, which not every
    number of views allows, are given only where possible and as much more often there. Of all studies,
    the share `one_view` then shows it in a single one of those views.
    """
    views = np.arange(1, len(VIEW_COUNTS) + 1)
    share = np.asarray(VIEW_COUNTS)
    options = (
        (VISIBLE_IN_HALF, views % 2 == 0, count // 2),
        (VISIBLE_IN_THIRD, views % 3 == 0, count // 3),
        (VISIBLE_IN_SOME, views > 3, count - 1),
    )
    chance = rng.random()
    shown = count
    for fraction, possible, number in options:
        if possible[count - 1]:
            chance -= fraction / share[possible].sum()
            if chance < 0:
                shown = number
                break
    order = rng.permutation(count)
    # Drawn last and always, so that a study that this does not concern is the same whatever the share.
    if rng.random() < one_view:
        shown = 1
    chosen = order[:shown]
    return tuple(k in chosen for k in range(count))


def _plan_radiograph(
    rng: np.random.Generator,
    pixel_key: tuple[int, ...],
    k: int,
    count: int,
    side: str,
    fractured: bool,
    scale: float,
    station: np.ndarray | None,
    index: int,
) -> RadiographPlan:
    seed = pixel_key[0]
    view = _view(rng, k, count)
    two = bool(rng.random() < 0.05)
    joined = bool(rng.random() < 0.4) and two
    rows, columns = _size(rng, two)
    upright = _angle(rng)
    if not two and abs(abs(upright) - 90) < 25 and rng.random() < 0.7:
        rows, columns = columns, rows
    rows, columns = (max(32, round(scale * n)) for n in (rows, columns))
    other = "R" if side == "L" else "L"
    if two:
        base = 180.0 if abs(upright) > 90 else 0.0
        tilts = np.clip(rng.normal(0, 7, 2), -14, 14)
        broken_one = int(rng.integers(0, 2))
        limbs = tuple(
            LimbPlan(s, _wrapped(base + float(tilts[i])), fractured and i == broken_one)
            for i, s in enumerate((side, other))
        )
    else:
        limbs = (LimbPlan(side, upright, fractured),)
    # Radiographs of one appointment mostly come from one machine, which decides how they are stored.
    stored = station if station is not None else rng.random(3)
    syntax, bits = _storage(stored)
    corrupt = ""
    if k == 0 and index % BLOCK == 5:
        corrupt = CORRUPTIONS[index // BLOCK % len(CORRUPTIONS)]
    return RadiographPlan(
        pixel_key=pixel_key,
        sop_uid=uid(seed, "instance", index, k),
        path=_path(seed, index, k, rng),
        view=view,
        limbs=limbs,
        joined=joined,
        rows=rows,
        columns=columns,
        height_mm=float(rng.uniform(185, 285)) * (1.1 if two else 1.0),
        inverted=bool(rng.random() < 0.08),
        monochrome1=bool(stored[2] < 0.15),
        collimator=_fitting(rng.choice(["", "dark", "bright"], p=[0.5, 0.34, 0.16]), rows, columns),
        marker=_fitting(rng.choice(["", "letter", "letter+text"], p=[0.3, 0.4, 0.3]), rows, columns),
        cast=bool(rng.random() < 0.10),
        metal=str(rng.choice(["", "plate", "wires"], p=[0.92, 0.05, 0.03])),
        transfer_syntax=syntax,
        bits_stored=bits,
        corrupt=corrupt,
        duplicate_path=_path(seed, index, 1000 + k, rng) if k == 0 and index % BLOCK == 9 else "",
    )


def _fitting(drawn: str, rows: int, columns: int) -> str:
    """What was drawn by lot, or as much of it as so small an image can show."""
    side = min(rows, columns)
    if side < 64:
        return ""
    return "letter" if drawn == "letter+text" and side < 180 else str(drawn)


def _view(rng: np.random.Generator, k: int, count: int) -> str:
    if count == 1:
        return "AP" if rng.random() < 0.65 else "LAT"
    if k < 2:
        return ("AP", "LAT")[k]
    return str(rng.choice(["OBL", "AP", "LAT"], p=[0.6, 0.2, 0.2]))


def _size(rng: np.random.Generator, two: bool) -> tuple[int, int]:
    kind = rng.random()
    if kind < 0.86:
        long = rng.normal(2250, 380)
    elif kind < 0.95:
        long = rng.uniform(300, 1400)
    else:
        long = rng.uniform(3000, 4000)
    aspect = rng.uniform(0.95, 1.35) if two else np.clip(rng.normal(0.78, 0.09), 0.5, 1.05)
    # Detectors come in even sizes; films were cut by hand.
    rows = round(float(long) / 2) * 2 if rng.random() < 0.6 else round(float(long))
    rows = int(np.clip(rows, SIZES[0], SIZES[1]))
    return rows, int(np.clip(round(rows * aspect), SIZES[0], SIZES[1]))


def _angle(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.62:
        angle = rng.normal(0, 6)
    elif kind < 0.80:
        angle = rng.normal(180, 7)
    elif kind < 0.90:
        angle = rng.choice([-90, 90]) + rng.normal(0, 8)
    else:
        angle = rng.uniform(-180, 180)
    return _wrapped(float(angle))


def _wrapped(angle: float) -> float:
    return round((angle + 180.0) % 360.0 - 180.0, 2)


def _storage(chances: np.ndarray) -> tuple[str, int]:
    names = list(TRANSFER_SYNTAXES)
    cumulative = np.cumsum([TRANSFER_SYNTAXES[name][1] for name in names])
    syntax = names[min(int(np.searchsorted(cumulative, chances[0] * cumulative[-1])), len(names) - 1)]
    if syntax == "jpeg_baseline":
        return syntax, 8
    if syntax == "jpeg_extended":
        return syntax, 12
    bits = (8, 10, 12, 14, 16)[int(np.searchsorted([0.12, 0.34, 0.80, 0.93], chances[1]))]
    return syntax, bits


def _path(seed: int, index: int, k: int, rng: np.random.Generator) -> str:
    """A folder and file name that say nothing."""
    batch = token(seed, "batch", index // 50, digits=4)
    folder = token(seed, "folder", index, digits=8)
    name = token(seed, "file", index, k, digits=8)
    ending = str(rng.choice(["", ".dcm", ".DCM", ".IMA", ".dcm.dcm"], p=[0.35, 0.5, 0.05, 0.07, 0.03]))
    middle = f"/S{token(seed, 'series', index, k, digits=3)}" if index % 3 == 0 else ""
    return f"{batch}/{folder}{middle}/{name}{ending}"
