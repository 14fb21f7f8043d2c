"""Faults injected for real: a decoder that kills or hangs its worker, Ctrl-C, a second run, a full disk."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.program import TRACEBACK, finished_studies, fxray, summary, tree
from tests.test_program_images import draw

# Loaded by every interpreter that has it on its path: makes reading some files fatal, as broken codecs do.
_FAULTY_CODEC = """
import ctypes, os, signal, time
import fxcore.jobs

_load = fxcore.jobs.load_image

def load_image(path, config):
    if path.name == "kill.png": os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "abort.png": os.abort()
    if path.name == "segfault.png": ctypes.string_at(0)
    if path.name == "hang.png": time.sleep(600)
    if path.name.startswith("slow"): time.sleep(0.5)
    return _load(path, config)

fxcore.jobs.load_image = load_image
"""


@pytest.fixture
def faulty(tmp_path):
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "sitecustomize.py").write_text(_FAULTY_CODEC)
    return {"PYTHONPATH": f"{tmp_path / 'faults'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_a_file_that_kills_or_hangs_its_worker_costs_itself_only(tmp_path, faulty):
    archive = tmp_path / "archive"
    for i in range(6):
        draw(archive / f"study{i}_positive" / "good.png", i)
    for i, name in enumerate(["kill", "abort", "segfault", "hang"]):
        draw(archive / f"study{i}_positive" / f"{name}.png", 10 + i)
    (tmp_path / "quick.toml").write_text("[ingest]\nseconds_per_file = 3\n")
    options = ["--key", tmp_path / "key", "--config", tmp_path / "quick.toml", "--workers", 2]
    figures = summary("ingest", archive, tmp_path / "out", *options, code=3, environment=faulty)
    assert figures["quarantined"] == 4
    assert figures["converted"] == 6
    assert figures["studies"]["broken"] == 6
    with (tmp_path / "out" / "rejects.csv").open() as file:
        messages = sorted(row["message"] for row in csv.DictReader(file))
    for message, cause in zip(messages, ("SIGABRT", "SIGKILL", "SIGSEGV", "3 seconds"), strict=True):
        assert cause in message
    assert not (tmp_path / "out" / ".fxray").exists()


def start(*arguments: object, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fxcore", *map(str, arguments)]
    return subprocess.Popen(
        command, env=os.environ | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for_studies(out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while finished_studies(out) < count:
        assert time.monotonic() < deadline, "no study appeared"
        time.sleep(0.02)


@pytest.fixture
def slow_archive(tmp_path):
    for i in range(24):
        draw(tmp_path / "archive" / f"slow{i}.png", i)
    return tmp_path / "archive"


def test_ctrl_c_stops_and_says_how_to_go_on(tmp_path, slow_archive, faulty):
    job = ["ingest", slow_archive, tmp_path / "out", "--key", tmp_path / "key", "--workers", 2]
    run = start(*job, environment=faulty)
    wait_for_studies(tmp_path / "out", 2)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=10)
    assert run.returncode == 130
    assert "run the same command again to go on" in said
    assert TRACEBACK not in said
    assert summary(*job)["studies_done_before"] >= 2
    summary("ingest", slow_archive, tmp_path / "undisturbed", "--key", tmp_path / "key")
    assert tree(tmp_path / "out") == tree(tmp_path / "undisturbed")


def test_a_second_run_on_the_same_output_is_refused(tmp_path, slow_archive, faulty):
    job = ["ingest", slow_archive, tmp_path / "out", "--key", tmp_path / "key", "--workers", 2]
    first = start(*job, environment=faulty)
    try:
        wait_for_studies(tmp_path / "out", 1)
        refused = fxray(*job, code=1)
        assert f"another run is writing to {tmp_path / 'out'} (process {first.pid} on" in refused.stderr
    finally:
        first.kill()
        first.communicate()
    assert summary(*job)["studies"]["unlabelled"] == 24


def test_an_output_that_cannot_be_written_is_named(tmp_path, slow_archive):
    refused = fxray("ingest", slow_archive, "/proc/fxray", "--key", tmp_path / "key", code=1)
    assert "cannot write to /proc/fxray" in refused.stderr


def test_a_full_disk_stops_with_a_sentence_and_the_next_run_completes(tmp_path, slow_archive):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True
    ).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        job = ["ingest", slow_archive, disk / "out", "--key", tmp_path / "key", "--workers", 2]
        failed = fxray(*job, code=1)
        assert "No space left on device" in failed.stderr
        assert "run the same command again" in failed.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        summary(*job)
        summary("ingest", slow_archive, tmp_path / "undisturbed", "--key", tmp_path / "key")
        assert tree(disk / "out") == tree(tmp_path / "undisturbed")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
