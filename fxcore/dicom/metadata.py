"""De-identified metadata: an allow-list of attributes, each value rebuilt rather than copied.

What is allowed stands in `fxcore.dicom.columns`; nothing else is ever read here. A value is parsed, checked
and written anew in its canonical form; one that does not parse is dropped alone.
"""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID

from fxcore.dicom.bounded import value_of
from fxcore.dicom.columns import ALLOWED, LABEL
from fxcore.dicom.quiet import quiet
from fxcore.dicom.text import text_of
from fxcore.dicom.transform import functional_group, transformations

_MAX_RAW = 2**10


def clean_metadata(dataset: Dataset, syntax: UID | None = None) -> dict[str, str]:
    """Return what may leave the hospital about an image.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
    syntax : pydicom.uid.UID, optional
        Transfer syntax; written as its registered name, or not at all.

    Returns
    -------
    dict of str to str
        Column to text, the keys being `fxcore.dicom.columns.METADATA_COLUMNS`. Several values are joined
        by ``\\``, the standard's own separator.

    References
    ----------
    DICOM PS3.15 annex E, Table E.1-1; PS3.5 section 6.2 (value representations).
    """
    with quiet():
        row = {keyword: cleaned(dataset, keyword) for keyword in ALLOWED}
    row["TransferSyntaxUID"] = transfer_syntax_name(syntax)
    row["burned_in"] = "1" if row["BurnedInAnnotation"] == "YES" else ""
    return row


def frame_metadata(dataset: Dataset, frame: int) -> dict[str, str]:
    """Return the columns of `clean_metadata` that frame number `frame` (from 0) may have for itself."""
    modality, voi = transformations(dataset, frame)
    measures = functional_group(dataset, frame, "PixelMeasuresSequence")
    holders = {
        "PixelSpacing": dataset if measures is None or "PixelSpacing" not in measures else measures,
        "ImagerPixelSpacing": dataset,
        "RescaleSlope": modality,
        "RescaleIntercept": modality,
        "WindowCenter": voi,
        "WindowWidth": voi,
    }
    return {keyword: cleaned(holder, keyword) for keyword, holder in holders.items()}


def transfer_syntax_name(syntax: UID | None) -> str:
    """Return the registered name of a transfer syntax, or nothing for a private or unknown one."""
    if syntax is None or syntax.is_private or not syntax.is_valid:
        return ""
    return syntax.name if syntax.name != str(syntax) and syntax.is_transfer_syntax else ""


def cleaned(dataset: Dataset, keyword: str) -> str:
    """Return the column of an attribute on the allow-list: its value rebuilt, or nothing."""
    rebuild = ALLOWED[keyword]
    for read in (_value, _raw_value):
        try:
            value = read(dataset, keyword)
            return "" if value is None or isinstance(value, (bytes, bytearray)) else rebuild(value)
        except Exception:  # whatever pydicom or a parser makes of a corrupt value: it is dropped alone
            continue
    return ""


def _value(dataset: Dataset, keyword: str) -> Any:
    return text_of(dataset, keyword) if keyword == LABEL else value_of(dataset, keyword)


def _raw_value(dataset: Dataset, keyword: str) -> Any:
    """Return the text of a value that pydicom refuses, such as an integer string with decimals."""
    element = dataset.get_item(keyword)
    data = None if element is None else element.value
    if isinstance(data, bytes) and len(data) > _MAX_RAW:
        return None
    return data.decode("ascii").strip(" \0").split("\\") if isinstance(data, bytes) else None
