"""What differs from step to step: the learning rate, Adam's correction, and how far the average moves.

A loop of plain calls takes them as numbers; a captured one cannot, because a graph keeps every number that it was
captured with, and reads them from a table on the device instead (:mod:`~convstudy.engine.cuda.loop`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from convstudy.engine.averaging import share_of_new
from convstudy.engine.optimizers import adam_correction
from convstudy.engine.schedules import learning_rate
from convstudy.studyfile.recipe import Recipe

Number = float | torch.Tensor


class StepHyperparameters(NamedTuple):
    """One step's numbers, each a float or a tensor without axes.

    ``correction`` is Adam's factor for moments that start at zero; ``share`` is that of the new weights in their
    average (0 where the recipe has none).
    """

    lr: Number
    correction: Number
    share: Number


def step_hyperparameters(recipe: Recipe, epoch: int, n_steps: int) -> list[StepHyperparameters]:
    """Return the numbers of each step of an epoch, counted from 1, that has ``n_steps``."""
    first, in_all = (epoch - 1) * n_steps, n_steps * recipe.epochs
    return [
        StepHyperparameters(
            learning_rate(recipe, step, in_all),
            adam_correction(step),
            0.0 if recipe.ema_decay is None else share_of_new(recipe.ema_decay, step),
        )
        for step in range(first, first + n_steps)
    ]
