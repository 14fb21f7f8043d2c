"""What the X-ray room adds to the image: collimator edges, side markers, a little text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Field:
    """The exposed rectangle of an image, half open."""

    row0: int
    column0: int
    row1: int
    column1: int

    def clip(self, box: Box) -> Box:
        """The part of a box that lies in the field; zeros if none does."""
        row0, column0 = max(box[0], self.row0), max(box[1], self.column0)
        row1, column1 = min(box[2], self.row1), min(box[3], self.column1)
        return (row0, column0, row1, column1) if row0 < row1 and column0 < column1 else (0, 0, 0, 0)


def collimate(rng: np.random.Generator, kind: str, rows: int, columns: int) -> Field:
    """Draw the exposed rectangle: all of the image where `kind` is empty."""
    margins = rng.uniform(0.015, 0.10, 4) * (rng.random(4) < 0.75)
    if not kind:
        return Field(0, 0, rows, columns)
    if not margins.any():
        margins[:2] = 0.04
    top, bottom, left, right = margins
    return Field(
        int(rows * top), int(columns * left), rows - int(rows * bottom), columns - int(columns * right)
    )


def shutter(image: NDArray[np.float32], field: Field, value: float) -> None:
    """Set everything outside the field to one value, in place."""
    image[: field.row0] = value
    image[field.row1 :] = value
    image[:, : field.column0] = value
    image[:, field.column1 :] = value


_FONT = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}


def _text(words: str, height: int) -> NDArray[np.bool_]:
    """Bitmap of `words` about `height` pixels tall."""
    glyphs = []
    for letter in words:
        rows = _FONT[letter].split()
        glyphs.append(np.array([[c == "1" for c in row + "0"] for row in rows]))
    zoom = max(1, round(height / 7))
    large = np.kron(np.hstack(glyphs), np.ones((zoom, zoom)))
    if zoom < 4:
        return large > 0.5
    # Lead letters are cut with rounded corners.
    window = np.ones(zoom) / zoom
    for axis in (0, 1):
        large = np.apply_along_axis(np.convolve, axis, large, window, "same")
    return large > 0.45


def draw_marker(
    rng: np.random.Generator,
    image: NDArray[np.float32],
    field: Field,
    sides: tuple[str, str],
    view: str,
    with_text: bool,
) -> None:
    """Put a lead letter, with a line of text below if asked, into the emptiest of three corners, in place.

    `sides` are the letters for the left and for the right edge of the image.
    """
    height = max(7, int(0.028 * max(image.shape) * rng.uniform(0.8, 1.5)))
    plate = rng.random() < 0.35
    words = f"{view} {''.join(rng.choice(list('012347'), 4))}" if with_text else ""
    turns = int(rng.integers(1, 4)) if rng.random() < 0.2 else 0
    marks = [_mark(letter, height, plate, words, turns) for letter in sides]
    brightness = np.float32(rng.uniform(0.85, 1.0))
    # Letters are of one size.
    rows, columns = marks[0].shape
    gap = max(2, int(0.02 * max(image.shape)))
    room_rows = field.row1 - field.row0 - rows - 2 * gap
    room_columns = field.column1 - field.column0 - columns - 2 * gap
    if room_rows < 0 or room_columns < 0:
        return
    best = None
    for _ in range(3):
        row = field.row0 + gap + int(room_rows * rng.random())
        left = rng.random() >= 0.5
        column = field.column0 + gap + (0 if left else room_columns)
        patch = image[row : row + rows, column : column + columns]
        mean = float(patch.mean())
        if best is None or mean < best[0]:
            best = (mean, patch, marks[0 if left else 1])
    assert best is not None
    _, patch, mark = best
    patch[mark] = np.maximum(patch[mark], brightness)


def _mark(letter: str, height: int, plate: bool, words: str, turns: int) -> NDArray[np.bool_]:
    """Bitmap of a lead letter, or of one cut out of a plate; with words below, and turned by quarters."""
    mark = _text(letter, height)
    if plate:
        mark = ~np.pad(mark, max(1, height // 5))
    if words:
        line = _text(words, max(7, height // 3))
        width = max(mark.shape[1], line.shape[1])
        mark = np.vstack(
            [_widen(mark, width), np.zeros((max(2, height // 5), width), dtype=bool), _widen(line, width)]
        )
    return np.rot90(mark, turns)


def _widen(bitmap: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    return np.pad(bitmap, ((0, 0), (0, width - bitmap.shape[1])))
