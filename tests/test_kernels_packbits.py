"""Runs of bytes, however they are cut, against the decoder of the standard written down as it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.errors import DamagedDataError, ParameterError
from fxcore.kernels import unpack_planes
from fxcore.kernels.packbits import _CHUNK

_RNG = np.random.default_rng(6)


def packed(plane: bytes, rng: np.random.Generator, longest: int = 128, nothing: float = 0.02) -> bytes:
    """Pack bytes into runs of any length, as wastefully as the standard allows."""
    out, at = bytearray(), 0
    while at < len(plane):
        if rng.random() < nothing:
            out.append(128)
        size = int(rng.integers(1, longest + 1))
        piece = plane[at : at + size]
        same = len(piece) - len(piece.lstrip(piece[:1]))
        if same > 1:
            out += bytes([257 - same, piece[0]])
            at += same
        else:
            out += bytes([len(piece) - 1]) + piece
            at += len(piece)
    return bytes(out)


def plainly(segment: bytes, pixels: int) -> bytes | None:
    """Unpack step by step (DICOM PS3.5 section G.3.2); None if it ends within a run, too early or late."""
    out, at = bytearray(), 0
    while len(out) < pixels:
        if at >= len(segment):
            return None
        head, at = segment[at], at + 1
        if head < 128:
            run, at = segment[at : at + head + 1], at + head + 1
        elif head > 128:
            run, at = segment[at : at + 1] * (257 - head), at + 1
        else:
            continue
        if at > len(segment):
            return None
        out += run
    if len(out) > pixels + 1 or any(segment[at + 1 :]):
        return None
    return bytes(out[:pixels])


def joined(segments: list[bytes], front: bytes = b"") -> tuple[bytes, list[tuple[int, int]]]:
    places, source = [], front
    for segment in segments:
        places.append((len(source), len(source) + len(segment)))
        source += segment
    return source, places


def _planes(n: int, pixels: int) -> list[bytes]:
    kinds = [
        _RNG.integers(0, 256, pixels),
        np.repeat(_RNG.integers(0, 9, pixels // 40 + 1), 40)[:pixels],
        np.minimum(_RNG.geometric(0.4, pixels), 255),
        np.full(pixels, 7),
    ]
    return [kinds[k % len(kinds)].astype(np.uint8).tobytes() for k in range(n)]


SIZES = (1, 2, 127, 128, 129, 1000, _CHUNK - 1, _CHUNK, _CHUNK + 1, 3 * _CHUNK + 129)


@pytest.mark.parametrize("pixels", SIZES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 12])
def test_planes_come_back(n: int, pixels: int) -> None:
    planes = _planes(n, pixels)
    for longest in (1, 3, 128):
        source, places = joined([packed(plane, _RNG, longest) for plane in planes], b"head")
        for given_source in (source, bytearray(source), memoryview(source), np.frombuffer(source, np.uint8)):
            found = unpack_planes(given_source, places, pixels)
            assert found.dtype == np.uint8
            assert [found[:, k].tobytes() for k in range(n)] == planes


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_plane_may_be_padded_and_not_go_on(n: int) -> None:
    """Bytes that are missing from the middle of a segment leave others at its end."""
    for pixels in (5, 300, _CHUNK, _CHUNK + 3):
        planes = _planes(n, pixels)
        segments = [packed(plane, _RNG) for plane in planes]
        for behind in (b"", b"\0", b"\x80", b"\7", bytes(9), b"\7\0\0"):
            source, places = joined([*segments[:-1], segments[-1] + behind])
            found = unpack_planes(source, places, pixels)
            assert [found[:, k].tobytes() for k in range(n)] == planes
        for behind in (b"\0\0\7", bytes([200, 1, 2, 9, 9, 9, 100, 5]), b"\0\1"):
            source, places = joined([*segments[:-1], segments[-1] + behind])
            with pytest.raises(DamagedDataError, match=f"segment {n - 1} goes on"):
                unpack_planes(source, places, pixels)


def test_a_run_may_go_past_its_plane_by_a_byte() -> None:
    """Encoders that take an image with the byte that makes its length even have that byte in it."""
    for n in (1, 2, 3):
        for pixels in (3, _CHUNK - 3, 2 * _CHUNK - 3):
            whole = bytes([129, 7]) * (pixels // 128)
            for more in (0, 1, 2):
                source, places = joined([whole + bytes([257 - pixels % 128 - more, 7])] * n)
                if more < 2:
                    assert (unpack_planes(source, places, pixels) == 7).all()
                else:
                    with pytest.raises(DamagedDataError, match="segment 0 goes on"):
                        unpack_planes(source, places, pixels)


@given(st.binary(min_size=1, max_size=700), st.integers(1, 900), st.integers(0, 200))
def test_any_bytes_are_read_as_the_standard_says(segment: bytes, pixels: int, behind: int) -> None:
    """Alone and as the second plane, where other bytes follow and where the memory ends."""
    expected = plainly(segment, pixels)
    whole = packed(bytes(pixels), _RNG, nothing=0)
    for source, places in (
        joined([segment]),
        (segment + bytes([0] * behind), [(0, len(segment))]),
        joined([whole, segment]),
        (joined([segment, whole])[0], [(len(segment), len(segment + whole)), (0, len(segment))]),
    ):
        if expected is None:
            with pytest.raises(ParameterError, match=f"segment {len(places) - 1}"):
                unpack_planes(source, places, pixels)
        else:
            assert unpack_planes(source, places, pixels)[:, -1].tobytes() == expected


def test_a_segment_cut_anywhere_is_refused() -> None:
    planes = _planes(2, 2 * _CHUNK + 50)
    segments = [packed(plane, _RNG) for plane in planes]
    for short in (0, 1):
        for kept in (0, 1, 2, *_RNG.integers(3, len(segments[short]), 40), len(segments[short]) - 1):
            source, places = joined(segments)
            start = places[short][0]
            places[short] = (start, start + int(kept))
            with pytest.raises(ParameterError, match=f"segment {short} ends"):
                unpack_planes(source, places, len(planes[0]))


def test_no_pixels_take_no_bytes() -> None:
    assert unpack_planes(b"", [(0, 0)], 0).shape == (0, 1)
    assert unpack_planes(b"", [(0, 0)] * 3, 0).shape == (0, 3)
