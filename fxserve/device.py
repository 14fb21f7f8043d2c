"""Where a model runs, decided openly: what was asked for, or an error that says why not."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fxcore.arguments import check_whole
from fxcore.errors import FxrayError, ParameterError

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

# More than any machine has cores; with very many, ONNX Runtime does not come back.
_MOST_THREADS = 1024
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Standard output and error are those of the whole process: one thread at a time may hold them.
_listening = threading.Lock()
_CAUSE = re.compile(r"with error: (.+?)$|(Require cuDNN.+?)\.? Please", re.MULTILINE)


def open_session(path: Path, device: str, threads: int) -> tuple[Any, str]:
    """Open a model.

    Parameters
    ----------
    path : pathlib.Path
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``..., or ``"auto"``: a GPU if there is one that works.
    threads : int
        For the work of one operator on the CPU.

    Returns
    -------
    session : onnxruntime.InferenceSession
    said : str
        Where it runs, and with ``"auto"`` why there: a sentence for the user.

    Raises
    ------
    ParameterError
        For another device, or no sensible number of threads.
    FxrayError
        If the model cannot be opened, or not there: nothing falls back to another device silently.
    """
    check_device(device)
    check_whole("threads", threads, 1, _MOST_THREADS)
    if device == "cpu":
        return _open(path, [CPU], threads), "Scoring on the CPU."
    if device == "auto":
        if why := _no_gpu():
            return _open(path, [CPU], threads), f"Scoring on the CPU: {why}."
        try:
            return _on_gpu(path, 0, threads), "Scoring on the GPU."
        except NoGpuError as error:
            return _open(path, [CPU], threads), f"Scoring on the CPU, as the GPU cannot be used: {error}."
    number = int(device.partition(":")[2] or 0)
    why = _no_gpu(number)
    if not why:
        try:
            return _on_gpu(path, number, threads), f"Scoring on the GPU (cuda:{number})."
        except NoGpuError as error:
            why = str(error)
    raise FxrayError(f"--device {device} cannot be had: {why}. Use --device cpu to score without it.")


def check_device(device: str) -> None:
    """Check that `device` is the name of one; whether it is there is another matter.

    Raises
    ------
    ParameterError
    """
    if not isinstance(device, str) or not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ParameterError(f"the device is auto, cpu, cuda, or cuda:1 and so on, not {device!r}")


class NoGpuError(Exception):
    """Why the GPU cannot be used."""


def _no_gpu(number: int = 0) -> str:
    """Return why there is no such GPU, as the driver says; empty if there is."""
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return "this onnxruntime has no CUDA in it; install onnxruntime-gpu in its place"
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "this machine has no NVIDIA driver"
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return "the NVIDIA driver cannot be used"
    if number >= count.value:
        return f"this machine has {count.value} GPUs, counted from 0"
    return ""


def _on_gpu(path: Path, number: int, threads: int) -> Any:
    import onnxruntime

    options = {
        "device_id": str(number),
        # The rounding of TF32 would show in the fourth decimal.
        "use_tf32": "0",
        # The same choice of algorithm in every run.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }
    with _overheard() as said:
        # From the packages of NVIDIA that came with torch, or were installed without it.
        onnxruntime.preload_dlls()
        session = _open(path, [(CUDA, options), CPU], threads)
    if CUDA not in session.get_providers():
        (text,) = said
        causes = [next(filter(None, found)) for found in _CAUSE.findall(text)]
        why = "; ".join(dict.fromkeys(causes)) or text.strip()[-300:] or "CUDA could not be loaded"
        raise NoGpuError(why)
    return session


def _open(path: Path, providers: list[Any], threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The decoding workers have better use for the time that waiting threads would burn.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Errors are raised; of a GPU, the cause is told here alone.
    options.log_severity_level = 4 if providers == [CPU] else 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        if path.is_dir():
            raise FxrayError(f"{path} is a folder; name an ONNX file") from error
        if not path.is_file():
            raise FxrayError(f"the model {path} does not exist") from error
        if str(path) != os.fsencode(path).decode("utf-8", "replace"):
            raise FxrayError(
                f"{path} cannot be used as a model: its name or that of a folder above it is not UTF-8, which"
                " ONNX Runtime needs; rename it"
            ) from error
        raise FxrayError(f"{path} cannot be used as a model: {_explained(str(error))}") from error
    session.disable_fallback()
    return session


def _explained(text: str) -> str:
    """Return what ONNX Runtime says against a model, with the likely cause in front."""
    text = _COLOUR.sub("", text)
    # An error within another is told after where in ONNX Runtime both were met.
    inmost = text[text.rfind("[ONNXRuntimeError]") :] if "[ONNXRuntimeError]" in text else text
    said = inmost.partition(" : ")[2].splitlines()[0][:300] if " : " in inmost else inmost[:300]
    # The last two are of older and newer versions, of a file that is empty or ends before its graph.
    if any(sign in text for sign in ("INVALID_PROTOBUF", "ModelProto does not have a graph", "No graph was")):
        cause = "it is not an ONNX file, or a truncated one"
    elif "file_length" in text:
        cause = "the file of its weights beside it is truncated; copy it anew"
    elif "external" in text.lower() or "model_path must not be empty" in text:
        cause = "its weights are in a file of their own, which must lie beside it"
    elif "opset" in text.lower() or "IR version" in text:
        cause = "it is made for a newer ONNX Runtime; update onnxruntime, or export with a lower opset"
    else:
        return said
    return f"{cause} ({said})"


@contextlib.contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect what is printed meanwhile, by native code too: the only place where some causes are told."""
    heard: list[str] = []
    printed = io.StringIO()
    with _listening, tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                yield heard
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            text = file.read().decode("utf-8", "replace") + printed.getvalue()
            heard.append(_COLOUR.sub("", text))
