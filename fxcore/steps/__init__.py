"""The preprocessing steps, one a file, and the pipeline that runs them in their order.

Their settings are loaded with this; what the steps do, with `fxcore.steps.pipeline`.
"""

from fxcore.steps.config import Pipeline

__all__ = ["Pipeline"]
