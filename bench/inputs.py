"""What is measured on: phantoms of set sizes, real radiographs where there are any, masks meant to hurt."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from fxcore.phantom.plan import LimbPlan, RadiographPlan, StudyPlan, plan_study
from fxcore.phantom.render import render

STANDARD = "phantom 2500×3000"
SIZES = {"phantom 500×500": (500, 500), STANDARD: (2500, 3000), "phantom 4000×4000": (4000, 4000)}
TWO = "two wrists 2500×3000"
ADVERSARIAL = ("noise", "checkerboard", "comb", "all white")

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
        plan, rows=rows, columns=columns, limbs=both[:limbs], collimator="", cast=False, metal="", corrupt=""
    )


@cache
def phantom(rows: int, columns: int, limbs: int = 1) -> np.ndarray:
    """Draw a wrist, or two; ``uint8``, shape ``(rows, columns)``."""
    study, plan = phantom_plan(rows, columns, limbs=limbs)
    display = render(plan, study.patient, study.body_part.anatomy).display
    return np.ascontiguousarray(np.clip(display * 255 + 0.5, 0, 255).astype(np.uint8))


@cache
def adversarial(kind: str, rows: int = 2500, columns: int = 3000) -> np.ndarray:
    """Make an image whose mask is the worst there is for runs, or for labels; ``uint8``."""
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


def real_radiographs(count: int = 2) -> tuple[dict[str, np.ndarray], str]:
    """Return real radiographs by name, or none and the reason why."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "fracatlas"
    files = sorted(folder.rglob("*.jpg"), key=lambda file: (-file.stat().st_size, file.name))
    found: dict[str, np.ndarray] = {}
    for file in files:
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
        if image is not None and image.shape not in {other.shape for other in found.values()}:
            found[f"FracAtlas {file.stem} {image.shape[0]}×{image.shape[1]}"] = image
        if len(found) == count:
            break
    return found, "" if found else "real radiographs: the FracAtlas images are not beside the checkout"
