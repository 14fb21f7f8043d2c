"""One process or several: what ``torchrun`` says, and the little that the trainer asks of the others."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import torch
from torch import distributed

from fxcore.errors import FxrayError, ParameterError

_PATIENCE = timedelta(days=7)
_SECONDS_TO_SPEAK = 3.0


@dataclass(frozen=True)
class Processes:
    """This process among those of a run.

    Attributes
    ----------
    rank, world : int
        Its number, from 0, and how many there are.
    device : torch.device
        Where it works.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this one writes files and talks to the user."""
        return self.rank == 0

    def total(self, *values: float) -> list[float]:
        """Return sums over all processes."""
        if self.world == 1:
            return list(values)
        together = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(together)
        return together.tolist()

    def agree(self, value: bool) -> bool:
        """Return what the first process says."""
        return bool(self.total(float(value and self.first))[0])

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """Have the others wait for what the first does alone; where it fails, they end too, silently."""
        try:
            yield
        except BaseException:
            # Where they have ended before, there is nobody to be told.
            with suppress(RuntimeError):
                self.agree(self.first)
            raise
        if self.agree(False):
            self._leave()

    def end(self, why: str) -> NoReturn:
        """End all processes, which are all here; the first says why."""
        if self.first:
            raise FxrayError(why)
        self._leave()

    def _leave(self) -> NoReturn:
        # When one process ends, torchrun ends all: not before the first has spoken.
        time.sleep(_SECONDS_TO_SPEAK)
        raise SystemExit(1)


def is_first() -> bool:
    """Tell whether this process is the one of a run that talks to the user."""
    return int(os.environ.get("WORLD_SIZE", "1")) == 1 or int(os.environ.get("RANK", "0")) == 0


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Join the other processes of ``torchrun``, if this one was started by it.

    Raises
    ------
    ParameterError
        For a device that is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    chosen = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Processes(0, 1, chosen)
        return
    if not distributed.is_available():
        raise FxrayError("this build of torch cannot train in several processes")
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    # The others wait while the first packs a data set or validates; torchrun ends them all if it dies.
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(rank, world, chosen)
    finally:
        distributed.destroy_process_group()


def check_device(name: str) -> None:
    """Check that `name` is that of a device; whether it is there is another matter.

    Raises
    ------
    ParameterError
    """
    try:
        torch.device("cpu" if name == "auto" else name)
    except RuntimeError:
        raise ParameterError(f"the device is auto, cpu, cuda, or cuda:1 and so on, not {name!r}") from None


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """Return the device of that name; ``"auto"`` takes a GPU if there is one.

    Raises
    ------
    ParameterError
        If it is not there, or cannot do what training asks of it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", local_rank)
        # Sums are taken there in double precision.
        torch.zeros(1, dtype=torch.float64, device=device).item()
    except Exception as error:
        # What a backend raises that is missing, or lacks something, differs from one to the next.
        why = (str(error).splitlines() or [type(error).__name__])[0].split(". ")[0]
        raise ParameterError(f"device {name!r} cannot be used here: {why}") from None
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """Return the precision that "auto" stands for on a device.

    CPUs with AMX have it as well, but there PyTorch 2.14 reads what nobody wrote, in the gradient of a
    convolution over an odd number of images, and gets NaN now and then.
    """
    if name != "auto":
        return name
    on_gpu = device.type == "cuda"
    return "bf16" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
