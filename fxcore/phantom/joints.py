"""Other anatomy, for studies that are not of a wrist: two bones that meet one, as at an elbow or ankle."""

from __future__ import annotations

from dataclasses import replace

from fxcore.phantom.anatomy import FOREARM, Build, Fracture
from fxcore.phantom.solids import Blob, Limb, Points, Tube, outline, profile

_UPPER: Points = (
    (0, -14, -6, 2), (2.5, -19, -1, 7), (5, -21, 15, 10), (8, -22, 20, 12), (14, -27, 24, 12),
    (22, -26, 23, 10), (34, -17, 16, 9), (55, -12, 12, 10), (96, -11, 11, 10.5),
)  # fmt: skip
_THICK: Points = (
    (0, -9, 8, 6), (2, -11.5, 11, 9), (8, -12, 11.5, 10), (16, -9, 9, 8.5), (24, -8.5, 9.5, 8),
    (40, -7.5, 7.5, 7), (96, -7, 7, 7),
)  # fmt: skip
_THIN: Points = (
    (0, -6, 6, 5), (1.5, -9, 9, 8), (7, -9.5, 9.5, 8.5), (13, -6.5, 6.5, 6), (24, -7, 7, 6.2),
    (40, -6, 6, 5.6), (96, -6, 6, 5.6),
)  # fmt: skip
_WALL: Points = ((0, 0.8), (12, 0.9), (28, 1.6), (50, 2.8), (96, 3.4))


def joint_front(build: Build, fracture: Fracture | None = None) -> Limb:
    """One bone below, two above, a cap behind: an elbow or ankle from the front."""
    return _joint(build, fracture, 1.0)


def joint_side(build: Build, fracture: Fracture | None = None) -> Limb:
    """The same from the side: narrower, the two bones overlapping."""
    return _joint(build, fracture, 0.55)


def _joint(build: Build, fracture: Fracture | None, width: float) -> Limb:
    j = build.jitter

    def bone(
        points: Points, top: tuple[float, float], foot: tuple[float, float], fracture: Fracture | None
    ) -> Tube:
        narrowed = tuple(
            (t, a * (0.35 + 0.65 * width), b * (0.35 + 0.65 * width), c) for t, a, b, c in points
        )
        table, span = profile(narrowed, tuple((t, w * build.cortex) for t, w in _WALL), end_wall=1.0)
        density = (1.0, 0.3 * build.density)
        if fracture is None:
            return Tube(top, foot, table, span, density)
        return Tube(top, foot, table, span, density, replace(fracture, step=1.6 * fracture.step).packed())

    centre, line = outline(((-10, 3), (0, 8), (10, 4), (11, -12), (0, -18), (-11, -10)))
    bones = (
        bone(_UPPER, (0.0, -2.0), (4.0 * j[0], FOREARM), fracture),
        bone(_THICK, (12.0 * width, 1.0), (10.0 * width + 8 * j[1], -FOREARM), None),
        bone(_THIN, (-12.0 * width, 1.5), (-16.0 * width + 8 * j[2], -FOREARM), None),
        Blob((centre[0] + 2 * j[3], centre[1] + 5), line, 6.0, 1.0, (1.0, 0.3 * build.density)),
    )
    flesh = build.flesh * (0.72 + 0.28 * width)
    points = tuple(
        (t, -half * flesh, half * flesh, deep * build.flesh)
        for t, half, deep in (
            (0, 50, 30),
            (100, 45, 27),
            (170, 41, 23),
            (215, 43, 23),
            (300, 41, 22),
            (400, 31, 19),
        )
    )
    table, span = profile(points, 0.0)
    soft = Tube((0.0, -200.0), (0.0, -FOREARM), table, span)
    below = Tube(
        (0.0, -190.0),
        (0.0, FOREARM),
        profile(((0, -50 * flesh, 50 * flesh, 30), (99, -53 * flesh, 53 * flesh, 32)), 0.0)[0],
        99.0,
    )
    return Limb(bones, (soft, below))
