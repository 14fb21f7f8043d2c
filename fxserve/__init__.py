"""Scoring: an ONNX model over a raw archive, a data set, or single files. Torch is not needed.

>>> from fxserve import Scorer
>>> scorer = Scorer("model.onnx")           # doctest: +SKIP
>>> scorer.score(["left.dcm", "right.dcm"])  # doctest: +SKIP
"""

from fxserve.scorer import ScoredRadiograph, Scorer

__all__ = ["ScoredRadiograph", "Scorer"]
