"""Our JPEG 2000 decoder against OpenJPEG, and what it leaves to that one."""

from __future__ import annotations

import csv
import struct
import time
from collections.abc import Callable

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from fxcore.dicom.codecs import jpeg_2000
from fxcore.dicom.codecs.jpeg_2000_headers import UnsupportedError, read_codestream
from tests import jpeg_2000_reference, shared_data
from tests.jpeg_2000_streams import STREAMS

_LAYERED = STREAMS["-F 21,17,1,12,u -n 3 -p LRCP -r 6,3,1"]
_TILED = STREAMS["-F 21,17,1,8,s -n 2 -p LRCP -SOP -EPH -t 10,9 -TP R"]


def picture(rows: int, columns: int, bits: int, signed: bool = False) -> np.ndarray:
    """Return something smooth with noise on it that takes all bits."""
    rng = np.random.default_rng(rows * columns + bits)
    y, x = np.mgrid[:rows, :columns]
    smooth = (np.sin(x / 17) * np.cos(y / 23) * 0.5 + 0.5) * (2**bits - 1)
    values = np.clip(smooth + rng.normal(0, 2**bits / 60, smooth.shape), 0, 2**bits - 1).astype(np.int64)
    return (values - (signed << (bits - 1))).astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def encoded(values: np.ndarray, bits: int, **options: object) -> bytes:
    options = {"level": 0, "codecformat": "J2K", "reversible": True} | options
    return bytes(imagecodecs.jpeg2k_encode(values, bitspersample=bits, **options))


def decode(stream: bytes) -> np.ndarray:
    return jpeg_2000.decode(stream)[0]


def assert_as_openjpeg(stream: bytes) -> np.ndarray:
    ours, expected = decode(stream), imagecodecs.jpeg2k_decode(stream, numthreads=1)
    assert ours.dtype == expected.dtype
    np.testing.assert_array_equal(ours, expected)
    return ours


@pytest.mark.parametrize("resolutions", [1, 2, 6])
@pytest.mark.parametrize(
    ("bits", "signed"), [(1, False), (7, True), (8, False), (8, True), (12, False), (16, True)]
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (70, 1), (64, 64), (65, 131)])
def test_what_was_encoded_comes_back(
    shape: tuple[int, int], bits: int, signed: bool, resolutions: int
) -> None:
    values = picture(*shape, bits, signed)
    stream = encoded(values, bits, resolutions=resolutions)
    np.testing.assert_array_equal(assert_as_openjpeg(stream), values)


@pytest.mark.parametrize("options", STREAMS)
def test_streams_of_every_kind(options: str) -> None:
    values = assert_as_openjpeg(STREAMS[options])
    assert values.min() < values.max()


@pytest.mark.parametrize("options", [o for o in STREAMS if "-r" in o or "-n 1" in o])
def test_by_way_of_the_plain_entropy_decoder(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = decode(STREAMS[options])
    monkeypatch.setattr(jpeg_2000, "decode_code_blocks", jpeg_2000_reference.decode_code_blocks)
    np.testing.assert_array_equal(assert_as_openjpeg(STREAMS[options]), fast)


@pytest.mark.parametrize("level", [30, 45, 60])
def test_blocks_that_are_cut_short(level: int) -> None:
    values = picture(90, 150, 12)
    stream = encoded(values, 12, level=level)
    assert (assert_as_openjpeg(stream) != values).any()
    assert jpeg_2000.decode(stream)[1] is True
    assert jpeg_2000.decode(encoded(values, 12))[1] is False


def test_in_a_jp2_file() -> None:
    values = picture(20, 30, 10)
    np.testing.assert_array_equal(assert_as_openjpeg(encoded(values, 10, codecformat="JP2")), values)


def tile_parts(stream: bytes) -> tuple[bytes, list[bytes]]:
    """Return the main header, and the tile-parts."""
    parts, offset = [], stream.index(b"\xff\x90\x00\x0a")
    header = stream[:offset]
    while stream[offset : offset + 2] == b"\xff\x90":
        end = offset + int.from_bytes(stream[offset + 6 : offset + 10], "big")
        parts.append(stream[offset:end])
        offset = end
    assert stream[offset:] == b"\xff\xd9"
    return header, parts


def test_tile_parts_in_turn() -> None:
    header, parts = tile_parts(_TILED)
    in_turn = sorted(parts, key=lambda part: part[10])
    assert in_turn != parts
    turned = header + b"".join(in_turn) + b"\xff\xd9"
    np.testing.assert_array_equal(assert_as_openjpeg(turned), decode(_TILED))


def test_a_last_tile_part_without_length() -> None:
    header, parts = tile_parts(_TILED)
    parts[-1] = parts[-1][:6] + bytes(4) + parts[-1][10:]
    stream = header + b"".join(parts) + b"\xff\xd9" + bytes(1)
    np.testing.assert_array_equal(assert_as_openjpeg(stream), decode(_TILED))


def test_a_tile_header_of_its_own() -> None:
    values = picture(40, 50, 12)
    stream = encoded(values, 12, resolutions=3)
    header, (part,) = tile_parts(stream)
    cod, qcd = (header[header.index(m) :][: 2 + n] for m, n in ((b"\xff\x52", 12), (b"\xff\x5c", 10)))
    spoilt = header.replace(cod, cod[:9] + b"\1" + cod[10:]).replace(qcd, qcd[:5] + bytes(7))
    own = part[:6] + struct.pack(">I", len(part) + 26) + part[10:12] + cod + qcd + part[12:]
    np.testing.assert_array_equal(assert_as_openjpeg(spoilt + own + b"\xff\xd9"), values)


@pytest.mark.parametrize(
    ("options", "why"),
    [({"reversible": False}, "transformation"), ({"bits": 17}, "17 bits"), ({"samples": 3}, "component")],
)
def test_what_is_left_to_openjpeg(options: dict[str, object], why: str) -> None:
    values = picture(16, 16, 8)
    bits, samples = options.pop("bits", 8), options.pop("samples", 1)
    values = np.stack([values] * samples, 2) if samples > 1 else values.astype("u4" if bits > 16 else "u1")
    with pytest.raises(UnsupportedError, match=why):
        decode(encoded(values, bits, **options))


def replaced(offset: int, value: bytes, after: bytes = b"\xff\x4f") -> bytes:
    """Return a stream with other bytes `offset` after the first occurrence of `after`."""
    stream = bytearray(_LAYERED)
    at = stream.index(after) + offset
    stream[at : at + len(value)] = value
    return bytes(stream)


def inserted(segment: bytes) -> bytes:
    at = _LAYERED.index(b"\xff\x52")
    return _LAYERED[:at] + segment + _LAYERED[at:]


SIZ, COD, QCD, SOT = b"\xff\x51", b"\xff\x52", b"\xff\x5c", b"\xff\x90"


@pytest.mark.parametrize(
    "stream",
    [
        replaced(4, b"\x40", SIZ),  # high throughput
        replaced(39, b"\2", SIZ),  # two components
        replaced(41, b"\2", SIZ),  # subsampled
        replaced(6, bytes(4), SIZ),  # no width
        replaced(22, bytes(3) + b"\1", SIZ),  # 357 tiles
        replaced(30, b"\xff", SIZ),  # the first tile right of the image
        replaced(4, b"\x08", COD),  # unknown style
        replaced(5, b"\5", COD),  # unknown progression
        replaced(6, bytes(2), COD),  # no layer
        replaced(6, b"\xff\xff", COD),  # more layers than bytes
        replaced(8, b"\1", COD),  # a colour transformation
        replaced(9, b"\x21", COD),  # 33 levels
        replaced(9, b"\x03", COD),  # more levels than exponents
        replaced(10, b"\x09", COD),  # code blocks of 2048
        replaced(12, b"\1", COD),  # selective bypass
        replaced(12, b"\x40", COD),  # high throughput
        replaced(13, b"\0", COD),  # irreversible
        replaced(4, b"\x41", QCD),  # quantised
        replaced(4, b"\0\1", SOT),  # another tile
        replaced(10, b"\1", SOT),  # the second tile-part first
        replaced(11, b"\2", SOT),  # of two tile-parts
        inserted(b"\xff\x5e\x00\x05\x00\x00\x05"),  # region of interest
        inserted(b"\xff\x5f\x00\x09\x00\x00\x00\x01\x03\x01\x00"),  # progression order change
        inserted(b"\xff\x60\x00\x03\x00"),  # packed packet headers
        inserted(b"\xff\x53\x00\x09\x00\x00\x02\x04\x04\x00\x01"),  # another style for a component
        inserted(b"\xff\x5d\x00\x04\x00\x40"),  # other exponents for a component
        inserted(_LAYERED[_LAYERED.index(COD) : _LAYERED.index(QCD)]),  # COD twice
        inserted(b"\xff\x30"),
        inserted(b"\xff\x64\x00\x01"),
        inserted(b"\xff\x64\xff\xff"),
        _LAYERED[:-2] + b"\0\xff\xd9",
        _LAYERED.replace(COD, b"\xff\x64"),
        _LAYERED.replace(SIZ, b"\xff\x64"),
        b"",
    ],
)
def test_unusual_headers(stream: bytes) -> None:
    assert stream != _LAYERED
    with pytest.raises(UnsupportedError):
        decode(stream)


@pytest.mark.parametrize("stream", STREAMS.values())
def test_streams_that_end_early(stream: bytes) -> None:
    for end in range(len(stream)):
        for closing in (b"", b"\xff\xd9"):
            if stream[:end] + closing != stream:
                with pytest.raises(UnsupportedError):
                    decode(stream[:end] + closing)


def _shorter(part: bytes) -> bytes:
    return part[:6] + struct.pack(">I", len(part) - 1) + part[10:-1]


def _longer(part: bytes) -> bytes:
    return part[:6] + struct.pack(">I", len(part) + 1) + part[10:] + b"\0"


@pytest.mark.parametrize("change", [_shorter, _longer, lambda part: b"", lambda part: part + part])
def test_tile_parts_that_do_not_fit(change: Callable[[bytes], bytes]) -> None:
    header, parts = tile_parts(_TILED)
    for k in range(len(parts)):
        changed = [change(part) if i == k else part for i, part in enumerate(parts)]
        with pytest.raises(UnsupportedError):
            decode(header + b"".join(changed) + b"\xff\xd9")


@pytest.mark.parametrize("options", STREAMS)
def test_a_changed_byte_never_gives_another_image_than_openjpeg(options: str) -> None:
    stream, rng = STREAMS[options], np.random.default_rng(0)
    read = 0
    for _ in range(300):
        changed = bytearray(stream)
        changed[rng.integers(45, len(stream))] = rng.integers(0, 256)
        try:
            ours = decode(bytes(changed))
        except UnsupportedError:
            continue
        try:
            expected = imagecodecs.jpeg2k_decode(bytes(changed), numthreads=1)
        except imagecodecs.Jpeg2kError:
            # It minds the packet lengths, which nobody needs.
            assert "-PLT" in options
            continue
        np.testing.assert_array_equal(ours, expected)
        read += 1
    assert read > 0


def hostile(
    width: int, height: int, tile: int, layers: int, exponents: int, precinct: bytes, size: int
) -> bytes:
    siz = struct.pack(">H8IH3B", 0, width, height, 0, 0, tile, tile, 0, 0, 1, 7, 1, 1)
    levels = max(len(precinct) - 1, 0)
    cod = struct.pack(">BBHB5B", bool(precinct), 0, layers, 0, levels, exponents, exponents, 0, 1) + precinct
    qcd = b"\x40" + b"\x40" * (3 * levels + 1)
    header = b"\xff\x4f" + b"".join(
        marker + struct.pack(">H", len(segment) + 2) + segment
        for marker, segment in ((SIZ, siz), (COD, cod), (QCD, qcd))
    )
    part = SOT + struct.pack(">HHIBB", 10, 0, size + 14, 0, 1) + b"\xff\x93" + b"\x80" * size
    return header + part + b"\xff\xd9"


@pytest.mark.parametrize(
    "stream",
    [
        hostile(2**31 - 1, 1, 2**31, 1, 0, b"", 1000),
        hostile(2**16, 2**16, 2**31, 1, 4, b"", 1000),
        hostile(2**15, 2**15, 2**31, 1, 0, b"", 10**5),
        hostile(2**15, 2**15, 1, 1, 0, b"", 10**5),
        hostile(2**12, 2**12, 2**31, 1, 0, b"\0" + b"\x11" * 12, 10**5),
        hostile(2**12, 2**12, 2**31, 2**16 - 1, 0, b"", 2 * 10**5),
        hostile(2**10, 2**10, 2**31, 2**6 - 1, 0, b"", 10**5),
    ],
)
def test_claims_that_would_take_long(stream: bytes) -> None:
    decode(_LAYERED)
    start = time.process_time()
    with pytest.raises(UnsupportedError):
        decode(stream)
    assert time.process_time() - start < 3


def test_what_the_headers_say() -> None:
    image = read_codestream(
        STREAMS["-F 21,17,1,12,u -n 4 -p CPRL -r 6,2 -c [16,16],[8,8] -b 4,8 -d 6,11 -T 2,3 -t 16,9"]
    )
    assert (image.shape, image.bits, image.signed, len(image.tiles)) == ((17, 21), 12, False, 6)
    assert [image.tile_area(k) for k in (0, 5)] == [(6, 11, 18, 12), (18, 21, 27, 28)]
    coding = image.coding(0)
    assert (coding.progression, coding.layers, coding.levels, coding.block_exponents) == (4, 2, 3, (2, 3))
    assert coding.precinct_exponents == ((1, 1), (2, 2), (3, 3), (4, 4))


@shared_data.requires_dicom
def test_real_files() -> None:
    """All grey files without loss, and those with losses that keep the reversible wavelet."""
    read, left = set(), {}
    with (shared_data.DICOM / "INVENTORY.csv").open() as lines:
        rows = [
            r
            for r in csv.DictReader(lines)
            if r["transfer_syntax"].startswith("JPEG 2000") and r["spp"] == "1"
        ]
    for row in rows:
        ds = pydicom.dcmread(shared_data.DICOM / row["path"], force=True)
        for frame in generate_frames(ds.PixelData, number_of_frames=int(row["frames"] or 1)):
            try:
                assert_as_openjpeg(frame)
                read.add(row["path"])
            except UnsupportedError as error:
                left[row["path"]] = str(error)
    assert len(read) == 16
    assert len(left) == 6
    assert all(
        why == "extensions (Rsiz)" or why.startswith("another transformation") for why in left.values()
    )
