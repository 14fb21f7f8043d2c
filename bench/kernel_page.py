"""The page that shows each kernel at work: ``python -m bench.kernel_page docs``.

Writes ``kernels.md`` and ``kernels/*.png`` into the folder given. What the page shows as code is the code
that made the picture below it.
"""

from __future__ import annotations

import argparse
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fxcore import kernels
from fxcore.phantom.plan import LimbPlan, plan_study
from fxcore.phantom.render import render

Image = NDArray[np.uint8]
Panels = list[tuple[str, Image]]

PANEL = 240  # height of a panel, pixels
GAP = 8

HEAD = """\
# The kernels, one by one

Arrays in, arrays out, compiled by Numba. All pictures are of an invented radiograph. The page is made by
`python -m bench.kernel_page docs`, and its code is what made the pictures.

An image is `uint8` or `uint16`, rows × columns. A mask is kept as its *runs*, the stretches of foreground
in each row: a hand on 2500 × 3000 pixels has about six thousand, and what works on runs does not look
at pixels again.
"""

EVERY = """\
## Every one of them

Docstrings say what goes in and comes out, what it costs, what is refused, and show an example:
`help(fxcore.kernels.rotate)`.

| name | what it is for |
|---|---|
"""

COST = """\
## What each costs

The floor of anything that reads an image is one pass over it; of anything that makes one, a copy.

| kernel | reads the image | writes an image | works on runs | `threads` |
|---|---|---|---|---|
| `histogram`, `otsu_threshold`, `pixel_sums` | once | | | yes |
| `runs_from_image`, `runs_from_mask` | once | | writes them | yes |
| `components`, `keep_components`, `principal_axis` | | | one to three times | |
| `dilate_rectangle`, `erode_rectangle` | | | 2 + log₂(height) times | yes |
| `close_rectangle`, `open_rectangle` | | | 4 + 2 log₂(height) times | yes |
| `crop_without` | the box | the box | the box's rows | |
| `runs_to_mask` | | once | once | |
| `rotate` | once | once, on a larger canvas | | yes |
| `shrink` | once | once, the small one | | |
| `invert` | once | once, or in place | | |
| `apply_table` | once | once | | yes |
| `corner_means` | four windows | | | |
| `png_deflate` | once | | | |
| `png_unfilter` | | once | | |

`threads=` shares a pass among threads of one process and changes no result. Where every core has a process
of its own already, as in a run over an archive, leave it at 1.
"""


def threshold(image: Image) -> Panels:
    """Find what is brighter than Otsu's threshold: the mask, as runs.

    One pass counts grey levels, one compares 64 pixels at a time. In the enlarged piece of
    the outline, every run has a grey level of its own.
    """
    level = kernels.otsu_threshold(image)
    runs = kernels.runs_from_image(image, level)
    mask = kernels.runs_to_mask(runs)
    return [("image", image), (f"above {level}: {len(runs)} runs", mask), ("runs", _runs_apart(runs))]


def parts(image: Image) -> Panels:
    """Label the connected components of the mask and drop the small ones.

    Neighbours at a side or a corner belong together. Each component has its own grey level.
    """
    runs = kernels.runs_from_image(image, kernels.otsu_threshold(image))
    found = kernels.components(runs)
    large = kernels.keep_components(runs, found, found.area >= image.size // 100)
    return [
        ("image", image),
        (f"{found.count} components", _labels(runs, found)),
        (f"large: {kernels.components(large).count}", _labels(large, kernels.components(large))),
    ]


def crop(image: Image) -> Panels:
    """Cut each part out, with what belongs to other parts black."""
    runs = kernels.runs_from_image(image, kernels.otsu_threshold(image))
    found = kernels.components(runs)
    runs = kernels.keep_components(runs, found, found.area >= image.size // 100)
    found = kernels.components(runs)
    cuts = [kernels.crop_without(image, runs, found, k, found.box[k]) for k in range(found.count)]
    return [("image", image)] + [(f"part {k + 1}", cut) for k, cut in enumerate(cuts)]


def morphology(image: Image) -> Panels:
    """Close the mask, then open it, with a rectangle of 41 × 41 pixels.

    Closing fills gaps the rectangle does not fit into, opening removes what it does not fit into;
    here it takes the fingers off the hand.
    """
    runs = kernels.runs_from_image(image, kernels.otsu_threshold(image))
    closed = kernels.close_rectangle(runs, 41, 41)
    opened = kernels.open_rectangle(closed, 41, 41)
    return [
        ("mask", kernels.runs_to_mask(runs)),
        ("closed", kernels.runs_to_mask(closed)),
        ("then opened", kernels.runs_to_mask(opened)),
    ]


def alignment(image: Image) -> Panels:
    """Find the principal axis of the mask and rotate the image until it is vertical.

    The axis comes from exact moments of the runs. The rotated canvas holds every pixel of the image.
    """
    runs = kernels.runs_from_image(image, kernels.otsu_threshold(image))
    axis = kernels.principal_axis(runs)
    upright = kernels.rotate(image, axis.angle_degrees)
    return [
        ("image", image),
        (f"axis at {axis.angle_degrees:.1f} degrees", _with_axis(kernels.runs_to_mask(runs), axis)),
        ("rotated", upright),
    ]


def quarters(image: Image) -> Panels:
    """Multiples of 90 degrees move pixels and interpolate nothing."""
    return [(f"{degrees} degrees", kernels.rotate(image, degrees)) for degrees in (0, 90, 180, 270)]


def smaller(image: Image) -> Panels:
    """Make the image smaller: each pixel the mean of the area that it covers.

    Of a twelfth of the rows and columns, single ones would be what noise makes of them.
    """
    rows, columns = (side // 12 for side in image.shape)
    small = kernels.shrink(image, rows, columns)
    picked = image[6::12, 6::12][:rows, :columns]
    return [
        ("image", image),
        (f"{rows} × {columns} means", np.kron(small, np.ones((12, 12), np.uint8))),
        ("single pixels instead", np.kron(picked, np.ones((12, 12), np.uint8))),
    ]


def inversion(image: Image) -> Panels:
    """Tell by its corners whether an image is inverted, and invert it back."""
    negative = kernels.invert(image)
    rows, cols = (side // 20 for side in image.shape)
    means = kernels.corner_means(negative, rows, cols)
    corrected = kernels.invert(negative) if means.mean() >= 100 else negative
    return [
        (f"corners: {means.mean():.0f} on average", _with_corners(negative, rows, cols)),
        ("inverted back", corrected),
    ]


def table(image: Image) -> Panels:
    """Map stored values to grey levels through a table: here a gamma curve that opens the shadows.

    `histogram` counts the levels before and after.
    """
    curve = np.round(255 * (np.arange(256) / 255) ** 0.6).astype(np.uint8)
    bright = kernels.apply_table(image, curve)
    return [
        ("image", image),
        ("its histogram", _bars(kernels.histogram(image))),
        ("through the table", bright),
        ("its histogram", _bars(kernels.histogram(bright))),
    ]


FIGURES: tuple[tuple[Callable[[Image], Panels], str], ...] = (
    (threshold, "`otsu_threshold`, `runs_from_image`, `runs_to_mask`"),
    (parts, "`components`, `keep_components`"),
    (crop, "`crop_without`"),
    (morphology, "`close_rectangle`, `open_rectangle`"),
    (alignment, "`principal_axis`, `rotate`"),
    (quarters, "`rotate` by quarter turns"),
    (smaller, "`shrink`"),
    (inversion, "`corner_means`, `invert`"),
    (table, "`histogram`, `apply_table`"),
)
OF_TWO_HANDS = (parts, crop)


# --- the radiographs ---


def phantom(two: bool) -> Image:
    """Draw a hand that leans to the right, or a radiograph of two hands."""
    study = plan_study(seed=3, index=42, scale=0.3)
    leaning = (LimbPlan("L", 24.0, fractured=False),)
    both = (LimbPlan("L", 3.0, fractured=False), LimbPlan("R", 6.0, fractured=False))
    plan = replace(
        study.radiographs[0], rows=720, columns=860 if two else 600, limbs=both if two else leaning
    )
    display = render(plan, study.patient, "hand").display
    return np.clip(np.rint(display * 255), 0, 255).astype(np.uint8)


# --- drawing ---


def _runs_apart(runs: kernels.Runs) -> Image:
    """Enlarge a strip through the mask; every run gets another grey level than its neighbours."""
    image = np.zeros(runs.shape, np.uint8)
    for row in range(runs.shape[0]):
        for k, i in enumerate(range(runs.row_start[row], runs.row_start[row + 1])):
            image[row, runs.start[i] : runs.stop[i]] = 110 + 60 * ((row + k) % 3)
    return cv2.resize(image[230:266, 142:184], None, fx=20, fy=20, interpolation=cv2.INTER_NEAREST)


def _labels(runs: kernels.Runs, found: kernels.Components) -> Image:
    image = np.zeros(runs.shape, np.uint8)
    grey = 80 + 67 * np.arange(found.count) % 176  # neighbouring numbers far apart
    row = np.repeat(np.arange(runs.shape[0]), np.diff(runs.row_start))
    for r, start, stop, label in zip(row, runs.start, runs.stop, found.label, strict=True):
        image[r, start:stop] = grey[label]
    return image


def _with_axis(mask: Image, axis: kernels.PrincipalAxis) -> Image:
    drawn = mask // 3
    lean = np.deg2rad(axis.angle_degrees)
    middle = np.array([axis.centroid_col, axis.centroid_row])
    reach = 0.42 * mask.shape[0] * np.array([np.sin(lean), -np.cos(lean)])
    ends = [tuple(np.rint(middle + sign * reach).astype(int).tolist()) for sign in (-1, 1)]
    cv2.arrowedLine(drawn, ends[0], ends[1], 255, 5, cv2.LINE_AA, tipLength=0.05)
    cv2.circle(drawn, tuple(np.rint(middle).astype(int).tolist()), 11, 255, -1, cv2.LINE_AA)
    return drawn


def _with_corners(image: Image, rows: int, cols: int) -> Image:
    drawn = image.copy()
    height, width = image.shape
    for top in (0, height - rows):
        for left in (0, width - cols):
            cv2.rectangle(drawn, (left, top), (left + cols - 1, top + rows - 1), 0, 3)
    return drawn


def _bars(counts: NDArray[np.int64]) -> Image:
    """Draw a histogram, its heights by the logarithm."""
    height = np.log1p(counts) / np.log1p(counts.max()) * 0.96 * PANEL
    bars = np.arange(PANEL)[::-1, None] < height[None, :]
    return np.where(bars, 200, 30).astype(np.uint8)


def _captioned(name: str, image: Image) -> Image:
    width = round(image.shape[1] * PANEL / image.shape[0])
    small = cv2.resize(image, (width, PANEL), interpolation=cv2.INTER_AREA)
    caption = np.full((24, width), 255, np.uint8)
    cv2.putText(caption, name, (2, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
    return np.vstack([caption, small])


def _side_by_side(panels: Panels) -> Image:
    images = [_captioned(*panel) for panel in panels]
    gap = np.full((images[0].shape[0], GAP), 255, np.uint8)
    joined = [part for image in images for part in (image, gap)]
    return np.hstack(joined[:-1])


def _section(figure: Callable[[Image], Panels], title: str) -> str:
    text = inspect.getdoc(figure) or ""
    source = textwrap.dedent(inspect.getsource(figure)).split('"""', 2)[2]
    code = textwrap.dedent(source.split("    return ", 1)[0].strip("\n"))
    shown = f"```python\n{code}\n```\n\n" if code.strip() else ""
    return f"## {title}\n\n{text}\n\n{shown}![{figure.__name__}](kernels/{figure.__name__}.png)\n"


def _every() -> str:
    """List all that `fxcore.kernels` offers, by the first line of its docstring."""
    lines = [
        f"| `{name}` | {(inspect.getdoc(getattr(kernels, name)) or '').splitlines()[0]} |"
        for name in kernels.__all__
    ]
    return EVERY + "\n".join(lines) + "\n"


def page() -> str:
    """Return the text of the page."""
    return "\n".join([HEAD, *(_section(figure, title) for figure, title in FIGURES), _every(), COST])


def write(folder: Path) -> None:
    """Write the page and its pictures into `folder`."""
    pictures = folder / "kernels"
    pictures.mkdir(parents=True, exist_ok=True)
    one, two = phantom(two=False), phantom(two=True)
    options: Any = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    for figure, _ in FIGURES:
        picture = _side_by_side(figure(two if figure in OF_TWO_HANDS else one))
        # 32 grey levels: half to load, hardly a difference to see.
        _, code = cv2.imencode(".png", picture // 8 * 8 + picture // 32, options)
        (pictures / f"{figure.__name__}.png").write_bytes(code.tobytes())
    (folder / "kernels.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.kernel_page", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write kernels.md into: docs")
    write(parser.parse_args().folder)
