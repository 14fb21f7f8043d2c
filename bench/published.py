"""The settings under which fxray does what the expert's script does: the published methods."""

from __future__ import annotations

from fxcore.settings import Settings
from fxcore.steps import Pipeline
from fxcore.steps.config import AlignmentConfig, InversionConfig, SplitterConfig

PUBLISHED = Settings(
    steps=Pipeline(
        inversion=InversionConfig(method="corners"),
        splitter=SplitterConfig(method="otsu"),
        alignment=AlignmentConfig(method="pca"),
    )
)
"""Corners, Otsu, principal axis: who compares times or pixels needs the same decisions on both sides."""
