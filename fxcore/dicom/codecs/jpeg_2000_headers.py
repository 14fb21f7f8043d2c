"""The main header and the tile-part headers of a JPEG 2000 codestream (ITU-T T.800 annex A)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from fxcore.dicom.codecs.streams import END_MARKER, jpeg_2000_start

_SIZ, _CAP, _COD, _COC, _QCD, _QCC = 0xFF51, 0xFF50, 0xFF52, 0xFF53, 0xFF5C, 0xFF5D
_SOT, _SOD = 0xFF90, 0xFF93
# TLM, PLM, CRG and COM, or PLT and COM: what the image does not depend on.
_SKIPPED_IN_MAIN, _SKIPPED_IN_TILE = {0xFF55, 0xFF57, 0xFF63, 0xFF64}, {0xFF58, 0xFF64}
_MOST_TILES = 65535
_MOST_SEGMENTS = 2**17
_MOST_SAMPLES = 2**31 - 1
_MOST_COMPONENTS = 4
# Contexts that are reset or causal, segmentation symbols, high throughput: packets are the same with these.
_BLOCK_STYLES = 0x02 | 0x08 | 0x20 | 0x40


class UnsupportedError(ValueError):
    """A codestream that this decoder leaves to another one, be it broken or beyond what it knows."""


@dataclass(frozen=True, slots=True)
class Coding:
    """What the COD and QCD segments say of a tile."""

    progression: int
    layers: int
    block_exponents: tuple[int, int]
    precinct_exponents: tuple[tuple[int, int], ...]  # of each resolution, lowest first
    bit_planes: tuple[int, ...]  # of each subband: LL, then HL, LH, HH of each level; of each component
    block_style: int  # table A.19; 0 for plain code blocks
    start_markers: bool
    end_markers: bool

    @property
    def levels(self) -> int:
        """Decomposition levels."""
        return len(self.precinct_exponents) - 1


@dataclass(slots=True)
class Tile:
    """What the tile-parts of a tile say."""

    parts: list[tuple[int, int]] = field(default_factory=list)  # begin and end of the packets of each
    count: int = 0  # how many of them there are, if any of them says
    segments: dict[int, bytes] = field(default_factory=dict)  # as `Codestream`, of the first one's header


@dataclass(frozen=True, slots=True)
class Codestream:
    """A codestream of one component or of several alike, taken apart.

    Attributes
    ----------
    area : tuple of int
        x0, y0, x1, y1 of the image on the reference grid.
    tile_grid : tuple of int
        x0 and y0 of the first tile, width and height of a tile.
    components, bits : int
    signed : bool
    high_throughput : bool
        Whether code blocks may be coded as in ITU-T T.814.
    tiles : list of Tile
        In raster order.
    segments : dict
        COD and QCD of the main header by their markers, COC and QCC by marker and component in one number.
    """

    area: tuple[int, int, int, int]
    tile_grid: tuple[int, int, int, int]
    components: int
    bits: int
    signed: bool
    high_throughput: bool
    tiles: list[Tile]
    segments: dict[int, bytes]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.area[3] - self.area[1], self.area[2] - self.area[0]

    def tile_area(self, index: int) -> tuple[int, int, int, int]:
        """Return x0, y0, x1, y1 of a tile on the reference grid (equations B-7 to B-10)."""
        left, top, width, height = self.tile_grid
        across = -(-(self.area[2] - left) // width)
        x, y = left + index % across * width, top + index // across * height
        return (
            max(x, self.area[0]),
            max(y, self.area[1]),
            min(x + width, self.area[2]),
            min(y + height, self.area[3]),
        )

    def coding(self, index: int) -> Coding:
        """Return how a tile is coded.

        Raises
        ------
        UnsupportedError
            For all but the reversible wavelet, for code blocks of which packets say more than of plain ones,
            and for components that are divided differently.
        """
        own = self.tiles[index].segments
        # What a tile says goes before what the main header says of one of its components (A.6.1 to A.6.5).
        outdone = {of_one for of_all, of_one in ((_COD, _COC), (_QCD, _QCC)) if of_all in own}
        segments = {key: part for key, part in self.segments.items() if key >> 8 not in outdone} | own
        if not {_COD, _QCD} <= segments.keys():
            raise UnsupportedError("no COD or no QCD segment")
        if self.components == 1 and any(key > _SOD for key in segments):
            raise UnsupportedError("a COC or QCC segment of a single component")
        cod = segments[_COD]
        alike = bytes([cod[0] & 1]) + cod[5:] if cod else b""
        quantisations = []
        for component in range(self.components):
            if segments.get(_of(_COC, component), b"?" + alike)[1:] != alike:
                raise UnsupportedError("components that are coded differently")
            quantisations.append(segments.get(_of(_QCC, component), b"?" + segments[_QCD])[1:])
        return _coding(cod, quantisations)


def read_codestream(stream: bytes) -> Codestream:
    """Read all headers of a codestream, bare or in a JP2 file.

    Raises
    ------
    UnsupportedError
        For more than four components or 16 bits, for components that differ or are subsampled, and for any
        marker segment that changes how the image is decoded besides SIZ, CAP, COD, COC, QCD and QCC; where
        tiles, tile-parts or markers are missing, or their lengths do not lead from one to the next.
    """
    start = jpeg_2000_start(stream)
    boxes = stream[:start]
    if b"pclr" in boxes or b"cdef" in boxes:
        raise UnsupportedError("a palette or channel definitions")
    if stream[start : start + 2] != b"\xff\x4f":
        raise UnsupportedError("no start of codestream")
    try:
        return _read(stream, start + 2)
    except struct.error as error:
        raise UnsupportedError("a marker segment is shorter than its contents") from error


def _read(stream: bytes, offset: int) -> Codestream:
    main, offset = _segments(stream, offset, _SOT, (_SIZ, _CAP, _COD, _COC, _QCD, _QCC))
    if _SIZ not in main:
        raise UnsupportedError("no SIZ segment")
    area, tile_grid, components, bits, signed, high_throughput = _size(main.pop(_SIZ))
    high_throughput = main.pop(_CAP, None) is not None or high_throughput
    across, down = (-(-(area[2 + k] - tile_grid[k]) // tile_grid[2 + k]) for k in (0, 1))
    # Each tile takes a header of 14 bytes.
    if across * down > min(_MOST_TILES, len(stream) // 14):
        raise UnsupportedError(f"{across} x {down} tiles in {len(stream)} bytes")
    tiles = [Tile() for _ in range(across * down)]
    parts = 0
    while stream[offset : offset + 2] == b"\xff\x90":
        parts += 1
        if parts > _MOST_SEGMENTS:
            raise UnsupportedError(f"more than {_MOST_SEGMENTS} tile-parts")
        offset = _tile_part(stream, offset, tiles)
    if stream[offset : offset + 2] != END_MARKER:
        raise UnsupportedError("a tile-part is followed neither by another nor by the end of the codestream")
    if not all(tile.parts and len(tile.parts) == (tile.count or len(tile.parts)) for tile in tiles):
        raise UnsupportedError("a tile or a tile-part is missing")
    return Codestream(area, tile_grid, components, bits, signed, high_throughput, tiles, main)


def _of(marker: int, component: int) -> int:
    return marker << 8 | component


def _segments(stream: bytes, offset: int, end: int, known: tuple[int, ...]) -> tuple[dict[int, bytes], int]:
    """Return the contents of the `known` marker segments before the marker `end`, and where that is."""
    found: dict[int, bytes] = {}
    for _ in range(_MOST_SEGMENTS):
        marker, length = struct.unpack_from(">HH", stream, offset)
        if marker == end:
            return found, offset
        if length < 2 or offset + 2 + length > len(stream):
            raise UnsupportedError("a marker segment that reaches beyond the stream")
        key = _of(marker, stream[offset + 4]) if marker in (_COC, _QCC) and length > 2 else marker
        if marker in known and key not in found:
            found[key] = stream[offset + 4 : offset + 2 + length]
        elif marker not in (_SKIPPED_IN_MAIN if end == _SOT else _SKIPPED_IN_TILE):
            raise UnsupportedError(f"marker segment {marker:04X}")
        offset += 2 + length
    raise UnsupportedError(f"more than {_MOST_SEGMENTS} marker segments")


def _tile_part(stream: bytes, offset: int, tiles: list[Tile]) -> int:
    """Enter a tile-part (A.4.2) into `tiles`; return where it ends."""
    length, index, size, number, count = struct.unpack_from(">HHIBB", stream, offset + 2)
    end = offset + size if size else stream.rfind(END_MARKER)
    if length != 10 or end > len(stream) or index >= len(tiles):
        raise UnsupportedError("a tile-part that reaches beyond the stream, or of no tile")
    tile = tiles[index]
    if number != len(tile.parts) or (count and tile.count and count != tile.count):
        raise UnsupportedError("tile-parts in the wrong order or number")
    tile.count = count or tile.count
    found, begin = _segments(stream, offset + 12, _SOD, () if number else (_COD, _COC, _QCD, _QCC))
    begin += 2
    if begin > end:
        raise UnsupportedError("a tile-part shorter than its header")
    tile.segments |= found
    tile.parts.append((begin, end))
    return end


def _size(
    segment: bytes,
) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int], int, int, bool, bool]:
    """Read SIZ (A.5.1): the image's area, the first tile's place and size, components, bits, sign, T.814."""
    rsiz, x1, y1, x0, y0, width, height, left, top, components = struct.unpack_from(">H8IH", segment)
    if not 1 <= components <= _MOST_COMPONENTS or len(segment) != 36 + 3 * components:
        raise UnsupportedError(f"{components} components")
    depth = segment[36]
    if segment[36:] != bytes([depth, 1, 1]) * components:
        raise UnsupportedError("components that differ or are subsampled")
    if rsiz & 0x8000:
        raise UnsupportedError("extensions (Rsiz)")
    if not x0 < x1 or not y0 < y1 or (x1 - x0) * (y1 - y0) > _MOST_SAMPLES:
        raise UnsupportedError(f"an image of {y1 - y0} x {x1 - x0}")
    if not left <= x0 < left + width or not top <= y0 < top + height:
        raise UnsupportedError("a first tile without samples")
    bits = (depth & 0x7F) + 1
    if bits > 16:
        raise UnsupportedError(f"{bits} bits")
    tile = (left, top, width, height)
    return (x0, y0, x1, y1), tile, components, bits, bool(depth >> 7), bool(rsiz & 0x4000)


def _coding(cod: bytes, quantisations: list[bytes]) -> Coding:
    """Read COD (A.6.1), and QCD (A.6.4) of each component."""
    if len(cod) < 10:
        raise UnsupportedError("a COD segment that is too short")
    style, progression, layers, colour, levels, *exponents, block_style, transform = struct.unpack_from(
        ">BBHBBBBBB", cod
    )
    if style > 7 or progression > 4 or not layers or levels > 32:
        raise UnsupportedError("a COD segment of unknown values")
    if colour > (len(quantisations) >= 3) or block_style & ~_BLOCK_STYLES or transform != 1:
        raise UnsupportedError("another transformation or code-block style")
    sizes = cod[10:] if style & 1 else b"\xff" * (levels + 1)
    precincts = tuple((size & 15, size >> 4) for size in sizes)
    wide, high = (exponent + 2 for exponent in exponents)
    if max(wide, high) > 10 or wide + high > 12 or len(cod) != 10 + (len(sizes) if style & 1 else 0):
        raise UnsupportedError("code blocks or precincts of sizes that are not allowed")
    if len(precincts) != levels + 1 or any(0 in size for size in precincts[1:]):
        raise UnsupportedError("precincts of sizes that are not allowed")
    planes: list[int] = []
    for qcd in quantisations:
        if not qcd or qcd[0] & 31 or len(qcd) < 2 + 3 * levels:
            raise UnsupportedError("quantisation, or too few exponents")
        # Equation E-2.
        planes += ((qcd[0] >> 5) + (step >> 3) - 1 for step in qcd[1 : 2 + 3 * levels])
    markers = bool(style & 2), bool(style & 4)
    return Coding(progression, layers, (wide, high), precincts, tuple(planes), block_style, *markers)
