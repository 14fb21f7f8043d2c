"""DICOM files made for tests, from stored values and a few attributes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder

JPEG_SPECTRAL_SELECTION = uid.UID("1.2.840.10008.1.2.4.53")


def image_dataset(stored: np.ndarray, bits: int, **attributes: Any) -> Dataset:
    """Return a data set of grey frames in native little endian.

    `stored` has shape (rows, columns) or (frames, rows, columns); its type gives allocation and sign.
    """
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, uid.generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid.generate_uid(), uid.generate_uid()
    ds.PatientID, ds.Modality = "TEST", "DX"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape[-2:]
    if stored.ndim == 3:
        ds.NumberOfFrames = len(stored)
    ds.BitsAllocated = 8 * stored.dtype.itemsize
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    ds.PixelData = stored.tobytes()
    if len(ds.PixelData) % 2:
        ds.PixelData += b"\0"
    ds["PixelData"].VR = "OW"
    return ds


def write(ds: Dataset, path: Path, syntax: str = uid.ExplicitVRLittleEndian, bare: bool = False) -> Path:
    """Write the data set; without preamble and group 0002 if `bare`."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "")
    if bare:
        del ds.file_meta
        implicit, little = syntax == uid.ImplicitVRLittleEndian, syntax != uid.ExplicitVRBigEndian
        ds.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    else:
        ds.save_as(path, enforce_file_format=True)
    return path


def unsigned(stored: np.ndarray) -> np.ndarray:
    return stored.view(f"u{stored.dtype.itemsize}")


def big_endian(stored: np.ndarray, ds: Dataset) -> bytes:
    words = unsigned(stored) if stored.dtype.itemsize == 2 else np.frombuffer(ds.PixelData, "<u2")
    return words.byteswap().tobytes()


def _masked(stored: np.ndarray, bits: int) -> np.ndarray:
    return unsigned(stored) & unsigned(stored).dtype.type(2**bits - 1)


def rle(stored: np.ndarray, bits: int) -> bytes:
    return RLELosslessEncoder.encode(
        stored.tobytes(),
        rows=stored.shape[0],
        columns=stored.shape[1],
        samples_per_pixel=1,
        bits_allocated=8 * stored.dtype.itemsize,
        bits_stored=bits,
        pixel_representation=int(stored.dtype.kind == "i"),
        photometric_interpretation="MONOCHROME2",
        number_of_frames=1,
        index=0,
        encoding_plugin="pydicom",
    )


def jpeg_lossless(stored: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg8_encode(
        _masked(stored, bits), lossless=True, predictor=1, bitspersample=max(bits, 2)
    )


def jpeg_ls(stored: np.ndarray, bits: int) -> bytes:
    # The encoder writes the precision of the type, so that the sign has to fill it.
    return imagecodecs.jpegls_encode(unsigned(stored))


def jpeg_2000(stored: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg2k_encode(
        _masked(stored, bits), level=0, reversible=True, codecformat="j2k", bitspersample=bits, resolutions=1
    )


def htj2k(stored: np.ndarray, bits: int) -> bytes:
    return imagecodecs.htj2k_encode(stored, reversible=True)


ENCODERS: dict[str, Callable[[np.ndarray, int], bytes]] = {
    uid.RLELossless: rle,
    uid.JPEGLosslessSV1: jpeg_lossless,
    uid.JPEGLossless: jpeg_lossless,
    uid.JPEGLSLossless: jpeg_ls,
    uid.JPEG2000Lossless: jpeg_2000,
    uid.HTJ2KLossless: htj2k,
}
NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)


def encode(ds: Dataset, stored: np.ndarray, bits: int, syntax: str) -> None:
    """Put the pixels of a single-frame data set into another transfer syntax."""
    if syntax in ENCODERS:
        ds.PixelData = encapsulate([ENCODERS[syntax](stored, bits)])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    elif syntax == uid.ExplicitVRBigEndian:
        ds.PixelData = big_endian(stored, ds)
