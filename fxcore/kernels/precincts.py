"""Where the precincts and code blocks of a JPEG 2000 tile lie (ITU-T T.800 annex B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._jit import kernel

Integers = NDArray[np.int64]

# Blocks are of 64 x 64 samples as a rule; of 16 x 16 these are 268 million samples still.
MOST_BLOCKS = 2**20
MOST_LEVELS = 32
_LARGEST_COORDINATE = 2**32


class Layout(NamedTuple):
    """The packets' view of a tile, as arrays.

    A *grid* is what a precinct holds of one subband: its code blocks, in raster order, and over them the two
    tag trees of the packet headers.
    """

    resolution: Integers  # of each precinct; precincts by resolution and then in raster order
    y: Integers  # where each precinct starts on the reference grid, which two progressions go by
    x: Integers
    first_grid: Integers  # of each precinct, and one past the last grid
    grids: (
        Integers  # (4, grids or more): width and height in blocks, first block, first node of the tag trees
    )
    parents: NDArray[np.int32]  # of each node of the tag trees; -1 for a root
    blocks: (
        Integers  # (6, blocks): subband, kind of subband (0 LL, 1 HL, 2 LH, 3 HH), top, left, height, width
    )


def tile_layout(
    tile: tuple[int, int, int, int],
    origin: tuple[int, int],
    block_exponents: tuple[int, int],
    precinct_exponents: Sequence[tuple[int, int]],
    *,
    most_precincts: int,
) -> Layout:
    """Divide a tile-component into resolutions, subbands, precincts and code blocks (T.800 B.5 to B.7).

    Parameters
    ----------
    tile : tuple of int
        ``(x0, y0, x1, y1)``, its coordinates on the reference grid.
    origin : tuple of int
        ``(row, column)`` of the plane of coefficients where the tile's first one lies; the subbands are
        nested from there: of each level the low-pass half first.
    block_exponents : tuple of int
        Base 2 logarithms of the nominal width and height of a code block.
    precinct_exponents : sequence of tuple of int
        The same of precincts, for each resolution, lowest first: one more than there are decomposition
        levels. Those above the lowest are 1 at least.
    most_precincts : int
        How many of them the tile's bytes could hold packets of.

    Returns
    -------
    Layout

    Raises
    ------
    ParameterError
        For an empty tile or exponents out of range, and for more precincts than `most_precincts` or more
        than `MOST_BLOCKS` code blocks: nothing is allocated for those.

    Examples
    --------
    >>> layout = tile_layout((0, 0, 100, 40), (0, 0), (5, 5), [(15, 15), (15, 15)], most_precincts=9)
    >>> layout.resolution
    array([0, 1])
    >>> layout.blocks[:, -1]
    array([ 3,  3, 20, 82, 20, 18])
    """
    x0, y0, x1, y1 = tile
    if not 0 <= x0 < x1 <= _LARGEST_COORDINATE or not 0 <= y0 < y1 <= _LARGEST_COORDINATE:
        raise ParameterError(f"a tile of coordinates {tile}")
    if (x1 - x0) * (y1 - y0) >= 2**31:
        raise ParameterError(f"a tile of {x1 - x0} x {y1 - y0} samples")
    exponents = np.array(precinct_exponents, np.int64).reshape(-1, 2)
    if not 1 <= len(exponents) <= MOST_LEVELS + 1 or exponents.min() < 0 or exponents.max() > 15:
        raise ParameterError("precinct exponents out of range")
    if exponents[1:].min(initial=1) < 1:
        raise ParameterError("precincts of less than a sample of a subband")
    if min(block_exponents) < 2 or sum(block_exponents) > 12:
        raise ParameterError(f"code-block exponents {block_exponents}")
    place = np.array([*tile, *origin, *block_exponents], np.int64)
    precincts, blocks = (int(n) for n in _counts(place, exponents))
    if precincts > most_precincts:
        raise ParameterError(f"{precincts} precincts where the tile's bytes hold at most {most_precincts}")
    if blocks > MOST_BLOCKS:
        raise ParameterError(f"{blocks} code blocks in a tile, over the limit of {MOST_BLOCKS}")
    keys, *arrays = _lay_out(place, exponents, precincts, blocks)
    return Layout(*keys, *arrays)


@kernel
def _ceil(value, shift):
    """Return ``value / 2**shift``, rounded up."""
    return (value + (1 << shift) - 1) >> shift


@kernel
def _resolution(place, level):
    """Return x0, y0, x1, y1 of the resolution that lies `level` levels down (equation B-14)."""
    return _ceil(place[0], level), _ceil(place[1], level), _ceil(place[2], level), _ceil(place[3], level)


@kernel
def _subband(place, level, kind):
    """Return x0, y0, x1, y1 of a subband `level` levels down (equation B-15)."""
    right = ((kind & 1) << level) >> 1
    down = ((kind >> 1) << level) >> 1
    return (
        _ceil(place[0] - right, level),
        _ceil(place[1] - down, level),
        _ceil(place[2] - right, level),
        _ceil(place[3] - down, level),
    )


@kernel
def _precincts(place, level, wide, high):
    """Return the first and last columns and rows of precincts of a resolution, the last exclusive (B-16)."""
    x0, y0, x1, y1 = _resolution(place, level)
    if x0 == x1 or y0 == y1:
        return 0, 0, 0, 0
    return x0 >> wide, y0 >> high, _ceil(x1, wide), _ceil(y1, high)


@kernel
def _counts(place, exponents):
    """Return the numbers of precincts and of code blocks of a tile."""
    levels = exponents.shape[0] - 1
    precincts = 0
    blocks = 0
    for r in range(levels + 1):
        left, top, right, bottom = _precincts(place, levels - r, exponents[r, 0], exponents[r, 1])
        precincts += (right - left) * (bottom - top)
        half = min(r, 1)
        wide = min(place[6], exponents[r, 0] - half)
        high = min(place[7], exponents[r, 1] - half)
        for kind in range(half, 1 + 3 * half):
            x0, y0, x1, y1 = _subband(place, levels - r + half, kind)
            if x0 < x1 and y0 < y1:
                blocks += (_ceil(x1, wide) - (x0 >> wide)) * (_ceil(y1, high) - (y0 >> high))
    return precincts, blocks


@kernel
def _lay_out(place, exponents, precincts, block_count):
    """Return the arrays of `Layout`, the numbers of precincts and code blocks being known."""
    levels = exponents.shape[0] - 1
    keys = np.empty((3, precincts), np.int64)
    first_grid = np.empty(precincts + 1, np.int64)
    grids = np.zeros((4, 3 * precincts), np.int64)
    blocks = np.empty((6, block_count), np.int64)
    p = 0
    g = 0
    b = 0
    nodes = 0
    for r in range(levels + 1):
        level = levels - r
        half = min(r, 1)
        left, top, right, bottom = _precincts(place, level, exponents[r, 0], exponents[r, 1])
        below = _resolution(place, level + 1)
        for row in range(top, bottom):
            for column in range(left, right):
                keys[0, p] = r
                keys[1, p] = max(place[1], row << (exponents[r, 1] + level))
                keys[2, p] = max(place[0], column << (exponents[r, 0] + level))
                first_grid[p] = g
                p += 1
                for kind in range(half, 1 + 3 * half):
                    wide = exponents[r, 0] - half
                    high = exponents[r, 1] - half
                    x0, y0, x1, y1 = _subband(place, level + half, kind)
                    sub_left = place[5] - x0 + (below[2] - below[0]) * (kind & 1)
                    sub_top = place[4] - y0 + (below[3] - below[1]) * (kind >> 1)
                    x0 = max(x0, column << wide)
                    x1 = min(x1, (column + 1) << wide)
                    y0 = max(y0, row << high)
                    y1 = min(y1, (row + 1) << high)
                    wide = min(wide, place[6])
                    high = min(high, place[7])
                    grids[2, g] = b
                    grids[3, g] = nodes
                    if x0 < x1 and y0 < y1:
                        grids[0, g] = _ceil(x1, wide) - (x0 >> wide)
                        grids[1, g] = _ceil(y1, high) - (y0 >> high)
                    g += 1
                    for j in range(grids[1, g - 1]):
                        for i in range(grids[0, g - 1]):
                            block_left = max(x0, ((x0 >> wide) + i) << wide)
                            block_top = max(y0, ((y0 >> high) + j) << high)
                            blocks[0, b] = max(3 * r - 3, 0) + kind
                            blocks[1, b] = kind
                            blocks[2, b] = sub_top + block_top
                            blocks[3, b] = sub_left + block_left
                            blocks[4, b] = min(y1, ((y0 >> high) + j + 1) << high) - block_top
                            blocks[5, b] = min(x1, ((x0 >> wide) + i + 1) << wide) - block_left
                            b += 1
                    nodes += _nodes(grids[0, g - 1], grids[1, g - 1])
    first_grid[precincts] = g
    parents = np.empty(nodes, np.int32)
    for k in range(g):
        _plant(grids[0, k], grids[1, k], grids[3, k], parents)
    return keys, first_grid, grids, parents, blocks


@kernel
def _nodes(width, height):
    """Return how many nodes the tag tree over `width` x `height` leaves has (B.10.2)."""
    count = width * height
    while width * height > 1:
        width = (width + 1) >> 1
        height = (height + 1) >> 1
        count += width * height
    return count


@kernel
def _plant(width, height, first, parents):
    """Write the parents of the nodes of one tag tree, leaves first, into `parents` from `first` on."""
    while width * height > 1:
        above = first + width * height
        next_width = (width + 1) >> 1
        for j in range(height):
            for i in range(width):
                parents[first + j * width + i] = above + (j >> 1) * next_width + (i >> 1)
        first = above
        width = next_width
        height = (height + 1) >> 1
    if width * height == 1:
        parents[first] = -1
