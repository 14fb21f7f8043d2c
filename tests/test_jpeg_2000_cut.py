"""Whether a JPEG 2000 codestream is without its last bits, told by its headers alone."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest

from fxcore.dicom.codecs.jpeg_2000 import decode, is_cut
from fxcore.dicom.codecs.jpeg_2000_headers import UnsupportedError
from tests.jpeg_2000_streams import STREAMS

_SIZ, _COD, _COC, _QCD, _QCC, _SOT = 0xFF51, 0xFF52, 0xFF53, 0xFF5C, 0xFF5D, 0xFF90
_RPCL = STREAMS["-F 21,17,1,12,u -n 3 -p RPCL -r 6,3,1 -c [16,16],[8,8] -b 4,4 -SOP"]
_CPRL = STREAMS["-F 21,17,1,12,u -n 4 -p CPRL -r 6,2 -c [16,16],[8,8] -b 4,8 -d 6,11 -T 2,3 -t 16,9"]

_Y, _X = np.mgrid[:90, :70]
_GREY = ((30 * _X + (7919 * _X * _Y) % 2000) % 4096 >> 4).astype(np.uint8)
_RGB = np.dstack([_GREY, _GREY[::-1], 255 - _GREY])


def header(stream: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the segments of the main header, and the rest of the stream."""
    segments, offset = [], 2
    while (marker := int.from_bytes(stream[offset : offset + 2], "big")) != _SOT:
        length = int.from_bytes(stream[offset + 2 : offset + 4], "big")
        segments.append((marker, stream[offset + 4 : offset + 2 + length]))
        offset += 2 + length
    return segments, stream[offset:]


def joined(segments: list[tuple[int, bytes]], rest: bytes) -> bytes:
    packed = (struct.pack(">HH", marker, len(body) + 2) + body for marker, body in segments)
    return b"\xff\x4f" + b"".join(packed) + rest


def deeper(stream: bytes) -> bytes:
    """Return a codestream of which every block lacks the lowest bit that there now is."""
    segments, rest = header(stream)
    return joined(
        [(m, body[:1] + bytes(step + 8 for step in body[1:]) if m == _QCD else body) for m, body in segments],
        rest,
    )


def of_three(stream: bytes, group: int) -> bytes:
    """Return a codestream of three components, each as the one of `stream`.

    Of each `group` packets go together; 0 stands for all of a tile-part.
    """
    segments, rest = header(stream)
    segments = [(m, body[:34] + b"\0\3" + 3 * body[36:] if m == _SIZ else body) for m, body in segments]
    result = b""
    while rest[:2] != b"\xff\xd9":
        size = int.from_bytes(rest[6:10], "big")
        begin = rest.index(b"\xff\x93") + 2
        packets = rest[begin:size]
        if group:
            pieces = [b"\xff\x91" + piece for piece in packets.split(b"\xff\x91\0\4")[1:]]
            groups = [pieces[k : k + group] for k in range(0, len(pieces), group)]
            several = [piece[4:] for some in groups for piece in 3 * some]
            packets = b"".join(
                b"\xff\x91\0\4" + struct.pack(">H", n) + piece for n, piece in enumerate(several)
            )
        else:
            packets *= 3
        result += rest[:6] + struct.pack(">I", begin + len(packets)) + rest[10:begin] + packets
        rest = rest[size:]
    return joined(segments, result + rest)


@pytest.mark.parametrize(("stream", "group", "cut"), [(_RPCL, 3, False), (_CPRL, 0, True)])
def test_components_follow_each_other_as_the_progression_says(stream: bytes, group: int, cut: bool) -> None:
    several = of_three(stream, group)
    expected = imagecodecs.jpeg2k_decode(stream)
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(several), np.dstack([expected] * 3))
    assert is_cut(stream) is cut
    assert is_cut(several) is cut
    assert is_cut(of_three(stream, 2)) is None


@pytest.mark.parametrize("transformed", [True, False])
@pytest.mark.parametrize(("level", "cut"), [(0, False), (40, True)])
@pytest.mark.parametrize("resolutions", [1, 5])
def test_colour(level: int, cut: bool, transformed: bool, resolutions: int) -> None:
    options = {"codecformat": "j2k", "reversible": True, "mct": transformed, "resolutions": resolutions}
    stream = imagecodecs.jpeg2k_encode(_RGB, level=level, **options)
    assert is_cut(stream) is cut
    with pytest.raises(UnsupportedError):
        decode(stream)


@pytest.mark.parametrize("image", [_GREY, _RGB, _GREY.astype(np.uint16) << 4])
def test_high_throughput(image: np.ndarray) -> None:
    stream = imagecodecs.htj2k_encode(image, reversible=True)
    assert is_cut(stream) is False
    assert is_cut(deeper(stream)) is True
    with pytest.raises(UnsupportedError):
        decode(stream)


@pytest.mark.parametrize("tile", [False, True])
def test_segments_of_single_components(tile: bool) -> None:
    segments, rest = header(imagecodecs.jpeg2k_encode(_RGB, level=0, codecformat="j2k", reversible=True))
    main = dict(segments)
    alike = b"\1" + main[_COD][:1] + main[_COD][5:]
    deep = b"\2" + main[_QCD][:1] + bytes(step + 8 for step in main[_QCD][1:])

    def told(*more: tuple[int, bytes]) -> bool | None:
        if not tile:
            return is_cut(joined([*segments, *more], rest))
        own = joined(list(more), b"")[2:]
        size = int.from_bytes(rest[6:10], "big") + len(own)
        return is_cut(joined(segments, rest[:6] + struct.pack(">I", size) + rest[10:12] + own + rest[12:]))

    assert told((_COC, alike), (_QCC, b"\1" + main[_QCD])) is False
    # All blocks of a third of the image.
    assert told((_QCC, deep)) is True
    # Another wavelet, fewer levels, more than the components that there are.
    assert told((_COC, alike[:-1] + b"\0")) is None
    assert told((_COC, alike[:2] + b"\2" + alike[3:])) is None
    if tile:
        # What the tile says of all goes before what the main header says of one.
        segments.append((_QCC, deep))
        assert told((_QCD, main[_QCD])) is False
