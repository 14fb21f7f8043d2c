"""From a radiograph's plan to its pixels as displayed: bright bones on dark, before any inversion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.phantom import raster
from fxcore.phantom.anatomy import Build, Fracture, wrist_front, wrist_side
from fxcore.phantom.exposure import expose
from fxcore.phantom.extras import with_cast, with_metal
from fxcore.phantom.identity import Patient, stream
from fxcore.phantom.joints import joint_front, joint_side
from fxcore.phantom.nuisance import Field, collimate
from fxcore.phantom.placing import place
from fxcore.phantom.plan import LimbPlan, RadiographPlan
from fxcore.phantom.solids import Limb, Tube, add_blob, add_tube

LEAST_THICKNESS = 1.0
"""Millimetres of tissue that count as limb when its box is measured."""

LARGEST_STEP, LARGEST_ANGLE = 12.0, 0.7
"""Millimetres and radians beyond which no fragment is moved and tilted."""


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


def render(plan: RadiographPlan, patient: Patient, anatomy: str, displacement: float = 1.0) -> Picture:
    """Draw the radiograph: anatomy, exposure, blur, noise, collimator, marker.

    Parameters
    ----------
    plan : RadiographPlan
    patient : Patient
        Gives the size of the limb and the thickness of its cortex.
    anatomy : str
        ``"wrist"``, ``"hand"`` or ``"joint"``.
    displacement : float
        How much further than usual the fragment of a fracture is moved and tilted.
    """
    rng = stream(*plan.pixel_key)
    build = _build(rng, plan, patient)
    if not plan.joined:
        return _picture(rng, plan, plan.limbs, patient, build, anatomy, plan.rows, plan.columns, displacement)
    half = plan.columns // 2
    left = _picture(rng, plan, plan.limbs[:1], patient, build, anatomy, plan.rows, half, displacement)
    right = _picture(
        rng, plan, plan.limbs[1:], patient, build, anatomy, plan.rows, plan.columns - half, displacement
    )
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


def _fracture(rng: np.random.Generator, side_view: bool, displacement: float) -> Fracture:
    """Draw a fracture of the distal radius as this view shows it."""
    # A fall on the outstretched hand tilts the fragment dorsally; from the front either way.
    sign = -1.0 if side_view else float(rng.choice([-1, 1]))
    steepest = 0.32 if side_view else 0.13
    return Fracture(
        station=float(rng.uniform(20, 31)) - (4.0 if side_view else 0.0),
        slope=float(rng.uniform(-0.45, 0.45)),
        gap=float(rng.uniform(0.5, 0.95)),
        step=sign * min(displacement * (0.5 + 2.7 * float(rng.random()) ** 1.5), LARGEST_STEP),
        angle=sign * min(displacement * (0.15 + 0.85 * float(rng.random()) ** 1.5) * steepest, LARGEST_ANGLE),
        lucency=float(rng.uniform(0.5, 0.85)),
    )


def _limb(
    rng: np.random.Generator,
    limb: LimbPlan,
    plan: RadiographPlan,
    build: Build,
    anatomy: str,
    displacement: float,
) -> Limb:
    side_view = plan.view == "LAT"
    # Drawn whether used or not, so that a broken wrist is otherwise the very same wrist.
    fracture = _fracture(rng, side_view, displacement)
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
    displacement: float,
) -> Picture:
    shape = (rows, columns)
    soft = np.zeros(shape, dtype=np.float32)
    bone = np.zeros(shape, dtype=np.float32)
    field = collimate(rng, plan.collimator, rows, columns)
    boxes = []
    for i, limb in enumerate(limbs):
        drawn = _limb(rng, limb, plan, build, anatomy, displacement)
        pose = place(rng, plan, limb, i, patient, anatomy, rows, columns)
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
    display = expose(rng, plan, limbs, soft, bone, field)
    return Picture(display, tuple(boxes), field)
