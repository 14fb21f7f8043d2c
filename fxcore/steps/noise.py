"""The noise of a radiograph made small, what a window clipped of it, and how it is calmed."""

from __future__ import annotations

import numpy as np

from fxcore.steps.field import Grey, Mask, dilated

# Grey levels from the least and the greatest that count as clipped.
CLIPPED = 0.5
# So near to what is clipped, in pixels, noise is cut off as well.
_REACH = 2
# Of the noise's second differences, down and across: the median of their absolute values.
_DIFFERENCES = 6 * 0.6745
# What is left of white noise when each pixel is the mean of three by three.
CALMED = 1 / 3


def clipped(grey: Grey) -> Mask:
    """Return what is clipped, at the dark end or at the bright one."""
    return (grey <= grey.min() + CLIPPED) | white(grey)


def white(grey: Grey) -> Mask:
    """Return what is clipped at the bright end."""
    return grey >= grey.max() - CLIPPED


def noise_level(grey: Grey) -> float:
    """Return the standard deviation of the noise, away from what is clipped, seen in a quarter of the rows.

    By second differences, of which anatomy has hardly any from pixel to pixel; their median, which edges do
    not move.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``.

    References
    ----------
    Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding 64(2), 1996.
    """
    where = ~dilated(clipped(grey), _REACH)
    below = grey[2::4]
    above, here = grey[0::4][: len(below)], grey[1::4][: len(below)]
    down = above - 2 * here + below
    both = down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]
    seen = abs(both)[where[1::4][: len(below), 1:-1]]
    return float(np.median(seen)) / _DIFFERENCES if seen.size else 0.0


def calmed(grey: Grey) -> Grey:
    """Return the mean of three by three pixels about each, the border's repeated outwards."""
    padded = np.pad(grey, 1, mode="edge")
    across = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return (across[:-2] + across[1:-1] + across[2:]) * np.float32(1 / 9)
