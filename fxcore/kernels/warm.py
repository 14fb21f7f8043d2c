"""Compile everything before a process pool starts."""

from __future__ import annotations

import numpy as np

from fxcore.kernels._ramp import climb, ramp_of
from fxcore.kernels.axis import moments, principal_axis
from fxcore.kernels.background import above_plane, masked_levels
from fxcore.kernels.blocks import block_means
from fxcore.kernels.code_blocks import decode_code_blocks
from fxcore.kernels.deflating import png_deflate
from fxcore.kernels.histograms import histogram, pixel_sums
from fxcore.kernels.jpeg_lossless import lossless_jpeg_scan
from fxcore.kernels.jpeg_ls import jpeg_ls_scan
from fxcore.kernels.jpeg_scans import ROOM, code_table, follow_band, follow_sequential, stacked
from fxcore.kernels.labelling import at_border, components, crop_without, keep_components
from fxcore.kernels.lines import across_line, straight_edges
from fxcore.kernels.medians import weighted_median
from fxcore.kernels.morphology import close_rectangle
from fxcore.kernels.otsu import otsu_threshold
from fxcore.kernels.packbits import unpack_planes
from fxcore.kernels.packets import read_packets
from fxcore.kernels.png import png_unfilter
from fxcore.kernels.precincts import tile_layout
from fxcore.kernels.profiles import across_axis, medial_slope
from fxcore.kernels.rotation import rotate
from fxcore.kernels.runs import Runs, runs_to_mask
from fxcore.kernels.scanning import runs_from_image
from fxcore.kernels.shrinking import shrink
from fxcore.kernels.strokes import short_strokes
from fxcore.kernels.texture import correlation, local_structure
from fxcore.kernels.tone import apply_table, corner_means
from fxcore.kernels.wavelet import inverse_wavelet_5_3


def warm() -> None:
    """Run every kernel once on a tiny input, for each type it is compiled for.

    The compiled code goes to Numba's cache on disk. Processes that start together and all compile
    would race for that cache: call this once before they do. Call it too before a process with several
    threads forks: a child made while one of them compiles could never compile anything itself.
    """
    warm_files()
    warm_images()


def warm_images() -> None:
    """Do what `warm` does for the half of the kernels that work on images; it shares none with the other."""
    for dtype in (np.uint8, np.uint16):
        _warm_type(dtype)
        inverse_wavelet_5_3(np.zeros((4, 4), np.int32), np.zeros((4, 4), dtype), (0, 0, 4, 4), (0, 0), 2)
    _warm_steps()
    _warm_tables()


def warm_radiographs() -> None:
    """Do what `warm` does for what any radiograph may need once it is decoded."""
    _warm_type(np.uint8)
    _warm_steps()
    _warm_tables()
    png_deflate(np.zeros((8, 8), np.uint8))


def _warm_type(dtype: type[np.uint8 | np.uint16]) -> None:
    """Run what there is for images of several types."""
    image = np.eye(20, dtype=dtype)
    runs = runs_from_image(image, otsu_threshold(image))
    corner_means(image, 1, 1)
    crop_without(image, runs, components(runs), 0, (0, 0, 4, 4))
    pixel_sums(image)
    for degrees in (30.0, 90.0, 180.0):
        rotate(image, degrees)


def _warm_tables() -> None:
    """Run what there is for stored values; of a small image no table is looked at for a ramp."""
    apply_table(np.zeros(1, np.uint8), np.zeros(1 << 8, np.uint8))
    values, table = np.zeros(1, np.uint16), np.zeros(1 << 16, np.uint8)
    climb(values, table, ramp_of(table), apply_table(values, table))


def _warm_steps() -> None:
    """Run what there is for masks, and for radiographs made small."""
    # A histogram of many pixels, of which several threads each count some, takes another way.
    histogram(np.zeros((2, 1 << 17), np.uint8), threads=2)
    runs = runs_from_image(np.eye(20, dtype=np.uint8), 0)
    found = components(runs)
    runs_to_mask(close_rectangle(runs, 3, 3))
    keep_components(runs, found, np.zeros(found.count, np.bool_))
    found.kept(np.zeros(found.count, np.bool_))
    principal_axis(runs)
    moments(runs, np.eye(20, dtype=np.float32))
    Runs.checked(runs.shape, runs.row_start, runs.start, runs.stop)
    block_means(np.zeros((2, 2), np.uint8), 2)
    shrink(np.zeros((2, 2), np.uint8), 1, 1)
    mask = np.eye(4, dtype=np.bool_)
    at_border(mask)
    straight_edges(mask, 1)
    grey = mask.astype(np.float32)
    across_line(grey, mask, mask, np.ones(3))
    correlation(grey, local_structure(grey), mask)
    masked_levels(grey, mask, 8)
    short_strokes(grey, 1, 0.0)
    above_plane(grey, mask)
    medial_slope(*np.zeros((4, 2)))
    weighted_median(*np.ones((2, 2), np.float32))
    across_axis(mask, grey, mask, (1.0, 1.0), 0.0)


def warm_files() -> None:
    """Do what `warm` does for the half of the kernels that read and write the bytes of files."""
    png_deflate(np.zeros((8, 8), np.uint8))
    png_unfilter(bytes(6), 2, 2)
    tile = (0, 0, 4, 4)
    layout = tile_layout(tile, (0, 0), (2, 2), [(15, 15)], most_precincts=1)
    read_packets(bytes(1), [(0, 1)], layout, [9], layers=1, progression=0)
    zero, one, coefficients = np.array([0]), np.array([1]), np.zeros((1, 1), np.int32)
    decode_code_blocks(
        np.zeros(8, np.uint8), zero, zero, one, one, zero, zero, zero, one, one, plane=coefficients
    )
    for planes in (1, 2):
        unpack_planes(bytes([0, 0]), [(0, 2)] * planes, 1)
    lossless_jpeg_scan(b"\x7f\xff\xd9", 0, [1] + [0] * 15, [0], (1, 1), precision=8, predictor=1)
    jpeg_ls_scan(b"\x80\xff\xd9", 0, (1, 1), precision=8)
    _warm_jpeg()


def _warm_jpeg() -> None:
    """Run what follows the codes of a JPEG."""
    data = np.zeros(ROOM, np.uint8)
    firsts, others = (stacked([code_table([1] + [0] * 15, [0], first=first)]) for first in (True, False))
    follow_sequential(data, 0, 8, 1, np.zeros((1, 2), np.int64), firsts, others, False)
    follow_band(data, 0, 8, np.zeros(1, np.uint64), others, 1, 63, False)
