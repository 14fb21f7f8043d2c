"""Text as its writer meant it: decoded from the bytes of a value, whatever VR and character set say of it.

Body Part Examined is a code string (VR CS), which is ASCII by the standard, and pydicom reads it as such.
Devices write their users' words into it all the same, in the character set of the data set or in another.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from pydicom.charset import CODES_TO_ENCODINGS, convert_encodings, decode_bytes, python_encoding
from pydicom.dataset import Dataset

from fxcore.dicom.bounded import raw_value_of, value_of

_ESCAPE = b"\x1b"
_DELIMITERS = set(b"\\\r\n\t\f")
# What is said where nothing is known, so that it says nothing.
_SAY_NOTHING = ("iso8859", "latin_1")
# Sets of one byte a letter in which hardly a word is UTF-8 by chance; text that is was declared wrongly.
_UNLIKE_UTF8 = frozenset(
    {python_encoding[f"ISO_IR {number}"] for number in (101, 109, 110, 126, 127, 138, 144, 148)}
)
# Python's codec for GB 2312 leaves in the text what announces it.
_GB_2312 = "\x1b$)A"


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return the text of an attribute, several values joined by ``\\``; empty where there is none.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
    keyword : str
        Of an attribute that holds text; of any other, what comes out is of no use.

    References
    ----------
    DICOM PS3.3 C.12.1.1.2 (Specific Character Set); PS3.5 section 6.1.2 (code extensions).
    """
    raw = raw_value_of(dataset, keyword)
    if raw is not None:
        # Padded to an even length, even after half a letter.
        return _decoded(raw.rstrip(b" \0"), dataset).strip()
    value = value_of(dataset, keyword)
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "\\".join(str(one).strip() for one in value)
    return ""


def _decoded(raw: bytes, dataset: Dataset) -> str:
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    encodings = _declared(dataset)
    if _ESCAPE in raw and (text := _unescaped(raw, encodings)):
        return text
    for encoding in (*encodings, "utf-8") if _UNLIKE_UTF8.isdisjoint(encodings) else ("utf-8", *encodings):
        text = _strictly(raw, encoding)
        if text and not text.isascii():
            return text
    # Latin-1 on paper is nearly always the set of Windows, which has letters where the other has controls.
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _declared(dataset: Dataset) -> list[str]:
    """Return the codecs of the declared character sets that say something."""
    try:
        terms = dataset.get("SpecificCharacterSet") or []
        terms = [terms] if isinstance(terms, str) else [str(term) for term in terms]
        # A set that exists with code extensions only is often named without them: "ISO_IR 149".
        terms = [t if t in python_encoding else t.replace("ISO_IR", "ISO 2022 IR") for t in terms]
        # Of other codecs, which pydicom takes as well, some do not give text, or gigabytes of it.
        known = set(python_encoding.values()).difference(_SAY_NOTHING)
        return [encoding for encoding in convert_encodings(terms) if encoding in known]
    except Exception:  # no character sets, whatever stands there
        return []


def _unescaped(raw: bytes, encodings: list[str]) -> str:
    """Return text with code extensions; escape sequences speak for themselves, declared or not."""
    text = _strictly(raw, "iso2022_jp_2") if raw.isascii() else ""
    if not text:
        text = decode_bytes(raw, [*encodings, *CODES_TO_ENCODINGS.values()], _DELIMITERS)
        text = text.replace(_GB_2312, "")
    return "" if "\ufffd" in text or "\x1b" in text else text


def _strictly(raw: bytes, encoding: str) -> str:
    """Decode all of `raw`, but for half a character at its end: code strings are cut after 16 bytes."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(raw)
    except (UnicodeError, LookupError):
        return ""
