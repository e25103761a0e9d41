"""Tasks that send no message, with a simulated clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from convstudy.errors import StoreError, UsageError
from convstudy.history import History
from convstudy.plan import make_plan
from convstudy.record import Record
from convstudy.run import Event, restoring, run_study
from convstudy.run import study as run_module
from convstudy.run.events import NoMessage
from convstudy.run.restoring import LostFile
from convstudy.run.tasks import Advanced, Lost, Message, Started, Task, Train, Trained
from convstudy.run.tasks import Test as Score
from convstudy.run.watching import Watched
from tests.run.studies import drop_record, ran, small_study, stored
from tests.run.test_scheduling import SimulatedExecutor
from tests.scores import epoch_of

ONE, TWO = (Train(fit) for fit in make_plan(small_study(search={}, ablate={})).fits)


def advanced(task: Train) -> Advanced:
    return Advanced(task, epoch_of(1, 0.1, (0.5, 0.9), (0.5, 0.9), 0.0, 0.0))


def ended(task: Train) -> Trained:
    return Trained(task, Record(task.fit.id, "done"))


class Timed:
    """An executor with messages at given times; waiting for a message moves the clock."""

    n_workers = 2

    def __init__(self, *messages: tuple[float, Message]) -> None:
        self.now = 0.0
        self.messages = list(messages)
        self.waiting: tuple[Task, ...] = ()
        self.cancelled: list[Task] = []

    def submit(self, task: Task) -> None: ...

    def cancel(self, task: Task) -> None:
        self.cancelled.append(task)

    def next_message(self, timeout: float | None = None) -> Message | None:
        assert timeout is not None and timeout >= 0
        if self.messages and self.messages[0][0] <= self.now + timeout:
            self.now, message = self.messages.pop(0)
            return message
        self.now += timeout
        return None


def watch(
    executor: Timed, limit: float | None, *tasks: Train
) -> tuple[list[Message], list[tuple[str, float]]]:
    """Return the messages of these tasks until all have ended, and the NoMessage events."""
    events: list[Event] = []
    watched = Watched(executor, events.append, limit, lambda: executor.now)
    messages: list[Message] = []
    for task in tasks:
        watched.submit(task)
    while sum(isinstance(message, Trained | Lost) for message in messages) < len(tasks):
        messages.append(watched.next_message())
    assert all(isinstance(event, NoMessage) for event in events)
    return messages, [(e.fit.id, e.seconds) for e in events if isinstance(e, NoMessage) and e.fit]


def test_task_without_message_is_reported_after_a_minute_and_at_each_doubling() -> None:
    executor = Timed((500.0, ended(ONE)))
    messages, reported = watch(executor, None, ONE)
    assert reported == [(ONE.fit.id, seconds) for seconds in (60.0, 120.0, 240.0, 480.0)]
    assert messages == [ended(ONE)] and executor.cancelled == []


def test_fit_with_short_epochs_is_never_reported_and_with_long_epochs_rarely() -> None:
    short = [(50.0 * number, advanced(ONE)) for number in range(1, 10)]
    assert watch(Timed(*short, (460.0, ended(ONE))), None, ONE)[1] == []
    long = [(90.0 * number, advanced(ONE)) for number in range(1, 10)]
    assert watch(Timed(*long, (820.0, ended(ONE))), None, ONE)[1] == [(ONE.fit.id, 60.0)]


def test_messages_of_one_fit_do_not_reset_the_timeout_of_another() -> None:
    other = [(7.0 * number, advanced(TWO)) for number in range(1, 20)]
    messages, reported = watch(Timed((0.0, Started(ONE)), *other, (140.0, ended(TWO))), 100.0, ONE, TWO)
    assert reported == [(ONE.fit.id, 60.0)]
    lost = [message for message in messages if isinstance(message, Lost)]
    assert [(message.task, message.timed_out) for message in lost] == [(ONE, True)]
    assert "no message for 100 s" in lost[0].reason


@pytest.mark.parametrize(
    ("limit", "reports"), [(30.0, []), (60.0, []), (100.0, [60.0]), (200.0, [60.0, 120.0])]
)
def test_task_without_message_is_ended_at_the_timeout(limit: float, reports: list[float]) -> None:
    executor = Timed()
    messages, reported = watch(executor, limit, ONE)
    assert executor.cancelled == [ONE] and executor.now == limit
    assert [seconds for _, seconds in reported] == reports
    assert [type(message) for message in messages] == [Lost]


def test_timeout_of_a_waiting_task_does_not_run() -> None:
    executor = Timed((1000.0, Started(ONE)), (1001.0, ended(ONE)))
    executor.waiting = (ONE,)
    messages, reported = watch(executor, 70.0, ONE)
    assert reported == [] and executor.cancelled == []
    assert messages[-1] == ended(ONE)


class Hanging(SimulatedExecutor):
    """An executor that never answers for hanging tasks; the clock moves only while no task answers."""

    def __init__(self, hangs: Callable[[Task], bool]) -> None:
        super().__init__(2, random.Random(0), lambda task, attempt: False)
        self._hangs = hangs
        self._hanging: list[Task] = []
        self.now = 0.0

    def next_message(self, timeout: float | None = None) -> Message | None:  # type: ignore[override]
        if self.messages:
            return self.messages.pop(0)
        self._hanging += [task for task in self.under_way if self._hangs(task)]
        self.under_way = [task for task in self.under_way if task not in self._hanging]
        if self.under_way:
            return super().next_message()
        self.now += timeout or 0.0
        return None

    def cancel(self, task: Task) -> None:
        self._hanging.remove(task)


class Dropping(list[Message]):
    """A queue without messages."""

    def append(self, message: Message) -> None: ...


def hung(monkeypatch: pytest.MonkeyPatch, hangs: Callable[[Task], bool]) -> Hanging:
    executor = Hanging(hangs)
    monkeypatch.setattr(run_module, "_executor", lambda *_: executor)
    monkeypatch.setattr(restoring, "lost_files", lambda *_: ())
    monkeypatch.setattr(run_module, "Watched", partial(Watched, clock=lambda: executor.now))
    return executor


def test_timed_out_fit_is_trained_again_in_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(task: Task) -> bool:
        return isinstance(task, Train) and task.fit.recipe.optimizer == "rmsprop"

    hung(monkeypatch, hangs)
    results, _ = ran(small_study(), tmp_path, fit_timeout=90)
    (failed,) = results.unfinished
    assert (failed.error_kind, failed.error) == ("timed-out", "no message for 90 s (fit timeout)")
    assert len(results.records) == len(results.plan.fits) and results.n_test_evaluations == 0
    hung(monkeypatch, lambda task: False)
    results, _ = ran(small_study(), tmp_path)
    assert results.complete and not results.failed


def test_no_other_fit_of_a_timed_out_trial_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.run.test_scheduling import halving_studies

    halved = make_plan(halving_studies()).stage("search.halved").candidates[0].fits[0]
    executor = hung(monkeypatch, lambda task: isinstance(task, Train) and task.fit.id == halved.id)
    results, _ = ran(halving_studies(), tmp_path, fit_timeout=90)
    assert [each.fit_id for each in results.unfinished] == [halved.id]
    same = [f for f in results.plan.settled_fits if f.trial_id == halved.trial_id and f.id != halved.id]
    assert same and not any(f"Train {fit.id}" in executor.submitted for fit in same)
    # Nor is it trained to restore a file.
    hung(monkeypatch, lambda task: False)
    assert ran(halving_studies(), tmp_path)[0].complete
    history = History.open(tmp_path)
    drop_record(history, halved.id)
    history.close()
    executor = hung(monkeypatch, lambda task: isinstance(task, Train) and task.fit.id == halved.id)
    lost = tuple(LostFile(fit, "validation", None) for fit in same)
    monkeypatch.setattr(
        restoring, "lost_files", lambda _, __, but: tuple(file for file in lost if file.key not in but)
    )
    results, _ = ran(halving_studies(), tmp_path, fit_timeout=90)
    assert [each.fit_id for each in results.unfinished] == [halved.id]
    assert not any(f"Train {fit.id}" in executor.submitted for fit in same)


def test_timed_out_test_evaluation_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hung(monkeypatch, lambda task: isinstance(task, Score))
    with pytest.raises(StoreError, match=r"no message[\s\S]*longer fit timeout"):
        ran(small_study(), tmp_path, fit_timeout=90)


def test_worker_that_hangs_before_a_fit_suggests_a_longer_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = hung(monkeypatch, lambda task: True)
    monkeypatch.setattr(executor, "messages", Dropping())
    with pytest.raises(StoreError, match="longer fit timeout") as caught:
        ran(small_study(), tmp_path, fit_timeout=90)
    assert "workers.log" not in str(caught.value)
    assert stored(tmp_path, small_study()).records == {}


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_invalid_fit_timeout_is_rejected(limit: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="above 0"):
        run_study(small_study(), tmp_path / "runs", 0, fit_timeout=limit)
    assert not (tmp_path / "runs").exists()
