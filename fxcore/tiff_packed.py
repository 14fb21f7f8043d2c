"""Whether strips and tiles of a TIFF hold what they should: libtiff fills them and looks no further."""

from __future__ import annotations

import imagecodecs
from isal import isal_zlib

from fxcore.errors import DamagedDataError, UnreadableFileError
from fxcore.kernels import unpack_planes
from fxcore.tiff_directory import Compression, Directory, Tag, segments

_CHECKED = (Compression.DEFLATE, Compression.OLD_DEFLATE, Compression.PACKBITS, Compression.LZW)
_LZW_STRING = 4096  # bytes that a code of LZW stands for at most
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_packed(data: bytes, directory: Directory) -> None:
    """Refuse a page with a strip or tile of Deflate, PackBits or LZW that is not what its writer wrote.

    Deflate has a checksum at its end (RFC 1950), which is never reached where damage makes the data longer.
    PackBits and LZW have none, but damage of more than a few bits seldom leaves the length as it was.

    Raises
    ------
    UnreadableFileError
        ``"damaged_image"``.
    """
    compression = directory.value(Tag.COMPRESSION, 1)
    if compression not in _CHECKED:
        return
    lengths = directory.values.get(Tag.TILE_BYTES) or directory.values.get(Tag.STRIP_BYTES, ())
    if compression in (Compression.PACKBITS, Compression.LZW) and not any(lengths):
        # Of a page whose length is not said, nobody knows where it ends.
        return
    layout = segments(directory, len(data))
    page_rows = directory.value(Tag.LENGTH, 0)
    planar = directory.value(Tag.PLANAR, 1) == 2
    bits = directory.value(Tag.BITS, 1) * (1 if planar else directory.value(Tag.SAMPLES, 1))
    row = -(-layout.columns * bits // 8)
    tiled = bool(directory.value(Tag.TILE_WIDTH, 0))
    down = -(-page_rows // layout.rows)
    for position, (offset, length) in enumerate(layout.places):
        packed = data[offset : offset + length]
        if directory.value(Tag.FILL_ORDER, 1) == 2:
            packed = packed.translate(_REVERSED)
        top = position // layout.across % down * layout.rows
        least = row * (layout.rows if tiled else min(layout.rows, page_rows - top))
        # Some writers fill up the last strip with rows that are not of the page.
        sizes = sorted({least, row * layout.rows})
        try:
            if compression == Compression.PACKBITS:
                _check_runs(packed, sizes)
            elif compression == Compression.LZW:
                _check_lzw(packed, sizes)
            else:
                _check_deflated(packed, sizes)
        except DamagedDataError as error:
            raise UnreadableFileError(
                "damaged_image", f"strip or tile {position + 1} of {len(layout.places)} is damaged: {error}"
            ) from None


def _check_deflated(packed: bytes, sizes: list[int]) -> None:
    inflater = isal_zlib.decompressobj()
    try:
        # Asked for one byte more than there may be, it goes on to the checksum at the end.
        found = len(inflater.decompress(packed, sizes[-1] + 1))
    except isal_zlib.IsalError as error:  # type: ignore[misc]  # declared as an instance
        raise DamagedDataError(str(error)) from None
    if found > sizes[-1] or found < sizes[0]:
        more = "more than " if found > sizes[-1] else f"{found} of "
        raise DamagedDataError(f"it inflates to {more}{sizes[0]} bytes")
    if not inflater.eof:
        raise DamagedDataError("its checksum is missing")


def _check_runs(packed: bytes, sizes: list[int]) -> None:
    try:
        unpack_planes(packed, [(0, len(packed))], sizes[0])
    except DamagedDataError:
        if len(sizes) == 1:
            raise
        unpack_planes(packed, [(0, len(packed))], sizes[1])


def _check_lzw(packed: bytes, sizes: list[int]) -> None:
    """Refuse what is longer than it may be; what is shorter, or no LZW, libtiff refuses itself."""
    most = sizes[-1] + 2 * _LZW_STRING
    try:
        found = len(imagecodecs.lzw_decode(packed, out=most))
        if found <= sizes[-1]:
            return
        # Some writers leave out the code for the end, and a byte that fills up may pass for one code more.
        has_end = len(imagecodecs.lzw_decode(packed + bytes(8), out=most)) == found
    except imagecodecs.LzwError:
        return
    if has_end or found == most:
        raise DamagedDataError(f"it unpacks to more than {sizes[0]} bytes")
