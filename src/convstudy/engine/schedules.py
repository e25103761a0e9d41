"""The learning rate of each step. A new schedule is one function and its line in :data:`SCHEDULES`."""

from __future__ import annotations

import math
from collections.abc import Callable

from convstudy.studyfile.recipe import Recipe

ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1e-4 / 25


def _constant(recipe: Recipe, done: float) -> float:
    return 1.0


def _cosine(recipe: Recipe, done: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _one_cycle(recipe: Recipe, done: float) -> float:
    """Cosine from 1/25 up to 1 over the first 30 %, then down (Smith & Topin 2018, as torch's OneCycleLR)."""
    if done < ONE_CYCLE_RISE:
        start, end, part = ONE_CYCLE_START, 1.0, done / ONE_CYCLE_RISE
    else:
        start, end, part = 1.0, ONE_CYCLE_END, (done - ONE_CYCLE_RISE) / (1.0 - ONE_CYCLE_RISE)
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * part))


def _step(recipe: Recipe, done: float) -> float:
    """Multiplied by ``step_factor`` after every ``step_epochs`` epochs."""
    # The small number keeps the product on its side of a whole epoch in spite of rounding.
    return recipe.step_factor ** int((done * recipe.epochs + 1e-9) // recipe.step_epochs)


def _triangular(recipe: Recipe, done: float) -> float:
    """Straight from 0 up to 1 over the share ``warmup_fraction`` of the steps, then straight down to 0 (Smith 2017)."""
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
    """Return the learning rate of a step (counted from 0) out of all ``n_steps`` of the fit."""
    return recipe.learning_rate * SCHEDULES[recipe.schedule](recipe, step / n_steps)
