"""Where a limb lies in its image: centred as a radiographer would, the distal radius always in view."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fxcore.phantom.identity import Patient
from fxcore.phantom.plan import LimbPlan, RadiographPlan
from fxcore.phantom.solids import Pose


def place(
    rng: np.random.Generator,
    plan: RadiographPlan,
    limb: LimbPlan,
    position: int,
    patient: Patient,
    anatomy: str,
    rows: int,
    columns: int,
) -> Pose:
    """Pose of the limb at this position, counted from the left, in an image of `rows` by `columns`."""
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
        # The thumb makes the hand lopsided: its middle is not its axis.
        lopsided = 8.0 * per_mm * (1 if flip else -1) * (-1 if abs(limb.angle) < 90 else 1)
        column = wide * ((0 if plan.joined else position) + 0.5) + lopsided
        drift *= (1.0, 0.2)
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
