"""The progress of a run and its remaining time, computed from its events.

>>> from convstudy.run.progress import Progress
>>> progress = Progress()
>>> progress.n_done, progress.fraction, progress.seconds_left
(0, 0.0, None)

``run_study(study, listener=progress.take)`` updates the progress in the thread that calls ``run_study``. If another
thread reads the progress, both threads must hold the same lock during ``take`` and during the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from convstudy.plan import Choice, Fit, Plan, Stage, epochs_added, fit_cost
from convstudy.plan.names import names_of
from convstudy.record import Epoch
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    EvaluatedOnTestSet,
    FitEnded,
    FitStarted,
    RunStarted,
    SearchAdvanced,
)

if TYPE_CHECKING:
    from convstudy.run.events import Event


@dataclass
class Running:
    """A running fit, its last completed epoch, and the time of its last event in seconds of ``Progress.clock``."""

    fit: Fit
    last_event: float
    epoch: Epoch | None = None

    @property
    def fraction(self) -> float:
        """The fraction of the fit's epochs that are complete, 0 to 1."""
        return self.epoch.number / self.fit.n_epochs if self.epoch else 0.0


@dataclass
class StageProgress:
    """The number of a stage's fits, and of those with a record; ``known`` has the ids of the decided fits."""

    known: frozenset[str]
    n_fits: int
    n_done: int

    @property
    def finished(self) -> bool:
        """Whether every fit has a record."""
        return self.n_done >= self.n_fits


@dataclass
class Progress:
    """Counts the events of a run. Work is measured in FLOPs, see :mod:`convstudy.plan.cost`.

    Args:
        clock: returns seconds since any fixed time, as ``time.monotonic`` does.

    Attributes:
        plan: the plan of the latest event that had one; ``None`` before the run started.
        done: the ids of all fits with a record.
        n_started: the number of fits that started in this run.
        n_failed: the number of fits that failed in this run.
        n_evaluated: the number of models evaluated on the test set in this run.
        running: fit id -> running fit.
        choices: stage key -> the choice made in this run.
        names: fit id -> name of the fit in the plan.
        stages: stage key -> the numbers of its fits and of its fits with a record.
    """

    clock: Callable[[], float] = monotonic
    plan: Plan | None = None
    done: set[str] = field(default_factory=set)
    n_started: int = 0
    n_failed: int = 0
    n_evaluated: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    stages: dict[str, StageProgress] = field(default_factory=dict)
    _started: float | None = None
    _began_training: float | None = None
    _n_workers: int = 1
    _work_here: float = 0.0  # FLOPs of the epochs of this run
    _seconds_lost: float = 0.0  # workers' seconds without a completed epoch: failed fits and dead workers
    _costs: dict[str, int] = field(default_factory=dict)  # fit id -> FLOPs of one epoch
    # Fit id -> number of epochs without those of the shorter fit that it resumes from.
    _added: dict[str, int] = field(default_factory=dict)
    # A listener may read the remaining work after each event. So it is updated, not summed over up to 50,000 fits.
    _missing: dict[str, int] = field(default_factory=dict)  # fit id -> FLOPs
    _work: int = 0
    _work_missing: int = 0
    _placeholders: frozenset[str] = frozenset()

    def take(self, event: Event) -> None:
        """Update the progress with an event."""
        match event:
            case RunStarted():
                self._started, self._n_workers = self.clock(), event.workers
                self.done = set(event.done)
                self._take_plan(event.plan)
            case FitStarted():
                self.n_started += 1
                # The time to start the workers is not part of the training speed.
                self._began_training = self.clock() if self._began_training is None else self._began_training
                self._count_lost(event.fit)  # if the fit is running already, its worker has died
                self.running[event.fit.id] = Running(event.fit, self.clock())
            case EpochEnded():
                running = self.running.setdefault(event.fit.id, Running(event.fit, self.clock()))
                running.epoch, running.last_event = event.epoch, self.clock()
                self._work_here += self._epoch_cost(event.fit)
            case FitEnded():
                if not event.record.done:
                    self.n_failed += 1
                    self._count_lost(event.fit)
                self.running.pop(event.fit.id, None)
                self._count(event.fit.id)
            case ChoiceMade():
                self.choices[event.choice.stage] = event.choice
                self._take_plan(event.plan)
            case SearchAdvanced():
                self._take_plan(event.plan)
            case EvaluatedOnTestSet():
                self.n_evaluated += 1

    def cost(self, fit: Fit) -> int:
        """Return the FLOPs of a fit, without the epochs of the shorter fit that it resumes from."""
        return self._epoch_cost(fit) * self._added.get(fit.id, fit.n_epochs)

    def _epoch_cost(self, fit: Fit) -> int:
        if fit.id not in self._costs:
            self._costs[fit.id] = fit_cost(fit, n_epochs=1).flops
        return self._costs[fit.id]

    @property
    def n_fits(self) -> int:
        return len(self.plan.fits) if self.plan else 0

    @property
    def n_done(self) -> int:
        """The number of the plan's fits with a record, including failed fits."""
        return self.n_fits - len(self._missing)

    @property
    def fraction(self) -> float:
        """The fraction of the plan's FLOPs that is done, 0 to 1, including earlier runs."""
        return 1 - self._work_left / self._work if self._work else 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the start of this run."""
        return self.clock() - self._started if self._started is not None else 0.0

    @property
    def seconds_left(self) -> float | None:
        """The remaining seconds at the speed of this run so far; ``None`` before its first epoch has ended.

        The speed excludes the time after the last completed epoch of a failed fit, of a fit whose worker died, and of
        each running fit.
        """
        if self._began_training is None or not self._work_here:
            return None
        now = self.clock()
        # A lost second is lost by one worker only, so the sum is divided by the number of workers.
        lost = self._seconds_lost + sum(now - running.last_event for running in self.running.values())
        elapsed = now - self._began_training
        return max(0.0, elapsed - lost / self._n_workers) * self._work_left / self._work_here

    def name(self, fit: Fit) -> str:
        """Return the name of a fit in the plan, such as ``"compare.architectures two-conv, seed 0"``."""
        return self.names.get(fit.id, fit.id)

    @property
    def _work_left(self) -> int:
        return self._work_missing - sum(
            self._missing[running.fit.id]
            - self._epoch_cost(running.fit) * (running.fit.n_epochs - running.epoch.number)
            for running in self.running.values()
            if running.epoch is not None and running.fit.id in self._missing
        )

    def _count_lost(self, fit: Fit) -> None:
        """Count the time since the last event of a running fit as lost."""
        if fit.id in self.running:
            self._seconds_lost += self.clock() - self.running[fit.id].last_event

    def _count(self, fit_id: str) -> None:
        """Count a fit as done."""
        if fit_id not in self._placeholders:
            self._work_missing -= self._missing.pop(fit_id, 0)
        if fit_id not in self.done:
            self.done.add(fit_id)
            for stage in self.stages.values():
                stage.n_done += fit_id in stage.known

    def _take_plan(self, plan: Plan) -> None:
        self.plan = plan
        self._added, self._placeholders = epochs_added(plan.fits), plan.placeholders
        costs = {fit.id: self.cost(fit) for fit in plan.fits}
        self._missing = {
            fit_id: cost
            for fit_id, cost in costs.items()
            if fit_id not in self.done or fit_id in self._placeholders
        }
        self._work, self._work_missing = sum(costs.values()), sum(self._missing.values())
        self.stages = {stage.key: self._stage(stage) for stage in plan.stages}
        self.names |= names_of(plan)

    def _stage(self, stage: Stage) -> StageProgress:
        known = frozenset(fit.id for fit in stage.fits)
        n_fits = len(known.union(fit.id for fit in stage.pending))
        return StageProgress(known, n_fits, len(known & self.done))
