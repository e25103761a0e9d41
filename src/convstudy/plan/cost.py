"""What a plan costs: images to train and floating-point work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from convstudy.data import dataset_info, split_sizes
from convstudy.networks import layer_table
from convstudy.plan.fit import Fit
from convstudy.spec.recipe import Recipe

# A multiply-add is two operations; the backward pass costs about two forward passes.
OPERATIONS_A_MULTIPLY_ADD = 2
PASSES_TO_TRAIN = 3
VIEWS_TO_EVALUATE = {"none": 1, "shift": 5}


@dataclass(frozen=True)
class Cost:
    """``images``: images trained on, times epochs; ``operations``: floating-point operations, evaluation included."""

    n_fits: int
    images: int
    operations: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.n_fits + other.n_fits, self.images + other.images, self.operations + other.operations
        )


def images_to_evaluate(recipe: Recipe, n_train: int, n_validation: int) -> int:
    """Return how many images go through the network after an epoch, each view of a validation image counted."""
    measured = n_train if recipe.measure_at_most is None else min(n_train, recipe.measure_at_most)
    return measured + VIEWS_TO_EVALUATE[recipe.views] * n_validation


def fit_cost(fit: Fit) -> Cost:
    """Return the cost of one fit with all its epochs (early stopping may end it sooner)."""
    info = dataset_info(fit.dataset)
    n_train, n_validation = split_sizes(info.n_train, fit.split)
    multiply_adds = layer_table(fit.network, info.image_shape, info.n_classes).multiply_adds
    passes = PASSES_TO_TRAIN * n_train + images_to_evaluate(fit.recipe, n_train, n_validation)
    operations = OPERATIONS_A_MULTIPLY_ADD * multiply_adds * passes * fit.recipe.epochs
    return Cost(1, n_train * fit.recipe.epochs, operations)


def plan_cost(fits: Iterable[Fit]) -> Cost:
    """Return the cost of these fits together."""
    return sum((fit_cost(fit) for fit in fits), Cost(0, 0, 0))
