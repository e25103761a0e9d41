"""Candidates suggested by TPE, which samples near values that scored well (Bergstra et al. 2011; Optuna's sampler).

Optuna suggests four candidates at a time and receives their four scores together, in the same order. So suggestions
depend only on the search space and the scores, and not on the number of workers or the order in which fits end. After
an interruption, the same calls to Optuna are repeated and return the same suggestions.
"""

from __future__ import annotations

import hashlib
import warnings
from functools import lru_cache
from typing import Any

from convstudy.plan.drawing import Space, drawn, rounded, space_text
from convstudy.studyfile import Range
from convstudy.studyfile.part import SearchValue

BATCH_SIZE = 4
"""The number of suggestions per batch."""
# TPE may repeat a candidate. Then it must suggest again, up to this number of times; after that, a random candidate
# is used.
MAX_REPEATS = 20
# Every setting that changes suggestions is explicit, because defaults change between versions: Optuna 5.0 changed the
# defaults of multivariate and constant_liar. Deprecated settings are omitted: they warn now and will raise in 6.0.
SETTINGS: dict[str, Any] = {
    "n_startup_trials": 10,
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "constant_liar": True,  # pending trials of a batch count as bad, so that the four suggestions differ
}
Outcomes = tuple[float | None, ...]
"""The score of each candidate, in order; higher is better, ``None`` if the candidate failed."""


def suggested(space: Space, outcomes: Outcomes, search_name: str = "") -> list[dict[str, SearchValue]]:
    """Return the next batch of candidates: four, or fewer if the space has no more.

    Args:
        space: the search space.
        outcomes: the scores of all candidates suggested so far, in order.
        search_name: the name of the search. It does not change suggestions. As a cache key, it prevents searches over
            the same space from resetting each other's session.

    Raises:
        ValueError: if the outcomes do not fill whole batches.
    """
    if len(outcomes) % BATCH_SIZE:
        raise ValueError(f"the number of outcomes must be a multiple of {BATCH_SIZE}; got {len(outcomes)}")
    rows = _session(space_text(space), tuple(space.items()), search_name).after(outcomes)
    return [dict(zip(space, row, strict=True)) for row in rows]


class TpeSession:
    """The state of Optuna's sampler for one search, kept so that a new batch does not repeat earlier calls."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._begin()

    def after(self, outcomes: Outcomes) -> list[tuple[SearchValue, ...]]:
        """Return the batch that follows these outcomes, from the cache or by passing new outcomes to the sampler."""
        common = min(len(outcomes), len(self._outcomes))
        if outcomes[:common] != self._outcomes[:common]:
            self._begin()  # an earlier score has changed: start over
        while len(self._outcomes) < len(outcomes):
            self._add(outcomes[len(self._outcomes) : len(self._outcomes) + BATCH_SIZE])
        return self._batches[len(outcomes) // BATCH_SIZE]

    def _begin(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        # The seed is a hash of the space: the same search gets the same suggestions on every machine.
        seed = int(hashlib.sha256(space_text(self._space).encode()).hexdigest()[:8], 16)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna warns of experimental settings
            sampler = optuna.samplers.TPESampler(seed=seed, **SETTINGS)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions = {key: _distribution(self._space[key]) for key in sorted(self._space)}
        self._batches: list[list[tuple[SearchValue, ...]]] = []
        self._outcomes: Outcomes = ()
        self._scores: dict[tuple[SearchValue, ...], float | None] = {}
        self._pending_trials: list[Any] = []
        self._ask_batch()

    def _ask_batch(self) -> None:
        self._pending_trials, batch = [], []
        for _ in range(BATCH_SIZE):
            row = self._ask()
            if row is None:
                break
            self._scores[row] = None
            batch.append(row)
        self._batches.append(batch)

    def _ask(self) -> tuple[SearchValue, ...] | None:
        """Return a candidate that was not suggested before; ``None`` if no such candidate is left."""
        for _ in range(MAX_REPEATS):
            trial = self._trial()
            row = self._row(trial.params)
            if row not in self._scores:
                self._pending_trials.append(trial)
                return row
            self._study.tell(trial, **_as_optuna(self._scores[row]))  # give Optuna the known score again
        others = drawn(self._space, len(self._scores) + 1)
        values = next((each for each in others if tuple(each.values()) not in self._scores), None)
        if values is None:
            return None
        self._study.enqueue_trial(values)
        self._pending_trials.append(self._trial())
        return tuple(values.values())

    def _trial(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._study.ask(self._distributions)

    def _add(self, outcomes: Outcomes) -> None:
        """Pass the scores of the latest batch to Optuna, and ask for the next batch."""
        for trial, row, outcome in zip(self._pending_trials, self._batches[-1], outcomes, strict=True):
            self._scores[row] = outcome
            self._study.tell(trial, **_as_optuna(outcome))
        self._outcomes += outcomes
        self._ask_batch()

    def _row(self, params: dict[str, Any]) -> tuple[SearchValue, ...]:
        """Return the values of a trial in the order of the study file."""
        row: list[SearchValue] = []
        for key, tried in self._space.items():
            value = params[key]
            row.append(rounded(value, tried) if isinstance(tried, Range) and not tried.is_integer else value)
        return tuple(row)


def _as_optuna(outcome: float | None) -> dict[str, Any]:
    """Return the arguments of Optuna's ``Study.tell`` for a score or a failure."""
    from optuna.trial import TrialState

    return {"state": TrialState.FAIL} if outcome is None else {"values": outcome}


def _distribution(tried: tuple[SearchValue, ...] | Range) -> Any:
    """Return a list or a range as an Optuna distribution."""
    from optuna import distributions

    if not isinstance(tried, Range):
        return distributions.CategoricalDistribution(tried)
    low, high = tried.ends
    if tried.is_integer:
        return distributions.IntDistribution(int(low), int(high), log=tried.log, step=tried.step or 1)
    return distributions.FloatDistribution(float(low), float(high), log=tried.log)


@lru_cache(maxsize=128)
def _session(
    text: str, space: tuple[tuple[str, tuple[SearchValue, ...] | Range], ...], search_name: str
) -> TpeSession:
    """Return the session of a search. ``text`` is in the cache key because 1 and 1.0 are equal in Python."""
    return TpeSession(dict(space))
