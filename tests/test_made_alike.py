"""What is said of a data set that was made with other settings than a model expects."""

from __future__ import annotations

from pathlib import Path

from fxcore.config import to_dict
from fxcore.made_alike import made_otherwise
from fxcore.steps import Pipeline
from fxcore.steps.config import PartFilterConfig


def test_settings_are_quoted_as_they_are() -> None:
    made, learned = (
        {"steps": to_dict(Pipeline(PartFilterConfig(terms={"wrist": (term,)})))}
        for term in ("wrist now", "wrist then, later")
    )
    said = made_otherwise(Path("data"), made, learned)
    assert "['wrist now'] there, ['wrist then, later'] by the model" in said
