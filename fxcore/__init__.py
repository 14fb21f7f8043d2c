"""fxray's core: raw radiograph archives in, clean PNG-CSV data sets out.

The rooms: :mod:`fxcore.kernels` (compiled array functions), :mod:`fxcore.dicom` (files to grey
images), :mod:`fxcore.dataset` (the layout on disk), :mod:`fxcore.steps` (preprocessing), and at this
level the jobs themselves: :mod:`fxcore.ingest`, :mod:`fxcore.preprocess`, :mod:`fxcore.build`.
"""

from fxcore.errors import FxrayError, ParameterError

__version__ = "0.1.0"

__all__ = ["FxrayError", "ParameterError", "__version__"]
