"""How far a run is, counted from its events, against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from convstudy.cli.names import names_of
from convstudy.cli.tally import Tally
from convstudy.plan import Choice, Fit, make_plan
from convstudy.record import Epoch, Record
from convstudy.run import ChoiceMade, EpochEnded, FitEnded, FitStarted, RunStarted
from convstudy.spec import load_study
from tests.cli.conftest import N_FITS


class Clock:
    """Seconds that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def epoch(number: int, accuracy: float = 0.5) -> Epoch:
    return Epoch(number, 0.001, 1.0, 0.5, 1.0, accuracy, 0.5, 0.1)


def done(fit: Fit, n_epochs: int = 2) -> Record:
    history = tuple(epoch(number) for number in range(1, n_epochs + 1))
    return Record(fit.id, "done", history, n_epochs, n_epochs)


def test_nothing_is_known_before_the_start() -> None:
    tally = Tally()
    assert (tally.n_fits, tally.n_done, tally.share, tally.seconds, tally.seconds_left) == (
        0,
        0,
        0.0,
        0.0,
        None,
    )


def test_a_run_from_start_to_end(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    tally = Tally(clock)
    costs = {fit.id: tally.cost(fit) for fit in plan.fits}
    total = sum(costs.values())
    first, second, *others = plan.fits

    tally.take(RunStarted("tiny-1", plan, frozenset({first.id}), 1))
    assert (tally.n_fits, tally.n_done) == (N_FITS, 1)
    assert tally.share == pytest.approx(costs[first.id] / total)
    assert tally.seconds_left is None

    clock.now += 5  # while the worker starts
    tally.take(FitStarted(second))
    clock.now += 3
    tally.take(EpochEnded(second, epoch(1)))
    assert tally.running[second.id].share == 0.5
    half = costs[second.id] / 2
    assert tally.share == pytest.approx((costs[first.id] + half) / total)
    assert tally.seconds == 8
    # 3 seconds for half of the second fit
    assert tally.seconds_left == pytest.approx(3 * (total - costs[first.id] - half) / half)

    tally.take(EpochEnded(second, epoch(2)))
    tally.take(FitEnded(second, done(second)))
    assert tally.running == {}
    assert tally.n_done == 2
    for fit in others:
        tally.take(FitStarted(fit))
        tally.take(FitEnded(fit, Record(fit.id, "failed", error="no")))
    assert tally.n_done == N_FITS
    assert tally.n_failed == N_FITS - 2
    assert tally.share == 1.0
    assert tally.seconds_left == 0


def test_a_fit_that_goes_on_counts_what_was_done_before_but_not_as_pace(tiny: Path) -> None:
    plan = make_plan(load_study(tiny, {"recipe.epochs": 4}))
    clock = Clock()
    tally = Tally(clock)
    fit = plan.fits[0]
    tally.take(RunStarted("tiny-1", plan, frozenset(each.id for each in plan.fits[1:]), 1))
    tally.take(FitStarted(fit))
    clock.now += 2
    tally.take(EpochEnded(fit, epoch(3)))
    # three of four epochs are done, one of them here, in 2 seconds
    assert tally.seconds_left == pytest.approx(2)


def test_a_choice_brings_a_new_plan(tiny: Path) -> None:
    study = load_study(tiny)
    plan, after = make_plan(study), make_plan(study, {"search.kernel": "kernel=5"})
    tally = Tally(Clock())
    tally.take(RunStarted("tiny-1", plan, frozenset(), 1))
    (new,) = {fit.id for fit in after.stage("compare.both").candidate("small").fits[:1]}
    assert new not in tally.names
    tally.take(ChoiceMade(Choice("search.kernel", "kernel=5", ()), after))
    assert tally.names[new] == "compare.both small, seed 0"
    assert tally.choices["search.kernel"].chosen == "kernel=5"
    assert tally.plan is after


def test_names(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    names = names_of(plan)
    assert len(names) == len(set(names.values())) == N_FITS
    assert names[plan.stages[0].candidates[1].fits[0].id] == "search.kernel kernel=5, fold 1 of 2"
    # shared by both: the first stage names it
    assert names[plan.stage("ablate.flat").candidates[0].fits[1].id] == "compare.both flat, seed 1"
