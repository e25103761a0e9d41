"""The protocol of executors as tests. Subclass :class:`ExecutorConformance` to test a new executor."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from convstudy.history import History
from convstudy.plan import Fit, make_plan
from convstudy.record import Record
from convstudy.run import run_study
from convstudy.run.executors import Executor, InlineExecutor
from convstudy.run.tasks import (
    Advanced,
    Halted,
    Inspect,
    Inspected,
    Lost,
    Message,
    Started,
    Task,
    Train,
    Trained,
)
from convstudy.run.tasks import Test as Score
from convstudy.run.tasks import Tested as Scored
from convstudy.store import Layout
from convstudy.studyfile import Study
from tests.datasets import DIGITS
from tests.run.studies import ran, small_study, statistics

ENDS = Trained | Scored | Inspected | Halted | Lost


def study() -> Study:
    """Return a study that compares two networks; each of its two fits takes a fraction of a second."""
    return small_study(search={}, ablate={})


def fits() -> tuple[Fit, ...]:
    """Return the fits of the study."""
    return make_plan(study()).fits


def all_messages(executor: Executor, tasks: list[Task]) -> list[Message]:
    """Submit tasks, up to ``n_workers`` at once, and return all messages."""
    left, messages, n_under_way = list(tasks), [], 0
    while left or n_under_way:
        while left and n_under_way < executor.n_workers:
            executor.submit(left.pop(0))
            n_under_way += 1
        message = executor.next_message()
        assert message is not None, "without a timeout there is a message"
        messages.append(message)
        n_under_way -= isinstance(message, ENDS)
    return messages


def without_moment(record: Record) -> dict[str, Any]:
    """Return a record without seconds and machine."""
    values = record.as_json()
    for epoch in values["history"]:
        del epoch["train_seconds"], epoch["evaluation_seconds"]
    return {**values, "environment": None}


@cache
def expected() -> dict[str, dict[str, Any]]:
    """Return the records of the fits, by id, from the reference executor."""
    with TemporaryDirectory() as folder:
        History.open(Path(folder), create=True).close()
        with InlineExecutor(Layout(Path(folder))) as executor:
            messages = all_messages(executor, [Train(fit) for fit in fits()])
    return {m.record.fit_id: without_moment(m.record) for m in messages if isinstance(m, Trained)}


class ExecutorConformance:
    """The tests of an executor.

    A subclass is named ``Test...`` and has ``make``, which returns the executor for a runs folder; ``begins_at_once``
    is False if a task starts only when its first message is requested.
    """

    begins_at_once = True

    def make(self, layout: Layout) -> Executor:
        """Return the executor, with two workers if it can have several."""
        raise NotImplementedError

    @pytest.fixture
    def layout(self, tmp_path: Path) -> Layout:
        """A runs folder."""
        History.open(tmp_path, create=True).close()
        return Layout(tmp_path)

    def test_every_task_starts_and_ends_once_with_the_results_of_the_reference_executor(
        self, layout: Layout
    ) -> None:
        with self.make(layout) as executor:
            assert executor.n_workers >= 1
            messages = all_messages(executor, [Train(fit) for fit in fits()])
            for fit in fits():
                own = [message for message in messages if message.task == Train(fit)]
                assert [type(message) for message in own] == [Started, Advanced, Advanced, Trained]
                assert isinstance(own[-1], Trained)
                assert without_moment(own[-1].record) == expected()[fit.id]
                assert layout.artefact(fit.id, "weights").exists()
            test = Score(fits()[0], expected()[fits()[0].id]["weights_digest"], 1)
            *_, scored = all_messages(executor, [test])
            assert isinstance(scored, Scored)
            assert (scored.task, scored.error) == (test, "")
            assert 0.0 <= scored.scores["accuracy"] <= 1.0
            *_, inspected = all_messages(executor, [Inspect(DIGITS)])
            assert isinstance(inspected, Inspected)
            assert inspected.statistics is not None, inspected.error
            assert executor.waiting == ()

    def test_unwritable_file_halts_a_training(self, layout: Layout) -> None:
        fit = fits()[0]
        # A file in place of the folder of the checkpoint.
        layout.artefact(fit.trial_id, "checkpoint").parent.parent.mkdir()
        layout.artefact(fit.trial_id, "checkpoint").parent.write_bytes(b"")
        with self.make(layout) as executor:
            *_, halted = all_messages(executor, [Train(fit)])
        assert isinstance(halted, Halted)
        (problem,) = halted.problems
        assert problem.what.startswith("this file cannot be written") and fit.id in str(problem)
        assert executor.waiting == ()

    def test_task_that_fails_is_a_message_and_the_next_task_runs(self, layout: Layout) -> None:
        with self.make(layout) as executor:
            *_, scored = all_messages(executor, [Score(fits()[0], "no such weights", 1)])
            assert isinstance(scored, Scored)
            assert "weights" in scored.error
            *_, trained = all_messages(executor, [Train(fits()[1])])
            assert isinstance(trained, Trained)
            assert trained.record.done

    def test_exit_stops_a_training_that_later_resumes(self, layout: Layout) -> None:
        task = Train(fits()[0])
        threads = set(threading.enumerate())
        with pytest.raises(KeyboardInterrupt), self.make(layout) as executor:
            executor.submit(task)
            while not isinstance(executor.next_message(), Advanced):
                pass
            raise KeyboardInterrupt
        assert not set(threading.enumerate()) - threads
        with self.make(layout) as executor:
            *_, trained = all_messages(executor, [task])
        assert isinstance(trained, Trained)
        assert without_moment(trained.record) == expected()[task.fit.id]

    def test_cancelled_task_sends_no_message_and_another_task_starts(self, layout: Layout) -> None:
        first, second = (Train(fit) for fit in fits())
        with self.make(layout) as executor:
            executor.submit(first)
            if self.begins_at_once:
                while not isinstance(executor.next_message(), Started):
                    pass
            else:
                assert executor.waiting == (first,)
            executor.cancel(first)
            messages = all_messages(executor, [second])
            assert {message.task for message in messages} == {second}
            assert isinstance(messages[-1], Trained)
            assert executor.waiting == ()

    def test_waiting_for_a_message_ends_after_the_timeout(self, layout: Layout) -> None:
        with self.make(layout) as executor:
            executor.submit(Train(fits()[0]))
            first = executor.next_message(timeout=0.0)
            assert first is None or isinstance(first, Started | Lost)

    def test_study_has_the_results_of_the_reference_executor(self, tmp_path: Path) -> None:
        reference, _ = ran(study(), tmp_path / "reference")
        results = run_study(study(), tmp_path / "own", executor=self.make)
        assert results.complete
        assert statistics(results) == statistics(reference)
