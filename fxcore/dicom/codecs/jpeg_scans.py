"""Whether a JPEG holds all of its image: each scan is followed code by code (ITU-T T.81)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_segments import START_OF_SCAN, read_huffman_tables
from fxcore.dicom.codecs.streams import END_MARKER, check_jpeg_end, scans_until_end
from fxcore.errors import ParameterError, UnreadableFileError
from fxcore.kernels.jpeg_scans import ROOM, CodeTable, code_table, follow_band, follow_sequential, stacked
from fxcore.kernels.jpeg_stuffing import unstuff

_SEQUENTIAL, _PROGRESSIVE, _LOSSLESS = (0xC0, 0xC1), 0xC2, 0xC3
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_DHT, _END_OF_IMAGE, _DRI, _FILL = 0xC4, 0xD9, 0xDD, 0xFF
_STANDALONE = {0x00, 0x01, *range(0xD0, 0xD9)}
_LAST = 63  # coefficient
_OTHERS = 0x10  # added to the number of a table for coefficients other than the first (B.2.4.2)
# Encoders pad a scan to even or to a multiple of a few bytes; some to a block of the disk, by zeros.
_PADDING = 16

Bytes = NDArray[np.uint8]


class _OtherError(Exception):
    """A stream that is not for us to judge."""


class _MissingError(Exception):
    """A scan that does not hold what it should."""


@dataclass(slots=True)
class _Component:
    """A component of the frame: its sampling factors, and what has come of its coefficients.

    Attributes
    ----------
    lowest : numpy.ndarray
        ``int64``: of each of the 64 the lowest bit that has come, -1 before the first.
    present : numpy.ndarray
        See `fxcore.kernels.jpeg_scans.follow_band`.
    """

    across: int
    down: int
    lowest: NDArray[np.int64] = field(default_factory=lambda: np.full(_LAST + 1, -1))
    present: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))


@dataclass(slots=True)
class _Image:
    """What the segments have said so far."""

    kind: int = 0
    rows: int = 0
    columns: int = 0
    components: dict[int, _Component] = field(default_factory=dict)
    tables: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    interval: int = 0

    def units(self, scanned: list[_Component]) -> int:
        """Return how many units (MCU) a scan of these components has (A.2.2, A.2.3)."""
        side = 1 if self.kind == _LOSSLESS else 8
        tallest = max(c.down for c in self.components.values())
        widest = max(c.across for c in self.components.values())
        # A component by itself has units of one block, as many as it takes; several share larger ones.
        down, across = (scanned[0].down, scanned[0].across) if len(scanned) == 1 else (1, 1)
        rows, columns = -(-self.rows * down // tallest), -(-self.columns * across // widest)
        return -(-rows // side) * -(-columns // side)


@dataclass(frozen=True, slots=True)
class _Scan:
    """A scan header (B.2.3): components with the tables that each takes, and what the scan holds of them."""

    components: list[tuple[_Component, int]]
    low: int
    high: int
    refining: bool
    lowest: int

    def unit(self) -> list[int]:
        """Return the tables of each block of a unit."""
        if len(self.components) == 1:
            return [self.components[0][1]]
        return [tables for c, tables in self.components for _ in range(c.across * c.down)]


def check_jpeg_scans(stream: bytes, reason: str) -> None:
    """Refuse a JPEG whose scans do not hold all of the image, whatever its markers say.

    libjpeg fills what is missing with grey and calls that a success. To be asked of streams that have an
    end (`check_jpeg_end`) and may be as large as they say (`check_jpeg_size`). Arithmetic codes, hierarchical
    processes and segments that cannot be followed are left to the decoder.

    Parameters
    ----------
    stream : bytes
    reason : str
        Of the error.

    Raises
    ------
    UnreadableFileError
        With `reason`.
    """
    try:
        _follow(stream)
    except _MissingError as error:
        raise UnreadableFileError(reason, f"the JPEG is damaged or cut short: {error}") from None
    except (_OtherError, ParameterError, ValueError, LookupError):
        return


def with_jpeg_end(stream: bytes, reason: str) -> bytes:
    """Return a JPEG stream, with the end marker that it lacks where nothing but that is missing.

    To be asked of streams that may be as large as they say (`check_jpeg_size`).

    Raises
    ------
    UnreadableFileError
        Of `check_jpeg_end`.
    """
    try:
        check_jpeg_end(stream, reason)
    except UnreadableFileError as error:
        ended = stream + END_MARKER
        if error.reason != reason or not scans_until_end(ended) or not _is_whole(ended):
            raise
        check_jpeg_end(ended, reason)
        return ended
    return stream


def _is_whole(stream: bytes) -> bool:
    try:
        _follow(stream)
    except (_MissingError, _OtherError, ParameterError, ValueError, LookupError):
        return False
    return True


def _follow(stream: bytes) -> None:
    image, offset = _Image(), 2
    source, data = np.frombuffer(stream, np.uint8), np.empty(0, np.uint8)
    while True:
        offset = stream.index(b"\xff", offset)
        code = stream[offset + 1]
        if code == _END_OF_IMAGE:
            break
        if code in _STANDALONE or code == _FILL:
            offset += 1 if code == _FILL else 2
            continue
        size = int.from_bytes(stream[offset + 2 : offset + 4], "big")
        segment, offset = stream[offset + 4 : offset + 2 + size], offset + 2 + size
        if code == _DHT:
            read_huffman_tables(segment, image.tables)
        elif code == _DRI:
            image.interval = int.from_bytes(segment, "big")
        elif code in _START_OF_FRAME:
            _read_frame_header(code, segment, image)
        elif code == START_OF_SCAN:
            if not data.size:
                data = np.zeros(len(stream) - offset + ROOM, np.uint8)
            offset = _follow_scan(source, offset, _read_scan_header(segment, image), image, data)
    if any(component.lowest.any() for component in image.components.values()):
        raise _MissingError("a scan is missing")


def _read_frame_header(code: int, segment: bytes, image: _Image) -> None:
    if code not in (*_SEQUENTIAL, _PROGRESSIVE, _LOSSLESS) or image.kind:
        raise _OtherError
    image.kind = code
    image.rows, image.columns = (int.from_bytes(segment[k : k + 2], "big") for k in (1, 3))
    for k in range(6, 6 + 3 * segment[5], 3):
        image.components[segment[k]] = _Component(segment[k + 1] >> 4, segment[k + 1] & 15)
    sides = [n for c in image.components.values() for n in (c.across, c.down)]
    if not image.rows or not image.columns or not sides or min(sides) < 1:
        raise _OtherError


def _read_scan_header(segment: bytes, image: _Image) -> _Scan:
    count = segment[0]
    components = [(image.components[segment[k]], segment[k + 1]) for k in range(1, 1 + 2 * count, 2)]
    low, high, approximation = segment[1 + 2 * count : 4 + 2 * count]
    if not components:
        raise _OtherError
    if image.kind != _PROGRESSIVE:
        return _Scan(components, 0, _LAST, False, 0)
    if not low <= high <= _LAST or (low and count > 1) or (high and not low):
        raise _OtherError
    return _Scan(components, low, high, approximation > 15, approximation & 15)


def _follow_scan(source: Bytes, offset: int, scan: _Scan, image: _Image, data: Bytes) -> int:
    """Follow a scan whose data begins at `offset`; returns where the marker after it is."""
    units = image.units([component for component, _ in scan.components])
    interval = image.interval or units
    ends = np.empty(-(-units // interval), np.int64)
    intervals, marker = unstuff(source, offset, data, ends)
    if intervals != ends.size:
        raise _MissingError(f"the restart markers of a scan are not those of {ends.size} intervals")
    codes = _codes(scan, image)
    at = 0
    for first, end in zip(range(0, units, interval), (8 * ends).tolist(), strict=True):
        size = min(interval, units - first)
        at, done = _follow_interval(data, at, end, (first, size), units, scan, codes)
        if at < 0:
            raise _MissingError(f"the codes of a scan end after {first + done} of its {units} units")
        if end - at > 8 * _PADDING and not _is_padding(data, -(-at // 8), end // 8):
            raise _MissingError(f"a scan goes on for {(end - at) // 8} bytes after the last of its units")
        at = end
    for component, _ in scan.components:
        component.lowest[scan.low : scan.high + 1] = scan.lowest
    return marker


def _is_padding(data: Bytes, first: int, end: int) -> bool:
    """Tell whether there are zeros from where the codes end.

    The last byte of the codes is filled up with ones (F.1.2.3). Zeros that begin before it are what is left
    of a scan that was overwritten: they too are codes, of units that were others.
    """
    return first > 0 and data[first - 1] != 0 and not data[first:end].any()


def _codes(scan: _Scan, image: _Image) -> tuple[Any, ...]:
    """Return what `follow_sequential` takes after the number of units, or `follow_band` after the blocks."""
    unit = scan.unit()
    if scan.low:
        return (_tables(image, [unit[0] & 15 | _OTHERS]),)
    if scan.refining:
        return ()
    firsts = sorted({tables >> 4 for tables in unit})
    others = sorted({tables & 15 | _OTHERS for tables in unit})
    plan = np.array([(firsts.index(t >> 4), others.index(t & 15 | _OTHERS)) for t in unit], np.int64)
    alone = image.kind not in _SEQUENTIAL
    of_firsts = _tables(image, firsts)
    return plan, of_firsts, of_firsts if alone else _tables(image, others), alone


def _follow_interval(
    data: Bytes,
    at: int,
    end: int,
    share: tuple[int, int],
    units: int,
    scan: _Scan,
    codes: tuple[Any, ...],
) -> tuple[int, int]:
    """Follow the codes of `share`, first unit and number of units; see `follow_sequential`."""
    first, size = share
    if scan.low:
        component = scan.components[0][0]
        if component.present.size != units:
            component.present = np.zeros(units, np.uint64)
        blocks = component.present[first : first + size]
        return follow_band(data, at, end, blocks, *codes, scan.low, scan.high, scan.refining)
    if scan.refining:
        # A bit for each first coefficient.
        bits = len(scan.unit())
        held = min(size, (end - at) // bits)
        return (at + size * bits if held == size else -1), held
    return follow_sequential(data, at, end, size, *codes)


def _tables(image: _Image, numbers: list[int]) -> tuple[NDArray[Any], ...]:
    found = []
    for number in numbers:
        counts, values = image.tables[number]
        found.append(_table(bytes(counts), bytes(values), number < _OTHERS))
    return stacked(found)


@lru_cache(maxsize=32)
def _table(counts: bytes, values: bytes, first: bool) -> CodeTable:
    return code_table(list(counts), list(values), first=first)
