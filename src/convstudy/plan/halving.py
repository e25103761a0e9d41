"""The schedule of successive halving over folds and epochs.

The first rung evaluates all candidates. Each rung promotes the better half to the next rung, until one is left. Each
rung gets an equal part of the epoch budget, so the remaining candidates are trained further (Jamieson & Talwalkar 2016,
"Non-stochastic best arm identification and hyperparameter optimization", algorithm 1; Li et al. 2018, "Hyperband",
section 3). In these papers the resource is one number. Here the resource is folds times epochs, and both increase from
rung to rung.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class RungSize:
    """The size of a rung: ``n_candidates``, each trained on the first ``n_folds`` folds up to epoch ``n_epochs``."""

    n_candidates: int
    n_folds: int
    n_epochs: int

    @property
    def fold_epochs(self) -> int:
        """The number of epochs, summed over folds, that a candidate has been trained at the end of the rung."""
        return self.n_folds * self.n_epochs


def halving_schedule(n_candidates: int, n_folds: int, n_epochs: int, budget: float) -> tuple[RungSize, ...]:
    """Return the rungs of a halving search.

    For n candidates there are L = ⌈log₂ n⌉ rungs (one if n = 1). Rung k promotes ⌈n_k / 2⌉ of its candidates. The total
    budget is B = budget · n · F · E epochs, of which k · B / L may be used by the end of rung k. So a candidate of rung
    k may have c_k = c_{k−1} + B / (L · n_k) fold-epochs; epochs left over by rounding are added to the next rung.

    A rung trains f ≤ F folds for e ≤ E epochs with f · e ≤ c_k, where f and e are not smaller than in the previous
    rung. Of all such pairs, the rung has the pair whose fractions f / F and e / E have the ratio closest to 1.

    The rungs never exceed B, with one exception: each candidate is trained for at least one epoch on one fold.

    Example: 16 candidates on 5 folds of 20 epochs are a grid of 1,600 epochs. A budget of 0.15 allows 240 epochs:

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
        n_candidates: n, at least 1.
        n_folds: F, the number of folds of the full grid.
        n_epochs: E, the number of epochs of the recipe.
        budget: the fraction of the full grid's epochs that may be trained, in (0, 1].
    """
    # ⌈log₂ n⌉ by bit length, which is exact for every n.
    n_rungs = max(1, (n_candidates - 1).bit_length())
    # Convert the decimal text: 0.15 of 1,600 epochs is 240, but the binary fraction nearest to 0.15 is smaller.
    total = Fraction(str(budget)) * n_candidates * n_folds * n_epochs
    rungs: list[RungSize] = []
    spent = reached = 0
    folds = epochs = 1
    n_left = n_candidates
    for number in range(1, n_rungs + 1):
        most = reached + (total * number / n_rungs - spent) / n_left
        folds, epochs = _most_balanced((folds, epochs), (n_folds, n_epochs), floor(most))
        rung = RungSize(n_left, folds, epochs)
        rungs.append(rung)
        spent += n_left * (rung.fold_epochs - reached)
        reached = rung.fold_epochs
        n_left = (n_left + 1) // 2
    return tuple(rungs)


def halving_epochs(rungs: tuple[RungSize, ...]) -> int:
    """Return the number of epochs that all rungs train; a promoted candidate trains only the additional epochs."""
    reached = total = 0
    for rung in rungs:
        total += rung.n_candidates * (rung.fold_epochs - reached)
        reached = rung.fold_epochs
    return total


def _most_balanced(before: tuple[int, int], most: tuple[int, int], fold_epochs: int) -> tuple[int, int]:
    """Return the most balanced (folds, epochs) between ``before`` and ``most`` with a product <= ``fold_epochs``."""
    best, best_rank = before, None
    for folds in range(before[0], most[0] + 1):
        epochs = min(most[1], fold_epochs // folds)
        if epochs < before[1]:
            break  # more folds leave even fewer epochs
        ratio = Fraction(folds * most[1], epochs * most[0])
        # Prefer the ratio nearest to 1; if ratios are equal, prefer the pair that trains more.
        rank = (max(ratio, 1 / ratio), -folds * epochs)
        if best_rank is None or rank < best_rank:
            best, best_rank = (folds, epochs), rank
    return best
