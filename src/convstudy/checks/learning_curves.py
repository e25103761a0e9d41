"""Checks of the recorded training histories. docs/checks.md states the same constants.

A history has scores in evaluation mode after each epoch, so training and validation scores are comparable. All checks
except the first two skip the candidates of searches, because these are often trained for few epochs on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median

from convstudy.analysis import Analysis
from convstudy.analysis.candidates import part_text
from convstudy.checks.candidates import TrainedCandidate, failed_parts, tested_candidates
from convstudy.checks.chance import MajorityBaseline, chance_level
from convstudy.checks.check import N_STANDARD_ERRORS, Spot, accuracy_margin
from convstudy.checks.networks import LARGER_BATCHES, single_value_norm
from convstudy.checks.text import fits_text, listed, points
from convstudy.networks.tree import path_text
from convstudy.numbers import counted, decimals, percent, shortest
from convstudy.plan import Fit
from convstudy.record import Record

MIN_EPOCHS = 6
"""Histories with fewer epochs are not checked, because they show no trend."""

MIN_DEAD_FRACTION = 0.5
MAX_FINAL_RATE = 0.1
MIN_LOSS_RISE = 1.25
"""A factor."""
MIN_FALL = 0.01
COLLAPSE_HINT = (
    "lower learning_rate, or change init or activation; if only some seeds collapsed, keep them in the mean"
)


def diverged_fits(analysis: Analysis) -> Iterator[Spot]:
    """Find fits that stopped because their loss became NaN or infinite."""
    for where, fits in failed_parts(analysis, lambda record: record.error_kind == "diverged").items():
        yield Spot(
            where,
            f"{counted(len(fits), 'fit')} diverged ({listed(fits)}): the loss became NaN or infinite",
            "lower learning_rate, set clip_norm = 1.0, or use a schedule that starts low (one-cycle, triangular)",
        )


def collapsed_fits(analysis: Analysis) -> Iterator[Spot]:
    """Find fits whose last epoch is at chance level on training and validation images."""
    results = analysis.results
    baseline = MajorityBaseline(analysis)
    seen: set[str] = set()
    for stage in results.plan.stages:
        owners = stage.owners
        found: dict[str, list[Fit]] = {}
        for fit in stage.fits:
            record = results.records.get(fit.id)
            if record is None or not record.done or not record.history or fit.trial_id in seen:
                continue
            last = record.history[-1]
            if max(last.train["accuracy"], last.validation["accuracy"]) <= chance_level(baseline.of(fit)):
                seen.add(fit.trial_id)
                found.setdefault(owners[fit.id], []).append(fit)
        for name, fits in found.items():
            lowest = min(results.records[fit.id].history[-1].train["accuracy"] for fit in fits)
            majority = max(map(baseline.of, fits))
            yield Spot(
                f"{stage.key}: {name}",
                f"{fits_text([part_text(fit) for fit in fits], len(stage.candidate(name).fits))} ended at chance "
                f"level: training accuracy is {percent(lowest)}, and always predicting the largest class reaches "
                f"{percent(majority)} on the validation images",
                LARGER_BATCHES if single_value_norm(stage.candidate(name)) else COLLAPSE_HINT,
            )


def dead_relus(analysis: Analysis) -> Iterator[Spot]:
    """Find layers in which at least half of the units are dead ReLUs, by the median over a network's fits."""
    for each in tested_candidates(analysis):
        dead = [{found.layer: found for found in fit.record.dead_relus} for fit in each.fits]
        for layer in sorted(set().union(*dead)):
            n_units = next(found[layer].n_units for found in dead if layer in found)
            n_dead = median(found[layer].n_dead if layer in found else 0 for found in dead)
            if n_dead < MIN_DEAD_FRACTION * n_units:
                continue
            named = each.candidate.network.layer_at(layer)
            text = f', "{named.text}",' if named else ""
            yield Spot(
                each.where,
                f"{shortest(n_dead)} of {n_units} units of layer {path_text(layer)}{text} are dead ReLUs (median of "
                f"{counted(len(dead), 'fit')}): they are 0 for every validation image, so their weights get no "
                "gradient",
                "lower learning_rate, put a batch-norm before the relu, or use another activation (leaky-relu, gelu) "
                "or fewer units",
            )


def still_improving(analysis: Analysis) -> Iterator[Spot]:
    """Find networks whose validation accuracy was still rising in the last epochs."""
    margin = accuracy_margin(analysis.results.study)
    for each in tested_candidates(analysis):
        records = [fit.record for fit in each.fits if could_improve(each, fit.record)]
        n_epochs = min((len(record.history) for record in records), default=0)
        if n_epochs < MIN_EPOCHS:
            continue
        k = window(n_epochs)
        # The last 2 k epochs are the last window and the window before it.
        accuracies = [[e.validation["accuracy"] for e in record.history[-2 * k :]] for record in records]
        losses = [[e.validation["log-loss"] for e in record.history[-2 * k :]] for record in records]
        gain, error = gain_of(accuracies)
        if gain > max(margin, N_STANDARD_ERRORS * error) and gain_of(losses)[0] < 0:
            yield Spot(
                each.where,
                f"still improving when training ended: mean validation accuracy of the last {k} epochs is "
                f"{points(gain)} above that of epochs {n_epochs - 2 * k + 1} to {n_epochs - k}, and validation loss "
                "was falling",
                "train for more epochs, or use a schedule that ends at a low rate (cosine, one-cycle); otherwise the "
                "score of a slow learner is too low",
            )


def early_overfitting(analysis: Analysis) -> Iterator[Spot]:
    """Find networks whose validation loss was lowest in the first half of training and has since risen by a quarter."""
    for each in tested_candidates(analysis):
        rises = [rise for fit in each.fits if (rise := rise_of(fit.record)) is not None]
        if 2 * len(rises) > len(each.fits):
            epoch, factor = median(epoch for epoch, _ in rises), median(factor for _, factor in rises)
            yield Spot(
                each.where,
                f"validation loss was lowest around epoch {decimals(epoch, 0)} of {_longest(each)} and ended at "
                f"{decimals(factor, 1)} times that value, while training loss kept falling",
                "train for fewer epochs or set patience; or add dropout, weight_decay, augment or label_smoothing",
            )


def unstable_ends(analysis: Analysis) -> Iterator[Spot]:
    """Find networks whose validation accuracy falls within the last epochs by more than their verdict's difference.

    The fall must also exceed noise and ``MIN_FALL``.
    """
    for each in tested_candidates(analysis):
        histories = [fit.record.history for fit in each.fits if len(fit.record.history) >= MIN_EPOCHS]
        if not histories:
            continue
        n_last = max(3, window(min(map(len, histories))))
        last = [[epoch.validation["accuracy"] for epoch in history[-n_last:]] for history in histories]
        fall = median(map(largest_fall, last))
        level = fmean(fmean(accuracies) for accuracies in last)
        n_images = min(fit.record.n_validation for fit in each.fits)
        if fall > max(
            MIN_FALL, N_STANDARD_ERRORS * _error_of_change(level, n_images), _tested_difference(each)
        ):
            yield Spot(
                each.where,
                f"validation accuracy fell by {points(fall)} within the last {n_last} epochs (median of "
                f"{counted(len(histories), 'fit')}): the score depends on the epoch at which training ended",
                "use a schedule that ends at a low rate (cosine), ema_decay = 0.99, or a lower learning_rate",
            )


def window(n_epochs: int) -> int:
    """Return the number of epochs to average over: a quarter of all, at least two."""
    return max(2, n_epochs // 4)


def gain_of(curves: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the mean gain of the second half of each curve over the first half, and its standard error.

    The standard error is estimated from the differences between successive epochs. A slow trend hardly affects these
    differences (von Neumann 1941).

    Args:
        curves: accuracies by fit and epoch; all fits have the same number of epochs.
    """
    k = len(curves[0]) // 2
    gain = fmean(fmean(curve[k:]) - fmean(curve[:k]) for curve in curves)
    squares = [(b - a) ** 2 for curve in curves for a, b in pairwise(curve)]
    # This is the variance of one epoch; the difference between two epochs has twice this variance.
    variance = fmean(squares) / 2
    return gain, math.sqrt(variance * 2 / (k * len(curves)))


def rise_of(record: Record) -> tuple[int, float] | None:
    """Return the epoch of the lowest validation loss, and the final loss divided by the lowest.

    Losses are averaged over :func:`window` epochs. The result is ``None`` unless the epoch is in the first half, the
    loss has risen by :data:`MIN_LOSS_RISE`, and training loss kept falling since.
    """
    n = len(record.history)
    if n < MIN_EPOCHS:
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
    is_early = middle <= (n + 1) / 2
    return (
        (round(middle), factor) if is_early and factor >= MIN_LOSS_RISE and train_last < train_then else None
    )


def largest_fall(values: Sequence[float]) -> float:
    """Return the largest fall from a value to a later value; 0 if no value is lower than an earlier value.

    >>> largest_fall([1.0, 3.0, 2.0, 2.5])
    1.0
    """
    return max([0.0, *(a - b for i, a in enumerate(values) for b in values[i + 1 :])])


def could_improve(each: TrainedCandidate, record: Record) -> bool:
    """Return whether more epochs could have helped: the fit used all epochs and its learning rate had not decayed."""
    rates = [epoch.learning_rate for epoch in record.history]
    return len(rates) == each.candidate.recipe.epochs and rates[-1] > MAX_FINAL_RATE * max(rates)


def _longest(each: TrainedCandidate) -> int:
    return max(len(fit.record.history) for fit in each.fits)


def _error_of_change(accuracy: float, n_images: int) -> float:
    """Return an upper bound of the standard error of the difference of two accuracies on ``n_images`` each."""
    return math.sqrt(2 * accuracy * (1 - accuracy) / n_images) if n_images else 0.0


def _tested_difference(each: TrainedCandidate) -> float:
    """Return the absolute difference in a candidate's verdict; 0 if there is none or its metric is not in percent."""
    stage_result = each.stage_result
    rival = (
        stage_result.runner_up
        if stage_result.best and stage_result.best.name == each.candidate.name
        else each.row
    )
    in_percent = stage_result.metric.unit == "percent"
    verdict = stage_result.verdict_on(rival.name) if rival and in_percent else None
    return abs(verdict.difference.mean or 0.0) if verdict else 0.0
