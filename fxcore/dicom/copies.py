"""Files that claim to be one image: whether their pixels are the same."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from pydicom.uid import UID

from fxcore.dicom.config import PixelConfig
from fxcore.dicom.pixels import PixelFormat
from fxcore.dicom.read import load_dicom, open_pixels


def difference(first: Path, other: Path, config: PixelConfig) -> str:
    """Return in words how the pixels of `other` differ from those of `first`, or nothing.

    Nothing is decoded where the stored pixels are the same, byte for byte. Windows do not count.

    Raises
    ------
    UnreadableFileError
        And nothing else, where one of the files gives no image.
    """
    if _stored(first, config) == _stored(other, config):
        return ""
    config = replace(config, voi="percentile")
    one, two = (load_dicom(path, config) for path in (first, other))
    if one.n_frames != two.n_frames:
        return f"{two.n_frames} frame(s), not {one.n_frames}"
    most = 0.0
    for (_, image), (_, pixels) in zip(one.frames, two.frames, strict=True):
        if image.shape != pixels.shape:
            return "{} x {} pixels, not {} x {}".format(*pixels.shape, *image.shape)
        most = max(most, float(np.abs(np.subtract(image, pixels, dtype=np.int16)).mean(dtype=np.float64)))
    return f"{most:.2g} of 255 grey levels apart on average" if most else ""


def _stored(path: Path, config: PixelConfig) -> tuple[UID, PixelFormat, bytes]:
    parsed, fmt, data = open_pixels(path, config.limits)
    return parsed.syntax, fmt, blake2b(data).digest()
