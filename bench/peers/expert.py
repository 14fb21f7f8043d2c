"""The whole job as an expert writes it in an afternoon: pydicom, gdcm, OpenCV, a pool of processes.

Same decisions and same outputs as ``fxray build``, each step with the fastest that these libraries have,
written as if it were to win. It leaves out what costs fxray time and nobody sees: protection from files
that crash a decoder, going on after an interruption, folders that appear complete or not at all.

Usage: ``python -m bench.peers.expert ARCHIVE OUT LABELS --workers 2``
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import hmac
import itertools
import json
import math
import multiprocessing
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from fxcore.phantom.labels import SIDED_WRISTS, WRIST_LABELS

# Having looked through the labels of the archive once, the expert lists those that are wrists.
WRISTS = frozenset((*WRIST_LABELS, *itertools.chain(*SIDED_WRISTS), ""))
# Where gdcm has no decoder, the fastest of the others that pydicom lists.
PLUGINS = ("gdcm", "pylibjpeg", "pydicom")
KEPT = (
    "Modality", "Manufacturer", "ManufacturerModelName", "BodyPartExamined", "ViewPosition", "Laterality",
    "ImageLaterality", "PatientSex", "PatientAge", "KVP", "Exposure", "ImagerPixelSpacing", "Rows", "Columns",
    "BitsStored", "PhotometricInterpretation", "SOPClassUID", "SeriesNumber", "InstanceNumber",
)  # fmt: skip
KEY = b"kept apart from the data set"


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("archive", "out", "labels"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    build(arguments.archive, arguments.out, arguments.labels, workers=arguments.workers)


def build(archive: Path, out: Path, labels: Path, *, workers: int = 1) -> list[dict[str, Any]]:
    """Make the data set; return a row a radiograph, each with the file it came from as ``source``."""
    with labels.open(encoding="utf-8", newline="") as stream:
        label_of = {row["StudyInstanceUID"]: row["label"] for row in csv.DictReader(stream)}
    files = [str(path) for path in archive.rglob("*") if path.is_file() and path != labels]
    work = partial(do_file, out=str(out), label_of=label_of)
    if workers > 1:
        with multiprocessing.Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
            results = list(pool.imap_unordered(work, files, chunksize=2))
    else:
        cv2.setNumThreads(1)
        results = [work(file) for file in files]
    rows = [row for found, _ in results for row in found]
    rejects = [reject for _, reject in results if reject]
    write_tables(out, rows, rejects)
    return rows


def write_tables(out: Path, rows: list[dict[str, Any]], rejects: list[dict[str, str]]) -> None:
    if not rows:
        raise SystemExit("no radiograph of a wrist in the archive")
    studies = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["radiograph_id"]):
        studies[row["label"], row["study_id"]].append(row)
    columns = list(dict.fromkeys(name for row in rows for name in row if name not in ("source", "sums")))
    for (label, study), of_study in studies.items():
        write_csv(out / label / study / "metadata.csv", columns, of_study)
    write_csv(out / "metadata.csv", columns, [row for of_study in studies.values() for row in of_study])
    write_csv(out / "rejects.csv", ["source_id", "reason"], rejects)
    pixels, total, squares = np.sum([row["sums"] for row in rows], axis=0)
    mean = total / pixels / 255
    deviation = math.sqrt(max(0.0, squares / pixels / 255**2 - mean**2))
    summary = {"radiographs": len(rows), "mean": mean, "standard_deviation": deviation}
    (out / "dataset.json").write_text(json.dumps(summary), encoding="utf-8")


def write_csv(path: Path, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def pseudonym(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:32]


def do_file(file: str, out: str, label_of: dict[str, str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Take one file all the way; return the rows of its radiographs, or why there are none."""
    try:
        ds = pydicom.dcmread(file)
        label = label_of.get(ds.StudyInstanceUID)
        if label is None:
            return [], {"source_id": pseudonym(file), "reason": "study_without_label"}
        if ds.get("BodyPartExamined", "") not in WRISTS:
            return [], {"source_id": pseudonym(file), "reason": "other_body_part"}
        image = grey(ds)
    except Exception as error:
        return [], {"source_id": pseudonym(file), "reason": type(error).__name__}
    study_id, radiograph_id = pseudonym(ds.StudyInstanceUID), pseudonym(ds.SOPInstanceUID)
    folder = Path(out, label, study_id)
    folder.mkdir(parents=True, exist_ok=True)
    image, was_inverted = inverted(image)
    rows = []
    for index, (part, mask, count) in enumerate(split(image), start=1):
        upright, marks = aligned(part, mask)
        name = f"{radiograph_id}_p{index}" if count > 1 else radiograph_id
        cv2.imwrite(str(folder / f"{name}.png"), upright)
        mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(upright))
        row: dict[str, Any] = {"radiograph_id": name, "study_id": study_id, "label": label}
        row["patient_id"] = pseudonym(ds.PatientID)
        row["image_rows"], row["image_columns"] = upright.shape
        row |= {keyword: ds.get(keyword, "") for keyword in KEPT}
        row |= {"inverted": int(was_inverted), "part_index": index, "part_count": count} | marks
        size = upright.size
        row |= {"source": file, "sums": (size, mean * size, (deviation**2 + mean**2) * size)}
        rows.append(row)
    return rows, {}


# --- stored values to grey ---


def stored_values(ds: pydicom.Dataset) -> np.ndarray:
    syntax = ds.file_meta.TransferSyntaxUID
    if not syntax.is_compressed and syntax.is_little_endian:
        kind = ("i" if ds.PixelRepresentation else "u") + str(ds.BitsAllocated // 8)
        return np.frombuffer(ds.PixelData, f"<{kind}", ds.Rows * ds.Columns).reshape(ds.Rows, ds.Columns)
    if not syntax.is_compressed:
        return pixel_array(ds, raw=True)
    plugin = next(name for name in PLUGINS if name in get_decoder(syntax).available_plugins)
    return pixel_array(ds, raw=True, decoding_plugin=plugin)


def grey(ds: pydicom.Dataset) -> np.ndarray:
    """Rescale, VOI LUT or first window or percentiles, one inversion, padding: as one table."""
    stored = stored_values(ds)
    patterns = stored.view(f"u{stored.itemsize}")
    entries = 1 << 8 * stored.itemsize
    every = np.arange(entries, dtype=patterns.dtype).view(stored.dtype).astype(np.float64)
    slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
    values = every * slope + intercept
    padding = np.zeros(entries, bool)
    if "PixelPaddingValue" in ds:
        padding = every == ds.PixelPaddingValue
    bits = ds.BitsStored
    lowest, highest = (
        (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2**bits - 1)
    )
    low, high = lowest * slope + intercept, highest * slope + intercept
    if "VOILUTSequence" in ds:
        item = ds.VOILUTSequence[0]
        count, first, depth = item.LUTDescriptor
        data = item.LUTData
        lut = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data)
        values = lut.astype(np.float64)[np.clip(values - first, 0, count - 1).astype(int)]
        low, high = 0.0, 2.0**depth - 1
    elif "WindowWidth" in ds:
        centre, width = (np.atleast_1d(ds[k].value)[0] for k in ("WindowCenter", "WindowWidth"))
        low, high = float(centre) - 0.5 - (float(width) - 1) / 2, float(centre) - 0.5 + (float(width) - 1) / 2
    else:
        counts = cv2.calcHist([patterns], [0], None, [entries], [0, entries]).reshape(-1).astype(np.int64)
        counts[padding] = 0
        order = np.argsort(values, kind="stable")
        ranks = np.cumsum(counts[order])
        wanted = np.ceil(np.array([0.005, 0.995]) * ranks[-1])
        low, high = values[order][np.searchsorted(ranks, wanted)]
    table = np.rint(np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    if ds.PhotometricInterpretation == "MONOCHROME1" or ds.get("PresentationLUTShape") == "INVERSE":
        table = 255 - table
    table[padding] = 0
    return cv2.LUT(patterns, table)


# --- the steps ---


def inverted(image: np.ndarray) -> tuple[np.ndarray, bool]:
    r, c = (max(1, round(side * 0.05)) for side in image.shape)
    corners = (image[:r, :c], image[:r, -c:], image[-r:, :c], image[-r:, -c:])
    bright = sum(cv2.mean(corner)[0] for corner in corners) / 4 >= 100
    return (cv2.bitwise_not(image) if bright else image), bright


def split(image: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Return a part, its Otsu mask and the number of parts, for each part from left to right."""
    _, mask = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    large = [k for k in range(1, len(stats)) if stats[k, cv2.CC_STAT_AREA] >= 0.05 * image.size]
    if len(large) < 2:
        return [(image, mask, 1)]
    margin = round(0.02 * max(image.shape))
    parts = []
    for k in sorted(large, key=lambda k: (2 * stats[k, 0] + stats[k, 2], stats[k, 1])):
        x, y, w, h = (int(value) for value in stats[k, :4])
        rows = slice(max(0, y - margin), y + h + margin)
        columns = slice(max(0, x - margin), x + w + margin)
        part = image[rows, columns].copy()
        for other in large:
            if other != k:
                part[labels[rows, columns] == other] = 0
        _, mask = cv2.threshold(part, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        parts.append((part, mask, len(large)))
    return parts


def aligned(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    side = 2 * (max(3, round(0.005 * max(image.shape))) // 2) + 1
    element = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, element)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, element)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    marks = {"alignment": "no_clear_axis", "rotation_degrees": 0.0, "elongation": ""}
    if count < 2:
        return image, marks
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = np.concatenate([[False], areas >= 0.1 * areas.max()])
    if not kept[1:].all():
        mask = (kept * np.uint8(255))[labels]
    # Moments of the box alone: they do not depend on where it is.
    x0, y0 = stats[kept, 0].min(), stats[kept, 1].min()
    x1, y1 = (stats[kept, 0] + stats[kept, 2]).max(), (stats[kept, 1] + stats[kept, 3]).max()
    m = cv2.moments(mask[y0:y1, x0:x1], binaryImage=True)
    xx, xy, yy = m["mu20"] / m["m00"], m["mu11"] / m["m00"], m["mu02"] / m["m00"]
    spread = math.hypot(xx - yy, 2 * xy)
    major, minor = (xx + yy + spread) / 2, (xx + yy - spread) / 2
    elongation = math.sqrt(major / minor) if minor > 0 else math.inf
    marks["elongation"] = f"{elongation:.3f}"
    if elongation < 1.25:
        return image, marks
    # From the vertical, in [-90, 90).
    angle = math.degrees(math.atan2(2 * xy, xx - yy) / 2) % 180 - 90
    degrees = angle if abs(angle) >= 0.5 else 0.0
    if distal_margin(mask, degrees) < 0:
        degrees += 180 if degrees <= 0 else -180
    degrees = round(degrees, 2)
    marks |= {"alignment": "aligned" if degrees else "upright", "rotation_degrees": degrees}
    return rotated(image, degrees), marks


def distal_margin(mask: np.ndarray, degrees: float) -> float:
    """Say whether the fingers are on top: more pieces across, and the forearm leaves the image."""
    step = max(1, max(mask.shape) // 256)
    small = np.ascontiguousarray(mask[::step, ::step])
    border = np.zeros_like(small)
    border[0], border[-1], border[:, 0], border[:, -1] = small[0], small[-1], small[:, 0], small[:, -1]
    upright = rotated(small, degrees) > 127
    rows = np.flatnonzero(upright.any(axis=1))
    if rows.size < 8:
        return 0.0
    inside = slice(rows[0], rows[-1] + 1)
    upright, contact = upright[inside], (rotated(border, degrees) > 64)[inside].sum(axis=1)
    end = max(2, round(0.4 * len(upright)))
    pieces = upright[:, 0] + (upright[:, 1:] & ~upright[:, :-1]).sum(axis=1)
    fingers = pieces[:end].mean() - pieces[-end:].mean()
    leaves = (contact[-end:].sum() - contact[:end].sum()) / max(1.0, upright.sum(axis=1).mean())
    return float(fingers + np.clip(leaves, -1, 1))


def rotated(image: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate counter-clockwise on a canvas that cuts nothing."""
    if degrees % 180 == 0:
        return cv2.rotate(image, cv2.ROTATE_180) if degrees % 360 else image
    rows, columns = image.shape
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), degrees, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    width, height = math.ceil(columns * c + rows * s - 1e-9), math.ceil(rows * c + columns * s - 1e-9)
    matrix[:, 2] += (width - columns) / 2, (height - rows) / 2
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)


if __name__ == "__main__":
    main()
