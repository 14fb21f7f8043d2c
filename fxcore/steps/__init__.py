"""The preprocessing steps, one a file, and the pipeline that runs them in their order."""

from fxcore.steps.pipeline import Pipeline, decisions, run_steps

__all__ = ["Pipeline", "decisions", "run_steps"]
