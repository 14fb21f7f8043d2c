"""Optimisers and learning-rate schedules by name."""

from __future__ import annotations

import math

import torch
from torch import nn

from fxtrain.config import OptimConfig

_LEAST_SHARE = 0.01
_STEPS = 3


def create_optimiser(model: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """Return the optimiser of all weights that are trained."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "sgd":
        return torch.optim.SGD(weights, rate, momentum=config.momentum, weight_decay=decay)
    if config.optimiser == "adamw":
        return torch.optim.AdamW(weights, rate, weight_decay=decay)
    return torch.optim.Adam(weights, rate, weight_decay=decay, amsgrad=config.optimiser == "amsgrad")


def learning_rate(step: int, steps_an_epoch: int, epochs: int, config: OptimConfig) -> float:
    """Return the learning rate of a step, counted over the whole run from 0."""
    warmup = config.warmup_epochs * steps_an_epoch
    if step < warmup:
        return config.learning_rate * (_LEAST_SHARE + (1 - _LEAST_SHARE) * (step + 1) / (warmup + 1))
    done = min(1.0, (step - warmup) / max(1.0, steps_an_epoch * epochs - warmup))
    if config.schedule == "cosine":
        share = _LEAST_SHARE + (1 - _LEAST_SHARE) * (1 + math.cos(math.pi * done)) / 2
    elif config.schedule == "step":
        share = 0.1 ** min(_STEPS - 1, int(done * _STEPS))
    else:
        share = 1.0
    return config.learning_rate * share
