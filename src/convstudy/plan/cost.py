"""What a plan costs, images to train and floating-point work, and the order of its fits that follows from it.

Each epoch of a lineage of fits counts once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from convstudy.data import split_sizes
from convstudy.networks import layer_table
from convstudy.plan.fit import Fit
from convstudy.plan.stages import Plan
from convstudy.record import Epoch, Record
from convstudy.studyfile.recipe import Recipe

# A multiply-add is two operations; the backward pass costs about two forward passes.
FLOPS_PER_MAC = 2
PASSES_TO_TRAIN = 3
TTA_PASSES = {"none": 1, "shift": 5}


@dataclass(frozen=True)
class Cost:
    """``images``: images trained on, times epochs; ``flops``: floating-point operations, evaluation included."""

    n_fits: int
    images: int
    flops: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.n_fits + other.n_fits, self.images + other.images, self.flops + other.flops)


def images_to_evaluate(recipe: Recipe, n_train: int, n_validation: int) -> int:
    """Return how many images go through the network after an epoch, each view of a validation image counted."""
    measured = n_train if recipe.train_eval_samples is None else min(n_train, recipe.train_eval_samples)
    return measured + TTA_PASSES[recipe.tta] * n_validation


def fit_cost(fit: Fit, n_epochs: int | None = None) -> Cost:
    """Return the cost of one fit with all its epochs, or so many of them (early stopping may end it sooner)."""
    info = fit.dataset
    n_epochs = fit.n_epochs if n_epochs is None else n_epochs
    n_train, n_validation = split_sizes(info.n_train, fit.split)
    macs = layer_table(fit.network, info.image_shape, info.n_classes).macs
    passes = PASSES_TO_TRAIN * n_train + images_to_evaluate(fit.recipe, n_train, n_validation)
    flops = FLOPS_PER_MAC * macs * passes * n_epochs
    return Cost(1, n_train * n_epochs, flops)


def plan_cost(fits: Iterable[Fit], trained: Iterable[Fit] = ()) -> Cost:
    """Return the cost of these fits together, going on from those that are ``trained``."""
    every = tuple(fits)
    added = epochs_added(every, trained)
    return sum((fit_cost(fit, added[fit.id]) for fit in every), Cost(0, 0, 0))


def epochs_added(fits: Iterable[Fit], trained: Iterable[Fit] = ()) -> dict[str, int]:
    """Return fit id -> how many epochs it trains: a paused fit's are not trained again by those that go on from it.

    Args:
        fits: the fits to train.
        trained: fits whose checkpoints are there to go on from; a fit that ends sooner than these begins anew.
    """
    reached: dict[str, int] = {}
    for fit in trained:
        reached[fit.trial_id] = max(reached.get(fit.trial_id, 0), fit.n_epochs)
    added: dict[str, int] = {}
    for fit in sorted(fits, key=lambda fit: fit.n_epochs):
        before = reached.get(fit.trial_id, 0)
        if before > fit.n_epochs:
            added[fit.id] = fit.n_epochs
        else:
            added[fit.id] = fit.n_epochs - before
            reached[fit.trial_id] = fit.n_epochs
    return added


def schedule_order(plan: Plan, records: Container[str]) -> list[Fit]:
    """Return the settled fits that have no record, in the order to train them.

    Stage by stage, for choices hang on stages; within a stage the dearest first (longest processing time first, Graham
    1969, "Bounds on multiprocessing timing anomalies"): a long fit that is begun last keeps one worker busy while the
    others have nothing left to do.
    """
    fits = plan.settled_fits
    missing = [fit for fit in fits if fit.id not in records]
    added = epochs_added(missing, [fit for fit in fits if fit.epoch_budget and fit.id in records])
    stage_of: dict[str, int] = {}
    for number, stage in enumerate(plan.stages):
        for fit in stage.fits:
            stage_of.setdefault(fit.id, number)
    return sorted(missing, key=lambda fit: (stage_of[fit.id], -fit_cost(fit, added[fit.id]).flops))


def own_epochs(fits: Iterable[Fit], records: Mapping[str, Record]) -> dict[str, tuple[Epoch, ...]]:
    """Return fit id -> the epochs of its record that no fit of its lineage with a shorter history has.

    A record holds its fit's whole history; what a lineage was trained for is the sum over these.
    """
    own: dict[str, tuple[Epoch, ...]] = {}
    reached: dict[str, int] = {}
    found = {fit.id: fit for fit in fits if fit.id in records}
    for fit in sorted(found.values(), key=lambda fit: len(records[fit.id].history)):
        history = records[fit.id].history
        own[fit.id] = history[reached.get(fit.trial_id, 0) :]
        reached[fit.trial_id] = len(history)
    return own
