"""Lossless JPEG streams written step by step as ITU-T T.81 says, with any codes, for the decoder's tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

LEFT_ALONE = (ValueError, NotImplementedError)
"""What a decoder raises for a stream that is broken, or that it leaves to others."""


def runner(image: np.ndarray) -> Any:
    """Stand for the runner of pydicom that decodes a frame of this size."""
    return SimpleNamespace(rows=image.shape[0], columns=image.shape[1])


@dataclass(frozen=True)
class Codes:
    """A Huffman table: how many codes of 1 to 16 bits, and what they stand for."""

    counts: list[int]
    values: list[int]
    patterns: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        code, position = 0, 0
        for length, count in enumerate(self.counts, 1):
            code <<= 1
            for _ in range(count):
                self.patterns[self.values[position]] = f"{code:0{length}b}"
                code, position = code + 1, position + 1

    @property
    def segment(self) -> bytes:
        return bytes([0, *self.counts, *self.values])


def any_codes(rng: np.random.Generator) -> Codes:
    """Make a prefix code for all 17 sizes of a difference, of random lengths up to 16 bits."""
    lengths = [1, 1]
    while len(lengths) < 18:
        splittable = [k for k, length in enumerate(lengths) if length < 16]
        # Now and then the longest, so that there are long codes too.
        longest = max(splittable, key=lambda k: lengths[k])
        k = longest if rng.random() < 0.6 else int(rng.choice(splittable))
        lengths[k] += 1
        lengths.append(lengths[k])
    # The code of ones alone, the last of the longest, may not be used.
    lengths = sorted(lengths)[:-1]
    counts = [lengths.count(length) for length in range(1, 17)]
    return Codes(counts, rng.permutation(17).tolist())


def predicted(image: np.ndarray, predictor: int, initial: int, restart_rows: int) -> np.ndarray:
    """Return the prediction of every sample (section H.1.2.1, table H.1), looking at each by itself."""
    rows, cols = image.shape
    guess = np.zeros(image.shape, np.int64)
    for r in range(rows):
        begins = r == 0 or (restart_rows and r % restart_rows == 0)
        for c in range(cols):
            if c == 0:
                guess[r, c] = initial if begins else image[r - 1, 0]
                continue
            a = int(image[r, c - 1])
            if begins:
                guess[r, c] = a
                continue
            b, corner = int(image[r - 1, c]), int(image[r - 1, c - 1])
            guess[r, c] = {
                1: a,
                2: b,
                3: corner,
                4: a + b - corner,
                5: a + ((b - corner) >> 1),
                6: b + ((a - corner) >> 1),
                7: (a + b) >> 1,
            }[predictor]
    return guess


def _bits(differences: np.ndarray, codes: Codes) -> str:
    pieces = []
    for difference in differences.reshape(-1).tolist():
        if difference == -32768:
            pieces.append(codes.patterns[16])
            continue
        size = abs(difference).bit_length()
        extra = difference if difference >= 0 else difference + (1 << size) - 1
        pieces.append(codes.patterns[size] + (f"{extra:0{size}b}" if size else ""))
    return "".join(pieces)


def _bytes(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:].replace(b"\xff", b"\xff\x00")


def scan(
    image: np.ndarray, codes: Codes, precision: int, predictor: int, shift: int = 0, restart_rows: int = 0
) -> bytes:
    """Return the entropy-coded data of an image, with restart markers and without the end of the image."""
    low = image >> shift
    guess = predicted(low, predictor, 1 << (precision - shift - 1), restart_rows)
    differences = (low - guess + 32768) % 65536 - 32768
    each = restart_rows or len(image)
    intervals = [_bytes(_bits(differences[r : r + each], codes)) for r in range(0, len(image), each)]
    out = intervals[0]
    for k, interval in enumerate(intervals[1:]):
        out += bytes([0xFF, 0xD0 + k % 8]) + interval
    return out


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (2 + len(content)).to_bytes(2, "big") + content


def stream(
    image: np.ndarray, codes: Codes, precision: int, predictor: int, shift: int = 0, restart_rows: int = 0
) -> bytes:
    """Return a whole JPEG stream."""
    rows, cols = image.shape
    frame = bytes([precision]) + rows.to_bytes(2, "big") + cols.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    parts = [b"\xff\xd8", segment(0xC4, codes.segment)]
    if restart_rows:
        parts.append(segment(0xDD, (restart_rows * cols).to_bytes(2, "big")))
    parts += [segment(0xC3, frame), segment(0xDA, bytes([1, 1, 0, predictor, 0, shift]))]
    return b"".join([*parts, scan(image, codes, precision, predictor, shift, restart_rows), b"\xff\xd9"])
