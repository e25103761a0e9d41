"""How far a run is, counted from its events, against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from convstudy.cli.names import names_of
from convstudy.cli.progress import Display, PlainProgress
from convstudy.cli.tally import Tally
from convstudy.plan import Choice, Fit, make_plan
from convstudy.record import Epoch, Record
from convstudy.run import ChoiceMade, EpochEnded, FitEnded, FitStarted, RunStarted
from convstudy.studyfile import load_study
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


class Watched(tuple[Fit, ...]):
    """Fits that count how often they are gone through."""

    times = 0

    def __iter__(self) -> Iterator[Fit]:
        self.times += 1
        return super().__iter__()


def test_counts_of_a_stage_and_what_is_left_are_those_of_a_sum_over_all_fits(tiny: Path) -> None:
    study = load_study(tiny)
    plan, after = make_plan(study), make_plan(study, {"search.kernel": "kernel=5"})
    trained_before = frozenset(fit.id for fit in plan.fits[::3])
    tally, ended = Tally(Clock()), set(trained_before)
    tally.take(RunStarted("tiny-1", plan, trained_before, 1))
    for number, fit in enumerate((*plan.fits, *after.fits)):
        if number == len(plan.fits):
            tally.take(ChoiceMade(Choice("search.kernel", "kernel=5", ()), after))
        tally.take(FitStarted(fit))
        tally.take(EpochEnded(fit, epoch(1)))
        now = plan if number < len(plan.fits) else after
        costs = {each.id: tally.cost(each) for each in now.fits}
        left = sum(cost for fit_id, cost in costs.items() if fit_id not in ended)
        left -= 0 if fit.id in ended else costs[fit.id] // 2
        assert tally.share == pytest.approx(1 - left / sum(costs.values()))
        tally.take(FitEnded(fit, done(fit)))
        ended.add(fit.id)
        assert tally.n_done == sum(each.id in ended for each in now.fits)
        for stage in now.stages:
            known = {each.id for each in stage.fits}
            counts = tally.stages[stage.key]
            assert (counts.n_done, counts.n_fits) == (len(known & ended), len(known))
    assert tally.share == 1


def test_a_fit_that_ends_is_counted_without_a_look_at_all_others(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    watched = Watched(plan.fits)
    vars(plan)["fits"] = watched
    display = Display(Tally(Clock()))
    plain = PlainProgress(display._tally, [].append)
    plain(RunStarted("tiny-1", plan, frozenset(), 1))
    assert watched.times > 0
    watched.times = 0
    for fit in tuple.__iter__(watched):
        plain(FitStarted(fit))
        plain(EpochEnded(fit, epoch(1)))
        display.render()
        plain(FitEnded(fit, done(fit)))
    assert display._tally.share == 1
    assert watched.times == 0
