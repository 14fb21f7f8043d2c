"""A decoder for grey JPEG 2000 without loss (ITU-T T.800), about twice as fast as OpenJPEG.

What radiographs come in: one component of up to 16 bits, the reversible wavelet, plain code blocks, in
tiles, layers, precincts and progressions of any kind. It refuses all else, and every stream that is not
exactly as the standard says, before any sample is decoded: what those are worth is for OpenJPEG to say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_2000_headers import Codestream, UnsupportedError, read_codestream
from fxcore.errors import ParameterError
from fxcore.kernels.code_blocks import decode_code_blocks
from fxcore.kernels.packets import CodeBlocks, read_packets
from fxcore.kernels.precincts import tile_layout
from fxcore.kernels.wavelet import inverse_wavelet_5_3

_CUT_SHARE = 0.1
# Code-block style of T.814.
_FAST = 0x40


def jpeg_2000_frame(source: bytes, runner: Any) -> NDArray[Any]:
    """Decode one frame of JPEG 2000; see `decode`.

    The option ``is_cut`` of `runner` is set to what `decode` finds.

    Raises
    ------
    UnsupportedError
        For a stream that this decoder does not read.
    """
    patterns, is_cut = decode(source)
    runner.set_option("is_cut", is_cut)
    return patterns


def decode(stream: bytes) -> tuple[NDArray[Any], bool | None]:
    """Decode a codestream, bare or in a JP2 file.

    The caller has made sure that the stream may hold as many samples as it claims.

    Parameters
    ----------
    stream : bytes

    Returns
    -------
    patterns : numpy.ndarray
        Shape ``(rows, columns)``; ``uint8``, or ``uint16`` for more than 8 bits, ``int8`` and ``int16`` for
        signed samples.
    is_cut : bool or None
        Whether code blocks end before their lowest bits, as in a stream that was cut to a rate; None where
        nothing tells.

    Raises
    ------
    UnsupportedError
        For a stream that this decoder does not read.
    """
    image = read_codestream(stream)
    if image.components > 1 or image.high_throughput:
        raise UnsupportedError("more than one component, or extensions (Rsiz)")
    if any(image.coding(index).block_style for index in range(len(image.tiles))):
        raise UnsupportedError("another transformation or code-block style")
    try:
        blocks = [_code_blocks(stream, image, index) for index in range(len(image.tiles))]
    except ParameterError as error:
        raise UnsupportedError(str(error)) from error
    plane = np.zeros(image.shape, np.int32)
    for tile in blocks:
        decode_code_blocks(*tile, plane)
    half = 1 << (image.bits - 1)
    shift, limits = (0, (-half, half - 1)) if image.signed else (half, (0, 2 * half - 1))
    patterns = np.empty(image.shape, np.uint8 if image.bits <= 8 else np.uint16)
    for index in range(len(image.tiles)):
        area = image.tile_area(index)
        levels = image.coding(index).levels
        inverse_wavelet_5_3(plane, patterns, area, _origin(image, area), levels, shift=shift, limits=limits)
    return (patterns.view(np.dtype(f"i{patterns.itemsize}")) if image.signed else patterns), _is_cut(blocks)


def is_cut(stream: bytes) -> bool | None:
    """Tell whether code blocks of a codestream end before their lowest bits, by its packet headers alone.

    It may be of several components, or of high throughput (ITU-T T.814).

    Returns
    -------
    bool or None
        As `decode`; None too for a codestream that is not understood.
    """
    try:
        image = read_codestream(stream)
        every = range(len(image.tiles))
        blocks = [_code_blocks(stream, image, index) for index in every]
        fast = image.high_throughput or any(image.coding(index).block_style & _FAST for index in every)
    except (UnsupportedError, ParameterError):
        return None
    # Its first pass takes all bits down to the one that it begins at; what more there are is not understood.
    return None if fast and any((tile.passes != 1).any() for tile in blocks) else _is_cut(blocks)


def _code_blocks(stream: bytes, image: Codestream, index: int) -> CodeBlocks:
    """Collect the code blocks of a tile."""
    area, coding, parts = image.tile_area(index), image.coding(index), image.tiles[index].parts
    # An empty packet is a byte.
    most = sum(end - begin for begin, end in parts) // coding.layers
    layout = tile_layout(
        area, _origin(image, area), coding.block_exponents, coding.precinct_exponents, most_precincts=most
    )
    return read_packets(
        stream,
        parts,
        layout,
        coding.bit_planes,
        layers=coding.layers,
        progression=coding.progression,
        start_markers=coding.start_markers,
        end_markers=coding.end_markers,
        components=image.components,
    )


def _is_cut(tiles: list[CodeBlocks]) -> bool | None:
    """Tell from the coding passes (D.3) whether the lowest bits of the coefficients are there."""
    short = every = 0
    whole = True
    for tile in tiles:
        missing = 3 * tile.bit_planes - 2 - tile.passes
        area = tile.height * tile.width
        # Encoders that do not cut leave out a last pass of zeros, and of a few coefficients several.
        short += int(area[missing > 1].sum())
        every += int(area.sum())
        whole = whole and not missing.any()
    return False if whole else True if short > _CUT_SHARE * every else None


def _origin(image: Codestream, area: tuple[int, int, int, int]) -> tuple[int, int]:
    """Return row and column of a tile's first sample in the image."""
    return area[1] - image.area[1], area[0] - image.area[0]
