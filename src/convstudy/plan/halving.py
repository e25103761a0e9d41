"""Successive halving over folds and epochs: how far a search's candidates are trained before half of them are dropped.

All candidates take part in the first rung, the better half in the next, until one is left; each rung gets an equal
share of the epochs, so that the fewer are left, the further each is trained (Jamieson & Talwalkar 2016, "Non-stochastic
best arm identification and hyperparameter optimization", algorithm 1; Li et al. 2018, "Hyperband", section 3). There
the resource is one number; here it is folds times epochs, and both grow together.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class RungSize:
    """``n_candidates`` are trained on the first ``n_folds`` folds, each for ``n_epochs`` epochs from the start."""

    n_candidates: int
    n_folds: int
    n_epochs: int

    @property
    def fold_epochs(self) -> int:
        """How many epochs a candidate has been trained when the rung ends, over all its folds."""
        return self.n_folds * self.n_epochs


def halving_schedule(n_candidates: int, n_folds: int, n_epochs: int, budget: float) -> tuple[RungSize, ...]:
    """Return the rungs of a search.

    With n candidates there are L = ⌈log₂ n⌉ rungs (one where n is 1), and ⌈n_k / 2⌉ candidates go on from rung k.
    Together they may train B = budget · n · F · E epochs, and k · B / L of them up to the end of rung k: that is what
    a candidate's fold-epochs c_k = c_{k−1} + B / (L · n_k) come to, and what rounding leaves goes to the next rung.
    Of the whole numbers of folds f ≤ F and epochs e ≤ E with f · e ≤ c_k that are no fewer than in the rung before,
    those are taken that have come the most evenly far, f / F beside e / E. So B is never exceeded, unless even one
    epoch of one fold each is more: these n epochs are the least, and all that is trained then.

    16 candidates on 5 folds of 20 epochs, a grid of 1,600 epochs, with a budget of 0.15, 240 epochs:

    ====  ==========  =====  ======  ===============  ======
    rung  candidates  folds  epochs  epochs in rung   so far
    ====  ==========  =====  ======  ===============  ======
    1             16      1       3               48      48
    2              8      2       6               72     120
    3              4      3       9               60     180
    4              2      4      14               58     238
    ====  ==========  =====  ======  ===============  ======

    >>> [(rung.n_candidates, rung.n_folds, rung.n_epochs) for rung in halving_schedule(16, 5, 20, 0.15)]
    [(16, 1, 3), (8, 2, 6), (4, 3, 9), (2, 4, 14)]

    Args:
        n_candidates: how many there are, n.
        n_folds: how many folds the grid would train each on, F.
        n_epochs: how many epochs the grid would train each fold, E.
        budget: the share of the grid's epochs that may be trained, above 0 and at most 1.
    """
    n_rungs = max(1, (n_candidates - 1).bit_length())
    # As it is written, not as a binary fraction: 0.15 of 1,600 epochs are 240.
    expected = Fraction(str(budget)) * n_candidates * n_folds * n_epochs
    rungs: list[RungSize] = []
    spent = reached = 0
    folds = epochs = 1
    taking_part = n_candidates
    for number in range(1, n_rungs + 1):
        most = reached + (expected * number / n_rungs - spent) / taking_part
        folds, epochs = _grown((folds, epochs), (n_folds, n_epochs), floor(most))
        rung = RungSize(taking_part, folds, epochs)
        rungs.append(rung)
        spent += taking_part * (rung.fold_epochs - reached)
        reached = rung.fold_epochs
        taking_part = (taking_part + 1) // 2
    return tuple(rungs)


def halving_epochs(rungs: tuple[RungSize, ...]) -> int:
    """Return how many epochs all rungs train together: of those who go on, only what they had not trained before."""
    reached = total = 0
    for rung in rungs:
        total += rung.n_candidates * (rung.fold_epochs - reached)
        reached = rung.fold_epochs
    return total


def _grown(before: tuple[int, int], most: tuple[int, int], fold_epochs: int) -> tuple[int, int]:
    """Return folds and epochs: no fewer than before, together within ``fold_epochs``, and the most evenly grown."""
    best, best_rank = before, None
    for folds in range(before[0], most[0] + 1):
        epochs = min(most[1], fold_epochs // folds)
        if epochs < before[1]:
            break
        ratio = Fraction(folds * most[1], epochs * most[0])
        rank = (max(ratio, 1 / ratio), -folds * epochs)
        if best_rank is None or rank < best_rank:
            best, best_rank = (folds, epochs), rank
    return best
