"""The grey transformations that a header asks for: modality, values of interest, inversion, padding.

Every value is read by itself. One that is absent, unreadable or impossible is noted and left out; it
never costs the file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from fxcore.dicom.bounded import value_of
from fxcore.dicom.pixels import PixelFormat

Floats = NDArray[np.float64]
# Sequences of lookup tables are among what is read with this limit; nothing else comes near it.
_MOST_BYTES = 2**22
_MOST_LUT_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A modality or VOI LUT (DICOM PS3.3 C.11.1.1, C.11.2.1.1).

    Attributes
    ----------
    first : int
        The input value of the first entry; lower ones map to it too, and higher ones to the last.
    entries : numpy.ndarray
        ``float64``, one-dimensional.
    y_max : float
        Largest output the LUT Descriptor's bits can express; of a VOI LUT that uses far fewer, those it uses.
    """

    first: int
    entries: Floats
    y_max: float

    def __call__(self, values: Floats) -> Floats:
        index = np.clip(np.trunc(values) - self.first, 0, len(self.entries) - 1)
        return self.entries[index.astype(np.int64)]


@dataclass(frozen=True, slots=True)
class Rescale:
    """``slope * value + intercept`` (DICOM PS3.3 C.11.1.1.2)."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, values: Floats) -> Floats:
        return values * self.slope + self.intercept


@dataclass(frozen=True, slots=True)
class Window:
    """A window (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3).

    Attributes
    ----------
    centre, width : float
        In modality values.
    function : str
        ``"LINEAR"``, ``"LINEAR_EXACT"`` or ``"SIGMOID"``.
    """

    centre: float
    width: float
    function: str

    def __call__(self, values: Floats, y_min: float, y_max: float) -> Floats:
        y_range = y_max - y_min
        centre, width = self.centre, self.width
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):
                return y_range / (1 + np.exp(-4 * (values - centre) / width)) + y_min
        if self.function == "LINEAR":
            centre, width = centre - 0.5, width - 1
        result = np.full(values.shape, y_min, np.float64)
        result[values > centre + width / 2] = y_max
        between = (values > centre - width / 2) & (values <= centre + width / 2)
        result[between] = ((values[between] - centre) / width + 0.5) * y_range + y_min
        return result


@dataclass(frozen=True, slots=True)
class Transform:
    """All of it for one frame.

    Attributes
    ----------
    modality : Rescale or LookupTable
    voi_luts, windows : int
        How many the header offers; only the first of each is used.
    notes : tuple of str
        What was there but unusable: ``"bad_rescale"``, ``"bad_voi_lut"``, ``"bad_window"``.
    inverted : bool
        MONOCHROME1 or Presentation LUT Shape INVERSE or both: one inversion.
    padding : tuple of (float, float) or None
        Lowest and highest stored value that is padding.
    """

    modality: Rescale | LookupTable
    voi_lut: LookupTable | None
    voi_luts: int
    window: Window | None
    windows: int
    notes: tuple[str, ...]
    inverted: bool
    padding: tuple[float, float] | None


def nominal_range(fmt: PixelFormat, modality: Rescale | LookupTable) -> tuple[float, float]:
    """Return the lowest and the highest modality value that the stored bits can express."""
    if isinstance(modality, LookupTable):
        return 0.0, modality.y_max
    if fmt.keyword != "PixelData":
        return 0.0, 1.0
    # A negative slope turns them round.
    ends = modality(np.array(_stored_range(fmt)))
    return float(ends.min()), float(ends.max())


def _stored_range(fmt: PixelFormat) -> tuple[float, float]:
    if fmt.keyword != "PixelData":
        return -math.inf, math.inf
    bits = fmt.bits_stored
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if fmt.signed else (0.0, 2.0**bits - 1)


def first_input(first: int, length: int, low: float, high: float) -> int | None:
    """Return the input value of the first of `length` entries of a lookup table whose inputs are low..high.

    The descriptor gives it as 16 bits, signed where the inputs are (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5);
    only explicit VR can say so, and may say it wrongly. None where the table is for no input, either way.
    """
    for value in (first, first - 0x10000, first + 0x10000):
        if value <= high and value + length > low:
            return value
    return None


def read_transform(dataset: Dataset, fmt: PixelFormat, little_endian: bool, frame: int) -> Transform:
    """Read what the header asks for frame number `frame` (from 0)."""
    notes: list[str] = []
    values, voi_values = transformations(dataset, frame)
    modality = _modality(values, fmt, little_endian, notes)
    inputs = nominal_range(fmt, modality) if fmt.keyword == "PixelData" else (-math.inf, math.inf)
    voi_lut, voi_luts = _voi_lut(voi_values, little_endian, inputs, notes)
    window, windows = _window(voi_values, notes)
    shape = str(_get(dataset, "PresentationLUTShape") or "").strip().upper()
    return Transform(
        modality=modality,
        voi_lut=voi_lut,
        voi_luts=voi_luts,
        window=window,
        windows=windows,
        notes=tuple(notes),
        inverted=fmt.photometric == "MONOCHROME1" or shape == "INVERSE",
        padding=_padding(dataset, fmt),
    )


def transformations(dataset: Dataset, frame: int) -> tuple[Dataset, Dataset]:
    """Return what holds the rescale or modality LUT of frame number `frame`, and what its window or VOI LUT.

    Enhanced multi-frame objects keep them in functional groups (PS3.3 C.7.6.16.2.9 and C.7.6.16.2.10),
    the frame's own before the shared ones.
    """
    modality, voi = (
        functional_group(dataset, frame, keyword) or dataset
        for keyword in ("PixelValueTransformationSequence", "FrameVOILUTSequence")
    )
    return modality, voi


def functional_group(dataset: Dataset, frame: int, keyword: str) -> Dataset | None:
    """Return a functional group's item (PS3.3 C.7.6.16): of frame number `frame`, else the shared one."""
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        try:
            return dataset[groups].value[index][keyword].value[0]
        except Exception:  # absent, too short or unreadable: all the same here
            continue
    return None


def _get(dataset: Dataset, keyword: str) -> Any:
    """Return a value, or None where it is absent, empty or cannot be converted."""
    try:
        value = value_of(dataset, keyword, _MOST_BYTES)
    except Exception:  # pydicom converts when asked, and raises what it likes
        return None
    return None if value is None or (isinstance(value, (str, bytes, list)) and not len(value)) else value


def _present(dataset: Dataset, keyword: str) -> bool:
    """Tell a value that is there, however broken, from one that is absent or empty."""
    try:
        element = dataset.get_item(keyword)
        value = None if element is None else element.value
    except Exception:
        return keyword in dataset
    # Not its truth: a number that is zero is there.
    return value is not None and str(value).strip() not in ("", "b''")


def _number(value: Any) -> float | None:
    """Return the first number of a value of any multiplicity, or None."""
    if isinstance(value, (MultiValue, list, tuple)):
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _modality(
    dataset: Dataset, fmt: PixelFormat, little_endian: bool, notes: list[str]
) -> Rescale | LookupTable:
    sequence = _get(dataset, "ModalityLUTSequence")
    if sequence:
        table = _lookup_table(sequence[0], little_endian, _stored_range(fmt))
        if table is not None:
            return table
        notes.append("bad_rescale")
    # Of the two, which belong together (PS3.3 C.11.1), one alone leaves the other as if there were none.
    slope, intercept = (
        _number(_get(dataset, keyword)) if _present(dataset, keyword) else default
        for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    most = 2.0 ** (fmt.bits_stored if fmt.keyword == "PixelData" else 0)
    if slope is None or intercept is None or slope == 0 or not math.isfinite(most * slope + intercept):
        notes.append("bad_rescale")
        return Rescale()
    return Rescale(slope, intercept)


def _voi_lut(
    dataset: Dataset, little_endian: bool, inputs: tuple[float, float], notes: list[str]
) -> tuple[LookupTable | None, int]:
    sequence = _get(dataset, "VOILUTSequence")
    if not sequence:
        return None, 0
    table = _lookup_table(sequence[0], little_endian, inputs)
    if table is None:
        notes.append("bad_voi_lut")
        return None, len(sequence)
    return _spread(table), len(sequence)


def _spread(table: LookupTable) -> LookupTable:
    """Return a VOI LUT with the bits that its entries use, where those declared would leave it nearly black.

    Some declare the bits of the words in which the entries are kept: of 16, entries up to 4095 would be a
    sixteenth of white. A table that is darker than white by less is taken to be meant so.
    """
    used = 2.0 ** int(table.entries.max()).bit_length() - 1
    return replace(table, y_max=used) if 0 < 4 * used < table.y_max else table


def _window(dataset: Dataset, notes: list[str]) -> tuple[Window | None, int]:
    if not (_present(dataset, "WindowCenter") or _present(dataset, "WindowWidth")):
        return None, 0
    value = _get(dataset, "WindowCenter")
    count = len(value) if isinstance(value, (MultiValue, list)) else 1
    centre, width = _number(value), _number(_get(dataset, "WindowWidth"))
    function = str(_get(dataset, "VOILUTFunction") or "LINEAR").strip().upper()
    smallest = {"LINEAR": 1.0, "LINEAR_EXACT": math.ulp(0.0), "SIGMOID": math.ulp(0.0)}.get(function)
    if centre is None or width is None or smallest is None or width < smallest:
        notes.append("bad_window")
        return None, count
    return Window(centre, width, function), count


def _lookup_table(item: Dataset, little_endian: bool, inputs: tuple[float, float]) -> LookupTable | None:
    try:
        length, declared, bits = (int(v) for v in item["LUTDescriptor"].value)
        data = value_of(item, "LUTData", _MOST_LUT_BYTES)
    except Exception:  # absent, of another multiplicity or unreadable
        return None
    length = (length & 0xFFFF) or 2**16
    first = first_input(declared, length, *inputs)
    if first is None or not 8 <= bits <= 16:
        return None
    if isinstance(data, (bytes, bytearray)):
        entries = _entries(bytes(data), length, little_endian)
    elif isinstance(data, (MultiValue, list)):
        entries = _unpacked(np.array([int(v) & 0xFFFF for v in data], "<u2"), length)
    else:
        return None
    if len(entries) < length:
        return None
    table = entries[:length].astype(np.float64)
    # A table that goes past the bits it declares is believed, not its declaration.
    return LookupTable(first, table, max(2.0**bits - 1, float(table.max())))


def _entries(data: bytes, length: int, little_endian: bool) -> NDArray[Any]:
    order = "<" if little_endian else ">"
    if len(data) >= 2 * length:
        return np.frombuffer(data, f"{order}u2", length)
    return _unpacked(np.frombuffer(data, f"{order}u2", len(data) // 2).astype("<u2"), length)


def _unpacked(words: NDArray[Any], length: int) -> NDArray[Any]:
    """Return `length` entries or more: a word each or, if there are too few, two to a word (C.11.1.1.1)."""
    return words if len(words) >= length else words.view(np.uint8)


def _padding(dataset: Dataset, fmt: PixelFormat) -> tuple[float, float] | None:
    """Pixel Padding Value and Range Limit (PS3.3 C.7.5.1.1.2), in stored values."""
    limits: list[float] = []
    # Each kind of pixel data has its own: FloatPixelPaddingValue and so on.
    kind = fmt.keyword.removesuffix("Data")
    for keyword in (f"{kind}PaddingValue", f"{kind}PaddingRangeLimit"):
        value = _number(_get(dataset, keyword))
        if value is not None:
            if fmt.keyword == "PixelData":
                value = int(value)
            if fmt.bits_allocated <= 16:
                # Written as US where it should be SS, or the other way round.
                if fmt.signed and value > 0x7FFF:
                    value -= 0x10000
                elif not fmt.signed and value < 0:
                    value += 0x10000
            limits.append(value)
        elif not limits:
            return None
    return min(limits), max(limits)
