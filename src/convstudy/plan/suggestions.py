"""Candidates suggested by TPE: where earlier ones did well, more are drawn (Bergstra et al. 2011; Optuna's sampler).

Suggestions are asked for four at a time, and what they scored is told in their order, all four together. So they
follow from the search and the scores alone: not from the number of workers, nor from who ended first. After a stop
they are asked for again and come out the same.
"""

from __future__ import annotations

import hashlib
import warnings
from functools import lru_cache
from typing import Any

from convstudy.plan.drawing import Space, drawn, rounded, space_text
from convstudy.studyfile import Range
from convstudy.studyfile.part import Tried

AT_ONCE = 4
"""How many suggestions are asked for before any of them is told."""
# A suggestion that was made before is asked for anew, so often before one is drawn at random.
MAX_REPEATS = 20
# Every setting whose default may change suggestions: Optuna 5.0 changed those of multivariate and constant_liar.
# Left out are those that Optuna has deprecated: naming one warns now and will raise in 6.0.
SETTINGS: dict[str, Any] = {
    "n_startup_trials": 10,
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "constant_liar": True,  # trials of a batch whose scores are not known yet count as bad, so that they differ
}
Outcomes = tuple[float | None, ...]
"""What each candidate scored, in order; ``None`` for one that failed."""


def suggested(space: Space, outcomes: Outcomes, asked_by: str = "") -> list[dict[str, Tried]]:
    """Return the next four candidates after these outcomes, fewer only where there are no others.

    Args:
        space: what may be tried.
        outcomes: mean validation accuracies of all candidates suggested before, in order.
        asked_by: the search; it changes no suggestion, but searches of one space that go on side by side are answered
            sooner by a name each.

    Raises:
        ValueError: where these are not the outcomes of whole batches.
    """
    if len(outcomes) % AT_ONCE:
        raise ValueError(f"outcomes are told {AT_ONCE} at a time, and here are {len(outcomes)}")
    rows = _session(space_text(space), tuple(space.items()), asked_by).after(outcomes)
    return [dict(zip(space, row, strict=True)) for row in rows]


class TpeSession:
    """What was asked of and told to the sampler about one search, so that it need not begin anew each time."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._begin()

    def after(self, outcomes: Outcomes) -> list[tuple[Tried, ...]]:
        """Return what is suggested after these outcomes: what was said before, or what follows from telling them."""
        common = min(len(outcomes), len(self._outcomes))
        if outcomes[:common] != self._outcomes[:common]:
            self._begin()  # another story than the one told so far
        while len(self._outcomes) < len(outcomes):
            self._tell(outcomes[len(self._outcomes) : len(self._outcomes) + AT_ONCE])
        return self._batches[len(outcomes) // AT_ONCE]

    def _begin(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        seed = int(hashlib.sha256(space_text(self._space).encode()).hexdigest()[:8], 16)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = optuna.samplers.TPESampler(seed=seed, **SETTINGS)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._distributions = {key: _distribution(self._space[key]) for key in sorted(self._space)}
        self._batches: list[list[tuple[Tried, ...]]] = []
        self._outcomes: Outcomes = ()
        self._scores: dict[tuple[Tried, ...], float | None] = {}
        self._open: list[Any] = []
        self._ask_all()

    def _ask_all(self) -> None:
        self._open, batch = [], []
        for _ in range(AT_ONCE):
            row = self._ask()
            if row is None:
                break
            self._scores[row] = None
            batch.append(row)
        self._batches.append(batch)

    def _ask(self) -> tuple[Tried, ...] | None:
        """Return a candidate that was not suggested before; ``None`` where there is none."""
        for _ in range(MAX_REPEATS):
            trial = self._trial()
            row = self._row(trial.params)
            if row not in self._scores:
                self._open.append(trial)
                return row
            self._study.tell(trial, **_outcome(self._scores[row]))  # it is known what it scores
        others = drawn(self._space, len(self._scores) + 1)
        values = next((each for each in others if tuple(each.values()) not in self._scores), None)
        if values is None:
            return None
        self._study.enqueue_trial(values)
        self._open.append(self._trial())
        return tuple(values.values())

    def _trial(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._study.ask(self._distributions)

    def _tell(self, outcomes: Outcomes) -> None:
        """Send what the last four scored, and ask for four more."""
        for trial, row, outcome in zip(self._open, self._batches[-1], outcomes, strict=True):
            self._scores[row] = outcome
            self._study.tell(trial, **_outcome(outcome))
        self._outcomes += outcomes
        self._ask_all()

    def _row(self, params: dict[str, Any]) -> tuple[Tried, ...]:
        """Return the values of a trial in the order of the study file."""
        row: list[Tried] = []
        for key, tried in self._space.items():
            value = params[key]
            row.append(rounded(value, tried) if isinstance(tried, Range) and not tried.is_integer else value)
        return tuple(row)


def _outcome(outcome: float | None) -> dict[str, Any]:
    """Return what to tell of a trial: its score, or that it failed."""
    from optuna.trial import TrialState

    return {"state": TrialState.FAIL} if outcome is None else {"values": outcome}


def _distribution(tried: tuple[Tried, ...] | Range) -> Any:
    """Return a list or a range in Optuna's words."""
    from optuna import distributions

    if not isinstance(tried, Range):
        return distributions.CategoricalDistribution(tried)
    low, high = tried.ends
    if tried.is_integer:
        return distributions.IntDistribution(int(low), int(high), log=tried.log, step=tried.step or 1)
    return distributions.FloatDistribution(float(low), float(high), log=tried.log)


@lru_cache(maxsize=128)
def _session(
    text: str, space: tuple[tuple[str, tuple[Tried, ...] | Range], ...], asked_by: str
) -> TpeSession:
    """Return the conversation about this search; ``text`` tells apart what is equal to Python."""
    return TpeSession(dict(space))
