"""The models: each takes one grey channel and gives one logit, of "broken"."""

from fxtrain.models.aggregator import Aggregator
from fxtrain.models.create import create_model, known_models
from fxtrain.models.rx import Rx

__all__ = ["Aggregator", "Rx", "create_model", "known_models"]
