"""Huffman codes of limited length, as deflate wants them (RFC 1951, section 3.2.2)."""

from __future__ import annotations

import numpy as np

from fxcore.kernels._jit import kernel


@kernel
def _by_count(counts):
    """Return the symbols that occur, rarest first and else in order, and how many those are; by merging."""
    order = np.empty(counts.size, np.int64)
    other = np.empty(counts.size, np.int64)
    n = 0
    for s in range(counts.size):
        if counts[s]:
            order[n] = s
            n += 1
    width = 1
    while width < n:
        for begin in range(0, n, 2 * width):
            middle, end = min(begin + width, n), min(begin + 2 * width, n)
            i, j = begin, middle
            for k in range(begin, end):
                if i < middle and (j >= end or counts[order[i]] <= counts[order[j]]):
                    other[k] = order[i]
                    i += 1
                else:
                    other[k] = order[j]
                    j += 1
        order, other = other, order
        width *= 2
    return order, n


@kernel
def code_lengths(counts, most):
    """Return the length of each symbol's code: Huffman's, cut to `most` bits; 0 for what does not occur.

    Lengths over the limit are cut, then codes are lengthened, rarest symbols first, until the code
    is possible (Kraft's inequality): a little longer than the optimum, in rare cases only. Two symbols
    at least get a code, because some decoders refuse a code of one.
    """
    n = counts.size
    lengths = np.zeros(n, np.int64)
    order, leaves = _by_count(counts)
    if leaves < 2:
        lengths[0] = lengths[1] = 1
        if leaves and order[0] > 1:
            lengths[1] = 0
            lengths[order[0]] = 1
        return lengths
    # Leaves in order of count, then inner nodes in order of making: both queues are sorted.
    weight = np.empty(2 * leaves - 1, np.int64)
    parent = np.zeros(2 * leaves - 1, np.int64)
    for i in range(leaves):
        weight[i] = counts[order[i]]
    leaf, inner = 0, leaves
    for node in range(leaves, 2 * leaves - 1):
        weight[node] = 0
        for _ in range(2):
            if leaf < leaves and (inner >= node or weight[leaf] <= weight[inner]):
                child = leaf
                leaf += 1
            else:
                child = inner
                inner += 1
            parent[child] = node
            weight[node] += weight[child]
    depth = np.zeros(2 * leaves - 1, np.int64)
    for node in range(2 * leaves - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    room = np.int64(1) << most
    for i in range(leaves):
        depth[i] = min(depth[i], most)
        room -= np.int64(1) << (most - depth[i])
    i = 0
    while room < 0:
        # Rarest first; those of full length cannot give.
        if depth[i] < most:
            depth[i] += 1
            room += np.int64(1) << (most - depth[i])
        else:
            i += 1
    for i in range(leaves - 1, -1, -1):
        # Decoders refuse a code that leaves room: what is left goes to the most frequent.
        while depth[i] > 1 and room >= np.int64(1) << (most - depth[i]):
            room -= np.int64(1) << (most - depth[i])
            depth[i] -= 1
    for i in range(leaves):
        lengths[order[i]] = depth[i]
    return lengths


@kernel
def reversed_codes(lengths):
    """Return the canonical code of each symbol, first bit lowest, as deflate packs them."""
    longest = 0
    for s in range(lengths.size):
        longest = max(longest, lengths[s])
    codes = np.zeros(lengths.size, np.int64)
    following = np.zeros(longest + 2, np.int64)
    for s in range(lengths.size):
        if lengths[s]:
            following[lengths[s] + 1] += 1
    code = np.int64(0)
    for bits in range(1, longest + 1):
        code = (code + following[bits]) << 1
        following[bits] = code
    for s in range(lengths.size):
        if lengths[s]:
            code = following[lengths[s]]
            following[lengths[s]] += 1
            for _ in range(lengths[s]):
                codes[s] = (codes[s] << 1) | (code & 1)
                code >>= 1
    return codes
