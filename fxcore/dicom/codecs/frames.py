"""One frame at a time out of pixel data, by the best decoder that manages it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders import base

from fxcore.dicom.bounded import inflate
from fxcore.dicom.codecs import fxray_plugin, imagecodecs_plugin, jpeg_2000
from fxcore.dicom.codecs.byte_order import check_byte_order
from fxcore.dicom.codecs.contents import JPEG
from fxcore.dicom.codecs.fragments import encoded_frames
from fxcore.dicom.codecs.high_bits import bits_in_use
from fxcore.dicom.codecs.jpeg_scans import check_jpeg_scans, with_jpeg_end
from fxcore.dicom.codecs.streams import (
    check_jpeg_size,
    jpeg_2000_is_reversible,
    jpeg_2000_size,
    jpeg_ls_is_lossless,
    jpeg_size,
    until_end,
)
from fxcore.dicom.pixels import YBR_PARTIAL_422, PixelFormat
from fxcore.dicom.quiet import brief, quiet_stderr
from fxcore.errors import DamagedDataError, UnreadableFileError

# gdcm writes its complaints to the terminal.
gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()
gdcm.Trace.DebugOff()

DEFLATED_IMAGE_FRAME = uid.UID("1.2.840.10008.1.2.8.1")

_PLUGINS: dict[str, Any] = {plugin.NAME: plugin for plugin in (fxray_plugin, imagecodecs_plugin)}
# Measured on radiographs, core for core: our kernels are the fastest for what they decode, then
# imagecodecs. Plugins that happen to be installed besides these are left alone: the same file gives the
# same bytes everywhere, and some end the process (pylibjpeg-rle panics on a broken header).
_ORDER = (*_PLUGINS, "gdcm")

_CODESTREAMS = dict.fromkeys((*JPEG, *uid.JPEGLSTransferSyntaxes), jpeg_size) | dict.fromkeys(
    uid.JPEG2000TransferSyntaxes, jpeg_2000_size
)
# Bits of a sample (T.81 B.2.2, T.87 C.2.2); JPEG 2000 has up to 38, of which decoders manage 32.
_PRECISIONS = dict.fromkeys(_CODESTREAMS, (2, 16)) | dict.fromkeys(uid.JPEG2000TransferSyntaxes, (1, 32))
_MAX_MESSAGE = 500
# Encoders pad a frame to even or to a multiple of a few bytes.
_PADDING = 16
# Two bytes of a run become 128 (PS3.5 annex G.3.1).
_RLE_EXPANSION = 64
# JPEG 2000 and JPEG-LS know no bound; what is emptier than this shows nothing, whatever it claims.
_MOST_PIXELS_PER_BYTE = 10_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    Attributes
    ----------
    values : numpy.ndarray
        Shape ``(rows, columns)`` or ``(rows, columns, 3)``, host byte order. The bit patterns as stored:
        unused high bits are not cleared and the sign is not extended.
    bits : int
        How many low bits count.
    shift : int
        How far the lowest of them is from bit 0.
    photometric : str
        Of `values`; decoding may have changed it.
    decoder : str
        ``"native"`` or the name of the plugin.
    compression : str
        ``"none"``, ``"lossless"``, ``"lossy"``, ``"cut"`` (JPEG 2000 with the reversible wavelet, but without
        its last bits) or ``"unknown"`` (the same, where nothing tells whether it is cut).
    """

    values: NDArray[Any]
    bits: int
    shift: int
    photometric: str
    decoder: str
    compression: str

    def stored_bits(self) -> NDArray[np.uint32]:
        """Return what each bit pattern of one of `values`, of up to 16 bits, holds in the bits that count."""
        return _stored_bits(8 * self.values.dtype.itemsize, self.shift, self.bits)


@lru_cache(maxsize=8)
def _stored_bits(width: int, shift: int, bits: int) -> NDArray[np.uint32]:
    return np.arange(2**width, dtype=np.uint32) >> np.uint32(shift) & np.uint32(2**bits - 1)


def _register() -> dict[str, Any]:
    """Add our plugins to pydicom's decoders; return all decoders by transfer syntax."""
    decoders: dict[str, Any] = {}
    for name, plugin in _PLUGINS.items():
        for syntax in plugin.DECODER_DEPENDENCIES:
            try:
                decoder = base.get_decoder(syntax)
            except NotImplementedError:
                # pydicom has none for the extended JPEG processes that DICOM retired.
                decoder = decoders.get(syntax, base.Decoder(uid.UID(syntax)))
            if name not in decoder.available_plugins:
                decoder.add_plugin(name, (plugin.__name__, "_decode_frame"))
            decoders[syntax] = decoder
    return decoders


DECODERS = _register()


def decode_frames(data: bytes | memoryview, syntax: uid.UID, fmt: PixelFormat) -> Iterator[Frame]:
    """Decode pixel data frame by frame.

    Parameters
    ----------
    data : bytes
        Value of the pixel data element.
    syntax : pydicom.uid.UID
        Transfer syntax.
    fmt : PixelFormat

    Yields
    ------
    Frame
        In order, exactly ``fmt.frames`` of them.

    Raises
    ------
    UnreadableFileError
        ``"unsupported_transfer_syntax"``, ``"truncated_pixel_data"``, ``"undecodable"``, ``"too_large"`` or
        ``"invalid_image_header"``.
    """
    if syntax == DEFLATED_IMAGE_FRAME:
        yield from _deflated_frames(data, fmt)
    elif not syntax.is_transfer_syntax or (syntax.is_encapsulated and syntax not in DECODERS):
        name = syntax.name if syntax.is_transfer_syntax and not syntax.is_private else "private or unknown"
        raise UnreadableFileError(
            "unsupported_transfer_syntax", f"no decoder for the transfer syntax ({name})"
        )
    elif syntax.is_encapsulated:
        yield from _encapsulated_frames(data, syntax, fmt)
    else:
        yield from _native_frames(data, syntax, fmt)


def _native_frames(data: bytes | memoryview, syntax: uid.UID, fmt: PixelFormat) -> Iterator[Frame]:
    if fmt.bits_allocated == 1 and fmt.samples == 1:
        yield from _single_bits(data, fmt)
        return
    options = fmt.options() | {"number_of_frames": fmt.frames}
    if fmt.photometric == YBR_PARTIAL_422:
        # Sampled alike, which is all that pydicom has to know.
        options["photometric_interpretation"] = "YBR_FULL_422"
    decoder = base.get_decoder(syntax)
    try:
        for values, properties in decoder.iter_array(
            data, raw=True, validate=False, view_only=True, correct_unused_bits=False, **options
        ):
            if fmt.photometric == YBR_PARTIAL_422:
                properties["photometric_interpretation"] = YBR_PARTIAL_422
            frame = _frame(values, properties, fmt, "native", fmt.bits_stored, fmt.bits_allocated, "none")
            check_byte_order(frame.values, frame.bits, frame.shift, fmt)
            yield _with_bits_in_use(frame, fmt.bits_allocated, fmt)
    except UnreadableFileError:
        raise
    except Exception as error:
        raise UnreadableFileError("undecodable", f"native pixel data: {brief(error)}") from error


def _single_bits(data: bytes | memoryview, fmt: PixelFormat) -> Iterator[Frame]:
    """Unpack pixels of one bit (PS3.5 section 8.1.1): a frame may begin within a byte."""
    pixels = fmt.rows * fmt.columns
    packed = np.frombuffer(data, np.uint8)
    for first in range(0, pixels * fmt.frames, pixels):
        bits = np.unpackbits(packed[first // 8 : (first + pixels + 7) // 8], bitorder="little")
        values = bits[first % 8 : first % 8 + pixels].reshape(fmt.rows, fmt.columns)
        yield Frame(values, 1, 0, fmt.photometric, "native", "none")


def _deflated_frames(data: bytes | memoryview, fmt: PixelFormat) -> Iterator[Frame]:
    """Deflated Image Frame Compression (PS3.5 annex A.4.13): each frame is native data, deflated."""
    for source in encoded_frames(data, fmt):
        size = (fmt.frame_bits + 7) // 8
        inflated = inflate(source, size + _PADDING)
        if inflated is None:
            raise UnreadableFileError(
                "undecodable", f"a deflated frame is longer than the declared {size} bytes"
            )
        single = inflated.getvalue()
        if len(single) < size:
            raise UnreadableFileError("truncated_pixel_data", "a deflated frame is shorter than declared")
        for frame in _native_frames(single, uid.ExplicitVRLittleEndian, replace(fmt, frames=1)):
            yield replace(frame, decoder="deflate", compression="lossless")


def _encapsulated_frames(data: bytes | memoryview, syntax: uid.UID, fmt: PixelFormat) -> Iterator[Frame]:
    decoder = DECODERS[syntax]
    order = [n for n in _ORDER if n in decoder.available_plugins]
    if syntax not in uid.JPEG2000TransferSyntaxes:
        # It ends the process on some broken JPEG streams, and of JPEG-LS streams that are damaged it makes
        # other pixels; it decodes none of either that imagecodecs does not.
        order = [n for n in order if n != "gdcm"]
    for source in encoded_frames(data, fmt):
        yield _decode_one(source, syntax, fmt, decoder, order)


def _decode_one(source: bytes, syntax: uid.UID, fmt: PixelFormat, decoder: Any, order: list[str]) -> Frame:
    held, compression = _check_stream(source, syntax, fmt)
    reasons: list[str] = []
    for name in order:
        if syntax in JPEG and name != fxray_plugin.NAME:
            # Ours comes to the end of a stream or refuses it, and need not wait for a search.
            source = with_jpeg_end(source, "truncated_pixel_data")
            check_jpeg_scans(source, "truncated_pixel_data")
        try:
            if name in _PLUGINS and fmt.samples == 1:
                values, properties = _grey(source, syntax, fmt, _PLUGINS[name])
            else:
                values, properties = _any(source, fmt, decoder, name)
            is_cut = properties.get("is_cut")
            if (
                compression != "lossy"
                and name != fxray_plugin.NAME
                and syntax in uid.JPEG2000TransferSyntaxes
            ):
                is_cut = jpeg_2000.is_cut(source)
            if is_cut is not None:
                compression = "cut" if is_cut else "lossless"
            elif reasons and fmt.samples == 1 and syntax == uid.JPEG2000Lossless:
                # Ours found fault with the stream, of which other decoders make what they can.
                compression = "unknown"
            bits = _bits_that_count(held, compression, syntax, fmt)
            frame = _frame(values, properties, fmt, name, bits, held, compression)
            if compression == "lossless":
                return _with_bits_in_use(frame, held, fmt)
            overshoots = syntax in JPEG and compression == "lossy" and held > bits
            return _without_overshoot(frame, fmt) if overshoots else frame
        except MemoryError:
            raise
        except DamagedDataError as error:
            # Whatever the next would make of it is not the image.
            raise UnreadableFileError("undecodable", f"the frame is damaged ({brief(error)})") from error
        except Exception as error:
            # What gdcm gives of a stream that it cannot read is no text, on which pydicom stumbles.
            said = brief(error)
            reasons.append(f"{name}: {'gives no image' if 'NoneType' in said else said}")
    raise UnreadableFileError("undecodable", f"every decoder failed ({'; '.join(reasons)})"[:_MAX_MESSAGE])


def _grey(
    source: bytes, syntax: uid.UID, fmt: PixelFormat, plugin: Any
) -> tuple[NDArray[Any], dict[str, Any]]:
    """Call one of our plugins without what pydicom does around it, for grey three copies of the frame."""
    runner = base.DecodeRunner(syntax)
    runner.set_options(**fmt.options())
    values = plugin._decode_frame(source, runner).view(runner.pixel_dtype)
    properties = {
        "bits_allocated": runner.bits_allocated,
        "photometric_interpretation": runner.photometric_interpretation,
        "is_cut": runner.get_option("is_cut"),
    }
    return values.reshape(fmt.rows, fmt.columns), properties


def _any(source: bytes, fmt: PixelFormat, decoder: Any, name: str) -> tuple[NDArray[Any], dict[str, Any]]:
    """Decode with one of pydicom's plugins, which makes out the colour space of a stream."""
    # A frame by itself, so that each decoder sees the same bytes and none has to search for them.
    item = encapsulate([source], has_bot=False)
    with quiet_stderr() if name == "gdcm" else nullcontext():
        values, properties = next(
            decoder.iter_array(
                item,
                raw=True,
                validate=False,
                decoding_plugin=name,
                correct_unused_bits=False,
                apply_j2k_sign_correction=False,
                apply_jls_sign_correction=False,
                **fmt.options(),
            )
        )
    return values, properties


def _check_stream(source: bytes, syntax: uid.UID, fmt: PixelFormat) -> tuple[int, str]:
    """Refuse what a native decoder is known to get wrong.

    Returns how many bits of a sample the stream holds, and its kind of compression as `Frame` has it.
    """
    if syntax not in _CODESTREAMS:
        if syntax == uid.RLELossless and fmt.frame_bits > 8 * _RLE_EXPANSION * len(source):
            raise _too_short(source, fmt)
        return fmt.bits_allocated, "lossless"
    found = _CODESTREAMS[syntax](source)
    if found is None:
        raise UnreadableFileError("undecodable", "a frame does not start like one of its transfer syntax")
    expected = (fmt.rows, fmt.columns, fmt.samples)
    if (found.rows, found.columns, found.samples) != expected:
        # Known before any memory is spent on the size that the stream claims.
        raise UnreadableFileError(
            "undecodable",
            f"a frame holds {found.rows} x {found.columns} x {found.samples} samples where the header "
            f"says {fmt.rows} x {fmt.columns} x {fmt.samples}",
        )
    fewest, most = _PRECISIONS[syntax]
    if not fewest <= found.precision <= most:
        # gdcm ends the process.
        raise UnreadableFileError(
            "undecodable", f"a frame of {found.precision} bits a sample, not within {fewest}..{most}"
        )
    if syntax in JPEG:
        check_jpeg_size(source, found, "truncated_pixel_data")
        return found.precision, "lossless" if found.lossless else "lossy"
    ended = until_end(source)
    if ended is None:
        raise UnreadableFileError("truncated_pixel_data", "a frame ends before its end marker")
    if fmt.rows * fmt.columns > _MOST_PIXELS_PER_BYTE * len(ended):
        raise _too_short(ended, fmt)
    if syntax in uid.JPEGLSTransferSyntaxes:
        return found.precision, "lossless" if jpeg_ls_is_lossless(source) else "lossy"
    if not jpeg_2000_is_reversible(source):
        return found.precision, "lossy"
    # A reversible stream that is cut to a rate does not say so itself.
    return found.precision, "unknown" if syntax in (uid.JPEG2000, uid.HTJ2K) else "lossless"


def _bits_that_count(held: int, compression: str, syntax: uid.UID, fmt: PixelFormat) -> int:
    """Return how many of the `held` bits of a sample are its value.

    In a stream that gives back what was encoded, what is above the stored bits is an overlay or a sign, as in
    native pixels; in a lossy one it is what the samples overshoot by.
    """
    if syntax in JPEG or syntax not in _CODESTREAMS:
        return fmt.bits_stored
    lossy = compression in ("lossy", "cut") or (compression == "unknown" and fmt.lossy)
    return held if lossy else min(held, fmt.bits_stored)


def _too_short(source: bytes, fmt: PixelFormat) -> UnreadableFileError:
    return UnreadableFileError(
        "truncated_pixel_data",
        f"a frame of {len(source)} bytes cannot hold an image of {fmt.rows} x {fmt.columns} pixels",
    )


def _with_bits_in_use(frame: Frame, held: int, fmt: PixelFormat) -> Frame:
    bits, shift = bits_in_use(frame.values, frame.bits, frame.shift, held, fmt.signed)
    return replace(frame, bits=bits, shift=shift)


def _without_overshoot(frame: Frame, fmt: PixelFormat) -> Frame:
    """Return lossy samples that go past the stored bits as the highest: without its high bits one is dark.

    Signed ones are left, as nothing tells the overshoot from a sign; left-aligned ones have no bits above.
    """
    if fmt.signed or frame.shift:
        return frame
    top = frame.values.dtype.type(2**frame.bits - 1)
    return replace(frame, values=np.minimum(frame.values, top))


def _frame(
    values: NDArray[Any],
    properties: dict[str, Any],
    fmt: PixelFormat,
    name: str,
    bits: int,
    held: int,
    compression: str,
) -> Frame:
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    width = 8 * values.dtype.itemsize
    native = name in ("native", "deflate") or properties["bits_allocated"] == fmt.bits_allocated
    # HighBit is BitsStored - 1 today; left-aligned pixels (ACR-NEMA, early DICOM) put it higher. A stream
    # that has no such bit holds them as they are.
    left_aligned = native and bits == fmt.bits_stored and bits <= fmt.high_bit < min(width, held)
    shift = fmt.high_bit + 1 - bits if left_aligned else 0
    photometric = str(properties["photometric_interpretation"])
    return Frame(values, min(bits, width), shift, photometric, name, compression)
