"""Headers of RLE frames, right and wrong, and the order of their bytes."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fxcore.dicom.codecs.rle import rle_frame
from tests.test_kernels_packbits import packed

_RNG = np.random.default_rng(8)


def runner(rows: int, columns: int, samples: int, bits: int, **options: Any) -> Any:
    return SimpleNamespace(
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_allocated=bits,
        get_option=lambda name, default: options.get(name, default),
    )


def frame(segments: list[bytes], **change: int) -> bytes:
    """Put segments behind a header; `change` replaces what it says, ``count`` or ``offset0`` and so on."""
    offsets = [64 + sum(map(len, segments[:k])) for k in range(len(segments))]
    values = [len(segments), *offsets, *[0] * (15 - len(segments))]
    for name, value in change.items():
        values[0 if name == "count" else 1 + int(name.removeprefix("offset"))] = value
    return struct.pack("<16L", *values) + b"".join(segments)


def _planes(stored: np.ndarray) -> list[bytes]:
    """Return byte planes in the standard's order: sample by sample, highest byte first."""
    samples = stored.reshape(*stored.shape[:2], -1)
    return [
        packed((samples[..., s] >> np.array(8 * b, stored.dtype)).astype(np.uint8).tobytes(), _RNG)
        for s in range(samples.shape[2])
        for b in reversed(range(stored.dtype.itemsize))
    ]


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_samples_of_every_width(dtype: type, samples: int) -> None:
    shape = (31, 17) if samples == 1 else (31, 17, samples)
    stored = _RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    expected = runner(31, 17, samples, 8 * stored.itemsize)
    np.testing.assert_array_equal(rle_frame(frame(_planes(stored)), expected), stored)
    if samples == 1:
        backwards = runner(31, 17, samples, 8 * stored.itemsize, rle_segment_order="<")
        np.testing.assert_array_equal(rle_frame(frame(_planes(stored)[::-1]), backwards), stored)


def test_single_bits() -> None:
    stored = _RNG.integers(0, 2, (13, 11)).astype(np.uint8)
    bits = np.packbits(stored.reshape(-1), bitorder="little").tobytes()
    np.testing.assert_array_equal(rle_frame(frame([packed(bits, _RNG)]), runner(13, 11, 1, 1)), stored)


_TWO = [packed(bytes(range(100)), _RNG), packed(bytes(100), _RNG)]
BROKEN = {
    "no header": frame(_TWO)[:63],
    "no segments": frame(_TWO, count=0),
    "more than fifteen": frame(_TWO, count=16),
    "a count from nowhere": frame(_TWO, count=2**32 - 1),
    "one too few": frame(_TWO, count=1),
    "one too many": frame(_TWO, count=3, offset2=70),
    "offset inside the header": frame(_TWO, offset0=60),
    "offset 0": frame(_TWO, offset0=0),
    "offsets swapped": frame(_TWO, offset0=90, offset1=64),
    "the same offset twice": frame(_TWO, offset1=64),
    "offset past the end": frame(_TWO, offset1=2**32 - 1),
    "the end as an offset": frame(_TWO, offset1=len(frame(_TWO))),
    "second segment too late": frame(_TWO, offset1=len(frame(_TWO)) - 1),
    "second segment too early": frame(_TWO, offset1=80),
    "cut in its last run": frame(_TWO)[:-1],
    "cut in its first": frame(_TWO)[:70],
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_broken_frames_are_refused(source: bytes) -> None:
    assert rle_frame(frame(_TWO), runner(10, 10, 1, 16)).shape == (10, 10)
    with pytest.raises(ValueError, match=r"RLE|segment"):
        rle_frame(source, runner(10, 10, 1, 16))
