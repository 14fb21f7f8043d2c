"""Colour inversion: bright anatomy on a dark background, whatever the scanner or the export did."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fxcore.body_parts import covers
from fxcore.kernels import corner_means, correlation, invert, local_structure
from fxcore.steps.config import InversionConfig
from fxcore.steps.field import Box, Frame, Grey, Mask, box_of, dilated, quantiles
from fxcore.steps.foreground import otsu_level
from fxcore.steps.noise import CLIPPED, clipped, white
from fxcore.steps.overview import Overview, Overviews
from fxcore.study import Radiograph, Study

# A bright background beside straight limbs can look like a frame; a frame leaves more of the image than
# such limbs would.
_LEAST_FIELD = 0.35
# Too few pixels to judge from.
_FEWEST = 100
# What clipped pixels count.
_COUNTS = 0.5
# What it counts that brightness grows with the distance from the border, and how far from it, as a
# fraction of the side, that goes on: air surrounds most limbs, but legs can fill the corners.
_LOCATION, _DEEP = 0.25, 0.25
# Where frames surely leave no more of the image than this, the border is theirs.
_LITTLE = 0.64
# A limb may be clipped where at least this fraction of the image is, and of its middle not less than of all.
_LEAST_CLIPPED = 0.1
# So far from what is clipped, as a fraction of the longer side, no tissue lies between...
_AWAY = 0.04
# ... and there is air, if it is at least this fraction of the image...
_LEAST_AIR = 0.1
# ... and its quartiles lie within this fraction of the range of grey levels.
_AIR_SPREAD = 0.15
# What is this near to the dark end, as a fraction of the range, may be a shutter beside the air.
_NEAR_DARK = 0.03
# Levels from air (0) to what is clipped (1) at which the skin line is looked at; so many there must be, as a
# fraction of the image, and their mean at least so high.
_SKIN, _LEAST_SKIN, _ROUND = (0.15, 0.85), 0.005, 0.55


def correct_inversion(study: Study, config: InversionConfig, seen: Overviews | None = None) -> Study:
    """Invert the radiographs whose background is bright.

    Steps that share `seen` look at an image once between them.

    Writes ``inverted`` (``"0"``/``"1"``), ``inversion_method``, ``inversion_margin`` (above zero: as it
    should be; below: inverted; the nearer to zero, the less sure; empty where the part's colour is left as
    stored) and ``corner_mean`` (the mean of the
    four corner windows, in grey values); a radiograph that has them is left alone.

    References
    ----------
    The corner heuristic is Eq. 4.1 of the 2021 thesis this project grew out of: the mean of four
    corner windows at or above 100 gives 255 - image.
    """
    seen = seen or Overviews()
    corrected = [_corrected(radiograph, config, seen) for radiograph in study.radiographs]
    return Study(study.study_id, study.label, corrected)


def _corrected(radiograph: Radiograph, config: InversionConfig, seen: Overviews) -> Radiograph:
    if radiograph.metadata.get("inverted"):
        return radiograph
    image = radiograph.image
    rows, columns = image.shape
    window = (max(1, round(rows * config.window_fraction)), max(1, round(columns * config.window_fraction)))
    mean = float(corner_means(image, *window).mean())
    method, judged = config.method, radiograph.metadata.get("body_part", "")
    if method == "texture" and any(covers(part, judged) for part in config.as_stored):
        method, margin, inverted = "as_stored", None, False
    elif method == "corners":
        margin = (config.threshold - mean) / 255
        inverted = mean >= config.threshold
    else:
        margin = inversion_margin(seen.of(image))
        inverted = margin < 0
    marks = {
        "inverted": str(int(inverted)),
        "inversion_method": method,
        "inversion_margin": "" if margin is None else f"{margin:z.3f}",
        "corner_mean": f"{mean:.2f}",
    }
    if not inverted:
        return Radiograph(image, radiograph.metadata | marks)
    negative = invert(image)
    seen.inverted(image, negative)
    return Radiograph(negative, radiograph.metadata | marks)


def inversion_margin(seen: Overview) -> float:
    """Say how surely a radiograph shows bright anatomy on dark.

    Air is smooth in every radiograph, anatomy is not: brightness and local structure go together
    where anatomy is bright, and against each other where it is dark. What noise alone may have is no
    structure: beside noisy air, a limb that a window shows white would be the smoother. Frames are smooth
    as well and are left out; what is clipped is smooth whatever it shows, and counts half.
    That air surrounds most limbs counts a little. The image is judged twice, as it is and as
    its negative, each time with what would then be a bright frame left out; the margin is the difference,
    so that a negative has exactly the opposite margin.

    Where a window was so narrow that nearly all of the limb is clipped, no structure is left to judge by:
    there the skin line tells (`_clipped_limb`).

    Parameters
    ----------
    seen : Overview

    Returns
    -------
    float
        From -2.5 to 2.5: the difference of the two correlation coefficients between grey level and the
        logarithm of the local standard deviation, and a quarter of the difference of those between grey
        level and the distance from the border. Where the skin line says otherwise, what that
        says, from -1 to 1.
    """
    bright, dark = seen.frame, seen.negative.frame
    grey, negative = seen.grey, seen.negative.grey
    # What noise alone may have is measured away from what is clipped.
    structure = local_structure(grey, seen.noise)
    depth = _depth(grey.shape, _surely_exposed(bright, dark))
    margin = _judged(grey, structure, depth, bright, dark) - _judged(negative, structure, depth, dark, bright)
    limb = _clipped_limb(grey) - _clipped_limb(negative)
    return limb if limb and margin * limb <= 0 else margin


def _in_the_middle(mask: Mask) -> bool:
    """Tell whether a mask covers as much of the image's middle as of all of it; air about a limb does not."""
    rows, columns = (slice(n // 3, n - n // 3) for n in mask.shape)
    return bool(mask[rows, columns].mean() >= mask.mean())


def _clipped_limb(grey: Grey) -> float:
    """Say how surely what is clipped at the bright end is a limb in air; 0 where it may be anything.

    A limb gains thickness fastest at the skin: most levels between air and limb are nearer to the limb's.
    Frames are not left out, since a limb that is white from side to side has edges as straight as theirs.
    """
    low, high = float(grey.min()), float(grey.max())
    beyond = white(grey)
    if beyond.mean() < _LEAST_CLIPPED or not _in_the_middle(beyond):
        return 0.0
    level = _air_level(grey, ~dilated(beyond, max(2, round(_AWAY * max(grey.shape)))), low, high)
    if level is None:
        return 0.0
    risen = (grey - level) / max(high - level, CLIPPED)
    between = risen[(risen > _SKIN[0]) & (risen < _SKIN[1])]
    if between.size < _LEAST_SKIN * grey.size:
        return 0.0
    rounded = float(between.mean())
    return 2 * rounded - 1 if rounded > _ROUND else 0.0


def _air_level(grey: Grey, far: Mask, low: float, high: float) -> float | None:
    """Return the level of air far from what is clipped, if it has nearly one.

    Looked for above the level of a shutter first, then down to it; in each of these in all there is, then in
    its darker part, without thin tissue.
    """
    lit = far & (grey > low + _NEAR_DARK * (high - low))
    for region in (lit, far):
        for air in (region, region & (grey <= otsu_level(grey, region))):
            if np.count_nonzero(air) < _LEAST_AIR * grey.size:
                break
            least, level, most = quantiles(grey, air, (0.25, 0.5, 0.75))
            if most - least <= _AIR_SPREAD * (high - low):
                return level
    return None


def _judged(grey: Grey, structure: Grey, depth: Grey, frame: Frame, other: Frame) -> float:
    """Correlate brightness with structure and location outside the frame; of the other only what is sure."""
    mask = frame.mask if frame.mask.mean() <= 1 - _LEAST_FIELD else frame.sure
    outside = mask | other.sure
    fields = (~dilated(outside, 3), ~outside, np.ones_like(outside))
    field = next(field for field in fields if field.all() or np.count_nonzero(field) >= _FEWEST)
    every = correlation(grey, structure, field)[0]
    some, area = correlation(grey, structure, field & ~clipped(grey))
    location = correlation(grey, depth, field)[0]
    if area >= _FEWEST:
        every = _COUNTS * every + (1 - _COUNTS) * some
    return every + _LOCATION * location


def _surely_exposed(frame: Frame, other: Frame) -> Box:
    """Return the box of what frames leave, where they are sure and that is little; else that of the image."""
    exposed = ~(frame.sure | other.sure)
    whole = (0, 0, *exposed.shape)
    if not exposed.any():
        return whole
    row0, column0, row1, column1 = box = box_of(exposed)
    return box if (row1 - row0) * (column1 - column0) <= _LITTLE * exposed.size else whole


@lru_cache(maxsize=32)
def _depth(shape: tuple[int, ...], box: Box) -> Grey:
    """Return how far from the border of a box a pixel is, in fractions of its sides, up to a bound."""
    down, across = (
        np.minimum(k := (np.arange(count) - first + 0.5) / (end - first), 1 - k)
        for count, first, end in zip(shape, box[:2], box[2:], strict=True)
    )
    depth = np.minimum(np.minimum(down[:, None], across), _DEEP).astype(np.float32)
    depth.setflags(write=False)
    return depth
