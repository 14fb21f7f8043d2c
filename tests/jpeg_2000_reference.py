"""JPEG 2000 as its standard tells it (ITU-T T.800 annexes C, D and F), in plain and slow Python."""

from __future__ import annotations

import numpy as np

# Table C.2: probability of the less probable symbol, next state after the more and after the less probable
# symbol, and whether the latter exchanges their senses.
STATES = np.array(
    [
        (0x5601, 1, 1, 1), (0x3401, 2, 6, 0), (0x1801, 3, 9, 0), (0x0AC1, 4, 12, 0),
        (0x0521, 5, 29, 0), (0x0221, 38, 33, 0), (0x5601, 7, 6, 1), (0x5401, 8, 14, 0),
        (0x4801, 9, 14, 0), (0x3801, 10, 14, 0), (0x3001, 11, 17, 0), (0x2401, 12, 18, 0),
        (0x1C01, 13, 20, 0), (0x1601, 29, 21, 0), (0x5601, 15, 14, 1), (0x5401, 16, 14, 0),
        (0x5101, 17, 15, 0), (0x4801, 18, 16, 0), (0x3801, 19, 17, 0), (0x3401, 20, 18, 0),
        (0x3001, 21, 19, 0), (0x2801, 22, 19, 0), (0x2401, 23, 20, 0), (0x2201, 24, 21, 0),
        (0x1C01, 25, 22, 0), (0x1801, 26, 23, 0), (0x1601, 27, 24, 0), (0x1401, 28, 25, 0),
        (0x1201, 29, 26, 0), (0x1101, 30, 27, 0), (0x0AC1, 31, 28, 0), (0x09C1, 32, 29, 0),
        (0x08A1, 33, 30, 0), (0x0521, 34, 31, 0), (0x0441, 35, 32, 0), (0x02A1, 36, 33, 0),
        (0x0221, 37, 34, 0), (0x0141, 38, 35, 0), (0x0111, 39, 36, 0), (0x0085, 40, 37, 0),
        (0x0049, 41, 38, 0), (0x0025, 42, 39, 0), (0x0015, 43, 40, 0), (0x0009, 44, 41, 0),
        (0x0005, 45, 42, 0), (0x0001, 45, 43, 0), (0x5601, 46, 46, 0),
    ]
)  # fmt: skip
SIGN, REFINE, RUN, UNIFORM = 9, 14, 17, 18
C, A, CT, BP, END = range(5)


def byte_at(data, mq, position):
    """Past the end of a block's bytes there are FF (D.4.1)."""
    return int(data[position]) if position < mq[END] else 0xFF


def byte_in(data, mq):
    """Figure C.19."""
    after = byte_at(data, mq, mq[BP] + 1)
    if byte_at(data, mq, mq[BP]) != 0xFF:
        mq[BP] += 1
        mq[C] += after << 8
        mq[CT] = 8
    elif after > 0x8F:
        mq[C] += 0xFF00
        mq[CT] = 8
    else:
        mq[BP] += 1
        mq[C] += after << 9
        mq[CT] = 7


def decision(data, mq, contexts, context):
    """Figures C.15 to C.18."""
    state, symbol = contexts[context]
    probability, after_more, after_less, exchange = STATES[state]
    mq[A] -= probability
    if mq[C] >> 16 >= probability:
        mq[C] -= probability << 16
        if mq[A] & 0x8000:
            return symbol
        less = mq[A] < probability
    else:
        less = mq[A] >= probability
        mq[A] = probability
    if less:
        contexts[context, 0] = after_less
        contexts[context, 1] = symbol ^ exchange
    else:
        contexts[context, 0] = after_more
    while True:
        if mq[CT] == 0:
            byte_in(data, mq)
        mq[A] <<= 1
        mq[C] = mq[C] << 1 & 0xFFFFFFFF
        mq[CT] -= 1
        if mq[A] & 0x8000:
            return symbol ^ 1 if less else symbol


def significance_context(sign, r, c, band):
    """Table D.1; `sign` is 0 where nothing is significant yet, and has a border."""
    h = abs(sign[r, c - 1]) + abs(sign[r, c + 1])
    v = abs(sign[r - 1, c]) + abs(sign[r + 1, c])
    d = abs(sign[r - 1, c - 1]) + abs(sign[r - 1, c + 1]) + abs(sign[r + 1, c - 1]) + abs(sign[r + 1, c + 1])
    if band == 3:
        if d >= 3:
            return 8
        return (0, 3, 6)[d] + min(h + v, 1 if d == 2 else 2)
    if band == 1:
        h, v = v, h
    if h == 2:
        return 8
    if h == 1:
        return 7 if v else 5 + min(d, 1)
    return 2 + v if v else min(d, 2)


def decode_sign(data, mq, contexts, sign, r, c):
    """Tables D.2 and D.3."""
    h = min(max(sign[r, c - 1] + sign[r, c + 1], -1), 1)
    v = min(max(sign[r - 1, c] + sign[r + 1, c], -1), 1)
    flip = h < 0 or (h == 0 and v < 0)
    if flip:
        h, v = -h, -v
    bit = decision(data, mq, contexts, SIGN + 3 * h + v)
    return -1 if bit != flip else 1


def decode_block(data, begin, length, passes, bit_planes, band, height, width):
    """Return the coefficients of a code block, those not decoded to the end halfway through what is left."""
    contexts = np.zeros((19, 2), np.int64)
    contexts[0, 0], contexts[RUN, 0], contexts[UNIFORM, 0] = 4, 3, 46
    mq = np.array([0, 0x8000, 0, begin, begin + length])
    mq[C] = byte_at(data, mq, begin) << 16
    byte_in(data, mq)
    mq[C] <<= 7
    mq[CT] -= 7
    sign = np.zeros((height + 2, width + 2), np.int64)
    magnitude = np.zeros((height + 2, width + 2), np.int64)
    refined = np.zeros((height + 2, width + 2), np.int64)
    last = np.zeros((height + 2, width + 2), np.int64)
    plane = bit_planes - 1
    visited = np.zeros((height + 2, width + 2), np.int64)
    kind = 2
    for _ in range(passes):
        for top in range(1, height + 1, 4):
            bottom = min(top + 4, height + 1)
            for c in range(1, width + 1):
                r = top
                if kind == 2 and bottom == top + 4:
                    alone = True
                    for k in range(top, bottom):
                        if visited[k, c] or sign[k, c] or significance_context(sign, k, c, band):
                            alone = False
                    if alone:
                        if not decision(data, mq, contexts, RUN):
                            continue
                        r += 2 * decision(data, mq, contexts, UNIFORM)
                        r += decision(data, mq, contexts, UNIFORM)
                        sign[r, c] = decode_sign(data, mq, contexts, sign, r, c)
                        magnitude[r, c] = 1 << plane
                        last[r, c] = plane
                        r += 1
                while r < bottom:
                    if kind == 1:
                        if sign[r, c] and not visited[r, c]:
                            around = significance_context(sign, r, c, 0) > 0
                            context = REFINE + 2 if refined[r, c] else REFINE + around
                            magnitude[r, c] |= decision(data, mq, contexts, context) << plane
                            refined[r, c] = 1
                            last[r, c] = plane
                    elif not sign[r, c] and not visited[r, c]:
                        context = significance_context(sign, r, c, band)
                        if kind == 2 or context > 0:
                            visited[r, c] = 1
                            if decision(data, mq, contexts, context):
                                sign[r, c] = decode_sign(data, mq, contexts, sign, r, c)
                                magnitude[r, c] = 1 << plane
                                last[r, c] = plane
                    r += 1
        kind += 1
        if kind == 3:
            kind = 0
            plane -= 1
            visited[:, :] = 0
    value = sign * (magnitude + ((1 << last) >> 1))
    return value[1:-1, 1:-1]


def decode_code_blocks(data, begin, length, passes, bit_planes, band, top, left, height, width, plane):
    """The contract of `fxcore.kernels.code_blocks.decode_code_blocks`."""
    for b in range(begin.size):
        plane[top[b] : top[b] + height[b], left[b] : left[b] + width[b]] = decode_block(
            data, begin[b], length[b], passes[b], bit_planes[b], band[b], height[b], width[b]
        )


def synthesise(values: list[int], odd: int) -> list[int]:
    """1D_SR (F.3.6) of interleaved coefficients, of which the first lies at an odd place or not."""
    if len(values) == 1:
        return [int(values[0] / 2)] if odd else values
    last = len(values) - 1
    x = list(values)
    for step in (0, 1):
        for i in range(len(x)):
            if (i + odd) % 2 == step:
                near = x[abs(i - 1)] + x[last - abs(last - i - 1)]
                x[i] += near >> 1 if step else -((near + 2) >> 2)
    return x


def inverse_wavelet(plane: np.ndarray, tile: tuple[int, int, int, int], levels: int) -> np.ndarray:
    """Return the samples (F.3.1) of a tile whose nested subbands fill `plane`."""
    x0, y0, x1, y1 = tile
    out = plane.astype(np.int64)
    for level in range(levels - 1, -1, -1):
        a0, b0, a1, b1 = (-(-c >> level) for c in (x0, y0, x1, y1))
        if a0 == a1 or b0 == b1:
            continue
        rows = np.argsort((np.arange(b0, b1)) % 2, kind="stable")
        columns = np.argsort((np.arange(a0, a1)) % 2, kind="stable")
        mixed = np.empty((b1 - b0, a1 - a0), np.int64)
        mixed[np.ix_(rows, columns)] = out[: b1 - b0, : a1 - a0]
        across = np.array([synthesise(row.tolist(), a0 % 2) for row in mixed])
        down = np.array([synthesise(column.tolist(), b0 % 2) for column in across.T]).T
        out[: b1 - b0, : a1 - a0] = down
    return out
