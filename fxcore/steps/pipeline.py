"""The pipeline: the four steps in their fixed order."""

from __future__ import annotations

from fxcore.steps.alignment import align_rotation
from fxcore.steps.config import Pipeline
from fxcore.steps.inversion import correct_inversion
from fxcore.steps.overview import Overviews
from fxcore.steps.part_filter import filter_parts
from fxcore.steps.splitter import split_parts
from fxcore.study import Reject, Study


def run_steps(study: Study, pipeline: Pipeline) -> tuple[Study, list[Reject]]:
    """Run the enabled steps over the radiographs of a study.

    Every step writes what it decided into the metadata and leaves alone a radiograph that carries
    its mark, so running the pipeline over its own result changes nothing.

    Returns
    -------
    study : Study
        The radiographs that are left, possibly more than before.
    rejects : list of Reject
        What the steps dropped, with reasons.
    """
    rejects: list[Reject] = []
    seen = Overviews()
    if pipeline.part_filter.enabled:
        study, rejects = filter_parts(study, pipeline.part_filter)
    if pipeline.inversion.enabled:
        study = correct_inversion(study, pipeline.inversion, seen)
    if pipeline.splitter.enabled:
        study = split_parts(study, pipeline.splitter, seen)
    if pipeline.alignment.enabled:
        study = align_rotation(study, pipeline.alignment, seen)
    return study, rejects


def decisions(row: dict[str, str]) -> list[str]:
    """Name what the steps did to a radiograph, read from its metadata row, for counting."""
    done = []
    if row.get("inverted") == "1":
        done.append("inverted")
    if row.get("part_count", "1") not in ("", "1") and row["part_index"] == "1":
        done.append("split")
    if row.get("rotation_degrees", "0") not in ("", "0"):
        done.append("rotated")
    if row.get("alignment") == "no_clear_axis":
        done.append("no_clear_axis")
    return done
