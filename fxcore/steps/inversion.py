"""Colour inversion: bright anatomy on a dark background, whatever the scanner or the export did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels import corner_means, invert
from fxcore.steps.field import Frame, Grey, box_mean, bright_frame, dilated, reduced
from fxcore.study import Radiograph, Study

METHODS = ("texture", "corners")

# The decision needs structures of a limb's size: the image is read at this many pixels a side.
_SIDE = 200
# A bright background beside straight limbs can look like a frame; a frame leaves more of the image than
# such limbs would.
_LEAST_FIELD = 0.35
# Too few pixels to judge from.
_FEWEST = 100


@dataclass(frozen=True)
class InversionConfig:
    """Settings of the colour inversion."""

    enabled: bool = True
    # "texture": anatomy has structure and background has none, so the brighter of both is told;
    # "corners" is the published heuristic: background lies in the corners, so bright corners mean inverted.
    method: str = "texture"
    # "corners": mean grey value of the four corner windows at and above which it counts as inverted.
    threshold: float = 100.0
    # "corners": side of a corner window as a fraction of the image's side.
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

    Writes ``inverted`` (``"0"``/``"1"``), ``inversion_method``, ``inversion_margin`` (above zero: as it
    should be; below: inverted; the nearer to zero, the less sure) and ``corner_mean`` (the mean of the
    four corner windows, in grey values); a radiograph that has them is left alone.

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
    image = radiograph.image
    rows, columns = image.shape
    window = (max(1, round(rows * config.window_fraction)), max(1, round(columns * config.window_fraction)))
    mean = float(corner_means(image, *window).mean())
    if config.method == "corners":
        margin = (config.threshold - mean) / 255
        inverted = mean >= config.threshold
    else:
        margin = inversion_margin(image)
        inverted = margin < 0
    marks = {
        "inverted": str(int(inverted)),
        "inversion_method": config.method,
        "inversion_margin": f"{margin:.3f}",
        "corner_mean": f"{mean:.2f}",
    }
    return Radiograph(invert(image) if inverted else image, radiograph.metadata | marks)


def inversion_margin(image: NDArray[np.uint8]) -> float:
    """Say how surely a radiograph shows bright anatomy on dark.

    Air is smooth in every radiograph, anatomy is not: brightness and local structure go together
    where anatomy is bright, and against each other where it is dark. Frames are smooth as well and are
    left out. The image is judged twice, as it is and as its negative, each time with what would then be
    a bright frame left out; the margin is the difference, so that a negative has exactly the opposite
    margin.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``.

    Returns
    -------
    float
        From -2 to 2: the difference of the two correlation coefficients between grey level and the
        logarithm of the local standard deviation.
    """
    grey, _ = reduced(image, _SIDE)
    negative = np.float32(255) - grey
    structure = _structure(grey)
    bright, dark = bright_frame(grey), bright_frame(negative)
    return _judged(grey, structure, bright, dark) - _judged(negative, structure, dark, bright)


def _structure(grey: Grey) -> NDArray[np.float64]:
    rough = grey - box_mean(grey, 1)
    return np.log1p(np.sqrt(np.maximum(box_mean(rough**2, 2), 0.0)))


def _judged(grey: Grey, structure: NDArray[np.float64], frame: Frame, other: Frame) -> float:
    """Correlate brightness and structure outside the frame; of the other only what is sure."""
    mask = frame.mask if frame.mask.mean() <= 1 - _LEAST_FIELD else frame.sure
    outside = mask | other.sure
    field = ~dilated(outside, 3)
    for wider in (~outside, np.ones_like(outside)):
        if np.count_nonzero(field) < _FEWEST:
            field = wider
    x, y = grey[field].astype(np.float64), structure[field]
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-6 else 0.0
