"""Frames of compressed DICOM files: our reader against pydicom with each plugin it lists."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from bench.harness import interleave
from bench.inputs import NO_REAL, SIZES, STANDARD, phantom_plan, real_files
from bench.options import Options
from bench.results import Findings, Result, compare
from fxcore.dicom.codecs import fxray_plugin, imagecodecs_plugin
from fxcore.dicom.codecs.frames import decode_frames
from fxcore.dicom.config import Limits
from fxcore.dicom.pixels import pixel_bytes
from fxcore.dicom.quiet import quiet_stderr
from fxcore.dicom.read import open_dicom
from fxcore.phantom.encode import encode
from fxcore.phantom.plan import TRANSFER_SYNTAXES
from fxcore.phantom.render import render

# Name, name of the phantom's transfer syntax, and the ratio to be reached against the best plugin.
SYNTAXES = (
    ("JPEG Lossless", "jpeg_lossless_sv1", 3.0),
    ("RLE", "rle", 10.0),
    ("JPEG-LS", "jpeg_ls", 1.4),
    ("JPEG 2000 lossless", "jpeg_2000_lossless", 1.0),
    ("uncompressed", "explicit_le", None),
)
BITS = 12


@contextmanager
def one_core() -> Iterator[None]:
    """Hold this thread, and those it starts, to one core (Linux).

    The JPEG 2000 decoder inside gdcm starts a thread a core and cannot be told not to.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def run(options: Options) -> Findings:
    """Measure each transfer syntax on a 12-bit phantom; see `bench.options.Options`."""
    findings = Findings("decode")
    rows, columns = SIZES[STANDARD]
    study, plan = phantom_plan(rows, columns)
    plan = replace(plan, bits_stored=BITS, monochrome1=False)
    picture = render(plan, study.patient, study.body_part.anatomy)
    for name, syntax, mark in SYNTAXES:
        options.say(name)
        file = encode(study, replace(plan, transfer_syntax=syntax), picture)
        plugins = peer_plugins(TRANSFER_SYNTAXES[syntax][0])
        findings.results += _compared(name, f"12-bit {STANDARD}", file, plugins, mark, options)
        missing = {"gdcm", "pydicom", "pylibjpeg"} - set(plugins)
        if missing and mark is not None:
            findings.skipped.append(f"{name}: not decoded by, or not installed: {', '.join(sorted(missing))}")
    if options.quick:
        findings.skipped.append("real files: not measured with --quick")
        return findings
    real = real_files()
    findings.skipped += [] if real else [NO_REAL]
    for name, syntax, _ in SYNTAXES:
        if syntax in real:
            source, file = real[syntax]
            plugins = peer_plugins(TRANSFER_SYNTAXES[syntax][0])
            findings.results += _compared(name, f"real file {source}", file, plugins, None, options)
    return findings


def peer_plugins(syntax: str) -> list[str]:
    """Return the plugins that pydicom lists for a transfer syntax, without those of fxray.

    The empty name is pydicom without a plugin, for what is not compressed.
    """
    try:
        names = get_decoder(syntax).available_plugins
    except NotImplementedError:
        names = ()
    found = [name for name in names if name not in (fxray_plugin.NAME, imagecodecs_plugin.NAME)]
    return found or [""]


def our_frame(file: bytes) -> np.ndarray:
    """Decode the first frame of a DICOM file as the reader does."""
    limits = Limits()
    parsed, fmt = open_dicom(io.BytesIO(file), limits)
    return next(decode_frames(pixel_bytes(parsed, fmt), parsed.syntax, fmt)).values


def pydicom_frame(file: bytes, plugin: str) -> np.ndarray:
    """Decode the first frame of a DICOM file with one plugin of pydicom."""
    return pixel_array(io.BytesIO(file), index=0, raw=True, decoding_plugin=plugin)


def _compared(
    name: str, input_name: str, file: bytes, plugins: list[str], mark: float | None, options: Options
) -> list[Result]:
    contestants: dict[str, Callable[[], Any]] = {"ours": partial(our_frame, file)}
    contestants |= {plugin: partial(pydicom_frame, file, plugin) for plugin in plugins}
    expected = our_frame(file)
    for plugin in plugins:
        np.testing.assert_array_equal(pydicom_frame(file, plugin), expected)
    with quiet_stderr(), one_core():
        seconds = interleave(contestants, options.effort)
    results = [
        compare(
            name,
            f"pydicom + {plugin}" if plugin not in ("", "pydicom") else "pydicom",
            input_name,
            {"ours": seconds["ours"], "peer": seconds[plugin]},
            note=f"{len(file) / 1e6:.1f} MB",
            figures={"bytes": len(file)},
        )
        for plugin in plugins
    ]
    best = min(range(len(results)), key=lambda k: results[k].peer_s)
    if mark is not None:
        results[best] = replace(results[best], mark=mark, met=results[best].ratio >= mark)
    return results
