"""How far a run is: events in, figures out. It keeps no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from convstudy.cli.names import names_of
from convstudy.plan import Choice, Fit, Plan, epochs_added, fit_cost
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
    _costs: dict[str, int] = field(default_factory=dict)
    _added: dict[str, int] = field(default_factory=dict)
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
            self.done.add(event.fit.id)
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
        return sum(self._is_done(fit) for fit in self.plan.fits) if self.plan else 0

    @property
    def share(self) -> float:
        """How much of the plan's work is done, 0 to 1, whoever did it."""
        total = sum(self.cost(fit) for fit in self.plan.fits) if self.plan else 0
        return 1 - self._work_left / total if total else 0.0

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
    def _work_left(self) -> float:
        if self.plan is None:
            return 0.0
        return sum(self._work_left_of(fit) for fit in self.plan.fits if not self._is_done(fit))

    def _is_done(self, fit: Fit) -> bool:
        return fit.id in self.done and fit.id not in self._stand_ins

    def _work_left_of(self, fit: Fit) -> int:
        running = self.running.get(fit.id)
        if running is None or running.epoch is None:
            return self.cost(fit)
        return self._epoch_cost(fit) * (fit.n_epochs - running.epoch.number)

    def _take_plan(self, plan: Plan) -> None:
        self.plan = plan
        self._added, self._stand_ins = epochs_added(plan.fits), plan.stand_ins
        self.names = {**self.names, **names_of(plan)}
