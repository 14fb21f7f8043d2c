"""Arrays in, arrays out: the compiled kernels of fxray."""

from fxcore.kernels.axis import Moments, PrincipalAxis, moments, principal_axis
from fxcore.kernels.background import above_plane, masked_levels
from fxcore.kernels.blocks import block_means
from fxcore.kernels.code_blocks import decode_code_blocks
from fxcore.kernels.deflating import png_deflate
from fxcore.kernels.histograms import histogram, pixel_sums
from fxcore.kernels.jpeg_lossless import lossless_jpeg_scan
from fxcore.kernels.jpeg_ls import jpeg_ls_scan
from fxcore.kernels.labelling import Components, at_border, components, crop_without, keep_components
from fxcore.kernels.lines import across_line, straight_edges
from fxcore.kernels.medians import weighted_median
from fxcore.kernels.morphology import close_rectangle, dilate_rectangle, erode_rectangle, open_rectangle
from fxcore.kernels.otsu import otsu_threshold
from fxcore.kernels.packbits import unpack_planes
from fxcore.kernels.png import png_unfilter
from fxcore.kernels.profiles import AcrossAxis, across_axis, medial_slope
from fxcore.kernels.rotation import rotate
from fxcore.kernels.runs import Runs, runs_to_mask
from fxcore.kernels.scanning import runs_from_image, runs_from_mask
from fxcore.kernels.shrinking import shrink
from fxcore.kernels.strokes import short_strokes
from fxcore.kernels.texture import correlation, local_structure
from fxcore.kernels.tone import apply_table, corner_means, invert
from fxcore.kernels.warm import warm

__all__ = [
    "AcrossAxis",
    "Components",
    "Moments",
    "PrincipalAxis",
    "Runs",
    "above_plane",
    "across_axis",
    "across_line",
    "apply_table",
    "at_border",
    "block_means",
    "close_rectangle",
    "components",
    "corner_means",
    "correlation",
    "crop_without",
    "decode_code_blocks",
    "dilate_rectangle",
    "erode_rectangle",
    "histogram",
    "invert",
    "jpeg_ls_scan",
    "keep_components",
    "local_structure",
    "lossless_jpeg_scan",
    "masked_levels",
    "medial_slope",
    "moments",
    "open_rectangle",
    "otsu_threshold",
    "pixel_sums",
    "png_deflate",
    "png_unfilter",
    "principal_axis",
    "rotate",
    "runs_from_image",
    "runs_from_mask",
    "runs_to_mask",
    "short_strokes",
    "shrink",
    "straight_edges",
    "unpack_planes",
    "warm",
    "weighted_median",
]
