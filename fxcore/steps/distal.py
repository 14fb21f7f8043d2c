"""Which end of a limb is the distal one: fingers are many, and the proximal end leaves the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import AcrossAxis, Runs, rotate, runs_to_mask

# The decision needs shapes, not detail: the mask is read at about this many pixels a side.
_SIDE = 256
# The share of the limb's length that counts as an end.
_END = 0.4


# A limb leaves the field at an end where its lines at the border add up to this many whole ones; more of it
# would only say how wide or how oblique the end is.
_LEAVES = 2.0
# What each difference between the ends counts, and its bound: from a logistic regression on radiographs and
# phantoms of hands, feet and elbows, rounded.
_PIECES, _EDGE, _GREY, _MASS, _WIDTH = (3.9, 2.0), (3.0, 1.0), (2.3, 1.0), (3.7, 1.5), (4.0, 1.0)


def end_margin(lines: AcrossAxis) -> float:
    """Say how surely the distal end of a limb is at the top of its lines.

    Fingers and toes are many pieces on a line; the proximal end leaves the exposed field, and is brighter,
    wider and, in all, heavier, since it is thicker. Where both ends leave the field, that says nothing.

    Parameters
    ----------
    lines : AcrossAxis
        The limb line by line, with its pixels at the border of the exposed field marked.

    Returns
    -------
    float
        Above zero: distal end on top; below zero: at the bottom; the further, the surer (in the units
        of a logistic regression).
    """
    count = len(lines.along)
    if count < 8:
        return 0.0
    end = max(2, round(_END * count))
    top, bottom = slice(0, end), slice(count - end, count)
    grey = lines.weight / lines.width
    share = lines.touching / lines.width
    leaves = [min(1.0, float(share[part].sum()) / _LEAVES) for part in (top, bottom)]
    differences = (
        (float(lines.pieces[top].mean() - lines.pieces[bottom].mean()), _PIECES),
        (leaves[1] - leaves[0], _EDGE),
        (_below(grey, top, bottom), _GREY),
        (_below(lines.weight, top, bottom), _MASS),
        (_below(lines.width, top, bottom), _WIDTH),
    )
    return float(sum(weight * np.clip(value, -bound, bound) for value, (weight, bound) in differences))


def _below(values: NDArray[np.float64], top: slice, bottom: slice) -> float:
    """Return by how much the bottom's mean is above the top's, in means of all."""
    return float(values[bottom].mean() - values[top].mean()) / max(float(values.mean()), 1e-6)


def distal_margin(mask: Runs, degrees: float) -> float:
    """Say how surely the distal end is on top once the image is rotated by `degrees`.

    Parameters
    ----------
    mask : Runs
        The limb's foreground in the image as it is.
    degrees : float
        Rotation that makes the limb upright, as for `fxcore.kernels.rotate`.

    Returns
    -------
    float
        Above zero: distal end on top; below zero: at the bottom; the further, the surer. It is the
        difference between both ends in the number of pieces a row crosses (fingers), plus the
        difference in the share of the limb's width that touches the image's border (the forearm
        goes on beyond it, fingertips rarely do).
    """
    small = np.ascontiguousarray(_reduced(mask))
    upright = rotate(small, degrees) > 127
    rows = np.flatnonzero(upright.any(axis=1))
    if rows.size < 8:
        return 0.0
    upright = upright[rows[0] : rows[-1] + 1]
    end = max(2, round(_END * len(upright)))
    pieces = (upright[:, 0] + (upright[:, 1:] & ~upright[:, :-1]).sum(axis=1)).astype(np.float64)
    fingers = pieces[:end].mean() - pieces[-end:].mean()

    border = np.zeros_like(small)
    border[0], border[-1], border[:, 0], border[:, -1] = small[0], small[-1], small[:, 0], small[:, -1]
    contact = (rotate(border, degrees) > 64)[rows[0] : rows[-1] + 1].sum(axis=1)
    width = max(1.0, float(upright.sum(axis=1).mean()))
    leaves = (contact[-end:].sum() - contact[:end].sum()) / width
    return float(fingers + np.clip(leaves, -1.0, 1.0))


def _reduced(mask: Runs) -> NDArray[np.uint8]:
    rows, columns = mask.shape
    step = max(1, max(rows, columns) // _SIDE)
    count = np.diff(mask.row_start)
    read = np.repeat(np.arange(rows) % step == 0, count)
    row_start = np.concatenate(([0], np.cumsum(count[::step]))).astype(np.int32)
    some = Runs((len(row_start) - 1, columns), row_start, mask.start[read], mask.stop[read])
    return runs_to_mask(some)[:, ::step]
