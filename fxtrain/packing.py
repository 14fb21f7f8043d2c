"""All radiographs of a data set brought to one size and put into one file, once.

The file is a memory-mapped array of bytes, so that an epoch reads no PNG and scales no image. There are
two: one at the exact size, for evaluation, and one with headroom, so that a crop of 90% of a training
image still has all the detail that the model's size can show.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.config import to_dict
from fxcore.cores import default_workers
from fxcore.dataset.in_place import files_of
from fxcore.dataset.layout import PARTIAL, is_image_name
from fxcore.dataset.locks import flock
from fxcore.dataset.png import decode_png
from fxcore.errors import DataSetError, FxrayError
from fxcore.letterbox import Frame, fit_image
from fxcore.user_folders import user_folder
from fxtrain.config import TrainConfig
from fxtrain.progress import Progress
from fxtrain.table import Table

# Raised when images come out otherwise than before.
_VERSION = 3
_IN_FLIGHT = 8
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Packed:
    """The radiographs of a `Table`, in its order.

    Attributes
    ----------
    exact, roomy : numpy.ndarray
        ``uint8``, shape ``(radiographs, height, width)``: at the size of the frame, and with headroom.
    """

    exact: NDArray[np.uint8]
    roomy: NDArray[np.uint8]


def pack(
    table: Table,
    frame: Frame,
    headroom: float,
    begin: Callable[[int], None] = lambda count: None,
    advance: Callable[[int], None] = lambda count: None,
) -> Packed:
    """Pack a data set, or open what was packed before.

    The files lie beside the data set, in a folder named after it, under a digest of the data set's
    content and the frame: a changed data set is packed anew, also where a PNG has another size or time.
    Where nothing may be written there, they lie in the user's cache.

    Parameters
    ----------
    table : Table
    frame : Frame
        The size of the model's input.
    headroom : float
        Sides of the larger images over those of the frame, at least 1.
    begin, advance : callable
        Told how many radiographs there are to pack, and of each number done.

    Raises
    ------
    DataSetError
        If a PNG is missing or damaged.
    FxrayError
        If the files cannot be written, or the file system has no ``flock``.
    """
    larger = frame.scaled(headroom)
    # One file for both where there is no headroom.
    content = _digest(table)
    names = {size: f"{_name(content, size)}.npy" for size in (frame, larger)}
    beside = table.root.with_name(f"{table.root.name}.packed")
    try:
        paths = _pack_in(beside, table, names, begin, advance)
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise _unpacked(beside, error) from error
        folder = _in_cache(table)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            paths = _pack_in(folder, table, names, begin, advance)
        except OSError as second:
            raise _unpacked(folder, second) from second
    exact, roomy = (np.load(paths[size], mmap_mode="r") for size in (frame, larger))
    return Packed(exact, roomy)


def _pack_in(
    folder: Path,
    table: Table,
    names: Mapping[Frame, str],
    begin: Callable[[int], None],
    advance: Callable[[int], None],
) -> dict[Frame, Path]:
    paths = {size: folder / name for size, name in names.items()}
    if _missing(table, paths):
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("ab") as lock:
            # Of several runs on a data set one packs it; the others wait, and open what it has packed.
            flock(lock, fcntl.LOCK_EX, folder)
            for killed in folder.glob(f"*{PARTIAL}"):
                killed.unlink()
            if missing := _missing(table, paths):
                begin(len(table))
                _write(table, missing, advance)
    return paths


def _in_cache(table: Table) -> Path:
    cache = user_folder("XDG_CACHE_HOME", ".cache", "packed data set")
    return cache / "fxray" / f"{hashlib.sha256(os.fsencode(table.root)).hexdigest()[:24]}.packed"


def _unpacked(folder: Path, error: OSError) -> FxrayError:
    return FxrayError(f"cannot pack the data set in {folder}: {error.strerror}")


def pack_for(table: Table, config: TrainConfig, progress: Progress) -> Packed:
    """Pack a data set as a run with these settings takes it; see `pack`."""

    def begin(count: int) -> None:
        progress.stage("Packing radiographs", count)

    return pack(table, config.data.frame, 1 / config.augment.crop_least, begin, progress.advance)


def _digest(table: Table) -> str:
    """Return a digest of which radiographs there are and, for a look at each PNG, of what they are."""
    digest = hashlib.sha256(table.fingerprint.encode())
    for radiograph in table.radiographs:
        digest.update(radiograph.encode())
    for study, first in enumerate(table.starts[:-1].tolist()):
        folder = table.path(first).parent
        try:
            files = files_of(folder)
        except OSError as error:
            raise _lost(folder, error) from error
        images = [file for file in files if is_image_name(file[0])]
        digest.update(f"{table.studies[study]}{images}".encode())
    return digest.hexdigest()


def _name(content: str, frame: Frame) -> str:
    text = json.dumps([_VERSION, to_dict(frame), content])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _lost(path: Path, error: OSError) -> DataSetError:
    return DataSetError(f"cannot read {path}: {error.strerror}; make the data set again")


def _missing(table: Table, paths: dict[Frame, Path]) -> dict[Frame, Path]:
    return {size: path for size, path in paths.items() if not _is_whole(path, table, size)}


def _is_whole(path: Path, table: Table, size: Frame) -> bool:
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        return False
    return array.shape == (len(table), size.height, size.width) and array.dtype == np.uint8


def _write(table: Table, targets: dict[Frame, Path], advance: Callable[[int], None]) -> None:
    """Decode each PNG once and write it at all sizes; each file appears whole or not at all."""
    # Where the lock holds on one machine alone, nobody's half-filled file gets the name of another's.
    own = f".{platform.node()}-{os.getpid()}{PARTIAL}"
    beside = [path.with_name(f"{path.name}{own}") for path in targets.values()]
    try:
        arrays = [
            _made(place, (len(table), frame.height, frame.width))
            for place, frame in zip(beside, targets, strict=True)
        ]
        one = partial(_write_one, table, list(zip(arrays, targets, strict=True)))
        # Threads: decoding and scaling release the interpreter, and the array is shared.
        with ThreadPoolExecutor(default_workers()) as pool:
            for _ in _bounded(pool, one, len(table)):
                advance(1)
        for array in arrays:
            array.flush()
        del arrays, one
        for place, path in zip(beside, targets.values(), strict=True):
            place.replace(path)
    finally:
        for place in beside:
            place.unlink(missing_ok=True)


def _made(path: Path, shape: tuple[int, int, int]) -> Any:
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # Without its room on the disk set aside, a file that is mapped ends the process when a disk fills.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _bounded(pool: ThreadPoolExecutor, function: Callable[[int], None], count: int) -> Iterator[None]:
    """Run the function for 0 to `count`, a bounded number at a time; the first failure ends it."""
    waiting = [pool.submit(function, k) for k in range(min(count, _IN_FLIGHT * default_workers()))]
    try:
        for k in range(count):
            yield waiting[k % len(waiting)].result()
            if k + len(waiting) < count:
                waiting[k % len(waiting)] = pool.submit(function, k + len(waiting))
    finally:
        for future in waiting:
            future.cancel()


def _write_one(table: Table, targets: list[tuple[NDArray[np.uint8], Frame]], index: int) -> None:
    path = table.path(index)
    try:
        image = decode_png(path.read_bytes())
    except OSError as error:
        raise _lost(path, error) from error
    except DataSetError as error:
        raise DataSetError(f"{path} is damaged: {error}; make the data set again") from error
    for array, frame in targets:
        fit_image(image, frame, out=array[index])
