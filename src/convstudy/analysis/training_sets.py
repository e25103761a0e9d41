"""Verdicts over several training sets, for studies with ``resample = "training"``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import FitRow
from convstudy.stats.differences import Difference
from convstudy.stats.training_sets import TrainingSets
from convstudy.stats.two_way import two_way_difference

if TYPE_CHECKING:
    from convstudy.stats.two_way import Integers, Values


def training_sets_of(fits: Sequence[FitRow]) -> TrainingSets | None:
    """Return the training set of each fit; ``None`` if the fits train on all training images."""
    numbers = [fit.training_set for fit in fits if fit.training_set is not None]
    return TrainingSets(tuple(numbers)) if numbers else None


def difference_over_seeds(
    first: Values,
    second: Values,
    sets: TrainingSets | None,
    pseudo_observations: float | None = None,
    weights: Values | None = None,
    groups: Integers | None = None,
) -> Difference:
    """Return the difference of two candidates over seeds and images, and over training sets if there are several.

    Args:
        first: the values of the first candidate, shape (seeds, images).
        second: the values of the other, same shape.
        sets: the training set of each seed.
        pseudo_observations: see :func:`~convstudy.stats.two_way.two_way_difference`.
        weights: the weights of the images, shape (images,).
        groups: the group of each image, shape (images,).
    """
    if sets is None:
        return two_way_difference(
            first, second, pseudo_observations=pseudo_observations, weights=weights, groups=groups
        )
    rows = two_way_difference(
        sets.rows(first),
        sets.rows(second),
        pseudo_observations=pseudo_observations,
        weights=weights,
        groups=groups,
    )
    return sets.separated(rows, tuple(float(mean) for mean in (first - second).mean(axis=1)))
