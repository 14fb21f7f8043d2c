"""The limbs of a radiograph: which pieces of its foreground are parts of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fxcore.steps.field import Box, Grey, Mask, box_of, quantiles
from fxcore.steps.overview import Overview
from fxcore.steps.pieces import ALONG_BORDER, Piece, find_pieces
from fxcore.steps.seams import exposed, one_level, panels

# Two limbs of one patient, or two views of one limb, are this much alike: the lesser over the greater.
_LIKE_AREA, _LIKE_LENGTH, _LIKE_GREY = 0.35, 0.55, 0.5
# Where a seam parts them already, their areas may differ more.
_LIKE_AREA_APART = 0.1
# Pieces whose line of centres is within so many degrees of their axes lie end to end.
_END_TO_END = 35.0
# A part's box of which so much is frame holds one.
_FRAME = 0.03
# ... if half of it lies within this fraction of the range; that of a limb's straight side does not.
_ONE_LEVEL = 0.2
# Pieces that meet only within this fraction of the image's side from its border are not one, if
# without that rim this share of their area is left...
_RIM, _MOST_LEFT = 0.08, 0.6
# ... and they are more alike than others must be, and fill their extent alike: rods beside a limb do not.
_SURELY, _LIKE_FILLED = 0.1, 0.75
# So far from a cut a strip is looked for.
_NEAR = 3
# A panel that is frame to this share is none.
_ALL_FRAME = 0.8
# What is exposed of a panel shows nothing where it is narrower, in blocks.
_NARROWEST = 16


@dataclass(frozen=True)
class Limbs:
    """The parts of a reduced radiograph.

    Attributes
    ----------
    parts : tuple of numpy.ndarray
        ``bool`` masks, each of the whole image; one, or two and more that are alike.
    panels : tuple of tuple of int
        ``row0, column0, row1, column1`` that each part lies in, ends exclusive.
    margin : float
        Above zero: parts found, by how much they are more alike than asked for; below zero: one part,
        by how much the second piece fails; -1 where there is no second piece.
    """

    parts: tuple[Mask, ...]
    panels: tuple[Box, ...]
    margin: float


def find_limbs(seen: Overview) -> Limbs:
    """Find the parts of a reduced radiograph, bright anatomy on dark.

    Exposures that were put side by side meet at a seam, where all rows (or columns) change at once:
    each of their panels is looked at for itself. Else the soft-tissue foreground is taken apart into
    pieces. Either way a second part must be like the first in area, length and brightness, and must not
    lie end to end with it: that is how two limbs differ from a limb and a frame, a marker, a table
    edge, or a piece that came off at a joint.

    Parameters
    ----------
    seen : Overview
    """
    grey = seen.grey
    whole = (0, 0, *grey.shape)
    field, soft = seen.ground.field, seen.ground.soft
    across = [(r0, c0, r1, c1) for c0, r0, c1, r1 in panels(grey.T, field.T, soft.T)]
    for boxes in (panels(grey, field, soft), across):
        if len(boxes) > 1 and (limbs := _in_panels(seen, boxes)):
            return limbs
    pieces = seen.pieces
    if len(pieces) == 1:
        pieces = _apart(seen, pieces[0])
    if len(pieces) < 2:
        return Limbs(tuple(p.mask for p in pieces), (whole,) * len(pieces), -1.0)
    first, *others = pieces
    likeness = [_likeness(first, other) for other in others]
    parts = [first, *(other for other, like in zip(others, likeness, strict=True) if like > 0)]
    if len(parts) > 1:
        parts = [again for part in parts if (again := _without_frame(seen, part)) is not None]
        if len(parts) < 2:
            return Limbs(tuple(p.mask for p in parts), (whole,) * len(parts), -1.0)
    margin = min((like for like in likeness if like > 0), default=max(likeness))
    return Limbs(tuple(p.mask for p in parts), (whole,) * len(parts), margin)


def _in_panels(seen: Overview, boxes: list[Box]) -> Limbs | None:
    """Return what the panels show, if that is alike enough; each is looked at as an image of its own."""
    insides = [
        (panel, box, seen.inside(box))
        for panel in boxes
        if _wide(box := exposed(seen.grey, panel)) and _shown(seen.frame.sure, box)
    ]
    firsts = [
        (piece, panel, box, inside)
        for panel, box, inside in insides
        if (piece := _first_piece(seen, panel, box, inside)) is not None
    ]
    if len(firsts) < 2:
        return None
    all_of_them: list[tuple[Mask, Box]] = []
    for piece, panel, box, inside in firsts:
        limbs = find_limbs(inside)
        several = [
            (_in_whole(mask, seen.grey, box), _moved(part, box))
            for mask, part in zip(limbs.parts, limbs.panels, strict=True)
        ]
        all_of_them += several if len(several) > 1 else [(piece.mask, panel)]
    for parts in (all_of_them, [(piece.mask, panel) for piece, panel, _, _ in firsts]):
        areas = [int(np.count_nonzero(mask)) for mask, _ in parts]
        margin = min(areas) / max(areas) - _LIKE_AREA_APART
        if margin > 0:
            return Limbs(tuple(mask for mask, _ in parts), tuple(box for _, box in parts), margin)
    return None


def _wide(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= _NARROWEST


def _shown(sure: Mask, box: Box) -> bool:
    """Tell whether there is more in a box than a wide frame."""
    row0, column0, row1, column1 = box
    return bool(sure[row0:row1, column0:column1].mean() < _ALL_FRAME)


def _moved(box: Box, outer: Box) -> Box:
    """Return a box in a box, in the whole image."""
    return (box[0] + outer[0], box[1] + outer[1], box[2] + outer[0], box[3] + outer[1])


def _without_frame(seen: Overview, piece: Piece) -> Piece | None:
    """Look at a part's box again: a frame around one of several exposures is at the border of that alone."""
    box = box_of(piece.mask)
    inside = seen.inside(box)
    frame = inside.frame.mask
    if frame.mean() < _FRAME:
        return piece
    least, most = quantiles(inside.grey, np.ones_like(frame), (0.005, 0.995))
    low, high = quantiles(inside.grey, frame, (0.25, 0.75))
    if high - low > _ONE_LEVEL * (most - least):
        return piece
    return _placed(inside.pieces[0], seen.grey, box) if inside.pieces else None


def _apart(seen: Overview, whole: Piece) -> list[Piece]:
    """Look again without what can join two limbs: closed gaps, and a bar of the frame in the rim."""
    rows, columns = seen.grey.shape
    down, across = round(_RIM * rows), round(_RIM * columns)
    looks = [find_pieces(seen.ground, least=2, most=2, close=False)]
    if whole.mask[:down].any() or whole.mask[-down:].any():
        mask = seen.ground.soft.copy()
        mask[:down] = mask[-down:] = False
        mask[:, :across] = mask[:, -across:] = False
        looks.append(find_pieces(replace(seen.ground, soft=mask), least=2, most=2))
    for pieces in looks:
        if len(pieces) < 2 or sum(piece.area for piece in pieces) < _MOST_LEFT * whole.area:
            continue
        filled = sorted(piece.area / (piece.length * piece.width) for piece in pieces)
        if min(_likeness(*pieces) - _SURELY, filled[0] / filled[1] - _LIKE_FILLED) > 0:
            return pieces
    return [whole]


def _likeness(first: Piece, other: Piece) -> float:
    """Say by how much two pieces are more alike than two limbs must be; below zero: they are not."""
    area = min(first.area, other.area) / max(first.area, other.area)
    length = min(first.length, other.length) / max(first.length, other.length)
    grey = min(first.grey, other.grey) / max(first.grey, other.grey, 1e-6)
    margin = min(area - _LIKE_AREA, length - _LIKE_LENGTH, grey - _LIKE_GREY)
    down, across = other.centre[0] - first.centre[0], other.centre[1] - first.centre[1]
    between = math.degrees(math.atan2(down, across))
    off = max(_between(between, piece.angle) for piece in (first, other))
    slim = min(piece.length / piece.width for piece in (first, other))
    if slim > 1.2 and off < _END_TO_END:
        margin = min(margin, off / 90 - _END_TO_END / 90)
    return margin


def _between(a: float, b: float) -> float:
    """Return the angle between two axes in degrees, 0 to 90."""
    return abs((a - b + 90) % 180 - 90)


def _first_piece(seen: Overview, panel: Box, box: Box, inside: Overview) -> Piece | None:
    """Return the largest piece of a panel, in the whole image; none where the seam is an edge of it.

    `inside` is what is exposed of the panel: `box`.
    """
    grey = seen.grey
    rows, columns = grey.shape
    if not inside.pieces:
        return None
    first = inside.pieces[0]
    row0, column0, row1, column1 = panel
    sides = (
        (first.mask[0], row0 > 0 and not _strip_about(grey.T, row0)),
        (first.mask[-1], row1 < rows and not _strip_about(grey.T, row1)),
        (first.mask[:, 0], column0 > 0 and not _strip_about(grey, column0)),
        (first.mask[:, -1], column1 < columns and not _strip_about(grey, column1)),
    )
    # Beside a strip it is the edge of an exposure that the limb fills.
    if any(seam and np.count_nonzero(side) > ALONG_BORDER * first.length for side, seam in sides):
        return None
    return _without_frame(seen, _placed(first, grey, box))


def _strip_about(grey: Grey, column: int) -> bool:
    """Tell whether one of the columns about a cut has a single level."""
    return bool(one_level(grey[:, max(0, column - _NEAR) : column + _NEAR]).any())


def _placed(piece: Piece, grey: Grey, box: Box) -> Piece:
    """Return a piece that was found in a box, in the whole image."""
    mask = _in_whole(piece.mask, grey, box)
    return replace(piece, mask=mask, centre=(piece.centre[0] + box[0], piece.centre[1] + box[1]))


def _in_whole(mask: Mask, grey: Grey, box: Box) -> Mask:
    whole = np.zeros(grey.shape, np.bool_)
    whole[box[0] : box[2], box[1] : box[3]] = mask
    return whole
