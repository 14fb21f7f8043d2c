"""What is measured on: phantoms of set sizes, real radiographs where there are any, masks meant to hurt."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from fxcore.dicom.config import PixelConfig
from fxcore.dicom.read import load_dicom
from fxcore.phantom.plan import LimbPlan, RadiographPlan, StudyPlan, plan_study
from fxcore.phantom.render import render

STANDARD = "phantom 2500×3000"
SIZES = {"phantom 500×500": (500, 500), STANDARD: (2500, 3000), "phantom 4000×4000": (4000, 4000)}
TWO = "two wrists 2500×3000"
REAL_FILES = {
    "jpeg_lossless_sv1": "dicom/fo-dicom/Tests/FO-DICOM.Tests/Test Data/GH133.dcm",
    "jpeg_2000_lossless": "dicom/pydicom-data/RG3_J2KR.dcm",
}
"""Real files by the phantom's name of their transfer syntax: a mammogram and a computed radiograph."""
ADVERSARIAL = ("noise", "checkerboard", "comb", "all white")

_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# A study of the phantom with one upright wrist, plain exposure, no frame; leaning, so that there is an angle.
_SEED, _INDEX = 1, 2
_ANGLE = 17.0


def cache_folder() -> Path:
    """Return the folder that made inputs are kept in between runs; the user's own."""
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"fxray-bench-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def phantom_plan(rows: int, columns: int, *, limbs: int = 1) -> tuple[StudyPlan, RadiographPlan]:
    """Plan one radiograph of exactly this size."""
    study = plan_study(_SEED, _INDEX, 1.0)
    plan = study.radiographs[0]
    both = (LimbPlan("L", _ANGLE, False), LimbPlan("R", _ANGLE - 6, False))
    return study, replace(
        plan,
        rows=rows,
        columns=columns,
        view="AP",
        limbs=both[:limbs],
        collimator="",
        cast=False,
        metal="",
        corrupt="",
    )


@cache
def phantom(rows: int, columns: int, limbs: int = 1) -> np.ndarray:
    """Draw a wrist, or two; ``uint8``, shape ``(rows, columns)``."""
    study, plan = phantom_plan(rows, columns, limbs=limbs)
    display = render(plan, study.patient, study.body_part.anatomy).display
    return np.ascontiguousarray(np.clip(display * 255 + 0.5, 0, 255).astype(np.uint8))


@cache
def adversarial(kind: str) -> np.ndarray:
    """Make an image of 2500 × 3000 whose mask is the worst there is for runs, or for labels; ``uint8``."""
    rows, columns = 2500, 3000
    if kind == "noise":
        return np.random.default_rng(5).integers(0, 256, (rows, columns)).astype(np.uint8)
    if kind == "checkerboard":
        return (np.indices((rows, columns)).sum(axis=0) % 2 * 255).astype(np.uint8)
    if kind == "comb":
        # Teeth joined at the bottom row alone: each is a component of its own until the very end.
        image = np.zeros((rows, columns), np.uint8)
        image[:, ::2] = 255
        image[-1] = 255
        return image
    image = np.full((rows, columns), 255, np.uint8)
    image[0, 0] = 0  # with one level alone there is no threshold to find
    return image


@cache
def real_radiographs() -> dict[str, np.ndarray]:
    """Return real radiographs by name: the largest FracAtlas image and a computed radiograph, if present."""
    files = sorted(_DATA.glob("fracatlas/**/*.jpg"), key=lambda file: (-file.stat().st_size, file.name))
    images = (cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE) for file in files)
    found = {}
    largest = next((image for image in images if image is not None), None)
    if largest is not None:
        found[f"FracAtlas {largest.shape[0]}×{largest.shape[1]}"] = largest
    for name in REAL_FILES.values():
        if (_DATA / name).exists():
            image = next(load_dicom(_DATA / name, PixelConfig()).frames)[1]
            found[f"{Path(name).stem} {image.shape[0]}×{image.shape[1]}"] = image
    return found


def real_files() -> dict[str, tuple[str, bytes]]:
    """Return real DICOM files by transfer syntax: a name and the bytes of each that is present."""
    places = {syntax: _DATA / name for syntax, name in REAL_FILES.items()}
    return {syntax: (place.stem, place.read_bytes()) for syntax, place in places.items() if place.exists()}


NO_REAL = "real radiographs: the public collections are not beside the checkout"
