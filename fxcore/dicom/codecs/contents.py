"""What encapsulated pixel data is encoded in, by what its first fragment begins with."""

from __future__ import annotations

import re

from pydicom import uid

from fxcore.dicom.codecs.streams import ITEM_TAG, is_jpeg_ls, jpeg_ls_is_lossless, jpeg_size

JPEG_SPECTRAL_SELECTION = uid.UID("1.2.840.10008.1.2.4.53")
JPEG_FULL_PROGRESSION = uid.UID("1.2.840.10008.1.2.4.55")
JPEG = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    JPEG_SPECTRAL_SELECTION,
    JPEG_FULL_PROGRESSION,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
)
"""Transfer syntaxes of JPEG that are read; each is read as what the stream says."""

START = re.compile(rb"\xff\xd8|\xff\x4f\xff\x51|[\x01-\x0f]\0\0\0\x40\0\0\0", re.DOTALL)
"""Of JPEG and JPEG-LS, of JPEG 2000, and of RLE; nothing within a stream looks like them.

RLE begins with the number of its segments and the offset of the first (PS3.5 annex G.5).
"""
MISTAKEN = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    *JPEG,
    *uid.JPEGLSTransferSyntaxes,
    *uid.JPEG2000TransferSyntaxes,
    uid.RLELossless,
)
"""Transfer syntaxes that may be mistaken for each other; of some others streams only look the same."""


def syntax_of_contents(data: bytes, said: uid.UID) -> uid.UID:
    """Return the transfer syntax that encapsulated pixel data is in; `said`, if that may be or nothing tells.

    Parameters
    ----------
    data : bytes
        Items, the first of which is the offset table.
    said : pydicom.uid.UID
        Transfer syntax of the header.
    """
    begin = 8 + int.from_bytes(data[4:8], "little")
    if said not in MISTAKEN or data[:4] != ITEM_TAG or data[begin : begin + 4] != ITEM_TAG:
        return said
    stream = data[begin + 8 : begin + 8 + int.from_bytes(data[begin + 4 : begin + 8], "little")]
    if not START.match(stream):
        return said
    if stream[:2] == b"\xff\x4f":
        return said if said in uid.JPEG2000TransferSyntaxes else uid.JPEG2000
    if stream[:2] != b"\xff\xd8":
        return uid.RLELossless
    size = jpeg_size(stream)
    if size is None or size.arithmetic:
        return said
    if is_jpeg_ls(stream):
        found = uid.JPEGLSLossless if jpeg_ls_is_lossless(stream) else uid.JPEGLSNearLossless
        return said if said in uid.JPEGLSTransferSyntaxes else found
    if said in JPEG:
        return said
    lossy = uid.JPEGBaseline8Bit if size.precision == 8 else uid.JPEGExtended12Bit
    return uid.JPEGLossless if size.lossless else lossy
