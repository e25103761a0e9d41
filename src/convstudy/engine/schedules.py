"""The learning rate of each step. To add a schedule, write a function and its line in :data:`SCHEDULES`.

A function maps the fraction of steps done, in [0, 1), to a factor of the recipe's ``learning_rate``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from convstudy.studyfile.recipe import Recipe

ONE_CYCLE_WARMUP = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1e-4 / 25


def _constant(recipe: Recipe, done: float) -> float:
    return 1.0


def _cosine(recipe: Recipe, done: float) -> float:
    """Decay from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _one_cycle(recipe: Recipe, done: float) -> float:
    """Rise from 1/25 to 1 over the first 30 % of the steps, then decay to 4e-6, both along a cosine.

    Source: Smith & Topin 2018, with the defaults of torch's ``OneCycleLR``.
    """
    if done < ONE_CYCLE_WARMUP:
        start, end, part = ONE_CYCLE_START, 1.0, done / ONE_CYCLE_WARMUP
    else:
        start, end, part = 1.0, ONE_CYCLE_END, (done - ONE_CYCLE_WARMUP) / (1.0 - ONE_CYCLE_WARMUP)
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * part))


def _step(recipe: Recipe, done: float) -> float:
    """Multiply by ``step_factor`` after every ``step_epochs`` epochs."""
    # 1e-9, so that rounding does not move the first step of an epoch to the previous epoch.
    return recipe.step_factor ** int((done * recipe.epochs + 1e-9) // recipe.step_epochs)


def _triangular(recipe: Recipe, done: float) -> float:
    """Rise linearly from 0 to 1 over the fraction ``warmup_fraction`` of the steps, then fall to 0 (Smith 2017)."""
    return (
        done / recipe.warmup_fraction
        if done < recipe.warmup_fraction
        else (1.0 - done) / (1.0 - recipe.warmup_fraction)
    )


SCHEDULES: dict[str, Callable[[Recipe, float], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
    "step": _step,
    "triangular": _triangular,
}


def learning_rate(recipe: Recipe, step: int, n_steps: int) -> float:
    """Return the learning rate of a step, counted from 0, of a fit with ``n_steps`` steps over all epochs.

    >>> [learning_rate(Recipe(schedule="cosine", learning_rate=0.1), step, 4) for step in (0, 2)]
    [0.1, 0.05]
    """
    return recipe.learning_rate * SCHEDULES[recipe.schedule](recipe, step / n_steps)
