"""The veil of scattered radiation: a blurred image of the anatomy that lies over the sharp one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import weighted_median
from fxcore.steps.field import Grey, Mask
from fxcore.steps.foreground import otsu_level

# Standard deviations of the blur, as fractions of the longer side: how far radiation is scattered.
_BLURS = (0.06, 0.1, 0.17)
# The veil is looked for in blocks of so many pixels a side, between such that are so many apart.
_BLOCK, _APART = 4, 4
# How often the background is told anew from what is left without the veil.
_ROUNDS = 2
# Fewer pairs of points say nothing.
_FEWEST = 50
# The share of the image that a veil may be. A smaller one does no harm; a larger one is thin tissue, which is
# brightest beside thick tissue as well.
_LEAST, _MOST = 0.25, 0.9
# What remains at most of the differences in the background when it is taken away, and what these count as at
# least, in grey levels, where the background is flat.
_REMAINING, _FLAT = 0.6, 0.25


def without_veil(grey: Grey, field: Mask) -> Grey | None:
    """Take away the veil of scattered radiation; none where there is hardly one.

    Air has one level. Where it is brighter the nearer it is to the limb, in proportion to the image's own
    blur, that is the veil. The proportion is the weighted median over pairs of points of the background, so
    that a step, as between air and a shutter, does not count. Of several blurs that one is taken which leaves
    least of the differences.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``: a reduced radiograph, bright anatomy on dark.
    field : numpy.ndarray
        ``bool``, the same shape: where it was exposed.

    Returns
    -------
    numpy.ndarray or None
        ``float32``; levels may be below zero.
    """
    small, within = _blocks(grey).mean(axis=(1, 3)), np.all(_blocks(field), axis=(1, 3))
    if min(small.shape) <= _APART:
        return None
    pairs = _pairs(_background(small, within))
    tried = ((*_share(small, _blurred(small, width), within, pairs), width) for width in _BLURS)
    remaining, share, width = min(tried)
    if remaining > _REMAINING:
        return None
    return grey - np.float32(share) * _blurred(grey, width)


def _blocks(values: NDArray[Any]) -> NDArray[Any]:
    """Return an image in blocks, without what is left over below and at the right."""
    rows, columns = (count // _BLOCK for count in values.shape)
    return values[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)


def _share(grey: Grey, blurred: Grey, field: Mask, pairs: list[Mask]) -> tuple[float, float]:
    """Return which part of the differences in the background remains without the veil, and its share.

    All of them, where what is found is no veil. `pairs` are of the background as it is told with the veil.
    """
    share = np.float32(0)
    for again in range(_ROUNDS):
        if again:
            pairs = _pairs(_background(grey - share * blurred, field))
        steps, veil_steps = _differences(grey, pairs), _differences(blurred, pairs)
        if min(part.size for part in steps) < _FEWEST:
            return 1.0, 0.0
        share = _proportion(np.concatenate(steps), np.concatenate(veil_steps))
    if not _LEAST < share < _MOST:
        return 1.0, 0.0
    before = _spread(steps)
    after = _spread([step - share * veil for step, veil in zip(steps, veil_steps, strict=True)])
    return after / max(before, _FLAT), float(share)


def _background(grey: Grey, field: Mask) -> Mask:
    return field & (grey <= otsu_level(grey, field))


def _pairs(where: Mask) -> list[Mask]:
    """Return where two points lie apart, both of them in a mask: down, and across."""
    return [inside[_APART:] & inside[:-_APART] for inside in (where, where.T)]


def _differences(levels: Grey, pairs: list[Mask]) -> list[Grey]:
    """Return the differences between the points of pairs."""
    return [
        (values[_APART:] - values[:-_APART])[both]
        for values, both in zip((levels, levels.T), pairs, strict=True)
    ]


def _spread(differences: list[Grey]) -> float:
    """Return the median absolute deviation of differences from those of a slope."""
    return float(np.median(np.concatenate([abs(part - np.median(part)) for part in differences])))


def _proportion(values: Grey, others: Grey) -> np.float32:
    """Return by which factor the others become the values, by least absolute deviation."""
    weight = np.maximum(abs(others), np.float32(1e-6))
    ratio = np.asarray(values / np.where(others < 0, -weight, weight), np.float32)
    return np.float32(weighted_median(ratio, weight))


def _blurred(grey: Grey, width: float) -> Grey:
    """Blur by a Gaussian; what lies beyond the border is as bright as the border."""
    down, across = (_gaussian(count, width * max(grey.shape)) for count in grey.shape)
    return np.asarray(down @ grey @ across.T, np.float32)


@lru_cache(maxsize=32)
def _gaussian(count: int, width: float) -> NDArray[np.float32]:
    """Return the matrix that blurs so many points."""
    beyond = int(3 * width) + 1
    apart = np.subtract.outer(np.arange(count), np.arange(-beyond, count + beyond)) / width
    weight = np.exp(-0.5 * apart**2)
    weight[:, beyond] += weight[:, :beyond].sum(axis=1)
    weight[:, -beyond - 1] += weight[:, -beyond:].sum(axis=1)
    weight = weight[:, beyond:-beyond]
    matrix = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
    matrix.setflags(write=False)
    return matrix
