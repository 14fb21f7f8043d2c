"""An archive of damaged files: the same seed gives the same bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from tests.hostile.mutations import mutate
from tests.hostile.sources import PIXEL_DATA, Source, sources

_SMALL = 100_000
# How often a source is one with small pixel data, one with large pixel data, or one without any.
_SHARES = (0.82, 0.08, 0.1)
_SUFFIXES = {"dicom": ("", ".dcm"), "png": (".png",), "jpeg": (".jpg",), "tiff": (".tif",)}


def make_archive(folder: Path, count: int, seed: int) -> int:
    """Write `count` damaged files below `folder`, named after what was done to what; return their bytes.

    Each source takes its turn; large ones take theirs more rarely.
    """
    rng = Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        everything = sources(Path(scratch))
    pools: list[list[Source]] = [[], [], []]
    for source in everything:
        with_pixels = source.kind != "dicom" or PIXEL_DATA in source.elements
        pools[2 if not with_pixels else len(source.data) > _SMALL].append(source)
    for pool in pools:
        rng.shuffle(pool)
    total = 0
    for number in range(count):
        pool = rng.choices(pools, _SHARES)[0] or pools[0]
        source = pool[number % len(pool)]
        done, data = mutate(rng, source, rng.choice(pools[0]))
        place = folder / f"{number // 1000:03d}"
        place.mkdir(parents=True, exist_ok=True)
        name = source.name.replace("/", "_")[-80:]
        suffix = rng.choice(_SUFFIXES[source.kind])
        (place / f"{number:05d}-{done}-{name}{suffix}").write_bytes(data)
        total += len(data)
    return total
