"""A displayed picture into a DICOM file, with all a hospital's file would carry."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom.config
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from fxcore.phantom.codecs import LOSSY, UNCOMPRESSED, compress
from fxcore.phantom.identity import institution, physician, stream, uid
from fxcore.phantom.plan import TRANSFER_SYNTAXES, RadiographPlan, StudyPlan
from fxcore.phantom.render import Picture

_CR = "1.2.840.10008.5.1.4.1.1.1"
_DX = "1.2.840.10008.5.1.4.1.1.1.1"
_IMPLEMENTATION = "2.25.170141183460469231731687303715884105727"


@dataclass(frozen=True)
class Stored:
    """Stored values and the numbers needed to display them.

    Attributes
    ----------
    values : numpy.ndarray
        ``uint8``, ``uint16`` or ``int16``, shape ``(rows, columns)``.
    low, high : float
        Stored values of display black and white (exchanged for MONOCHROME1).
    padding : int or None
        Pixel Padding Value outside the field.
    """

    values: NDArray[Any]
    low: float
    high: float
    padding: int | None


def encode(study: StudyPlan, plan: RadiographPlan, picture: Picture) -> bytes:
    """The complete DICOM file, meta information included (DICOM PS3.10)."""
    # Body-part labels break the rules of their value representation, as they do in hospitals.
    with pydicom.config.disable_value_validation():
        return _written(_data_set(study, plan, picture))


def _data_set(study: StudyPlan, plan: RadiographPlan, picture: Picture) -> Dataset:
    seed, _, index, k = plan.pixel_key
    rng = stream(seed, 5, index, k)
    stored = _store(rng, plan, picture)
    ds = Dataset()
    _identify(stream(seed, 6, index), ds, study, plan)
    _describe(rng, ds, study, plan)
    _grey(rng, ds, plan, stored)
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = TRANSFER_SYNTAXES[plan.transfer_syntax][0]
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "FXRAY_PHANTOM"
    ds.file_meta = meta
    return ds


def _written(ds: Dataset) -> bytes:
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _store(rng: np.random.Generator, plan: RadiographPlan, picture: Picture) -> Stored:
    """Scale the display to stored values: full range at 8 bits, some part of it above."""
    full = 2**plan.bits_stored - 1
    low, high = 0.0, float(full)
    offset, reach = rng.uniform(0, 0.08), rng.uniform(0.6, 1.0)
    if plan.bits_stored > 8:
        low, high = float(round(offset * full)), float(round(reach * full))
    display = picture.display
    if plan.corrupt == "constant":
        display = np.full_like(display, 0.5)
    start, slope = low, high - low
    if plan.inverted != plan.monochrome1:
        start, slope = high, low - high
    values = (display * np.float32(slope) + np.float32(start + 0.5)).astype(
        np.uint8 if plan.bits_stored <= 8 else np.uint16
    )
    padding = None
    chance = rng.random()
    if plan.collimator == "dark" and not plan.joined and chance < 0.2 and plan.transfer_syntax not in LOSSY:
        padding = 0 if not plan.monochrome1 else full
        field = picture.field
        values[: field.row0] = padding
        values[field.row1 :] = padding
        values[:, : field.column0] = padding
        values[:, field.column1 :] = padding
    return Stored(values, low, high, padding)


def _identify(rng: np.random.Generator, ds: Dataset, study: StudyPlan, plan: RadiographPlan) -> None:
    """Everything that says whose radiograph this is: what de-identification must remove."""
    person = study.patient
    texts = (person.name, place := institution(rng), doctor := physician(rng))
    latin = all(_is_latin(text) for text in texts) and rng.random() < 0.7
    ds.SpecificCharacterSet = "ISO_IR 100" if latin else "ISO_IR 192"
    ds.PatientName = person.name
    ds.PatientID = person.patient_id
    ds.PatientBirthDate = person.birth_date
    ds.PatientSex = person.sex
    ds.PatientAge = f"{person.age:03d}Y"
    ds.PatientAddress = person.address
    ds.InstitutionName = place
    ds.ReferringPhysicianName = doctor
    ds.OperatorsName = "Made^Up^^^"
    ds.StationName = f"ROOM{rng.integers(1, 9)}"
    ds.DeviceSerialNumber = str(rng.integers(10**5, 10**6))
    ds.AccessionNumber = study.accession
    ds.StudyID = str(rng.integers(1, 10**6))
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = study.date
    ds.StudyTime = study.time
    ds.StudyInstanceUID = study.study_uid
    seed, _, index, k = plan.pixel_key
    ds.SeriesInstanceUID = uid(seed, "series", index, k)
    ds.SOPInstanceUID = plan.sop_uid
    ds.SeriesNumber, ds.InstanceNumber = k + 1, 1
    private = ds.private_block(0x0011, "PHANTOM CONSOLE 1.0", create=True)
    private.add_new(0x01, "LO", person.name)
    private.add_new(0x02, "DA", person.birth_date)
    private.add_new(0x10, "UN", f"exposed by Made Up for {person.patient_id} ".encode())


def _is_latin(text: str) -> bool:
    return all(ord(c) < 256 for c in text)


def _describe(rng: np.random.Generator, ds: Dataset, study: StudyPlan, plan: RadiographPlan) -> None:
    modality = "DX" if rng.random() < 0.45 else "CR"
    ds.Modality = modality
    ds.SOPClassUID = _DX if modality == "DX" else _CR
    ds.Manufacturer = str(rng.choice(["Phantom Imaging", "Example Röntgen", "Imagined Systems"]))
    ds.ManufacturerModelName = f"Model {rng.integers(1, 5)}"
    ds.BodyPartExamined = study.body_part.label
    label = study.body_part.label or "X-ray"
    if rng.random() < 0.5 and _is_latin(label):
        ds.StudyDescription = label
    if rng.random() < 0.5:
        ds.SeriesDescription = f"{plan.view} {plan.limbs[0].laterality}"
    ds.ViewPosition = {"AP": "PA", "LAT": "LL", "OBL": "LAO"}[plan.view] if rng.random() < 0.8 else ""
    side = "B" if len(plan.limbs) > 1 else plan.limbs[0].laterality
    if modality == "DX":
        ds.ImageLaterality = side
        ds.PresentationIntentType = "FOR PRESENTATION"
        ds.PresentationLUTShape = "INVERSE" if plan.monochrome1 else "IDENTITY"
    elif rng.random() < 0.6:
        ds.Laterality = side if side != "B" else ""
    spacing = plan.height_mm / max(plan.rows, plan.columns)
    ds.ImagerPixelSpacing = [f"{spacing:.5f}", f"{spacing:.5f}"]
    ds.KVP = str(int(rng.integers(48, 62)))
    ds.Exposure = str(int(rng.integers(1, 8)))


def _grey(rng: np.random.Generator, ds: Dataset, plan: RadiographPlan, stored: Stored) -> None:
    """Image pixel, rescale and VOI attributes (DICOM PS3.3 C.7.6.3, C.11.1, C.11.2), and the pixels."""
    values = stored.values
    plain = plan.transfer_syntax in UNCOMPRESSED
    chance = rng.random(5)
    slope, intercept = 1.0, 0.0
    if chance[0] < 0.12:
        slope, intercept = (0.5, 0.0) if chance[1] < 0.5 else (1.0, -1024.0)
    signed = plain and plan.bits_stored == 16 and stored.padding is None and chance[2] < 0.3
    if signed:
        values = (values.astype(np.int32) - 32768).astype(np.int16)
        slope, intercept = 1.0, 32768.0
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME1" if plan.monochrome1 else "MONOCHROME2"
    ds.Rows, ds.Columns = values.shape
    ds.BitsAllocated = 8 * values.itemsize
    ds.BitsStored = plan.bits_stored
    ds.HighBit = plan.bits_stored - 1
    ds.PixelRepresentation = int(signed)
    if signed or slope != 1.0 or intercept or chance[0] < 0.65:
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = f"{slope:g}", f"{intercept:g}", "US"
    offset = -32768 if signed else 0
    low, high = ((v + offset) * slope + intercept for v in (stored.low, stored.high))
    # Data of explicit transfer syntaxes may be 64 kB at most where lengths have two bytes (PS3.5 7.1.2).
    tabled = stored.high - stored.low < 32_000 and slope == 1.0 and not intercept
    if chance[3] < 0.06 and tabled:
        ds.VOILUTSequence = Sequence([_voi_lut(stored)])
    elif chance[3] < 0.72:
        width = (high - low) * rng.uniform(0.92, 1.1)
        centre = 0.5 * (low + high)
        if chance[4] < 0.12:
            ds.WindowCenter = [f"{centre:.0f}", f"{1.05 * centre:.0f}"]
            ds.WindowWidth = [f"{max(width, 2):.0f}", f"{max(0.8 * width, 2):.0f}"]
            ds.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
        else:
            ds.WindowCenter, ds.WindowWidth = f"{centre:.0f}", f"{max(width, 2):.0f}"
    if stored.padding is not None:
        ds.PixelPaddingValue = stored.padding
    if plan.transfer_syntax in LOSSY:
        ds.LossyImageCompression = "01"
    _pixels(ds, plan, values)


def _voi_lut(stored: Stored) -> Dataset:
    """A VOI LUT with a gentle toe and shoulder over the values used."""
    first, count = int(stored.low), int(stored.high - stored.low) + 1
    x = np.linspace(-1.0, 1.0, count)
    curve = 0.5 + 0.5 * np.tanh(1.5 * x) / np.tanh(1.5)
    item = Dataset()
    item.LUTDescriptor = [count, first, 16]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = np.round(curve * 65535).astype(int).tolist()
    item["LUTData"].VR = "US"
    return item


def _pixels(ds: Dataset, plan: RadiographPlan, values: NDArray[Any]) -> None:
    if plan.transfer_syntax not in UNCOMPRESSED:
        ds.PixelData = encapsulate([compress(values, plan.transfer_syntax, plan.bits_stored)])
        ds["PixelData"].VR = "OB"
        return
    if plan.transfer_syntax == "explicit_be":
        values = values.astype(values.dtype.newbyteorder(">"))
    code = values.tobytes()
    ds.PixelData = code + b"\0" * (len(code) % 2)
    wide = values.itemsize > 1 or plan.transfer_syntax == "implicit_le"
    ds["PixelData"].VR = "OW" if wide else "OB"
