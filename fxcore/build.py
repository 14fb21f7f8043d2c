"""Ingest and preprocess in one pass."""

from __future__ import annotations

from functools import partial

from fxcore.ingest import ingest

# The same bytes as `ingest` followed by `preprocess`, with no PNG in between. See `ingest` for parameters.
build = partial(ingest, steps=True)

__all__ = ["build"]
