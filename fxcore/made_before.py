"""Whether steps may run over what steps have run over before, and give what they would have given at once."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from fxcore.config import from_dict, to_dict
from fxcore.errors import ParameterError
from fxcore.output import difference
from fxcore.steps.config import PartFilterConfig, Pipeline


def hindrance(done: dict[str, Any], wanted: Pipeline) -> str:
    """Say what keeps the `wanted` steps from giving what they would have given without those `done`.

    A step leaves alone what it has done, by whatever settings: a data set would be said to be made by some
    that did nothing. Steps that were not enabled may follow those that were, and fewer parts be kept.

    Parameters
    ----------
    done : dict
        Settings of the steps that have run, as ``dataset.json`` holds them.
    wanted : Pipeline

    Returns
    -------
    str
        The first difference that matters; empty where there is none.
    """
    try:
        then = from_dict(Pipeline, done)
    except ParameterError:
        earlier, now = done, to_dict(wanted)
        return "" if earlier == now else difference(earlier, now, "steps")
    found, later_ran = "", False
    # From the last step back: what runs before one that has run comes too late.
    for name in reversed([field.name for field in fields(Pipeline)]):
        earlier, now = getattr(then, name), getattr(wanted, name)
        if not earlier.enabled:
            differs = now.enabled and later_ran
        elif isinstance(earlier, PartFilterConfig):
            differs = not _narrows(earlier, now)
        else:
            differs = earlier != now
        if differs:
            found = difference(to_dict(earlier), to_dict(now), f"steps.{name}")
        later_ran = later_ran or earlier.enabled
    return found


def _narrows(earlier: PartFilterConfig, now: PartFilterConfig) -> bool:
    """Tell whether all that `now` keeps was kept before, and known by the same terms."""
    kept = all(earlier.wants(part) for part in now.parts)
    fewer = earlier.unlabelled in ("keep", now.unlabelled)
    return kept and fewer and earlier == replace(now, parts=earlier.parts, unlabelled=earlier.unlabelled)
