"""The exponential moving average (EMA) of a network's weights over the steps of a fit."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """A copy of a network whose weights are the EMA of the trained weights (Polyak & Juditsky 1992, exponential form).

    After each step every tensor becomes ``(1 - weight) · average + weight · new``; :func:`ema_weight` gives the weight.
    The running statistics of batch normalization are averaged too, so that they cover the same steps as the weights.

    Args:
        followed: the network in training. Its tensors must be updated in place, as optimizers do.
    """

    def __init__(self, followed: nn.Module) -> None:
        self.model = copy.deepcopy(followed)
        self._averages = list(self.model.state_dict().values())
        self._followed = list(followed.state_dict().values())

    @torch.no_grad()
    def follow(self, weight: float | torch.Tensor) -> None:
        """Update the average with the network's current weights, which get this weight, a float or a 0-d tensor."""
        if isinstance(weight, torch.Tensor):
            # _foreach_lerp_ accepts a float only.
            differences = torch._foreach_sub(self._followed, self._averages)
            torch._foreach_mul_(differences, weight)
            torch._foreach_add_(self._averages, differences)
        else:
            torch._foreach_lerp_(self._averages, self._followed, weight)


def ema_weight(decay: float, step: int) -> float:
    """Return the weight of the new weights after step t: ``1 - min(decay, (1 + t) / (10 + t))``.

    The decay is smaller in early steps, so that the average forgets the initial weights (as in TensorFlow's
    ``ExponentialMovingAverage`` with ``num_updates``).

    Args:
        decay: the recipe's ``ema_decay``, in [0, 1).
        step: t, counted from 0 over all epochs of the fit.
    """
    return 1.0 - min(decay, (1 + step) / (10 + step))
