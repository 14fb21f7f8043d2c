"""What is on a limb besides the limb: plaster, plates, screws and wires, in the limb's millimetres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fxcore.phantom.anatomy import FOREARM
from fxcore.phantom.solids import Limb, Tube, profile

PLASTER = (0.20, 0.0)
STEEL = (14.0, 0.0)


def with_cast(limb: Limb, side_view: bool, flesh: float, rng: np.random.Generator) -> Limb:
    """The limb in a forearm cast: a shell of plaster from the palm to below the elbow."""
    thick = float(rng.uniform(5, 10))
    end = float(rng.uniform(-235, -120))
    wrist, palm, elbow, depth = (21.0, 21.0, 36.0, 34.0) if side_view else (32.5, 42.0, 46.0, 24.0)
    along = np.arange(0.0, 74.0 - end, 7.0)
    knots = (0, 30, 72, 110, 190, 300)
    half = np.interp(along, knots, (palm, 0.94 * palm, wrist, 1.04 * wrist, 0.5 * (wrist + elbow), elbow))
    deep = depth * np.interp(along, knots, (0.8, 0.85, 1.0, 1.0, 1.15, 1.3))
    # Bandages are wound: the thickness wavers from turn to turn, and thins out at the ends.
    layers = thick * np.clip(rng.normal(1.0, 0.13, (2, along.size)), 0.6, 1.4)
    layers[:, [0, -1]] *= 0.35
    outer = tuple(
        (float(t), float(-h * flesh - a), float(h * flesh + b), float(d * flesh + 0.5 * (a + b)))
        for t, h, d, a, b in zip(along, half, deep, *layers, strict=True)
    )
    wall = tuple((float(t), float(w)) for t, w in zip(along, layers.min(axis=0), strict=True))
    table, span = profile(outer, wall)
    shell = Tube((0.0, 74.0), (0.0, max(74.0 - span, FOREARM)), table, span, PLASTER)
    return replace(limb, cast=(shell,))


def with_metal(limb: Limb, kind: str, side_view: bool, rng: np.random.Generator) -> Limb:
    """The limb with a volar plate and screws (``plate``) or two Kirschner wires (``wires``)."""
    if kind == "wires":
        parts = [
            _rod((-19.0 + rng.uniform(-1, 3), 12.0), (3.0 + rng.uniform(-3, 3), -48.0), 0.8),
            _rod((-15.0 + rng.uniform(-2, 2), 14.0), (-5.0 + rng.uniform(-4, 2), -60.0), 0.8),
        ]
        if side_view:
            parts = [_rod((-7.0, 12.0), (4.0, -50.0), 0.8), _rod((5.0, 13.0), (-4.0, -58.0), 0.8)]
        return replace(limb, metal=tuple(parts))
    holes = int(rng.integers(3, 6))
    foot = -24.0 - 9.0 * holes
    if side_view:
        parts = [_rod((9.6, 1.0), (8.4, -16.0), 1.0), _rod((8.4, -16.0), (7.4, foot), 1.1)]
        parts += [_rod((8.0, -2.0 - 4 * k), (-7.5, -0.5 - 4 * k), 1.0) for k in range(2)]
        parts += [_rod((7.8, -26.0 - 9 * k), (-6.6, -26.0 - 9 * k), 1.3) for k in range(holes)]
    else:
        head = profile(
            ((0, -10, 10, 1.0), (7, -10.5, 10.5, 1.0), (15, -4.6, 4.6, 1.2), (30, -4.2, 4.2, 1.2)), 0.0
        )
        parts = [Tube((-8.6, 1.0), (-11.6, foot), head[0], head[1], STEEL)]
        parts += [_rod((-16.0 + 4.4 * k, -1.5), (-15.6 + 4.4 * k, 6.0), 1.1) for k in range(4)]
        parts += [_rod((-10.2 - 0.02 * k, -24.0 - 9 * k), (-10.2, -27.6 - 9 * k), 1.8) for k in range(holes)]
    return replace(limb, metal=tuple(parts))


def _rod(start: tuple[float, float], end: tuple[float, float], radius: float) -> Tube:
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    table, span = profile(((0, -radius, radius, radius), (length, -radius, radius, radius)), 0.0)
    return Tube(start, end, table, span, STEEL)
