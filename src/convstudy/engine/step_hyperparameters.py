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


def step_hyperparameters(
    recipe: Recipe, epoch: int, n_steps: int, n_later: int | None = None
) -> list[StepHyperparameters]:
    """Return the values of each step of an epoch; epochs count from 1.

    Args:
        recipe: its schedule and its EMA.
        epoch: the epoch, from 1.
        n_steps: the number of steps of the first epoch.
        n_later: the number of steps of each later epoch; the same by default.
    """
    n_later = n_steps if n_later is None else n_later
    n_here = n_steps if epoch == 1 else n_later
    first = 0 if epoch == 1 else n_steps + (epoch - 2) * n_later
    total = n_steps + (recipe.epochs - 1) * n_later
    # The schedule "step" counts epochs, and the others the fraction of all steps.
    shift, of = (
        ((epoch - 1) * n_here - first, n_here * recipe.epochs) if recipe.schedule == "step" else (0, total)
    )
    return [
        StepHyperparameters(
            learning_rate(recipe, step + shift, of),
            adam_correction(step),
            0.0 if recipe.ema_decay is None else ema_weight(recipe.ema_decay, step),
        )
        for step in range(first, first + n_here)
    ]
