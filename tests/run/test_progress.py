"""The progress of a run, counted from its events, against values worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from convstudy.cli.progress import Display, LineProgress
from convstudy.plan import Choice, Fit, Plan, make_plan
from convstudy.plan.names import names_of
from convstudy.record import Epoch, Record
from convstudy.run import ChoiceMade, EpochEnded, FitEnded, FitStarted, RunStarted
from convstudy.run.progress import Progress
from convstudy.studyfile import load_study
from tests.cli.conftest import N_FITS, TINY
from tests.scores import epoch_of


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A study file."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, "utf-8")
    return path


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def epoch(number: int, accuracy: float = 0.5) -> Epoch:
    return epoch_of(number, 0.001, (1.0, 0.5), (1.0, accuracy), 0.5, 0.1)


def done(fit: Fit, n_epochs: int = 2) -> Record:
    history = tuple(epoch(number) for number in range(1, n_epochs + 1))
    return Record(fit.id, "done", history, n_epochs, n_epochs)


def test_progress_before_the_start_has_no_plan() -> None:
    progress = Progress()
    assert (progress.n_fits, progress.n_done, progress.fraction, progress.seconds, progress.seconds_left) == (
        0,
        0,
        0.0,
        0.0,
        None,
    )


def test_progress_of_a_run_from_start_to_end(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    progress = Progress(clock)
    costs = {fit.id: progress.cost(fit) for fit in plan.fits}
    total = sum(costs.values())
    first, second, *others = plan.fits

    progress.take(RunStarted("tiny-1", plan, frozenset({first.id}), 1))
    assert (progress.n_fits, progress.n_done) == (N_FITS, 1)
    assert progress.fraction == pytest.approx(costs[first.id] / total)
    assert progress.seconds_left is None

    clock.now += 5  # the worker starts
    progress.take(FitStarted(second))
    clock.now += 3
    progress.take(EpochEnded(second, epoch(1)))
    assert progress.running[second.id].fraction == 0.5
    half = costs[second.id] / 2
    assert progress.fraction == pytest.approx((costs[first.id] + half) / total)
    assert progress.seconds == 8
    # 3 seconds for half of the second fit
    assert progress.seconds_left == pytest.approx(3 * (total - costs[first.id] - half) / half)

    progress.take(EpochEnded(second, epoch(2)))
    progress.take(FitEnded(second, done(second)))
    assert progress.running == {}
    assert progress.n_done == 2
    for fit in others:
        progress.take(FitStarted(fit))
        progress.take(FitEnded(fit, Record(fit.id, "failed", error="no")))
    assert progress.n_done == N_FITS
    assert progress.n_failed == N_FITS - 2
    assert progress.fraction == 1.0
    assert progress.seconds_left == 0


def test_epochs_of_an_earlier_run_count_as_done_but_not_towards_the_speed(tiny: Path) -> None:
    plan = make_plan(load_study(tiny, {"recipe.epochs": 4}))
    clock = Clock()
    progress = Progress(clock)
    fit = plan.fits[0]
    progress.take(RunStarted("tiny-1", plan, frozenset(each.id for each in plan.fits[1:]), 1))
    progress.take(FitStarted(fit))
    clock.now += 2
    progress.take(EpochEnded(fit, epoch(3)))
    # three of four epochs are done, one of them in this run, in 2 seconds
    assert progress.seconds_left == pytest.approx(2)


def started(plan: Plan, clock: Clock, n_workers: int) -> Progress:
    progress = Progress(clock)
    progress.take(RunStarted("tiny-1", plan, frozenset(), n_workers))
    return progress


def test_time_of_a_killed_fit_does_not_count_towards_the_speed(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    progress = started(plan, clock, 1)
    first, second, *_ = plan.fits
    progress.take(FitStarted(first))
    clock.now += 1000
    progress.take(FitStarted(first))  # its worker was killed, and the fit is retried
    clock.now += 1000
    progress.take(FitEnded(first, Record(first.id, "failed", error_kind="crashed", error="signal 9")))
    progress.take(FitStarted(second))
    clock.now += 2
    progress.take(EpochEnded(second, epoch(1)))
    left = sum(progress.cost(fit) for fit in plan.fits[1:]) - progress.cost(second) / 2
    assert progress.seconds_left == pytest.approx(2 * left / (progress.cost(second) / 2))
    assert progress.seconds == 2002


def test_hanging_fit_does_not_increase_the_remaining_time(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    progress = started(plan, clock, 2)
    hung, *others = plan.fits
    progress.take(FitStarted(hung))
    for fit in others[:3]:
        progress.take(FitStarted(fit))
        for number in (1, 2):
            clock.now += 1
            progress.take(EpochEnded(fit, epoch(number)))
        progress.take(FitEnded(fit, done(fit)))
    # One worker trained three fits in 6 seconds, the other hung: two workers would have needed 3 seconds.
    trained = sum(progress.cost(fit) for fit in others[:3])
    left = sum(progress.cost(fit) for fit in (hung, *others[3:]))
    assert progress.seconds_left == pytest.approx(3 * left / trained)
    progress.take(FitEnded(hung, Record(hung.id, "failed", error_kind="timed-out", error="no message")))
    assert progress.seconds_left == pytest.approx(3 * (left - progress.cost(hung)) / trained)


def test_concurrent_fits_divide_the_remaining_time(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    progress = started(plan, clock, 2)
    first, second, *_ = plan.fits
    assert progress.cost(first) == progress.cost(second)
    for fit in (first, second):
        progress.take(FitStarted(fit))
    clock.now += 4
    progress.take(EpochEnded(first, epoch(1)))
    one_ended = progress.seconds_left
    # An epoch takes one worker 4 seconds; two workers train two epochs in that time.
    left = sum(progress.cost(fit) for fit in plan.fits) - progress.cost(first) / 2
    assert one_ended == pytest.approx(2 * left / (progress.cost(first) / 2))
    progress.take(EpochEnded(second, epoch(1)))
    left -= progress.cost(second) / 2
    assert progress.seconds_left == pytest.approx(4 * left / progress.cost(first))


def test_progress_uses_the_new_plan_after_a_choice(tiny: Path) -> None:
    study = load_study(tiny)
    plan, after = make_plan(study), make_plan(study, {"search.kernel": "kernel=5"})
    progress = Progress(Clock())
    progress.take(RunStarted("tiny-1", plan, frozenset(), 1))
    (new,) = {fit.id for fit in after.stage("compare.both").candidate("small").fits[:1]}
    assert new not in progress.names
    progress.take(ChoiceMade(Choice("search.kernel", "kernel=5", ()), after))
    assert progress.names[new] == "compare.both small, seed 0"
    assert progress.choices["search.kernel"].chosen == "kernel=5"
    assert progress.plan is after


def test_progress_names_fits_as_in_the_plan(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    names = names_of(plan)
    assert len(names) == len(set(names.values())) == N_FITS
    assert names[plan.stages[0].candidates[1].fits[0].id] == "search.kernel kernel=5, fold 1 of 2"
    # shared by both stages: the first one names it
    assert names[plan.stage("ablate.flat").candidates[0].fits[1].id] == "compare.both flat, seed 1"


class Watched(tuple[Fit, ...]):
    """A tuple of fits that counts its iterations."""

    times = 0

    def __iter__(self) -> Iterator[Fit]:
        self.times += 1
        return super().__iter__()


def test_stage_counts_and_remaining_work_equal_sums_over_all_fits(tiny: Path) -> None:
    study = load_study(tiny)
    plan, after = make_plan(study), make_plan(study, {"search.kernel": "kernel=5"})
    trained_before = frozenset(fit.id for fit in plan.fits[::3])
    progress, ended = Progress(Clock()), set(trained_before)
    progress.take(RunStarted("tiny-1", plan, trained_before, 1))
    for number, fit in enumerate((*plan.fits, *after.fits)):
        if number == len(plan.fits):
            progress.take(ChoiceMade(Choice("search.kernel", "kernel=5", ()), after))
        progress.take(FitStarted(fit))
        progress.take(EpochEnded(fit, epoch(1)))
        now = plan if number < len(plan.fits) else after
        costs = {each.id: progress.cost(each) for each in now.fits}
        left = sum(cost for fit_id, cost in costs.items() if fit_id not in ended)
        left -= 0 if fit.id in ended else costs[fit.id] // 2
        assert progress.fraction == pytest.approx(1 - left / sum(costs.values()))
        progress.take(FitEnded(fit, done(fit)))
        ended.add(fit.id)
        assert progress.n_done == sum(each.id in ended for each in now.fits)
        for stage in now.stages:
            known = {each.id for each in stage.fits}
            counts = progress.stages[stage.key]
            assert (counts.n_done, counts.n_fits) == (len(known & ended), len(known))
    assert progress.fraction == 1


def test_ended_fit_is_counted_without_a_loop_over_all_fits(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    watched = Watched(plan.fits)
    vars(plan)["fits"] = watched
    display = Display(Progress(Clock()), "fits")
    plain = LineProgress(display._progress, "stages", [].append)
    plain(RunStarted("tiny-1", plan, frozenset(), 1))
    assert watched.times > 0
    watched.times = 0
    for fit in tuple.__iter__(watched):
        plain(FitStarted(fit))
        plain(EpochEnded(fit, epoch(1)))
        display.render()
        plain(FitEnded(fit, done(fit)))
    assert display._progress.fraction == 1
    assert watched.times == 0
