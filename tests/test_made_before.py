"""Steps over what steps have run over before: what they would have given at once, or a refusal."""

from __future__ import annotations

import pytest

from fxcore.config import from_dict, to_dict
from fxcore.made_before import hindrance
from fxcore.steps import Pipeline
from tests.program import fxray, fxray_here, summary, tree

NONE = {name: {"enabled": False} for name in ("part_filter", "inversion", "splitter", "alignment")}


def settings(**steps) -> Pipeline:
    return from_dict(Pipeline, steps)


@pytest.mark.parametrize(
    ("done", "wanted"),
    [
        ({}, {}),
        (NONE, {}),
        (NONE | {"part_filter": {}}, {"alignment": {"method": "pca"}}),
        (NONE | {"part_filter": {}, "inversion": {}}, {"splitter": {"enabled": False}}),
        ({"part_filter": {"parts": ["any"]}}, {"part_filter": {"parts": ["hand"]}}),
        ({"part_filter": {"parts": ["upper limb"]}}, {"part_filter": {"parts": ["hand", "wrist"]}}),
        ({}, {"part_filter": {"unlabelled": "drop"}}),
        ({"alignment": {"enabled": False, "method": "pca"}}, {"alignment": {"method": "medial"}}),
    ],
)
def test_what_gives_the_same_as_at_once_goes_on(done, wanted):
    assert hindrance(to_dict(settings(**done)), settings(**wanted)) == ""


@pytest.mark.parametrize(
    ("done", "wanted", "found"),
    [
        ({}, {"alignment": {"method": "pca"}}, "steps.alignment.method: 'medial' then, 'pca' now"),
        ({}, {"inversion": {"enabled": False}}, "steps.inversion.enabled: True then, False now"),
        ({"inversion": {"enabled": False}}, {}, "steps.inversion.enabled: False then, True now"),
        ({}, {"part_filter": {"parts": ["hand"]}}, "steps.part_filter.parts"),
        ({}, {"part_filter": {"parts": ["any"]}}, "steps.part_filter.parts"),
        ({"part_filter": {"unlabelled": "drop"}}, {}, "steps.part_filter.unlabelled"),
        ({}, {"part_filter": {"terms": {"wrist": ["Pulso"]}}}, "steps.part_filter.terms"),
        ({}, {"inversion": {"method": "corners"}, "alignment": {"method": "pca"}}, "steps.inversion.method"),
    ],
)
def test_what_would_not_be_as_it_is_said_is_named(done, wanted, found):
    assert hindrance(to_dict(settings(**done)), settings(**wanted)).startswith(found)


def test_settings_of_another_version_are_compared_as_they_are():
    assert hindrance({"unheard": 1}, Pipeline()).startswith("steps.unheard: 1 then")


def test_preprocessing_again_by_other_settings_is_refused(tmp_path):
    archive, key = tmp_path / "archive", ("--key", tmp_path / "key")
    fxray("synth", archive, "--studies", 3, "--scale", 0.1)
    labels = ("--labels", archive / "labels.csv")
    summary("build", archive, tmp_path / "built", *labels, *key, "--part", "any")
    (tmp_path / "pca.toml").write_text(
        '[steps.part_filter]\nparts = ["any"]\n[steps.alignment]\nmethod = "pca"\n'
    )
    given = (tmp_path / "built", tmp_path / "next", "--config", tmp_path / "pca.toml")
    refused = fxray_here("preprocess", *given, code=1)
    assert "steps.alignment.method: 'medial' then, 'pca' now" in refused.stderr
    assert not (tmp_path / "next").exists()
    summary("preprocess", tmp_path / "built", tmp_path / "next")
    summary("build", archive, tmp_path / "at once", *labels, *key)
    assert tree(tmp_path / "next") == tree(tmp_path / "at once")
