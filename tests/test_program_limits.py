"""Faults of fxray itself and files too large for a worker's memory: they cost their file, not the run."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from fxcore.dicom.config import Limits
from tests.program import fxray, rows, summary
from tests.test_program_images import draw

# Makes the steps and the reading of some files fail in ways that nobody has thought of.
_FAULTS = """
import fxcore.work

_load, _run_steps = fxcore.work.load_image, fxcore.work.run_steps

def load_image(path, config):
    loaded = _load(path, config)
    loaded.metadata["PatientSex"] = path.stem
    return loaded

def run_steps(study, *arguments):
    if study.radiographs[0].metadata["PatientSex"] == "fault":
        raise KeyError("DOE^JANE")
    if study.radiographs[0].metadata["PatientSex"] == "greedy":
        raise MemoryError
    return _run_steps(study, *arguments)

fxcore.work.load_image, fxcore.work.run_steps = load_image, run_steps
"""


def rejects(out: Path) -> list[tuple[str, str]]:
    return sorted((row["reason"], row["message"]) for row in rows(out / "rejects.csv"))


@pytest.fixture
def faulty(tmp_path):
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "sitecustomize.py").write_text(_FAULTS)
    return {"PYTHONPATH": f"{tmp_path / 'faults'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_an_unexpected_exception_costs_its_file_and_is_said_to_be_a_fault(tmp_path, faulty):
    archive = tmp_path / "archive"
    for i in range(4):
        draw(archive / f"study{i}_positive" / "good.png", i)
    draw(archive / "study1_positive" / "fault.png", 10)
    draw(archive / "study2_positive" / "greedy.png", 11)
    job = ["build", archive, tmp_path / "out", "--key", tmp_path / "key", "--workers", 2, "--part", "any"]
    done = fxray(*job, code=3, environment=faulty)
    assert "1 files were given up because of a fault of fxray itself" in done.stderr
    assert "at sitecustomize" not in done.stderr
    assert "at fxcore.work:" in done.stderr
    assert "DOE" not in done.stderr
    (fault, fault_message), (greedy, greedy_message) = rejects(tmp_path / "out")
    assert (fault, greedy) == ("internal_error", "out_of_memory")
    assert "KeyError" in fault_message
    assert "DOE" not in fault_message
    assert "memory_per_worker" in greedy_message
    assert len(list((tmp_path / "out" / "broken").glob("*/*.png"))) == 4
    # The mistake may have been mended since, and there may be memory by now, or more of it be allowed.
    (tmp_path / "more.toml").write_text("[ingest]\nmemory_per_worker = 5\nseconds_per_file = 90\n")
    job += ["--config", tmp_path / "more.toml"]
    assert summary(*job)["studies_done_now"] == 2
    assert rejects(tmp_path / "out") == []
    assert len(list((tmp_path / "out" / "broken").glob("*/*.png"))) == 6


def write_tiff(path: Path, image: np.ndarray) -> None:
    """Write a grey TIFF of 16 bits in one strip (TIFF 6.0 section 2)."""
    rows, columns = image.shape
    fields = {256: columns, 257: rows, 258: 16, 259: 1, 262: 1, 273: 0, 277: 1, 278: rows, 279: image.nbytes}
    fields[273] = 8 + 2 + 12 * len(fields) + 4
    entries = (struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(fields)) + b"".join(entries) + bytes(4)
    path.write_bytes(head + image.tobytes())


def test_the_largest_radiograph_fits_a_worker_and_one_that_does_not_costs_itself_only(tmp_path):
    archive = tmp_path / "archive"
    draw(archive / "good.png", 1)
    side = int(Limits().max_pixels ** 0.5)
    # A limb at 40 degrees, so that turning it upright takes a canvas of nearly twice the size.
    turn = np.deg2rad(40)
    y, x = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    limb = abs(x * np.cos(turn) + y * np.sin(turn)) < 0.3
    limb &= abs(y * np.cos(turn) - x * np.sin(turn)) < 0.9
    write_tiff(archive / "largest.tif", np.where(limb, np.uint16(9000), np.uint16(100)))
    options = ["--key", tmp_path / "key", "--workers", 1, "--part", "any"]
    figures = summary("build", archive, tmp_path / "out", *options)
    assert (figures["converted"], figures["dropped"]) == (2, {})
    turned = max(abs(float(row["rotation_degrees"])) for row in rows(tmp_path / "out" / "metadata.csv"))
    assert 39 < turned < 41 or 139 < turned < 141

    (tmp_path / "small.toml").write_text("[ingest]\nmemory_per_worker = 0.5\n")
    options += ["--config", tmp_path / "small.toml"]
    figures = summary("build", archive, tmp_path / "small", *options, code=3)
    assert (figures["converted"], figures["dropped"]) == (1, {"out_of_memory": 1})
    assert "memory_per_worker" in rejects(tmp_path / "small")[0][1]


def test_other_limits_than_what_a_worker_is_allowed_are_refused_in_one_data_set(tmp_path):
    draw(tmp_path / "archive" / "good.png", 1)
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key", "--workers", 1]
    summary(*job)
    limits = "[ingest]\nseconds_per_file = 90\n[ingest.pixels.limits]\nmax_frames = 1\n"
    (tmp_path / "other.toml").write_text(limits)
    refused = fxray(*job, "--config", tmp_path / "other.toml", code=1).stderr
    assert "another config (ingest.pixels.limits.max_frames: 10000 then, 1 now)" in refused
