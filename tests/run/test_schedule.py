"""The schedule of a run with simulated messages in any order; nothing is trained or stored."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from convstudy.errors import Location, Problem, StoreError, UsageError
from convstudy.plan import Choice, Fit, Plan, resolve
from convstudy.record import Epoch, Outcome, Record
from convstudy.run.schedule import N_RETRIES, EndRun, EpochReached, FitBegan, Retry, SaveRecord, Schedule
from convstudy.run.tasks import Advanced, Halted, Inspect, Inspected, Lost, Message, Started, Train, Trained
from convstudy.studyfile import Compare, Range, Search, Study
from tests.datasets import DIGITS
from tests.plan.made import ONE, TWO, study
from tests.scores import epoch_of as epoch_with

KERNELS = (1, 2, 3, 4, 5)
EPOCH = epoch_with(1, 0.1, (0.5, 0.9), (0.5, 0.5), 0.0, 0.0)


def searches() -> Study:
    """Return a study whose searches share trials: one halving, one on the same grid, one sampled."""
    recipe = {"epochs": 4}
    halved = Search(
        network="one", parameters={"kernel": KERNELS}, folds=2, method="halving", budget=0.5, recipe=recipe
    )
    rate = Range(low=0.001, high=0.1)
    return study(
        network={"one": ONE, "alike": ONE, "two": TWO},
        search={
            "halved": halved,
            "whole": Search(network="alike", parameters={"kernel": KERNELS}, folds=2, recipe=recipe),
            "drawn": Search(
                network="two", parameters={"learning_rate": rate}, method="random", trials=4, folds=2
            ),
        },
        compare={"all": Compare(networks=("one", "alike", "two"))},
    )


STUDIES = {"questions": study(), "searches": searches()}


def epoch_of(fit: Fit) -> Epoch:
    """Return an epoch whose accuracy depends only on the fit."""
    return epoch_with(1, 0.1, (0.5, 0.9), (0.5, int(fit.id[:6], 16) / 2**24), 0.0, 0.0)


def done(fit: Fit) -> Record:
    """Return the record of a completed fit."""
    return Record(fit.id, "done", (epoch_of(fit),), 1, 1, 80, 20, 100, f"weights of {fit.id}")


@dataclass
class Outcomes:
    """The outcome of each fit, which depends only on the fit and not on when it is trained.

    A fit in ``diverges`` fails permanently; a fit in ``dies`` kills its worker at its first attempts.
    """

    diverges: frozenset[str] = frozenset()  # fit ids
    dies: Mapping[str, int] = field(default_factory=dict)  # fit id -> number of deaths

    def record(self, fit: Fit) -> Record:
        if fit.id in self.diverges:
            return Record(fit.id, "failed", error_kind="diverged", error="the loss was no number")
        return done(fit)


def some_diverge(given: Study) -> frozenset[str]:
    """Return the first fit of every third candidate of each search."""
    stages = [stage for stage in resolve(given, {})[0].stages if stage.question == "search"]
    return frozenset(each.fits[0].id for stage in stages for each in stage.candidates[1::3])


class Driver:
    """A loop over a schedule with workers that answer in random order; it checks invariants after each message."""

    def __init__(self, given: Study, outcomes: Outcomes, n_workers: int, rng: random.Random) -> None:
        self.given, self.outcomes, self.n_workers, self.rng = given, outcomes, n_workers, rng
        self.schedule = Schedule()
        self.records: dict[str, Outcome] = {}
        self.plan: Plan
        self.choices: tuple[Choice, ...] = ()
        self.n_started: Counter[str] = Counter()
        self.n_dead: Counter[str] = Counter()
        self.begun: set[str] = set()

    def is_final(self, fit: Fit) -> bool:
        return fit.id in self.records and self.records[fit.id].final

    def follow(self) -> None:
        self.plan, self.choices = resolve(self.given, self.records)
        self.schedule.follow(self.plan, self.is_final)
        assert not self.schedule.choice_due

    def run(self) -> Driver:
        self.follow()
        while not self.schedule.idle:
            while task := self.schedule.start(self.n_workers):
                self.n_started[task.fit.id] += 1
            self.check()
            n_ended = len(self.schedule.tried)
            self.answer(self.rng.choice(self.schedule.under_way))
            if len(self.schedule.tried) > n_ended:
                self.check_due()
            assert len(self.schedule.tried) > n_ended or not self.schedule.choice_due
            if self.schedule.choice_due:
                self.follow()
        return self

    def answer(self, task: Train) -> None:
        fit = task.fit
        if fit.id not in self.begun:
            self.begun.add(fit.id)
            assert self.schedule.take(Started(task)) == FitBegan(fit)
        elif self.n_dead[fit.id] < self.outcomes.dies.get(fit.id, 0):
            self.n_dead[fit.id] += 1
            self.keep(self.schedule.take(Lost(task, "killed")))
        elif self.rng.random() < 0.3:
            assert self.schedule.take(Advanced(task, EPOCH)) == EpochReached(fit, EPOCH)
        else:
            answer = self.schedule.take(Trained(task, self.outcomes.record(fit)))
            assert isinstance(answer, SaveRecord)
            self.keep(answer)

    def keep(self, answer: object) -> None:
        if isinstance(answer, Retry):
            assert self.schedule.waiting[0] == answer.task, "it is the next to start"
            return
        assert isinstance(answer, SaveRecord)
        self.records[answer.record.fit_id] = answer.record
        self.schedule.end(answer.task.fit, self.is_final(answer.task.fit))

    def check(self) -> None:
        trials = [task.fit.trial_id for task in self.schedule.under_way]
        assert len(trials) == len(set(trials)), "two trainings of one trial at once"
        assert 0 < len(trials) <= self.n_workers
        waiting = {task.fit.id for task in self.schedule.waiting}
        assert not waiting & {task.fit.id for task in self.schedule.under_way}
        if len(trials) < self.n_workers:
            assert {task.fit.trial_id for task in self.schedule.waiting} <= set(trials), "a worker is idle"

    def check_due(self) -> None:
        """Check that a choice is due exactly if resolving the plan adds a choice, a rung or trials."""
        plan, choices = resolve(self.given, self.records)
        changed = choices != self.choices or [fit.id for fit in plan.fits] != [
            fit.id for fit in self.plan.fits
        ]
        rungs = [[rung.scores for rung in stage.rungs] for stage in plan.stages]
        changed = changed or rungs != [[rung.scores for rung in stage.rungs] for stage in self.plan.stages]
        assert self.schedule.choice_due == changed
        for choice in choices:  # no choice is made while a fit of the stage is missing
            fits = [fit for each in plan.stage(choice.stage).candidates for fit in each.fits]
            assert all(self.is_final(fit) for fit in fits)


# No shrinking, because an example takes a second and a failure prints its seed.
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.sampled_from(sorted(STUDIES)),
    st.integers(1, 7),
    st.booleans(),
    st.integers(1, 3),
    st.integers(0, 2**32),
)
def test_order_of_messages_does_not_change_the_outcome(
    name: str, n_workers: int, diverge: bool, n_deaths: int, rng: int
) -> None:
    diverges = some_diverge(STUDIES[name]) if diverge else frozenset[str]()
    one_by_one = Driver(STUDIES[name], Outcomes(diverges), 1, random.Random(0)).run()
    # Some fits kill their worker at the first attempt, some at each attempt; the latter fail, but not permanently.
    dying = dict.fromkeys(sorted(one_by_one.records)[::5], n_deaths)
    outcomes = Outcomes(diverges, dying)
    expected = Driver(STUDIES[name], outcomes, 1, random.Random(1)).run()
    found = Driver(STUDIES[name], outcomes, n_workers, random.Random(rng)).run()
    assert found.records == expected.records
    assert found.choices == expected.choices
    assert found.n_started == expected.n_started
    assert found.plan == expected.plan
    if n_deaths <= N_RETRIES:
        assert found.records == one_by_one.records
        assert found.choices == one_by_one.choices
    for fit_id, n_started in found.n_started.items():
        assert n_started == 1 + min(dying.get(fit_id, 0), N_RETRIES)


def test_simulated_runs_reach_every_state_of_a_schedule() -> None:
    driver = Driver(searches(), Outcomes(some_diverge(searches())), 3, random.Random(2)).run()
    assert {choice.stage for choice in driver.choices} == {
        f"search.{name}" for name in driver.given.search
    } | {"compare.all"}
    assert sum(rung.decided for rung in driver.plan.stage("search.halved").rungs) == 3
    trials = Counter(fit.trial_id for fit in driver.plan.settled_fits)
    assert max(trials.values()) > 1, "fits share a trial"
    assert any(record.error_kind == "diverged" for record in driver.records.values())
    assert len(Driver(study(), Outcomes(), 2, random.Random(3)).run().choices) == 2


def followed(given: Study | None = None) -> tuple[Schedule, Plan]:
    """Return a schedule of a study without records."""
    plan, _ = resolve(given or study(), {})
    schedule = Schedule()
    schedule.follow(plan, lambda _: False)
    return schedule, plan


def started(schedule: Schedule, n_workers: int = 1) -> Train:
    task = schedule.start(n_workers)
    assert task is not None
    return task


def test_only_settled_fits_wait() -> None:
    schedule, plan = followed()
    assert {task.fit.id for task in schedule.waiting} == {fit.id for fit in plan.settled_fits}
    assert len(schedule.waiting) < len(plan.fits)
    assert {task.weights_digest for task in schedule.waiting} == {""}


def test_no_more_trainings_start_than_workers() -> None:
    schedule, _ = followed()
    first, second = started(schedule, 2), started(schedule, 2)
    assert schedule.start(2) is None
    assert schedule.under_way == (first, second)
    assert schedule.start(1) is None, "the number of workers may decrease"


def test_fit_whose_worker_dies_twice_has_a_failed_record() -> None:
    schedule, _ = followed()
    task = started(schedule)
    schedule.take(Started(task))
    assert schedule.take(Lost(task, "signal 9")) == Retry(task)
    assert started(schedule) == task
    schedule.take(Started(task))
    record = Record(task.fit.id, "failed", error_kind="crashed", error="signal 9")
    assert schedule.take(Lost(task, "signal 9")) == SaveRecord(task, record)
    schedule.end(task.fit, final=False)
    assert task not in schedule.waiting
    assert schedule.tried == {task.fit.id}


def test_workers_that_die_before_a_fit_end_the_run() -> None:
    schedule, _ = followed()
    task = started(schedule)
    assert schedule.take(Lost(task, "status 1")) == Retry(task)
    answer = schedule.take(Lost(started(schedule), "status 1"))
    assert isinstance(answer, EndRun) and isinstance(answer.error, StoreError)
    assert "status 1" in str(answer.error)


def test_timed_out_fit_prevents_other_fits_of_its_trial_from_starting() -> None:
    schedule, plan = followed(searches())
    same = [f for f in plan.settled_fits if f.epoch_budget is not None]
    hung = same[0]
    others = [f for f in plan.settled_fits if f.trial_id == hung.trial_id and f.id != hung.id]
    assert others
    while (task := started(schedule, 99)).fit.trial_id != hung.trial_id:
        pass
    schedule.take(Started(task))
    answer = schedule.take(Lost(task, "no message", timed_out=True))
    record = Record(task.fit.id, "failed", error_kind="timed-out", error="no message")
    assert answer == SaveRecord(task, record)
    schedule.end(task.fit, final=False)
    assert schedule.timed_out == {hung.trial_id}
    schedule.follow(plan, lambda _: False)
    schedule.train([Train(hung, "a digest")])
    assert hung.trial_id not in {each.fit.trial_id for each in schedule.waiting}


def test_timeout_before_a_worker_starts_the_fit_ends_the_run() -> None:
    schedule, _ = followed()
    answer = schedule.take(Lost(started(schedule), "no message", timed_out=True))
    assert isinstance(answer, EndRun)
    assert "fit timeout" in str(answer.error)


def test_os_error_in_a_worker_ends_the_run() -> None:
    schedule, _ = followed()
    task = started(schedule)
    answer = schedule.take(Halted(task, (Problem("no space"),)))
    assert isinstance(answer, EndRun) and isinstance(answer.error, StoreError)
    assert answer.error.problems == (Problem("no space", Location(subject=f"fit {task.fit.id}")),)


def test_failure_that_is_not_permanent_leaves_its_choice_open() -> None:
    given = study(
        compare={},
        ablate={},
        search={"kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2)},
    )
    schedule, plan = followed(given)
    fits = plan.stage("search.kernel").fits
    for number, _ in enumerate(fits):
        task = started(schedule)
        schedule.take(Trained(task, done(task.fit)))
        schedule.end(task.fit, final=number != 1)
        assert not schedule.choice_due
    assert schedule.idle or {task.fit.id for task in schedule.waiting}.isdisjoint(fit.id for fit in fits)


def test_no_choice_is_due_in_a_stage_that_depends_on_another() -> None:
    plan, _ = resolve(study(), {})
    stage = plan.stage("compare.all")
    assert stage.depends_on == ("search.kernel",)
    last = stage.candidate("two").fits[0]
    others = {fit.id for fit in stage.fits} - {last.id}  # placeholders, which another study may have trained
    schedule = Schedule()
    schedule.follow(plan, lambda fit: fit.id in others)
    while (task := started(schedule, 99)).fit != last:
        pass
    schedule.take(Trained(task, done(last)))
    schedule.end(last, final=True)
    assert not schedule.choice_due


def test_trainings_of_lost_files_follow_waiting_ones_and_make_no_choice_due() -> None:
    plan, _ = resolve(study(), {})
    schedule = Schedule()
    schedule.follow(plan, lambda _: True)
    assert schedule.idle
    task = Train(plan.settled_fits[0], "a digest")
    schedule.train([task])
    assert started(schedule) == task
    assert schedule.take(Trained(task, done(task.fit))) == SaveRecord(task, done(task.fit))
    schedule.end(task.fit, final=True)
    assert not schedule.choice_due
    assert schedule.idle


def messages_out_of_place(schedule: Schedule, under_way: Train) -> list[Message]:
    other = schedule.waiting[-1]
    wrong: list[Message] = [Started(other), Trained(other, done(other.fit)), Lost(other, "killed")]
    wrong += [
        Inspected(Inspect(DIGITS)),
        Inspected(under_way),
        Started(Train(under_way.fit, "another digest")),
    ]
    return wrong


@pytest.mark.parametrize("number", range(6))
def test_message_about_a_training_that_is_not_running_is_a_usage_error(number: int) -> None:
    schedule, _ = followed()
    task = started(schedule)
    wrong = messages_out_of_place(schedule, task)
    assert len(wrong) == 6
    answer = schedule.take(wrong[number])
    assert isinstance(answer, EndRun) and isinstance(answer.error, UsageError)
    assert "executor" in str(answer.error)
    assert schedule.under_way == (task,)
