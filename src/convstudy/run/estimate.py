"""What a study has left to train, what that costs, and how long it takes on this machine; nothing is trained for good.

The fits of open choices are counted with placeholders. Times come from a calibration: a few real steps of up to 24
networks (:mod:`convstudy.engine.run_time`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from convstudy.history import History
from convstudy.plan import Cost, Fit, Plan, Stage, epochs_added, fit_cost, plan_cost, resolve
from convstudy.run.arguments import check_types
from convstudy.run.choosing import fix_precision
from convstudy.run.study import checked_workers, default_workers
from convstudy.studyfile import Study, check_study

CALIBRATION_SECONDS = 3.0


@dataclass(frozen=True)
class StageEstimate:
    """What a stage has to do: ``n_fits`` in all, ``n_done`` of them done, ``left`` and ``seconds`` for the others.

    A fit that two stages share counts in the first. ``seconds`` are those of one worker; ``None`` without calibration.
    """

    stage: Stage
    n_fits: int
    n_done: int
    left: Cost
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """What a study costs.

    Attributes:
        plan: with every choice that the records allow.
        stages: in the order of the plan.
        total: the cost of all fits.
        left: the cost of the fits that are not done; epochs that a paused fit has behind it do not count.
        n_workers: the number of fits that train at once.
        seconds: with this many workers; ``None`` without calibration.
        n_kinds: the number of different kinds of steps of the fits that are left.
        n_timed: the number of these kinds that were timed; the others are interpolated.
    """

    plan: Plan
    stages: tuple[StageEstimate, ...]
    total: Cost
    left: Cost
    n_workers: int
    seconds: float | None
    n_kinds: int = 0
    n_timed: int = 0


def estimate_study(
    study: Study,
    runs: Path | str = "runs",
    workers: int | None = None,
    calibration_seconds: float | None = CALIBRATION_SECONDS,
) -> Estimate:
    """Estimate what :func:`~convstudy.run.run_study` has left to do on a CPU.

    >>> from convstudy import load_study
    >>> estimate = estimate_study(load_study("digits"), "no-runs", workers=2, calibration_seconds=None)
    >>> [(stage.stage.key, stage.n_fits, stage.n_done) for stage in estimate.stages][0]
    ('search.kernel-size', 9, 0)

    Args:
        study: is checked first.
        runs: the runs folder; fits that are done there are not counted as work. It is not created.
        workers: the number of fits that train at once (default: the cores divided by the study's threads).
        calibration_seconds: about how long the calibration takes; ``None`` for no calibration and no times.

    Raises:
        StudyError: where the study cannot be run.
        StoreError: where the runs folder cannot be read.
        UsageError: where ``workers`` is negative, or an argument has another type.
    """
    check_types(study, runs, workers)
    checked_workers(workers)
    check_study(study)
    study = fix_precision(study, "cpu")
    history = History.open(Path(runs)) if History.is_at(Path(runs)) else None
    try:
        return estimate(study, history, workers, calibration_seconds)
    finally:
        if history is not None:
            history.close()


def estimate(
    study: Study, history: History | None, workers: int | None, calibration_seconds: float | None
) -> Estimate:
    """Estimate what a checked study has left to do, given the history of its runs folder if there is one."""
    records = history.outcomes(history.run_id_of(study)) if history else {}
    plan, _ = resolve(study, records)
    placeholders = plan.placeholders
    known = [fit.id for fit in plan.fits if fit.id not in placeholders]
    done = {fit_id for fit_id in known if fit_id in records and records[fit_id].final}
    left = [fit for fit in plan.fits if fit.id not in done]
    # Paused fits that left a checkpoint: what resumes from them has that many epochs less to train.
    paused = [
        fit
        for fit in plan.fits
        if fit.epoch_budget and fit.id in done and history and history.has_checkpoint(fit)
    ]
    added = epochs_added(left, paused)
    expected, n_kinds, n_timed = _expected_seconds(left, added, calibration_seconds)
    n_workers = workers or default_workers(study)
    return Estimate(
        plan=plan,
        stages=tuple(_stages(plan, done, added, expected)),
        total=plan_cost(plan.fits),
        left=plan_cost(left, paused),
        n_workers=n_workers,
        seconds=None if expected is None else together(expected.values(), n_workers),
        n_kinds=n_kinds,
        n_timed=n_timed,
    )


def together(seconds: Iterable[float], n_workers: int) -> float:
    """Return how long workers take together over fits of these times: no less than the longest fit.

    >>> together([10.0, 10.0, 10.0], 2), together([20.0, 1.0], 2)
    (15.0, 20.0)
    """
    every = list(seconds)
    return max([sum(every) / n_workers, *every]) if every else 0.0


def _expected_seconds(
    fits: list[Fit], epochs: Mapping[str, int], calibration_seconds: float | None
) -> tuple[Mapping[str, float] | None, int, int]:
    """Return the seconds of each fit over the epochs that it adds, the number of kinds of steps, and of those timed."""
    if calibration_seconds is None:
        return None, 0, 0
    if not fits:
        return {}, 0, 0
    from convstudy.engine.run_time import estimate_run_time

    found = estimate_run_time(fits, calibration_seconds)
    seconds = {fit.id: found.seconds[fit.id] * epochs[fit.id] / fit.n_epochs for fit in fits}
    return seconds, found.n_kinds, found.n_timed


def _stages(
    plan: Plan, done: set[str], added: Mapping[str, int], expected: Mapping[str, float] | None
) -> Iterator[StageEstimate]:
    seen: set[str] = set()
    for stage in plan.stages:
        fits = {fit.id: fit for fit in (*stage.fits, *stage.pending)}
        left = [fit for fit in fits.values() if fit.id not in done and fit.id not in seen]
        seconds = None if expected is None else sum(expected[fit.id] for fit in left)
        cost = sum((fit_cost(fit, added[fit.id]) for fit in left), Cost(0, 0, 0))
        yield StageEstimate(stage, len(fits), len(fits.keys() & done), cost, seconds)
        seen |= fits.keys()
