"""Archives of very many small studies: what fxray itself costs a study, and how its memory grows.

The images are so small that decoding and encoding take next to no time: what is left is headers, the
index, the plan, processes, files and the journal.
"""

from __future__ import annotations

import io
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from bench.options import Options
from bench.results import Findings, within

OVERHEAD_S, GROWTH, PARENT_BYTES, FLAT = 0.005, 2.1, 300e6, 1.10
"""CPU time a study, time of twice the studies, memory of the parent, memory of a worker late over early."""

AGAIN_S = 10.0
"""Seconds that a second index pass over `INDEXED` files may take."""

STUDIES, QUICK_STUDIES = 20_000, 300
INDEXED, QUICK_INDEXED = 200_000, 2_000
SIDE, INDEXED_SIDE = 64, 8

_PLACE = "1.2.826.0.1.3680043.8.498.{kind}.1{number:09d}"
_STUDY, _RADIOGRAPH = (_PLACE.format(kind=kind, number=0).encode() for kind in (1, 2))
_IN_A_FOLDER = 200
_SECONDS_BETWEEN_LOOKS = 0.25
# Of a process that lived too short for its growth to be told.
_LEAST_LOOKS = 20


def run(options: Options) -> Findings:
    """Measure the whole job and the index pass; see `bench.options.Options`."""
    findings = Findings("size")
    if not Path("/proc/self/stat").exists():
        findings.skipped.append("everything: processes are watched by way of /proc, which this system lacks")
        return findings
    studies = QUICK_STUDIES if options.quick else STUDIES
    with tempfile.TemporaryDirectory(prefix="fxray-bench-size-") as folder:
        _ingest(Path(folder), studies, options, findings)
    with tempfile.TemporaryDirectory(prefix="fxray-bench-size-") as folder:
        _index(Path(folder), QUICK_INDEXED if options.quick else INDEXED, options, findings)
    if options.quick:
        findings.drop_marks("with --quick there are too few studies to outweigh the start")
    return findings


def tiny_archive(folder: Path, studies: int, side: int = SIDE, first: int = 0) -> None:
    """Add studies of one radiograph of `side` by `side` pixels to a folder, numbered from `first`."""
    template = _template(side)
    for number in range(first, first + studies):
        data = template
        for kind, found in ((1, _STUDY), (2, _RADIOGRAPH)):
            data = data.replace(found, _PLACE.format(kind=kind, number=number).encode())
        place = folder / f"{number // _IN_A_FOLDER:05d}"
        if number % _IN_A_FOLDER == 0 or number == first:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.dcm").write_bytes(data)


@dataclass
class Watched:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From start to end.
    cpu_seconds : float
        Of all its processes.
    parent_peak : float
        Bytes of the first process at its largest.
    parent_growth, worker_growth : float
        Memory in the last quarter of its life over that in the second: of the first process, and of the
        other that has grown most. NaN where none lived long enough to tell.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    parent_peak: float = 0.0
    parent_growth: float = math.nan
    worker_growth: float = math.nan
    resident: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))


def watch(arguments: list[str]) -> Watched:
    """Run fxray with these arguments and watch its processes.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    command = [sys.executable, "-m", "fxcore", *arguments]
    watched, cpu = Watched(), dict[int, float]()
    begin = time.perf_counter()
    # A file takes any length; a pipe that nobody reads would stop the command when it is full.
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        try:
            while process.poll() is None:
                for pid, seconds, resident in _session(process.pid):
                    cpu[pid] = seconds
                    watched.resident[pid].append(resident)
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        watched.seconds = time.perf_counter() - begin
        if process.returncode:
            errors.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, stderr=errors.read())
    watched.cpu_seconds = sum(cpu.values())
    parent = watched.resident.pop(process.pid, [])
    watched.parent_peak, watched.parent_growth = max(parent, default=0.0), _growth(parent)
    grown = [growth for growth in map(_growth, watched.resident.values()) if not math.isnan(growth)]
    watched.worker_growth = max(grown, default=math.nan)
    return watched


def hold_growth(findings: Findings, name: str, what: str, growth: float) -> None:
    """Hold memory late over early against `FLAT`; where it is not known, say so, and do not call it met."""
    if math.isnan(growth):
        least = _LEAST_LOOKS * _SECONDS_BETWEEN_LOOKS
        findings.skipped.append(f"{name}, {what}: none lived the {least:g} s that it takes to tell")
    else:
        findings.results.append(within(name, what, [growth], FLAT, unit="×"))


def _growth(resident: list[float]) -> float:
    quarter = len(resident) // 4
    if quarter < _LEAST_LOOKS // 4:
        return math.nan
    return statistics.mean(resident[-quarter:]) / statistics.mean(resident[quarter : 2 * quarter])


def _session(leader: int) -> list[tuple[int, float, float]]:
    """Return pid, CPU seconds and resident bytes of the processes of a session."""
    found = []
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # After the name, which may hold anything but ends with the last bracket (proc(5)).
                values = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(values[3]) == leader:
                cpu = (int(values[11]) + int(values[12])) / tick
                found.append((int(entry.name), cpu, float(int(values[21]) * page)))
    return found


def _ingest(folder: Path, studies: int, options: Options, findings: Findings) -> None:
    archive, runs = folder / "archive", []
    tiny_archive(folder / "warm-up", 1)
    watch(_command(folder, "warm-up", "0"))
    for k in (1, 2):
        options.say(f"making {studies:,} studies of one small radiograph")
        tiny_archive(archive, studies, first=(k - 1) * studies)
        options.say(f"ingesting {k * studies:,} of them")
        # What making the archive and the run before left to the disk is not charged to this one.
        os.sync()
        runs.append(watch(_command(folder, "archive", f"{k}")))
    name = f"{studies:,} studies of {SIDE}×{SIDE} pixels"
    one, two = runs
    each = [one.cpu_seconds / studies, two.cpu_seconds / (2 * studies)]
    growth = two.seconds / one.seconds
    findings.results += [
        within("ingest: CPU time a study", name, each, OVERHEAD_S),
        within("ingest: twice the studies, seconds", name, [growth], GROWTH, unit="×"),
        within("ingest: memory of the parent", f"twice {name}", [two.parent_peak], PARENT_BYTES, unit="B"),
    ]
    hold_growth(findings, "ingest: memory of a worker, late over early", f"twice {name}", two.worker_growth)
    findings.said.append(
        f"{studies:,} studies took {one.seconds:.1f} s, {2 * studies:,} took {two.seconds:.1f} s; the CPU "
        f"time of all processes was {1e3 * each[0]:.2f} and {1e3 * each[1]:.2f} ms a study."
    )


def _command(folder: Path, archive: str, run: str) -> list[str]:
    """Name a new output for each run: ext4 is slow to make files where many were deleted a moment ago."""
    places = ("--key", str(folder / "key"), "--index", str(folder / f"index-{run}"))
    return ["ingest", str(folder / archive), str(folder / f"out-{run}"), *places, "--quiet"]


def _index(folder: Path, files: int, options: Options, findings: Findings) -> None:
    options.say(f"making {files:,} files")
    tiny_archive(folder / "archive", files, INDEXED_SIDE)
    # Until the files are old enough for their times to prove that they are unchanged.
    time.sleep(3)
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        options.say("indexing them")
        first = watch(["labels", str(folder / "archive"), "--quiet"])
        options.say("indexing them again")
        again = watch(["labels", str(folder / "archive"), "--quiet"])
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
    name = f"{files:,} files"
    findings.results += [
        within(
            "index: the second time", name, [again.seconds], AGAIN_S, note=f"first: {first.seconds:.1f} s"
        ),
        within("index: memory of the parent", name, [first.parent_peak], PARENT_BYTES, unit="B"),
    ]


def _template(side: int) -> bytes:
    """Return a DICOM file whose identifiers are to be replaced by others of the same length."""
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = _RADIOGRAPH.decode()
    ds.StudyInstanceUID = _STUDY.decode()
    ds.Modality, ds.BodyPartExamined, ds.PatientID = "CR", "WRIST", "1"
    ds.PhotometricInterpretation, ds.SamplesPerPixel = "MONOCHROME2", 1
    ds.Rows = ds.Columns = side
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ramp = np.hypot(*np.ogrid[-1 : 1 : side * 1j, -0.6 : 0.6 : side * 1j])
    ds.PixelData = (4000 * np.clip(1.2 - ramp, 0, 1)).astype("<u2").tobytes()
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
