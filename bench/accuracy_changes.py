"""What may happen to a radiograph: the changes, and the pairs, under which accuracy is measured."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy_cases import Case, Image
from fxcore.kernels import rotate

Change = Callable[[Case, np.random.Generator], Case]


def turned(case: Case, rng: np.random.Generator) -> Case:
    """Turn by any angle on a grown, black canvas."""
    degrees = float(rng.uniform(-180, 180))
    tilt = None if case.tilt is None else _wrapped(case.tilt - degrees)
    return replace(case, image=rotate(case.image, degrees), tilt=tilt, boxes=())


def _wrapped(degrees: float) -> float:
    return (degrees + 180) % 360 - 180


def _framed(level: int, sides: str, tilt: float = 0.0, width: tuple[float, float] = (0.02, 0.07)) -> Change:
    def change(case: Case, rng: np.random.Generator) -> Case:
        rows, columns = case.image.shape
        far = 9 * max(rows, columns)
        inner = {side: float(rng.uniform(*width)) for side in "tblr"}
        top = inner["t"] * rows if "t" in sides else -far
        bottom = rows - inner["b"] * rows if "b" in sides else rows + far
        left = inner["l"] * columns if "l" in sides else -far
        right = columns - inner["r"] * columns if "r" in sides else columns + far
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
        angle = math.radians(float(rng.uniform(-tilt, tilt)))
        middle = np.array([columns / 2, rows / 2])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        inside = np.zeros(case.image.shape, np.uint8)
        cv2.fillPoly(inside, [((corners - middle) @ turn.T + middle).astype(np.int32)], 1)
        grain = np.clip(level + rng.normal(0, 2, case.image.shape), 0, 255).astype(np.uint8)
        return replace(
            case,
            image=np.where(inside == 1, case.image, grain if 0 < level < 255 else level).astype(np.uint8),
        )

    return change


def _marker(case: Case, rng: np.random.Generator) -> Case:
    """Put a bright plate into a free corner."""
    image = case.image.copy()
    rows, columns = image.shape
    side = max(4, max(rows, columns) // 18)
    row = int(rng.integers(0, max(1, rows - side)))
    column = round(0.02 * columns) if rng.random() < 0.5 else columns - side - round(0.02 * columns)
    image[row : row + side, column : column + side] = 245
    return replace(case, image=image)


def _gradient(case: Case, rng: np.random.Generator) -> Case:
    slope = np.linspace(0, 50, case.image.shape[1])[:: 1 if rng.random() < 0.5 else -1]
    return replace(case, image=np.clip(case.image + slope[None, :], 0, 255).astype(np.uint8))


def _jpeg(case: Case, rng: np.random.Generator) -> Case:
    noisy = np.clip(case.image + rng.normal(0, 6, case.image.shape), 0, 255).astype(np.uint8)
    code = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return replace(case, image=np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8))


def _clipped(case: Case, rng: np.random.Generator) -> Case:
    low, high = np.quantile(case.image, (0.02, 0.97))
    stretched = (case.image.astype(np.float64) - low) / max(high - low, 1) * 255
    return replace(case, image=np.clip(stretched, 0, 255).astype(np.uint8))


def _text(case: Case, rng: np.random.Generator) -> Case:
    """Burn lines of white text into some of the corners."""
    image = case.image.copy()
    rows, columns = image.shape
    scale, thick = max(rows, columns) / 1300, max(1, max(rows, columns) // 700)
    for corner in rng.permutation(4)[: int(rng.integers(1, 5))]:
        for line in range(int(rng.integers(1, 4))):
            words = str(rng.choice(("L", "RIGHT HAND", "PA 12.03.2019", "KV 55 MAS 2.0", "S:2 I:1")))
            width, height = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)[0]
            down = (line + 1) * (height + 5)
            at = (
                4 if corner % 2 == 0 else columns - width - 4,
                down if corner < 2 else rows + height - down,
            )
            cv2.putText(image, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    return replace(case, image=image)


def _patient_data(case: Case, rng: np.random.Generator) -> Case:
    """Burn four lines of white text into each of some corners, whatever they lie over."""
    image = case.image.copy()
    rows, columns = image.shape
    scale, thick = max(rows, columns) / float(rng.uniform(700, 1300)), max(1, max(rows, columns) // 600)
    for corner in rng.permutation(4)[: int(rng.integers(1, 4))]:
        for line in range(4):
            words = str(
                rng.choice(("DOE^JANE ANN", "ID 4711-0815", "12.03.1967 F", "HAND PA 14:22", "55 kV 2 mAs"))
            )
            width, height = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)[0]
            down = round(1.6 * (line + 1) * height)
            at = (6 if corner % 2 else columns - width - 6, down if corner < 2 else rows + height - down)
            cv2.putText(image, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    return replace(case, image=image)


def _narrow_window(case: Case, rng: np.random.Generator) -> Case:
    """Show the denser part of the anatomy white, as a window that is too narrow does."""
    level = cv2.threshold(case.image, 0, 255, cv2.THRESH_OTSU)[0]
    dense = case.image[case.image > level]
    low, high = np.quantile(case.image, 0.02), np.quantile(dense, rng.uniform(0.15, 0.6))
    stretched = (case.image.astype(np.float64) - low) / max(high - low, 8) * 255
    return replace(case, image=np.clip(stretched, 0, 255).astype(np.uint8))


def _low_contrast(case: Case, rng: np.random.Generator) -> Case:
    level, span = float(rng.uniform(40, 140)), float(rng.uniform(50, 90))
    grain = rng.normal(0, 2.5, case.image.shape)
    return replace(case, image=(level + case.image * (span / 255) + grain).clip(0, 255).astype(np.uint8))


def _noisy_window(case: Case, rng: np.random.Generator) -> Case:
    """Show little contrast, and much noise, through a window that is too narrow."""
    return _narrow_window(_low_contrast(case, rng), rng)


def _scatter(case: Case, rng: np.random.Generator) -> Case:
    """Lay a veil of the image's own blur over it, and more noise where it is dense."""
    image = case.image.astype(np.float32)
    veil = cv2.GaussianBlur(image, (0, 0), max(image.shape) / 8, borderType=cv2.BORDER_REPLICATE)
    share = float(rng.uniform(0.4, 0.6))
    grain = rng.normal(0, 3, image.shape) * (0.4 + image / 255)
    return replace(case, image=((1 - share) * image + share * veil + grain).clip(0, 255).astype(np.uint8))


def _light(case: Case, rng: np.random.Generator) -> NDArray[np.floating]:
    level = float(rng.uniform(60, 150))
    return level + case.image * ((250 - level) / 255)


def _light_air(case: Case, rng: np.random.Generator) -> Case:
    return replace(case, image=_light(case, rng).astype(np.uint8))


def _round_shutter(case: Case, rng: np.random.Generator) -> Case:
    """Leave a disc of light air and anatomy, as an image intensifier does."""
    rows, columns = case.image.shape
    down, across = np.ogrid[:rows, :columns]
    radius = max(rows, columns) / 2 * float(rng.uniform(0.93, 1.02))
    inside = (down - rows / 2) ** 2 + (across - columns / 2) ** 2 <= radius**2
    return replace(case, image=np.where(inside, _light(case, rng), 0).astype(np.uint8))


def _round_collimator(case: Case, rng: np.random.Generator) -> Case:
    """Leave a disc of the radiograph as it is, in a surround that is white or light grey."""
    rows, columns = case.image.shape
    down, across = np.ogrid[:rows, :columns]
    radius = max(rows, columns) / 2 * float(rng.uniform(0.93, 1.02))
    row, column = (count / 2 + float(rng.uniform(-0.03, 0.03)) * count for count in (rows, columns))
    inside = (down - row) ** 2 + (across - column) ** 2 <= radius**2
    surround = float(rng.uniform(160, 255)) + rng.normal(0, 2, case.image.shape)
    return replace(case, image=np.where(inside, case.image, surround.clip(0, 255)).astype(np.uint8))


def _corners_off(case: Case, rng: np.random.Generator) -> Case:
    """Cut the corners off with a black shutter, air being light."""
    rows, columns = case.image.shape
    down, across = np.ogrid[:rows, :columns]
    least = float(rng.uniform(0.06, 0.15)) * (rows + columns)
    sums = (down + across, down + columns - across, rows - down + across, rows - down + columns - across)
    inside = np.min([np.broadcast_to(total, case.image.shape) for total in sums], axis=0) > least
    return replace(case, image=np.where(inside, _light(case, rng), 0).astype(np.uint8))


def _set_in(levels: tuple[int, int], grain: float) -> Change:
    """Set the whole radiograph into a larger image of one level, as wide collimators and padding do."""

    def change(case: Case, rng: np.random.Generator) -> Case:
        rows, columns = case.image.shape
        top, bottom = (round(rows * float(rng.uniform(0.1, 0.4))) for _ in range(2))
        left, right = (round(columns * float(rng.uniform(0.1, 0.4))) for _ in range(2))
        shape = top + rows + bottom, left + columns + right
        canvas = rng.integers(*levels) + rng.normal(0, grain, shape)
        image = canvas.clip(0, 255).astype(np.uint8)
        image[top : top + rows, left : left + columns] = case.image
        boxes = tuple((r0 + top, c0 + left, r1 + top, c1 + left) for r0, c0, r1, c1 in case.boxes)
        return replace(case, image=image, boxes=boxes)

    return change


def _equalised(case: Case, rng: np.random.Generator) -> Case:
    """Give all grey levels as many pixels, as histogram equalisation does."""
    return replace(case, image=np.asarray(cv2.equalizeHist(case.image), np.uint8))


CHANGES: dict[str, Change] = {
    "white frame": _framed(255, "tblr", 5.0),
    "white frame, 2 sides": _framed(250, "lr"),
    "grey frame, 1 side": _framed(200, "b"),
    "black frame": _framed(0, "tblr", 5.0),
    "marker": _marker,
    "gradient": _gradient,
    "JPEG 30, noise": _jpeg,
    "clipped": _clipped,
    "text": _text,
    "narrow window": _narrow_window,
    "low contrast": _low_contrast,
    "noise, narrow window": _noisy_window,
    "scatter": _scatter,
    "light air": _light_air,
    "round shutter": _round_shutter,
    "corners off": _corners_off,
    "turned": turned,
    "wide white frame": _set_in((245, 254), 2.0),
    "grey padding": _set_in((40, 200), 0.0),
    "patient data": _patient_data,
    "round collimator": _round_collimator,
    "equalised": _equalised,
}
# What is left within is another limb, of which only the colour is known.
OF_COLOUR: dict[str, Change] = {"white margins": _framed(250, "tblr", width=(0.28, 0.35))}


def changed(cases: list[Case], name: str) -> list[Case]:
    """Apply one change to all, the same each time it is asked for."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    change = (CHANGES | OF_COLOUR)[name]
    return [change(case, rng) for case in cases]


def pairs(cases: list[Case], count: int) -> list[Case]:
    """Put two exposures of one limb, or both limbs of a patient, side by side.

    The second is another view of the same study where there is one, else the mirror image at another
    exposure, as that of the other limb is. In turn: a white strip between them, a black one, none (two
    exposures on one plate), and both limbs in one exposure.
    """
    rng = np.random.default_rng(3)
    single = [case for case in cases if case.parts == 1 and not case.no_axis]
    made = []
    for k in range(count):
        first = single[int(rng.integers(len(single)))]
        views = [c for c in single if c is not first and c.name.split(".")[0] == first.name.split(".")[0]]
        kind = PAIRED[k % len(PAIRED)]
        if kind not in STRIPS:
            # What joins two limbs into one, no archive holds: they leave the plate on its outer sides.
            first = min((first, _mirrored(first)), key=lambda case: _at_the_right(case.image))
            if _at_the_right(first.image) > _FREE:
                kind = "white strip"
        second = _mirrored(first)
        if views and kind in STRIPS:
            second = views[int(rng.integers(len(views)))]
        if kind != "one exposure":
            second = _exposed(second, float(rng.uniform(0.8, 1.2)), float(rng.uniform(0, 12)))
        made.append(_pair(first, second, kind))
    return made


# Spread of the grey levels along a side that no limb crosses.
_FREE = 25.0
STRIPS = ("white strip", "black strip")
PAIRED = (*STRIPS, "no strip", "one exposure")


def _mirrored(case: Case) -> Case:
    columns = case.image.shape[1]
    boxes = tuple(
        (row0, columns - column1, row1, columns - column0) for row0, column0, row1, column1 in case.boxes
    )
    return replace(case, image=np.ascontiguousarray(case.image[:, ::-1]), boxes=boxes)


def _at_the_right(image: Image) -> float:
    """Return how far the brightest of the last columns are above their median: a limb that crosses them."""
    side = image[:, -max(2, image.shape[1] // 50) :].mean(axis=1)
    return float(np.quantile(side, 0.97) - np.quantile(side, 0.25))


def _exposed(case: Case, gain: float, offset: float) -> Case:
    return replace(case, image=np.clip(case.image * gain + offset, 0, 255).astype(np.uint8))


def _pair(left: Case, right: Case, kind: str) -> Case:
    rows = 500
    images, boxes, column = [], [], 0
    strip = 8 if kind in STRIPS else 0
    for case in (left, right):
        factor = rows / case.image.shape[0]
        size = (max(8, round(case.image.shape[1] * factor)), rows)
        images.append(cv2.resize(case.image, size, interpolation=cv2.INTER_AREA))
        if case.boxes:
            row0, column0, row1, column1 = (round(edge * factor) for edge in case.boxes[0])
            boxes.append((row0, column0 + column, row1, column1 + column))
        column += size[0] + strip
    if strip:
        images.insert(1, np.full((rows, strip), 255 if kind == "white strip" else 0, np.uint8))
    image = np.ascontiguousarray(np.hstack(images), np.uint8)
    found = tuple(boxes) if len(boxes) == 2 else ()
    return Case(f"{left.name} | {right.name}, {kind}", image, boxes=found, parts=2)


def variants(cases: list[Case], *, quick: bool, colour: bool = False) -> Iterator[tuple[str, list[Case]]]:
    """Yield the cases as they are, and after each change; also where only the colour is left, if asked."""
    yield "as it is", cases
    for name in [*CHANGES, *(OF_COLOUR if colour else ())][:: 4 if quick else 1]:
        yield name, changed(cases, name)
