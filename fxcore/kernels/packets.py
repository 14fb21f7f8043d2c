"""The packets of a JPEG 2000 tile: which bytes belong to which code block (ITU-T T.800 annex B.9 to B.12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._jit import kernel
from fxcore.kernels.precincts import Integers, Layout

SLACK = 8
"""Bytes after those of the last code block, so that a decoder may load a word at a time."""

# An empty packet takes a byte, but a packet that is not empty goes through all blocks of its precinct.
_MOST_VISITS = 2**24
_MOST_BIT_PLANES = 30
# Inclusion, number of passes, no longer length, three bits of length.
_LEAST_BITS = 6
_LRCP, _RLCP, _RPCL, _CPRL = 0, 1, 2, 4

_ENDED, _BROKEN, _TOO_DEEP, _LEFT_OVER = 1, 2, 3, 4
_MEANING = {
    _ENDED: "a tile ends before its last packet does",
    _BROKEN: "a packet header does not follow the standard",
    _TOO_DEEP: f"a code block of more than {_MOST_BIT_PLANES} bit-planes",
    _LEFT_OVER: "bytes after the last packet of a tile",
}

# Where in the codestream a kernel is: place, end of the tile-part, number of the next, byte and what is left
# of its bits, and what is wrong.
_POSITION, _END, _PART, _BYTE, _LEFT, _STATUS = 0, 1, 2, 3, 4, 5
_UNKNOWN = 2**30
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
        Magnitude bit-planes of each subband (equation E-2), LL first, then HL, LH, HH of each level.
    layers : int
    progression : int
        0 LRCP, 1 RLCP, 2 RPCL, 3 PCRL, 4 CPRL (table A.16).
    start_markers, end_markers : bool
        Whether SOP markers may and EPH markers must be there.

    Returns
    -------
    CodeBlocks

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
    precincts, blocks = layout.resolution.size, layout.blocks.shape[1]
    if planes.size <= layout.blocks[0].max(initial=-1):
        raise ParameterError(f"bit-planes of {planes.size} subbands are not enough")
    if blocks * layers > _MOST_VISITS:
        raise ParameterError(
            f"{blocks} code blocks in {layers} layers, over the limit of {_MOST_VISITS} visits"
        )
    size = int((ends[:, 1] - ends[:, 0]).sum())
    if precincts * layers > size:
        raise ParameterError(_MEANING[_ENDED])
    order, groups = _order(layout, progression)
    markers = np.array([start_markers, end_markers])
    most = min(blocks * layers, 8 * size // _LEAST_BITS)
    status, passes, zero_planes, segments = _walk(
        source, ends, order, groups, layers, layout.first_grid, layout.grids, layout.parents,
        planes[layout.blocks[0]], markers, most,
    )  # fmt: skip
    if status:
        raise ParameterError(_MEANING[status])
    data, begin, length = _gather(source, segments, blocks)
    kept = np.flatnonzero(passes)
    return CodeBlocks(
        data, begin[kept], length[kept], passes[kept], (planes[layout.blocks[0]] - zero_planes)[kept],
        *np.ascontiguousarray(layout.blocks[1:, kept]),
    )  # fmt: skip


def _order(layout: Layout, progression: int) -> tuple[Integers, Integers]:
    """Return the precincts in the order of the progression (B.12.1), and where groups of them begin.

    Of each group all layers come before the next group; within a layer its precincts follow each other.
    """
    count = layout.resolution.size
    every = np.arange(count + 1)
    if progression == _LRCP:
        return every[:-1], np.array([0, count])
    if progression == _RLCP:
        return every[:-1], np.append(np.flatnonzero(np.diff(layout.resolution, prepend=-1)), count)
    if progression == _RPCL:
        return every[:-1], every
    # With a single component, PCRL and CPRL are the same.
    return np.lexsort((layout.resolution, layout.x, layout.y)), every


@kernel
def _walk(source, parts, order, groups, layers, first_grid, grids, parents, planes, markers, most):
    """Read all packet headers.

    Returns a status, the passes (blocks,) and missing bit-planes (blocks,) of each block, and for each
    contribution of a packet to a block (3, contributions) the block, begin and length.
    """
    passes = np.zeros(planes.size, np.int64)
    zero_planes = np.zeros(planes.size, np.int64)
    length_bits = np.full(planes.size, 3, np.int64)
    segments = np.empty((3, most), np.int64)
    # Of each node: the value, where it is known, and what it is at least.
    inclusion = np.zeros((2, parents.size), np.int32)
    missing = np.zeros((2, parents.size), np.int32)
    for node in range(parents.size):
        inclusion[0, node] = missing[0, node] = _UNKNOWN
    trees = (inclusion, missing, parents, np.empty(_MOST_TREE_LEVELS, np.int64))
    at = np.zeros(6, np.int64)
    count = 0
    number = 0
    for group in range(groups.size - 1):
        for layer in range(layers):
            for member in range(groups[group], groups[group + 1]):
                if not _next_part(at, parts):
                    return _ENDED, passes, zero_planes, segments
                if markers[0]:
                    _skip_start_marker(source, at, number)
                number += 1
                first = count
                at[_BYTE] = at[_LEFT] = 0
                precinct = order[member]
                end = first_grid[precinct + 1] if _bit(source, at) else 0
                for g in range(first_grid[precinct], end):
                    for k in range(grids[0, g] * grids[1, g]):
                        b = grids[2, g] + k
                        more = _new_passes(
                            source, at, trees, grids[3, g] + k, b, layer, passes, zero_planes, planes
                        )
                        if more == 0:
                            continue
                        passes[b] += more
                        while _bit(source, at):
                            length_bits[b] += 1
                        bits = length_bits[b] + _log2(more)
                        if planes[b] - zero_planes[b] > _MOST_BIT_PLANES:
                            at[_STATUS] = _TOO_DEEP
                        if bits > 32 or count == most or passes[b] > 3 * (planes[b] - zero_planes[b]) - 2:
                            at[_STATUS] = _BROKEN
                        if at[_STATUS]:
                            return at[_STATUS], passes, zero_planes, segments
                        segments[0, count] = b
                        segments[2, count] = _number(source, at, bits)
                        count += 1
                if at[_BYTE] == 0xFF:
                    # The header ends with a stuffed bit, in a byte of its own (B.10.1).
                    at[_LEFT] = 0
                    _bit(source, at)
                if markers[1]:
                    _skip_end_marker(source, at)
                for k in range(first, count):
                    segments[1, k] = at[_POSITION]
                    at[_POSITION] += segments[2, k]
                if at[_POSITION] > at[_END] and at[_STATUS] == 0:
                    at[_STATUS] = _ENDED
                if at[_STATUS]:
                    return at[_STATUS], passes, zero_planes, segments
    if _next_part(at, parts):
        at[_STATUS] = _LEFT_OVER
    return at[_STATUS], passes, zero_planes, segments[:, :count]


@kernel
def _next_part(at, parts):
    """Go on to the next tile-part where this one is used up; return whether there is anything to read."""
    while at[_POSITION] == at[_END] and at[_PART] < parts.shape[0]:
        at[_POSITION] = parts[at[_PART], 0]
        at[_END] = parts[at[_PART], 1]
        at[_PART] += 1
    return at[_POSITION] < at[_END]


@kernel
def _new_passes(source, at, trees, node, block, layer, passes, zero_planes, planes):
    """Return how many passes a packet adds to a block, 0 if it leaves it out (B.10.4 to B.10.6)."""
    inclusion, missing, parents, path = trees
    if passes[block]:
        return _passes(source, at) if _bit(source, at) else 0
    if not _known(source, at, inclusion, parents, path, node, layer + 1):
        return 0
    while zero_planes[block] < planes[block]:
        if _known(source, at, missing, parents, path, node, zero_planes[block] + 1):
            break
        zero_planes[block] += 1
    return _passes(source, at)


@kernel
def _log2(value):
    """Return the logarithm to base 2 of a positive integer, rounded down."""
    result = 0
    while value > 1:
        value >>= 1
        result += 1
    return result


@kernel
def _bit(source, at):
    """Return the next bit of a packet header, of which a 0 is left out after each byte FF (B.10.1).

    Past the end there are zeros, which end every loop over the bits, and the status says so.
    """
    if at[_LEFT] == 0:
        if at[_POSITION] >= at[_END]:
            at[_STATUS] = _BROKEN
            return 0
        before = at[_BYTE]
        at[_BYTE] = source[at[_POSITION]]
        at[_POSITION] += 1
        at[_LEFT] = 8
        if before == 0xFF:
            at[_LEFT] = 7
            if at[_BYTE] > 0x7F:
                at[_STATUS] = _BROKEN
    at[_LEFT] -= 1
    return (at[_BYTE] >> at[_LEFT]) & 1


@kernel
def _number(source, at, bits):
    """Return a number of `bits` bits, most significant first."""
    value = 0
    for _ in range(bits):
        value = 2 * value + _bit(source, at)
    return value


@kernel
def _passes(source, at):
    """Return how many coding passes a packet adds to a block (table B.4)."""
    if not _bit(source, at):
        return 1
    if not _bit(source, at):
        return 2
    value = _number(source, at, 2)
    if value < 3:
        return 3 + value
    value = _number(source, at, 5)
    if value < 31:
        return 6 + value
    return 37 + _number(source, at, 7)


@kernel
def _known(source, at, tree, parents, path, leaf, threshold):
    """Read on in a tag tree (B.10.2) until it is clear whether the value of `leaf` is below `threshold`.

    ``tree[0]`` holds the values that are known, ``tree[1]`` what the others are at least.
    """
    depth = 0
    node = leaf
    while node >= 0:
        path[depth] = node
        depth += 1
        node = parents[node]
    low = 0
    while depth > 0:
        depth -= 1
        node = path[depth]
        low = max(low, tree[1, node])
        while low < threshold and low < tree[0, node]:
            if _bit(source, at):
                tree[0, node] = low
            else:
                low += 1
        tree[1, node] = low
    return tree[0, leaf] < threshold


@kernel
def _skip_start_marker(source, at, number):
    """Skip an SOP marker segment (A.8.1), where there is one, which counts the packets of the tile."""
    begin = at[_POSITION]
    if begin + 6 > at[_END] or source[begin] != 0xFF or source[begin + 1] != 0x91:
        return
    counted = (np.int64(source[begin + 4]) << 8) | source[begin + 5]
    if source[begin + 2] != 0 or source[begin + 3] != 4 or counted != number & 0xFFFF:
        at[_STATUS] = _BROKEN
    at[_POSITION] += 6


@kernel
def _skip_end_marker(source, at):
    """Skip the EPH marker (A.8.2)."""
    begin = at[_POSITION]
    if begin + 2 > at[_END] or source[begin] != 0xFF or source[begin + 1] != 0x92:
        at[_STATUS] = _BROKEN
        return
    at[_POSITION] += 2


@kernel
def _gather(source, segments, blocks):
    """Copy the bytes of each block together; return them, and of each block's the begin and length."""
    length = np.zeros(blocks, np.int64)
    for k in range(segments.shape[1]):
        length[segments[0, k]] += segments[2, k]
    begin = np.zeros(blocks, np.int64)
    for b in range(1, blocks):
        begin[b] = begin[b - 1] + length[b - 1]
    data = np.zeros(length.sum() + SLACK, np.uint8)
    free = begin.copy()
    for k in range(segments.shape[1]):
        block, place, size = segments[0, k], segments[1, k], segments[2, k]
        for i in range(size):
            data[free[block] + i] = source[place + i]
        free[block] += size
    return data, begin, length
