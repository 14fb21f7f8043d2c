"""Archives of packed files, told by their first bytes: radiographs that lie in them are not found."""

from __future__ import annotations

import re

_STARTS = (
    (rb"PK\x03\x04", "zip"),
    (rb"\x1f\x8b\x08", "gzip"),
    (rb".{257}ustar", "tar"),
    (rb"7z\xbc\xaf\x27\x1c", "7z"),
    (rb"Rar!\x1a\x07", "rar"),
    (rb"BZh[1-9]1AY&SY", "bzip2"),
    (rb"\xfd7zXZ\0", "xz"),
    (rb"\x28\xb5\x2f\xfd", "zstd"),
)
_KINDS = tuple((re.compile(start, re.DOTALL), name) for start, name in _STARTS)
# A document or a program is a zip archive too: the name of its first entry, 30 bytes on, tells.
_DOCUMENT = re.compile(
    rb"PK.{28}(?:\[Content_Types\]|_rels/|docProps/|customXml/|word/|xl/|ppt/|mimetype|META-INF/)", re.DOTALL
)


def packed_archive(head: bytes) -> str:
    """Return the name of the kind of a packed archive; empty for anything else, and for documents.

    Parameters
    ----------
    head : bytes
        The file's first bytes, of which 512 are enough.
    """
    if _DOCUMENT.match(head):
        return ""
    return next((name for start, name in _KINDS if start.match(head)), "")
