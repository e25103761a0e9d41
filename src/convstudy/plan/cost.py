"""The cost of a plan in training images and FLOPs, and the order in which its fits are trained.

A trial is the set of all fits that differ only in their epoch budget. Such fits share their first epochs, and the cost
counts each epoch of a trial once.
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

# One MAC is two FLOPs. A backward pass costs about two forward passes, so training costs three.
FLOPS_PER_MAC = 2
PASSES_TO_TRAIN = 3
# "shift-uncertain" computes the other copies of few images, whose number depends on the network: they are not counted.
TTA_PASSES = {"none": 1, "shift": 5, "shift-uncertain": 1}


@dataclass(frozen=True)
class Cost:
    """A number of fits, their number of training images summed over epochs, and their FLOPs including evaluation."""

    n_fits: int
    images: int
    flops: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.n_fits + other.n_fits, self.images + other.images, self.flops + other.flops)


def images_of_epoch(recipe: Recipe, n_train: int, epoch: int) -> int:
    """Return the number of training images that an epoch uses; epochs count from 1.

    >>> images_of_epoch(Recipe(sampling="hard", hard_fraction=0.3), 1000, 2)
    300
    """
    if recipe.sampling != "hard" or epoch == 1:
        return n_train
    # At least two, because batch normalization cannot compute a variance from one image.
    return max(min(2, n_train), round(recipe.hard_fraction * n_train))


def images_to_train(recipe: Recipe, n_train: int, first_epoch: int, n_epochs: int) -> int:
    """Return the number of training images of ``n_epochs`` epochs from ``first_epoch`` on, summed over the epochs."""
    if not n_epochs:
        return 0
    later = images_of_epoch(recipe, n_train, 2)
    return n_epochs * later + (n_train - later) * (first_epoch == 1)


def images_to_evaluate(recipe: Recipe, n_train: int, n_validation: int) -> int:
    """Return the number of images evaluated after each epoch; each TTA copy of an image counts."""
    n_samples = n_train if recipe.train_eval_samples is None else min(n_train, recipe.train_eval_samples)
    return n_samples + TTA_PASSES[recipe.tta] * n_validation


def fit_cost(fit: Fit, n_epochs: int | None = None) -> Cost:
    """Return the cost of one fit.

    Args:
        fit: the fit.
        n_epochs: the number of epochs to count, the last ones; by default all epochs of the fit. Early stopping may end
            it sooner.
    """
    info = fit.dataset
    n_epochs = fit.n_epochs if n_epochs is None else n_epochs
    n_train, n_validation = split_sizes(info.n_train, fit.split)
    macs = layer_table(fit.network, info.image_shape, info.n_classes).macs
    images = images_to_train(fit.recipe, n_train, fit.n_epochs - n_epochs + 1, n_epochs)
    evaluated = n_epochs * images_to_evaluate(fit.recipe, n_train, n_validation)
    flops = FLOPS_PER_MAC * macs * (PASSES_TO_TRAIN * images + evaluated)
    return Cost(1, images, flops)


def plan_cost(fits: Iterable[Fit], trained: Iterable[Fit] = ()) -> Cost:
    """Return the total cost of ``fits``, which resume from the checkpoints of ``trained`` fits where possible.

    A fit that occurs twice, because two stages share it, counts once.
    """
    to_train = {fit.id: fit for fit in fits}.values()
    added = epochs_added(to_train, trained)
    return sum((fit_cost(fit, added[fit.id]) for fit in to_train), Cost(0, 0, 0))


def epochs_added(fits: Iterable[Fit], trained: Iterable[Fit] = ()) -> dict[str, int]:
    """Return fit id -> the number of epochs that it adds to its trial; earlier epochs come from the checkpoint.

    Args:
        fits: the fits to train; one that two stages share may occur twice.
        trained: fits whose checkpoints exist. A fit with fewer epochs than its trial's checkpoint trains all its
            epochs, because a checkpoint cannot be rewound.
    """
    reached: dict[str, int] = {}
    for fit in trained:
        reached[fit.trial_id] = max(reached.get(fit.trial_id, 0), fit.n_epochs)
    added: dict[str, int] = {}
    # Smaller budgets first, because fits with larger budgets resume from their checkpoints.
    for fit in sorted({fit.id: fit for fit in fits}.values(), key=lambda fit: fit.n_epochs):
        before = reached.get(fit.trial_id, 0)
        if before > fit.n_epochs:
            added[fit.id] = fit.n_epochs
        else:
            added[fit.id] = fit.n_epochs - before
            reached[fit.trial_id] = fit.n_epochs
    return added


def schedule_order(plan: Plan, records: Container[str]) -> list[Fit]:
    """Return the fits that can be trained now and have no record, in the order in which they are trained.

    Stages are trained in order, because later stages depend on the choices of earlier stages. Within a stage, the
    longest fit is first, because a long fit that starts last keeps one worker busy while the others are idle. This
    order is "longest processing time first" (Graham 1969, "Bounds on multiprocessing timing anomalies").
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
    """Return fit id -> the epochs of its record that no fit of its trial with a shorter history has.

    Every record contains the history from epoch 1. With this function, each epoch of a trial counts once.
    """
    own: dict[str, tuple[Epoch, ...]] = {}
    reached: dict[str, int] = {}
    found = {fit.id: fit for fit in fits if fit.id in records}
    for fit in sorted(found.values(), key=lambda fit: len(records[fit.id].history)):
        history = records[fit.id].history
        own[fit.id] = history[reached.get(fit.trial_id, 0) :]
        reached[fit.trial_id] = len(history)
    return own
