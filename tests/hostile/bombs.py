"""Small files that claim to be huge ones, each with the reasons it may be refused with.

A builder takes nothing and returns the bytes of a file; `BOMBS` maps its name to it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from tests.dicom_files import image_dataset

BOMBS: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {}
Builder = Callable[[], bytes]

_STORED = np.arange(4096, dtype=np.uint16).reshape(64, 64)
_SIDE = 9999
_ITEM, _ITEM_END, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_UNDEFINED = b"\xff\xff\xff\xff"


def bomb(*reasons: str) -> Callable[[Builder], Builder]:
    def add(builder: Builder) -> Builder:
        BOMBS[builder.__name__] = builder, reasons
        return builder

    return add


def _file(ds: Dataset, syntax: str = uid.ExplicitVRLittleEndian) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = "1.2", "1.2.3"
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _claiming(frame: bytes, syntax: str, frames: int = 1, **attributes: Any) -> bytes:
    """A file whose header promises 9999 x 9999 pixels, and whose fragments are what is given."""
    ds = image_dataset(_STORED, 16)
    ds.Rows = ds.Columns = _SIDE
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.PixelData = encapsulate([frame] * frames)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return _file(ds, syntax)


def _before_pixels(elements: bytes, syntax: str = uid.ExplicitVRLittleEndian) -> bytes:
    """A sound file with encoded elements of group 0029 put where they belong."""
    data = _file(image_dataset(_STORED, 16), syntax)
    place = data.index(b"\xe0\x7f\x10\x00")
    return data[:place] + elements + data[place:]


def _with_sizes(stream: bytes, marker: bytes, place: int, side: int = _SIDE) -> bytes:
    start = stream.index(marker) + place
    return stream[:start] + struct.pack(">HH", side, side) + stream[start + 4 :]


def _deflated_zeros(mebibytes: int) -> bytes:
    """Raw deflate of zeros, made of one block repeated."""
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    first = deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    again = deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + again * (mebibytes - 1) + deflate.flush()


@bomb("truncated_pixel_data")
def native_rows_beyond_the_data() -> bytes:
    ds = image_dataset(_STORED, 16)
    ds.Rows = ds.Columns = _SIDE
    return _file(ds)


@bomb("truncated_pixel_data")
def native_frames_beyond_the_data() -> bytes:
    return _file(image_dataset(_STORED, 16, NumberOfFrames="10000"))


@bomb("too_large")
def frames_beyond_all_limits() -> bytes:
    return _claiming(bytes(64), uid.RLELossless, NumberOfFrames="10000")


@bomb("too_large")
def rows_beyond_all_limits() -> bytes:
    return _claiming(bytes(64), uid.RLELossless, Rows=65535, Columns=65535)


@bomb("truncated_pixel_data")
def native_length_past_the_end() -> bytes:
    data = _file(image_dataset(_STORED, 16))
    place = data.index(b"\xe0\x7f\x10\x00OW") + 8
    return data[:place] + struct.pack("<L", 0xFFFFFFFE) + data[place + 4 : -100]


@bomb("too_large")
def deflated_data_set() -> bytes:
    data = _file(image_dataset(_STORED, 16))
    start = 144 + struct.unpack_from("<L", data, 140)[0]
    meta = data[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0\0")
    length = meta.index(b"\x02\0\x10\0UI") + 6
    meta = meta[:length] + struct.pack("<H", 22) + meta[length + 2 :].replace(b".99\0\0", b".99")
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = deflate.compress(data[start:-9000]) + deflate.flush(zlib.Z_FULL_FLUSH)
    return meta + head + _deflated_zeros(1500)


@bomb("undecodable")
def deflated_frame() -> bytes:
    data = _claiming(_deflated_zeros(1500), uid.JPEG2000Lossless, Rows=64, Columns=64)
    # pydicom does not know the syntax well enough to write it.
    return data.replace(uid.JPEG2000Lossless.encode(), b"1.2.840.10008.1.2.8.1\0")


@bomb("truncated_pixel_data")
def rle_of_a_few_bytes() -> bytes:
    header = struct.pack("<16L", 2, 64, 66, *[0] * 13)
    return _claiming(header + b"\x81\0\x81\0", uid.RLELossless)


@bomb("undecodable", "truncated_pixel_data")
def rle_of_endless_segments() -> bytes:
    return _claiming(struct.pack("<16L", *[0xFFFFFFFF] * 16) + b"\x81\0" * 900_000, uid.RLELossless)


@bomb("truncated_pixel_data")
def jpeg_claiming_the_size_of_the_header() -> bytes:
    stream = imagecodecs.jpeg8_encode(_STORED.astype(np.uint8))
    ds = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    return _claiming(_with_sizes(stream, b"\xff\xc0", 5), uid.JPEGBaseline8Bit, **ds)


@bomb("undecodable")
def jpeg_claiming_more_than_the_header() -> bytes:
    stream = imagecodecs.jpeg8_encode(_STORED.astype(np.uint8))
    ds = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": 64, "Columns": 64}
    return _claiming(_with_sizes(stream, b"\xff\xc0", 5, 65500), uid.JPEGBaseline8Bit, **ds)


@bomb("truncated_pixel_data")
def lossless_jpeg_claiming_the_size_of_the_header() -> bytes:
    stream = imagecodecs.jpeg8_encode(_STORED, lossless=True)
    return _claiming(_with_sizes(stream, b"\xff\xc3", 5), uid.JPEGLosslessSV1)


@bomb("truncated_pixel_data", "undecodable")
def jpeg_ls_claiming_the_size_of_the_header() -> bytes:
    return _claiming(_with_sizes(imagecodecs.jpegls_encode(_STORED), b"\xff\xf7", 5), uid.JPEGLSLossless)


@bomb("truncated_pixel_data", "undecodable")
def jpeg_2000_claiming_the_size_of_the_header() -> bytes:
    stream = bytearray(imagecodecs.jpeg2k_encode(np.zeros((64, 64), np.uint16), level=0, codecformat="j2k"))
    stream[8:16] = stream[24:32] = struct.pack(">LL", _SIDE, _SIDE)
    return _claiming(bytes(stream), uid.JPEG2000Lossless)


@bomb("undecodable")
def jpeg_2000_of_billions_of_tiles() -> bytes:
    stream = bytearray(imagecodecs.jpeg2k_encode(_STORED, level=0, codecformat="j2k"))
    stream[8:16], stream[24:32] = struct.pack(">LL", _SIDE, _SIDE), struct.pack(">LL", 1, 1)
    return _claiming(bytes(stream), uid.JPEG2000Lossless)


@bomb("broken_header", "too_large")
def nested_sequences() -> bytes:
    level = b"\x29\x00\x10\x10SQ\0\0" + _UNDEFINED + _ITEM + _UNDEFINED
    return _before_pixels(level * 200_000)


@bomb("too_large")
def items_of_no_length_in_a_sequence() -> bytes:
    items = (_ITEM + bytes(4)) * 4_000_000
    return _before_pixels(b"\x29\x00\x10\x10SQ\0\0" + _UNDEFINED + items + _END + bytes(4))


@bomb("too_large")
def elements_of_no_length() -> bytes:
    tags = np.arange(0x00291000, 0x00291000 + 4_000_000, dtype=np.uint64)
    words = np.zeros((len(tags), 4), "<u2")
    words[:, 0], words[:, 1] = tags >> 16, tags & 0xFFFF
    return _before_pixels(words.tobytes(), uid.ImplicitVRLittleEndian)


@bomb("too_large")
def values_of_a_megabyte_each() -> bytes:
    heads = (struct.pack("<HH2sHL", 0x0029, 0x1010 + i, b"OB", 0, 2**20) for i in range(400))
    return _before_pixels(b"".join(head + bytes(2**20) for head in heads))


@bomb("ok")
def a_window_of_millions_of_values() -> bytes:
    ds = image_dataset(_STORED, 16, WindowWidth=100)
    ds.add_new("WindowCenter", "UN", b"1\\" * 4_000_000)
    return _file(ds, uid.ImplicitVRLittleEndian)


@bomb("ok")
def identifiers_of_millions_of_values() -> bytes:
    ds = image_dataset(_STORED, 16)
    for keyword in ("PatientID", "StudyDescription", "BodyPartExamined", "PatientOrientation"):
        ds.add_new(keyword, "UN", b"X\\" * 4_000_000)
    return _file(ds, uid.ImplicitVRLittleEndian)


@bomb("too_large")
def character_sets_by_the_million() -> bytes:
    name = b"ISO_IR 999\\" * 1_000_000
    return _before_pixels(
        b"\x29\x00\x10\x10SQ\0\0" + _UNDEFINED + _ITEM + _UNDEFINED
        + b"\x08\x00\x05\x00UN\0\0" + struct.pack("<L", len(name)) + name
        + _ITEM_END + bytes(4) + _END + bytes(4)
    )  # fmt: skip


@bomb("too_large")
def fragments_of_no_length() -> bytes:
    data = _claiming(bytes(64), uid.RLELossless, Rows=64, Columns=64)
    place = data.rindex(_END)
    return data[:place] + (_ITEM + bytes(4)) * 4_000_000 + data[place:]


@bomb("too_large")
def an_offset_table_of_millions() -> bytes:
    data = _claiming(bytes(64), uid.RLELossless, Rows=64, Columns=64)
    place = data.index(_ITEM)
    table = np.arange(8_000_000, dtype="<u4").tobytes()
    return data[:place] + _ITEM + struct.pack("<L", len(table)) + table + data[place + 8 + 4 :]


@bomb("truncated_pixel_data", "undecodable")
def an_offset_table_of_lies() -> bytes:
    data = _claiming(bytes(64), uid.RLELossless, frames=3, Rows=64, Columns=64, NumberOfFrames="3")
    place = data.index(_ITEM) + 8
    return data[:place] + struct.pack("<3L", 0xFFFFFFFE, 0x7FFFFFFF, 0) + data[place + 12 :]


@bomb("ok")
def an_extended_offset_table_of_lies() -> bytes:
    ds = image_dataset(_STORED, 16)
    frame = imagecodecs.jpegls_encode(_STORED)
    ds.PixelData = encapsulate([frame], has_bot=False)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.ExtendedOffsetTable = struct.pack("<Q", 2**63) * 1_000_000
    ds.ExtendedOffsetTableLengths = struct.pack("<Q", 2**63) * 1_000_000
    return _file(ds, uid.JPEGLSLossless)


@bomb("invalid_image_header")
def a_segmented_palette_of_billions() -> bytes:
    ds = image_dataset(_STORED.astype(np.uint8), 8, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        segments = np.array([0, 1, 7] + [1, 65535, 9] * 20_000, "<u2").tobytes()
        setattr(ds, f"Segmented{colour}PaletteColorLookupTableData", segments)
    return _file(ds)


def chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def png(rows: int, columns: int, bits: int, colour: int, packed: bytes, before: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", columns, rows, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@bomb("truncated_image")
def png_of_two_billion_rows() -> bytes:
    return png(2**31 - 1, 2**31 - 1, 8, 0, zlib.compress(bytes(100)))


@bomb("too_large")
def png_of_eight_bytes_a_pixel() -> bytes:
    return png(_SIDE, _SIDE, 16, 6, b"\x78\xda" + _deflated_zeros(800))


@bomb("truncated_image")
def png_of_a_few_bytes() -> bytes:
    return png(_SIDE, _SIDE, 8, 0, zlib.compress(bytes(1000)))


@bomb("ok")
def png_with_texts_that_inflate() -> bytes:
    packed = zlib.compress(bytes(7_900_000), 9)
    text, profile = chunk(b"zTXt", b"k\0\0" + packed), chunk(b"iCCP", b"k\0\0" + packed)
    rows = b"".join(b"\0" + row.tobytes() for row in _STORED.astype(np.uint8))
    return png(64, 64, 8, 0, zlib.compress(rows), profile + text * 900)


@bomb("truncated_image")
def jpeg_of_a_few_bytes() -> bytes:
    return _with_sizes(imagecodecs.jpeg8_encode(_STORED.astype(np.uint8)), b"\xff\xc0", 5)


@bomb("too_large")
def jpeg_of_thousands_of_scans() -> bytes:
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    stream = cv2.imencode(".jpg", _STORED.astype(np.uint8), flags)[1].tobytes()
    place = stream.rindex(b"\xff\xda")
    return stream[:place] + stream[place:-2] * 20_000 + stream[-2:]


@bomb("ok")
def jpeg_with_exif_of_overlapping_values() -> bytes:
    entries = struct.pack("<HHLL", 999, 1, 60_000, 8) * 5000
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 5000) + entries + bytes(4)
    stream = imagecodecs.jpeg8_encode(_STORED.astype(np.uint8))
    return stream[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + stream[2:]


def tiff(*entries: tuple[int, int, int, int], following: int = 0, body: bytes = bytes(4096)) -> bytes:
    """A TIFF of one directory; `following` is where it says the next one is."""
    directory = b"".join(struct.pack("<HHLL", *entry) for entry in sorted(entries))
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + struct.pack("<L", following) + body
    )


_GREY = ((258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1))


def _sized(rows: int, columns: int) -> tuple[tuple[int, int, int, int], ...]:
    return (*_GREY, (256, 4, 1, columns), (257, 4, 1, rows))


@bomb("too_large")
def tiff_of_four_billion_rows() -> bytes:
    return tiff(*_sized(2**32 - 1, 2**32 - 1), (273, 4, 1, 200), (279, 4, 1, 100))


@bomb("damaged_image")
def tiff_of_a_few_bytes() -> bytes:
    return tiff(*_sized(_SIDE, _SIDE), (273, 4, 1, 200), (279, 4, 1, 100))


@bomb("too_large")
def tiff_of_huge_tiles() -> bytes:
    tiles = ((322, 4, 1, 2**20), (323, 4, 1, 2**12), (324, 4, 1, 200), (325, 4, 1, 100))
    return tiff(*_sized(64, 64), *tiles)


@bomb("damaged_image")
def tiff_of_looping_directories() -> bytes:
    return tiff(*_sized(64, 64), (273, 4, 1, 200), (279, 4, 1, 100), following=8)


@bomb("unsupported_image", "truncated_image")
def tiff_of_millions_of_strips() -> bytes:
    return tiff(*_sized(64, 64), (273, 4, 2**22, 200), (279, 4, 2**22, 200), body=bytes(2**25))


@bomb("unsupported_image", "truncated_image")
def tiff_of_overlapping_values() -> bytes:
    others = tuple((1000 + i, 1, 2**25, 200) for i in range(4000))
    return tiff(*_sized(64, 64), (273, 4, 1, 200), (279, 4, 1, 100), *others, body=bytes(2**25))


@bomb("too_large")
def tiff_of_pages_over_the_same_pixels() -> bytes:
    strip = zlib.compress(bytes(_SIDE * _SIDE), 1)
    pages = b""
    start = 8 + len(strip)
    size = 2 + 12 * 9 + 4
    entries = sorted((*_sized(_SIDE, _SIDE), (273, 4, 1, 8), (278, 4, 1, _SIDE), (279, 4, 1, len(strip))))
    for page in range(2000):
        following = start + (page + 1) * size if page < 1999 else 0
        pages += struct.pack("<H", 9) + b"".join(struct.pack("<HHLL", *e) for e in entries)
        pages += struct.pack("<L", following)
    return b"II*\0" + struct.pack("<L", start) + strip + pages
