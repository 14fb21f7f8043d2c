"""Quarter turns of an image: transposed in registers, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels._bits import reverse_block, transpose_block
from fxcore.kernels._jit import kernel
from fxcore.kernels._threads import share

_TILE = 64  # pixels each way done together: whole cache lines of the source and of the result


def quarter_turns(pixels: NDArray[Any], quarters: int, threads: int) -> NDArray[Any]:
    """Return ``numpy.rot90(pixels, quarters)`` as a new C-contiguous array."""
    rows, cols = pixels.shape
    quarters %= 4
    if quarters == 0:
        return pixels.copy()
    out = np.empty((rows, cols) if quarters == 2 else (cols, rows), pixels.dtype)

    def worker(pieces: Any) -> None:
        for begin, end in pieces:
            if quarters == 2:
                piece, reverse = pixels[begin:end].reshape(-1), out[rows - end : rows - begin].reshape(-1)
                _reverse(piece, reverse, 64 // pixels.itemsize)
            else:
                _transpose(pixels, out, begin, end, quarters == 1, 16 // pixels.itemsize)

    share(worker, rows, cols * pixels.itemsize, threads, each=2)
    return out


@kernel
def _reverse(pixels, out, size):
    """Write the pixels (n,) in reverse order into `out`, `size` at a time."""
    whole = pixels.size // size * size
    for i in range(0, whole, size):
        reverse_block(pixels, i, out, pixels.size - size - i)
    for i in range(whole, pixels.size):
        out[pixels.size - 1 - i] = pixels[i]


@kernel
def _transpose(pixels, out, begin, end, left, size):
    """Turn the rows begin..end-1 of an image, to the left or else to the right, into columns of `out`.

    Where the image is no multiple of a block, the last block begins earlier: what two blocks share
    is written twice.
    """
    rows, cols = pixels.shape
    if end - begin < size or cols < size:
        for r in range(begin, end):
            for c in range(cols):
                if left:
                    out[cols - 1 - c, r] = pixels[r, c]
                else:
                    out[c, rows - 1 - r] = pixels[r, c]
        return
    source = pixels.reshape(-1)
    target = out.reshape(-1)
    for top in range(begin, end, _TILE):
        for side in range(0, cols, _TILE):
            for c in range(side, min(side + _TILE, cols), size):
                col = min(c, cols - size)
                for r in range(top, min(top + _TILE, end), size):
                    row = min(r, end - size)
                    if left:
                        transpose_block(
                            source, row * cols + col, cols, target, (cols - 1 - col) * rows + row, -rows
                        )
                    else:
                        last = row + size - 1
                        transpose_block(
                            source, last * cols + col, -cols, target, col * rows + rows - 1 - last, rows
                        )
