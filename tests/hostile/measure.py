"""``python -m tests.hostile.measure FILE...``: read each file as a worker does, and say what it took."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import fxcore.worker_start  # noqa: F401 (imports what a worker has, compiles what it may need)
from fxcore import kernels
from fxcore.dicom.config import Limits, PixelConfig
from fxcore.dicom.index import look_into
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
from fxcore.images import load_image
from tests.hostile.run import peak_kib

kernels.warm()


def read(path: Path) -> tuple[str, str]:
    """Look into a file and decode it; return reason and message, the reason being ``"ok"`` for an image."""
    entry = look_into(path.parent, path.name, Limits())
    if entry.reason:
        return entry.reason, entry.message
    try:
        loaded = (load_image if entry.kind == "image" else load_dicom)(path, PixelConfig())
        for _ in loaded.frames:
            pass
    except UnreadableFileError as error:
        return error.reason, error.message
    return "ok", ""


def measure(path: Path) -> dict[str, Any]:
    """Read a file in a process of its own; return what it said, seconds and memory above the start."""
    incoming, outgoing = os.pipe()
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        Path("/proc/self/clear_refs").write_text("5")  # begin the peak anew (proc(5))
        before = peak_kib(os.getpid())
        reason, message = read(path)
        os.write(outgoing, json.dumps([reason, message, peak_kib(os.getpid()) - before]).encode())
        os._exit(0)
    os.close(outgoing)
    with os.fdopen(incoming, "rb") as stream:
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    reason, message, grown = json.loads(said) if said else ("died", f"status {status}", 0)
    return {
        "name": path.name,
        "reason": reason,
        "message": message,
        "seconds": time.monotonic() - began,
        "mib": grown / 1024,
    }


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(measure(Path(name))), flush=True)
