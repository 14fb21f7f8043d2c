"""Runs the program as a user does, on a small disk if need be, and compares what it leaves."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from fxcore.cli.app import app
from fxcore.study import LABELS

TRACEBACK = "Traceback (most recent call last)"

# Loaded by every interpreter that has it on its path: makes reading some files fatal, as broken codecs do.
FAULTY_CODEC = """
import ctypes, os, signal, time
import fxcore.work

_load = fxcore.work.load_image

def load_image(path, config):
    if path.name == "kill.png": os.kill(os.getpid(), signal.SIGKILL)
    if path.name == "abort.png": os.abort()
    if path.name == "segfault.png": ctypes.string_at(0)
    if path.name == "hang.png": time.sleep(600)
    if path.name.startswith("slow"): time.sleep(0.5)
    return _load(path, config)

fxcore.work.load_image = load_image
"""


def fxray(
    *arguments: object, code: int = 0, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``fxray`` to its end and check its exit code; a traceback always fails."""
    done = subprocess.run(
        [sys.executable, "-m", "fxcore", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | (environment or {}),
    )
    assert TRACEBACK not in done.stderr + done.stdout, done.stderr
    assert done.returncode == code, f"exit {done.returncode}, expected {code}\n{done.stderr}\n{done.stdout}"
    return done


def fxray_here(*arguments: object, code: int = 0) -> Result:
    """Do as `fxray` in this process: for what needs no process of its own, which takes a second to start."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


def summary(*arguments: object, code: int = 0, environment: dict[str, str] | None = None) -> Any:
    """Run a command with ``--json`` and return what it prints."""
    return json.loads(fxray(*arguments, "--json", code=code, environment=environment).stdout)


def tree(root: Path) -> dict[str, str]:
    """Return relative path to digest for every file, with the record of the commands left out."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_dir():
            continue
        data = path.read_bytes()
        if path.name == "dataset.json":
            content = json.loads(data)
            assert content.pop("commands")
            data = json.dumps(content).encode()
        found[str(path.relative_to(root))] = hashlib.sha256(data).hexdigest()
    return found


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table, column to text; read without the code that wrote them."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def finished_studies(out: Path) -> int:
    """Count the studies in place; looks at class folders only, as others come and go while a run works."""
    return sum(len(list((out / label).glob("*/metadata.csv"))) for label in LABELS)


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


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a disk with room for `size`, as mount(8) writes it, on a folder; skip the test without root."""
    folder.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
    if subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    """Give a mounted disk another size, or make it read-only."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)
