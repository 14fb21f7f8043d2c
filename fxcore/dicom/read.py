"""A DICOM file to 8-bit grey frames and a clean metadata row."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRBigEndian

from fxcore.dicom.aspect import SPACINGS, pixel_aspect, square_shape, square_spacing, stretch
from fxcore.dicom.codecs.frames import Frame, decode_frames
from fxcore.dicom.colour import colour_image, palette_image
from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.grey import grey_image
from fxcore.dicom.metadata import clean_metadata, frame_metadata
from fxcore.dicom.parse import HEAD_BYTES, Parsed, check_size, is_directory, parse, recognise
from fxcore.dicom.pixels import PixelFormat, pixel_bytes, pixel_format
from fxcore.dicom.quiet import quiet
from fxcore.dicom.terms import GREY
from fxcore.dicom.transform import read_transform
from fxcore.errors import OUT_OF_MEMORY, UnreadableFileError

Image = NDArray[np.uint8]
# One frame: its number from 0, the image, and the columns that are its own.
Rendered = tuple[int, Image, dict[str, str]]


@dataclass
class LoadedFile:
    """An opened file whose first frame is decoded.

    Attributes
    ----------
    metadata : dict of str to str
        The row of the first frame; keys are `FILE_COLUMNS`. `row` gives that of the others.
    frames : iterator of (int, numpy.ndarray)
        Number of the frame, from 0, and its image (``uint8``, shape ``(rows, columns)``, C-contiguous).
        Frames are decoded as they are asked for; one that cannot be used raises
        `UnreadableFileError` and ends the iteration.
    n_frames : int
    decoder : str
        What decoded the first frame: ``"native"``, ``"deflate"``, ``"fxray"``, ``"imagecodecs"``,
        ``"gdcm"``, ...
    """

    metadata: dict[str, str]
    frames: Iterator[tuple[int, Image]]
    n_frames: int
    decoder: str
    _own: dict[int, dict[str, str]] = field(default_factory=dict)

    def row(self, frame: int) -> dict[str, str]:
        """Return the metadata row of a frame that `frames` has yielded."""
        return self.metadata | self._own[frame]


def collect(metadata: dict[str, str], rendered: Iterator[Rendered], n_frames: int) -> LoadedFile:
    """Pull the first frame out of `rendered`, so that a file without a usable one raises at once."""
    first = next(rendered)
    own: dict[int, dict[str, str]] = {}

    def frames() -> Iterator[tuple[int, Image]]:
        for index, image, columns in itertools.chain([first], rendered):
            own[index] = columns
            yield index, image

    return LoadedFile(metadata | first[2], frames(), n_frames, first[2]["decoder"], own)


@contextlib.contextmanager
def naming_the_frame(index: int, n_frames: int) -> Iterator[None]:
    """Say which of several frames it was that an `UnreadableFileError` is about."""
    try:
        yield
    except UnreadableFileError as error:
        if n_frames == 1:
            raise
        message = f"frame {index + 1} of {n_frames}: {error.message}"
        raise UnreadableFileError(error.reason, message) from error


def load_dicom(path: Path, config: PixelConfig) -> LoadedFile:
    """Open a DICOM file and render its frames.

    Parameters
    ----------
    path : pathlib.Path
    config : PixelConfig

    Raises
    ------
    UnreadableFileError
        And nothing else, whatever the file; the reasons are those of docs/rejects.md. The
        message quotes no path, identifier or free text of the file.
    """
    parsed, fmt, data = open_pixels(path, config.limits)
    rendered = _rendered(parsed, fmt, data, config)
    with quiet():
        try:
            return collect(clean_metadata(parsed.dataset, parsed.syntax), rendered, fmt.frames)
        except UnreadableFileError:
            raise
        except Exception as error:
            _unforeseen(error)


def open_pixels(path: Path, limits: Limits) -> tuple[Parsed, PixelFormat, bytes | memoryview]:
    """Read a DICOM file: its header, what that says about the pixels, and the bytes of the pixel data.

    Raises
    ------
    UnreadableFileError
        And nothing else, as `load_dicom`.
    """
    with quiet():
        try:
            with path.open("rb") as stream:
                parsed, fmt = open_dicom(stream, limits)
                return parsed, fmt, pixel_bytes(parsed, fmt)
        except UnreadableFileError:
            raise
        except OSError as error:
            raise UnreadableFileError(
                "unreadable", f"the file cannot be read ({error.strerror or type(error).__name__})"
            ) from error
        except Exception as error:
            _unforeseen(error)


def _unforeseen(error: Exception) -> NoReturn:
    if isinstance(error, MemoryError):
        raise UnreadableFileError("out_of_memory", OUT_OF_MEMORY) from error
    raise UnreadableFileError("broken_header", f"the file cannot be read ({type(error).__name__})") from error


def open_dicom(stream: BinaryIO, limits: Limits) -> tuple[Parsed, PixelFormat]:
    """Read the header of an open file and check what it says about the pixels.

    Raises
    ------
    UnreadableFileError
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    check_size(size, limits)
    head = stream.read(HEAD_BYTES)
    encoding = recognise(head, size)
    if encoding is None:
        raise UnreadableFileError("not_dicom", "the content is not DICOM")
    parsed = parse(stream, size, encoding, limits)
    if is_directory(parsed):
        raise UnreadableFileError("dicomdir", "the file is a DICOMDIR, a directory of a medium")
    if not parsed.pixel_tag:
        raise UnreadableFileError("no_pixel_data", "the DICOM object has no pixel data")
    return parsed, pixel_format(parsed.dataset, parsed.pixel_tag, parsed.pixel_vr, limits)


def _rendered(
    parsed: Parsed, fmt: PixelFormat, data: bytes | memoryview, config: PixelConfig
) -> Iterator[Rendered]:
    frames = decode_frames(data, parsed.syntax, fmt)
    for index in range(fmt.frames):
        # Silence lasts for one step: between the steps the caller's own warnings are heard.
        with quiet(), naming_the_frame(index, fmt.frames):
            try:
                image, columns = _render(next(frames), parsed, fmt, config, index)
            except UnreadableFileError:
                raise
            except Exception as error:
                _unforeseen(error)
        yield index, image, columns


def _render(
    frame: Frame, parsed: Parsed, fmt: PixelFormat, config: PixelConfig, index: int
) -> tuple[Image, dict[str, str]]:
    little_endian = parsed.syntax != ExplicitVRBigEndian
    aspect = pixel_aspect(parsed.dataset, index)
    rows, across = square_shape(fmt.rows, fmt.columns, aspect)
    if rows * across > config.limits.max_pixels:
        what = f"made of square pixels, the image takes {rows} x {across} of them"
        raise config.limits.exceeded("max_pixels", what)
    columns = {
        "decoder": frame.decoder,
        "compression": frame.compression,
        "voi": "",
        "inverted_photometric": "0",
        "colour": "",
        "pixel_aspect": "" if aspect is None else f"{aspect:.6g}",
        "frame": str(index),
    } | frame_metadata(parsed.dataset, index)
    if aspect is not None and (rows, across) != (fmt.rows, fmt.columns):
        columns |= {keyword: square_spacing(columns[keyword], aspect) for keyword in SPACINGS}
    if fmt.photometric in GREY:
        transform = read_transform(parsed.dataset, fmt, little_endian, index)
        image, columns["voi"] = grey_image(frame, fmt, transform, config)
        columns["inverted_photometric"] = str(int(transform.inverted))
    elif fmt.photometric == "PALETTE COLOR":
        image = palette_image(frame, fmt, parsed.dataset, little_endian)
        columns["colour"] = "palette"
    else:
        image = colour_image(frame)
        columns["colour"] = frame.photometric.lower()
    return stretch(image, rows, across), columns
