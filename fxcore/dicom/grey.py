"""From stored values to 8-bit grey, in one fixed order.

stored values -> modality LUT or rescale -> VOI LUT or window -> one inversion -> 8 bits -> padding.

For pixels of up to 16 bits the whole chain is computed once on every value the stored bits can
express, in ``float64``, and becomes a table; the image is then mapped in one pass. The output range
``[y_min, y_max]`` of the VOI step becomes 0..255, rounded half to even.

References
----------
DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), C.11.6 (Presentation LUT Shape); PS3.4 N.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.frames import Frame
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.pixels import PixelFormat
from fxcore.dicom.transform import Floats, LookupTable, Rescale, Transform, Window, nominal_range
from fxcore.errors import UnreadableFileError
from fxcore.kernels import apply_table, histogram

Image = NDArray[np.uint8]


def grey_image(
    frame: Frame, fmt: PixelFormat, transform: Transform, config: PixelConfig
) -> tuple[Image, str]:
    """Render one grey frame.

    Parameters
    ----------
    frame : Frame
        One sample per pixel, MONOCHROME1 or MONOCHROME2.
    fmt : PixelFormat
    transform : Transform
    config : PixelConfig

    Returns
    -------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``.
    voi : str
        What was applied: ``"voi_lut"``, ``"window"``, ``"window_exact"``, ``"sigmoid"``,
        ``"percentile"`` or ``"full_range"``, then ``_1_of_<n>`` where the header offers several, then
        ``_after_<note>`` for each thing that was there but unusable; ``bad_bits_stored`` among them is a
        BitsStored of fewer bits than the samples use.

    Raises
    ------
    UnreadableFileError
        ``"constant_image"``.
    """
    image, voi = _render(frame, fmt, transform, config, config.voi)
    constant = is_constant(image)
    if constant and config.voi in ("auto", "window") and not voi.startswith("percentile"):
        # The window leaves nothing to see of pixels that do differ.
        image, voi = _render(frame, fmt, transform, config, "percentile")
        voi += "_after_blank_window"
        constant = is_constant(image)
    if constant and transform.padding is not None and _is_all_padding(frame, fmt, *transform.padding):
        image, voi = _render(frame, fmt, replace(transform, padding=None), config, config.voi)
        voi += "_after_bad_padding"
        constant = is_constant(image)
    if constant and transform.modality != Rescale():
        # Nor does the modality LUT leave anything to see.
        raw = replace(transform, modality=Rescale(), notes=(*transform.notes, "bad_rescale"))
        image, voi = _render(frame, fmt, raw, config, config.voi)
        constant = is_constant(image)
    if constant:
        raise UnreadableFileError("constant_image", "all pixels of the image are equal")
    if frame.compression in ("none", "lossless") and frame.bits > fmt.bits_stored:
        voi += "_after_bad_bits_stored"
    return image, voi


def _is_all_padding(frame: Frame, fmt: PixelFormat, low: float, high: float) -> bool:
    stored = _wide(frame, fmt) if fmt.keyword == "PixelData" else frame.values
    return bool(((stored >= low) & (stored <= high)).all())


def is_constant(image: Image) -> bool:
    """Tell whether all pixels are equal; in nearly every image a row tells that they are not."""
    return all(bool(part.min() == part.max()) for part in (image[len(image) // 2], image))


def _render(
    frame: Frame, fmt: PixelFormat, transform: Transform, config: PixelConfig, policy: str
) -> tuple[Image, str]:
    values = frame.values
    if fmt.keyword != "PixelData" or values.dtype.itemsize > 2:
        stored = values.astype(np.float64) if fmt.keyword != "PixelData" else _wide(frame, fmt)
        return _chain(stored, None, fmt, transform, config, policy)
    patterns = frame.stored_bits()
    stored = np.arange(2**frame.bits, dtype=np.float64)
    if fmt.signed:
        stored[2 ** (frame.bits - 1) :] -= 2**frame.bits
    raw = values.view(f"u{values.dtype.itemsize}")
    counts = None
    if _needs_counts(transform, policy):
        counts = np.bincount(patterns, weights=histogram(raw), minlength=2**frame.bits)
    table, voi = _chain(stored, counts, fmt, transform, config, policy)
    return apply_table(raw, table[patterns]), voi


def _wide(frame: Frame, fmt: PixelFormat) -> Floats:
    """Return stored values as numbers; those past 2**53 lose their last bits to ``float64``."""
    width = 8 * frame.values.dtype.itemsize
    left = width - frame.bits - frame.shift
    signed = frame.values.view(f"{'i' if fmt.signed else 'u'}{width // 8}")
    return (signed << left >> (left + frame.shift)).astype(np.float64)


def _needs_counts(transform: Transform, policy: str) -> bool:
    return _choose(transform, policy)[0] is None and policy != "none"


def _choose(transform: Transform, policy: str) -> tuple[LookupTable | Window | None, str]:
    """Return what to apply and its name; None stands for the percentile window or the full range."""
    notes = transform.notes
    if policy == "none":
        return None, _noted("full_range", notes)
    # Windows and VOI LUTs are given in modality values: without the modality step they mean nothing.
    if policy != "percentile" and "bad_rescale" not in notes:
        if policy == "auto" and transform.voi_lut is not None:
            return transform.voi_lut, _noted(_of("voi_lut", transform.voi_luts), ())
        if transform.window is not None:
            name = {"LINEAR": "window", "LINEAR_EXACT": "window_exact", "SIGMOID": "sigmoid"}
            named = _of(name[transform.window.function], transform.windows)
            return transform.window, _noted(named, [n for n in notes if n == "bad_voi_lut"])
    return None, _noted("percentile", notes if policy != "percentile" else ())


def _of(name: str, count: int) -> str:
    return f"{name}_1_of_{count}" if count > 1 else name


def _noted(name: str, notes: Any) -> str:
    return "_after_".join((name, *notes))


def _chain(
    stored: Floats,
    counts: NDArray[Any] | None,
    fmt: PixelFormat,
    transform: Transform,
    config: PixelConfig,
    policy: str,
) -> tuple[Image, str]:
    """Take stored values (an image, or every value there is with `counts` of each) to grey."""
    voi, name = _choose(transform, policy)
    modality = transform.modality(stored)
    padding = np.zeros(stored.shape, bool)
    if transform.padding is not None:
        low, high = transform.padding
        padding = (stored >= low) & (stored <= high)
    if fmt.keyword != "PixelData":
        padding |= ~np.isfinite(modality)
    y_min, y_max = nominal_range(fmt, transform.modality)
    if isinstance(voi, LookupTable):
        values, y_min, y_max = voi(modality), 0.0, voi.y_max
    elif isinstance(voi, Window):
        values = voi(modality, y_min, y_max)
    elif name.startswith("full_range") and fmt.keyword == "PixelData":
        values = modality
    else:
        values = modality
        kept = ~padding
        y_min, y_max = percentile_range(
            modality[kept],
            None if counts is None else counts[kept],
            config.percentile_low,
            config.percentile_high,
        )
        name = name.replace("full_range", "percentile")
    grey = scale(values, y_min, y_max)
    if transform.inverted:
        grey = 255 - grey
    grey[padding] = 0
    return grey, name


def scale(values: Floats, y_min: float, y_max: float) -> Image:
    """Return values with ``[y_min, y_max]`` spread over 0..255, rounded half to even; no number is 0."""
    if y_min == y_max:
        return np.zeros(values.shape, np.uint8)
    with np.errstate(invalid="ignore"):
        unit = (values - y_min) / (y_max - y_min)
    return np.rint(np.clip(np.nan_to_num(unit * 255.0, nan=0.0), 0.0, 255.0)).astype(np.uint8)


def percentile_range(
    values: Floats, counts: NDArray[Any] | None, low: float, high: float
) -> tuple[float, float]:
    """Return the two percentiles: the smallest value that at least that share does not exceed.

    Where the two are one value (nearly everything is background), the extremes are taken.
    """
    if counts is not None:
        order = np.argsort(values[counts > 0], kind="stable")
        present, counts = values[counts > 0][order], counts[counts > 0][order]
        if not len(present):
            return 0.0, 0.0
        cumulative = np.cumsum(counts)
        ranks = np.ceil(np.array([low, high]) / 100 * cumulative[-1])
        first, last = present[np.searchsorted(cumulative, np.maximum(ranks, 1))]
        return (first, last) if first < last else (present[0], present[-1])
    if not values.size:
        return 0.0, 0.0
    first, last = np.percentile(values, [low, high], method="inverted_cdf")
    return (first, last) if first < last else (float(values.min()), float(values.max()))
