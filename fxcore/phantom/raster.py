"""Kernels that project bones and soft tissue onto a map of thickness.

A *tube* is a solid along a straight axis whose two outlines, depth and hollow are tabulated along the
axis: long bones, fingers, forearms, casts, plates. A *blob* is a solid around a centre whose outline is
tabulated by angle: carpal bones. Both have elliptical cross-sections, so that the rays through the middle
of a hollow bone cross less cortex than those through its wall, which is what draws a cortex on a radiograph.
"""

from __future__ import annotations

import math

import numpy as np

from fxcore.kernels._jit import kernel

TEXTURE_MASK = 511
"""The texture tile is 512 by 512, sampled with wrap-around."""


@kernel
def _columns(a, b, low, high, start, stop):
    """Columns in ``[start, stop)`` where ``low <= a * column + b <= high``."""
    if abs(a) < 1e-9:
        if low <= b <= high:
            return start, stop
        return start, start
    p = (low - b) / a
    q = (high - b) / a
    if p > q:
        p, q = q, p
    first = max(float(start), math.ceil(p))
    last = min(float(stop), math.floor(q) + 1.0)
    if last <= first:
        return start, start
    return int(first), int(last)


@kernel
def tube(out, affine, box, table, step, reach, edges, density, fourth, texture, grain, fracture):
    """Add the thickness of one tube to `out`.

    Parameters
    ----------
    out : numpy.ndarray
        ``float32``, shape ``(rows, columns)``, millimetres of material; added to in place.
    affine : numpy.ndarray
        Six ``float64`` that give, from a pixel's column and row, the millimetres along the axis and
        across it: ``t = a[0] * column + a[1] * row + a[2]`` and ``d`` likewise from the last three.
    box : tuple of int
        Rows and columns to visit: ``row0, row1, column0, column1``.
    table : numpy.ndarray
        ``float32``, shape ``(7, stations)``: outer left and right outline, outer half depth, the same
        three of the hollow, in millimetres, and how much of the hollow is filled. Beyond the last
        station its values hold.
    step, reach : float
        Millimetres between stations; length of the tube.
    edges : tuple of float
        Least and greatest ``d`` anywhere.
    density : tuple of float
        Of the wall and of what fills the hollow.
    fourth : bool
        Add the fourth power of the thickness (soft tissue, whose parts merge smoothly) instead.
    texture, grain
        Tile of trabecular texture, ``float32``, and ``(offset_t, offset_d, texels per mm along, texels
        per mm across, amplitude)``.
    fracture : numpy.ndarray
        ``float64``: on, station of the line, slope, gap, shift, tangent of the angle, depth of the
        lucency, jaggedness. See :class:`fxcore.phantom.anatomy.Fracture`.
    """
    stations = table.shape[1]
    broken = fracture[0] > 0.5
    wall = np.float32(density[0])
    fill = np.float32(density[1])
    for row in range(box[0], box[1]):
        t_row = affine[1] * row + affine[2]
        d_row = affine[4] * row + affine[5]
        first, last = _columns(affine[0], t_row, 0.0, reach, box[2], box[3])
        first, last = _columns(affine[3], d_row, edges[0], edges[1], first, last)
        for column in range(first, last):
            t = affine[0] * column + t_row
            d = affine[3] * column + d_row
            lucency = 0.0
            if broken:
                jag = texture[int(d * 3.0 + 257.0) & TEXTURE_MASK, 7] * fracture[7]
                jag += texture[int(d * 0.9 + 64.0) & TEXTURE_MASK, 99] * fracture[7]
                line = fracture[1] + fracture[2] * d + jag
                if t < line:
                    d -= fracture[4] + fracture[5] * (fracture[1] - t)
                off = (t - line) / fracture[3]
                lucency = fracture[6] * math.exp(-off * off)
                # Impacted trabeculae whiten beside the gap.
                beside = (t - line - 2.2 * fracture[3]) / (2.0 * fracture[3])
                lucency -= 0.25 * fracture[6] * math.exp(-beside * beside)
            at = t / step
            i = int(at)
            if i >= stations - 1:
                i = stations - 2
                at = float(stations - 1)
            f = np.float32(at - i)
            left = table[0, i] + f * (table[0, i + 1] - table[0, i])
            right = table[1, i] + f * (table[1, i + 1] - table[1, i])
            half = np.float32(0.5) * (right - left)
            if half <= 0.0:
                continue
            u = (np.float32(d) - left - half) / half
            rest = np.float32(1.0) - u * u
            if rest <= 0.0:
                continue
            depth = table[2, i] + f * (table[2, i + 1] - table[2, i])
            outer = np.float32(2.0) * depth * math.sqrt(rest)
            inner = np.float32(0.0)
            depth = table[5, i] + f * (table[5, i + 1] - table[5, i])
            if depth > 0.0:
                left = table[3, i] + f * (table[3, i + 1] - table[3, i])
                right = table[4, i] + f * (table[4, i + 1] - table[4, i])
                half = np.float32(0.5) * (right - left)
                if half > 0.0:
                    u = (np.float32(d) - left - half) / half
                    rest = np.float32(1.0) - u * u
                    if rest > 0.0:
                        inner = np.float32(2.0) * depth * math.sqrt(rest)
            if fourth:
                square = outer * outer
                out[row, column] += square * square
                continue
            value = wall * (outer - inner)
            if inner > 0.0:
                p = int(t * grain[2] + grain[0]) & TEXTURE_MASK
                q = int(d * grain[3] + grain[1]) & TEXTURE_MASK
                filled = table[6, i] + f * (table[6, i + 1] - table[6, i])
                value += fill * filled * inner * (np.float32(1.0) + np.float32(grain[4]) * texture[p, q])
            out[row, column] += value * np.float32(1.0 - lucency)


@kernel
def blob(out, affine, box, outline, depth, shell, density, texture, grain):
    """Add the thickness of one blob to `out`.

    Parameters
    ----------
    out, affine, box, density, texture, grain
        As in :func:`tube`, with ``t`` and ``d`` measured from the centre.
    outline : numpy.ndarray
        ``float32``, distance of the outline from the centre at equal angles, closed.
    depth, shell : float
        Half depth at the centre; thickness of the wall.
    """
    angles = outline.shape[0] - 1
    turn = angles / (2.0 * math.pi)
    wall = np.float32(density[0])
    fill = np.float32(density[1])
    for row in range(box[0], box[1]):
        for column in range(box[2], box[3]):
            t = affine[0] * column + affine[1] * row + affine[2]
            d = affine[3] * column + affine[4] * row + affine[5]
            at = (math.atan2(t, d) + math.pi) * turn
            i = min(int(at), angles - 1)
            radius = outline[i] + (at - i) * (outline[i + 1] - outline[i])
            distance = math.sqrt(t * t + d * d)
            if distance >= radius:
                continue
            u = distance / radius
            outer = np.float32(2.0 * depth * math.sqrt(1.0 - u * u * u * u))
            u = distance / (radius - shell)
            inner = np.float32(0.0)
            if u < 1.0:
                inner = np.float32(2.0 * (depth - shell) * math.sqrt(1.0 - u * u * u * u))
            p = int(t * grain[2] + grain[0]) & TEXTURE_MASK
            q = int(d * grain[3] + grain[1]) & TEXTURE_MASK
            trabeculae = fill * inner * (np.float32(1.0) + np.float32(grain[4]) * texture[p, q])
            out[row, column] += wall * (outer - inner) + trabeculae


@kernel
def bounds(thickness, least):
    """Half-open box ``row0, column0, row1, column1`` of the pixels thicker than `least`; zeros if none."""
    rows, columns = thickness.shape
    row0, row1, column0, column1 = rows, 0, columns, 0
    for row in range(rows):
        for column in range(columns):
            if thickness[row, column] > least:
                row0 = min(row0, row)
                row1 = max(row1, row + 1)
                column0 = min(column0, column)
                column1 = max(column1, column + 1)
    if row1 == 0:
        return 0, 0, 0, 0
    return row0, column0, row1, column1


@kernel
def blur(image, weight):
    """Three-tap separable blur ``[weight, 1 - 2 * weight, weight]``, edges held; ``float32`` in and out."""
    rows, columns = image.shape
    middle = np.float32(1.0 - 2.0 * weight)
    side = np.float32(weight)
    across = np.empty_like(image)
    for row in range(rows):
        for column in range(columns):
            before = image[row, max(column - 1, 0)]
            after = image[row, min(column + 1, columns - 1)]
            across[row, column] = middle * image[row, column] + side * (before + after)
    out = np.empty_like(image)
    for row in range(rows):
        above = max(row - 1, 0)
        below = min(row + 1, rows - 1)
        for column in range(columns):
            out[row, column] = middle * across[row, column] + side * (
                across[above, column] + across[below, column]
            )
    return out
