"""Kernels on several threads: the same results, from any thread, in any process, at any moment."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.peers import functions
from fxcore import kernels
from fxcore.errors import ParameterError
from fxcore.kernels import _threads

_RNG = np.random.default_rng(5)
_TABLE = _RNG.integers(0, 256, 65536).astype(np.uint8)
_ROOT = Path(__file__).parents[1]


def _runs(runs: kernels.Runs) -> list[np.ndarray]:
    return [runs.row_start, runs.start, runs.stop]


def _everything(image: np.ndarray, threads: int) -> list[np.ndarray]:
    """Return what every kernel that takes `threads` makes of an image."""
    level = kernels.otsu_threshold(image, threads=threads)
    runs = kernels.runs_from_image(image, level, threads=threads)
    long = max(image.shape) > 100_000  # of which a canvas at any angle would be too large
    angles = (0.001, 90, 180, 270) if long else (-31.0, 90, 140.5, 180, 270)
    results = [
        np.array([level, *kernels.pixel_sums(image, threads=threads)], np.uint64),
        kernels.histogram(image, threads=threads),
        *_runs(runs),
        *_runs(kernels.runs_from_mask(image > level, threads=threads)),
        *(kernels.rotate(image, degrees, 7, threads=threads) for degrees in angles),
        kernels.apply_table(image, _TABLE[: np.iinfo(image.dtype).max + 1], threads=threads),
    ]
    for height, width in ((15, 15), (1, 9), (41, 3), (2 * image.shape[0] + 1, 1)):
        for name in ("dilate", "erode", "close", "open"):
            function = getattr(kernels, f"{name}_rectangle")
            results += _runs(function(runs, height, width, threads=threads))
    return results


def _same(image: np.ndarray, threads: int) -> None:
    for one, several in zip(_everything(image, 1), _everything(image, threads), strict=True):
        assert one.dtype == several.dtype
        np.testing.assert_array_equal(one, several)


IMAGES = {
    "hand": functions.hand(900, 1100),
    "noise": _RNG.integers(0, 256, (701, 1303)).astype(np.uint8),
    "noise of 16 bits": _RNG.integers(0, 65536, (400, 777)).astype(np.uint16),
    "comb": np.tile(np.array([0, 255], np.uint8), (600, 401)),
    "one wide row": _RNG.integers(0, 256, (1, 400_003)).astype(np.uint8),
    "one tall column": _RNG.integers(0, 256, (400_003, 1)).astype(np.uint8),
    "black": np.zeros((700, 700), np.uint8),
    "not contiguous": functions.hand(900, 1100)[::-1, ::2].T,
    "small": _RNG.integers(0, 256, (3, 5)).astype(np.uint8),
}


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
def test_the_number_of_threads_changes_nothing(image: np.ndarray, threads: int) -> None:
    _same(image, threads)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 300), cols=st.integers(1, 900), seed=st.integers(0, 2**32), threads=st.integers(2, 5)
)
def test_threads_change_nothing_on_drawn_images(rows: int, cols: int, seed: int, threads: int) -> None:
    rng = np.random.default_rng(seed)
    blobs = rng.random((rows // 9 + 1, cols // 20 + 1)) < rng.random()
    image = np.kron(blobs, np.ones((9, 20)))[:rows, :cols] * 150 + rng.integers(0, 60, (rows, cols))
    with _small_pieces(256):
        _same(image.astype(np.uint8), threads)


@contextlib.contextmanager
def _small_pieces(least: int) -> Iterator[None]:
    """Cut small images as well."""
    before, _threads._LEAST = _threads._LEAST, least
    try:
        yield
    finally:
        _threads._LEAST = before


def _spiral(side: int) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    for k in range(0, side // 2, 4):
        mask[k : side - k, k : side - k] = 1
        mask[k + 2 : side - k - 2, k + 2 : side - k - 2] = 0
        mask[k + 2 : k + 4, k + 2] = 1  # each ring is tied to the next
    return mask


MASKS = {
    "hand": functions.hand(300, 400) > 90,
    "noise": _RNG.random((90, 80)) < 0.4,
    "checkerboard": np.indices((70, 71)).sum(axis=0) % 2 == 0,
    "comb": np.tile(np.array([0, 1], np.uint8), (60, 40)),
    "comb, joined at the foot": np.vstack([np.tile(np.array([1, 0], np.uint8), (60, 40)), np.ones((1, 80))])
    > 0,
    "spiral": _spiral(121),
    "one row": _RNG.random((1, 900)) < 0.5,
    "one column": _RNG.random((900, 1)) < 0.5,
    "all in one row": np.pad(_RNG.random((1, 900)) < 0.5, ((0, 9), (0, 0))),
    "all in the last row": np.pad(_RNG.random((1, 900)) < 0.5, ((9, 0), (0, 0))),
    "black": np.zeros((70, 70), np.uint8),
    "white": np.ones((70, 70), np.uint8),
    "no rows": np.zeros((0, 5), np.uint8),
    "no columns": np.zeros((500, 0), np.uint8),
}


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_morphology_in_bands_is_that_of_the_whole(mask: np.ndarray, threads: int) -> None:
    runs = kernels.runs_from_mask(mask)
    for height, width in ((1, 3), (3, 3), (9, 1)):
        with _small_pieces(64):
            closed = kernels.close_rectangle(runs, height, width, threads=threads)
            opened = kernels.open_rectangle(closed, height, width, threads=threads)
        alone = kernels.close_rectangle(runs, height, width)
        several = _runs(closed) + _runs(opened)
        alone_too = _runs(alone) + _runs(kernels.open_rectangle(alone, height, width))
        for one, other in zip(alone_too, several, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, 100_000])
def test_refused_numbers_of_threads(threads: object) -> None:
    image = IMAGES["small"]
    runs = kernels.runs_from_mask(image)
    calls: list[Callable[..., object]] = [
        lambda **k: kernels.histogram(image, **k),
        lambda **k: kernels.otsu_threshold(image, **k),
        lambda **k: kernels.pixel_sums(image, **k),
        lambda **k: kernels.runs_from_image(image, 3, **k),
        lambda **k: kernels.runs_from_mask(image, **k),
        lambda **k: kernels.rotate(image, 3, **k),
        lambda **k: kernels.close_rectangle(runs, 3, 3, **k),
        lambda **k: kernels.apply_table(image, _TABLE[:256], **k),
    ]
    for call in calls:
        with pytest.raises(ParameterError, match="threads must be"):
            call(threads=threads)


# --- the pool itself ---


def test_many_threads_share_at_once() -> None:
    image = IMAGES["hand"]
    alone = kernels.rotate(image, 11.0).tobytes()
    with ThreadPoolExecutor(6) as callers:
        found = callers.map(lambda _: kernels.rotate(image, 11.0, threads=4).tobytes(), range(40))
        assert all(result == alone for result in found)


def test_pieces_cover_the_range_once_and_a_late_helper_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_threads, "_CORES", 1)
    monkeypatch.setattr(_threads, "_pool", _threads._Pool())
    blocked = threading.Event()
    (task,) = _threads._pool.submit(lambda: blocked.wait(100), 1)
    done: list[tuple[int, int]] = []
    _threads.share(lambda pieces: done.extend(pieces), 1000, 1 << 20, 2)
    blocked.set()
    assert task.wait()
    assert [begin for begin, _ in done] == [0, *(end for _, end in done[:-1])]
    assert done[-1][1] == 1000


@pytest.mark.parametrize("where", ["caller", "helper"])
def test_errors_of_a_worker_are_raised_and_the_pool_goes_on(where: str) -> None:
    me = threading.get_ident()

    def worker(pieces: object) -> None:
        mine = threading.get_ident() == me
        for _ in pieces:  # type: ignore[attr-defined]
            time.sleep(0.002)
            if mine == (where == "caller"):
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        _threads.share(worker, 1000, 1 << 20, 2)
    _same(IMAGES["noise"], 2)


def _in_child(threads: int) -> bytes:
    return kernels.histogram(IMAGES["noise"], threads=threads).tobytes()


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_children_have_threads_of_their_own(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    expected = _in_child(2)  # the parent's pool exists before the child does
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(_in_child, [1, 2, 3, 2]).get(timeout=120) == [expected] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_in_the_midst_of_work_does_not_lock_up() -> None:
    code = """
import os, threading, numpy as np
from fxcore import kernels
kernels.warm()  # a child forked while another thread compiles inherits Numba's locked compiler
image = np.random.default_rng(0).integers(0, 256, (900, 900)).astype(np.uint8)
expected = kernels.histogram(image)
stop = threading.Event()
def busy():
    while not stop.is_set():
        kernels.histogram(image, threads=3)
for _ in range(2):
    threading.Thread(target=busy, daemon=True).start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        os._exit(0 if (kernels.histogram(image, threads=3) == expected).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=_ROOT, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_kernels_still_work_while_the_interpreter_ends() -> None:
    code = """
import atexit, numpy as np
from fxcore import kernels
image = np.ones((900, 900), np.uint8)
kernels.histogram(image, threads=2)
atexit.register(lambda: print(kernels.histogram(image, threads=2)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("810000\n", "")
