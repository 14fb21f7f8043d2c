"""Radiographs brought to one size, in the one way that training and scoring share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError

FITS = ("letterbox", "resize")
_MOST = 16_384


@dataclass(frozen=True)
class Frame:
    """The size that every radiograph is brought to.

    Attributes
    ----------
    width, height : int
        In pixels.
    fit : str
        ``"letterbox"``: scaled until it fits, the rest filled with background, never distorted.
        ``"resize"``: stretched to the size, as the published training did.
    """

    width: int = 341
    height: int = 512
    fit: str = "letterbox"

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise ParameterError(f"fit is one of {', '.join(FITS)}, not {self.fit!r}")
        for name in ("width", "height"):
            side = getattr(self, name)
            if not isinstance(side, (int, np.integer)) or not 1 <= side <= _MOST:
                raise ParameterError(f"{name} must be a whole number of pixels, 1 to {_MOST}, not {side!r}")

    def scaled(self, factor: float) -> Frame:
        """Return the frame with sides `factor` times as long, rounded up.

        Raises
        ------
        ParameterError
            If that is no frame.
        """
        if not 0 < factor <= _MOST:
            raise ParameterError(f"a frame grows by a factor above 0, of at most {_MOST}, not by {factor}")
        width, height = (int(np.ceil(side * factor - 1e-9)) for side in (self.width, self.height))
        return Frame(width, height, self.fit)


def fit_image(
    image: NDArray[np.uint8], frame: Frame, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Bring a grey image to the size of `frame`.

    Shrinking averages over the area that a pixel covers, so that nothing of the image is skipped;
    growing interpolates linearly.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``, neither of them zero.
    frame : Frame
    out : numpy.ndarray, optional
        ``uint8``, shape ``(frame.height, frame.width)``, written to; may share memory with `image`.

    Returns
    -------
    numpy.ndarray
        `out`, or a new array like it.

    Raises
    ------
    ParameterError
        For another shape or type, an `out` that is read-only, or sides that `fxcore.kernels.shrink` does
        not take.
    """
    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        raise ParameterError(f"an 8-bit grey image is needed, not {image.dtype} of shape {image.shape}")
    size = (frame.height, frame.width)
    if out is None:
        out = np.empty(size, np.uint8)
    elif out.dtype != np.uint8 or out.shape != size or not out.flags.writeable:
        state = "" if out.flags.writeable else "read-only "
        raise ParameterError(f"out must be writable uint8 of {size}, not {state}{out.dtype} of {out.shape}")
    rows, columns = image.shape
    height, width = frame.height, frame.width
    if frame.fit == "letterbox":
        scale = min(height / rows, width / columns)
        height = min(height, max(1, round(rows * scale)))
        width = min(width, max(1, round(columns * scale)))
    # First what shrinks, each pixel counting for what it covers, then what grows.
    resized = image
    if height < rows or width < columns:
        from fxcore.kernels.shrinking import shrink

        resized = shrink(image, min(height, rows), min(width, columns))
    if height > rows or width > columns:
        import cv2

        resized = cv2.resize(resized, (width, height), interpolation=cv2.INTER_LINEAR)
    if np.may_share_memory(resized, out):
        resized = resized.copy()
    top, left = (frame.height - height) // 2, (frame.width - width) // 2
    out[:] = 0
    out[top : top + height, left : left + width] = resized
    return out
