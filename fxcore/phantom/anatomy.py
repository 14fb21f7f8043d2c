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

from fxcore.phantom.outlines import (
    CARPALS,
    CARPALS_SIDE,
    RADIUS_FRONT,
    RADIUS_SIDE,
    RADIUS_WALL,
    RAYS,
    THUMB,
    ULNA_FRONT,
    ULNA_SIDE,
    ULNA_WALL,
)
from fxcore.phantom.solids import (
    STATIONS,
    Blob,
    Limb,
    Points,
    Tube,
    faded,
    finger_skin,
    outline,
    profile,
    shaft,
)

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

    @property
    def carried(self) -> float:
        """Millimetres the hand moves sideways with the distal fragment."""
        return self.step + math.tan(self.angle) * (self.station - 8.0)

    def packed(self) -> NDArray[np.float64]:
        jaggedness = 0.65
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
    growing : bool
        The growth plates of radius and ulna are open.
    jitter : tuple of float
        Sixteen standard normal numbers that make this wrist unlike the next.
    """

    cortex: float
    density: float
    spread: float
    flex: float
    flesh: float
    obliquity: float
    growing: bool
    jitter: tuple[float, ...]


@dataclass(frozen=True)
class _FingerBone:
    """Half widths in half widths of the metacarpal's head; wall and half width of the skin in millimetres."""

    base: float
    waist: float
    head: float
    wall: float
    skin: float


_FINGER = (
    _FingerBone(0.98, 0.56, 1.0, 2.4, 0.0),
    _FingerBone(1.02, 0.62, 0.80, 1.9, 11.4),
    _FingerBone(0.90, 0.54, 0.70, 1.8, 10.2),
    _FingerBone(0.76, 0.34, 0.56, 1.4, 9.0),
)


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
    t = np.linspace(0.0, span, STATIONS)
    table[6] = np.interp(t, (0, 18, 34, 60), (1.0, 1.0, 0.6, 0.25))
    if build.growing:
        # A lucent band between two denser ones.
        plate = 12.5 + 0.8 * build.jitter[7]
        table[2] *= (1 - 0.62 * np.exp(-(((t - plate) / 1.1) ** 2))).astype(np.float32)
        table[5] *= (1 - 0.5 * np.exp(-(((np.abs(t - plate) - 2.4) / 0.8) ** 2))).astype(np.float32)
        table[5] = np.minimum(table[5], table[2])
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
    for k, length in enumerate(lengths):
        dx, dy = math.sin(angle), math.cos(angle)
        end = (x + dx * length, y + dy * length)
        # The thumb has a metacarpal and two phalanges: the first and the last of the fingers'.
        bone = _FINGER[k if k < 2 else k + 4 - len(lengths)]
        table, span = shaft(
            length, head * bone.base, head * bone.waist, head * bone.head, bone.wall * build.cortex
        )
        bones.append(Tube((x, y), end, table, span, (1.0, 0.28 * build.density)))
        if k > 0:
            back = 16.0 if k == 1 else 7.0
            reach = back + length + 5.5
            wide = bone.skin * (head / 7.0) ** 0.5 * build.flesh
            table, span = faded(*finger_skin(reach, wide, 0.9 * wide, 0.82), back * 0.9)
            start = (x - dx * back, y - dy * back)
            skin.append(Tube(start, (start[0] + dx * reach, start[1] + dy * reach), table, span))
        gap = 1.5
        x, y = end[0] + dx * gap, end[1] + dy * gap
        angle += curl
    return bones, skin


def wrist_front(build: Build, fracture: Fracture | None = None) -> Limb:
    """A wrist seen from the front (AP, PA), or obliquely where ``build.obliquity`` is positive."""
    j = build.jitter
    turn = build.obliquity
    squeeze = 1.0 - 0.25 * turn
    shift = fracture.carried if fracture is not None else 0.0
    sag = 1.2 if fracture is not None else 0.0
    bones: list[Tube | Blob] = [
        _forearm_bone(
            RADIUS_FRONT, RADIUS_WALL, (-9.0 * squeeze, 11.0), -13.0 * squeeze + 2 * j[0], build, fracture
        ),
        _forearm_bone(
            ULNA_FRONT,
            ULNA_WALL,
            (16.2 * squeeze - 7 * turn, 3.0 + 1.1 * j[1]),
            12.0 * squeeze + 2 * j[2],
            build,
            None,
        ),
    ]
    for i, (corners, depth, drift) in enumerate(CARPALS.values()):
        centre, line = outline(corners, 1.15 + 0.03 * j[3 + i % 5])
        x = centre[0] * squeeze + drift * turn + 0.4 * j[8 + i % 4] + shift
        bones.append(
            Blob((x, centre[1] - sag), line, depth, 0.75 * build.cortex, (1.0, 0.36 * build.density))
        )
    palm = tuple(
        (t, left * squeeze * build.flesh + shift, right * squeeze * build.flesh + shift, depth * build.flesh)
        for t, left, right, depth in (
            (0, -26, 27, 16), (22, -27.5, 28, 16.5), (40, -30, 31, 16), (62, -36, 36, 15),
            (90, -37.5, 40, 14),
            (118, -32, 40, 12.5), (134, -26, 34, 9), (140, -18, 22, 4),
        )
    )  # fmt: skip
    table, span = faded(*profile(palm, 0.0), 30.0, 20.0)
    soft = [
        Tube((0.0, -30.0), (0.0, 110.0), table, span),
        _forearm_skin(31.0 * squeeze, 44.0, 19.0, 32.0, build),
    ]
    for i, (x, y, degrees, lengths, head) in enumerate(RAYS):
        angle = math.radians(degrees + 1.2 * j[12 + i]) * squeeze + build.spread * (i - 1.3) * 0.35
        metacarpal, skin = _ray(
            x * squeeze + shift, y - sag, angle, lengths, head, build.spread * (i - 1.3) * 0.5, build
        )
        bones += metacarpal
        soft += skin
    x, y, degrees, lengths3, head = THUMB
    angle = math.radians(degrees + 5 * j[15]) - 0.3 * build.spread
    metacarpal, skin = _ray(
        x * squeeze + 3 * turn + shift, y - sag, angle, lengths3, head, 0.12 + 0.06 * j[14], build
    )
    bones += metacarpal
    soft += skin
    thenar, over = faded(*finger_skin(64.0, 19.0 * build.flesh, 13.0 * build.flesh, 0.8), 30.0)
    reach = math.radians(degrees * 0.8)
    start = (-14.0 * squeeze + shift, 22.0)
    soft.append(Tube(start, (start[0] + 64 * math.sin(reach), start[1] + 64 * math.cos(reach)), thenar, over))
    return Limb((*bones, _muscle(soft[1])), tuple(soft))


def wrist_side(build: Build, fracture: Fracture | None = None) -> Limb:
    """A wrist seen from the side (lateral)."""
    j = build.jitter
    shift = fracture.carried if fracture is not None else 0.0
    bones: list[Tube | Blob] = [
        _forearm_bone(RADIUS_SIDE, RADIUS_WALL, (0.5, 6.0), 2.0 + 3 * j[0], build, fracture),
        _forearm_bone(ULNA_SIDE, ULNA_WALL, (-2.5 + 1.5 * j[1], 0.5 + j[2]), -4.0 + 5 * j[3], build, None),
    ]
    for i, (corners, depth) in enumerate(CARPALS_SIDE.values()):
        centre, line = outline(corners, 1.08 + 0.04 * j[4 + i % 5])
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
            (0, -18, 19, 22), (26, -16, 18, 22), (44, -14, 20, 24), (70, -13, 22, 26), (100, -12.5, 19, 26),
            (124, -11, 15, 22), (138, -9, 11, 14), (144, -5, 6, 6),
        )
    )  # fmt: skip
    table, span = faded(*profile(palm, 0.0), 30.0, 20.0)
    soft = [Tube((0.0, -30.0), (0.0, 114.0), table, span), _forearm_skin(20.0, 34.0, 24.0, 32.0, build)]
    for i, (_, y, _, lengths, head) in enumerate(RAYS):
        x = -2.5 + 1.6 * (i - 1.5) + shift
        angle = math.radians(1.5 + 2.2 * (i - 1) + 1.5 * j[12 + i])
        metacarpal, skin = _ray(
            x, y, angle, lengths, 0.85 * head, build.flex * (0.4 + 0.3 * i) + 0.03 * j[11], build
        )
        bones += metacarpal
        soft += skin
    _, y, _, lengths3, head = THUMB
    metacarpal, skin = _ray(
        10.0 + shift, y - 3, math.radians(24 + 5 * j[15]), lengths3, head, -0.05 + 0.05 * j[14], build
    )
    bones += metacarpal
    soft += skin
    thenar, over = faded(*finger_skin(54.0, 12.0 * build.flesh, 8.0 * build.flesh, 1.0), 30.0)
    soft.append(Tube((7.0 + shift, 18.0), (7.0 + shift + 18, 68.0), thenar, over))
    return Limb((*bones, _muscle(soft[1])), tuple(soft))


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
    table, span = faded(*profile(_downwards(scaled), 0.0), 45.0)
    return Tube((0.0, 34.0), (0.0, FOREARM), table, span)


def _muscle(skin: Tube) -> Tube:
    """The denser muscle within a forearm's fat: what makes the skin line a dark seam."""
    table = skin.table.copy()
    table[:2] *= 0.84
    table[2] *= 0.8
    return Tube(skin.start, skin.end, table, skin.span, (0.045, 0.0))
