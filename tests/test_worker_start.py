"""What a process is made ready with before workers are forked from it."""

from __future__ import annotations

import inspect
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from fxcore import cli
from fxcore.cli.app import app
from fxcore.forking import STARTED_BY
from fxcore.import_path import shared_import_path
from tests.program import fxray

# Each radiograph takes and gives back a few arrays of some megabytes.
_WORK = """
import resource
import fxcore.worker_start
import numpy as np

def radiograph():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(megabytes << 20, np.uint8) for megabytes in (16, 8, 24, 8)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(radiograph(), radiograph())
"""


def _run(code: str, **variables: str) -> str:
    command, environment = [sys.executable, "-c", code], os.environ | variables
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=200, env=environment
    ).stdout


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told to")
def test_what_a_radiograph_took_is_kept_for_the_next() -> None:
    first, second = map(int, _run(_WORK).split())
    assert first > 500
    assert second < 50


def test_what_loading_the_kernels_does_without_is_there_afterwards() -> None:
    pytest.importorskip("scipy")
    code = "import fxcore.worker_start, scipy.linalg; print(scipy.linalg.norm([3.0, 4.0]))"
    assert float(_run(code)) == 5.0


@pytest.mark.parametrize(
    ("module", "error", "told"),
    [
        ("llvmlite", ImportError("no llvmlite"), "is not whole (no llvmlite); install fxray again"),
        ("pydicom", RuntimeError("no locator"), "have no place (no locator); set XDG_CACHE_HOME"),
    ],
)
def test_why_workers_cannot_load_is_told_once(
    tmp_path: Path, module: str, error: Exception, told: str
) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise {error!r}")
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "image.png").write_bytes(b"")
    path = os.pathsep.join([str(tmp_path), *(entry for entry in sys.path if entry)])
    done = fxray("build", archive, tmp_path / "out", code=1, environment={"PYTHONPATH": path})
    assert told in done.stderr
    assert done.stderr.count(str(error)) == 1


def test_the_import_path_is_passed_on_for_as_long_as_processes_are_started(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PYTHONPATH", "before")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    odd = str(tmp_path / f"a{os.pathsep}b")
    # Imports pass over what is no text.
    monkeypatch.setattr(sys, "path", [str(tmp_path), odd, tmp_path, *sys.path])
    with shared_import_path(FXRAY_TEST="1"):
        assert os.environ["PYTHONSAFEPATH"] == os.environ["FXRAY_TEST"] == "1"
        passed = os.environ["PYTHONPATH"].split(os.pathsep)
        assert passed[0] == str(tmp_path)
        assert set(sys.path[3:]) - {""} <= set(passed)
        assert not {"", "b", odd} & set(passed)
    assert os.environ["PYTHONPATH"] == "before"
    assert not {"PYTHONSAFEPATH", "FXRAY_TEST"} & os.environ.keys()


@pytest.mark.parametrize("alone", [False, True])
def test_no_more_is_loaded_once_who_asked_for_it_has_ended(alone: bool) -> None:
    code = "import fxcore.worker_start; print('loaded')"
    asked = str(os.getpid() + alone)
    assert _run(code, **{STARTED_BY: asked}) == ("" if alone else "loaded\n")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["build", "archive", "out"], True),
        (["score", "model.onnx", "archive", "out", "--quiet"], True),
        (["build", "archive", "out", "--scheduler=tcp://here:1"], False),
        (["build", "--help"], False),
        (["config"], False),
        ([], False),
    ],
)
def test_whether_a_command_will_want_workers(arguments: list[str], wanted: bool) -> None:
    assert cli._takes_workers(arguments) is wanted


def test_every_command_that_takes_workers_starts_them_early() -> None:
    parameters = {
        command.name or command.callback.__name__: inspect.signature(command.callback).parameters
        for command in app.registered_commands
    }
    with_workers = {name for name, taken in parameters.items() if "workers" in taken}
    assert with_workers == cli._COMMANDS_WITH_WORKERS
