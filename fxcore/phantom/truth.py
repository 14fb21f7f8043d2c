"""``truth.csv``: what was put into the archive, one row a DICOM file."""

from __future__ import annotations

from fxcore.phantom.plan import RadiographPlan, StudyPlan
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

COLUMNS: tuple[str, ...] = (
    "file", "StudyInstanceUID", "SOPInstanceUID", "AccessionNumber", "label", "labelled",
    "fracture_visible", "view", "laterality", "is_wrist", "body_part_label", "inverted", "monochrome1",
    "two_hands", "boxes", "angles", "collimator", "marker", "cast", "metal", "corrupt", "duplicate",
    "transfer_syntax", "bits_stored", "rows", "columns",
)  # fmt: skip
"""Yes is ``1`` and no is ``0``; what is not there is empty. Lists, one item a limb from left to right as
stored, are joined by ``;``.

``boxes``
    ``row0 col0 row1 col1`` of each limb (with its cast), half open, stored pixels, clipped to the
    collimated field.
``angles``
    Degrees from vertical-up to the axis from forearm to fingers, positive clockwise as displayed, in
    [-180, 180): 0 has the fingers on top, 90 to the right, -180 at the bottom.
``inverted``
    The displayed background is bright, MONOCHROME1 having been taken care of.
``two_hands``
    Empty, ``scanned`` (one exposure) or ``joined`` (two exposures side by side).
``corrupt``
    Empty or one of :data:`fxcore.phantom.plan.CORRUPTIONS`.
``duplicate``
    1 for the second file with the same SOPInstanceUID.
``label``
    The true label, also where ``labels.csv`` has none (``labelled`` 0).
"""


CLASSES = (LABEL_BROKEN, LABEL_NOT_BROKEN)


def truth_row(
    study: StudyPlan, plan: RadiographPlan, boxes: tuple[tuple[int, int, int, int], ...], *, duplicate: bool
) -> dict[str, str]:
    """The row of one file."""
    values = (
        plan.duplicate_path if duplicate else plan.path,
        study.study_uid,
        plan.sop_uid,
        study.accession,
        CLASSES[0 if study.broken else 1],
        _flag(study.labelled),
        _flag(plan.fracture_visible),
        plan.view,
        ";".join(limb.laterality for limb in plan.limbs),
        _flag(study.body_part.anatomy == "wrist"),
        study.body_part.label,
        _flag(plan.inverted),
        _flag(plan.monochrome1),
        "" if len(plan.limbs) == 1 else "joined" if plan.joined else "scanned",
        ";".join(" ".join(str(edge) for edge in box) for box in boxes),
        ";".join(f"{limb.angle:.2f}" for limb in plan.limbs),
        plan.collimator,
        plan.marker,
        _flag(plan.cast),
        plan.metal,
        plan.corrupt,
        _flag(duplicate),
        plan.transfer_syntax,
        str(plan.bits_stored),
        str(plan.rows),
        str(plan.columns),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _flag(value: bool) -> str:
    return "1" if value else "0"
