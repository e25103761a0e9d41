"""A search to its stage, by each method. A new method is one function and its line in METHODS."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

from convstudy.metrics import metric_named
from convstudy.plan.drawing import drawn, space_size
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize, halving_schedule
from convstudy.plan.ranking import CandidateScore, ranked, score_of
from convstudy.plan.stages import Candidate, Rung, Stage
from convstudy.plan.suggestions import Outcomes, suggested
from convstudy.record import Outcome
from convstudy.studyfile import Range, Search
from convstudy.studyfile.part import Tried

Values = Mapping[str, Tried]
Make = Callable[[Values], Candidate]
"""Returns the candidate with these values, with its fits over all folds and epochs."""
Records = Mapping[str, Outcome]


def search_stage(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Return the stage of a search, as far as the records have brought it."""
    stage = METHODS[search.method](name, search, make, records)
    return replace(stage, grid_epochs=_grid_epochs(search, stage.candidates[0]))


def grid(parameters: Mapping[str, tuple[Tried, ...]]) -> list[dict[str, Tried]]:
    """Return every combination of values, the last key changing fastest."""
    return [dict(zip(parameters, values, strict=True)) for values in itertools.product(*parameters.values())]


def _by_grid(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Every combination, over all folds and epochs."""
    return Stage("search", name, tuple(make(values) for values in grid(_lists(search))))


def _by_halving(name: str, search: Search, make: Make, records: Records) -> Stage:
    """Every combination, most of them a few folds and epochs: see :func:`~convstudy.plan.halving.halving_schedule`."""
    candidates = {candidate.name: candidate for candidate in map(make, grid(_lists(search)))}
    first = next(iter(candidates.values()))
    sizes = halving_schedule(len(candidates), search.folds, first.recipe.epochs, search.budget)
    waits = bool(first.depends_on)
    rungs: list[Rung] = []
    pending: list[Fit] = []
    names = list(candidates)
    reached = dict(candidates)
    is_open = False
    for number, size in enumerate(sizes):
        fits = {name: _rung_fits(candidates[name], size) for name in names}
        every = tuple(fit for own in fits.values() for fit in own)
        n_next = sizes[number + 1].n_candidates if number + 1 < len(sizes) else 1
        if is_open:  # whoever it will be, the first of those that are left stand in
            pending += every
            rungs.append(Rung(size))
            names = names[:n_next]
            continue
        reached |= {name: replace(candidates[name], fits=own) for name, own in fits.items()}
        scores = None if waits else _scores(fits, records)
        if scores is None:
            is_open = True
            rungs.append(Rung(size, tuple(names), every))
            names = names[:n_next]
            continue
        best = {score.name for score in ranked(scores)[:n_next]}
        promoted = tuple(name for name in names if name in best)
        rungs.append(Rung(size, tuple(names), every, scores, promoted))
        names = list(promoted)
        if len(names) < 2:  # nothing is left to decide
            rungs += [Rung(later) for later in sizes[number + 1 :]]
            break
    # Fits of a rung that goes no further than the one before are there already.
    known = {fit.id for rung in rungs for fit in rung.fits}
    placeholders = {fit.id: fit for fit in pending if fit.id not in known}
    return Stage("search", name, tuple(reached.values()), tuple(placeholders.values()), tuple(rungs))


def _by_random(name: str, search: Search, make: Make, records: Records) -> Stage:
    """So many combinations, drawn at random; all, where there are no more."""
    values = _every_one(search) or drawn(search.parameters, search.trials)
    return Stage("search", name, tuple(map(make, values)))


def _by_tpe(name: str, search: Search, make: Make, records: Records) -> Stage:
    """So many combinations, four at a time, where earlier ones did well; all, where there are no more."""
    every = _every_one(search)
    if every:
        return Stage("search", name, tuple(map(make, every)))
    candidates: list[Candidate] = []
    outcomes: Outcomes = ()
    while True:
        batch = [make(values) for values in suggested(search.parameters, outcomes, name)]
        batch = batch[: search.trials - len(candidates)]
        candidates += batch
        if len(candidates) == search.trials:
            return Stage("search", name, tuple(candidates))
        waits = bool(batch[0].depends_on)
        scores = None if waits else _scores({each.name: each.fits for each in batch}, records)
        if scores is None:
            break
        outcomes += tuple(_outcome(score) for score in scores)
    # The candidates to come are not known yet: others take their places, one each.
    known = {candidate.name for candidate in candidates}
    others = (
        make(values) for values in drawn(search.parameters, 2 * search.trials)
    )  # enough of them are new
    new = (other for other in others if other.name not in known)
    placeholders = itertools.islice(new, search.trials - len(candidates))
    pending = tuple(fit for other in placeholders for fit in other.fits)
    return Stage("search", name, tuple(candidates), pending)


def _every_one(search: Search) -> list[dict[str, Tried]]:
    """Return all combinations where a search may draw as many as there are, else none."""
    size = space_size(search.parameters)
    if size is None or size > search.trials:
        return []
    lists = {
        key: tuple(values.integers) if isinstance(values, Range) else values
        for key, values in search.parameters.items()
    }
    return grid(lists)


def _scores(fits: Mapping[str, tuple[Fit, ...]], records: Records) -> tuple[CandidateScore, ...] | None:
    """Return the scores of all candidates by their fits, or ``None`` while one has no record."""
    scores: list[CandidateScore] = []
    for name, own in fits.items():
        score = score_of(name, own, records)
        if score is None:
            return None
        scores.append(score)
    return tuple(scores)


def _outcome(score: CandidateScore) -> float | None:
    """Return what TPE maximises; ``None`` where a fit failed."""
    if score.n_failed or score.value is None:
        return None
    return score.value if metric_named(score.metric).higher_is_better else -score.value


def _rung_fits(candidate: Candidate, size: RungSize) -> tuple[Fit, ...]:
    """Return a candidate's fits of one rung: on the first folds, up to an epoch."""
    return tuple(fit.with_epoch_budget(size.n_epochs) for fit in candidate.fits[: size.n_folds])


def _lists(search: Search) -> dict[str, tuple[Tried, ...]]:
    """Return what a search without ranges varies."""
    return {key: values for key, values in search.parameters.items() if not isinstance(values, Range)}


def _grid_epochs(search: Search, candidate: Candidate) -> int | None:
    """Return how many epochs the grid would train; ``None`` where a range has none."""
    size = space_size(search.parameters)
    if size is None:
        return None
    epochs = search.parameters.get("epochs", (candidate.recipe.epochs,))
    every = epochs.integers if isinstance(epochs, Range) else epochs
    return size * search.folds * sum(int(n) for n in every) // len(every)


METHODS: Mapping[str, Callable[[str, Search, Make, Records], Stage]] = {
    "grid": _by_grid,
    "halving": _by_halving,
    "random": _by_random,
    "tpe": _by_tpe,
}
