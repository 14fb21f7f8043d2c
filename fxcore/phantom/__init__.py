"""An archive of invented wrist radiographs that looks like a hospital's: for demos, tests and training."""

from __future__ import annotations

from fxcore.phantom.archive import PhantomSummary, synthesise
from fxcore.phantom.truth import COLUMNS

__all__ = ["COLUMNS", "PhantomSummary", "synthesise"]
