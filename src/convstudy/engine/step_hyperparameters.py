"""Hyperparameters that change every step: the learning rate, Adam's bias correction, and the weight in the EMA.

The eager loop passes them as floats. A CUDA graph replays the floats that it was captured with, so the captured loop
reads them from a tensor on the GPU instead (:mod:`~convstudy.engine.cuda.loop`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from convstudy.engine.averaging import ema_weight
from convstudy.engine.optimizers import adam_correction
from convstudy.engine.schedules import learning_rate
from convstudy.studyfile.recipe import Recipe

Number = float | torch.Tensor


class StepHyperparameters(NamedTuple):
    """The values of one step, each a float or a 0-d tensor.

    Attributes:
        lr: the learning rate.
        correction: Adam's bias correction (:func:`~convstudy.engine.optimizers.adam_correction`).
        ema_weight: the weight of the new weights in the EMA; 0 if the recipe has no ``ema_decay``.
    """

    lr: Number
    correction: Number
    ema_weight: Number


def step_hyperparameters(recipe: Recipe, epoch: int, n_steps: int) -> list[StepHyperparameters]:
    """Return the values of each of the ``n_steps`` steps of an epoch; epochs count from 1."""
    first, total = (epoch - 1) * n_steps, n_steps * recipe.epochs
    return [
        StepHyperparameters(
            learning_rate(recipe, step, total),
            adam_correction(step),
            0.0 if recipe.ema_decay is None else ema_weight(recipe.ema_decay, step),
        )
        for step in range(first, first + n_steps)
    ]
