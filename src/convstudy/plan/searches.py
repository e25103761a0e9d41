"""The stage of a search, one function per method. To add a method, write a function and its line in ``METHODS``.

A stage depends only on the study and the records. Whenever a run plans again, the function returns the same
candidates as before, and the candidates that follow from new records. A later rung or trial whose candidates are not
known yet is represented by placeholders in ``Stage.pending``, fits that are not trained. The cost of the plan includes
them, and the stage makes no choice while it has any.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

from convstudy.metrics import metric_named
from convstudy.plan.drawing import drawn, space_size
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize, halving_schedule
from convstudy.plan.ranking import CandidateScore, ranked, score_of
from convstudy.plan.screening import screening_schedule
from convstudy.plan.stages import Candidate, Rung, Stage
from convstudy.plan.suggestions import Outcomes, suggested
from convstudy.record import Outcome
from convstudy.studyfile import Range, Search
from convstudy.studyfile.part import SearchValue

Values = Mapping[str, SearchValue]
Make = Callable[[Values], Candidate]
"""Returns the candidate with these values; its fits cover all folds and epochs."""
Records = Mapping[str, Outcome]


def search_stage(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Return the stage of a search with all candidates that follow from the records.

    Args:
        name: the name of the search.
        search: its method, search space, folds and budget.
        make: returns the candidate with given values.
        records: fit id -> record, for the fits that have ended.
    """
    stage = METHODS[search.method](name, search, make, records)
    return replace(stage, grid_epochs=_grid_epochs(search, stage.candidates[0]))


def grid(parameters: Mapping[str, tuple[SearchValue, ...]]) -> list[dict[str, SearchValue]]:
    """Return every combination of values; the last key changes fastest."""
    return [dict(zip(parameters, values, strict=True)) for values in itertools.product(*parameters.values())]


def _by_grid(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Evaluate every combination on all folds for all epochs."""
    return Stage("search", name, tuple(make(values) for values in grid(_lists(search))))


def _by_rungs(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Evaluate every combination in rungs that eliminate candidates; see ``SCHEDULES``."""
    candidates = {candidate.name: candidate for candidate in map(make, grid(_lists(search)))}
    first = next(iter(candidates.values()))
    schedule = SCHEDULES[search.method]
    sizes = schedule(len(candidates), search.folds, first.recipe.epochs, search.budget)
    # Without the values of an earlier search, the final networks are unknown: no rung can be decided yet.
    is_blocked = bool(first.depends_on)
    rungs: list[Rung] = []
    pending: list[Fit] = []
    names = list(candidates)
    latest = dict(candidates)  # name -> the candidate with its fits of the latest rung that evaluated it
    is_undecided = False
    for number, size in enumerate(sizes):
        fits = {name: _rung_fits(candidates[name], size) for name in names}
        rung_fits = tuple(fit for own in fits.values() for fit in own)
        n_next = sizes[number + 1].n_candidates if number + 1 < len(sizes) else 1
        if is_undecided:
            # The promoted candidates are unknown, but their number is known. The first n_next names are placeholders.
            pending += rung_fits
            rungs.append(Rung(size))
            names = names[:n_next]
            continue
        latest |= {name: replace(candidates[name], fits=own) for name, own in fits.items()}
        scores = None if is_blocked else _scores(fits, records)
        if scores is None:
            is_undecided = True
            rungs.append(Rung(size, tuple(names), rung_fits))
            names = names[:n_next]
            continue
        best = {score.name for score in ranked(scores)[:n_next]}
        # Keep the order of the study, not of the ranking: it breaks ties in the next rung.
        promoted = tuple(name for name in names if name in best)
        rungs.append(Rung(size, tuple(names), rung_fits, scores, promoted))
        names = list(promoted)
        # Failed fits can leave fewer candidates than scheduled. One candidate needs no further rungs.
        if len(names) < 2:
            rungs += [Rung(later) for later in sizes[number + 1 :]]
            break
    # Rounding can give a rung the folds and epochs of the previous rung: then its fits are known, not placeholders.
    known = {fit.id for rung in rungs for fit in rung.fits}
    placeholders = {fit.id: fit for fit in pending if fit.id not in known}
    return Stage("search", name, tuple(latest.values()), tuple(placeholders.values()), tuple(rungs))


def _by_random(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Evaluate ``search.trials`` random combinations, or all if the space has no more."""
    values = _all_combinations(search) or drawn(search.parameters, search.trials)
    return Stage("search", name, tuple(map(make, values)))


def _by_tpe(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Evaluate ``search.trials`` combinations suggested by TPE in batches of four, or all if the space has no more."""
    combinations = _all_combinations(search)
    if combinations:
        return Stage("search", name, tuple(map(make, combinations)))
    candidates: list[Candidate] = []
    outcomes: Outcomes = ()
    while True:
        batch = [make(values) for values in suggested(search.parameters, outcomes, name)]
        batch = batch[: search.trials - len(candidates)]
        candidates += batch
        if len(candidates) == search.trials:
            return Stage("search", name, tuple(candidates))
        is_blocked = bool(batch[0].depends_on)
        # Ask for a batch only after all scores of the previous batch are known: suggestions must not depend on which
        # fit ends first.
        scores = None if is_blocked else _scores({each.name: each.fits for each in batch}, records)
        if scores is None:
            break
        outcomes += tuple(_outcome(score) for score in scores)
    # Later candidates are unknown. Random candidates are their placeholders, so that the plan has the final number of
    # fits. Of 2 · trials different draws, at least search.trials are new, because fewer than search.trials are known.
    known = {candidate.name for candidate in candidates}
    others = (make(values) for values in drawn(search.parameters, 2 * search.trials))
    new = (other for other in others if other.name not in known)
    placeholders = itertools.islice(new, search.trials - len(candidates))
    pending = tuple(fit for other in placeholders for fit in other.fits)
    return Stage("search", name, tuple(candidates), pending)


def _all_combinations(search: Search) -> list[dict[str, SearchValue]]:
    """Return all combinations if there are at most ``search.trials`` of them, otherwise an empty list."""
    size = space_size(search.parameters)
    if size is None or size > search.trials:
        return []
    lists = {
        key: tuple(values.integers) if isinstance(values, Range) else values
        for key, values in search.parameters.items()
    }
    return grid(lists)


def _scores(fits: Mapping[str, tuple[Fit, ...]], records: Records) -> tuple[CandidateScore, ...] | None:
    """Return the scores of the candidates with these fits, or ``None`` while one of the fits has no final record."""
    scores: list[CandidateScore] = []
    for name, own in fits.items():
        score = score_of(name, own, records)
        if score is None:
            return None
        scores.append(score)
    return tuple(scores)


def _outcome(score: CandidateScore) -> float | None:
    """Return the value that TPE maximizes: the metric, negated if lower is better; ``None`` if a fit failed."""
    if score.n_failed or score.value is None:
        return None
    return score.value if metric_named(score.metric).higher_is_better else -score.value


def _rung_fits(candidate: Candidate, size: RungSize) -> tuple[Fit, ...]:
    """Return a candidate's fits in a rung: its fits on the first folds, with the rung's epoch budget."""
    return tuple(fit.with_epoch_budget(size.n_epochs) for fit in candidate.fits[: size.n_folds])


def _lists(search: Search) -> dict[str, tuple[SearchValue, ...]]:
    """Return the values per key of a search space that has lists only."""
    return {key: values for key, values in search.parameters.items() if not isinstance(values, Range)}


def _grid_epochs(search: Search, candidate: Candidate) -> int | None:
    """Return the number of epochs of the full grid; ``None`` if the space has a range of decimal numbers."""
    size = space_size(search.parameters)
    if size is None:
        return None
    epochs = search.parameters.get("epochs", (candidate.recipe.epochs,))
    # If ``epochs`` is in the search space, a combination trains the mean of its values on average.
    all_epochs = epochs.integers if isinstance(epochs, Range) else epochs
    return size * search.folds * sum(int(n) for n in all_epochs) // len(all_epochs)


SCHEDULES: Mapping[str, Callable[[int, int, int, float], tuple[RungSize, ...]]] = {
    "halving": halving_schedule,
    "screening": screening_schedule,
}
"""Method -> the function that returns its rungs."""

METHODS: Mapping[str, Callable[[str, Search, Make, Records], Stage]] = {
    "grid": _by_grid,
    "halving": _by_rungs,
    "screening": _by_rungs,
    "random": _by_random,
    "tpe": _by_tpe,
}
