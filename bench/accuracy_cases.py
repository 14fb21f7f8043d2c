"""What the steps are judged on: radiographs of which the truth is known."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.quiet import quiet_stderr
from fxcore.errors import FxrayError
from fxcore.phantom.plan import plan_study
from fxcore.phantom.render import render

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]

ANNOTATIONS = Path(__file__).resolve().parents[1] / "tests" / "accuracy" / "fracatlas.csv"
FRACATLAS = Path(__file__).resolve().parents[2] / "shared" / "data" / "fracatlas"
NO_FRACATLAS = "real radiographs: FracAtlas is not beside the checkout"

# Phantoms at a fifth of their size, real radiographs at this many pixels a side: the steps look no closer.
_SCALE = 0.2
_SIDE = 800
_SEED = 11


@dataclass(frozen=True)
class Case:
    """One radiograph and its truth.

    Attributes
    ----------
    name : str
    image : numpy.ndarray
        ``uint8``.
    inverted : bool
    boxes : tuple of tuple of int
        ``row0, column0, row1, column1`` of each limb; empty for one limb whose box nobody drew.
    parts : int or None
        Parts the splitter should give; none where either answer is right.
    tilt : float or None
        From the proximal to the distal end, degrees clockwise from upright, -180 to 180.
    no_axis : bool
        There is no limb axis to find.
    distal : str
        What shows at the distal end: ``hand``, ``foot`` or nothing.
    """

    name: str
    image: Image
    inverted: bool = False
    boxes: tuple[Box, ...] = ()
    parts: int | None = 1
    tilt: float | None = None
    no_axis: bool = False
    distal: str = ""


def phantoms(studies: int, seed: int = _SEED) -> list[Case]:
    """Draw phantoms with the truth of their plans, as displayed and not inverted."""
    cases = []
    for index in range(studies):
        study = plan_study(seed, index, _SCALE)
        for k, plan in enumerate(study.radiographs):
            picture = render(plan, study.patient, study.body_part.anatomy)
            image = np.clip(picture.display * 255 + 0.5, 0, 255).astype(np.uint8)
            one = len(plan.limbs) == 1
            cases.append(
                Case(
                    name=f"phantom {seed}-{index}.{k}",
                    image=np.ascontiguousarray(image),
                    boxes=picture.boxes,
                    parts=len(plan.limbs),
                    tilt=plan.limbs[0].angle if one else None,
                    distal="" if study.body_part.anatomy == "joint" else "hand",
                )
            )
    return cases


def fracatlas() -> list[Case]:
    """Read the annotated radiographs of FracAtlas; none where the collection is not beside the checkout."""
    if not FRACATLAS.is_dir():
        return []
    with ANNOTATIONS.open(encoding="utf-8", newline="") as file:
        return [_annotated(row) for row in csv.DictReader(file) if (FRACATLAS / row["file"]).exists()]


def _annotated(row: dict[str, str]) -> Case:
    # Some files of the collection end too early, of which libjpeg tells the terminal.
    with quiet_stderr():
        image = cv2.imread(str(FRACATLAS / row["file"]), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FxrayError(f"OpenCV cannot read {row['file']} of FracAtlas")
    factor = min(1.0, _SIDE / max(image.shape))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    tilt = None
    if row["line"]:
        row0, column0, row1, column1 = (float(value) for value in row["line"].split())
        tilt = math.degrees(math.atan2(column1 - column0, row0 - row1))
    return Case(
        name=Path(row["file"]).stem,
        image=np.ascontiguousarray(small, np.uint8),
        inverted=row["inverted"] == "1",
        parts=None if row["partial"] == "1" else int(row["parts"]),
        tilt=tilt,
        no_axis=row["axis"] == "none",
        distal=row["distal_end"],
    )


def negative(case: Case) -> Case:
    """Return the negative: inverted where it was not."""
    return replace(case, image=255 - case.image, inverted=not case.inverted)
