"""Settings: what is printed is read back, what is wrong is named."""

from __future__ import annotations

import dataclasses
import re
import tomllib

import pytest

from fxcore.config import from_dict, read_toml, to_dict, to_toml
from fxcore.errors import ParameterError
from fxcore.settings import Settings
from fxserve.settings import ModelSettings


def test_the_printed_settings_are_read_back_to_the_same(tmp_path):
    path = tmp_path / "pipeline.toml"
    path.write_text(to_toml(Settings()), encoding="utf-8")
    assert read_toml(Settings, path) == Settings()
    # As some editors begin a file.
    path.write_text("\ufeff" + to_toml(Settings()), encoding="utf-8")
    assert read_toml(Settings, path) == Settings()
    assert tomllib.loads(to_toml(Settings())) == to_dict(Settings())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"stepz": {}}, "unknown setting 'stepz'; known here: ingest, steps"),
        ({"steps": {"inversion": {"treshold": 1}}}, "unknown setting 'steps.inversion.treshold'"),
        (
            {"steps": {"inversion": {"threshold": "high"}}},
            'steps.inversion.threshold must be a number, not "high"',
        ),
        ({"steps": {"inversion": {"threshold": 300}}}, "not a grey value"),
        ({"steps": {"inversion": {"method": "magic"}}}, "choose from: texture, corners"),
        (
            {"steps": {"part_filter": {"parts": "wrist"}}},
            'must be a list such as ["one", "two"], not "wrist"',
        ),
        ({"steps": {"part_filter": {"terms": ["a"]}}}, 'terms must be a table of its own, not ["a"]'),
        ({"steps": {"inversion": {"enabled": "yes"}}}, 'enabled must be true or false, not "yes"'),
        ({"steps": {"inversion": {"threshold": 10**400}}}, "must be a finite number, not 1000"),
        ({"ingest": {"max_instances": True}}, "ingest.max_instances must be a whole number, not true"),
        ({"ingest": {"memory_per_worker": 1e30}}, "1e+30 GiB is above 1048576"),
        ({"ingest": 3}, "ingest is a table of settings"),
    ],
)
def test_a_wrong_setting_is_named(values, says):
    with pytest.raises(ParameterError, match=re.escape(says)):
        from_dict(Settings, values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"mean": 0.5}, "mean must be a list such as [0.5], not 0.5"),
        ({"classes": "ab"}, 'classes must be a list such as ["one", "two"], not "ab"'),
    ],
)
def test_a_list_is_shown_by_an_example_of_its_kind(values, says):
    with pytest.raises(ParameterError, match=re.escape(says)):
        from_dict(ModelSettings, values)


def test_an_integer_will_do_where_a_fraction_is_asked_for():
    settings = from_dict(Settings, {"steps": {"inversion": {"threshold": 90}}})
    assert settings.steps.inversion.threshold == 90.0
    assert dataclasses.replace(settings.steps.inversion, threshold=100.0) == Settings().steps.inversion


@pytest.mark.parametrize("text", ["steps = ", f"steps = {'9' * 5000}"], ids=["no value", "huge"])
def test_a_file_that_is_not_toml_is_named(tmp_path, text):
    path = tmp_path / "pipeline.toml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=r"pipeline\.toml is not valid TOML"):
        read_toml(Settings, path)


def test_a_file_that_cannot_be_read_is_named_with_the_way_out(tmp_path):
    path = tmp_path / "pipeline.toml"
    with pytest.raises(
        ParameterError, match=r"cannot read the configuration .*toml: No such file or directory$"
    ):
        read_toml(Settings, path)
    path.write_text("[steps]", encoding="utf-16")
    with pytest.raises(ParameterError, match="is not UTF-8; save it as that"):
        read_toml(Settings, path)


def test_settings_that_are_nested_too_deeply_are_refused(tmp_path):
    path = tmp_path / "deep.toml"
    path.write_text(f"deep = {'[' * 5000}{']' * 5000}\n")
    with pytest.raises(ParameterError, match=r"deep\.toml is not valid TOML.*nested too deeply"):
        read_toml(Settings, path)
