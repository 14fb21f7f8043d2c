"""The columns that come from a file: an allow-list of attributes, and how the value of each is rebuilt.

The list holds technical attributes only. None of them is in Table E.1-1 of DICOM PS3.15, which names
what the Basic Application Level Confidentiality Profile removes or replaces; no UID, date, time, name,
identifier, comment or private element is ever read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from fxcore.body_parts import readable
from fxcore.dicom.terms import COLOUR, GREY, MODALITIES, VIEW_WORDS

LABEL = "BodyPartExamined"
"""The one attribute of free text; `fxcore.dicom.text.text_of` reads it."""
_MAX_TEXT = 64
_MAX_VALUES = 32
_CODE = re.compile(r"[A-Z0-9 _]{1,16}")
# PS3.3 C.7.6.1.1.1; quadrupeds have other letters and are dropped.
_ORIENTATION = re.compile(r"[APRLHF]{1,3}")


def _code(value: Any) -> str:
    """Return a code string (VR CS): upper case, digits, space and underscore, at most 16 of them."""
    text = str(value).strip().upper()
    return text if _CODE.fullmatch(text) else ""


def _term(*terms: str) -> Callable[[Any], str]:
    """Accept a code string only if it is one of the standard's defined terms."""

    def check(value: Any) -> str:
        text = _code(value)
        return text if text in terms else ""

    return check


def _view(value: Any) -> str:
    """Return a view position if all of its words are known."""
    text = _code(value)
    return text if text and VIEW_WORDS.issuperset(text.replace("_", " ").split()) else ""


def label_text(value: str) -> str:
    """Return a body-part label without control, format and surrogate characters, at most 64 characters long.

    It is put right before these are taken out: in text that was read in another code page than it was
    written in, they stand for letters.
    """
    kept = (
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else " "
        for c in readable(value)
    )
    return " ".join("".join(kept).split())[:_MAX_TEXT].strip()


def _integer(value: Any) -> str:
    number = int(str(value).strip())
    return str(number) if abs(number) < 2**31 else ""


def _decimal(value: Any) -> str:
    """Return a number in its shortest form that reads back as the same ``float64``."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    number = float(str(value).strip())
    if not abs(number) < 1e15:
        return ""
    return str(int(number)) if number == int(number) else repr(number)


def _up_to(most: float) -> Callable[[Any], str]:
    """Accept a number from 0 to `most`: dates and numbers of patients are larger."""

    def check(value: Any) -> str:
        text = _decimal(value)
        return text if text and 0 <= float(text) <= most else ""

    return check


def _orientation(value: Any) -> str:
    text = str(value).strip().upper()
    return text if _ORIENTATION.fullmatch(text) else ""


def _several(one: Callable[[Any], str], gaps: bool = False) -> Callable[[Any], str]:
    """Apply a check to each value of a multiple one; a single bad value drops them all.

    With `gaps` some may be empty, and those at the end are left out.
    """

    def check(value: Any) -> str:
        values = (
            list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        )
        if len(values) > _MAX_VALUES:
            return ""
        texts = ["" if gaps and not str(v).strip() else one(v) or None for v in values]
        return "" if None in texts else "\\".join(map(str, texts)).rstrip("\\")

    return check


_YES_NO = _term("YES", "NO")

# Keyword and how its value is rebuilt. Code strings come from lists, ours where the standard leaves them
# open; exposure and spacing are what they can be. Free text is the body part's label alone: it is kept on
# purpose, since sorting by it is what it is for.
ALLOWED: dict[str, Callable[[Any], str]] = {
    "Modality": _term(*MODALITIES),
    LABEL: label_text,
    "Laterality": _term("R", "L", "B", "U"),
    "ImageLaterality": _term("R", "L", "B", "U"),
    "ViewPosition": _view,
    "PatientOrientation": _several(_orientation),
    "PhotometricInterpretation": _term(*GREY, *COLOUR, "PALETTE COLOR"),
    "Rows": _integer,
    "Columns": _integer,
    "BitsAllocated": _integer,
    "BitsStored": _integer,
    "PixelRepresentation": _integer,
    "SamplesPerPixel": _integer,
    "NumberOfFrames": _integer,
    "PixelSpacing": _several(_up_to(100)),  # mm
    "ImagerPixelSpacing": _several(_up_to(100)),  # mm
    "KVP": _up_to(1000),
    "ExposureTime": _up_to(1_000_000),  # ms
    "XRayTubeCurrent": _up_to(100_000),  # mA
    "Exposure": _up_to(100_000),  # mAs
    # The first value is the one that is used.
    "WindowCenter": _several(_decimal, gaps=True),
    "WindowWidth": _several(_decimal, gaps=True),
    "RescaleSlope": _decimal,
    "RescaleIntercept": _decimal,
    "LossyImageCompression": _term("00", "01"),
    "PresentationIntentType": _term("FOR PRESENTATION", "FOR PROCESSING"),
    "BurnedInAnnotation": _YES_NO,
}

METADATA_COLUMNS: tuple[str, ...] = (*ALLOWED, "TransferSyntaxUID", "burned_in")
"""Columns of `fxcore.dicom.metadata.clean_metadata`, in order.

All are always there, empty where the file says nothing.
"""

PIXEL_COLUMNS = ("decoder", "compression", "voi", "inverted_photometric", "colour", "pixel_aspect", "frame")
FILE_COLUMNS: tuple[str, ...] = (*METADATA_COLUMNS, *PIXEL_COLUMNS)
"""Columns of a row, in order: what the header says, then what was done to the pixels."""
