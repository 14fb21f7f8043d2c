"""The benchmarks: every claim of speed, side by side with what an expert would have written instead."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """What is measured together, by one command."""

    KERNELS = "kernels"
    DECODE = "decode"
    PNG = "png"
    PIPELINE = "pipeline"
    STARTUP = "startup"
