"""Wrists in millimetres: bones and soft tissue of a hand and forearm, seen from the front or the side.

The limb's frame has its origin at the middle of the radiocarpal joint, y from the forearm towards the
fingers and, seen from the front, x from the thumb (negative) towards the little finger. Seen from the
side, x runs from the back of the hand (negative) to the palm. Dimensions are those of an adult of average
size, after the usual morphometry of the distal radius: inclination about 23 degrees, volar tilt about 11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.phantom.solids import Blob, Limb, Points, Tube, finger_skin, outline, profile, shaft

FOREARM = -420.0
"""Where the forearm is cut, y in millimetres: far enough that it always leaves the image."""


@dataclass(frozen=True)
class Fracture:
    """A fracture of the distal radius, as one view shows it.

    Attributes
    ----------
    station : float
        Millimetres from the tip of the radius to the line, in the middle of the bone.
    slope : float
        Millimetres the line runs along the bone for each across it.
    gap : float
        Half width of the lucent line, millimetres.
    step : float
        Millimetres the distal fragment is displaced sideways: the cortical step.
    angle : float
        Radians the distal fragment is tilted (dorsally, seen from the side).
    lucency : float
        Fraction of the bone missing in the middle of the line.
    """

    station: float
    slope: float
    gap: float
    step: float
    angle: float
    lucency: float

    def packed(self) -> NDArray[np.float64]:
        jaggedness = 0.45
        return np.array(
            [1, self.station, self.slope, self.gap, self.step, math.tan(self.angle), self.lucency, jaggedness]
        )


@dataclass(frozen=True)
class Build:
    """One patient's build and one exposure's pose.

    Attributes
    ----------
    cortex : float
        Thickness of the cortex relative to an adult of 40 (thin in the old).
    density : float
        Trabecular density, relative.
    spread : float
        Radians between neighbouring fingers beyond the resting fan.
    flex : float
        Radians of finger flexion (seen from the side, finger by finger).
    flesh : float
        Thickness of soft tissue relative to the average.
    obliquity : float
        0 seen from the front, 1 turned by 45 degrees.
    jitter : tuple of float
        Sixteen standard normal numbers that make this wrist unlike the next.
    """

    cortex: float
    density: float
    spread: float
    flex: float
    flesh: float
    obliquity: float
    jitter: tuple[float, ...]


_RADIUS_FRONT: Points = (
    (0, -12.5, -11, 0.5), (2, -13.6, -8.5, 4), (5, -14.6, -3, 7), (8.5, -15.2, 4, 9.5), (11, -15.3, 10, 10.5),
    (13, -15.3, 14, 11), (16, -15, 15, 11), (20, -13.8, 14, 10.5), (26, -11.6, 11, 9.5), (34, -9.4, 8.6, 8),
    (46, -7.8, 7, 7), (64, -7, 6.5, 6.5), (96, -7, 7, 6.5),
)  # fmt: skip
_ULNA_FRONT: Points = (
    (0, 5.5, 6.4, 0.8), (2, 4.7, 7.4, 2), (5, 3.8, 8, 3), (6.4, -4, 8.1, 4.5), (8, -7.2, 8.2, 6), (11, -8.3, 8.1, 7),
    (17, -7.4, 7.3, 6.6), (28, -5.7, 5.7, 5.4), (46, -5.2, 5.2, 5), (96, -5.8, 5.8, 5.4),
)  # fmt: skip
_RADIUS_SIDE: Points = (
    (0, -8.6, -7.6, 2), (2, -10, -2, 9), (4.4, -10.6, 8, 12), (7, -10.8, 10.4, 13), (13, -10.4, 11, 13.5),
    (20, -8.8, 10, 12), (30, -7.4, 7.8, 9), (44, -6.6, 6.6, 7.5), (70, -6.3, 6.2, 7), (96, -6.4, 6.2, 7),
)  # fmt: skip
_ULNA_SIDE: Points = (
    (0, -4.4, -3, 0.8), (2, -5.2, -1.8, 2), (4.4, -6, 2, 4), (6.5, -6.8, 6, 7), (11, -7, 7, 8), (18, -6, 6, 7),
    (30, -5.2, 5.2, 5.6), (48, -5, 5, 5.2), (96, -5.4, 5.4, 5.6),
)  # fmt: skip
_RADIUS_WALL: Points = ((0, 0.8), (8, 0.7), (20, 0.9), (32, 1.5), (50, 2.5), (96, 3.1))
_ULNA_WALL: Points = ((0, 0.7), (10, 0.8), (20, 1.2), (36, 1.9), (96, 2.7))

# Corners of the carpal bones seen from the front, their half depth, and how far an oblique view shifts them.
_CARPALS: dict[str, tuple[Points, float, float]] = {
    "scaphoid": (((-5, 6.5), (-9.5, 6.8), (-14, 9.6), (-18, 13.5), (-20, 19.5), (-18, 25), (-13, 25.2), (-11, 19), (-7, 14)), 6.0, 2.0),
    "lunate": (((-3.6, 5.5), (0.6, 2.6), (5.6, 2), (8, 6), (7.2, 12), (3, 14.6), (-2, 13.6), (-4.2, 9)), 7.0, 0.0),
    "triquetrum": (((9.6, 5), (14, 5), (18, 9), (18, 14), (14, 17.4), (9.6, 14.4), (8.6, 9)), 6.0, -2.5),
    "pisiform": (((11, 8), (16, 7), (19, 11), (16, 15.4), (11.6, 14.4)), 4.2, 5.5),
    "trapezium": (((-20.5, 27), (-14.4, 26.6), (-12.4, 31), (-14, 37.4), (-20, 38.6), (-25.4, 33.5)), 6.0, 4.0),
    "trapezoid": (((-12, 27.4), (-8, 26), (-5.8, 31), (-7, 37.6), (-11.5, 37.6), (-13, 31.5)), 6.0, 1.5),
    "capitate": (((-5, 17.5), (0, 15.8), (5, 17.2), (6.2, 24), (5.6, 34), (2.4, 38.4), (-4, 37.8), (-5.2, 28), (-5.6, 22)), 7.5, 0.0),
    "hamate": (((7.4, 18), (12, 18.6), (17, 19.4), (19.4, 27), (18.4, 35), (12.4, 37.4), (7.4, 36), (7, 27)), 6.5, -2.0),
}  # fmt: skip
# The same seen from the side: corners and half depth; they overlap almost entirely.
_CARPALS_SIDE: dict[str, tuple[Points, float]] = {
    "lunate": (((-8, 8), (-6, 4), (0, 2.6), (7, 5), (8.4, 10), (5, 14), (0, 11.5), (-5, 13.5)), 6.0),
    "scaphoid": (((-5, 8), (1, 6), (8, 14), (13, 22), (10, 26.5), (4, 23), (-2, 16)), 5.5),
    "triquetrum": (((-9, 9), (-3, 6), (3, 10), (2, 17), (-5, 18)), 5.0),
    "pisiform": (((7, 9), (12, 8), (14.5, 13), (11, 17), (7, 15)), 4.2),
    "capitate": (((-6, 15), (0, 13), (5.4, 16), (6, 26), (6.5, 37), (0, 39), (-6.6, 37.5), (-5.6, 26)), 6.0),
    "trapezium": (((4, 26), (11, 25.5), (14.5, 31), (12, 38), (5, 37)), 5.5),
    "hamate": (((-7, 19), (4, 18), (9, 27), (5, 35), (-6, 37)), 5.0),
}  # fmt: skip

# Finger by finger from the index: base x, base y, resting angle (degrees), metacarpal and phalanx lengths,
# half width of the metacarpal's head.
_RAYS = (
    (-10.0, 40.0, -8.0, (66.0, 40.0, 23.5, 17.0), 7.2),
    (0.0, 40.5, 0.0, (63.0, 44.0, 28.0, 17.5), 7.2),
    (8.6, 39.0, 8.0, (56.0, 41.0, 26.5, 17.5), 6.4),
    (16.0, 37.0, 16.5, (52.0, 32.5, 19.0, 16.0), 6.0),
)
_THUMB = (-22.5, 39.5, -38.0, (44.0, 30.5, 22.5), 7.4)


def _downwards(points: Points) -> Points:
    """Outlines given with ``d`` along x, for an axis that points down, whose ``d`` runs against x."""
    return tuple((t, -right, -left, depth) for t, left, right, depth in points)


def _forearm_bone(
    points: Points,
    wall: Points,
    top: tuple[float, float],
    foot_x: float,
    build: Build,
    fracture: Fracture | None,
) -> Tube:
    thinned = tuple((t, w * build.cortex) for t, w in wall)
    table, span = profile(_downwards(points), thinned, end_wall=0.9)
    packed = fracture.packed() if fracture is not None else np.zeros(8)
    if fracture is not None:
        packed[[2, 4, 5]] *= -1
    return Tube(top, (foot_x, FOREARM), table, span, (1.0, 0.30 * build.density), packed)


def _ray(
    x: float, y: float, angle: float, lengths: tuple[float, ...], head: float, curl: float, build: Build
) -> tuple[list[Tube], list[Tube]]:
    """Bones and skin of one finger, from its metacarpal; `curl` is added to the angle at each joint."""
    bones: list[Tube] = []
    skin: list[Tube] = []
    cortex = 2.3 * build.cortex
    for k, length in enumerate(lengths):
        dx, dy = math.sin(angle), math.cos(angle)
        end = (x + dx * length, y + dy * length)
        distal = k == len(lengths) - 1
        base = head * (1.02, 0.98, 0.86, 0.72)[k + 4 - len(lengths) if k else 0]
        waist = head * (0.6, 0.64, 0.56, 0.36)[k + 4 - len(lengths) if k else 0]
        tip = head * (1.0, 0.8, 0.68, 0.5)[k + 4 - len(lengths) if k else 0]
        table, span = shaft(length, base, waist, tip, cortex if k == 0 else 0.8 * cortex)
        bones.append(Tube((x, y), end, table, span, (1.0, 0.28 * build.density)))
        if k > 0:
            reach = length + (5.5 if distal else 6.0)
            wide = (11.4, 10.0, 8.8)[k + 3 - len(lengths)] * (head / 7.0) ** 0.5
            flesh, over = finger_skin(
                reach if distal else reach + 4, wide * build.flesh, wide * 0.9 * build.flesh, 0.82
            )
            back = 10.0 if k == 1 else 2.0
            start = (x - dx * back, y - dy * back)
            skin.append(
                Tube(
                    start,
                    (start[0] + dx * (over + back - 2), start[1] + dy * (over + back - 2)),
                    flesh,
                    over + back - 2,
                )
            )
        gap = 1.5
        x, y = end[0] + dx * gap, end[1] + dy * gap
        angle += curl
    return bones, skin


def wrist_front(build: Build, fracture: Fracture | None = None) -> Limb:
    """A wrist seen from the front (AP, PA), or obliquely where ``build.obliquity`` is positive."""
    j = build.jitter
    turn = build.obliquity
    squeeze = 1.0 - 0.25 * turn
    shift = fracture.step * 0.8 if fracture is not None else 0.0
    sag = 1.2 if fracture is not None else 0.0
    bones: list[Tube | Blob] = [
        _forearm_bone(
            _RADIUS_FRONT, _RADIUS_WALL, (-9.0 * squeeze, 11.0), -13.0 * squeeze + 2 * j[0], build, fracture
        ),
        _forearm_bone(
            _ULNA_FRONT,
            _ULNA_WALL,
            (16.2 * squeeze - 7 * turn, 3.0 + 1.1 * j[1]),
            12.0 * squeeze + 2 * j[2],
            build,
            None,
        ),
    ]
    for i, (corners, depth, drift) in enumerate(_CARPALS.values()):
        centre, line = outline(corners, 1.0 + 0.03 * j[3 + i % 5])
        x = centre[0] * squeeze + drift * turn + 0.4 * j[8 + i % 4] + shift
        bones.append(
            Blob((x, centre[1] - sag), line, depth, 0.75 * build.cortex, (1.0, 0.36 * build.density))
        )
    palm = tuple(
        (t, left * squeeze * build.flesh + shift, right * squeeze * build.flesh + shift, depth * build.flesh)
        for t, left, right, depth in (
            (0, -26, 27, 16), (22, -27.5, 28, 16.5), (40, -30, 31, 16), (62, -36, 36, 15), (90, -37.5, 40, 14),
            (118, -32, 40, 12.5), (134, -26, 34, 9), (140, -18, 22, 4),
        )
    )  # fmt: skip
    table, span = profile(palm, 0.0)
    soft = [
        Tube((0.0, -30.0), (0.0, 110.0), table, span),
        _forearm_skin(31.0 * squeeze, 44.0, 19.0, 32.0, build),
    ]
    for i, (x, y, degrees, lengths, head) in enumerate(_RAYS):
        angle = math.radians(degrees + 1.2 * j[12 + i]) * squeeze + build.spread * (i - 1.3) * 0.35
        metacarpal, skin = _ray(
            x * squeeze + shift, y - sag, angle, lengths, head, build.spread * (i - 1.3) * 0.5, build
        )
        bones += metacarpal
        soft += skin
    x, y, degrees, lengths3, head = _THUMB
    angle = math.radians(degrees + 5 * j[15]) - 0.3 * build.spread
    metacarpal, skin = _ray(
        x * squeeze + 3 * turn + shift, y - sag, angle, lengths3, head, 0.12 + 0.06 * j[14], build
    )
    bones += metacarpal
    soft += skin
    thenar, over = finger_skin(64.0, 19.0 * build.flesh, 13.0 * build.flesh, 0.8)
    reach = math.radians(degrees * 0.8)
    start = (-14.0 * squeeze + shift, 22.0)
    soft.append(Tube(start, (start[0] + 64 * math.sin(reach), start[1] + 64 * math.cos(reach)), thenar, over))
    return Limb(tuple(bones), tuple(soft))


def wrist_side(build: Build, fracture: Fracture | None = None) -> Limb:
    """A wrist seen from the side (lateral)."""
    j = build.jitter
    shift = fracture.step * 0.9 if fracture is not None else 0.0
    bones: list[Tube | Blob] = [
        _forearm_bone(_RADIUS_SIDE, _RADIUS_WALL, (0.5, 6.0), 2.0 + 3 * j[0], build, fracture),
        _forearm_bone(_ULNA_SIDE, _ULNA_WALL, (-2.5 + 1.5 * j[1], 0.5 + j[2]), -4.0 + 5 * j[3], build, None),
    ]
    for i, (corners, depth) in enumerate(_CARPALS_SIDE.values()):
        centre, line = outline(corners, 1.0 + 0.04 * j[4 + i % 5])
        bones.append(
            Blob(
                (centre[0] + 0.6 * j[8 + i % 4] + shift, centre[1]),
                line,
                depth,
                0.75 * build.cortex,
                (1.0, 0.3 * build.density),
            )
        )
    palm = tuple(
        (t, left * build.flesh + shift, right * build.flesh + shift, depth)
        for t, left, right, depth in (
            (0, -18, 19, 26), (26, -16, 18, 27), (44, -14, 20, 30), (70, -13, 22, 34), (100, -12.5, 19, 36),
            (124, -11, 15, 34), (138, -9, 11, 22), (144, -5, 6, 8),
        )
    )  # fmt: skip
    table, span = profile(palm, 0.0)
    soft = [Tube((0.0, -30.0), (0.0, 114.0), table, span), _forearm_skin(20.0, 34.0, 27.0, 38.0, build)]
    for i, (_, y, _, lengths, head) in enumerate(_RAYS):
        x = -2.5 + 1.6 * (i - 1.5) + shift
        angle = math.radians(1.5 + 2.2 * (i - 1) + 1.5 * j[12 + i])
        metacarpal, skin = _ray(
            x, y, angle, lengths, 0.85 * head, build.flex * (0.4 + 0.3 * i) + 0.03 * j[11], build
        )
        bones += metacarpal
        soft += skin
    _, y, _, lengths3, head = _THUMB
    metacarpal, skin = _ray(
        10.0 + shift, y - 3, math.radians(24 + 5 * j[15]), lengths3, head, -0.05 + 0.05 * j[14], build
    )
    bones += metacarpal
    soft += skin
    thenar, over = finger_skin(58.0, 13.0 * build.flesh, 11.0 * build.flesh, 1.0)
    soft.append(Tube((8.0 + shift, 18.0), (8.0 + shift + 26, 70.0), thenar, over))
    return Limb(tuple(bones), tuple(soft))


def _forearm_skin(wrist: float, elbow: float, thin: float, thick: float, build: Build) -> Tube:
    """Forearm from 34 mm past the joint down to its cut; half widths and half depths in millimetres."""
    points = (
        (0.0, -wrist * 0.8, wrist * 0.8, thin * 0.8),
        (24.0, -wrist * 0.98, wrist * 0.98, thin),
        (60.0, -wrist, wrist, thin),
        (130.0, -0.55 * (wrist + elbow), 0.55 * (wrist + elbow), 0.5 * (thin + thick)),
        (260.0, -elbow, elbow, thick),
    )
    scaled = tuple((t, a * build.flesh, b * build.flesh, c * build.flesh) for t, a, b, c in points)
    table, span = profile(_downwards(scaled), 0.0)
    return Tube((0.0, 34.0), (0.0, FOREARM), table, span)
