"""Lossless JPEG-LS streams written step by step as ITU-T T.87 says, for the decoder's tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.lossless_jpeg_files import segment

_MIN_C, _MAX_C = -128, 127
_J = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15]


@dataclass(frozen=True)
class Presets:
    """Preset coding parameters (section C.2.4.1.1)."""

    maxval: int
    t1: int
    t2: int
    t3: int
    reset: int = 64

    @property
    def segment(self) -> bytes:
        """Return what an LSE segment holds, without marker and length."""
        numbers = (self.maxval, self.t1, self.t2, self.t3, self.reset)
        return b"\x01" + b"".join(n.to_bytes(2, "big") for n in numbers)

    @property
    def thresholds(self) -> tuple[int, int, int]:
        return self.t1, self.t2, self.t3


def default_presets(maxval: int) -> Presets:
    """Return what holds where a stream says nothing (C.2.4.1.1.1, for NEAR = 0)."""

    def clamp(i: int, j: int) -> int:
        return j if i > maxval or i < j else i

    if maxval >= 128:
        factor = (min(maxval, 4095) + 128) // 256
        t1 = clamp(factor * (3 - 2) + 2, 1)
        t2 = clamp(factor * (7 - 3) + 3, t1)
        t3 = clamp(factor * (21 - 4) + 4, t2)
    else:
        factor = 256 // (maxval + 1)
        t1 = clamp(max(2, 3 // factor), 1)
        t2 = clamp(max(3, 7 // factor), t1)
        t3 = clamp(max(4, 21 // factor), t2)
    return Presets(maxval, t1, t2, t3)


class _Coder:
    """The variables of A.2.1, and the bits that were written, code by code."""

    def __init__(self, presets: Presets) -> None:
        self.presets = presets
        self.range = presets.maxval + 1
        self.qbpp = (self.range - 1).bit_length()
        bpp = max(2, presets.maxval.bit_length())
        self.limit = 2 * (bpp + max(8, bpp))
        self.a = [max(2, (self.range + 2**5) // 2**6)] * 367
        self.n = [1] * 367
        self.b = [0] * 365
        self.c = [0] * 365
        self.nn = {365: 0, 366: 0}
        self.run_index = 0
        self.codes: list[str] = []

    def quantised(self, d: int) -> int:
        """Return the region of a gradient (A.3.3)."""
        t1, t2, t3 = self.presets.thresholds
        if d <= -t3:
            return -4
        if d <= -t2:
            return -3
        if d <= -t1:
            return -2
        if d < 0:
            return -1
        if d == 0:
            return 0
        if d < t1:
            return 1
        if d < t2:
            return 2
        if d < t3:
            return 3
        return 4

    def reduced(self, error: int) -> int:
        """Return an error modulo the range (A.4.5)."""
        if error < 0:
            error += self.range
        if error >= (self.range + 1) // 2:
            error -= self.range
        return error

    def golomb(self, value: int, k: int, limit: int) -> None:
        """Write the code LG(k, limit) of a number (A.5.3)."""
        high = value >> k
        if high < limit - self.qbpp - 1:
            self.codes.append("0" * high + "1" + (f"{value % 2**k:0{k}b}" if k else ""))
        else:
            self.codes.append("0" * (limit - self.qbpp - 1) + "1" + f"{value - 1:0{self.qbpp}b}")

    def regular(self, x: int, ra: int, rb: int, rc: int, gradients: list[int]) -> None:
        """Write a sample outside of runs (A.3.4 to A.6)."""
        q1, q2, q3 = (self.quantised(d) for d in gradients)
        sign = 1
        if q1 < 0 or (q1 == 0 and q2 < 0) or (q1 == 0 and q2 == 0 and q3 < 0):
            q1, q2, q3, sign = -q1, -q2, -q3, -1
        q = 81 * q1 + 9 * q2 + q3  # 1 to 364, each once
        if rc >= max(ra, rb):
            px = min(ra, rb)
        elif rc <= min(ra, rb):
            px = max(ra, rb)
        else:
            px = ra + rb - rc
        px += sign * self.c[q]
        px = min(max(px, 0), self.presets.maxval)
        error = self.reduced(sign * (x - px))
        k = 0
        while self.n[q] << k < self.a[q]:
            k += 1
        if k == 0 and 2 * self.b[q] <= -self.n[q]:
            mapped = 2 * error + 1 if error >= 0 else -2 * (error + 1)
        else:
            mapped = 2 * error if error >= 0 else -2 * error - 1
        self.golomb(mapped, k, self.limit)
        self.b[q] += error
        self.a[q] += abs(error)
        if self.n[q] == self.presets.reset:
            self.a[q] >>= 1
            self.b[q] = self.b[q] >> 1 if self.b[q] >= 0 else -((1 - self.b[q]) >> 1)
            self.n[q] >>= 1
        self.n[q] += 1
        if self.b[q] <= -self.n[q]:
            self.b[q] += self.n[q]
            if self.c[q] > _MIN_C:
                self.c[q] -= 1
            if self.b[q] <= -self.n[q]:
                self.b[q] = -self.n[q] + 1
        elif self.b[q] > 0:
            self.b[q] -= self.n[q]
            if self.c[q] < _MAX_C:
                self.c[q] += 1
            if self.b[q] > 0:
                self.b[q] = 0

    def run_length(self, count: int, end_of_line: bool) -> int:
        """Write how long a run is (A.7.1.2); returns the limit of the code after it."""
        while count >= 1 << _J[self.run_index]:
            self.codes.append("1")
            count -= 1 << _J[self.run_index]
            if self.run_index < 31:
                self.run_index += 1
        if end_of_line:
            if count > 0:
                self.codes.append("1")
            return 0
        size = _J[self.run_index]
        self.codes.append("0" + (f"{count:0{size}b}" if size else ""))
        if self.run_index > 0:
            self.run_index -= 1
        return self.limit - size - 1

    def interruption(self, x: int, ra: int, rb: int, limit: int) -> None:
        """Write the sample that ends a run (A.7.2)."""
        kind = int(ra == rb)
        error = x - (ra if kind else rb)
        if not kind and ra > rb:
            error = -error
        error = self.reduced(error)
        q = 365 + kind
        total = self.a[366] + (self.n[366] >> 1) if kind else self.a[365]
        k = 0
        while self.n[q] << k < total:
            k += 1
        if (
            (k == 0 and error > 0 and 2 * self.nn[q] < self.n[q])
            or (error < 0 and 2 * self.nn[q] >= self.n[q])
            or (error < 0 and k != 0)
        ):
            mapping = 1
        else:
            mapping = 0
        mapped = 2 * abs(error) - kind - mapping
        self.golomb(mapped, k, limit)
        if error < 0:
            self.nn[q] += 1
        self.a[q] += (mapped + 1 - kind) >> 1
        if self.n[q] == self.presets.reset:
            self.a[q] >>= 1
            self.n[q] >>= 1
            self.nn[q] >>= 1
        self.n[q] += 1


def codes(image: np.ndarray, presets: Presets) -> list[str]:
    """Return the codes of an image one by one (A.8): of samples, and of the parts of runs."""
    coder = _Coder(presets)
    cols = image.shape[1]
    # Two rows back for Rc of the first sample, which is Ra of the first sample of the row above (A.2.1).
    before, above = [0] * cols, [0] * cols
    for row in image.tolist():
        c = 0
        while c < cols:
            rb = above[c]
            rd = above[c + 1] if c + 1 < cols else rb
            ra = row[c - 1] if c else rb
            rc = above[c - 1] if c else before[0]
            gradients = [rd - rb, rb - rc, rc - ra]
            if any(gradients):
                coder.regular(row[c], ra, rb, rc, gradients)
                c += 1
                continue
            count = 0
            while c < cols and row[c] == ra:
                count, c = count + 1, c + 1
            limit = coder.run_length(count, c == cols)
            if c < cols:
                coder.interruption(row[c], ra, above[c], limit)
                c += 1
        before, above = above, row
    return coder.codes


def stuffed(bits: str) -> bytes:
    """Return bits as bytes (section 9.1): a 0 first in each after FF, and zeros to fill up the last."""
    out, at = bytearray(), 0
    while at < len(bits) or out[-1:] == b"\xff":
        size = 7 if out[-1:] == b"\xff" else 8
        out.append(int(bits[at : at + size].ljust(size, "0"), 2))
        at += size
    return bytes(out)


def scan(image: np.ndarray, presets: Presets) -> bytes:
    """Return the entropy-coded data of an image, without the end of the image."""
    return stuffed("".join(codes(image, presets)))


def stream(image: np.ndarray, precision: int, presets: Presets | None = None) -> bytes:
    """Return a whole JPEG-LS stream (annex C), with an LSE segment if `presets` are given."""
    rows, cols = image.shape
    return wrapped(
        scan(image, presets or default_presets(2**precision - 1)), (rows, cols), precision, presets
    )


def wrapped(data: bytes, shape: tuple[int, int], precision: int, presets: Presets | None = None) -> bytes:
    """Return a whole JPEG-LS stream with the given entropy-coded data."""
    rows, cols = shape
    frame = bytes([precision]) + rows.to_bytes(2, "big") + cols.to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    parts = [b"\xff\xd8", segment(0xF7, frame)]
    if presets:
        parts.append(segment(0xF8, presets.segment))
    return b"".join([*parts, segment(0xDA, bytes([1, 1, 0, 0, 0, 0])), data, b"\xff\xd9"])
