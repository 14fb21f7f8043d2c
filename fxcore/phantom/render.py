"""From a radiograph's plan to its pixels as displayed: bright bones on dark, before any inversion."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._jit import kernel
from fxcore.phantom import raster
from fxcore.phantom.anatomy import Build, Fracture, wrist_front, wrist_side
from fxcore.phantom.extras import with_cast, with_metal
from fxcore.phantom.identity import Patient, stream
from fxcore.phantom.joints import joint_front, joint_side
from fxcore.phantom.nuisance import Field, collimate, draw_marker, shutter
from fxcore.phantom.plan import LimbPlan, RadiographPlan
from fxcore.phantom.solids import Limb, Pose, Tube, add_blob, add_tube, texture

_SOFT = np.float32(0.0135)
_BONE = np.float32(0.045)
"""Attenuation a millimetre of soft tissue and of compact bone, at the energies of extremity radiography."""

LEAST_THICKNESS = 1.0
"""Millimetres of tissue that count as limb when its box is measured."""


@dataclass(frozen=True)
class Picture:
    """A radiograph as displayed.

    Attributes
    ----------
    display : numpy.ndarray
        ``float32``, shape ``(rows, columns)``, 0 black to 1 white.
    boxes : tuple of tuple of int
        ``row0, column0, row1, column1`` of each limb, half open, in the order of the plan's limbs.
    field : Field
        The exposed rectangle; all of the image where nothing is collimated.
    """

    display: NDArray[np.float32]
    boxes: tuple[tuple[int, int, int, int], ...]
    field: Field


@kernel
def _expose(soft, bone, texture, cell, levels, gradient):
    """Displayed brightness of the attenuation along each ray.

    `soft` holds the fourth power of the thickness; `levels` are background, white, exposure and curve.
    """
    rows, columns = soft.shape
    out = np.empty((rows, columns), dtype=np.float32)
    background, white, exposure, streaks = levels
    span = white - background
    for row in range(rows):
        down = np.float32(row) / np.float32(rows) - np.float32(0.5)
        p = np.int64(row * cell) & 511
        for column in range(columns):
            across = np.float32(column) / np.float32(columns) - np.float32(0.5)
            light = np.float32(1.0) + gradient[0] * down + gradient[1] * across
            thick = soft[row, column]
            value = background
            if thick > 0.0 or bone[row, column] > 0.0:
                thick = math.sqrt(math.sqrt(thick))
                # Muscle and fat are streaky, along the limb more than across it.
                thick *= np.float32(1.0) + streaks * texture[p, np.int64(column * cell) & 511]
                path = _SOFT * thick + _BONE * bone[row, column]
                value = background + span * (np.float32(1.0) - math.exp(-exposure * path))
            out[row, column] = value * light
    return out


@kernel
def _grain(image, noise, strength):
    """Add quantum noise in place: fewer photons reach where the image is bright."""
    rows, columns = image.shape
    floor = np.float32(0.25)
    for row in range(rows):
        for column in range(columns):
            value = image[row, column]
            value += strength * (floor + value) * noise[row, column]
            image[row, column] = min(max(value, np.float32(0.0)), np.float32(1.0))


def render(plan: RadiographPlan, patient: Patient, anatomy: str) -> Picture:
    """Draw the radiograph: anatomy, exposure, blur, noise, collimator, marker.

    Parameters
    ----------
    plan : RadiographPlan
    patient : Patient
        Gives the size of the limb and the thickness of its cortex.
    anatomy : str
        ``"wrist"``, ``"hand"`` or ``"joint"``.
    """
    rng = stream(*plan.pixel_key)
    build = _build(rng, plan, patient)
    if not plan.joined:
        return _picture(rng, plan, plan.limbs, patient, build, anatomy, plan.rows, plan.columns)
    half = plan.columns // 2
    left = _picture(rng, plan, plan.limbs[:1], patient, build, anatomy, plan.rows, half)
    right = _picture(rng, plan, plan.limbs[1:], patient, build, anatomy, plan.rows, plan.columns - half)
    return _joined(rng, left, right)


def _joined(rng: np.random.Generator, left: Picture, right: Picture) -> Picture:
    """Two pictures side by side, as a console or a scanner puts them: some with a strip between."""
    display = np.hstack([left.display, right.display])
    rows, columns = display.shape
    half = left.display.shape[1]
    strip = int(columns * rng.uniform(0.003, 0.012)) if rng.random() < 0.4 else 0
    display[:, half - strip : half + strip] = rng.choice([0.0, 1.0])
    before, after = Field(0, 0, rows, half - strip), Field(0, half + strip, rows, columns)
    boxes = [before.clip(box) for box in left.boxes]
    boxes += [after.clip((r0, c0 + half, r1, c1 + half)) for r0, c0, r1, c1 in right.boxes]
    return Picture(display, tuple(boxes), Field(0, 0, rows, columns))


def _build(rng: np.random.Generator, plan: RadiographPlan, patient: Patient) -> Build:
    return Build(
        cortex=patient.cortex,
        density=float(np.clip(patient.cortex * rng.normal(1, 0.15), 0.4, 1.6)),
        spread=float(np.clip(rng.normal(0.06, 0.08), -0.04, 0.26)),
        flex=float(abs(rng.normal(0, 0.09))),
        flesh=float(np.clip(rng.normal(1.0, 0.07), 0.85, 1.25)),
        obliquity=float(rng.uniform(0.6, 1.0)) if plan.view == "OBL" else float(abs(rng.normal(0, 0.08))),
        growing=patient.age < 16,
        jitter=tuple(float(x) for x in np.clip(rng.standard_normal(16), -2, 2)),
    )


def _fracture(rng: np.random.Generator, side_view: bool) -> Fracture:
    """Draw a fracture of the distal radius as this view shows it."""
    # A fall on the outstretched hand tilts the fragment dorsally; from the front either way.
    sign = -1.0 if side_view else float(rng.choice([-1, 1]))
    steepest = 0.32 if side_view else 0.13
    return Fracture(
        station=float(rng.uniform(20, 31)) - (4.0 if side_view else 0.0),
        slope=float(rng.uniform(-0.45, 0.45)),
        gap=float(rng.uniform(0.5, 0.95)),
        step=sign * (0.5 + 2.7 * float(rng.random()) ** 1.5),
        angle=sign * (0.15 + 0.85 * float(rng.random()) ** 1.5) * steepest,
        lucency=float(rng.uniform(0.5, 0.85)),
    )


def _limb(rng: np.random.Generator, limb: LimbPlan, plan: RadiographPlan, build: Build, anatomy: str) -> Limb:
    side_view = plan.view == "LAT"
    # Drawn whether used or not, so that a broken wrist is otherwise the very same wrist.
    fracture = _fracture(rng, side_view)
    shown = fracture if limb.fractured else None
    if anatomy == "joint":
        return (joint_side if side_view else joint_front)(build, shown)
    drawn = (wrist_side if side_view else wrist_front)(build, shown)
    if plan.metal:
        drawn = with_metal(drawn, plan.metal, side_view, rng)
    if plan.cast:
        drawn = with_cast(drawn, side_view, build.flesh, rng)
    return drawn


def _picture(
    rng: np.random.Generator,
    plan: RadiographPlan,
    limbs: tuple[LimbPlan, ...],
    patient: Patient,
    build: Build,
    anatomy: str,
    rows: int,
    columns: int,
) -> Picture:
    shape = (rows, columns)
    soft = np.zeros(shape, dtype=np.float32)
    bone = np.zeros(shape, dtype=np.float32)
    field = collimate(rng, plan.collimator, rows, columns)
    boxes = []
    for i, limb in enumerate(limbs):
        drawn = _limb(rng, limb, plan, build, anatomy)
        pose = _pose(rng, plan, limb, i, len(limbs), patient, anatomy, rows, columns)
        start = rng.uniform(0, 400, 2)
        grain = (float(start[0]), float(start[1]), 4.5, 7.5, 0.28)
        alone = np.zeros(shape, dtype=np.float32) if len(limbs) > 1 else soft
        for part in drawn.soft:
            add_tube(alone, part, pose, fourth=True)
        outline = alone
        if drawn.cast:
            outline = alone.copy()
            for part in drawn.cast:
                add_tube(outline, part, pose, fourth=True)
        boxes.append(field.clip(raster.bounds(outline, np.float32(LEAST_THICKNESS**4))))
        if alone is not soft:
            soft += alone
        for solid in (*drawn.bones, *drawn.cast, *drawn.metal):
            if isinstance(solid, Tube):
                add_tube(bone, solid, pose, grain=grain)
            else:
                add_blob(bone, solid, pose, grain)
    display = _exposed(rng, plan, limbs, soft, bone, field)
    return Picture(display, tuple(boxes), field)


def _pose(
    rng: np.random.Generator,
    plan: RadiographPlan,
    limb: LimbPlan,
    position: int,
    count: int,
    patient: Patient,
    anatomy: str,
    rows: int,
    columns: int,
) -> Pose:
    """Where the limb lies in the image."""
    angle = math.radians(limb.angle)
    flip = limb.laterality == "L" if plan.view != "LAT" else bool(rng.random() < 0.5)
    centred = {"wrist": rng.uniform(12, 48), "hand": rng.uniform(75, 100), "joint": rng.uniform(-15, 15)}[
        anatomy
    ]
    drift = rng.normal(0, 0.03, 2)
    column = columns / 2
    if len(plan.limbs) > 1:
        wide = columns if plan.joined else columns / 2
        per_mm = wide / (195.0 * patient.size)
        column = wide * (position + 0.5) if count > 1 else wide * 0.5 if not plan.joined else columns / 2
        # The thumb makes the hand lopsided: its middle is not its axis.
        column += (8.0 if limb.laterality == "R" else -8.0) * per_mm * (1 if abs(limb.angle) < 90 else -1)
        drift = drift * np.array([1.0, 0.2])
        centred = 45.0
    else:
        per_mm = max(rows, columns) / plan.height_mm
    along = per_mm * float(centred) * patient.size
    pose = Pose(
        row=rows * (0.5 + float(drift[0])) + along * math.cos(angle),
        column=column + columns * float(drift[1]) - along * math.sin(angle),
        pixels_per_mm=per_mm * patient.size,
        angle=angle,
        mirrored=flip,
    )
    return _with_radius_in_view(pose, rows, columns if len(plan.limbs) == 1 else None)


def _with_radius_in_view(pose: Pose, rows: int, columns: int | None) -> Pose:
    """Shift the limb so that the distal radius, broken or not, is well within the collimated field.

    `columns` is None where the limb may not move sideways, for it has a neighbour.
    """
    across = (9.0 if pose.mirrored else -9.0) * pose.pixels_per_mm
    down = 18.0 * pose.pixels_per_mm
    row = pose.row + across * math.sin(pose.angle) + down * math.cos(pose.angle)
    column = pose.column + across * math.cos(pose.angle) - down * math.sin(pose.angle)
    row_shift = min(max(row, 0.17 * rows), 0.83 * rows) - row
    column_shift = 0.0
    if columns is not None:
        column_shift = min(max(column, 0.17 * columns), 0.83 * columns) - column
    return replace(pose, row=pose.row + row_shift, column=pose.column + column_shift)


def _exposed(
    rng: np.random.Generator,
    plan: RadiographPlan,
    limbs: tuple[LimbPlan, ...],
    soft: NDArray[np.float32],
    bone: NDArray[np.float32],
    field: Field,
) -> NDArray[np.float32]:
    levels = tuple(
        np.float32(x) for x in (rng.uniform(0.02, 0.16), rng.uniform(0.82, 1.0), rng.uniform(0.8, 1.7), 0.035)
    )
    gradient = tuple(np.float32(x) for x in rng.normal(0, 0.07, 2))
    cell = 400.0 / max(soft.shape)
    display: NDArray[np.float32] = _expose(soft, bone, texture(), cell, levels, gradient)
    edge, worn = rng.random(2)
    if worn < 0.2:
        # A plate reader's lines: each column with a gain of its own.
        display *= 1 + np.float32(0.012) * rng.standard_normal(display.shape[1], dtype=np.float32)
    if plan.collimator:
        shutter(display, field, 0.01 if plan.collimator == "dark" else float(rng.uniform(0.85, 0.97)))
    if plan.marker:
        draw_marker(rng, display, field, limbs[0].laterality, plan.view, plan.marker == "letter+text")
    display = raster.blur(display, float(rng.uniform(0.05, 0.25)))
    noise = rng.standard_normal(display.shape, dtype=np.float32)
    _grain(display, noise, np.float32(rng.uniform(0.008, 0.03)))
    if plan.collimator == "dark" and edge < 0.5:
        # An electronic shutter, drawn by the console, has no noise.
        shutter(display, field, 0.0)
    return display
