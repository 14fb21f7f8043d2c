"""The phantom archive: reproducible to the byte, as varied as it says, and with no way to guess the class."""

from __future__ import annotations

import csv
import dataclasses
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from fxcore.errors import ParameterError
from fxcore.labels.spelling import label_from_text
from fxcore.phantom import COLUMNS, synthesise
from fxcore.phantom.codecs import LOSSY
from fxcore.phantom.encode import encode
from fxcore.phantom.junk import corrupted
from fxcore.phantom.plan import (
    BLOCK,
    BROKEN_FRACTION,
    CORRUPTIONS,
    TRANSFER_SYNTAXES,
    VIEW_COUNTS,
    RadiographPlan,
    StudyPlan,
    plan_study,
)
from fxcore.phantom.render import Picture, render

STUDIES = 48
SEED = 7


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantom") / "archive"
    synthesise(out, studies=STUDIES, seed=SEED, scale=0.08, truth=True)
    return out


@pytest.fixture(scope="module")
def truth(archive: Path) -> list[dict[str, str]]:
    with (archive / "truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def plans() -> list[StudyPlan]:
    return [plan_study(3, index, 1.0) for index in range(4000)]


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def dicom_files(root: Path) -> list[Path]:
    with (root / "truth.csv").open(encoding="utf-8", newline="") as file:
        return [root / row["file"] for row in csv.DictReader(file)]


def stored_values(code: bytes) -> NDArray[np.integer]:
    ds = pydicom.dcmread(io.BytesIO(code))
    if ds.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES["jpeg_extended"][0]:
        # pydicom hands 12-bit JPEG to no decoder it trusts.
        frame = next(generate_frames(ds.PixelData, number_of_frames=1))
        return np.asarray(imagecodecs.jpeg8_decode(frame))
    return np.asarray(ds.pixel_array)


def displayed(ds: pydicom.Dataset, values: NDArray[np.integer]) -> NDArray[np.float64]:
    grey = values.astype(float)
    return -grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


def boxes(row: dict[str, str]) -> list[list[int]]:
    return [[int(edge) for edge in box.split()] for box in row["boxes"].split(";")]


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(archive: Path, tmp_path: Path) -> None:
    counts: list[int] = []
    again = synthesise(
        tmp_path / "two",
        studies=STUDIES,
        seed=SEED,
        scale=0.08,
        truth=True,
        workers=2,
        progress=counts.append,
    )
    assert files(tmp_path / "two") == files(archive)
    assert sum(counts) == STUDIES == again.studies
    assert again.figures()["bytes"] == sum(p.stat().st_size for p in dicom_files(tmp_path / "two"))


def test_another_seed_gives_other_studies() -> None:
    assert plan_study(1, 0, 1.0).study_uid != plan_study(2, 0, 1.0).study_uid
    assert plan_study(1, 0, 1.0) != plan_study(1, 1, 1.0)


def test_it_refuses_what_it_cannot_do(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="not an empty folder"):
        synthesise(archive, studies=1, seed=0)
    for wrong in (
        {"studies": 0},
        {"seed": -1},
        {"scale": 0.0},
        {"scale": 1.5},
        {"displacement": -1.0},
        {"one_view": -0.1},
        {"one_view": 1.1},
        {"one_view": float("nan")},
        {"workers": 0},
    ):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            synthesise(tmp_path / "out", **{"studies": 1, "seed": 0, **wrong})  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_displacement_moves_the_fragments_and_nothing_else() -> None:
    studies = [plan_study(3, index, 0.1) for index in range(60)]
    views = [(s.patient, s.body_part.anatomy, r) for s in studies for r in s.radiographs]
    broken = [view for view in views if view[2].fracture_visible][:8]
    whole = next(view for view in views if not view[2].fracture_visible)

    def picture(view: tuple[Any, str, RadiographPlan], displacement: float) -> NDArray[np.float32]:
        patient, anatomy, plan = view
        return render(plan, patient, anatomy, displacement).display

    np.testing.assert_array_equal(picture(whole, 1.0), picture(whole, 3.0))
    moved = {0.0: 0.0, 1.0: 0.0, 3.0: 0.0}
    for patient, anatomy, plan in broken:
        limbs = tuple(dataclasses.replace(limb, fractured=False) for limb in plan.limbs)
        healed = picture((patient, anatomy, dataclasses.replace(plan, limbs=limbs)), 1.0)
        for displacement in moved:
            difference = np.abs(picture((patient, anatomy, plan), displacement) - healed)
            moved[displacement] += float(difference.mean())
    assert 0 < moved[0.0] < moved[1.0] < moved[3.0] / 1.3


def test_one_view_hides_fractures_and_changes_nothing_else(plans: list[StudyPlan]) -> None:
    def hidden(study: StudyPlan) -> StudyPlan:
        """Return the plan without saying where the fracture shows."""
        healed = tuple(
            dataclasses.replace(
                view, limbs=tuple(dataclasses.replace(limb, fractured=False) for limb in view.limbs)
            )
            for view in study.radiographs
        )
        return dataclasses.replace(study, radiographs=healed)

    shown: Counter[float] = Counter()
    places: Counter[int] = Counter()
    several = [study for study in plans[:1500] if study.broken and len(study.radiographs) > 1]
    for study in several:
        before = [view.fracture_visible for view in study.radiographs]
        for share in (0.0, 0.5, 1.0):
            other = plan_study(3, study.index, 1.0, share)
            assert hidden(other) == hidden(study)
            after = [view.fracture_visible for view in other.radiographs]
            # A fracture is hidden, never added.
            assert any(after)
            assert all(old or not new for old, new in zip(before, after, strict=True))
            shown[share] += sum(after) == 1
            if share == 1.0:
                assert sum(after) == 1
                places[after.index(True)] += len(after) == 2
        assert plan_study(3, study.index, 1.0, 0.0) == study
    once = shown[0.0] / len(several)
    assert shown[0.5] / len(several) == pytest.approx(once + 0.5 * (1 - once), abs=0.06)
    assert places[0] / places.total() == pytest.approx(0.5, abs=0.08)
    whole = [study for study in plans[:1500] if not study.broken]
    assert all(plan_study(3, study.index, 1.0, 1.0) == study for study in whole)


def test_classes_and_visibility_come_in_the_published_proportions(plans: list[StudyPlan]) -> None:
    broken = [s for s in plans if s.broken]
    assert len(broken) / len(plans) == pytest.approx(BROKEN_FRACTION, abs=0.025)
    shown: Counter[str] = Counter()
    for study in broken:
        n, k = len(study.radiographs), sum(r.fracture_visible for r in study.radiographs)
        assert k >= 1
        shown["all" if k == n else "half" if 2 * k == n else "third" if 3 * k == n else "other"] += 1
    assert shown["all"] / len(broken) == pytest.approx(0.81, abs=0.03)
    assert shown["half"] / len(broken) == pytest.approx(0.14, abs=0.03)
    assert shown["third"] / len(broken) == pytest.approx(0.04, abs=0.02)
    assert not any(r.fracture_visible for s in plans if not s.broken for r in s.radiographs)


def test_views_sizes_and_storage_vary_as_documented(plans: list[StudyPlan]) -> None:
    counts = Counter(len(s.radiographs) for s in plans)
    for n, share in enumerate(VIEW_COUNTS, start=1):
        assert counts[n] / len(plans) == pytest.approx(share, abs=0.03)
    radiographs = [r for s in plans for r in s.radiographs]
    sides = np.array([(r.rows, r.columns) for r in radiographs])
    assert sides.min() >= 250
    assert sides.max() <= 4000
    assert 1500 < np.median(sides.max(axis=1)) < 3000
    syntaxes = Counter(r.transfer_syntax for r in radiographs)
    total = sum(weight for _, weight in TRANSFER_SYNTAXES.values())
    for name, (_, weight) in TRANSFER_SYNTAXES.items():
        assert syntaxes[name] / len(radiographs) == pytest.approx(weight / total, abs=0.02)
    assert {r.bits_stored for r in radiographs} == {8, 10, 12, 14, 16}
    assert {r.corrupt for r in radiographs} == {"", *CORRUPTIONS}
    assert len({r.path for r in radiographs}) == len(radiographs)
    patients = Counter(s.patient.patient_id for s in plans)
    assert max(patients.values()) > 1


def test_nothing_in_the_plan_but_the_fracture_knows_the_class(plans: list[StudyPlan]) -> None:
    broken = np.array([s.broken for s in plans for _ in s.radiographs], dtype=float)
    radiographs = [(s, r) for s in plans for r in s.radiographs]
    nuisances = {
        "views": [len(s.radiographs) for s, _ in radiographs],
        "rows": [r.rows for _, r in radiographs],
        "columns": [r.columns for _, r in radiographs],
        "age": [s.patient.age for s, _ in radiographs],
        "wrist": [s.body_part.anatomy == "wrist" for s, _ in radiographs],
        "inverted": [r.inverted for _, r in radiographs],
        "monochrome1": [r.monochrome1 for _, r in radiographs],
        "two": [len(r.limbs) > 1 for _, r in radiographs],
        "cast": [r.cast for _, r in radiographs],
        "metal": [bool(r.metal) for _, r in radiographs],
        "collimator": [bool(r.collimator) for _, r in radiographs],
        "marker": [bool(r.marker) for _, r in radiographs],
        "bits": [r.bits_stored for _, r in radiographs],
        "upright": [abs(r.limbs[0].angle) for _, r in radiographs],
        "corrupt": [bool(r.corrupt) for _, r in radiographs],
    }
    for name, values in nuisances.items():
        correlation = np.corrcoef(broken, np.array(values, dtype=float))[0, 1]
        assert abs(correlation) < 0.05, name


def test_brightness_does_not_predict_the_class() -> None:
    """The same radiographs with and without a fracture differ by next to nothing in mean and deviation."""
    pictures: list[tuple[float, float, bool]] = []
    pairs: list[tuple[float, float]] = []
    for index in range(60):
        study = plan_study(11, index, 0.08)
        plan = study.radiographs[0]
        whole, split = (
            render(_with_fracture(plan, shown), study.patient, study.body_part.anatomy).display
            for shown in (False, True)
        )
        assert np.abs(whole - split).max() > 0.05, "the fracture is not in view"
        pairs.append((split.mean() - whole.mean(), split.std() - whole.std()))
        pictures += [(float(p.mean()), float(p.std()), p is split) for p in (whole, split)]
    table = np.array(pictures, dtype=float)
    for column in (0, 1):
        assert abs(np.corrcoef(table[:, column], table[:, 2])[0, 1]) < 0.1
        assert abs(np.mean(pairs, axis=0)[column]) < 0.1 * table[:, column].std()


def _with_fracture(plan: RadiographPlan, shown: bool) -> RadiographPlan:
    first, *others = plan.limbs
    return dataclasses.replace(plan, limbs=(dataclasses.replace(first, fractured=shown), *others))


PRECISIONS = {"jpeg_baseline": (8,), "jpeg_extended": (12,)}


@pytest.mark.parametrize(
    ("syntax", "bits"),
    [(syntax, bits) for syntax in TRANSFER_SYNTAXES for bits in PRECISIONS.get(syntax, (8, 10, 12, 14, 16))],
)
def test_every_transfer_syntax_decodes_to_what_was_drawn(syntax: str, bits: int) -> None:
    study = plan_study(5, 0, 0.05)
    plan = dataclasses.replace(
        study.radiographs[0], bits_stored=bits, corrupt="", collimator="", transfer_syntax="explicit_le"
    )
    picture = render(plan, study.patient, "wrist")
    plain = pydicom.dcmread(io.BytesIO(encode(study, plan, picture)))
    code = encode(study, dataclasses.replace(plan, transfer_syntax=syntax), picture)
    ds = pydicom.dcmread(io.BytesIO(code))
    assert ds.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[syntax][0]
    # Only uncompressed files may be signed: compare what the rescale makes of either.
    expected = plain.pixel_array.astype(float) + float(plain.get("RescaleIntercept", 0))
    decoded = stored_values(code).astype(float) + float(ds.get("RescaleIntercept", 0))
    if syntax in LOSSY:
        assert np.abs(decoded - expected).mean() < 0.01 * 2**bits
    else:
        np.testing.assert_array_equal(decoded, expected)


def test_truth_agrees_with_the_files(archive: Path, truth: list[dict[str, str]]) -> None:
    assert tuple(truth[0]) == COLUMNS
    assert sum(row["duplicate"] == "1" for row in truth) == STUDIES // BLOCK
    seen: Counter[str] = Counter()
    for row in truth:
        path = archive / row["file"]
        assert path.is_file()
        if row["corrupt"] not in ("", "constant"):
            continue
        ds = pydicom.dcmread(path)
        seen[str(ds.SOPInstanceUID)] += 1
        assert ds.SOPInstanceUID == row["SOPInstanceUID"]
        assert ds.StudyInstanceUID == row["StudyInstanceUID"]
        assert ds.AccessionNumber == row["AccessionNumber"]
        assert (ds.BodyPartExamined or "") == row["body_part_label"]
        assert (ds.PhotometricInterpretation == "MONOCHROME1") == (row["monochrome1"] == "1")
        assert (ds.Rows, ds.Columns, ds.BitsStored) == tuple(
            int(row[k]) for k in ("rows", "columns", "bits_stored")
        )
        assert ds.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[row["transfer_syntax"]][0]
        values = stored_values(path.read_bytes())
        assert values.shape == (ds.Rows, ds.Columns)
        assert (values.min() == values.max()) == (row["corrupt"] == "constant")
    assert Counter(seen.values())[2] == STUDIES // BLOCK
    assert {row["corrupt"] for row in truth} >= set(CORRUPTIONS[: STUDIES // BLOCK])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind != "constant"])
def test_corrupt_files_give_no_image(kind: str) -> None:
    for index in range(12):
        study = plan_study(index, index, 0.05)
        plan = dataclasses.replace(study.radiographs[0], corrupt=kind)
        code = corrupted(encode(study, plan, render(plan, study.patient, "wrist")), plan)
        with pytest.raises(Exception):  # noqa: B017, PT011 - what is raised differs, and is pydicom's to choose
            stored_values(code)


def test_labels_agree_with_the_truth(archive: Path, truth: list[dict[str, str]]) -> None:
    with (archive / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    key, _ = rows[0]
    assert key in ("AccessionNumber", "StudyInstanceUID")
    expected = {row[key]: row["label"] for row in truth if row["labelled"] == "1"}
    given = {row[key]: label_from_text(row["label"]) for row in rows}
    assert {name: label for name, label in given.items() if name in expected} == expected
    assert len(given) - len(expected) == STUDIES // BLOCK, "surplus labels"
    assert len({row[key] for row in truth}) - len(expected) == STUDIES // BLOCK, "missing labels"
    # A broken study shows its fracture somewhere; no other study does.
    shown = {row[key] for row in truth if row["fracture_visible"] == "1"}
    assert shown == {row[key] for row in truth if row["label"] == "broken"}


def test_boxes_hold_the_bright_pixels() -> None:
    """A limb fills its box: brighter than the background, and touching all four sides."""
    checked = 0
    for index in range(40):
        study = plan_study(SEED, index, 0.08)
        for plan in study.radiographs:
            if plan.joined:
                continue
            plain = dataclasses.replace(plan, collimator="", marker="")
            picture = render(plain, study.patient, study.body_part.anatomy)
            outside = np.ones(picture.display.shape, dtype=bool)
            for row0, column0, row1, column1 in picture.boxes:
                outside[row0:row1, column0:column1] = False
            if outside.sum() < 100:
                continue
            dark = float(np.percentile(picture.display[outside], 99.5)) + 0.02
            for row0, column0, row1, column1 in picture.boxes:
                inside = picture.display[row0:row1, column0:column1] > dark
                assert inside.mean() > 0.2
                margin = 6
                assert inside[:margin].any()
                assert inside[-margin:].any()
                assert inside[:, :margin].any()
                assert inside[:, -margin:].any()
            checked += 1
    assert checked > 15


def test_angles_are_clockwise_from_fingers_up() -> None:
    """Turning the plan by 90 degrees moves the fingers from the top to the right."""
    for angle, foot in ((0.0, "bottom"), (90.0, "left"), (-180.0, "top"), (-90.0, "right")):
        picture = _posed(angle)
        display = picture.display
        # The forearm leaves the image on the side away from the fingers.
        edges = {
            "bottom": display[-3:].max(),
            "left": display[:, :3].max(),
            "top": display[:3].max(),
            "right": display[:, -3:].max(),
        }
        assert max(edges.items(), key=lambda edge: float(edge[1]))[0] == foot


def _posed(angle: float) -> Picture:
    study = plan_study(5, 0, 0.1)
    plan = study.radiographs[0]
    limb = dataclasses.replace(plan.limbs[0], angle=angle, fractured=False)
    plain = dataclasses.replace(
        plan, limbs=(limb,), rows=240, columns=240, height_mm=480.0, view="AP", collimator="", marker="",
        cast=False, metal="", joined=False,
    )  # fmt: skip
    return render(plain, study.patient, "wrist")


def test_inverted_and_monochrome1_are_what_they_say(archive: Path, truth: list[dict[str, str]]) -> None:
    """Displayed as the standard asks, the limb is bright but for the inverted."""
    checked: Counter[tuple[str, str]] = Counter()
    for row in truth:
        if row["corrupt"] or row["collimator"] or row["two_hands"]:
            continue
        code = (archive / row["file"]).read_bytes()
        ds = pydicom.dcmread(io.BytesIO(code))
        grey = displayed(ds, stored_values(code))
        outside = np.ones(grey.shape, dtype=bool)
        for row0, column0, row1, column1 in boxes(row):
            outside[row0:row1, column0:column1] = False
        if outside.mean() < 0.05:
            continue
        limb_is_bright = grey[~outside].mean() > grey[outside].mean()
        assert limb_is_bright == (row["inverted"] == "0")
        checked[row["inverted"], row["monochrome1"]] += 1
    assert sum(checked.values()) > 20


def test_identifiers_are_there_to_be_removed(archive: Path, truth: list[dict[str, str]]) -> None:
    row = next(row for row in truth if not row["corrupt"])
    ds = pydicom.dcmread(archive / row["file"])
    assert ds.PatientName
    assert ds.PatientBirthDate
    assert any(element.tag.is_private for element in ds)
    assert str(ds.PatientName).split("^")[0].encode() not in row["file"].encode()
    assert ds.StudyInstanceUID.startswith("2.25.")


def test_the_package_imports_without_numba() -> None:
    script = "import sys, fxcore; assert 'numba' not in sys.modules and 'pydicom' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
