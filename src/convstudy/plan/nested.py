"""Plan nested cross-validation: for each outer fold, repeat a search without it, and score the winner on it.

The score by which a search selects is optimistically biased, because it is the maximum of several noisy scores. Nested
cross-validation scores the winners on images that their search did not use (Varma & Simon 2006, "Bias in error
estimation when using cross-validation for model selection"; Cawley & Talbot 2010, "On over-fitting in model
selection"). The resulting score is that of the search procedure: different outer folds may have different winners.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from convstudy.data import Fold
from convstudy.plan.searches import Make, search_stage
from convstudy.plan.stages import Candidate, Stage
from convstudy.record import Outcome
from convstudy.studyfile import Search


def nested_stages(
    name: str,
    search: Search,
    outer_folds: Sequence[Fold],
    make_on: Callable[[Sequence[Fold]], Make],
    choices: Mapping[str, str],
    records: Mapping[str, Outcome],
) -> tuple[Stage, ...]:
    """Return one inner search per outer fold, and the stage of their winners.

    An inner search has the method and the number of folds of the search itself. Its winner is trained on the training
    part of the outer fold, for the number of epochs that the inner search used. The seed of this fit is the seed that
    the search uses for the fold with the same number. If the search and the nested cross-validation have the same
    number of folds, the search has already trained this fit.

    Args:
        name: the name of the search.
        search: its settings.
        outer_folds: the folds, each held out once.
        make_on: maps splits to a function that takes hyper-parameter values and returns their candidate, with one fit
            per split.
        choices: stage key -> name of the chosen candidate, for the choices made so far.
        records: fit id -> record, for the fits that have ended.
    """
    inner: list[Stage] = []
    winners: list[Candidate] = []
    for number, outer in enumerate(outer_folds, start=1):
        stage = search_stage(f"{name}.{number}", search, make_on(outer.inner(search.folds)), records)
        stage = replace(stage, question="inner", nested_search=name)
        inner.append(stage)
        winners.append(_winner(stage, make_on([outer]), f"outer fold {number}", choices))
    return (*inner, Stage("nested", name, tuple(winners), nested_search=name))


def _winner(inner: Stage, make: Make, name: str, choices: Mapping[str, str]) -> Candidate:
    """Return the winner of an inner search on its outer fold; before it is known, the first candidate replaces it."""
    chosen = {each.name: each for each in inner.candidates}.get(choices.get(inner.key, ""))
    last_rung = inner.rungs[-1].size.n_epochs if inner.rungs else None
    # A halving search may end before the recipe's last epoch. Then its winner is trained and scored up to that epoch.
    epoch_budget = chosen.fits[0].epoch_budget if chosen is not None else last_rung
    candidate = make((chosen or inner.candidates[0]).values)
    fits = tuple(fit.with_epoch_budget(epoch_budget) for fit in candidate.fits)
    depends_on = () if chosen is not None else (*candidate.depends_on, inner.key)
    return replace(candidate, name=name, fits=fits, depends_on=depends_on)
