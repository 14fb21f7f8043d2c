"""Batches of bytes to batches of numbers, on the device: crop, mirror, invert, normalise in one sampling."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fxtrain.config import AugmentConfig


def draw(count: int, config: AugmentConfig, seed: int, epoch: int, step: int) -> Tensor:
    """Draw what is to be done to each image of a batch.

    The numbers follow from seed, epoch and step alone, whatever the device and the number of processes.

    Returns
    -------
    torch.Tensor
        ``float32``, shape ``(count, 5)``: side of the crop as a share; where it lies, as shares of the
        room there is; -1 where mirrored, else 1; 1 where inverted, else 0.
    """
    state = np.random.SeedSequence([seed, 3, epoch, step]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(state) >> 1)
    chance = torch.rand((count, 5), generator=generator)
    side = config.crop_least + (1 - config.crop_least) * chance[:, 0]
    mirrored = 1 - 2 * (chance[:, 3] < config.flip).float()
    inverted = (chance[:, 4] < config.invert).float()
    return torch.stack([side, chance[:, 1], chance[:, 2], mirrored, inverted], dim=1)


def augment(images: Tensor, drawn: Tensor, height: int, width: int, mean: float, deviation: float) -> Tensor:
    """Crop, mirror, resize to the model's size, invert and normalise.

    All of it is one bilinear sampling of the bytes, rows and columns apart, where
    ``torchvision.transforms.v2`` makes four passes (crop, resize without antialias, flip, …).

    Parameters
    ----------
    images : torch.Tensor
        ``uint8``, shape ``(n, rows, columns)``, on any device.
    drawn : torch.Tensor
        From `draw`.
    height, width : int
        Of the result.
    mean, deviation : float
        Of grey levels on the scale 0 to 1.

    Returns
    -------
    torch.Tensor
        ``float32``, shape ``(n, 1, height, width)``.
    """
    side, across, down, mirrored, inverted = drawn.to(images.device, non_blocking=True).unbind(1)
    above, below, share = _between(images.shape[1], height, side, down)
    left, right, part = _between(images.shape[2], width, side, across, mirrored)
    each = torch.arange(len(images), device=images.device).unsqueeze(1)
    # Rows first, as bytes: neither a grid of points nor a whole image of numbers is made.
    rows = torch.lerp(images[each, above].float(), images[each, below].float(), share.unsqueeze(2))
    left, right = (found.unsqueeze(1).expand(-1, height, -1) for found in (left, right))
    levels = torch.lerp(rows.gather(2, left), rows.gather(2, right), part.unsqueeze(1)).unsqueeze(1)
    sign, offset = 1 - 2 * inverted, 255 * inverted - 255 * mean
    return (levels * sign.view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1)) / (255 * deviation)


def _between(
    size: int, count: int, side: Tensor, shift: Tensor, mirrored: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return between which two of `size` pixels each of `count` points of a crop lies, and how far along."""
    middles = (torch.arange(count, device=side.device) + 0.5) / count
    at = (middles * side.unsqueeze(1) + ((1 - side) * shift).unsqueeze(1)) * size - 0.5
    if mirrored is not None:
        at = torch.where(mirrored.unsqueeze(1) < 0, at.flip(1), at)
    at = at.clamp(0, size - 1)
    first = at.long()
    return first, (first + 1).clamp(max=size - 1), at - first


def normalise(images: Tensor, mean: float, deviation: float) -> Tensor:
    """Make of images of the exact size (``uint8``, ``(n, h, w)``) what the model takes: ``(n, 1, h, w)``."""
    return (images.unsqueeze(1).float() - 255 * mean) / (255 * deviation)
