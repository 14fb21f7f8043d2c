"""One prediction from all views of a study, learned rather than voted (after Su et al., 2015, MVCNN)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fxcore.errors import ParameterError
from fxtrain.models.rx import classifier, draw_weights

VIEW_BY_VIEW = "logsumexp"
"""The pooling of what is said of each view, rather than of the features of all."""


class Aggregator(nn.Module):
    """The convolutional part of a view model, the views of a study pooled, a classifier.

    Studies of any number of views are batched flat: all views in one tensor, with the study of each in
    another. No view is padded, and a study's result does not depend on the studies beside it.

    Parameters
    ----------
    view_model : torch.nn.Module
        With ``features``, which gives ``(n, feature_count)``, as `Rx` has.
    pool : str
        ``"max"``: of each feature over the views. ``"mean"``. ``"attention"``: a mean weighted by what
        each view says of its own weight (gated attention, Ilse et al., 2018). ``"logsumexp"``: not of
        features, but of what the classifier says of each view (Pinheiro and Collobert, 2015): the odds of
        a study are the mean of those of its views, so that one view that is sure outweighs others that
        show nothing, and is alone taken to task where it is wrong.
    freeze_views : bool
        Leave the weights of the view model's features as they are.
    """

    def __init__(self, view_model: nn.Module, pool: str, *, freeze_views: bool = False) -> None:
        super().__init__()
        names = ("features", "feature_count", "classifier")
        features, count, judge = (getattr(view_model, name, None) for name in names)
        if not (isinstance(features, nn.Module) and isinstance(judge, nn.Module) and isinstance(count, int)):
            raise ParameterError("the aggregator's views are modelled by an rx or a resnet")
        self.features: nn.Module = features
        self.pool = pool
        # Where each view is judged by itself, that is what the view model's own classifier does.
        self.classifier = judge if pool == VIEW_BY_VIEW else classifier(count)
        draw_weights(self.classifier)
        if pool == "attention":
            self.attend = nn.Sequential(nn.Linear(count, 64), nn.Tanh())
            self.gate = nn.Sequential(nn.Linear(count, 64), nn.Sigmoid())
            self.weigh = nn.Linear(64, 1)
        self.frozen = freeze_views
        self.features.requires_grad_(not freeze_views)

    def train(self, mode: bool = True) -> Aggregator:
        """Set the mode; frozen views stay as in evaluation, statistics of normalisation included."""
        super().train(mode)
        if self.frozen:
            self.features.eval()
        return self

    def forward(self, views: Tensor, study_index: Tensor, at_once: int = 0) -> Tensor:
        """Return a logit a study.

        Parameters
        ----------
        views : torch.Tensor
            Shape ``(n, 1, height, width)``.
        study_index : torch.Tensor
            ``int64``, shape ``(n,)``: the study of each view, from 0, never decreasing, none left out.
        at_once : int
            Views whose features are computed together; 0: all. Where there are more, those of each part are
            computed once more for the gradient, so that what is kept for it is that of one part.
        """
        features = self._features(views, at_once)
        studies = study_index[-1] + 1
        return self.of_features(features, study_index, int(studies))

    def _features(self, views: Tensor, at_once: int) -> Tensor:
        count = -(-len(views) // at_once) if at_once else 1
        if count == 1:
            whole: Tensor = self.features(views)
            return whole
        # Of equal size, as batch normalisation takes no single image.
        parts = views.tensor_split(count)
        if torch.is_grad_enabled() and not self.frozen:
            return torch.cat([checkpoint(self.features, part, use_reentrant=False) for part in parts])
        return torch.cat([self.features(part) for part in parts])

    def of_features(self, features: Tensor, study_index: Tensor, studies: int) -> Tensor:
        """Return a logit for each of `studies` studies from the features of their views."""
        if self.pool == VIEW_BY_VIEW:
            return _logarithm_of_mean_odds(self.classifier(features), study_index, studies).squeeze(1)
        logits: Tensor = self.classifier(self._pooled(features, study_index, studies))
        return logits.squeeze(1)

    def _pooled(self, features: Tensor, study_index: Tensor, studies: int) -> Tensor:
        if self.pool == "attention":
            score = self.weigh(self.attend(features) * self.gate(features))
            # The largest score of each study is taken off, so that no exponential overflows.
            top = segment(score, study_index, studies, "amax")
            weight = torch.exp(score - top[study_index])
            total = segment(weight, study_index, studies, "sum")
            return segment(features * weight / total[study_index], study_index, studies, "sum")
        if self.pool == "mean":
            views = segment(torch.ones_like(features[:, :1]), study_index, studies, "sum")
            return segment(features, study_index, studies, "sum") / views.clamp(min=1)
        return segment(features, study_index, studies, "amax")


def _logarithm_of_mean_odds(logits: Tensor, study_index: Tensor, studies: int) -> Tensor:
    # As large as the largest, so that no exponential overflows; the result does not depend on it.
    top = segment(logits.detach(), study_index, studies, "amax")
    odds = torch.exp(logits - top[study_index])
    total, views = (segment(each, study_index, studies, "sum") for each in (odds, torch.ones_like(odds)))
    return top + torch.log(total / views)


def segment(values: Tensor, index: Tensor, count: int, how: str) -> Tensor:
    """Reduce rows of `values` of the same `index` by ``"sum"`` or ``"amax"``; shape ``(count, columns)``."""
    out = values.new_zeros((count, values.shape[1]))
    where = index.unsqueeze(1).expand_as(values)
    return out.scatter_reduce(0, where, values, how, include_self=False)
