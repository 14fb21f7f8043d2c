"""Ordinary images (PNG, JPEG, TIFF) to the same 8-bit grey that DICOM files become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_scans import check_jpeg_scans, with_jpeg_end
from fxcore.dicom.codecs.streams import check_jpeg_size, jpeg_size
from fxcore.dicom.colour import luma, luma_of_cmyk
from fxcore.dicom.columns import FILE_COLUMNS
from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.grey import is_constant, percentile_range, scale
from fxcore.dicom.parse import check_size
from fxcore.dicom.quiet import brief, quiet_stderr
from fxcore.dicom.read import LoadedFile, Rendered, collect, naming_the_frame
from fxcore.errors import OUT_OF_MEMORY, UnreadableFileError
from fxcore.image_headers import Page, exif_orientation, png_page, png_pixels
from fxcore.kernels import apply_table, histogram
from fxcore.tiff import tiff_pages, tiff_pixels

Image = NDArray[np.uint8]


def load_image(path: Path, config: PixelConfig) -> LoadedFile:
    """Open a PNG, JPEG or TIFF file and render its pages.

    8 bits are kept as they are; other depths go through the percentile window (or, where ``config.voi``
    is ``"none"``, the full range). Colour becomes its BT.601 luma, transparency is dropped, palettes
    are looked up, and the EXIF or TIFF orientation is honoured. Thumbnails and masks in a TIFF are
    passed over.

    Parameters
    ----------
    path : pathlib.Path
    config : PixelConfig

    Returns
    -------
    LoadedFile
        With the columns of a DICOM file; empty where an image does not say.

    Raises
    ------
    UnreadableFileError
        And nothing else: ``"truncated_image"``, ``"damaged_image"``, ``"unsupported_image"``,
        ``"constant_image"``, ``"too_large"``, ``"out_of_memory"``, ``"empty_file"`` or ``"unreadable"``.
    """
    try:
        with path.open("rb") as stream:
            check_size(stream.seek(0, 2), config.limits)
            stream.seek(0)
            data = stream.read()
        data, pages = _pages(data, config.limits)
        metadata = dict.fromkeys(FILE_COLUMNS, "") | _described(pages)
        return collect(metadata, _rendered(data, pages, config), len(pages))
    except OSError as error:
        raise UnreadableFileError(
            "unreadable", f"the file cannot be read ({error.strerror or type(error).__name__})"
        ) from error
    except MemoryError as error:
        raise UnreadableFileError("out_of_memory", OUT_OF_MEMORY) from error


def _pages(data: bytes, limits: Limits) -> tuple[bytes, list[Page]]:
    """Read the sizes from the header and refuse what is too large before anything is decoded.

    Returns the data, of a JPEG with its end, and its pages.
    """
    if data[:3] == b"\xff\xd8\xff":
        data, page = _jpeg_page(data)
        pages = [page]
    elif data[:4] == b"\x89PNG":
        pages = [png_page(data)]
    elif data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        pages = tiff_pages(data, limits.max_frames)
    else:
        raise UnreadableFileError("unsupported_image", "the content is neither PNG, JPEG nor TIFF")
    for page in pages:
        if page.rows < 1 or page.columns < 1:
            raise UnreadableFileError("unsupported_image", f"an image of {page.rows} x {page.columns} pixels")
        if page.rows * page.columns > limits.max_pixels:
            raise limits.exceeded("max_pixels", f"{page.rows} x {page.columns} pixels")
        if page.decoded_bytes > limits.max_inflated_bytes:
            raise limits.exceeded("max_inflated_bytes", f"{page.decoded_bytes} bytes of pixels")
    if (total := sum(page.rows * page.columns for page in pages)) > limits.max_total_pixels:
        raise limits.exceeded("max_total_pixels", f"{total} pixels on {len(pages)} pages")
    return data, pages


def _jpeg_page(data: bytes) -> tuple[bytes, Page]:
    size = jpeg_size(data)
    if size is None:
        raise UnreadableFileError("truncated_image", "the JPEG ends before its first scan")
    check_jpeg_size(data, size, "truncated_image")
    data = with_jpeg_end(data, "truncated_image")
    return data, Page(
        "jpeg",
        size.rows,
        size.columns,
        size.samples,
        size.precision,
        exif_orientation(data),
        decodable=size.precision == 8 and not size.lossless and not size.arithmetic,
    )


def _described(pages: list[Page]) -> dict[str, str]:
    page = pages[0]
    # A quarter turn exchanges rows and columns.
    rows, columns = (page.columns, page.rows) if page.orientation >= 5 else (page.rows, page.columns)
    return {
        "Rows": str(rows),
        "Columns": str(columns),
        "SamplesPerPixel": str(page.samples),
        "BitsStored": str(page.bits),
        "NumberOfFrames": str(len(pages)) if len(pages) > 1 else "",
    }


def _rendered(data: bytes, pages: list[Page], config: PixelConfig) -> Iterator[Rendered]:
    for index, page in enumerate(pages):
        with naming_the_frame(index, len(pages)):
            pixels, colour = _decode(data, page)
            if pixels.shape[:2] != (page.rows, page.columns):
                raise UnreadableFileError(
                    "unsupported_image", "the image has another size than its header says"
                )
            image, voi = _grey(pixels, page, config)
            if is_constant(image):
                raise UnreadableFileError("constant_image", "all pixels of the image are equal")
        columns = {
            "decoder": "imagecodecs",
            "voi": voi,
            "inverted_photometric": str(int(page.white_is_zero)),
            "colour": colour,
            "frame": str(index),
        }
        yield index, _upright(image, page.orientation), columns


def _decode(data: bytes, page: Page) -> tuple[NDArray[Any], str]:
    """Return the pixels, grey or with channels last, and the name of the colour space."""
    try:
        # libpng writes its warnings to the terminal.
        with quiet_stderr():
            if page.kind == "jpeg":
                check_jpeg_scans(data, "truncated_image")
                if page.samples == 3:
                    # The Y of the stream is the luma of its RGB; decoding nothing else is exact and faster.
                    return imagecodecs.jpeg8_decode(data, outcolorspace="GRAYSCALE"), "rgb"
                if page.samples == 4:
                    return luma_of_cmyk(imagecodecs.jpeg8_decode(data, outcolorspace="CMYK")), "cmyk"
                pixels = imagecodecs.jpeg8_decode(data)
            elif page.kind == "png":
                samples = 3 if page.palette else page.samples
                shape = (page.rows, page.columns, samples)[: 3 if samples > 1 else 2]
                # Without `out`, each PNG that it cannot decode costs a reference to None, the last of which
                # ends the process (imagecodecs 2026.3.6).
                out = np.empty(shape, np.uint16 if page.bits == 16 else np.uint8)
                pixels = imagecodecs.png_decode(png_pixels(data), out=out)
            else:
                return tiff_pixels(data, page)
    except (MemoryError, UnreadableFileError):
        raise
    except Exception as error:
        raise UnreadableFileError(
            "damaged_image" if page.decodable else "unsupported_image",
            f"the {page.kind.upper()} cannot be decoded ({brief(error)})",
        ) from error
    if pixels.ndim == 3 and page.samples <= 2 and not page.palette:
        return pixels[..., 0], ""
    return pixels, "" if pixels.ndim == 2 else "palette" if page.palette else "rgb"


def _grey(pixels: NDArray[Any], page: Page, config: PixelConfig) -> tuple[Image, str]:
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] < 3):
        raise UnreadableFileError("unsupported_image", f"pixels of shape {pixels.shape}")
    voi = "full_range"
    # Samples of a PNG, and the colours of a palette, come spread over their bytes; all else as it is stored.
    filled = page.kind == "png" or page.palette
    y_max = 2.0 ** (8 * pixels.dtype.itemsize if filled else page.bits) - 1
    if pixels.ndim == 3:
        if pixels.dtype not in (np.uint8, np.uint16):
            raise UnreadableFileError("unsupported_image", f"colour of type {pixels.dtype}")
        deep = pixels.dtype == np.uint16
        pixels, y_max = luma(pixels, y_max, 65535 if deep else 255), 65535.0 if deep else 255.0
    if pixels.dtype == np.uint8:
        image = np.ascontiguousarray(pixels) if y_max == 255 else scale(pixels.astype(np.float64), 0.0, y_max)
    elif pixels.dtype == np.bool_:
        image = pixels.astype(np.uint8) * np.uint8(255)
    else:
        image, voi = _deep(pixels, y_max, config)
    return (255 - image if page.white_is_zero else image), voi


def _deep(pixels: NDArray[Any], y_max: float, config: PixelConfig) -> tuple[Image, str]:
    """Bring more than 8 bits to 8, through the percentile window or the full range."""
    low, high = config.percentile_low, config.percentile_high
    if pixels.dtype == np.uint16:
        domain = np.arange(2**16, dtype=np.float64)
        if config.voi == "none":
            return apply_table(pixels, scale(domain, 0.0, y_max)), "full_range"
        ends = percentile_range(domain, histogram(pixels), low, high)
        return apply_table(pixels, scale(domain, *ends)), "percentile"
    if pixels.dtype.kind not in "iuf":
        raise UnreadableFileError("unsupported_image", f"pixels of type {pixels.dtype}")
    # NumPy warns of some numbers that are none.
    with np.errstate(invalid="ignore"):
        values = pixels.astype(np.float64)
    return scale(values, *percentile_range(values[np.isfinite(values)], None, low, high)), "percentile"


def _upright(image: Image, orientation: int) -> Image:
    """Turn the image the way its orientation (TIFF 6.0 tag 274, EXIF likewise) says it is looked at."""
    if orientation >= 5:
        image = image.T
    if orientation in (2, 3, 7, 8):
        image = image[:, ::-1] if orientation in (2, 3) else image[::-1]
    if orientation in (3, 4, 6, 7):
        image = image[::-1] if orientation in (3, 4) else image[:, ::-1]
    return np.ascontiguousarray(image)
