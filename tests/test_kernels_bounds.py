"""Vector loads that no bounds check sees, between two pages that nobody may touch."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fxcore import kernels
from fxcore.kernels import jpeg_ls
from fxcore.kernels._check import as_bytes
from fxcore.kernels.jpeg_differences import FOUND, PADDING, STATE, difference_table, read_differences
from fxcore.kernels.jpeg_ls_stuffing import unstuff_bits
from fxcore.kernels.jpeg_stuffing import unstuff

PAGES = 80


def _fenced() -> np.ndarray:
    """Return memory with an inaccessible page before and after it; touching those ends the process."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    page = mmap.PAGESIZE
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    base = libc.mmap(None, (PAGES + 2) * page, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    for fence in (base, base + (PAGES + 1) * page):
        assert libc.mprotect(fence, page, 0) == 0
    return np.frombuffer((ctypes.c_uint8 * (PAGES * page)).from_address(base + page), np.uint8)


def _shapes(rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    yield from [(1, 1), (2, 2), (1, 64), (64, 1), (3, 128), (30, 1100), (540, 600), (541, 601)]
    for _ in range(150):
        yield int(rng.integers(1, 60)), int(rng.integers(1, 300))
        yield int(rng.integers(1, 3)), int(rng.integers(1, 3000))
        yield int(rng.integers(1, 3000)), int(rng.integers(1, 3))


def touch_everything() -> None:
    """Run the kernels that load several pixels at once on images that end where their memory ends."""
    rng = np.random.default_rng(0)
    memory = _fenced()
    for rows, cols in _shapes(rng):
        for image in (memory[: rows * cols], memory[-rows * cols :]):
            image = image.reshape(rows, cols)
            image[:] = rng.integers(0, 256, image.shape)
            kernels.histogram(image)
            kernels.runs_from_image(image, int(rng.integers(0, 256)))
            degrees = 90.0 * rng.integers(0, 4)
            kernels.rotate(image, degrees)
            kernels.corner_means(image, 2, 70)
            kernels.shrink(image, int(rng.integers(1, rows + 1)), int(rng.integers(1, cols + 1)))
            if cols % 2 == 0:
                wide = image.view(np.uint16)
                kernels.runs_from_image(wide, int(rng.integers(0, 65536)))
                kernels.rotate(wide, degrees)
                kernels.rotate(wide, float(rng.uniform(-400, 400)))
                kernels.histogram(wide)
            kernels.rotate(image, float(rng.uniform(-400, 400)))
            kernels.rotate(image, 90.0 * rng.integers(0, 4) + 10 ** rng.uniform(-9, 1))


def touch_runs() -> None:
    """Unpack segments, whole and cut, that end where their memory ends."""
    rng = np.random.default_rng(1)
    memory = _fenced()
    for size in (*range(1, 300), *rng.integers(300, 20000, 60)):
        source = memory[-size:]
        source[:] = rng.integers(0, 256, size) if size % 2 else rng.integers(0, 2, size) * 255
        for planes in (1, 2, 3):
            for pixels in (1, size // 2, size, 30 * size):
                with contextlib.suppress(ValueError):
                    kernels.unpack_planes(source, [(k, int(size)) for k in range(planes)], int(pixels))


def touch_codes() -> None:
    """Read codes out of noise that ends where its memory ends; take out stuffed bytes into such memory."""
    rng = np.random.default_rng(2)
    memory, target = _fenced(), _fenced()
    for size in (*range(1, 200), *rng.integers(200, 30000, 60)):
        # With few bits set there are short codes, so that four readers get to their ends.
        memory[-size:] = rng.integers(0, 256, size) & (255 if size % 2 else rng.integers(0, 256, size))
        with contextlib.suppress(ValueError):
            kernels.lossless_jpeg_scan(
                memory[-size:],
                0,
                [0, 2, 3, 1, 1, 1, *[1] * 9, 0],
                range(17),
                (9, 90),
                precision=16,
                predictor=4,
            )
        unstuff(as_bytes(memory[-size:], ""), 0, target[-size - PADDING :], np.empty(3, np.int64))
        limits = np.array([1 << 62, 1 << 63, 5 << 61], np.uint64)
        codes = limits, np.array([2, 2, 3]), np.array([0, 15, 11])
        table = difference_table(*codes)
        found, state = np.empty(FOUND, np.uint16), np.empty(STATE, np.int64)
        end, at = 8 * int(size - PADDING), 0
        while 0 <= at < end:
            part = int(rng.integers(4096, 50000))
            at, _ = read_differences(memory[-size:], at, end, part, table, *codes, 1 << 30, found, state)


def touch_bits() -> None:
    """Read JPEG-LS out of noise that ends where its memory ends; take out stuffed bits into such memory."""
    rng = np.random.default_rng(3)
    memory, target, room = _fenced(), _fenced(), _fenced()
    decode = jpeg_ls._decode

    def noise(size: int) -> np.ndarray:
        """Return all kinds of codes; with few bits set longer ones; or many bytes FF."""
        found, other, third = rng.integers(0, 256, (3, size))
        return [found, found & other, found & other & third, found | 254][rng.integers(0, 4)]

    def decode_between_fences(data: np.ndarray, bits: int, *more: object) -> int:
        """Decode with noise for what is read after the end of the data before the row has ended."""
        place = room[-data.size :]
        place[:] = data
        place[(bits + 7) // 8 :] = noise(data.size - (bits + 7) // 8)
        return decode(place, bits, *more)

    jpeg_ls._decode = decode_between_fences
    for size in (*range(1, 200), *rng.integers(200, 30000, 200)):
        memory[-size:] = noise(size)
        unstuff_bits(as_bytes(memory[-size:], ""), 0, target[-size:])
        memory[-2:] = 0xFF, 0xD9
        for used in (2, size):
            shape = int(rng.integers(1, 9)), int(rng.integers(1, 900))
            with contextlib.suppress(ValueError):
                kernels.jpeg_ls_scan(memory[-used:], 0, shape, precision=int(rng.integers(2, 17)))
        unstuff_bits(as_bytes(memory[-size:], ""), 0, target[-size:])


@pytest.mark.parametrize("touch", ["touch_everything", "touch_runs", "touch_codes", "touch_bits"])
@pytest.mark.skipif(sys.platform != "linux", reason="fences pages by way of Linux' C library")
def test_no_kernel_reads_outside_its_image(touch: str) -> None:
    code = f"from tests.test_kernels_bounds import {touch}; {touch}()"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
