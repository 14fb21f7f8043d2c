"""Batches for training and evaluation: bytes from the packed array, augmented on the device."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fxcore.errors import ParameterError
from fxcore.stopping import undisturbed
from fxtrain.augment import augment, draw, normalise
from fxtrain.config import TrainConfig
from fxtrain.packing import Packed
from fxtrain.sampler import epoch_order
from fxtrain.table import Table

T = TypeVar("T")

# The share of the free memory of a GPU that images may take; the rest is for the model.
_SHARE_OF_GPU = 0.5
_AHEAD = 3


@dataclass
class Batch:
    """What one step takes.

    Attributes
    ----------
    images : torch.Tensor
        ``float32``, shape ``(n, 1, height, width)``, on the device.
    broken : torch.Tensor
        ``float32``, on the device: of each image; of each study, where `study_index` is given.
    study_index : torch.Tensor or None
        ``int64``, shape ``(n,)``: the study of each image, for a model of studies.
    share : float
        Samples of this process over the mean of all processes: what its loss is weighed by. 0 where the
        batch has fewer samples than there are processes: one is there for keeping step, and does not count.
    """

    images: Tensor
    broken: Tensor
    study_index: Tensor | None
    share: float = 1.0


class Images:
    """Rows of a packed array, on the GPU if they fit there, else fetched through pinned memory."""

    def __init__(self, array: NDArray[np.uint8], rows: NDArray[np.int64], device: torch.device) -> None:
        self._array, self._device = array, device
        self.resident = False
        if device.type == "cuda":
            size = len(rows) * array[0].size
            self.resident = size < _SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]
        if self.resident:
            self._place = np.full(len(array), -1)
            self._place[rows] = np.arange(len(rows))
            self._on_device = torch.empty((len(rows), *array.shape[1:]), dtype=torch.uint8, device=device)
            for start in range(0, len(rows), 256):
                part = torch.from_numpy(array[rows[start : start + 256]])
                self._on_device[start : start + 256] = part.to(device)

    def fetch(self, rows: NDArray[np.int64]) -> Tensor:
        """Return what `on_device` needs of these rows; safe to call from another thread."""
        if self.resident:
            return torch.from_numpy(self._place[rows])
        images = torch.from_numpy(self._array[rows])
        return images.pin_memory() if self._device.type == "cuda" else images

    def on_device(self, fetched: Tensor) -> Tensor:
        """Return the images, ``uint8``, on the device."""
        if self.resident:
            return self._on_device[fetched.to(self._device, non_blocking=True)]
        return fetched.to(self._device, non_blocking=True)


class TrainBatches:
    """The batches of each epoch, the same for the same seed.

    Parameters
    ----------
    table : Table
    packed : Packed
    studies : numpy.ndarray
        Indices of the training studies.
    config : TrainConfig
    device : torch.device
    normalisation : tuple of float
        The mean and deviation that images are normalised by; see `RunDirectory.read_normalisation`.
    whole_studies : bool
        A sample is a study with all its views rather than a view.
    rank, world : int
        This process, and how many share each batch.
    """

    def __init__(
        self,
        table: Table,
        packed: Packed,
        studies: NDArray[np.int64],
        config: TrainConfig,
        device: torch.device,
        normalisation: tuple[float, float],
        *,
        whole_studies: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._table, self._config, self._device = table, config, device
        self._whole, self._rank, self._world = whole_studies, rank, world
        self._samples, self._broken = samples(table, studies, whole_studies)
        self.steps = count_steps(self._broken, config, world)
        self._images = Images(packed.roomy, table.of_studies(studies), device)
        self._mean, self._deviation = normalisation
        self.waited = 0.0

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of one epoch; `waited` counts the seconds that none was ready."""
        frame = self._config.data.frame
        with closing(prefetch(self._fetched(epoch))) as fetched:
            while True:
                begin = time.perf_counter()
                found = next(fetched, None)
                self.waited += time.perf_counter() - begin
                if found is None:
                    return
                images, drawn, broken, study_index, share = found
                yield Batch(
                    augment(
                        self._images.on_device(images),
                        drawn,
                        frame.height,
                        frame.width,
                        self._mean,
                        self._deviation,
                    ),
                    broken.to(self._device, non_blocking=True),
                    None if study_index is None else study_index.to(self._device, non_blocking=True),
                    share,
                )

    def _fetched(self, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | None, float]]:
        config = self._config
        order = epoch_order(self._broken, config.data.sampler, config.seed, epoch)
        for step in range(self.steps):
            batch = order[step * config.batch : (step + 1) * config.batch]
            mine = np.arange(self._rank, len(batch), self._world)
            share = len(mine) * self._world / len(batch)
            mine = mine if len(mine) else np.zeros(1, np.int64)
            broken = torch.from_numpy(self._broken[batch[mine]].astype(np.float32))
            if self._whole:
                views = [self._table.of_studies(self._samples[[k]]) for k in batch]
                counts = np.array([len(found) for found in views])
                ends = np.cumsum(counts)
                drawn = draw(int(ends[-1]), config.augment, config.seed, epoch, step)
                own = np.concatenate([np.arange(ends[k] - counts[k], ends[k]) for k in mine])
                rows = np.concatenate(views)[own]
                study_index = torch.from_numpy(np.repeat(np.arange(len(mine)), counts[mine]))
                yield self._images.fetch(rows), drawn[torch.from_numpy(own)], broken, study_index, share
            else:
                drawn = draw(len(batch), config.augment, config.seed, epoch, step)
                rows = self._samples[batch[mine]]
                yield self._images.fetch(rows), drawn[torch.from_numpy(mine)], broken, None, share


def samples(
    table: Table, studies: NDArray[np.int64], whole_studies: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return what a model is shown one by one, studies or their radiographs, and the class of each."""
    rows = table.of_studies(studies)
    return (studies, table.broken[studies]) if whole_studies else (rows, table.broken[table.study[rows]])


def count_steps(broken: NDArray[np.bool_], config: TrainConfig, world: int) -> int:
    """Return the number of batches in an epoch over samples of these classes.

    Raises
    ------
    ParameterError
        If a batch has fewer samples than there are processes; the last of an epoch may.
    """
    if config.batch < world:
        raise ParameterError(f"batch = {config.batch} cannot be shared by {world} processes")
    return -(-len(epoch_order(broken, config.data.sampler, config.seed, 0)) // config.batch)


def smallest_batch(broken: NDArray[np.bool_], config: TrainConfig, world: int) -> int:
    """Return the number of samples in the smallest batch of an epoch, over all processes."""
    count = len(epoch_order(broken, config.data.sampler, config.seed, 0))
    return min(config.batch, count - (count_steps(broken, config, world) - 1) * config.batch)


def evaluation_batches(
    table: Table,
    packed: Packed,
    studies: NDArray[np.int64],
    config: TrainConfig,
    device: torch.device,
    normalisation: tuple[float, float],
) -> Iterator[Batch]:
    """Yield the radiographs of `studies` in order, whole studies in a batch, at the exact size.

    `study_index` counts from 0 in each batch; `broken` is of its studies. Images are normalised by
    `normalisation`, the mean and deviation of the data that the model was trained on.
    """
    mean, deviation = normalisation

    def fetched() -> Iterator[tuple[Tensor, NDArray[np.int64]]]:
        for chosen in _groups(table, studies, config.batch):
            rows = table.of_studies(chosen)
            images = torch.from_numpy(packed.exact[rows])
            yield images, rows

    for images, rows in prefetch(fetched()):
        _, study_index = np.unique(table.study[rows], return_inverse=True)
        broken = table.broken[np.unique(table.study[rows])].astype(np.float32)
        yield Batch(
            normalise(images.to(device), mean, deviation),
            torch.from_numpy(broken).to(device),
            torch.from_numpy(study_index).to(device),
        )


def _groups(table: Table, studies: NDArray[np.int64], batch: int) -> Iterator[NDArray[np.int64]]:
    """Divide studies into groups of about `batch` radiographs."""
    counts = np.bincount(table.study, minlength=len(table.studies))
    group: list[int] = []
    size = 0
    for study in studies.tolist():
        if group and size + counts[study] > batch:
            yield np.array(group)
            group, size = [], 0
        group.append(study)
        size += int(counts[study])
    if group:
        yield np.array(group)


def prefetch(items: Iterable[T]) -> Generator[T, None, None]:
    """Yield the items, a thread making the next few ahead; an exception there is raised here."""
    ready: queue.Queue[Any] = queue.Queue(_AHEAD)
    stop = threading.Event()
    end = object()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((end, None))
        except BaseException as error:
            put((end, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            try:
                with undisturbed():
                    item, error = ready.get(timeout=0.1)
            except queue.Empty:
                continue
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        stop.set()
        thread.join()
