"""Which bits of samples are used, where BitsStored or HighBit cannot be right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS_APART = 16
_LEAST_SHARE = 0.001


def bits_in_use(values: NDArray[Any], bits: int, shift: int, held: int, signed: bool) -> tuple[int, int]:
    """Return how many bits of samples are their value, and how far the lowest is from bit 0.

    Where bright pixels go on above the stored bits, taking those alone makes them dark, and neighbours differ
    by more. Taking an overlay out of the high bits (PS3.3 C.9.2, retired) makes them differ by less.
    Samples that go without the bits that HighBit puts on top, of which negative ones repeat their sign, but
    with those below the lowest, are not aligned left.

    Parameters
    ----------
    values : numpy.ndarray
        Shape ``(rows, columns)``; of other than 16-bit samples and of colour nothing is told.
    bits, shift : int
        As the header has them.
    held : int
        How many bits a sample has.
    signed : bool
    """
    if values.dtype.itemsize != 2 or values.dtype.kind not in "ui" or values.ndim != 2 or bits >= held:
        return bits, shift
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    kind = np.int16 if signed else np.uint16
    if shift:
        raw = values.view(kind)
        used = int(np.bitwise_or.reduce(raw, None))
        below = used & ((1 << shift) - 1)
        return bits, 0 if below and low <= int(raw.min()) and int(raw.max()) < high else shift
    part = values[::_ROWS_APART]
    raw = part.view(kind)
    if low <= int(raw.min()) and int(raw.max()) < high:
        return bits, shift
    whole, stored = (raw << raw.dtype.type(16 - n) >> raw.dtype.type(16 - n) for n in (held, bits))
    if np.mean(stored != whole) < _LEAST_SHARE or _variation(whole) >= _variation(stored):
        return bits, shift
    return held, shift


def _variation(samples: NDArray[Any]) -> int:
    return int(np.abs(np.diff(samples.astype(np.int32), axis=1)).sum())
