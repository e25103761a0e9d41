"""The order of the steps of a run, with a simulated executor: answers in any order, workers that die."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from convstudy.errors import StoreError
from convstudy.history import Results
from convstudy.plan import Fit, make_plan
from convstudy.record import Record
from convstudy.run import ChoiceMade, Event, FitEnded, restoring, run_study
from convstudy.run import EvaluatedOnTestSet as EvaluationResult
from convstudy.run.tasks import Inspect, Inspected, Lost, Message, Started, Task, Train, Trained
from convstudy.run.tasks import Test as Score
from convstudy.run.tasks import Tested as Scored
from convstudy.studyfile import Range, Search, Study
from tests.run.studies import NETWORKS, small_study, stored
from tests.scores import epoch_of, scores


def accuracy_of(fit: Fit) -> float:
    """Return an accuracy that depends only on the fit."""
    return 0.5 + int(fit.id[:4], 16) / 2**18


class SimulatedExecutor:
    """An executor that answers in a random order; ``dies`` returns whether the worker of a task dies this time."""

    def __init__(self, n_workers: int, rng: random.Random, dies: Callable[[Task, int], bool]) -> None:
        self.n_workers = n_workers
        self.under_way: list[Task] = []
        self.messages: list[Message] = []
        self.submitted: Counter[str] = Counter()
        self.most = 0
        self._rng = rng
        self._dies = dies

    def submit(self, task: Task) -> None:
        assert task not in self.under_way, "a task was submitted twice at once"
        assert not any(
            isinstance(task, Train) and isinstance(other, Train) and other.fit.trial_id == task.fit.trial_id
            for other in self.under_way
        )
        self.under_way.append(task)
        self.most = max(self.most, len(self.under_way))
        assert len(self.under_way) <= self.n_workers
        if not isinstance(task, Inspect):
            self.submitted[f"{type(task).__name__} {task.fit.id}"] += 1
        self.messages.append(Started(task))

    def cancel(self, task: Task) -> None:
        raise AssertionError("no task exceeds its timeout")

    waiting = ()

    def next_message(self, timeout: float | None = None) -> Message:
        if self.messages:
            return self.messages.pop(0)
        task = self.under_way.pop(self._rng.randrange(len(self.under_way)))
        if isinstance(task, Inspect):
            return Inspected(task, error="there are no images")
        if self._dies(task, self.submitted[f"{type(task).__name__} {task.fit.id}"]):
            return Lost(task, "killed by the test")
        if isinstance(task, Score):
            return Scored(task, scores(0.5, accuracy_of(task.fit)), 0.0)
        epoch = epoch_of(1, 0.1, (0.5, 0.9), (0.5, accuracy_of(task.fit)), 0.0, 0.0)
        record = Record(task.fit.id, "done", (epoch,), 1, 1, 80, 20, 100, f"weights of {task.fit.id}")
        return Trained(task, record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.messages.clear()


def _simulate(
    monkeypatch: pytest.MonkeyPatch,
    runs: Path,
    study: Study,
    n_workers: int = 1,
    seed: int = 0,
    dies: Callable[[Task, int], bool] = lambda task, attempt: False,
) -> tuple[Results, list[Event], SimulatedExecutor]:
    executor = SimulatedExecutor(n_workers, random.Random(seed), dies)
    monkeypatch.setattr(restoring, "lost_files", lambda *_: ())  # it writes no file
    events: list[Event] = []
    return run_study(study, runs, listener=events.append, executor=lambda _: executor), events, executor


def large_study() -> Study:
    """Return a study with two searches of one network and one of another, whose choices are due at different times."""
    return small_study(
        seeds=3,
        network=NETWORKS,
        search={
            "kernel": Search(network="one", parameters={"kernel": (3, 5, 7)}, folds=3),
            "rate": Search(network="one", parameters={"learning_rate": (0.1, 0.01)}, folds=2),
            "batch": Search(network="two", parameters={"batch_size": (10, 20, 30)}, folds=2),
        },
    )


def halving_studies() -> Study:
    """Return a study in which two searches of two equal networks share trials."""
    kernels = (1, 2, 3, 4, 5)
    recipe = {"epochs": 4}
    return small_study(
        network={**NETWORKS, "alike": NETWORKS["one"]},
        search={
            "halved": Search(
                network="one",
                parameters={"kernel": kernels},
                folds=2,
                method="halving",
                budget=0.5,
                recipe=recipe,
            ),
            "whole": Search(network="alike", parameters={"kernel": kernels}, folds=2, recipe=recipe),
            "drawn": Search(
                network="two",
                parameters={"learning_rate": Range(low=0.001, high=0.1)},
                method="random",
                trials=4,
                folds=2,
            ),
        },
    )


@pytest.mark.parametrize("seed", range(6))
def test_order_of_results_does_not_change_rungs(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, _, _ = _simulate(monkeypatch, tmp_path / "alone", halving_studies())
    many, _, executor = _simulate(monkeypatch, tmp_path / "many", halving_studies(), seed + 2, seed)
    assert many.plan == alone.plan
    assert many.choices == alone.choices
    assert many.records == alone.records
    assert many.complete
    assert [len(rung.evaluated) for rung in many.plan.stage("search.halved").rungs] == [5, 3, 2]
    assert set(executor.submitted.values()) == {1}


def test_rung_waits_for_the_retry_of_a_dead_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_plan(halving_studies()).stage("search.halved").candidates[1].fits[0]
    results, _, _ = _simulate(
        monkeypatch,
        tmp_path,
        halving_studies(),
        dies=lambda task, attempt: isinstance(task, Train) and task.fit.id == first.id,
    )
    assert results.records[first.id].error_kind == "crashed"
    assert not any(rung.decided for rung in results.plan.stage("search.halved").rungs)
    # The other searches do not depend on it.
    assert {choice.stage for choice in results.choices} == {"search.drawn", "search.whole"}
    again, _, _ = _simulate(monkeypatch, tmp_path, halving_studies())
    alone, _, _ = _simulate(monkeypatch, tmp_path / "alone", halving_studies())
    assert again.plan.stage("search.halved").rungs == alone.plan.stage("search.halved").rungs
    assert again.choices == alone.choices


def test_candidate_with_permanent_failure_is_eliminated_at_its_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_plan(halving_studies()).stage("search.halved").candidates[1].fits[0]
    for _ in range(3):
        results, _, _ = _simulate(
            monkeypatch,
            tmp_path,
            halving_studies(),
            dies=lambda task, attempt: isinstance(task, Train) and task.fit.id == first.id,
        )
    assert results.plan.stage("search.halved").eliminated_in("kernel=2") == 1
    assert results.complete


@pytest.mark.parametrize("seed", range(6))
def test_order_of_results_does_not_change_the_search(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one, _, alone = _simulate(monkeypatch, tmp_path / "alone", large_study())
    n_workers = seed + 2
    many, events, executor = _simulate(monkeypatch, tmp_path / "many", large_study(), n_workers, seed)
    assert many.choices == one_by_one.choices
    assert many.records == one_by_one.records
    assert set(many.test_evaluations) == set(one_by_one.test_evaluations)
    assert many.complete
    assert executor.submitted == alone.submitted
    assert set(executor.submitted.values()) == {1}
    assert executor.most == n_workers  # the workers were busy
    kinds = [type(event) for event in events]
    assert kinds.index(EvaluationResult) > max(
        i for i, kind in enumerate(kinds) if kind in (FitEnded, ChoiceMade)
    )
    assert sorted(e.choice.stage for e in events if isinstance(e, ChoiceMade)) == sorted(
        choice.stage for choice in many.choices
    )


def test_only_fits_of_the_plan_are_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, _, executor = _simulate(monkeypatch, tmp_path, large_study(), 4)
    trained = {name.split()[1] for name in executor.submitted if name.startswith("Train ")}
    assert trained == {fit.id for fit in results.plan.fits} == set(results.records)


@pytest.mark.parametrize("n_workers", [1, 3])
def test_task_of_a_dead_worker_is_retried_once(
    n_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, events, executor = _simulate(
        monkeypatch, tmp_path, small_study(), n_workers, dies=lambda task, attempt: attempt == 1
    )
    assert results.complete
    assert not results.failed
    assert set(executor.submitted.values()) == {2}
    assert results.n_test_evaluations == len(results.plan.tested_fits)  # a retry reuses the log entry
    assert len([event for event in events if isinstance(event, FitEnded)]) == len(results.plan.fits)


@pytest.mark.parametrize("n_workers", [1, 3])
def test_fit_that_always_kills_its_worker_is_a_failed_trial_after_three_runs(
    n_workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(task: Task, attempt: int) -> bool:
        return isinstance(task, Train) and task.fit.recipe.optimizer == "rmsprop"

    for number in (1, 2, 3):
        results, _, executor = _simulate(monkeypatch, tmp_path, small_study(), n_workers, dies=dies)
        assert results.complete == (number == 3)
        assert results.n_test_evaluations == (3 if number == 3 else 0)
    (failed,) = results.failed
    assert (failed.status, failed.error_kind, failed.error) == ("failed", "crashed", "killed by the test")
    assert executor.submitted[f"Train {failed.fit_id}"] == 2
    assert failed.fit_id not in results.test_evaluations
    assert len(results.test_evaluations) == 3
    # The next run does not try it again.
    _, _, executor = _simulate(monkeypatch, tmp_path, small_study())
    assert f"Train {failed.fit_id}" not in executor.submitted


def test_test_evaluation_that_kills_its_worker_ends_the_run_and_the_next_run_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="run the study again"):
        _simulate(monkeypatch, tmp_path, small_study(), dies=lambda task, _: isinstance(task, Score))
    begun = stored(tmp_path, small_study())
    assert len(begun.records) == len(begun.plan.fits)
    assert not begun.test_evaluations
    assert begun.n_test_evaluations == 1


def test_choice_is_made_while_other_fits_still_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent fits of the comparison run when the search makes its choice; none is trained twice."""
    for seed in range(5):
        _, events, executor = _simulate(monkeypatch, tmp_path / str(seed), small_study(), 5, seed)
        assert set(executor.submitted.values()) == {1}
        chosen = next(
            i for i, e in enumerate(events) if isinstance(e, ChoiceMade) and e.choice.stage == "search.kernel"
        )
        before = [event for event in events[:chosen] if isinstance(event, FitEnded)]
        last = before[-1]
        assert last.fit.split.__class__.__name__ == "Fold"  # the last fit of the search made the choice due


def test_schedule_submits_a_train_task_per_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, executor = _simulate(monkeypatch, tmp_path, small_study())
    assert {name.split()[0] for name in executor.submitted} == {Train.__name__, Score.__name__}
