"""From what lies in the beam to brightness: attenuation, plate, collimator, marker, blur and noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._jit import kernel
from fxcore.phantom import raster
from fxcore.phantom.nuisance import Field, draw_marker, shutter
from fxcore.phantom.plan import LimbPlan, RadiographPlan
from fxcore.phantom.solids import texture

_SOFT = np.float32(0.0135)
_BONE = np.float32(0.045)
"""Attenuation a millimetre of soft tissue and of compact bone, at the energies of extremity radiography."""


@kernel
def _developed(soft, bone, texture, cell, levels, gradient):
    """Displayed brightness of the attenuation along each ray.

    `soft` holds the fourth power of the thickness; `levels` are background, white, exposure and
    how streaky muscle is.
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


def expose(
    rng: np.random.Generator,
    plan: RadiographPlan,
    limbs: tuple[LimbPlan, ...],
    soft: NDArray[np.float32],
    bone: NDArray[np.float32],
    field: Field,
) -> NDArray[np.float32]:
    """Displayed brightness, 0 to 1, of what `soft` (fourth powers) and `bone` hold in millimetres."""
    levels = tuple(
        np.float32(x) for x in (rng.uniform(0.02, 0.16), rng.uniform(0.82, 1.0), rng.uniform(0.8, 1.7), 0.035)
    )
    gradient = tuple(np.float32(x) for x in rng.normal(0, 0.07, 2))
    cell = 400.0 / max(soft.shape)
    display: NDArray[np.float32] = _developed(soft, bone, texture(), cell, levels, gradient)
    edge, worn = rng.random(2)
    if worn < 0.2:
        # A plate reader's lines: each column with a gain of its own.
        display *= 1 + np.float32(0.012) * rng.standard_normal(display.shape[1], dtype=np.float32)
    if plan.collimator:
        shutter(display, field, 0.01 if plan.collimator == "dark" else float(rng.uniform(0.85, 0.97)))
    if plan.marker:
        sides = (limbs[0].laterality, limbs[-1].laterality)
        draw_marker(rng, display, field, sides, plan.view, plan.marker == "letter+text")
    display = raster.blur(display, float(rng.uniform(0.05, 0.25)))
    noise = rng.standard_normal(display.shape, dtype=np.float32)
    _grain(display, noise, np.float32(rng.uniform(0.008, 0.03)))
    if plan.collimator == "dark" and edge < 0.5:
        # An electronic shutter, drawn by the console, has no noise.
        shutter(display, field, 0.0)
    return display
