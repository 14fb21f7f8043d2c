"""The solids a limb is built of, in millimetres, and how they reach the raster."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fxcore.phantom import raster

Points = tuple[tuple[float, ...], ...]

STATIONS = 96
ANGLES = 64
CORTEX_DENSITY = 1.0
NO_FRACTURE = np.zeros(8)


@dataclass(frozen=True)
class Tube:
    """A solid along a straight axis; `start` and `end` are ``(x, y)`` in the limb's frame.

    ``table`` is what :func:`fxcore.phantom.raster.tube` reads; ``span`` the millimetres it covers.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    table: NDArray[np.float32]
    span: float
    density: tuple[float, float] = (CORTEX_DENSITY, 0.3)
    fracture: NDArray[np.float64] = field(default_factory=lambda: NO_FRACTURE)


@dataclass(frozen=True)
class Blob:
    """A solid around a centre; ``outline`` is its radius at equal angles, closed."""

    centre: tuple[float, float]
    outline: NDArray[np.float32]
    depth: float
    shell: float
    density: tuple[float, float] = (CORTEX_DENSITY, 0.35)


@dataclass(frozen=True)
class Limb:
    """One limb: bones and metal add up, soft tissue merges; x to the right, y from forearm to fingers."""

    bones: tuple[Tube | Blob, ...]
    soft: tuple[Tube, ...]
    cast: tuple[Tube, ...] = ()
    metal: tuple[Tube, ...] = ()


@dataclass(frozen=True)
class Pose:
    """Where a limb lies: pixel of its origin, pixels a millimetre, clockwise radians, mirrored or not."""

    row: float
    column: float
    pixels_per_mm: float
    angle: float
    mirrored: bool


def profile(points: Points, wall: Points | float, end_wall: float = 0.0) -> tuple[NDArray[np.float32], float]:
    """Tabulate ``(t, left, right, half depth)`` control points; returns the table and its span.

    Parameters
    ----------
    points : tuple
        At least two ``(t, left, right, half depth)``, millimetres, ascending ``t`` from 0.
    wall : tuple or float
        Wall thickness, constant or as ``(t, thickness)`` control points; 0 makes a solid.
    end_wall : float
        Wall closing the end at ``t = 0`` (subchondral bone).
    """
    control = np.asarray(points, dtype=np.float64)
    span = float(control[-1, 0])
    t = np.linspace(0.0, span, STATIONS)
    left, right, depth = (_rounded(t, control[:, 0], control[:, k]) for k in (1, 2, 3))
    table = np.ones((7, STATIONS), dtype=np.float32)
    table[0], table[1], table[2], table[3:6] = left, right, depth, 0.0
    if isinstance(wall, tuple):
        knots = np.asarray(wall, dtype=np.float64)
        thick = np.interp(t, knots[:, 0], knots[:, 1])
    else:
        thick = np.full(STATIONS, float(wall))
    if thick.max() > 0:
        opening = np.sqrt(np.clip((t - end_wall) / 1.5, 0.0, 1.0)) if end_wall else np.ones(STATIONS)
        table[3] = left + thick
        table[4] = right - thick
        table[5] = np.clip(depth - thick, 0.0, None) * opening
    return table, span


def _rounded(
    t: NDArray[np.float64], knots: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Linear interpolation with its corners eased, ends kept."""
    plain = np.interp(t, knots, values)
    eased = plain.copy()
    eased[2:-2] = (plain[:-4] + 2 * plain[1:-3] + 2 * plain[2:-2] + 2 * plain[3:-1] + plain[4:]) / 8
    return eased


def shaft(
    length: float,
    base: float,
    waist: float,
    head: float,
    wall: float,
) -> tuple[NDArray[np.float32], float]:
    """Profile of a short long bone (metacarpal, phalanx) from base to head; half widths in millimetres."""
    flat = 0.8
    t = np.linspace(0.0, length, STATIONS)
    u = t / length
    swell_base = np.exp(-((u / 0.18) ** 2))
    swell_head = np.exp(-(((1 - u - 0.05) / 0.16) ** 2))
    half = waist + (base - waist) * swell_base + (head - waist) * swell_head
    cap_base, cap_head = 0.35 * base, 1.15 * head
    half *= np.sqrt(np.clip(1 - np.clip(1 - t / cap_base, 0, 1) ** 3, 0, 1))
    half *= np.sqrt(np.clip(1 - np.clip(1 - (length - t) / cap_head, 0, 1) ** 2.1, 0, 1))
    table = np.zeros((7, STATIONS), dtype=np.float32)
    table[0], table[1], table[2] = -half, half, half * flat
    # Trabeculae fill the ends; the marrow cavity between them is almost clear.
    table[6] = 0.3 + 0.7 * np.abs(2 * u - 1) ** 1.5
    # The wall is thick in the waist and a thin plate at the joints.
    thick = wall * (0.3 + 0.7 * np.sin(np.pi * np.clip(u, 0, 1)) ** 1.5)
    inner = np.clip(half - thick, 0.0, None)
    inner *= np.sqrt(np.clip(np.minimum(t, length - t) / 0.5 - 1.6, 0.0, 1.0))
    table[3], table[4], table[5] = -inner, inner, np.clip(inner * flat, 0.0, None)
    return table, length


def faded(
    table: NDArray[np.float32], span: float, start: float, end: float = 0.0
) -> tuple[NDArray[np.float32], float]:
    """A profile whose depth and width swell from nothing over `start` and `end` millimetres.

    Solids of soft tissue begin inside one another; without this their blunt ends would show.
    """
    t = np.linspace(0.0, span, STATIONS)
    depth = np.ones(STATIONS)
    for distance, reach in ((t, start), (span - t, end)):
        if reach > 0:
            depth *= np.sqrt(np.clip(1 - np.clip(1 - distance / reach, 0, 1) ** 2, 0, 1))
    soft = table.copy()
    soft[2] *= depth
    soft[:2] *= 0.55 + 0.45 * depth
    return soft, span


def finger_skin(
    length: float, base: float, tip: float, flat: float = 0.85
) -> tuple[NDArray[np.float32], float]:
    """Solid profile of a finger's soft tissue, rounded at the tip (``t = length``)."""
    t = np.linspace(0.0, length, STATIONS)
    half = base + (tip - base) * t / length
    half *= np.sqrt(np.clip(1 - np.clip(1 - (length - t) / (1.3 * tip), 0, 1) ** 2, 0, 1))
    table = np.zeros((7, STATIONS), dtype=np.float32)
    table[0], table[1], table[2] = -half, half, half * flat
    return table, length


def outline(points: Points, size: float = 1.0) -> tuple[tuple[float, float], NDArray[np.float32]]:
    """Centre and rounded polar outline of a polygon of ``(x, y)`` corners."""
    corners = np.asarray(points, dtype=np.float64)
    centre = corners.mean(axis=0)
    closed = np.vstack([corners, corners[:1]]) - centre
    fine = np.concatenate([np.linspace(a, b, 24, endpoint=False) for a, b in itertools.pairwise(closed)])
    # Angles as the kernel measures them: atan2(t, d) with t along y and d along x.
    angle = np.arctan2(fine[:, 1], fine[:, 0])
    order = np.argsort(angle)
    wanted = np.linspace(-math.pi, math.pi, ANGLES + 1)
    radius = np.interp(wanted, angle[order], np.hypot(fine[:, 0], fine[:, 1])[order], period=2 * math.pi)
    for _ in range(3):
        ring = radius[:-1]
        ring = 0.25 * np.roll(ring, 1) + 0.5 * ring + 0.25 * np.roll(ring, -1)
        radius = np.append(ring, ring[0])
    return (float(centre[0]), float(centre[1])), (radius * size).astype(np.float32)


@functools.cache
def texture() -> NDArray[np.float32]:
    """Trabecular texture, 512 by 512, wrap-around, zero mean, unit deviation, drawn out along axis 0."""
    rng = np.random.default_rng(2021)
    spectrum = np.fft.rfft2(rng.standard_normal((512, 512)))
    along = np.fft.fftfreq(512)[:, None]
    across = np.fft.rfftfreq(512)[None, :]
    fine = np.exp(-((along / 0.05) ** 2 + (across / 0.14) ** 2))
    coarse = 2.5 * np.exp(-((along / 0.012) ** 2 + (across / 0.02) ** 2))
    tile = np.fft.irfft2(spectrum * (fine + coarse), s=(512, 512))
    tile = (tile - tile.mean()) / tile.std()
    return np.ascontiguousarray(np.clip(tile, -2.5, 2.5), dtype=np.float32)


def _affine(pose: Pose, origin: tuple[float, float], along: tuple[float, float]) -> NDArray[np.float64]:
    """Pixel to ``(t, d)`` of a solid at `origin` whose axis points `along`; ``d`` is to the right of it."""
    cos, sin = math.cos(pose.angle), math.sin(pose.angle)
    flip = -1.0 if pose.mirrored else 1.0
    k = 1.0 / pose.pixels_per_mm
    # Limb frame: x = flip (cos dc + sin dr), y = sin dc - cos dr, of the offset in pixels from the origin.
    x = np.array([flip * cos * k, flip * sin * k, 0.0])
    y = np.array([sin * k, -cos * k, 0.0])
    for axis, shift in ((x, origin[0]), (y, origin[1])):
        axis[2] = -axis[0] * pose.column - axis[1] * pose.row - shift
    return np.concatenate([along[0] * x + along[1] * y, along[1] * x - along[0] * y])


def _box(
    shape: tuple[int, int], affine: NDArray[np.float64], t: tuple[float, float], d: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Pixels that can hold ``t`` and ``d`` in these ranges, clipped to the image."""
    inverse = np.linalg.inv(np.array([affine[[0, 1]], affine[[3, 4]]]))
    corners = np.array([[a - affine[2], b - affine[5]] for a in t for b in d])
    pixels = corners @ inverse.T
    column0, row0 = np.floor(pixels.min(axis=0))
    column1, row1 = np.ceil(pixels.max(axis=0)) + 1
    return (
        int(max(row0, 0)),
        int(min(max(row1, 0), shape[0])),
        int(max(column0, 0)),
        int(min(max(column1, 0), shape[1])),
    )


def add_tube(
    out: NDArray[np.float32],
    solid: Tube,
    pose: Pose,
    *,
    fourth: bool = False,
    grain: tuple[float, float, float, float, float] = (0.0, 0.0, 1.0, 1.0, 0.0),
) -> None:
    """Add one tube's thickness to `out`; see :func:`fxcore.phantom.raster.tube`."""
    dx, dy = solid.end[0] - solid.start[0], solid.end[1] - solid.start[1]
    reach = math.hypot(dx, dy)
    affine = _affine(pose, solid.start, (dx / reach, dy / reach))
    slack = abs(solid.fracture[4]) + abs(solid.fracture[5] * solid.fracture[1])
    edges = (float(solid.table[0].min()) - slack, float(solid.table[1].max()) + slack)
    box = _box(out.shape, affine, (0.0, reach), edges)
    if box[0] >= box[1] or box[2] >= box[3]:
        return
    step = solid.span / (STATIONS - 1)
    raster.tube(
        out,
        affine,
        box,
        solid.table,
        step,
        reach,
        edges,
        solid.density,
        fourth,
        texture(),
        grain,
        solid.fracture,
    )


def add_blob(
    out: NDArray[np.float32], solid: Blob, pose: Pose, grain: tuple[float, float, float, float, float]
) -> None:
    """Add one blob's thickness to `out`; see :func:`fxcore.phantom.raster.blob`."""
    affine = _affine(pose, solid.centre, (0.0, 1.0))
    far = float(solid.outline.max())
    box = _box(out.shape, affine, (-far, far), (-far, far))
    if box[0] < box[1] and box[2] < box[3]:
        raster.blob(
            out, affine, box, solid.outline, solid.depth, solid.shell, solid.density, texture(), grain
        )
