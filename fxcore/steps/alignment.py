"""Rotation alignment: the limb upright, fingers on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels import (
    Runs,
    close_rectangle,
    components,
    histogram,
    keep_components,
    open_rectangle,
    otsu_threshold,
    principal_axis,
    rotate,
    runs_from_image,
)
from fxcore.steps.distal import distal_margin
from fxcore.study import Radiograph, Study

METHODS = ("pca",)


@dataclass(frozen=True)
class AlignmentConfig:
    """Settings of the rotation alignment."""

    enabled: bool = True
    # "pca" is the published method: the principal axis of the closed and opened Otsu mask.
    method: str = "pca"
    # Side of the square structuring element as a fraction of the image's longer side: 15 of 3000 pixels.
    element_fraction: float = 0.005
    # Components smaller than this fraction of the largest are markers and text; they have no say in the axis.
    min_component_fraction: float = 0.1
    # Ratio of the mask's extent along the axis to that across it, below which there is no clear axis.
    min_elongation: float = 1.25
    # A smaller rotation is not worth the blur of resampling.
    min_degrees: float = 0.5
    # Turn by 180 degrees where the fingers would end up at the bottom.
    fingers_up: bool = True

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ParameterError(
                f"alignment.method {self.method!r} is not known; choose from: {', '.join(METHODS)}"
            )
        if not 0 < self.element_fraction <= 0.1:
            raise ParameterError(
                f"alignment.element_fraction {self.element_fraction} is not between 0 and 0.1"
            )
        if not 0 <= self.min_component_fraction <= 1:
            raise ParameterError(
                f"alignment.min_component_fraction {self.min_component_fraction} is not between 0 and 1"
            )
        if self.min_elongation < 1:
            raise ParameterError(
                f"alignment.min_elongation {self.min_elongation} is below 1, the elongation of a disc"
            )
        if not 0 <= self.min_degrees <= 90:
            raise ParameterError(f"alignment.min_degrees {self.min_degrees} is not between 0 and 90")


def align_rotation(study: Study, config: AlignmentConfig) -> Study:
    """Rotate each radiograph so that the limb's principal axis is vertical, distal end on top.

    Otsu threshold, closing, opening, principal axis; the grey image is rotated on a canvas grown so
    that nothing is cut off.

    Writes ``alignment`` (``"aligned"``, ``"upright"`` where it was already, ``"no_clear_axis"`` where
    it is left alone), ``rotation_degrees`` (counter-clockwise), ``elongation`` and ``distal_margin``
    (above zero: fingers seen on top before a turn by 180 degrees was considered); a radiograph that
    has them is left alone.
    """
    return Study(
        study.study_id, study.label, [_aligned(radiograph, config) for radiograph in study.radiographs]
    )


def _aligned(radiograph: Radiograph, config: AlignmentConfig) -> Radiograph:
    if radiograph.metadata.get("alignment"):
        return radiograph
    image = radiograph.image
    mask = limb_mask(image, config)
    axis = principal_axis(mask)
    marks = {"alignment": "no_clear_axis", "rotation_degrees": "0", "elongation": "", "distal_margin": ""}
    if axis.area == 0 or axis.elongation < config.min_elongation:
        marks["elongation"] = f"{axis.elongation:.3f}" if axis.area else ""
        return Radiograph(image, radiograph.metadata | marks)
    degrees = axis.angle_degrees if abs(axis.angle_degrees) >= config.min_degrees else 0.0
    margin = distal_margin(mask, degrees)
    if config.fingers_up and margin < 0:
        degrees = degrees + 180 if degrees <= 0 else degrees - 180
    degrees = round(degrees, 2)
    marks |= {
        "alignment": "aligned" if degrees else "upright",
        "rotation_degrees": f"{degrees:g}",
        "elongation": f"{axis.elongation:.3f}",
        "distal_margin": f"{margin:.3f}",
    }
    return Radiograph(rotate(image, degrees) if degrees else image, radiograph.metadata | marks)


def limb_mask(image: NDArray[np.uint8], config: AlignmentConfig) -> Runs:
    """Return the foreground, closed and opened, without its small components."""
    side = 2 * (max(3, round(config.element_fraction * max(image.shape))) // 2) + 1
    mask = runs_from_image(image, otsu_threshold(hist=histogram(image)))
    mask = open_rectangle(close_rectangle(mask, side, side), side, side)
    found = components(mask)
    if found.count > 1:
        mask = keep_components(mask, found, found.area >= config.min_component_fraction * found.area.max())
    return mask
