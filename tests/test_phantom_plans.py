"""What is planned and drawn for the phantom: as varied as it says, and with no way to guess the class."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fxcore.body_parts.recognise import recognise
from fxcore.phantom import exposure
from fxcore.phantom.labels import SIDED_LABELS, SIDED_WRISTS
from fxcore.phantom.nuisance import Field, draw_marker
from fxcore.phantom.plan import (
    BROKEN_FRACTION,
    CORRUPTIONS,
    TRANSFER_SYNTAXES,
    VIEW_COUNTS,
    LimbPlan,
    RadiographPlan,
    StudyPlan,
    plan_study,
)
from fxcore.phantom.render import Picture, render

SEED = 7


@pytest.fixture(scope="module")
def plans() -> list[StudyPlan]:
    return [plan_study(3, index, 1.0) for index in range(4000)]


def test_another_seed_gives_other_studies() -> None:
    assert plan_study(1, 0, 1.0).study_uid != plan_study(2, 0, 1.0).study_uid
    assert plan_study(1, 0, 1.0) != plan_study(1, 1, 1.0)


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


def test_every_study_is_of_the_age_that_the_patient_is_drawn_with(plans: list[StudyPlan]) -> None:
    births: dict[str, set[str]] = {}
    years: Counter[str] = Counter()
    for study in plans:
        person = study.patient
        births.setdefault(person.patient_id, set()).add(person.birth_date)
        years[study.date[:4]] += 1
        # As PatientAge counts: whole years, of which one begins on each birthday.
        assert (int(study.date) - int(person.birth_date)) // 10000 == person.age
    assert all(len(dates) == 1 for dates in births.values())
    assert set(years) == {str(year) for year in range(2010, 2020)}


def test_a_label_that_names_a_side_names_that_of_the_images(plans: list[StudyPlan]) -> None:
    seen: Counter[str] = Counter()
    for study in plans:
        for side, labels in zip("LR", zip(*SIDED_LABELS, strict=True), strict=True):
            if study.body_part.label in labels:
                seen[side] += 1
                assert all(plan.limbs[0].laterality == side for plan in study.radiographs)
    assert min(seen["L"], seen["R"]) > 100
    for twins in SIDED_LABELS:
        assert {recognise(label).part for label in twins} == {"wrist" if twins in SIDED_WRISTS else "ankle"}


@pytest.mark.parametrize(("dark", "shown"), [("left", "L"), ("right", "R")])
def test_a_side_marker_is_that_of_the_side_where_it_lies(dark: str, shown: str) -> None:
    def drawn(seed: int, sides: tuple[str, str]) -> NDArray[np.float32]:
        image = np.full((200, 160), 0.5, np.float32)
        image[:, slice(80) if dark == "left" else slice(80, 160)] = 0.1
        draw_marker(np.random.default_rng(seed), image, Field(0, 0, 200, 160), sides, "AP", with_text=True)
        return image

    other = "L" if shown == "R" else "R"
    for seed in range(12):
        image = drawn(seed, ("L", "R"))
        # By lot, all three corners may lie on the other side.
        lies_left = np.abs(image[:, :80] - image[0, 0]).max() > np.abs(image[:, 80:] - image[0, 159]).max()
        if lies_left == (dark == "left"):
            np.testing.assert_array_equal(image, drawn(seed, (shown, shown)))
            assert not np.array_equal(image, drawn(seed, (other, other)))


@pytest.mark.parametrize("joined", [False, True])
def test_an_image_of_two_hands_is_marked_by_either(joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(exposure, "draw_marker", lambda *arguments: given.append(arguments[3]))
    study = plan_study(5, 0, 0.1)
    limbs = tuple(LimbPlan(side, 0.0, fractured=False) for side in "RL")
    plan = dataclasses.replace(study.radiographs[0], limbs=limbs, joined=joined, marker="letter")
    render(plan, study.patient, "wrist")
    assert given == ([("R", "R"), ("L", "L")] if joined else [("R", "L")])


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
