"""Training as most write it: a `Dataset` of PNGs, torchvision's transforms, a `DataLoader`, a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

from fxtrain.config import TrainConfig
from fxtrain.models import create_model


@dataclass(frozen=True)
class Radiographs(Dataset[tuple[Tensor, float]]):
    """Full-size PNGs, decoded and augmented one by one."""

    paths: list[Path]
    broken: list[bool]
    transform: v2.Transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        image = decode_image(str(self.paths[index]), ImageReadMode.GRAY)
        return self.transform(image), float(self.broken[index])


@dataclass(frozen=True)
class Data:
    """What is trained on, and by which settings.

    Attributes
    ----------
    paths, broken : list
        A PNG, and whether it is of the positive class.
    mean, deviation : float
        Of grey levels on the scale 0 to 1.
    config : TrainConfig
    workers : int
        Processes that decode, and threads that compute.
    """

    paths: list[Path]
    broken: list[bool]
    mean: float
    deviation: float
    config: TrainConfig
    workers: int

    def loader(self) -> DataLoader[tuple[Tensor, float]]:
        """Return batches of ``float32`` images ``(n, 1, height, width)`` and ``float64`` classes ``(n,)``."""
        frame, least = self.config.data.frame, self.config.augment.crop_least
        transform = v2.Compose(
            [
                v2.RandomResizedCrop((frame.height, frame.width), scale=(least**2, 1.0), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([self.mean], [self.deviation]),
            ]
        )
        return DataLoader(
            Radiographs(self.paths, self.broken, transform),
            batch_size=self.config.batch,
            shuffle=True,
            num_workers=self.workers,
            persistent_workers=True,
        )


class Script:
    """A whole script: PyTorch's own memory format, number format and loop."""

    def __init__(self, data: Data) -> None:
        torch.set_num_threads(data.workers)
        self.loader = data.loader()
        self.model = create_model(data.config.model, data.config.data.frame)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=data.config.optim.learning_rate)

    def epoch(self) -> None:
        """Train on all images once."""
        self.model.train()
        for images, broken in self.loader:
            self.optimiser.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(self.model(images), broken.float())
            loss.backward()
            self.optimiser.step()


_scripts: list[Script] = []


def _begin(data: Data) -> None:
    _scripts.append(Script(data))


def _epoch() -> None:
    _scripts[0].epoch()


@contextmanager
def script(data: Data) -> Iterator[Callable[[], None]]:
    """Yield what runs an epoch of a `Script` in a process of its own.

    There it has the allocator as a user's script has it, and not what fxray has told that of this process.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin, initargs=(data,)) as process:
        yield lambda: process.submit(_epoch).result()
