"""The exponential moving average of a network's weights over the steps of a fit."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """A network whose weights are the moving average of another one's (Polyak & Juditsky 1992, exponential form).

    After each step, each tensor becomes ``(1 - share) · average + share · new``, with the share that
    :func:`share_of_new` gives. The moving averages of batch normalisation are averaged like the weights, so that they
    belong to the same stretch of steps.

    Args:
        followed: the network that is trained; it has to keep its tensors, as training in place does.
    """

    def __init__(self, followed: nn.Module) -> None:
        self.model = copy.deepcopy(followed)
        self._averages = list(self.model.state_dict().values())
        self._followed = list(followed.state_dict().values())

    @torch.no_grad()
    def follow(self, share: float | torch.Tensor) -> None:
        """Move by this share of the way to the weights after a step."""
        if isinstance(share, torch.Tensor):
            # torch interpolates many tensors at once by plain numbers only.
            ways = torch._foreach_sub(self._followed, self._averages)
            torch._foreach_mul_(ways, share)
            torch._foreach_add_(self._averages, ways)
        else:
            torch._foreach_lerp_(self._averages, self._followed, share)


def share_of_new(decay: float, step: int) -> float:
    """Return the share of the new weights after step t, counted from 0: ``1 - min(decay, (1 + t) / (10 + t))``.

    At the start the average is short, so that it forgets the start weights (TensorFlow's ``ExponentialMovingAverage``
    with ``num_updates``).

    Args:
        decay: the share of itself that the average keeps at a step in the long run, from 0 to below 1.
        step: counted from 0 over the whole fit.
    """
    return 1.0 - min(decay, (1 + step) / (10 + step))
