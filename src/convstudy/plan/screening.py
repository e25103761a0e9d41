"""The schedule of a screening search: one short rung for all candidates, then long training of a few.

Most candidates of a search are worse than the best after a single epoch (Egele et al. 2024, "The unreasonable
effectiveness of early discarding after one epoch in neural network hyperparameter optimization", arXiv 2404.04111).
The rest of the budget is better spent on a few candidates, and on epochs of one fold before further folds: with few
epochs, more folds measure the wrong thing more precisely. docs/searches.md has the comparison with successive halving.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from convstudy.plan.halving import RungSize

N_FINALISTS = 3
REDUCTION = 4
FIRST_RUNG = Fraction(1, 5)
"""The part of the budget that the first rung may use, if there is more than one rung."""


def screening_schedule(n_candidates: int, n_folds: int, n_epochs: int, budget: float) -> tuple[RungSize, ...]:
    """Return the rungs of a screening search.

    Each rung promotes a quarter of its candidates, or 3 if that is fewer than 5; the last rung has at most 3. Let B =
    budget · n · F · E epochs be the total budget. The first rung may use a fifth of B, and the others use equal parts
    of the rest; a single rung may use B. Epochs left over by rounding are added to the next rung.

    A rung first trains its candidates longer. Only when the budget allows all E epochs, it adds folds: of all pairs of
    f ≤ F folds and e ≤ E epochs that the budget of the rung allows, it has the pair with the most epochs, and of these
    the one with the most folds. Neither decreases from rung to rung.

    The rungs never exceed B, with one exception: each candidate is trained for at least one epoch on one fold.

    Example: 30 candidates on 5 folds of 20 epochs are a grid of 3,000 epochs. A budget of 0.15 allows 450 epochs:

    ====  ==========  =====  ======  ===============  ======
    rung  candidates  folds  epochs  epochs in rung   so far
    ====  ==========  =====  ======  ===============  ======
    1             30      1       3               90      90
    2              8      1      20              136     226
    3              3      4      20              180     406
    ====  ==========  =====  ======  ===============  ======

    >>> [(rung.n_candidates, rung.n_folds, rung.n_epochs) for rung in screening_schedule(30, 5, 20, 0.15)]
    [(30, 1, 3), (8, 1, 20), (3, 4, 20)]

    Args:
        n_candidates: n, at least 1.
        n_folds: F, the number of folds of the full grid.
        n_epochs: E, the number of epochs of the recipe.
        budget: the fraction of the full grid's epochs that may be trained, in (0, 1].
    """
    sizes = [n_candidates]
    while sizes[-1] > N_FINALISTS:
        quarter = -(-sizes[-1] // REDUCTION)
        # A rung of 4 before one of 3 would eliminate a single candidate.
        sizes.append(quarter if quarter > N_FINALISTS + 1 else N_FINALISTS)
    # Convert the decimal text: 0.08 of 900 epochs is 72, but the binary fraction nearest to 0.08 may be smaller.
    total = Fraction(str(budget)) * n_candidates * n_folds * n_epochs
    rungs: list[RungSize] = []
    spent = reached = 0
    folds = epochs = 1
    for number, size in enumerate(sizes):
        allowed = total * _part(number, len(sizes))
        most = floor(reached + (allowed - spent) / size)
        # The previous rung has not exceeded its budget, so neither number can decrease.
        epochs = min(n_epochs, max(epochs, most // folds))
        folds = min(n_folds, max(folds, most // epochs))
        rung = RungSize(size, folds, epochs)
        rungs.append(rung)
        spent += size * (rung.fold_epochs - reached)
        reached = rung.fold_epochs
    return tuple(rungs)


def _part(number: int, n_rungs: int) -> Fraction:
    """Return the part of the budget that may be used by the end of rung ``number``, counted from 0."""
    if n_rungs == 1:
        return Fraction(1)
    return FIRST_RUNG + (1 - FIRST_RUNG) * Fraction(number, n_rungs - 1)
