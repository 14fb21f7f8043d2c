"""What the header says about the pixels, checked; and the pixel data's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, UncompressedTransferSyntaxes

from fxcore.dicom.bounded import value_of
from fxcore.dicom.codecs.contents import MISTAKEN, syntax_of_contents
from fxcore.dicom.codecs.streams import ITEM_TAG, SEQUENCE_DELIMITER
from fxcore.dicom.config import Limits
from fxcore.dicom.parse import Parsed
from fxcore.dicom.terms import COLOUR, GREY
from fxcore.dicom.vrs import UNDEFINED_LENGTH
from fxcore.errors import UnreadableFileError

YBR_PARTIAL_422 = "YBR_PARTIAL_422"
# Writers pad the pixel data to even or to a multiple of a few bytes.
_PADDING = 16
# What the standard knew or knows besides; anything else may be free text.
_OTHER_COLOUR = ("HSV", "ARGB", "CMYK", "XYB")
_HALF_SAMPLED = ("YBR_FULL_422", YBR_PARTIAL_422)
_KEYWORDS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The Image Pixel module (DICOM PS3.3 C.7.6.3), with every value checked.

    Attributes
    ----------
    keyword : str
        ``"PixelData"``, ``"FloatPixelData"`` or ``"DoubleFloatPixelData"``.
    vr : str
        ``"OB"`` or ``"OW"``; it matters for 8-bit pixels in big endian.
    lossy : bool
        LossyImageCompression: the pixels have gone through a lossy compression, now or before.
    """

    keyword: str
    vr: str
    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int
    lossy: bool

    def options(self) -> dict[str, Any]:
        """Return the decoding options that pydicom's decoders ask for, for a single frame."""
        return {
            "rows": self.rows,
            "columns": self.columns,
            "samples_per_pixel": self.samples,
            "number_of_frames": 1,
            "bits_allocated": self.bits_allocated,
            "bits_stored": self.bits_stored,
            "pixel_representation": int(self.signed),
            "photometric_interpretation": self.photometric,
            "planar_configuration": self.planar,
            "pixel_keyword": self.keyword,
            "pixel_vr": self.vr,
        }

    @property
    def frame_bits(self) -> int:
        """Bits of one frame in native encoding."""
        bits = self.rows * self.columns * self.samples * self.bits_allocated
        return bits // 3 * 2 if self.photometric in _HALF_SAMPLED else bits

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames in native encoding, without padding."""
        return (self.frame_bits * self.frames + 7) // 8


def pixel_format(dataset: Dataset, tag: int, vr: str, limits: Limits) -> PixelFormat:
    """Read and check the Image Pixel module.

    Raises
    ------
    UnreadableFileError
        ``"invalid_image_header"``, ``"too_large"`` or ``"unsupported_pixel_format"``.
    """
    keyword = _KEYWORDS[tag]
    is_float = keyword != "PixelData"
    allocated_by_keyword = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.get(keyword)
    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    allocated = allocated_by_keyword or _integer(dataset, "BitsAllocated")
    stored = allocated if is_float else _integer(dataset, "BitsStored", allocated)
    samples = _integer(dataset, "SamplesPerPixel", 1)
    frames = _integer(dataset, "NumberOfFrames", 1) or 1
    for name, value, low, high in (
        ("Rows", rows, 1, 65535),
        ("Columns", columns, 1, 65535),
        ("SamplesPerPixel", samples, 1, 4),
        ("BitsStored", stored, 1, allocated),
        ("NumberOfFrames", frames, 1, 2**31),
    ):
        if not low <= value <= high:
            raise UnreadableFileError(
                "invalid_image_header", f"{name} is {_shown(value)}, not within {low}..{high}"
            )
    if allocated not in (1, 8, 16, 32, 64):
        raise UnreadableFileError(
            "unsupported_pixel_format", f"BitsAllocated is {_shown(allocated)}, not 1, 8, 16, 32 or 64"
        )
    if rows * columns > limits.max_pixels:
        raise limits.exceeded("max_pixels", f"{rows} x {columns} pixels")
    if frames > limits.max_frames:
        raise limits.exceeded("max_frames", f"{_shown(frames)} frames")
    if rows * columns * frames > limits.max_total_pixels:
        raise limits.exceeded("max_total_pixels", f"{frames} frames of {rows} x {columns} pixels")
    photometric = " ".join(_text(dataset, "PhotometricInterpretation").upper().split())
    if not photometric and samples == 1:
        # ACR-NEMA 2.0 and early DICOM: grey, low values dark.
        photometric = "MONOCHROME2"
    expected = 3 if photometric in COLOUR else 1
    if photometric not in (*GREY, *COLOUR, "PALETTE COLOR"):
        said = f"({photometric}) " if photometric in _OTHER_COLOUR else "" if photometric else "(empty) "
        raise UnreadableFileError(
            "unsupported_pixel_format",
            f"the PhotometricInterpretation {said}is none that has a grey image here",
        )
    if samples != expected:
        raise UnreadableFileError(
            "invalid_image_header", f"SamplesPerPixel is {samples} where {photometric} takes {expected}"
        )
    return PixelFormat(
        keyword=keyword,
        vr=vr or "OW",
        rows=rows,
        columns=columns,
        samples=samples,
        frames=frames,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_integer(dataset, "HighBit", stored - 1),
        # Of a single bit there is nothing but a sign, which would make 1 darker than 0.
        signed=stored > 1 and _integer(dataset, "PixelRepresentation", 0) == 1,
        photometric=photometric,
        planar=_integer(dataset, "PlanarConfiguration", 0) & 1,
        lossy=_is_lossy(dataset),
    )


def _shown(value: int) -> str:
    """Return a number for a message, unless it is of a size that a date or the number of a patient has."""
    return str(value) if abs(value) < 100_000 else "100000 or more" if value > 0 else "-100000 or less"


def _integer(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    try:
        value = value_of(dataset, keyword)
    except Exception as error:  # pydicom converts when asked, and raises what it likes
        raise UnreadableFileError("invalid_image_header", f"{keyword} is not a number") from error
    if value is None or value == "":
        if default is None:
            raise UnreadableFileError("invalid_image_header", f"{keyword} is missing")
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableFileError("invalid_image_header", f"{keyword} is not a single number") from error


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        return str(value_of(dataset, keyword) or "")
    except Exception as error:
        raise UnreadableFileError("invalid_image_header", f"{keyword} is not text") from error


def _is_lossy(dataset: Dataset) -> bool:
    try:
        return str(value_of(dataset, "LossyImageCompression")).strip() == "01"
    except Exception:  # it is no reason to refuse an image
        return False


def pixel_bytes(parsed: Parsed, fmt: PixelFormat) -> bytes | memoryview:
    """Read the value of the pixel data element; of undefined length, with whatever follows it.

    The syntax of `parsed` becomes the one that the pixel data is in, where the header's is another.

    Native pixel data that is shorter than the header declares is refused, and such that is longer by a frame,
    unless all that is too much is 0.

    Raises
    ------
    UnreadableFileError
        ``"no_pixel_data"``, ``"truncated_pixel_data"``, ``"undecodable"``, ``"invalid_image_header"`` or
        ``"unsupported_transfer_syntax"``.
    """
    stream, length, value = parsed.stream, parsed.pixel_length, parsed.pixel_begin
    if length == 0:
        raise UnreadableFileError("no_pixel_data", "the pixel data element is empty")
    native = parsed.syntax in UncompressedTransferSyntaxes
    data: bytes | memoryview
    if length == UNDEFINED_LENGTH:
        stream.seek(value)
        # To the end of the file: the items say themselves where the last of them ends.
        data = stream.read()
        parsed.syntax = syntax_of_contents(data, parsed.syntax)
        if native and parsed.syntax in UncompressedTransferSyntaxes:
            raise UnreadableFileError(
                "undecodable", "the pixel data is encapsulated, but neither it nor a transfer syntax says how"
            )
        native = False
        if data[:4] in (b"", SEQUENCE_DELIMITER):
            raise UnreadableFileError("no_pixel_data", "the pixel data element is empty")
    else:
        available = max(0, min(length, parsed.stream_bytes - value))
        if not native and _is_native(parsed, fmt, available):
            parsed.syntax, native = ExplicitVRLittleEndian, True
        if not native and available < length:
            raise UnreadableFileError(
                "truncated_pixel_data", f"the file ends after {available} of {length} bytes of pixel data"
            )
        stream.seek(value)
        if native:
            # Writable: an array over it can be handed to compiled code without a copy. Not cleared before,
            # which takes as long as a third of reading: what is not read is cut off.
            place = np.empty(available, np.uint8).data
            data = place[: stream.readinto(place)]  # type: ignore[attr-defined]
        else:
            data = stream.read(available)
    if parsed.swapped and native:
        data = _swapped(data, fmt)
    if native:
        _check_native(data, fmt)
    return data


def _swapped(data: bytes | memoryview, fmt: PixelFormat) -> memoryview:
    if fmt.bits_allocated != 16:
        raise UnreadableFileError(
            "unsupported_transfer_syntax",
            f"pixels of {fmt.bits_allocated} bits in a transfer syntax of GE, of which those of 16 are read",
        )
    return np.frombuffer(data, np.uint16, len(data) // 2).byteswap().view(np.uint8).data


def _is_native(parsed: Parsed, fmt: PixelFormat, available: int) -> bool:
    """Tell pixels that were decoded under a transfer syntax that was left as it was, by their length."""
    if parsed.syntax not in MISTAKEN or fmt.photometric not in (*GREY, "RGB", "PALETTE COLOR"):
        return False
    parsed.stream.seek(parsed.pixel_begin)
    return available in {fmt.native_bytes, fmt.native_bytes + 1} and parsed.stream.read(4) != ITEM_TAG


def _check_native(data: bytes | memoryview, fmt: PixelFormat) -> None:
    """Refuse native pixel data that is shorter or longer than the header declares; see `pixel_bytes`."""
    expected = fmt.native_bytes
    if fmt.photometric in _HALF_SAMPLED and 2 * len(data) >= 3 * expected:
        raise UnreadableFileError(
            "invalid_image_header",
            f"{len(data)} bytes of pixel data are too many for a PhotometricInterpretation of "
            f"{fmt.photometric}, which takes {expected}; it should say RGB or YBR_FULL",
        )
    if len(data) < expected:
        raise UnreadableFileError(
            "truncated_pixel_data",
            f"{len(data)} bytes of pixel data found where {fmt.frames} frame(s) of "
            f"{fmt.rows} x {fmt.columns} take {expected}",
        )
    excess = np.frombuffer(data, np.uint8)[expected:]
    # Old writers pad with zeros, however many (PS3.5 section 8.1.1): nothing is lost with those.
    if excess.size > _PADDING and 8 * excess.size >= fmt.frame_bits and excess.any():
        raise UnreadableFileError(
            "invalid_image_header",
            f"{len(data)} bytes of pixel data, a frame or more over the {expected} that {fmt.frames} "
            f"frame(s) of {fmt.rows} x {fmt.columns} pixels of {fmt.bits_allocated} bits take; "
            "NumberOfFrames, BitsAllocated or another attribute is wrong",
        )
