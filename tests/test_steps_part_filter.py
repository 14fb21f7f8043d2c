"""The part filter keeps the wanted part, says why it drops others, and is idempotent."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.config import from_dict, read_toml, to_dict, to_toml
from fxcore.errors import ParameterError
from fxcore.settings import Settings
from fxcore.steps import Pipeline
from fxcore.steps.config import AlignmentConfig, PartFilterConfig
from fxcore.steps.part_filter import filter_parts, histogram
from fxcore.study import Radiograph, Study

KNEE_TOO = {"parts": ("wrist", "knee")}
ANY = {"parts": ("any",)}
ARM = {"parts": ("upper limb",)}
STRICT = {"unlabelled": "drop"}


def _study(*labels: tuple[str, str], modality: str = "DX") -> Study:
    radiographs = []
    for i, (label, described) in enumerate(labels):
        row = {"radiograph_id": f"r{i}", "source_id": f"s{i}", "BodyPartExamined": label}
        row |= {"body_parts_described": described, "Modality": modality}
        radiographs.append(Radiograph(np.full((2, 3), i, np.uint8), row))
    return Study("study", "broken", radiographs)


@pytest.mark.parametrize(
    ("label", "described", "settings", "part", "match", "reason"),
    [
        ("WRIST", "", {}, "wrist", "exact", ""),
        ("L WRIST", "", {}, "wrist", "word", ""),
        ("Handgelnk", "", {}, "wrist", "fuzzy", ""),
        ("HAND/WRIST", "", {}, "wrist", "word", ""),
        ("HAND", "", {}, "", "", "other_body_part"),
        ("HAND", "wrist", {}, "", "", "other_body_part"),
        ("", "hand;wrist", {}, "wrist", "described", ""),
        ("", "knee", {}, "", "", "other_body_part"),
        ("XYZ 1", "wrist", {}, "wrist", "described", ""),
        ("EXTREMITY", "wrist", {}, "wrist", "described", ""),
        ("EXTREMITY", "hand", {}, "", "", "other_body_part"),
        ("EXTREMITY", "", {}, "", "none", ""),
        ("EXTREMITY", "", STRICT, "", "", "no_body_part"),
        ("LOWER EXTREMITY", "", {}, "", "", "other_body_part"),
        ("", "", {}, "", "none", ""),
        ("", "", STRICT, "", "", "no_body_part"),
        ("", "", STRICT | ANY, "", "none", ""),
        ("KNEE", "", KNEE_TOO, "knee", "exact", ""),
        ("KNEE", "", ANY, "knee", "exact", ""),
        ("HAND", "", ARM, "hand", "exact", ""),
        ("FOOT", "", ARM, "", "", "other_body_part"),
        ("HAND", "", {"terms": {"wrist": ("hand",)}}, "wrist", "exact", ""),
        ("Platte li", "", {"parts": ("implant",), "terms": {"implant": ("Platte",)}}, "implant", "word", ""),
        ("Handgelnk", "", {"min_similarity": 1.0} | STRICT, "", "", "no_body_part"),
    ],
)
def test_decision(label: str, described: str, settings: dict, part: str, match: str, reason: str) -> None:
    study = _study((label, described))
    result, rejects = filter_parts(study, PartFilterConfig(**settings))
    if reason:
        (reject,) = rejects
        assert result.radiographs == []
        assert (reject.stage, reject.study_id, reject.source_id) == ("part_filter", "study", "s0")
        assert (reject.radiograph_id, reject.reason) == ("r0", reason)
    else:
        (row,) = (r.metadata for r in result.radiographs)
        assert (row["body_part"], row["body_part_match"]) == (part, match)
        assert rejects == []


def test_the_message_holds_nothing_of_the_label() -> None:
    _, (reject,) = filter_parts(_study(("HAND Mueller 1970", "")), PartFilterConfig())
    assert "Mueller" not in reject.message
    assert "hand" in reject.message
    assert "wrist" in reject.message


def test_the_study_given_is_not_changed_and_a_disabled_step_does_nothing() -> None:
    study = _study(("WRIST", ""), ("HAND", ""))
    before = copy.deepcopy([r.metadata for r in study.radiographs])
    filter_parts(study, PartFilterConfig())
    assert [r.metadata for r in study.radiographs] == before
    assert filter_parts(study, PartFilterConfig(enabled=False)) == (study, [])


_LABELS = st.sampled_from(["WRIST", "Handgelnk", "HAND", "", "EXTREMITY", "HAND/WRIST", "zzz", "knee"])
_DESCRIBED = st.sampled_from(["", "wrist", "hand;wrist", "knee"])


@given(
    st.lists(st.tuples(_LABELS, _DESCRIBED), max_size=5),
    st.sampled_from([{}, STRICT, ANY, KNEE_TOO, ARM, {"parts": ("knee", "hand")}]),
)
def test_running_it_twice_changes_nothing(labels: list[tuple[str, str]], settings: dict) -> None:
    config = PartFilterConfig(**settings)
    once, _ = filter_parts(_study(*labels), config)
    rows = [list(r.metadata.items()) for r in once.radiographs]
    twice, rejects = filter_parts(once, config)
    assert rejects == []
    assert [list(r.metadata.items()) for r in twice.radiographs] == rows


def test_a_marked_radiograph_of_an_unwanted_part_is_dropped() -> None:
    once, _ = filter_parts(_study(("KNEE", "")), PartFilterConfig(parts=("any",)))
    _, (reject,) = filter_parts(once, PartFilterConfig())
    assert reject.reason == "other_body_part"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"parts": ("wirst",)}, "wrist"),
        ({"parts": ()}, "at least one"),
        ({"unlabelled": "maybe"}, "'keep' or 'drop'"),
        ({"min_similarity": 0.2}, "0.5"),
        ({"min_similarity": float("nan")}, "0.5"),
        ({"terms": {"wrist": ("12",)}}, "no letters"),
    ],
)
def test_wrong_settings_are_explained(settings: dict, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        PartFilterConfig(**settings)


def test_settings_round_trip() -> None:
    config = PartFilterConfig(parts=("knee", "plate"), terms={"plate": ("Platte", "Schraube")})
    assert from_dict(PartFilterConfig, to_dict(config)) == config


def test_parts_are_the_same_in_any_order() -> None:
    one, other = (PartFilterConfig(parts=parts) for parts in (("wrist", "hand", "Wrist"), ("hand", "wrist")))
    assert to_dict(one) == to_dict(other)


def test_histogram_counts_raw_labels_and_says_what_becomes_of_them() -> None:
    counts = {("HAND", ""): 1, ("WRIST", "knee"): 1, ("WRIST", ""): 1, ("", ""): 1, ("wrsit", ""): 1}
    rows = histogram(counts, PartFilterConfig())
    assert [row.texts() for row in rows] == [
        ("WRIST", "2", "wrist", "exact", "keep"),
        ("", "1", "", "none", "keep"),
        ("HAND", "1", "hand", "exact", "drop"),
        ("wrsit", "1", "wrist", "fuzzy", "keep"),
    ]
    assert rows[0].figures()["term"] == "wrist"


def test_a_label_of_no_use_has_a_row_for_each_thing_that_descriptions_make_of_it() -> None:
    counts = {("", "foot"): 3, ("", "ankle;foot"): 1, ("", "hand;wrist"): 2, ("EXTREMITY", ""): 1}
    rows = histogram(counts, PartFilterConfig())
    assert [row.texts() for row in rows] == [
        ("", "3", "foot", "described", "drop"),
        ("", "2", "wrist", "described", "keep"),
        ("", "1", "ankle", "described", "drop"),
        ("EXTREMITY", "1", "limb", "exact", "keep"),
    ]
    for label, described in counts:
        result, _ = filter_parts(_study((label, described)), PartFilterConfig())
        (row,) = histogram({(label, described): 1}, PartFilterConfig())
        assert row.decision == ("keep" if result.radiographs else "drop")


def test_parts_are_known_in_any_case_and_other_ones_are_told_how_to_be_named(tmp_path):
    chosen = Pipeline(
        PartFilterConfig(parts=("Wrist", "ANY", "foot-ball"), terms={"Foot-Ball": ("Fuß",)}),
        alignment=AlignmentConfig(as_stored=("FOOT-ball", "Chest")),
    )
    assert set(chosen.part_filter.parts) == {"wrist", "any", "Foot-Ball"}
    assert chosen.alignment.as_stored == ("Foot-Ball", "chest")
    with pytest.raises(ParameterError, match="unknown body part 'foot-ball'") as refused:
        PartFilterConfig(parts=("foot-ball",))
    # What it says to write can be pasted into what `fxray config` prints.
    advice = re.search(r"(\[[\w.]+\]): (.*)", str(refused.value))
    text = to_toml(Settings())
    assert advice[1] in text
    (tmp_path / "p.toml").write_text(text.replace(advice[1], f"{advice[1]}\n{advice[2]}"))
    terms = read_toml(Settings, tmp_path / "p.toml").steps.part_filter.terms
    assert list(terms) == ["foot-ball"]


@pytest.mark.parametrize(
    ("modality", "settings", "kept"),
    [
        ("CR", {}, True),
        ("OT", {}, True),
        ("", {}, True),
        ("MR", {}, False),
        ("MR", ANY, False),
        ("MR", {"modalities": ("dx", "mr")}, True),
        ("CR", {"modalities": ("dx", "mr")}, False),
        ("MR", {"modalities": ("Any",)}, True),
    ],
)
def test_no_radiograph_no_matter_the_part(modality: str, settings: dict, kept: bool) -> None:
    study, rejects = filter_parts(_study(("WRIST", ""), modality=modality), PartFilterConfig(**settings))
    assert len(study.radiographs) == kept
    assert [reject.reason for reject in rejects] == ["other_modality"] * (not kept)
    decided = histogram({("WRIST", "", modality): 3}, PartFilterConfig(**settings))
    assert [row.decision for row in decided] == ["keep" if kept else "drop"]
