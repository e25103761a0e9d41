"""How far a run is: events in, figures out. It keeps no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from convstudy.cli.names import names_of
from convstudy.plan import Choice, Fit, Plan, Stage, epochs_added, fit_cost
from convstudy.record import Epoch
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    FitEnded,
    FitStarted,
    RunStarted,
    SearchAdvanced,
    TestOpened,
)

if TYPE_CHECKING:
    from convstudy.run.events import Event


@dataclass
class Running:
    """A fit that trains now, and the last epoch it told of."""

    fit: Fit
    epoch: Epoch | None = None

    @property
    def share(self) -> float:
        """How much of the fit is done, 0 to 1."""
        return self.epoch.number / self.fit.n_epochs if self.epoch else 0.0


@dataclass
class StageTally:
    """How many of a stage's fits have a record; ``known`` are the ids of those that stand in for no others."""

    known: frozenset[str]
    n_fits: int
    n_done: int


@dataclass
class Tally:
    """What the events so far come to. Work is counted in floating-point operations, see ``plan.cost``.

    Args:
        clock: seconds since any moment; a test brings its own.
    """

    clock: Callable[[], float] = monotonic
    plan: Plan | None = None
    done: set[str] = field(default_factory=set)
    n_failed: int = 0
    n_opened: int = 0
    running: dict[str, Running] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    _started: float | None = None
    _began_training: float | None = None
    _work_here: float = 0.0
    stages: dict[str, StageTally] = field(default_factory=dict)
    _costs: dict[str, int] = field(default_factory=dict)
    _added: dict[str, int] = field(default_factory=dict)
    # A line is printed for each fit: what is left is counted down, not summed again over 50,000 fits.
    _missing: dict[str, int] = field(default_factory=dict)  # fit id -> operations
    _work: int = 0
    _work_missing: int = 0
    _stand_ins: frozenset[str] = frozenset()

    def take(self, event: Event) -> None:
        """Count an event in."""
        if isinstance(event, RunStarted):
            self._started = self.clock()
            self.done = set(event.done)
            self._take_plan(event.plan)
        elif isinstance(event, FitStarted):
            # Until its workers are there a run does nothing, and that says nothing of its pace.
            self._began_training = self.clock() if self._began_training is None else self._began_training
            self.running[event.fit.id] = Running(event.fit)
        elif isinstance(event, EpochEnded):
            self.running.setdefault(event.fit.id, Running(event.fit)).epoch = event.epoch
            self._work_here += self._epoch_cost(event.fit)
        elif isinstance(event, FitEnded):
            self.running.pop(event.fit.id, None)
            self._count(event.fit.id)
            self.n_failed += not event.record.done
        elif isinstance(event, ChoiceMade):
            self.choices[event.choice.stage] = event.choice
            self._take_plan(event.plan)
        elif isinstance(event, SearchAdvanced):
            self._take_plan(event.plan)
        elif isinstance(event, TestOpened):
            self.n_opened += 1

    def cost(self, fit: Fit) -> int:
        """Return the floating-point operations of a fit, without those of a paused one that it goes on from."""
        return self._epoch_cost(fit) * self._added.get(fit.id, fit.n_epochs)

    def _epoch_cost(self, fit: Fit) -> int:
        """Return the floating-point operations of one epoch of a fit."""
        if fit.id not in self._costs:
            self._costs[fit.id] = fit_cost(fit, n_epochs=1).operations
        return self._costs[fit.id]

    @property
    def n_fits(self) -> int:
        """How many fits the plan has, as it stands."""
        return len(self.plan.fits) if self.plan else 0

    @property
    def n_done(self) -> int:
        """How many of them have a record, failed ones too."""
        return self.n_fits - len(self._missing)

    @property
    def share(self) -> float:
        """How much of the plan's work is done, 0 to 1, whoever did it."""
        return 1 - self._work_left / self._work if self._work else 0.0

    @property
    def seconds(self) -> float:
        """Seconds since this run began."""
        return self.clock() - self._started if self._started is not None else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds to go at the pace of this run so far; ``None`` before its first epoch ended."""
        if self._began_training is None or not self._work_here:
            return None
        return (self.clock() - self._began_training) * self._work_left / self._work_here

    def name(self, fit: Fit) -> str:
        """Return what a fit is called in the plan: ``"compare.architectures two-conv, seed 0"``."""
        return self.names.get(fit.id, fit.id)

    @property
    def _work_left(self) -> int:
        return self._work_missing - sum(
            self._missing[running.fit.id]
            - self._epoch_cost(running.fit) * (running.fit.n_epochs - running.epoch.number)
            for running in self.running.values()
            if running.epoch is not None and running.fit.id in self._missing
        )

    def _count(self, fit_id: str) -> None:
        """Count a fit that has a record now."""
        if fit_id not in self._stand_ins:
            self._work_missing -= self._missing.pop(fit_id, 0)
        if fit_id not in self.done:
            self.done.add(fit_id)
            for stage in self.stages.values():
                stage.n_done += fit_id in stage.known

    def _take_plan(self, plan: Plan) -> None:
        self.plan = plan
        self._added, self._stand_ins = epochs_added(plan.fits), plan.stand_ins
        costs = {fit.id: self.cost(fit) for fit in plan.fits}
        self._missing = {
            fit_id: cost
            for fit_id, cost in costs.items()
            if fit_id not in self.done or fit_id in self._stand_ins
        }
        self._work, self._work_missing = sum(costs.values()), sum(self._missing.values())
        self.stages = {stage.key: self._stage(stage) for stage in plan.stages}
        self.names |= names_of(plan)

    def _stage(self, stage: Stage) -> StageTally:
        known = frozenset(fit.id for fit in stage.fits)
        n_fits = len(known.union(fit.id for fit in stage.to_come))
        return StageTally(known, n_fits, len(known & self.done))
