"""What judges a nested search: the search done anew without each outer fold, and its winner scored on that fold.

The score that a search chose by is too good: of several candidates that luck made look better or worse, it took the one
that looked best. Nested cross-validation (Varma & Simon 2006, "Bias in error estimation when using cross-validation for
model selection"; Cawley & Talbot 2010, "On over-fitting in model selection") scores winners on images that the search
which named them did not see. What is judged so is the search itself: outer folds may have different winners.
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
    """Return the inner search of each outer fold, and the stage of their winners.

    An inner search is like the search itself, by its method and on as many folds. Its winner is trained on the outer
    fold's training part as far as its search trained it, with the seed that the search has for a fold of this number:
    where there are as many outer folds as folds, that is a fit which the search has trained already.

    Args:
        name: of the search.
        search: what it tries.
        outer_folds: each is left out once.
        make_on: splits -> what makes a candidate with a fit on each of them.
        choices: stage key -> name of the chosen candidate, for the choices made so far.
        records: fit id -> record, for the fits that have ended.
    """
    inner: list[Stage] = []
    winners: list[Candidate] = []
    for number, outer in enumerate(outer_folds, start=1):
        called = f"{name}.{number}"
        stage = search_stage(called, search, make_on(outer.inner(search.folds)), records)
        stage = replace(stage, question="inner", judges=name)
        inner.append(stage)
        winners.append(_winner(stage, make_on([outer]), f"outer fold {number}", choices))
    return (*inner, Stage("nested", name, tuple(winners), judges=name))


def _winner(inner: Stage, make: Make, name: str, choices: Mapping[str, str]) -> Candidate:
    """Return the winner of an inner search on its outer fold; the first candidate stands in while there is none."""
    chosen = {each.name: each for each in inner.candidates}.get(choices.get(inner.key, ""))
    last = inner.rungs[-1].size.n_epochs if inner.rungs else None
    epoch_budget = chosen.fits[0].epoch_budget if chosen is not None else last
    made = make((chosen or inner.candidates[0]).values)
    fits = tuple(fit.with_epoch_budget(epoch_budget) for fit in made.fits)
    depends_on = () if chosen is not None else (*made.depends_on, inner.key)
    return replace(made, name=name, fits=fits, depends_on=depends_on)
