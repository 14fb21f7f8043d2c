"""The worst cases of each step as one picture a step, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fxcore.dataset.png import encode_png
from fxcore.dataset.tables import write_atomically

_TILE, _ACROSS, _MOST = 300, 6, 24


@dataclass(frozen=True)
class Shown:
    """One case: what to say of it, its image, and how bad it is."""

    text: str
    image: NDArray[np.uint8]
    badness: float


def write_sheets(worst: Mapping[str, list[Shown]], folder: Path) -> None:
    """Write ``<step>.png`` with the worst cases of each step, the worst first."""
    folder.mkdir(parents=True, exist_ok=True)
    for step, shown in worst.items():
        chosen = sorted(shown, key=lambda case: -case.badness)[:_MOST]
        tiles = [_tile(case) for case in chosen]
        if not tiles:
            continue
        while len(tiles) % _ACROSS:
            tiles.append(np.zeros_like(tiles[0]))
        lines = [np.hstack(tiles[k : k + _ACROSS]) for k in range(0, len(tiles), _ACROSS)]
        write_atomically(folder / f"{step}.png", encode_png(np.ascontiguousarray(np.vstack(lines))))


def _tile(case: Shown) -> NDArray[np.uint8]:
    tile = np.full((_TILE, _TILE), 48, np.uint8)
    room = _TILE - 24
    factor = room / max(case.image.shape)
    size = tuple(max(1, round(side * factor)) for side in case.image.shape[::-1])
    small = cv2.resize(case.image, size, interpolation=cv2.INTER_AREA)
    tile[: small.shape[0], : small.shape[1]] = small
    cv2.putText(tile, case.text[:46], (4, _TILE - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (255,), 1, cv2.LINE_AA)
    return tile
