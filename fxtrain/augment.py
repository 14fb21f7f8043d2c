"""Batches of bytes to batches of numbers, on the device: crop, mirror, invert, normalise in one sampling."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

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

    All of it is one bilinear sampling of the bytes at the points of an affine grid, as
    ``torchvision.transforms.v2`` would do it in four passes (crop, resize without antialias, flip, …).

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
    # The grid runs from -1 to 1 over the image; a crop of that share has its centre within 1 - share.
    room = 1 - side
    zero = torch.zeros_like(side)
    theta = torch.stack(
        [
            torch.stack([side * mirrored, zero, room * (2 * across - 1)], dim=1),
            torch.stack([zero, side, room * (2 * down - 1)], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(theta, [len(images), 1, height, width], align_corners=False)
    sampled = functional.grid_sample(
        images.unsqueeze(1).float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    levels = sampled * (1 - 2 * inverted).view(-1, 1, 1, 1) + 255 * inverted.view(-1, 1, 1, 1)
    return (levels - 255 * mean) / (255 * deviation)


def normalise(images: Tensor, mean: float, deviation: float) -> Tensor:
    """Make of images of the exact size (``uint8``, ``(n, h, w)``) what the model takes: ``(n, 1, h, w)``."""
    return (images.unsqueeze(1).float() - 255 * mean) / (255 * deviation)
