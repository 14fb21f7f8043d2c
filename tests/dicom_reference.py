"""A second, slow way from a DICOM file to 8-bit grey: pydicom's functions, one after the other.

It shares no code with fxcore.dicom, so that the two can be held against each other pixel by pixel.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

GREY = ("MONOCHROME1", "MONOCHROME2")


def grey_frames(ds: Dataset) -> list[np.ndarray]:
    """Render all frames of a grey data set by the "auto" policy."""
    stored = ds.pixel_array
    frames = stored if stored.ndim == 3 else stored[np.newaxis]
    return [_frame(frame, _flat(ds, i)) for i, frame in enumerate(frames)]


def luma_frames(ds: Dataset) -> list[np.ndarray]:
    """Render all frames of a colour data set as BT.601 luma."""
    pixels, properties = get_decoder(ds.file_meta.TransferSyntaxUID).as_array(ds, raw=True)
    if properties["photometric_interpretation"].startswith("YBR_FULL"):
        # Y is the luma; by way of RGB it would be rounded and clipped once more.
        luma = pixels[..., 0]
        return list(luma if luma.ndim == 3 else luma[np.newaxis])
    palette = ds.PhotometricInterpretation == "PALETTE COLOR"
    if palette:
        pixels = apply_color_lut(pixels, ds)
    frames = pixels if pixels.ndim == 4 else pixels[np.newaxis]
    largest = 255 if palette and pixels.max() <= 255 else np.iinfo(pixels.dtype).max
    luma = frames.astype(np.float64) @ np.array([299, 587, 114]) / 1000
    return list(np.rint(luma / largest * 255).astype(np.uint8))


def _flat(ds: Dataset, frame: int) -> Dataset:
    """Lift the functional groups' transformations to where pydicom's functions look for them."""
    flat = copy.copy(ds)
    if "PixelData" not in ds:
        # Floating point pixels: the output range of a window is 0..1.
        flat.BitsStored, flat.PixelRepresentation = 1, 0
    for macro in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
        for groups, index in (
            ("SharedFunctionalGroupsSequence", 0),
            ("PerFrameFunctionalGroupsSequence", frame),
        ):
            items = ds.get(groups) or []
            if index < len(items) and macro in items[index]:
                for element in items[index][macro].value[0]:
                    flat[element.tag] = element
    return flat


def _frame(stored: np.ndarray, ds: Dataset) -> np.ndarray:
    padding = _padding(stored, ds)
    modality = np.asarray(apply_modality_lut(stored, ds))
    image = None
    if ds.get("VOILUTSequence"):
        depth, data = ds.VOILUTSequence[0].LUTDescriptor[2], ds.VOILUTSequence[0].LUTData
        entries = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.array(data)
        values = apply_voi_lut(modality, ds, prefer_lut=True)
        image = _finish(values, 0, max(2**depth - 1, int(entries.max())), ds, padding)
    elif _has_window(ds):
        values = apply_voi_lut(modality, ds, prefer_lut=False)
        image = _finish(values, *_range(ds), ds, padding)
    if image is None or image.min() == image.max():
        kept = modality[~padding].astype(np.float64)
        y_min, y_max = np.percentile(kept, [0.5, 99.5], method="inverted_cdf")
        if y_min == y_max:
            y_min, y_max = kept.min(), kept.max()
        image = _finish(np.clip(modality.astype(np.float64), y_min, y_max), y_min, y_max, ds, padding)
    return image


def _has_window(ds: Dataset) -> bool:
    if ds.get("WindowCenter") is None or ds.get("WindowWidth") is None:
        return False
    width = ds.WindowWidth if np.isscalar(ds.WindowWidth) else ds.WindowWidth[0]
    return bool(width >= 1 if ds.get("VOILUTFunction", "LINEAR") == "LINEAR" else width > 0)


def _range(ds: Dataset) -> tuple[float, float]:
    """The output range of a window, by the rule of PS3.3 C.11.2.1.2.1 and C.11.1."""
    if ds.get("ModalityLUTSequence"):
        return 0.0, 2.0 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    signed = ds.PixelRepresentation == 1
    low = -(2.0 ** (ds.BitsStored - 1)) if signed else 0.0
    high = low + 2.0**ds.BitsStored - 1
    if ds.get("RescaleSlope") is None or ds.get("RescaleIntercept") is None:
        return low, high
    slope, intercept = float(ds.RescaleSlope), float(ds.RescaleIntercept)
    return low * slope + intercept, high * slope + intercept


def _padding(stored: np.ndarray, ds: Dataset) -> np.ndarray:
    value = ds.get("PixelPaddingValue")
    if value is None or value == "":
        return np.zeros(stored.shape, bool)
    other: Any = ds.get("PixelPaddingRangeLimit")
    ends = np.array([value, value if other is None else other]).astype(np.int64)
    if ds.PixelRepresentation == 1:
        ends = ends.astype(np.uint16).astype(np.int16).astype(np.int64)
    return (stored >= ends.min()) & (stored <= ends.max())


def _finish(values: np.ndarray, y_min: float, y_max: float, ds: Dataset, padding: np.ndarray) -> np.ndarray:
    if y_min == y_max:
        return np.zeros(values.shape, np.uint8)
    image = np.rint((values.astype(np.float64) - y_min) / (y_max - y_min) * 255).astype(np.int64)
    assert image.min() >= 0
    assert image.max() <= 255
    if ds.PhotometricInterpretation == "MONOCHROME1" or ds.get("PresentationLUTShape") == "INVERSE":
        image = 255 - image
    image[padding] = 0
    return image.astype(np.uint8)
