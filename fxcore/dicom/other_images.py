"""Images of kinds that are not read, told by their first bytes: whoever has them wants to hear of it."""

from __future__ import annotations

import re
import struct

_STARTS = (
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\0", "JPEG 2000"),
    (rb"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (rb"....ftypavi[fs]", "AVIF"),
    (rb"....ftyp(?:hei[cx]|hevc|mif1)", "HEIC"),
    # Two letters begin many a text: what must follow them is looked for too.
    (rb"P[1-6](?:\s|#[^\n]*\n)+[1-9]\d*(?:\s|#[^\n]*\n)+[1-9]\d*\s|P7\nWIDTH \d", "PNM (PBM, PGM, PPM, PAM)"),
)
_KINDS = tuple((re.compile(start, re.DOTALL), name) for start, name in _STARTS)
# Sizes of the header that follows the file header of a BMP, by version.
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def other_image(head: bytes, size: int) -> str:
    """Return the name of an image format that is not read; empty for anything else.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    size : int
        Of the file.
    """
    if _is_bmp(head, size):
        return "BMP"
    return next((name for start, name in _KINDS if start.match(head)), "")


def _is_bmp(head: bytes, size: int) -> bool:
    if head[:2] != b"BM" or len(head) < 18:
        return False
    reserved, pixels, header = struct.unpack_from("<III", head, 6)
    return reserved == 0 and header in _BMP_HEADERS and 14 + header <= pixels <= size
