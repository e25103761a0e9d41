"""Search rules of the literature, as functions on recorded grids, for comparison with the package's own methods.

Each rule returns the selected candidate and the number of epochs that it trains. Candidates are numbers, and ``folds``
is the order in which folds are used.

==============  =====================================================================================================
``i_epoch``     every candidate is trained for the same few epochs, and the best is selected (Egele et al. 2024,
                "The unreasonable effectiveness of early discarding after one epoch", arXiv 2404.04111)
``reshuffled``  the same, but each candidate has other folds (Nagler et al. 2024, "Reshuffling resampling splits can
                improve generalization of hyperparameter optimization", arXiv 2405.15393)
``forgiving``   a candidate is given no further fold when its mean is below the worst fold of the best candidate so
                far (Bergman et al. 2024, "Don't waste your time: early stopping cross-validation", arXiv 2405.03389)
``race``        after each fold, candidates that are worse than the best by more than ``z`` standard errors of the
                paired differences are eliminated (Birattari et al. 2002, F-Race, with paired differences for ranks)
==============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.search.recorded import Recorded

if TYPE_CHECKING:
    from benchmarks.search.recorded import Array

Rule = Callable[[Recorded, Sequence[int]], tuple[int, int]]


def i_epoch(n_epochs: int, n_folds: int, by_loss: bool = False) -> Rule:
    """Return the rule that selects the best after ``n_epochs`` on ``n_folds``, by accuracy or by log-loss."""

    def rule(grid: Recorded, folds: Sequence[int]) -> tuple[int, int]:
        epoch, used = min(n_epochs, grid.n_epochs), folds[: min(n_folds, grid.n_folds)]
        means, losses = _means(grid, epoch, used)
        cost = len(grid.names) * len(used) * epoch
        return grid.ranking(-losses if by_loss else means, losses)[0], cost

    return rule


def reshuffled(n_epochs: int, n_folds: int) -> Rule:
    """Return the rule of :func:`i_epoch` in which candidate c starts with another fold."""

    def rule(grid: Recorded, folds: Sequence[int]) -> tuple[int, int]:
        epoch, number = min(n_epochs, grid.n_epochs), min(n_folds, grid.n_folds)
        means, losses = np.empty(len(grid.names)), np.empty(len(grid.names))
        for place in range(len(grid.names)):
            used = [folds[(place + offset) % len(folds)] for offset in range(number)]
            own = _means(grid, epoch, used)
            means[place], losses[place] = own[0][place], own[1][place]
        return grid.ranking(means, losses)[0], len(grid.names) * number * epoch

    return rule


def forgiving(n_epochs: int) -> Rule:
    """Return the rule that stops folds early; each fold trains ``n_epochs``, or all if the grid has fewer."""

    def rule(grid: Recorded, folds: Sequence[int]) -> tuple[int, int]:
        epoch = min(n_epochs, grid.n_epochs)
        best, best_mean, worst, cost = 0, -1.0, -1.0, 0
        for place in range(len(grid.names)):
            values: list[float] = []
            for fold in folds:
                values.append(float(grid.selected[0][place, fold, epoch - 1]))
                cost += epoch
                if sum(values) / len(values) < worst:
                    break
            else:
                mean = sum(values) / len(values)
                if mean > best_mean:
                    best, best_mean, worst = place, mean, min(values)
        return best, cost

    return rule


def race(n_epochs: int, z: float) -> Rule:
    """Return the rule that eliminates by paired differences of log-losses; each fold trains ``n_epochs``."""

    def rule(grid: Recorded, folds: Sequence[int]) -> tuple[int, int]:
        epoch = min(n_epochs, grid.n_epochs)
        among, cost = list(range(len(grid.names))), 0
        for number in range(1, len(folds) + 1):
            cost += len(among) * epoch
            used = folds[:number]
            losses = grid.selected[1][:, used, epoch - 1]
            best = min(among, key=lambda place: (losses[place].mean(), place))
            if number > 1:
                differences = {place: losses[place] - losses[best] for place in among}
                among = [
                    place
                    for place, found in differences.items()
                    if place == best or found.mean() <= z * found.std(ddof=1) / sqrt(number)
                ]
            if len(among) == 1:
                break
        return best, cost

    return rule


def _means(grid: Recorded, epoch: int, folds: Sequence[int]) -> tuple[Array, Array]:
    """Return the mean accuracy and log-loss of each candidate over folds, for the best epoch up to ``epoch``."""
    accuracies, losses = grid.selected
    return accuracies[:, list(folds), epoch - 1].mean(axis=1), losses[:, list(folds), epoch - 1].mean(axis=1)
