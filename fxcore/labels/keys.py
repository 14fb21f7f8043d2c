"""What names a study in a table of labels: an identifier of DICOM, a folder or a file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from fxcore.labels.words import plain

# Names of columns, without case and separators, the surest first.
_KEY_KINDS = {
    "StudyInstanceUID": "studyinstanceuid studyuid studyiuid studyinstanceid uid studyinstance",
    "AccessionNumber": """accessionnumber accession accessionno accessionnum accessionnr accno accnr acc
        accnum accnumber accessionid anforderungsnummer auftragsnummer examnumber""",
    "SOPInstanceUID": "sopinstanceuid sopuid instanceuid imageuid",
    "folder": "folder foldername dir directory studyfolder studypath studydir case caseid study studyid",
    "file": "file filename filepath image imageid imagename imagepath img dicom dicomfile dcm png filestem",
    "": "path id key name relativepath index",
    "PatientID": "patientid patient patid pid patientnumber patnr mrn patientenid patientennummer",
}
KINDS_BY_NAME = {name: kind for kind, names in _KEY_KINDS.items() for name in names.split()}
KINDS = ("StudyInstanceUID", "AccessionNumber", "SOPInstanceUID", "folder", "file")
"""Kinds that a key may turn out to be. A patient may have studies of both labels: never guessed."""
# DICOM PS3.5 section 9.1 and annex B.2, and no version number or date.
_UID = re.compile(r"2\.25\.[0-9]+|[0-9]+(\.[0-9]+){3,}")
# Marks without a width that cells copied from a web page or a document come with.
_NO_WIDTH = "\u200b\u200e\u200f\u2060\ufeff"
# What a spreadsheet puts around a number that is to stay text, and behind one that was a fraction to it.
_FORMULA, _FRACTION = re.compile(r'="(.*)"', re.DOTALL), re.compile(r"(\d+)\.0")


def is_uid(text: str) -> bool:
    """Tell whether `text` is a UID, and neither a version number nor a date."""
    return bool(_UID.fullmatch(text))


def clean_keys(column: Sequence[str]) -> list[str]:
    """Return the cells of a column of keys without what DICOM and spreadsheets put around them."""
    keys = [_clean(cell) for cell in column]
    if all(_FRACTION.fullmatch(key) for key in keys if key):
        return [key.removesuffix(".0") for key in keys]
    return keys


def _clean(text: str) -> str:
    text = text.strip().strip(_NO_WIDTH).strip()
    if wrapped := _FORMULA.fullmatch(text):
        text = wrapped[1]
    elif text.startswith("'"):
        text = text[1:].removesuffix("'")
    return comparable(text)


def comparable(text: str) -> str:
    """Return an identifier or path as keys are compared.

    A path has ``/``, no ``./`` before and no ``/`` behind; letters and accents are one, as most programs but
    not all file systems have them.
    """
    # DICOM pads UIDs with NUL and text with spaces (PS3.5 section 6.2).
    text = composed(text.strip(" \t\r\n\0")).replace("\\", "/").rstrip("/")
    while text.startswith("./"):
        text = text[2:].lstrip("/")
    return text


def composed(text: str) -> str:
    """Return `text` with its letters and their accents in one."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def kind_of_column(name: str, values: Sequence[str]) -> str:
    """Return what kind of key a column holds, by its name or else by its values."""
    by_name = KINDS_BY_NAME.get(plain(name), "")
    by_values = kind_of_values(values)
    if by_name == "folder":
        return by_values or by_name  # "study" over UIDs or files
    return by_name or by_values or "AccessionNumber"


def kind_of_values(values: Sequence[str]) -> str:
    """Return what kind of key most of `values` look like, ``""`` if none."""
    keys, half = clean_keys(values), len(values) / 2
    if sum(map(is_uid, keys)) > half:
        return "StudyInstanceUID"
    paths = [PurePosixPath(key) for key in keys]
    if sum(bool(re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", path.suffix)) for path in paths) > half:
        return "file"
    if sum("/" in key for key in keys) > half:
        return "folder"
    return ""
