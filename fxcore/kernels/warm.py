"""Compile everything before a process pool starts."""

from __future__ import annotations

import numpy as np

from fxcore.kernels.axis import principal_axis
from fxcore.kernels.histograms import pixel_sums
from fxcore.kernels.labelling import components, crop_without, keep_components
from fxcore.kernels.morphology import close_rectangle
from fxcore.kernels.otsu import otsu_threshold
from fxcore.kernels.png import png_unfilter
from fxcore.kernels.rotation import rotate
from fxcore.kernels.runs import runs_from_image, runs_to_mask
from fxcore.kernels.tone import apply_table


def warm() -> None:
    """Run every kernel once on a tiny input, for each type it is compiled for.

    The compiled code goes to Numba's cache on disk. Processes that start together and all compile
    would race for that cache: call this once before they do.
    """
    for dtype in (np.uint8, np.uint16):
        image = np.eye(4, dtype=dtype)
        runs = runs_from_image(image, otsu_threshold(image))
        pixel_sums(image)
        apply_table(image, np.zeros(np.iinfo(dtype).max + 1, np.uint8))
    grey = image.astype(np.uint8)
    runs_to_mask(close_rectangle(runs, 3, 3))
    found = components(runs)
    keep_components(runs, found, found.area > 0)
    crop_without(grey, runs, found, 0, (0, 0, 4, 4))
    principal_axis(runs)
    rotate(grey, 30.0)
    png_unfilter(bytes(6), 2, 2)
