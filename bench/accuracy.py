"""How often each step is right: the default method beside the published one, against known truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.accuracy_cases import NO_FRACATLAS, Case, fracatlas, negative, phantoms
from bench.accuracy_changes import pairs, variants
from bench.accuracy_sheet import Shown, write_sheets
from bench.options import Options
from bench.results import Findings, Table
from fxcore.steps.alignment import align_rotation
from fxcore.steps.config import AlignmentConfig, InversionConfig, SplitterConfig
from fxcore.steps.inversion import correct_inversion
from fxcore.steps.splitter import split_parts
from fxcore.study import Radiograph, Study

STUDIES, QUICK_STUDIES = 50, 8
PAIRS, QUICK_PAIRS = 60, 9
LEAST_IOU = 0.8

INVERSION = (InversionConfig(), InversionConfig(method="corners"))
SPLITTER = (SplitterConfig(), SplitterConfig(method="otsu"))
ALIGNMENT = (AlignmentConfig(min_degrees=0.0), AlignmentConfig(method="pca", min_degrees=0.0))


WRONG, CUT, MOVED, BOTH, AXIS, UP, GIVEN_UP, ALONE = MARKS = {
    "with all changes: radiographs and negatives whose colour was told wrongly": "≤ 1 %",
    "with all changes: single limbs that were cut": "≤ 1 %",
    "with all changes: axes moved by more than 1.5°, or no longer found": "none",
    "two limbs, or two views: both found": "≥ 97 %",
    "degrees between axis and upright: median, 95th, worst": "1.3, 4, 6",
    "hands whose distal end came out on top": "≥ 98 %",
    "limbs left alone as without an axis": "none",
    "without an axis: left alone": "all",
}


@dataclass(frozen=True)
class Tally:
    """What the results come down to: sums by what is asked, source, and whether by the default method.

    Attributes
    ----------
    counts : dict
        How many, of how many.
    degrees : dict
        Between each axis and upright, by source and method.
    """

    counts: dict[tuple[str, str, bool], tuple[int, int]] = field(default_factory=dict)
    degrees: dict[tuple[str, bool], list[float]] = field(default_factory=dict)

    def add(self, what: str, source: str, ours: bool, count: int, of: int) -> None:
        before = self.counts.get((what, source, ours), (0, 0))
        self.counts[what, source, ours] = before[0] + count, before[1] + of

    def text(self, what: str, source: str, ours: bool) -> str:
        """Return a cell of the table of marks; empty for what a source does not have."""
        if what == AXIS:
            errors = self.degrees.get((source, ours), [])
            return (
                ", ".join(f"{value:.1f}" for value in np.quantile(errors, (0.5, 0.95, 1))) if errors else ""
            )
        count, of = self.counts.get((what, source, ours), (0, 0))
        return f"{count} of {of:,} ({100 * count / of:.1f} %)" if of else ""


@dataclass(frozen=True)
class Aligned:
    """What the alignment left: degrees between the true axis and upright; whether the distal end is up."""

    clear: bool
    residual: float
    up: bool


def run(options: Options) -> Findings:
    """Judge each step on each source; see `bench.options.Options`."""
    findings = Findings("accuracy")
    studies = QUICK_STUDIES if options.quick else STUDIES
    sources = {f"phantoms of seed {seed}": phantoms(studies, seed) for seed in options.seeds}
    sources = sources or {"phantoms": phantoms(studies)}
    if options.seeds:
        findings.skipped.append("real radiographs: other seeds draw other phantoms, not these")
    elif real := fracatlas():
        sources["FracAtlas"] = real[:: 8 if options.quick else 1]
    else:
        findings.skipped.append(NO_FRACATLAS)
    worst: dict[str, list[Shown]] = defaultdict(list)
    tally = Tally()
    steps: dict[str, Callable[..., list[Table]]] = {
        "inversion": _inversion,
        "splitting": _splitting,
        "alignment": _alignment,
    }
    for name, judge in steps.items():
        options.say(f"judging the {name}")
        findings.tables += judge(sources, options, worst[name], tally)
    findings.summary = _marks(tally, list(sources))
    if options.sheet:
        write_sheets(worst, options.sheet)
    return findings


def _marks(tally: Tally, sources: list[str]) -> Table:
    columns = [f"{source}{how}" for source in sources for how in ("", ", published")]
    ways = [(source, ours) for source in sources for ours in (True, False)]
    rows = [(what, mark, *(tally.text(what, *way) for way in ways)) for what, mark in MARKS.items()]
    return Table("What it comes down to", ("what", "mark", *columns), tuple(rows))


def _study(case: Case) -> Study:
    return Study("s", "unlabelled", [Radiograph(case.image, {"radiograph_id": case.name})])


# --- inversion ---


def inverted(case: Case, config: InversionConfig) -> tuple[bool, float]:
    """Return what the step decided, and its margin."""
    row = correct_inversion(_study(case), config).radiographs[0].metadata
    return row["inverted"] == "1", float(row["inversion_margin"])


def _inversion(
    sources: dict[str, list[Case]], options: Options, worst: list[Shown], tally: Tally
) -> list[Table]:
    rows = []
    for source, cases in sources.items():
        for change, made in variants(cases, quick=options.quick, colour=True):
            both = [*made, *(negative(case) for case in made)]
            wrong = []
            for config in INVERSION:
                found = [inverted(case, config) for case in both]
                wrong.append(sum(got != case.inverted for case, (got, _) in zip(both, found, strict=True)))
                tally.add(WRONG, source, config is INVERSION[0], wrong[-1], len(both))
                if config is INVERSION[0]:
                    worst += [
                        Shown(
                            f"{case.name}, {change}: {margin:.2f}",
                            case.image,
                            -abs(margin) if got == case.inverted else abs(margin),
                        )
                        for case, (got, margin) in zip(both, found, strict=True)
                    ]
            rows.append((source, change, str(len(both)), *(_share(count, len(both)) for count in wrong)))
    columns = ("source", "changed", "images", "wrong", "wrong, corners")
    return [Table("Inversion: radiographs and their negatives", columns, tuple(rows))]


# --- splitting ---


def split(case: Case, config: SplitterConfig) -> tuple[int, float, list[tuple[int, ...]]]:
    """Return the number of parts, the margin and the boxes."""
    parts = split_parts(_study(case), config).radiographs
    row = parts[0].metadata
    boxes = [tuple(int(edge) for edge in part.metadata["part_box"].split()) for part in parts]
    return len(parts), float(row["part_margin"] or 0), boxes


def iou(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Return intersection over union of two boxes."""
    rows = min(a[2], b[2]) - max(a[0], b[0])
    columns = min(a[3], b[3]) - max(a[1], b[1])
    common = max(0, rows) * max(0, columns)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return common / (areas - common)


def _splitting(
    sources: dict[str, list[Case]], options: Options, worst: list[Shown], tally: Tally
) -> list[Table]:
    rows = []
    for source, cases in sources.items():
        single = [case for case in cases if case.parts == 1]
        for change, made in variants(single, quick=options.quick):
            figures = []
            for config in SPLITTER:
                found = [split(case, config) for case in made]
                cut = sum(count > 1 for count, _, _ in found)
                figures.append(_share(cut, len(made)))
                tally.add(CUT, source, config is SPLITTER[0], cut, len(made))
                if config is SPLITTER[0]:
                    worst += [
                        Shown(f"{case.name}, {change}: {count} parts, {margin:.2f}", case.image, margin)
                        for case, (count, margin, _) in zip(made, found, strict=True)
                    ]
            rows.append((source, f"one limb, {change}", str(len(made)), *figures, "", ""))
        two = [case for case in cases if case.parts == 2]
        joined = pairs(cases, QUICK_PAIRS if options.quick else PAIRS)
        for name, made in (("two limbs", two), ("joined pairs", joined)):
            if made:
                good = _found_both(made, name, worst)
                rows.append((source, name, str(len(made)), "", "", *(_share(n, len(made)) for n in good)))
                for ours, count in zip((True, False), good, strict=True):
                    tally.add(BOTH, source, ours, count, len(made))
    columns = (
        "source",
        "what",
        "images",
        "cut wrongly",
        "cut wrongly, otsu",
        "both found",
        "both found, otsu",
    )
    return [
        Table(f"Splitting: both found means two parts, each box with IoU ≥ {LEAST_IOU}", columns, tuple(rows))
    ]


def _found_both(cases: list[Case], name: str, worst: list[Shown]) -> list[int]:
    """Return of how many both parts were found, by each method."""
    found = []
    for config in SPLITTER:
        good = 0
        for case in cases:
            count, margin, boxes = split(case, config)
            right = count == 2 and all(max(iou(t, b) for b in boxes) >= LEAST_IOU for t in case.boxes)
            good += right
            if config is SPLITTER[0]:
                worst.append(
                    Shown(f"{case.name}, {name}: {count} parts", case.image, -margin if right else 1 - margin)
                )
        found.append(good)
    return found


# --- alignment ---


def aligned(case: Case, config: AlignmentConfig) -> Aligned:
    """Align a radiograph whose tilt is known, or that has no axis."""
    row = align_rotation(_study(case), config).radiographs[0].metadata
    left = ((case.tilt or 0.0) - float(row["rotation_degrees"]) + 180) % 360 - 180
    return Aligned(row["alignment"] != "no_clear_axis", (left + 90) % 180 - 90, abs(left) < 90)


def _alignment(
    sources: dict[str, list[Case]], options: Options, worst: list[Shown], tally: Tally
) -> list[Table]:
    truth, same = [], []
    for source, cases in sources.items():
        limbs = [case for case in cases if case.tilt is not None]
        kinds = {kind: [case for case in limbs if case.distal == kind] for kind in ("hand", "foot", "")}
        for kind, some in kinds.items():
            if some:
                for name, config in zip(("medial", "pca"), ALIGNMENT, strict=True):
                    found = [aligned(case, config) for case in some]
                    truth.append((source, kind or "neither", name, str(len(some)), *_errors(found)))
                    clear = [got for got in found if got.clear]
                    way = (source, config is ALIGNMENT[0])
                    tally.degrees.setdefault(way, []).extend(abs(got.residual) for got in clear)
                    tally.add(GIVEN_UP, *way, len(found) - len(clear), len(found))
                    if kind == "hand":
                        tally.add(UP, *way, sum(got.up for got in clear), len(found))
                    if name == "medial":
                        worst += [
                            Shown(f"{case.name}: {got.residual:.1f}°", case.image, abs(got.residual))
                            for case, got in zip(some, found, strict=True)
                        ]
        none = [case for case in cases if case.no_axis]
        if none:
            for name, config in zip(("medial", "pca"), ALIGNMENT, strict=True):
                alone = sum(not aligned(case, config).clear for case in none)
                tally.add(ALONE, source, config is ALIGNMENT[0], alone, len(none))
                truth.append(
                    (source, "no axis", name, str(len(none)), "", "", "", "", _share(alone, len(none)))
                )
        same += _unchanged(source, limbs, options, tally)
    columns = (
        "source",
        "distal end",
        "method",
        "images",
        "median",
        "95th",
        "worst",
        "distal end on top",
        "left alone",
    )
    title = "Alignment: degrees between the axis drawn (or planned) and upright"
    turned_columns = (
        "source",
        "changed",
        "images",
        "beyond 1.5°",
        "beyond 1.5°, pca",
        "other end up",
        "other end up, pca",
    )
    return [
        Table(title, columns, tuple(truth)),
        Table(
            "Alignment: the same radiographs, changed, against the answer for the unchanged one",
            turned_columns,
            tuple(same),
        ),
    ]


def _errors(found: list[Aligned]) -> tuple[str, ...]:
    errors = np.array([abs(got.residual) for got in found if got.clear])
    up = sum(got.up for got in found if got.clear)
    alone = sum(not got.clear for got in found)
    if not errors.size:
        return "", "", "", "", _share(alone, len(found))
    median, high = np.quantile(errors, (0.5, 0.95))
    return (
        f"{median:.2f}",
        f"{high:.2f}",
        f"{errors.max():.2f}",
        _share(up, errors.size),
        _share(alone, len(found)),
    )


def _unchanged(source: str, limbs: list[Case], options: Options, tally: Tally) -> list[tuple[str, ...]]:
    rows = []
    before = [[aligned(case, config) for case in limbs] for config in ALIGNMENT]
    for change, made in variants(limbs, quick=options.quick):
        if change == "as it is":
            continue
        moved, flipped = [], []
        for config, old in zip(ALIGNMENT, before, strict=True):
            new = [aligned(case, config) for case in made]
            both = [(a, b) for a, b in zip(old, new, strict=True) if a.clear]
            off = [not b.clear or abs((b.residual - a.residual + 90) % 180 - 90) > 1.5 for a, b in both]
            moved.append(_share(sum(off), len(both)))
            tally.add(MOVED, source, config is ALIGNMENT[0], sum(off), len(both))
            flipped.append(_share(sum(b.clear and a.up != b.up for a, b in both), len(both)))
        rows.append((source, change, str(len(made)), *moved, *flipped))
    return rows


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / max(1, of):.1f} %)"
