"""The kernels and the chains they make, row by row of the table of peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np

from bench import inputs
from bench.harness import Effort, Spread, interleave
from bench.inputs import ADVERSARIAL, SIZES, STANDARD, TWO
from bench.memory import peaks
from bench.options import Options
from bench.peers import chains
from bench.peers.functions import cv_rotate, exact_rotation
from bench.peers.table import ANGLE, TABLE, Row
from bench.results import Findings, Result, compare
from fxcore import kernels

PARTS = "Otsu, components, drop small, components"
ALIGNMENT = "Otsu, close 15x15, open 15x15, axis"
MASK = "Otsu to a mask"

# At one thread: the ratio to be reached by row, peer and input.
MARKS = {
    (MASK, "OpenCV", STANDARD): 1.1,
    (PARTS, "OpenCV", STANDARD): 20.0,
    (PARTS, "OpenCV", "noise"): 0.7,
    (PARTS, "OpenCV", "checkerboard"): 0.7,
    (ALIGNMENT, "OpenCV moments", STANDARD): 5.0,
    (ALIGNMENT, "OpenCV PCACompute2", STANDARD): 12.0,
    (ALIGNMENT, "scikit-image, scikit-learn", STANDARD): 60.0,
    ("rotate", "OpenCV", STANDARD): 1.2,
    ("inversion test, inversion", "OpenCV", STANDARD): 1.5,
    ("inversion test, inversion", "NumPy", STANDARD): 1.5,
}
TWO_THREADS = 1.5
"""What two threads must gain over one."""

CHAINS = (MASK, PARTS, ALIGNMENT)


def run(options: Options) -> Findings:
    """Measure every row of the table; see `bench.options.Options`."""
    findings = Findings("kernels")
    rows = {row.name: row for row in TABLE}
    before = cv2.getNumThreads()
    try:
        memory = _memory(options)
        for row in TABLE:
            options.say(row.name)
            findings.results += _against_peers(row, STANDARD, options, memory)
        for name in CHAINS:
            _two_threads(rows[name], options, findings)
        findings.results += _against_peers(rows[PARTS], TWO, options, {}, only="OpenCV")
        for kind in ADVERSARIAL:
            options.say(kind)
            for name in ("components", *CHAINS):
                findings.results += _against_peers(rows[name], kind, options, {}, only="OpenCV")
        if options.quick:
            findings.skipped.append("other sizes and real radiographs: not measured with --quick")
        else:
            real = inputs.real_radiographs()
            findings.skipped += [] if real else [inputs.NO_REAL]
            for name in (*(size for size in SIZES if size != STANDARD), *real):
                options.say(name)
                for row in TABLE:
                    findings.results += _against_peers(row, name, options, {})
    finally:
        cv2.setNumThreads(before)
    return findings


def image_of(name: str) -> np.ndarray:
    """Return the input of this name."""
    if name in SIZES:
        return inputs.phantom(*SIZES[name])
    if name == TWO:
        return inputs.phantom(*SIZES[STANDARD], limbs=2)
    if name in ADVERSARIAL:
        return inputs.adversarial(name)
    return inputs.real_radiographs()[name]


def contestant(row_name: str, peer: str, input_name: str) -> Callable[[], Any]:
    """Set up one side of one row; `peer` is a peer's name or ``"ours"``. OpenCV works on one thread."""
    cv2.setNumThreads(1)
    row = next(row for row in TABLE if row.name == row_name)
    return _set_up(row, peer)(image_of(input_name))


def _set_up(row: Row, peer: str) -> Any:
    return row.ours if peer == "ours" else (row.peers | row.rough)[peer]


def _memory(options: Options) -> dict[tuple[str, str], int | None]:
    options.say("peak memory, in a process of its own")
    asked = [(row.name, peer) for row in TABLE for peer in ("ours", *row.peers, *row.rough)]
    found = peaks([(contestant, (name, peer, STANDARD)) for name, peer in asked])
    return dict(zip(asked, found, strict=True))


def _against_peers(
    row: Row,
    input_name: str,
    options: Options,
    memory: dict[tuple[str, str], int | None],
    only: str = "",
) -> Iterator[Result]:
    image = image_of(input_name)
    if not row.needs(image):
        return
    for peer in (*row.peers, *row.rough):
        if not peer.startswith(only):
            continue
        threads = [1]
        if peer.startswith("OpenCV") and options.threads > 1 and input_name == STANDARD:
            threads.append(options.threads)
        for count in threads:
            further: dict[str, Any] = {}
            if count == 1:
                further = {
                    "mark": MARKS.get((row.name, peer, input_name)),
                    "ours_peak_bytes": memory.get((row.name, "ours")),
                    "peer_peak_bytes": memory.get((row.name, peer)),
                }
            if row.name == "rotate" and peer == "OpenCV" and input_name == STANDARD and count == 1:
                further |= _rotation_errors(image)
            yield _one(row, peer, input_name, image, count, options.effort, further)


def _one(
    row: Row,
    peer: str,
    input_name: str,
    image: np.ndarray,
    threads: int,
    effort: Effort,
    further: dict[str, Any],
) -> Result:
    ours_threads = threads if threads > 1 and row.name in CHAINS and _shares_work() else 1
    ours = row.ours(image, threads) if ours_threads > 1 else row.ours(image)  # type: ignore[call-arg]
    spare = np.empty_like(image)
    contestants = {
        "ours": ours,
        "peer": _set_up(row, peer)(image),
        "copy": lambda: np.copyto(spare, image),
    }
    cv2.setNumThreads(threads)
    seconds = interleave(contestants, effort)
    floor_s = row.moved(image) * Spread.of(seconds["copy"]).median / (2 * image.nbytes)
    return compare(
        row.name,
        peer,
        input_name,
        seconds,
        threads=ours_threads,
        peer_threads=threads,
        floor_s=floor_s,
        **further,
    )


def _shares_work() -> bool:
    return any(chains.takes_threads(f) for f in (kernels.otsu_threshold, kernels.runs_from_image))


def _two_threads(row: Row, options: Options, findings: Findings) -> None:
    """Hold a chain on two threads against itself on one."""
    what = f"{row.name}, 2 threads against 1"
    if not _shares_work():
        findings.skipped.append(f"{what}: not available, the kernels take no `threads`")
        return
    if options.threads < 2:
        findings.skipped.append(f"{what}: not measured on one thread")
        return
    image = image_of(STANDARD)
    work = {"ours": row.ours(image, 2), "peer": row.ours(image)}  # type: ignore[call-arg]
    findings.results.append(
        compare(
            row.name,
            "fxray, 1 thread",
            STANDARD,
            interleave(work, options.effort),
            threads=2,
            # A mark for the chains that steps are made of.
            mark=TWO_THREADS if row.name != MASK else None,
        )
    )


def _rotation_errors(image: np.ndarray) -> dict[str, Any]:
    """Return both errors of rotation against float64, as a note and as part of the mark."""
    exact = exact_rotation(image)
    figures = {}
    for name, rotated in (("ours", kernels.rotate(image, ANGLE)), ("peer", cv_rotate(image)())):
        error = np.abs(rotated - exact)
        figures[f"{name}_mean_error"], figures[f"{name}_max_error"] = float(error.mean()), float(error.max())
    note = "error against float64, in grey levels: ours {:.4f} (most {:.3f}), theirs {:.4f} (most {:.3f})"
    better = all(figures[f"ours_{kind}"] <= figures[f"peer_{kind}"] for kind in ("mean_error", "max_error"))
    return {"note": note.format(*figures.values()), "figures": figures, "also": better}
