"""The exponential moving average of a network's weights over the steps of a fit."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """A network whose weights are the moving average of another one's (Polyak & Juditsky 1992, exponential form).

    After step t, counted from 0, each tensor becomes ``d · average + (1 - d) · new`` with
    ``d = min(decay, (1 + t) / (10 + t))``: at the start the average is short, so that it forgets the start weights
    (TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``). The moving averages of batch normalisation are
    averaged like the weights, so that they belong to the same stretch of steps.

    Args:
        followed: the network that is trained; it has to keep its tensors, as training in place does.
        decay: the share of itself that the average keeps at a step, from 0 to below 1.
    """

    def __init__(self, followed: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(followed)
        self.decay = decay
        self._averages = list(self.model.state_dict().values())
        self._followed = list(followed.state_dict().values())

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the weights after this step, counted from 0 over the whole fit."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._followed, 1.0 - decay)
