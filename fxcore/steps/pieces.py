"""Pieces of a radiograph's foreground: which of them may be limbs, and their extent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fxcore.kernels import (
    Runs,
    close_rectangle,
    components,
    keep_components,
    moments,
    runs_from_mask,
    runs_to_mask,
)
from fxcore.steps.field import Grey, Mask
from fxcore.steps.foreground import Foreground

# Gaps up to this fraction of the longer side do not part a limb.
_GAP = 0.012
# A piece below this fraction of the image is a marker, text or dirt.
_LEAST_AREA = 0.012
# A strip is narrower than this fraction of its length...
_STRIP = 0.1
# A piece that runs along the border for this fraction of its length is a table's edge, or the edge of
# something that was not meant.
ALONG_BORDER = 0.6


@dataclass(frozen=True)
class Piece:
    """A piece of the foreground: extent in pixels, angle of its axis in degrees, mean grey level, middle."""

    mask: Mask
    area: int
    length: float
    width: float
    angle: float
    grey: float
    centre: tuple[float, float]


def find_pieces(ground: Foreground, *, least: int = 1, most: int = 12, close: bool = True) -> list[Piece]:
    """Return the pieces of the foreground that may be limbs, the largest first; none if fewer than `least`.

    With `close`, small gaps do not part them.
    """
    grey = ground.relief
    if ground.clear < 1:
        return []
    side = 2 * max(1, round(_GAP * max(grey.shape))) + 1
    runs = runs_from_mask(ground.soft)
    if close:
        runs = close_rectangle(runs, side, side)
    found = components(runs)
    pieces: list[Piece] = []
    if np.count_nonzero(found.area >= _LEAST_AREA * grey.size) < least:
        return pieces
    for label in np.argsort(-found.area, kind="stable")[:12]:
        if found.area[label] < _LEAST_AREA * grey.size:
            break
        piece = _measured(keep_components(runs, found, np.arange(found.count) == label), ground.relief)
        dense = np.count_nonzero(piece.mask & ground.dense) / piece.area
        if pieces and _along_border(piece, ground.field) > ALONG_BORDER:
            continue
        if dense > 0.05 and piece.width > _STRIP * piece.length:
            pieces.append(piece)
            if len(pieces) == most:
                break
    return pieces


def _along_border(piece: Piece, field: Mask) -> float:
    """Return the longest side of the field that a piece touches, as a fraction of its length."""
    outside = np.pad(~field, 1, constant_values=True)
    beyond = (outside[:-2, 1:-1], outside[2:, 1:-1], outside[1:-1, :-2], outside[1:-1, 2:])
    return max(np.count_nonzero(piece.mask & side) for side in beyond) / piece.length


def _measured(runs: Runs, relief: Grey) -> Piece:
    mask, found = runs_to_mask(runs).view(np.bool_), moments(runs)
    yy, xx, xy = found.row_row, found.column_column, found.row_column
    spread = math.hypot(xx - yy, 2 * xy)
    long, short = (xx + yy + spread) / 2 + 1 / 12, max(0.0, (xx + yy - spread) / 2) + 1 / 12
    return Piece(
        mask=mask,
        area=round(found.weight),
        length=math.sqrt(12 * long),
        width=math.sqrt(12 * short),
        angle=math.degrees(math.atan2(2 * xy, xx - yy) / 2),
        grey=float(relief[mask].mean()),
        centre=(found.row, found.column),
    )
