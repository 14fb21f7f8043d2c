"""Colour inversion: bright anatomy on a dark background, whatever the scanner or the export did."""

from __future__ import annotations

from dataclasses import dataclass

from fxcore.errors import ParameterError
from fxcore.kernels import corner_means, invert
from fxcore.study import Radiograph, Study

METHODS = ("corners",)


@dataclass(frozen=True)
class InversionConfig:
    """Settings of the colour inversion."""

    enabled: bool = True
    # "corners" is the published heuristic: background lies in the corners, so bright corners mean inverted.
    method: str = "corners"
    # Mean grey value of the four corner windows at and above which a radiograph counts as inverted.
    threshold: float = 100.0
    # Side of a corner window as a fraction of the image's side.
    window_fraction: float = 0.05

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ParameterError(
                f"inversion.method {self.method!r} is not known; choose from: {', '.join(METHODS)}"
            )
        if not 0 <= self.threshold <= 255:
            raise ParameterError(f"inversion.threshold {self.threshold} is not a grey value from 0 to 255")
        if not 0 < self.window_fraction <= 0.5:
            raise ParameterError(
                f"inversion.window_fraction {self.window_fraction} is not above 0 and at most 0.5"
            )


def correct_inversion(study: Study, config: InversionConfig) -> Study:
    """Invert the radiographs whose background is bright.

    Writes ``inverted`` (``"0"``/``"1"``), ``inversion_method`` and ``corner_mean`` (the value held
    against the threshold, in grey values); a radiograph that has them is left alone.

    References
    ----------
    The corner heuristic is Eq. 4.1 of the 2021 thesis this project grew out of: the mean of four
    corner windows at or above 100 gives 255 - image.
    """
    return Study(
        study.study_id, study.label, [_corrected(radiograph, config) for radiograph in study.radiographs]
    )


def _corrected(radiograph: Radiograph, config: InversionConfig) -> Radiograph:
    if radiograph.metadata.get("inverted"):
        return radiograph
    rows, columns = radiograph.image.shape
    window = (max(1, round(rows * config.window_fraction)), max(1, round(columns * config.window_fraction)))
    mean = float(corner_means(radiograph.image, *window).mean())
    inverted = mean >= config.threshold
    marks = {"inverted": str(int(inverted)), "inversion_method": config.method, "corner_mean": f"{mean:.2f}"}
    return Radiograph(invert(radiograph.image) if inverted else radiograph.image, radiograph.metadata | marks)
