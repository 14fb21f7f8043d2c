"""fxray's core: raw radiograph archives in, clean PNG-CSV data sets out.

The rooms: :mod:`fxcore.kernels` (compiled array functions), :mod:`fxcore.dicom` (files to grey
images), :mod:`fxcore.dataset` (the layout on disk), :mod:`fxcore.steps` (preprocessing), and at this
level the jobs themselves: :mod:`fxcore.ingest`, :mod:`fxcore.preprocess`, :mod:`fxcore.build`.
"""

import os

from fxcore.errors import FxrayError, ParameterError

__version__ = "0.1.0"

__all__ = ["FxrayError", "ParameterError", "__version__"]

# Without it, ONNX Runtime sends its maker names and shapes of models and an identifier of the machine, and
# keeps them in the user's cache meanwhile. It looks when it is imported, which is later than this.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
