"""Ways to damage a file, each of one kind, all drawn from one random generator."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pydicom.uid import AllTransferSyntaxes
from pydicom.valuerep import VR

from tests.hostile.sources import Source

_LENGTHS = (
    0,
    1,
    2,
    3,
    7,
    0xFF,
    0x7FFF,
    0xFFFE,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
)
_SHORTS = (0, 1, 2, 3, 255, 1000, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
_NUMBERS = (b"0", b"-1", b"1", b"2", b"9999", b"2147483647", b"99999999999", b"1e9", b"x", b"")
_VRS = sorted(str(vr).encode() for vr in VR if len(str(vr)) == 2)
_SYNTAXES = [str(syntax).encode() for syntax in AllTransferSyntaxes] + [b"1.2.840.10008.1.2.8.1", b"1.2.3.4"]
_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"\xfe\xff\x0d\xe0")

# Tag to whether the value is a number of two bytes; the others are text.
_SIZES = {
    0x00280002: True,  # SamplesPerPixel
    0x00280008: False,  # NumberOfFrames
    0x00280010: True,  # Rows
    0x00280011: True,  # Columns
    0x00280100: True,  # BitsAllocated
    0x00280101: True,  # BitsStored
    0x00280102: True,  # HighBit
    0x00280103: True,  # PixelRepresentation
    0x00280006: True,  # PlanarConfiguration
}


@dataclass
class Victim:
    """A file being damaged."""

    rng: Random
    source: Source
    other: Source
    data: bytearray

    def flip(self, start: int, stop: int) -> None:
        stop = min(stop, len(self.data))
        if start >= stop:
            start, stop = 0, len(self.data)
        for _ in range(self.rng.choice((1, 1, 2, 4, 8, 32))):
            place = self.rng.randrange(start, stop)
            if self.rng.random() < 0.5:
                self.data[place] ^= 1 << self.rng.randrange(8)
            else:
                self.data[place] = self.rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, self.rng.randrange(256)))

    def put(self, place: int, value: bytes) -> None:
        if place >= 0 and place + len(value) <= len(self.data):
            self.data[place : place + len(value)] = value
        else:
            self.flip(0, len(self.data))


def flip_header(v: Victim) -> None:
    v.flip(0 if v.source.kind != "dicom" else 128, v.source.pixels)


def flip_pixels(v: Victim) -> None:
    v.flip(v.source.pixels, len(v.data))


def flip_both(v: Victim) -> None:
    flip_header(v)
    flip_pixels(v)


def flip_start_of_pixels(v: Victim) -> None:
    """Hit the offset table, the first fragment's item and the headers of its codestream."""
    v.flip(v.source.pixels, v.source.pixels + 120)


def truncate(v: Victim) -> None:
    del v.data[v.rng.randrange(1, len(v.data)) :]


def splice(v: Victim) -> None:
    cut, other = v.rng.randrange(len(v.data)), v.other.data
    v.data[cut:] = other[v.rng.randrange(len(other)) :][:200_000]


def overwrite(v: Victim) -> None:
    """Put a piece of another file into this one, so that lengths stay as they were."""
    piece = v.other.data[v.rng.randrange(len(v.other.data)) :][: v.rng.choice((8, 64, 1024))]
    place = v.rng.randrange(len(v.data))
    v.data[place : place + len(piece)] = piece


def element_length(v: Victim) -> None:
    if not v.source.elements:
        return flip_header(v)
    start, width, _ = v.source.elements[v.rng.choice(sorted(v.source.elements))]
    if width == 4:
        v.put(start - 4, struct.pack("<L", v.rng.choice(_LENGTHS)))
    else:
        v.put(start - 2, struct.pack("<H", v.rng.choice(_SHORTS)))
    return None


def item_length(v: Victim) -> None:
    """Change the length of an item, a fragment or a delimiter, wherever one is."""
    tag = v.rng.choice(_ITEM_TAGS)
    places = []
    place = v.data.find(tag)
    while place >= 0 and len(places) < 200:
        places.append(place + 4)
        place = v.data.find(tag, place + 4)
    if not places:
        return element_length(v)
    v.put(v.rng.choice(places), struct.pack("<L", v.rng.choice(_LENGTHS)))
    return None


def offset_table(v: Victim) -> None:
    """Make the first item of the pixel data a table of lies."""
    start = v.source.pixels
    count = v.rng.choice((1, 2, 3, 50, 1000))
    lies = b"".join(struct.pack("<L", v.rng.choice(_LENGTHS)) for _ in range(count))
    if bytes(v.data[start : start + 4]) == _ITEM_TAGS[0]:
        held = int.from_bytes(v.data[start + 4 : start + 8], "little")
        stop = start + 8 + (held if held < len(v.data) else 0)
        v.data[start:stop] = _ITEM_TAGS[0] + struct.pack("<L", len(lies)) + lies
    else:
        v.put(start, lies[:64])


def image_size(v: Victim) -> None:
    """Set one or two of the attributes that say how large the image is to an extreme."""
    known = [tag for tag in sorted(v.source.elements) if tag in _SIZES]
    if not known:
        return flip_header(v)
    for _ in range(v.rng.choice((1, 1, 2, 3))):
        tag = v.rng.choice(known)
        start, width, _ = v.source.elements[tag]
        if _SIZES[tag]:
            v.put(start, struct.pack("<H", v.rng.choice(_SHORTS)))
        else:
            held = int.from_bytes(v.data[start - width : start], "little")
            v.put(start, v.rng.choice(_NUMBERS)[:held].ljust(min(held, 64)))
    return None


def swap_vr(v: Victim) -> None:
    explicit = [tag for tag, (_, _, has_vr) in sorted(v.source.elements.items()) if has_vr]
    if not explicit:
        return flip_header(v)
    start, width, _ = v.source.elements[v.rng.choice(explicit)]
    v.put(start - (8 if width == 4 else 4), v.rng.choice(_VRS))
    return None


def swap_syntax(v: Victim) -> None:
    if 0x00020010 not in v.source.elements:
        return flip_header(v)
    start, width, _ = v.source.elements[0x00020010]
    held = int.from_bytes(v.data[start - width : start], "little")
    name = v.rng.choice(_SYNTAXES)
    name += b"\0" * (len(name) % 2)
    v.data[start - 2 : start + held] = struct.pack("<H", len(name)) + name
    return None


def field(v: Victim) -> None:
    """Set two or four bytes among the first few hundred to an extreme; a PNG's checksums are made right."""
    stop = min(len(v.data) - 4, 400)
    for _ in range(v.rng.choice((1, 1, 2))):
        place = v.rng.randrange(8, stop)
        wide = v.rng.random() < 0.5
        order = v.rng.choice("<>")
        value = v.rng.choice(_LENGTHS) if wide else v.rng.choice(_SHORTS)
        v.put(place, struct.pack(order + ("L" if wide else "H"), value))
    if v.source.kind == "png":
        _repair_checksums(v.data)


def _repair_checksums(data: bytearray) -> None:
    place = 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        stop = place + 8 + length
        if stop + 4 > len(data):
            return
        data[stop : stop + 4] = zlib.crc32(data[place + 4 : stop]).to_bytes(4, "big")
        place = stop + 4


Mutation = Callable[[Victim], None]
_ANY: tuple[Mutation, ...] = (flip_header, flip_pixels, flip_both, truncate, splice, overwrite)
FOR_DICOM: tuple[Mutation, ...] = (
    *_ANY,
    flip_start_of_pixels,
    element_length,
    item_length,
    offset_table,
    image_size,
    swap_vr,
    swap_syntax,
)
FOR_IMAGES: tuple[Mutation, ...] = (*_ANY, field, field)


def mutate(rng: Random, source: Source, other: Source) -> tuple[str, bytes]:
    """Damage a file in one way, sometimes in two; return what was done and the new bytes."""
    victim = Victim(rng, source, other, bytearray(source.data))
    for identifier in source.identifiers:
        # As long as before, so that no length changes; another one, so that the file is no copy.
        digits = f"{rng.randrange(10**9, 10**10)}".encode()
        victim.data = victim.data.replace(identifier, identifier[:-10] + digits)
    kinds = FOR_DICOM if source.kind == "dicom" else FOR_IMAGES
    chosen = rng.sample(kinds, 2 if rng.random() < 0.15 else 1)
    for mutation in chosen:
        if len(victim.data) > 16:
            mutation(victim)
    data = bytes(victim.data)
    if source.deflated_from and len(data) > source.deflated_from:
        deflate = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        data = data[: source.deflated_from] + deflate.compress(data[source.deflated_from :]) + deflate.flush()
    return "+".join(mutation.__name__ for mutation in chosen), data
