"""The packets of a JPEG 2000 tile: which bytes belong to which code block (ITU-T T.800 annex B.9 to B.12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._jit import kernel
from fxcore.kernels._packet_bits import (
    BROKEN,
    BYTE,
    COUNT,
    END,
    ENDED,
    LEFT,
    LEFT_OVER,
    PACKET,
    PART,
    POSITION,
    STATUS,
    TOO_DEEP,
    UNKNOWN,
    log2,
    read_bit,
    read_number,
    read_passes,
    read_tag_tree,
    skip_end_marker,
    skip_start_marker,
)
from fxcore.kernels.precincts import Integers, Layout

SLACK = 8
"""Bytes after those of the last code block, so that a decoder may load a word at a time."""

# An empty packet takes a byte, but a packet that is not empty goes through all blocks of its precinct.
_MOST_VISITS = 2**22
_MOST_BIT_PLANES = 30
# Inclusion, number of passes, no longer length, three bits of length.
_LEAST_BITS = 6
_LRCP, _RLCP, _RPCL, _PCRL, _CPRL = range(5)

_MEANING = {
    ENDED: "a tile ends before its last packet does",
    BROKEN: "a packet header does not follow the standard",
    TOO_DEEP: f"a code block of more than {_MOST_BIT_PLANES} bit-planes",
    LEFT_OVER: "bytes after the last packet of a tile",
}

# A precinct is 2**15 samples wide at most, a code block four.
_MOST_TREE_LEVELS = 16


class CodeBlocks(NamedTuple):
    """The code blocks that a tile holds anything of, in the order of its precincts.

    All but `data` are ``int64``, a number a block.
    """

    data: NDArray[np.uint8]  # of all blocks, those of each together, and `SLACK` bytes more
    begin: Integers  # place of a block's bytes in `data`
    length: Integers
    passes: Integers  # coding passes
    bit_planes: Integers  # magnitude bit-planes, without the leading ones that are all zero
    band: Integers  # 0 LL, 1 HL, 2 LH, 3 HH
    top: Integers  # place in the plane of coefficients
    left: Integers
    height: Integers
    width: Integers


def read_packets(
    stream: bytes,
    parts: Sequence[tuple[int, int]],
    layout: Layout,
    bit_planes: Sequence[int],
    *,
    layers: int,
    progression: int,
    start_markers: bool = False,
    end_markers: bool = False,
    components: int = 1,
) -> CodeBlocks:
    """Walk through the packets of a tile and collect the bytes of each code block.

    Cost: a byte is copied once; a packet header is read bit by bit.

    Parameters
    ----------
    stream : bytes
        The codestream.
    parts : sequence of tuple of int
        Begin and end in `stream` of the packets of each tile-part, in their order.
    layout : Layout
        As `tile_layout` returns it.
    bit_planes : sequence of int
        Magnitude bit-planes of each subband (equation E-2), LL first, then HL, LH, HH of each level, of each
        component.
    layers : int
    progression : int
        0 LRCP, 1 RLCP, 2 RPCL, 3 PCRL, 4 CPRL (table A.16).
    start_markers, end_markers : bool
        Whether SOP markers may and EPH markers must be there.
    components : int
        How many components the tile has, all of that layout.

    Returns
    -------
    CodeBlocks
        Of the first component, then of the next.

    Raises
    ------
    ParameterError
        Where the packets are not all there or not as the standard says, where bytes follow them, and where
        there are so many that they could not be walked through in about a second.

    Examples
    --------
    >>> from fxcore.kernels.precincts import tile_layout
    >>> layout = tile_layout((0, 0, 4, 4), (0, 0), (2, 2), [(15, 15)], most_precincts=1)
    >>> packet = bytes([0b11100010, 7, 7])
    >>> blocks = read_packets(packet, [(0, 3)], layout, [9], layers=1, progression=0)
    >>> blocks.data[:2], int(blocks.passes[0]), int(blocks.bit_planes[0])
    (array([7, 7], dtype=uint8), 1, 9)
    """
    source = np.frombuffer(stream, np.uint8)
    ends = np.array(parts, np.int64).reshape(-1, 2)
    if not np.all((ends[:, 0] >= 0) & (ends[:, 0] <= ends[:, 1]) & (ends[:, 1] <= len(stream))):
        raise ParameterError("tile-parts outside the codestream")
    if not 1 <= layers <= 65535 or not 0 <= progression <= _CPRL:
        raise ParameterError(f"{layers} layers in progression {progression}")
    planes = np.array(bit_planes, np.int64)
    if components < 1 or planes.size % components:
        raise ParameterError(f"bit-planes of {planes.size} subbands of {components} components")
    if planes.size // components <= layout.blocks[0].max(initial=-1):
        raise ParameterError(f"bit-planes of {planes.size} subbands are not enough")
    if components > 1:
        layout = _repeated(layout, components, planes.size // components)
    precincts, blocks = layout.resolution.size, layout.blocks.shape[1]
    if blocks * layers > _MOST_VISITS:
        raise ParameterError(
            f"{blocks} code blocks in {layers} layers, over the limit of {_MOST_VISITS} visits"
        )
    size = int((ends[:, 1] - ends[:, 0]).sum())
    if precincts * layers > size:
        raise ParameterError(_MEANING[ENDED])
    order, groups = _order(layout, progression, components)
    markers = np.array([start_markers, end_markers])
    most = min(blocks * layers, 8 * size // _LEAST_BITS)
    status, passes, zero_planes, segments = _walk(
        source, ends, order, groups, layers, layout.first_grid, layout.grids, layout.parents,
        planes[layout.blocks[0]], markers, most,
    )  # fmt: skip
    if status:
        raise ParameterError(_MEANING[status])
    data, begin, length = _gather(source, np.ascontiguousarray(segments), blocks)
    kept = np.flatnonzero(passes)
    return CodeBlocks(
        data, begin[kept], length[kept], passes[kept], (planes[layout.blocks[0]] - zero_planes)[kept],
        *np.ascontiguousarray(layout.blocks[1:, kept]),
    )  # fmt: skip


def _repeated(layout: Layout, components: int, subbands: int) -> Layout:
    """Return the layout of all components of a tile, one after the other."""
    grids, nodes, blocks = int(layout.first_grid[-1]), layout.parents.size, layout.blocks.shape[1]
    offsets = np.arange(components)
    first_grid = np.append(np.add.outer(offsets * grids, layout.first_grid[:-1]).ravel(), components * grids)
    all_grids = np.tile(layout.grids[:, :grids], components)
    all_grids[2] += np.repeat(offsets * blocks, grids)
    all_grids[3] += np.repeat(offsets * nodes, grids)
    parents = np.tile(layout.parents, components)
    parents[parents >= 0] += np.repeat(offsets * nodes, nodes)[parents >= 0].astype(np.int32)
    all_blocks = np.tile(layout.blocks, components)
    all_blocks[0] += np.repeat(offsets * subbands, blocks)
    resolution, y, x = (np.tile(key, components) for key in (layout.resolution, layout.y, layout.x))
    return Layout(resolution, y, x, first_grid, all_grids, parents, all_blocks)


def _order(layout: Layout, progression: int, components: int) -> tuple[Integers, Integers]:
    """Return the precincts in the order of the progression (B.12.1), and where groups of them begin.

    Of each group all layers come before the next group; within a layer its precincts follow each other.
    """
    count = layout.resolution.size
    every = np.arange(count + 1)
    resolution, y, x = layout.resolution, layout.y, layout.x
    component = np.repeat(np.arange(components), count // components)
    if progression in (_LRCP, _RLCP):
        order = np.lexsort((every[:-1], component, resolution))
        if progression == _LRCP:
            return order, np.array([0, count])
        return order, np.append(np.flatnonzero(np.diff(resolution[order], prepend=-1)), count)
    keys = {
        _RPCL: (component, x, y, resolution),
        _PCRL: (resolution, component, x, y),
        _CPRL: (resolution, x, y, component),
    }
    return np.lexsort(keys[progression]), every


@kernel
def _walk(source, parts, order, groups, layers, first_grid, grids, parents, planes, markers, most):
    """Read all packet headers.

    Returns a status, the passes (blocks,) and missing bit-planes (blocks,) of each block, and for each
    contribution of a packet to a block (3, contributions) the block, begin and length.
    """
    passes = np.zeros(planes.size, np.int64)
    zero_planes = np.zeros(planes.size, np.int64)
    state = (passes, zero_planes, np.zeros(planes.size, np.int64), planes)
    # Of each node: the value, where it is known, and what it is at least.
    inclusion = np.zeros((2, parents.size), np.int32)
    missing = np.zeros((2, parents.size), np.int32)
    for node in range(parents.size):
        inclusion[0, node] = missing[0, node] = UNKNOWN
    trees = (inclusion, missing, parents, np.empty(_MOST_TREE_LEVELS, np.int64))
    segments = np.empty((3, most), np.int64)
    at = np.zeros(STATUS + 1, np.int64)
    for group in range(groups.size - 1):
        for layer in range(layers):
            for member in range(groups[group], groups[group + 1]):
                if not _next_part(at, parts):
                    return ENDED, passes, zero_planes, segments
                if markers[0]:
                    skip_start_marker(source, at)
                at[PACKET] += 1
                precinct = order[member]
                first = at[COUNT]
                for g in range(first_grid[precinct], _begin(source, at, first_grid[precinct + 1])):
                    _grid(source, at, grids, g, layer, trees, state, segments)
                _end(source, at, markers[1])
                for k in range(first, at[COUNT]):
                    segments[1, k] = at[POSITION]
                    at[POSITION] += segments[2, k]
                if at[POSITION] > at[END] and at[STATUS] == 0:
                    at[STATUS] = ENDED
                if at[STATUS]:
                    return at[STATUS], passes, zero_planes, segments
    if _next_part(at, parts):
        at[STATUS] = LEFT_OVER
    return at[STATUS], passes, zero_planes, segments[:, : at[COUNT]]


@kernel
def _next_part(at, parts):
    """Go on to the next tile-part where this one is used up; return whether there is anything to read."""
    while at[POSITION] == at[END] and at[PART] < parts.shape[0]:
        at[POSITION] = parts[at[PART], 0]
        at[END] = parts[at[PART], 1]
        at[PART] += 1
    return at[POSITION] < at[END]


@kernel
def _begin(source, at, last):
    """Begin a packet header; return 0 if the packet is empty, else `last`."""
    at[BYTE] = at[LEFT] = 0
    return last if read_bit(source, at) else 0


@kernel
def _end(source, at, marked):
    """End a packet header."""
    if at[BYTE] == 0xFF:
        # A bit is stuffed after this byte, in one of its own (B.10.1).
        at[LEFT] = 0
        read_bit(source, at)
    if marked:
        skip_end_marker(source, at)


@kernel
def _grid(source, at, grids, g, layer, trees, state, segments):
    """Read what a packet header says of the blocks of grid `g` (B.10.3 to B.10.7).

    Writes block and length of each contribution into `segments`.
    """
    passes, zero_planes, length_bits, planes = state
    for k in range(grids[0, g] * grids[1, g]):
        block = grids[2, g] + k
        more = _new_passes(source, at, trees, grids[3, g] + k, block, layer, state)
        if more == 0:
            continue
        passes[block] += more
        while read_bit(source, at):
            length_bits[block] += 1
        bits = 3 + length_bits[block] + log2(more)
        coded = planes[block] - zero_planes[block]
        if coded > _MOST_BIT_PLANES:
            at[STATUS] = TOO_DEEP
        elif bits > 32 or at[COUNT] == segments.shape[1] or passes[block] > 3 * coded - 2:
            at[STATUS] = BROKEN
        if at[STATUS]:
            return
        segments[0, at[COUNT]] = block
        segments[2, at[COUNT]] = read_number(source, at, bits)
        at[COUNT] += 1


@kernel
def _new_passes(source, at, trees, node, block, layer, state):
    """Return how many passes a packet adds to a block, 0 if it leaves it out (B.10.4 to B.10.6)."""
    inclusion, missing, parents, path = trees
    passes, zero_planes, _, planes = state
    if passes[block]:
        return read_passes(source, at) if read_bit(source, at) else 0
    if not read_tag_tree(source, at, inclusion, parents, path, node, layer + 1):
        return 0
    while zero_planes[block] < planes[block]:
        if read_tag_tree(source, at, missing, parents, path, node, zero_planes[block] + 1):
            break
        zero_planes[block] += 1
    return read_passes(source, at)


@kernel
def _gather(source, segments, blocks):
    """Copy the bytes of each block together; return them, and of each block's the begin and length."""
    begin = np.zeros(blocks + 1, np.int64)
    for k in range(segments.shape[1]):
        begin[segments[0, k] + 1] += segments[2, k]
    for b in range(blocks):
        begin[b + 1] += begin[b]
    data = np.zeros(begin[blocks] + SLACK, np.uint8)
    length = np.zeros(blocks, np.int64)
    for k in range(segments.shape[1]):
        block, place, size = segments[0, k], segments[1, k], segments[2, k]
        free = begin[block] + length[block]
        piece = source[place : place + size]
        target = data[free : free + size]
        for i in range(size):
            target[i] = piece[i]
        length[block] += size
    return data, begin[:blocks], length
