"""What spoils an archive: corrupt files, and files that are no radiographs at all."""

from __future__ import annotations

import io
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from fxcore.phantom.identity import stream, token, uid
from fxcore.phantom.plan import RadiographPlan

_DIRECTORY = "1.2.840.10008.1.3.10"
_README = """Export of the picture archive.

Do not change file names. Labels are in labels.csv. Ask the (invented) PACS team if a study is missing.
"""


def corrupted(code: bytes, plan: RadiographPlan) -> bytes:
    """Spoil a file's bytes as its plan says; most plans say nothing, and constant images are drawn so."""
    if plan.corrupt in ("", "constant"):
        return code
    rng = stream(plan.pixel_key[0], 8, *plan.pixel_key[2:])
    match plan.corrupt:
        case "truncated":
            return code[: int(len(code) * rng.uniform(0.3, 0.8))]
        case "header":
            # From the preamble's end through the transfer syntax: a bad sector.
            spoilt = bytearray(code)
            for at in rng.integers(128, 128 + 160, 60):
                spoilt[at] ^= 0xFF
            return bytes(spoilt)
        case "garbage":
            return b"\0" * 128 + b"DICM" + rng.bytes(20_000)
        case _:
            return b""


def write_junk(out: Path, seed: int) -> None:
    """A README, a DICOMDIR without records, a thumbnail cache and a truncated spreadsheet."""
    (out / "README.txt").write_text(_README, encoding="utf-8", newline="\n")
    (out / "DICOMDIR").write_bytes(_dicomdir(seed))
    folder = out / token(seed, "junk", digits=6)
    folder.mkdir(parents=True, exist_ok=True)
    rng = stream(seed, 9)
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + rng.bytes(4096))
    (folder / "export (1).log").write_text(
        "export finished with warnings\n" * 20, encoding="utf-8", newline="\n"
    )


def _dicomdir(seed: int) -> bytes:
    """A media storage directory (DICOM PS3.3 F.3) that lists nothing."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.FileMetaInformationVersion = b"\x00\x01"
    ds.file_meta.MediaStorageSOPClassUID = _DIRECTORY
    ds.file_meta.MediaStorageSOPInstanceUID = uid(seed, "dicomdir")
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.file_meta.ImplementationClassUID = uid(0, "implementation")
    ds.file_meta.ImplementationVersionName = "FXRAY_PHANTOM"
    ds.FileSetID = "PHANTOM"
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.FileSetConsistencyFlag = 0
    ds.DirectoryRecordSequence = Sequence([])
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
