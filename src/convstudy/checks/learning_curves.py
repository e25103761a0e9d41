"""During training: what histories show. Each rule's constants stand here and in docs/checks.md.

Histories are measured in evaluation mode after each epoch, so that training and validation can be set beside each
other. All but the first two look at networks that are compared, ablated or trained last, not at the candidates of
searches, which are often trained short on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median

from convstudy.analysis import Analysis
from convstudy.analysis.candidates import part_text
from convstudy.checks.candidates import TrainedCandidate, failed_parts, tested_candidates
from convstudy.checks.chance import LargestShares, chance_level
from convstudy.checks.check import SURE, Spot, accuracy_margin
from convstudy.checks.networks import LARGER_BATCHES, lone_norm
from convstudy.checks.text import listed, points, so_many
from convstudy.networks.tree import path_text
from convstudy.numbers import counted, decimals, percent, shortest
from convstudy.plan import Fit
from convstudy.record import Record

LEAST_EPOCHS = 6
"""Shorter histories say too little of where they lead."""

MOST_DEAD = 0.5
ANNEALED = 0.1
RISE = 1.25
LEAST_FALL = 0.01
HINT_AT_CHANCE = (
    "a lower learning_rate, another init or activation; if it is one seed of several, keep it in the mean"
)


def diverged_fits(analysis: Analysis) -> Iterator[Spot]:
    """Fits that ended because their loss was no number any more."""
    for where, fits in failed_parts(analysis, lambda record: record.error_kind == "diverged").items():
        yield Spot(
            where,
            f"{counted(len(fits), 'fit')} diverged ({listed(fits)}): the loss was no number any more",
            "a lower learning_rate, clip_norm = 1.0, or a schedule that begins low (one-cycle, triangular)",
        )


def collapsed_fits(analysis: Analysis) -> Iterator[Spot]:
    """Fits whose last epoch is at chance on training and validation images: they learned nothing, or fell back."""
    results = analysis.results
    shares = LargestShares(analysis)
    seen: set[str] = set()
    for stage in results.plan.stages:
        owners = stage.owners
        found: dict[str, list[Fit]] = {}
        for fit in stage.fits:
            record = results.records.get(fit.id)
            if record is None or not record.done or not record.history or fit.trial_id in seen:
                continue
            last = record.history[-1]
            if max(last.train["accuracy"], last.validation["accuracy"]) <= chance_level(shares.of(fit)):
                seen.add(fit.trial_id)
                found.setdefault(owners[fit.id], []).append(fit)
        for name, fits in found.items():
            lowest = min(results.records[fit.id].history[-1].train["accuracy"] for fit in fits)
            guessing = max(map(shares.of, fits))
            yield Spot(
                f"{stage.key}: {name}",
                f"{so_many([part_text(fit) for fit in fits], len(stage.candidate(name).fits))} ended at chance, "
                f"with {percent(lowest)} of the training images right; guessing the largest class gets "
                f"{percent(guessing)} of the validation images right: nothing was learned, or it was lost again",
                LARGER_BATCHES if lone_norm(stage.candidate(name)) else HINT_AT_CHANCE,
            )


def dead_relus(analysis: Analysis) -> Iterator[Spot]:
    """Layers half of whose units, or more, are 0 for every validation image, in the median of a network's fits."""
    for each in tested_candidates(analysis):
        dead = [{found.layer: found for found in fit.record.dead_relus} for fit in each.fits]
        for layer in sorted(set().union(*dead)):
            n_units = next(found[layer].n_units for found in dead if layer in found)
            n_dead = median(found[layer].n_dead if layer in found else 0 for found in dead)
            if n_dead < MOST_DEAD * n_units:
                continue
            named = each.candidate.network.layer_at(layer)
            text = f', "{named.text}",' if named else ""
            yield Spot(
                each.where,
                f"{shortest(n_dead)} of {n_units} units of layer {path_text(layer)}{text} are 0 for every validation "
                f"image (the median of {counted(len(dead), 'fit')}): no image changes their weights any more",
                "a lower learning_rate, batch-norm before the relu, another activation (leaky-relu, gelu), or a layer "
                "of fewer units",
            )


def still_improving(analysis: Analysis) -> Iterator[Spot]:
    """Networks whose validation accuracy was still rising when their epochs ran out."""
    margin = accuracy_margin(analysis.results.study)
    for each in tested_candidates(analysis):
        records = [fit.record for fit in each.fits if _ran_out(each, fit.record)]
        n_epochs = min((len(record.history) for record in records), default=0)
        if n_epochs < LEAST_EPOCHS:
            continue
        k = window(n_epochs)
        accuracies = [[e.validation["accuracy"] for e in record.history[-2 * k :]] for record in records]
        losses = [[e.validation["log-loss"] for e in record.history[-2 * k :]] for record in records]
        gain, error = gain_of(accuracies)
        if gain > max(margin, SURE * error) and gain_of(losses)[0] < 0:
            yield Spot(
                each.where,
                f"still improving when training ended: {points(gain)} of validation accuracy from epochs "
                f"{n_epochs - 2 * k + 1} to {n_epochs - k} to the last {k}, and the loss was falling",
                "more epochs, or a schedule that ends low (cosine, one-cycle); a network that learns more slowly than "
                "others is judged too low",
            )


def early_overfitting(analysis: Analysis) -> Iterator[Spot]:
    """Networks whose validation loss was lowest in the first half of training and has risen by a quarter since."""
    for each in tested_candidates(analysis):
        rises = [rise for fit in each.fits if (rise := rise_of(fit.record)) is not None]
        if 2 * len(rises) > len(each.fits):
            epoch, factor = median(epoch for epoch, _ in rises), median(factor for _, factor in rises)
            yield Spot(
                each.where,
                f"validation loss was lowest around epoch {decimals(epoch, 0)} of {_longest(each)} and ended at "
                f"{decimals(factor, 1)} times that, while training loss fell on",
                "fewer epochs or patience, dropout, weight_decay, augment or label_smoothing",
            )


def unstable_ends(analysis: Analysis) -> Iterator[Spot]:
    """Networks whose validation accuracy swings in the last epochs, by more than the differences that are judged."""
    for each in tested_candidates(analysis):
        histories = [fit.record.history for fit in each.fits if len(fit.record.history) >= LEAST_EPOCHS]
        if not histories:
            continue
        n_last = max(3, window(min(map(len, histories))))
        last = [[epoch.validation["accuracy"] for epoch in history[-n_last:]] for history in histories]
        fall = median(map(largest_fall, last))
        level = fmean(fmean(accuracies) for accuracies in last)
        n_images = min(fit.record.n_validation for fit in each.fits)
        if fall > max(LEAST_FALL, SURE * _error_of_change(level, n_images), _judged(each)):
            yield Spot(
                each.where,
                f"validation accuracy fell by {points(fall)} within the last {n_last} epochs (the median of "
                f"{counted(len(histories), 'fit')}): its figures hang on the epoch at "
                "which training happened to end",
                "a schedule that ends low (cosine), ema_decay = 0.99, or a lower learning_rate",
            )


def window(n_epochs: int) -> int:
    """Return how many epochs are averaged over: a quarter of all, two at least."""
    return max(2, n_epochs // 4)


def gain_of(courses: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return by how much the second half of each course lies above the first, on average, and the standard error.

    The error comes from the differences of successive epochs, which hold little of a slow trend (von Neumann 1941).
    """
    k = len(courses[0]) // 2
    gain = fmean(fmean(curve[k:]) - fmean(curve[:k]) for curve in courses)
    squares = [(b - a) ** 2 for curve in courses for a, b in pairwise(curve)]
    variance = fmean(squares) / 2
    return gain, math.sqrt(variance * 2 / (k * len(courses)))


def rise_of(record: Record) -> tuple[int, float] | None:
    """Return where validation loss was lowest and by what factor it has risen since, if it is early overfitting.

    Means over a few epochs stand for single ones. Training loss has to have fallen on: else it is no overfitting.
    """
    n = len(record.history)
    if n < LEAST_EPOCHS:
        return None
    k = window(n)
    validation = [
        fmean(e.validation["log-loss"] for e in record.history[i : i + k]) for i in range(n - k + 1)
    ]
    lowest = min(range(len(validation)), key=validation.__getitem__)
    middle = lowest + (k + 1) / 2  # counted from epoch 1
    train_then = fmean(e.train["log-loss"] for e in record.history[lowest : lowest + k])
    train_last = fmean(e.train["log-loss"] for e in record.history[-k:])
    factor = validation[-1] / validation[lowest] if validation[lowest] > 0 else 1.0
    early = middle <= (n + 1) / 2
    return (round(middle), factor) if early and factor >= RISE and train_last < train_then else None


def largest_fall(values: Sequence[float]) -> float:
    """Return the largest fall from a value to a later one, 0 where they only rise.

    >>> largest_fall([1.0, 3.0, 2.0, 2.5])
    1.0
    """
    return max([0.0, *(a - b for i, a in enumerate(values) for b in values[i + 1 :])])


def _ran_out(each: TrainedCandidate, record: Record) -> bool:
    """Send whether a fit ended because its epochs ran out: not by patience, nor by a schedule that had come to rest."""
    rates = [epoch.learning_rate for epoch in record.history]
    return len(rates) == each.candidate.recipe.epochs and rates[-1] > ANNEALED * max(rates)


def _longest(each: TrainedCandidate) -> int:
    return max(len(fit.record.history) for fit in each.fits)


def _error_of_change(accuracy: float, n_images: int) -> float:
    """Return the standard error of a difference of two such accuracies on so many images each, at most."""
    return math.sqrt(2 * accuracy * (1 - accuracy) / n_images) if n_images else 0.0


def _judged(each: TrainedCandidate) -> float:
    """Return the difference that the contest judges this candidate by, 0 where it judges none."""
    stage_result = each.stage_result
    rival = (
        stage_result.runner_up
        if stage_result.best and stage_result.best.name == each.candidate.name
        else each.row
    )
    in_percent = stage_result.metric.unit == "percent"
    verdict = stage_result.verdict_on(rival.name) if rival and in_percent else None
    return abs(verdict.difference.mean or 0.0) if verdict else 0.0
