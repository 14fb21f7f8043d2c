"""Rotation alignment: the limb upright, fingers on top."""

from __future__ import annotations

from fxcore.body_parts import covers
from fxcore.kernels import (
    Runs,
    close_rectangle,
    components,
    keep_components,
    open_rectangle,
    principal_axis,
    rotate,
)
from fxcore.steps.axis import limb_axis
from fxcore.steps.config import AlignmentConfig
from fxcore.steps.distal import distal_margin, end_margin
from fxcore.steps.overview import Overview, Overviews
from fxcore.study import Radiograph, Study

# "medial": in doubt, as where both ends look alike, the end that is up stays there: most radiographs are
# stored as they are to be looked at.
_DOUBT = 0.4
# "medial": what has no length, and within which a limb stands out so clearly, in thresholds of noise, is the
# exposed field and not the anatomy; within a pelvis nothing does.
_FIELD = 2.0


def align_rotation(study: Study, config: AlignmentConfig, seen: Overviews | None = None) -> Study:
    """Rotate each radiograph so that the limb's principal axis is vertical, distal end on top.

    See `fxcore.steps.axis.limb_axis` for the default method; with ``"pca"`` it is Otsu threshold, closing,
    opening, principal axis. The grey image is rotated on a canvas grown so that nothing is cut off. Steps
    that share `seen` look at an image once between them.

    Writes ``alignment`` (``"aligned"``, ``"upright"`` where it was already, ``"no_clear_axis"`` where
    it is left alone, ``"as_stored"`` where its part is no limb and was not looked at), ``alignment_method``,
    ``rotation_degrees`` (counter-clockwise), ``elongation`` and ``distal_margin`` (above zero: distal end
    seen on top before a turn by 180 degrees was considered; the nearer to zero, the less sure); a radiograph
    that has them is left alone.
    """
    seen = seen or Overviews()
    return Study(
        study.study_id, study.label, [_aligned(radiograph, config, seen) for radiograph in study.radiographs]
    )


def _aligned(radiograph: Radiograph, config: AlignmentConfig, seen: Overviews) -> Radiograph:
    if radiograph.metadata.get("alignment"):
        return radiograph
    image = radiograph.image
    marks = {
        "alignment": "as_stored",
        "alignment_method": "",
        "rotation_degrees": "0",
        "elongation": "",
        "distal_margin": "",
    }
    judged = radiograph.metadata.get("body_part", "")
    if any(covers(part, judged) for part in config.as_stored):
        return Radiograph(image, radiograph.metadata | marks)
    if config.method == "pca":
        least = config.pca_min_elongation
        elongation, tilt, margin = _by_mask(seen.above_otsu(image)[1], config)
    else:
        least = config.min_elongation
        elongation, tilt, margin = _by_medial_line(seen.of(image).nearer(image), least)
    marks |= {
        "alignment": "no_clear_axis",
        "alignment_method": config.method,
        "elongation": f"{elongation:.3f}" if elongation else "",
    }
    if elongation < least:
        return Radiograph(image, radiograph.metadata | marks)
    degrees = tilt if abs(tilt) >= config.min_degrees else 0.0
    if config.fingers_up and margin < -(_DOUBT if config.method == "medial" else 0):
        degrees = degrees + 180 if degrees <= 0 else degrees - 180
    degrees = round(degrees, 2)
    marks |= {
        "alignment": "aligned" if degrees else "upright",
        "rotation_degrees": f"{degrees:zg}",
        "distal_margin": f"{margin:z.3f}",
    }
    return Radiograph(rotate(image, degrees) if degrees else image, radiograph.metadata | marks)


def _by_medial_line(seen: Overview, least: float) -> tuple[float, float, float]:
    """Return elongation (0: no limb), tilt and distal margin from the medial line of the main limb."""
    found = limb_axis(seen)
    if seen.limb is not None and found.elongation < least:
        within = seen.within(seen.limb)
        if within.ground.clear >= _FIELD and (limb := limb_axis(within)).elongation >= least:
            found = limb
    if found.lines is None:
        return 0.0, 0.0, 0.0
    return found.elongation, found.degrees, end_margin(found.lines)


def _by_mask(foreground: Runs, config: AlignmentConfig) -> tuple[float, float, float]:
    """Return elongation (0: no limb), tilt and distal margin from the published mask."""
    mask = _limb_mask(foreground, config)
    axis = principal_axis(mask)
    if axis.area == 0 or axis.elongation < config.pca_min_elongation:
        return axis.elongation if axis.area else 0.0, 0.0, 0.0
    degrees = axis.angle_degrees if abs(axis.angle_degrees) >= config.min_degrees else 0.0
    return axis.elongation, axis.angle_degrees, distal_margin(mask, degrees)


def _limb_mask(foreground: Runs, config: AlignmentConfig) -> Runs:
    """Return the foreground, closed and opened, without its small components."""
    side = 2 * (max(3, round(config.element_fraction * max(foreground.shape))) // 2) + 1
    mask = open_rectangle(close_rectangle(foreground, side, side), side, side)
    found = components(mask)
    if found.count > 1:
        mask = keep_components(mask, found, found.area >= config.min_component_fraction * found.area.max())
    return mask
