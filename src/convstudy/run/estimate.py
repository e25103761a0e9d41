"""Estimates the cost and the run time of a study before it is run.

Before a stage has chosen its best candidate, the stages that depend on this choice are estimated with placeholders,
such as the values that the networks declare. Times are measured in a few training steps of up to 24 networks on this
machine (:mod:`convstudy.engine.run_time`). No record is written.
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
    """The estimate of one stage. A fit that two stages share counts only in the first of them.

    Attributes:
        stage: the stage.
        n_fits: the number of its fits.
        n_done: the number of its fits with a final record.
        left: the cost of the remaining fits.
        seconds: the time of the remaining fits with one worker; ``None`` without time measurements.
    """

    stage: Stage
    n_fits: int
    n_done: int
    left: Cost
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """The cost and run time of a study.

    Attributes:
        plan: the plan with all choices that can be made from the existing records.
        stages: one estimate per stage, in the order of the plan.
        total: the cost of all fits.
        left: the cost of the remaining fits, without epochs that are already trained.
        n_workers: the number of fits that train at the same time.
        seconds: the remaining time with ``n_workers`` workers; ``None`` without time measurements.
        n_kinds: the number of different kinds of training steps of the remaining fits.
        n_timed: the number of these kinds that were measured; the others are interpolated.
        least: the cost of all fits if no stage adds seeds; ``total`` if the study has a fixed number of seeds.
        least_left: the remaining part of this cost.
        least_seconds: the time for it with ``n_workers`` workers; ``None`` without time measurements.
    """

    plan: Plan
    stages: tuple[StageEstimate, ...]
    total: Cost
    left: Cost
    n_workers: int
    seconds: float | None
    least: Cost
    least_left: Cost
    least_seconds: float | None
    n_kinds: int = 0
    n_timed: int = 0


def estimate_study(
    study: Study,
    runs: Path | str = "runs",
    workers: int | None = None,
    calibration_seconds: float | None = CALIBRATION_SECONDS,
) -> Estimate:
    """Estimate the cost and time of the fits that :func:`~convstudy.run.run_study` would train on a CPU.

    Args:
        study: the study; it is checked first.
        runs: the runs folder, which need not exist. Fits that are done there cost nothing.
        workers: the number of fits that train at the same time. The default is the number of cores divided by
            ``study.threads``.
        calibration_seconds: the approximate duration of the time measurements in seconds. With ``None``, nothing is
            measured and only the cost is estimated.

    Raises:
        StudyError: if the study cannot be run.
        StoreError: if the runs folder cannot be read.
        UsageError: if an argument has a wrong type, or ``workers`` is negative.

    >>> from convstudy import load_study
    >>> from convstudy.run import estimate_study
    >>> estimate = estimate_study(load_study("digits"), "no-runs", workers=2, calibration_seconds=None)
    >>> [(stage.stage.key, stage.n_fits, stage.n_done) for stage in estimate.stages][0]
    ('search.kernel-size', 10, 0)
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
    """Estimate the remaining cost and time of a checked study.

    Args:
        study: the study, without ``precision = "auto"``.
        history: the history of the runs folder; ``None`` if there is no runs folder yet.
        workers: the number of workers; ``None`` for the default.
        calibration_seconds: the duration of the time measurements; ``None`` for no measurements.
    """
    records = history.outcomes(history.run_id_of(study)) if history else {}
    plan, _ = resolve(study, records)
    placeholders = plan.placeholders
    known = [fit.id for fit in plan.fits if fit.id not in placeholders]
    done = {fit_id for fit_id in known if fit_id in records and records[fit_id].final}
    left = [fit for fit in plan.fits if fit.id not in done]
    # A fit that resumes from the checkpoint of a fit with fewer epochs trains only the additional epochs.
    paused = [
        fit
        for fit in plan.fits
        if fit.epoch_budget and fit.id in done and history and history.has_checkpoint(fit)
    ]
    added = epochs_added(left, paused)
    expected, n_kinds, n_timed = _expected_seconds(left, added, calibration_seconds)
    n_workers = workers or default_workers(study)
    # Seeds that later looks may add; every pair can be decided before them.
    optional = {fit.id for stage in plan.stages if stage.max_seeds is not None for fit in stage.pending}
    optional -= {fit.id for stage in plan.stages for fit in stage.fits}
    certain = [fit for fit in left if fit.id not in optional]
    return Estimate(
        plan=plan,
        stages=tuple(_stages(plan, done, added, expected)),
        total=plan_cost(plan.fits),
        left=plan_cost(left, paused),
        n_workers=n_workers,
        seconds=None if expected is None else parallel_seconds(expected.values(), n_workers),
        n_kinds=n_kinds,
        n_timed=n_timed,
        least=plan_cost(fit for fit in plan.fits if fit.id not in optional),
        least_left=plan_cost(certain, paused),
        least_seconds=None
        if expected is None
        else parallel_seconds([expected[fit.id] for fit in certain], n_workers),
    )


def parallel_seconds(seconds: Iterable[float], n_workers: int) -> float:
    """Return the seconds that ``n_workers`` workers need for fits with these seconds, at least those of the longest.

    >>> parallel_seconds([10.0, 10.0, 10.0], 2), parallel_seconds([20.0, 1.0], 2)
    (15.0, 20.0)
    """
    every = list(seconds)
    return max([sum(every) / n_workers, *every]) if every else 0.0


def _expected_seconds(
    fits: list[Fit], epochs: Mapping[str, int], calibration_seconds: float | None
) -> tuple[Mapping[str, float] | None, int, int]:
    """Return the seconds of each fit for its remaining epochs, and the numbers of step kinds and of measured kinds."""
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
