"""Rx: the small convolutional networks of the thesis, and what makes the large one learn."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from fxcore.errors import ParameterError

_GROUPS = 8
# The grid that the last feature maps are averaged to, rows by columns: about the shape of an image.
_GRID = (4, 3)
# A side that is pooled below this leaves nothing for the next 3×3 convolution.
_LEAST_SIDE = 8

PLAIN = "-plain"
"""Ending of the names of the variants as published."""

# Channels of the blocks.
VARIANTS = {
    "rx-lite": (16, 32, 64, 128),
    "rx-large": (16, 32, 64, 96, 128, 160, 192, 256),
}


class Rx(nn.Module):
    """Blocks of a 3×3 convolution without padding, 2×2 max pooling and ReLU; three linear layers.

    Pooling comes before the activation: the result is the same, on a quarter of the numbers. Eight pooled
    blocks do not fit a width of 341: a block pools only while the shorter side stays at 8 or more after
    it, so `rx-large` pools in its first five blocks (341 to 8 columns) and convolves in the other three.

    Parameters
    ----------
    channels : tuple of int
        Of each block.
    height, width : int
        Of the images, in pixels.
    plain : bool
        As published: PyTorch's default weights, no normalisation. Eight such blocks never leave chance,
        as their gradients vanish. Otherwise weights are drawn after He et al. (2015) for the ReLU, and
        each convolution is followed by group normalisation (Wu and He, 2018), which does not depend on
        how a batch is divided among processes.

    Raises
    ------
    ParameterError
        If images are too small for this many blocks.
    """

    def __init__(self, channels: tuple[int, ...], height: int, width: int, *, plain: bool = False) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        side = min(height, width)
        for before, after in pairwise((1, *channels)):
            side -= 2
            if side < 1:
                raise ParameterError(
                    f"images of {width} × {height} pixels are too small for {len(channels)} blocks; "
                    "take larger ones or rx-lite"
                )
            blocks.append(nn.Conv2d(before, after, 3, bias=plain))
            if side // 2 >= _LEAST_SIDE:
                blocks.append(nn.MaxPool2d(2))
                side //= 2
            if not plain:
                # After the pooling: on a quarter of the numbers, of which it is the costliest part.
                blocks.append(_GroupNorm(_GROUPS, after))
            blocks.append(nn.ReLU(inplace=True))
        self.features = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(_GRID), nn.Flatten())
        self.feature_count = channels[-1] * _GRID[0] * _GRID[1]
        self.classifier = classifier(self.feature_count)
        if not plain:
            draw_weights(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape ``(n,)``, of images of shape ``(n, 1, height, width)``."""
        logits: Tensor = self.classifier(self.features(images))
        return logits.squeeze(1)


class _GroupNorm(nn.GroupNorm):
    """Group normalisation in single precision under autocast too, as it is on a GPU."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.float())


def is_rx(name: str) -> bool:
    """Tell whether a model is one of these networks, plain or not."""
    return name.removesuffix(PLAIN) in VARIANTS


def classifier(count: int) -> nn.Sequential:
    """Return three linear layers of decreasing width, from `count` features to one logit."""
    return nn.Sequential(
        nn.Linear(count, 256),
        nn.ReLU(inplace=True),
        nn.Linear(256, 64),
        nn.ReLU(inplace=True),
        nn.Linear(64, 1),
    )


def draw_weights(model: nn.Module) -> None:
    """Draw weights after He et al. (2015), with biases of zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
