"""JSON for people and programs: indented, and valid whatever the figures are; and read, whoever wrote it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def json_text(values: Any, *, ascii_only: bool = False) -> str:
    """Return `values` as JSON text with a line end; what is no finite number becomes null."""
    return json.dumps(_finite(values), ensure_ascii=ascii_only, indent=2, allow_nan=False) + "\n"


def from_json(text: str | bytes) -> Any:
    """Return what JSON text holds.

    Raises
    ------
    ValueError
        If it is no JSON, or nested so deeply that Python gives up.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
