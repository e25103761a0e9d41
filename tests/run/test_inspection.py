"""The images are inspected once per runs folder, during the test-set evaluation; a failure does not fail the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convstudy.data import BUILT_IN_DATASETS
from convstudy.errors import Diverged, StoreError
from convstudy.run import ChoiceMade, Event, ImagesInspected, execute, run_study
from convstudy.run import EvaluatedOnTestSet as EvaluationResult
from convstudy.run.executors import InlineExecutor
from convstudy.run.tasks import Inspect, Lost, Message, Task
from convstudy.run.tasks import Test as Score
from convstudy.store import Layout
from convstudy.studyfile import Recipe, Study
from tests.run.studies import ran, small_study, statistics, stored

DIGITS = BUILT_IN_DATASETS["digits"]


def _study(**changes: Any) -> Study:
    """Return a comparison of two networks, one epoch each."""
    recipe = Recipe(epochs=1, batch_size=40)
    return small_study(**{"search": {}, "ablate": {}, "recipe": recipe, **changes})


def _inspections(events: list[Event]) -> list[ImagesInspected]:
    return [event for event in events if isinstance(event, ImagesInspected)]


def test_images_are_inspected_once_after_the_test_evaluation(tmp_path: Path) -> None:
    results, events = ran(_study(), tmp_path)
    assert results.images is not None
    assert (results.images.digest, results.images.test.n_images) == (DIGITS.digest, 360)
    assert results.images.exact.n_pairs == 0
    assert _inspections(events) == [ImagesInspected(results.plan.study.dataset, results.images)]
    last = max(i for i, event in enumerate(events) if isinstance(event, EvaluationResult | ChoiceMade))
    assert last < events.index(_inspections(events)[0])
    assert results.n_test_evaluations == sum(isinstance(event, EvaluationResult) for event in events) == 2
    # Neither a second run nor another study in the folder inspects them again.
    again, events = ran(_study(), tmp_path)
    assert (again.images, _inspections(events)) == (results.images, [])
    other, events = ran(_study(name="other"), tmp_path)
    assert (other.images, _inspections(events)) == (results.images, [])


def test_inspection_in_a_worker_gives_the_same_statistics(tmp_path: Path) -> None:
    here, _ = ran(_study(), tmp_path / "0")
    there, _ = ran(_study(), tmp_path / "1", workers=1)
    assert here.images is not None
    assert there.images == here.images


def test_images_are_not_inspected_before_a_test_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(execute, "run_fit", fail)
    results, events = ran(_study(), tmp_path)
    assert (len(results.failed), len(results.test_evaluations)) == (2, 0)
    assert (results.images, _inspections(events)) == (None, [])
    assert not Layout(tmp_path).dataset_statistics(DIGITS.digest).exists()


def test_images_are_not_inspected_if_all_models_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such failures are final, so that the run gets to the evaluation, but it evaluates nothing."""

    def diverge(*_: object, **__: object) -> None:
        raise Diverged("the loss stopped being a finite number in epoch 1")

    monkeypatch.setattr("convstudy.engine.fit.train_epoch", diverge)
    results, events = ran(_study(), tmp_path)
    assert all(record.final for record in results.failed)
    assert (len(results.failed), len(results.test_evaluations)) == (2, 0)
    assert (results.images, _inspections(events)) == (None, [])


def test_run_on_a_folder_of_an_earlier_version_completes_it(tmp_path: Path) -> None:
    first, _ = ran(_study(), tmp_path)
    path = Layout(tmp_path).dataset_statistics(DIGITS.digest)
    for spoil in (path.unlink, lambda: path.write_text("[" * 100_000), lambda: path.write_text("{}")):
        spoil()
        assert stored(tmp_path, _study()).images is None
        again, events = ran(_study(), tmp_path)
        assert [type(event) for event in events[1:]] == [ChoiceMade, ImagesInspected]
        assert again.images == first.images
        assert statistics(again) == statistics(first)


def test_statistics_of_an_earlier_version_stay_until_a_run_adds_fingerprints(tmp_path: Path) -> None:
    first, _ = ran(_study(), tmp_path)
    assert first.images is not None and first.images.fingerprints is not None
    path = Layout(tmp_path).dataset_statistics(DIGITS.digest)
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["fingerprints"]
    path.write_text(json.dumps(values), encoding="utf-8")
    read = stored(tmp_path, _study()).images
    assert read == replace(first.images, fingerprints=None)
    again, events = ran(_study(), tmp_path)
    assert len(_inspections(events)) == 1 and again.images == first.images
    _, events = ran(_study(), tmp_path)
    assert _inspections(events) == []


def test_failed_inspection_of_images_does_not_fail_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("too many")

    with monkeypatch.context() as context:
        context.setattr(execute, "dataset_statistics", fail)
        results, events = ran(_study(), tmp_path)
    assert results.complete
    assert results.images is None
    assert _inspections(events) == [
        ImagesInspected(results.plan.study.dataset, None, "MemoryError: too many")
    ]
    assert ran(_study(), tmp_path)[0].images is not None


def test_worker_that_dies_during_the_inspection_does_not_fail_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = InlineExecutor.next_message

    def die(self: InlineExecutor, timeout: float | None = None) -> Message:
        message = ask(self)
        return Lost(message.task, "it was killed") if isinstance(message.task, Inspect) else message

    monkeypatch.setattr(InlineExecutor, "next_message", die)
    results, events = ran(_study(), tmp_path)
    assert results.complete
    assert _inspections(events) == [ImagesInspected(results.plan.study.dataset, None, "it was killed")]


def test_unwritable_dataset_statistics_do_not_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "datasets" / DIGITS.digest / "statistics.json").mkdir(
        parents=True
    )  # a folder at the path of the file
    events: list[Event] = []
    results = run_study(_study(), tmp_path, 0, events.append)
    assert results.complete
    assert results.images is None
    (inspected,) = _inspections(events)
    assert inspected.error


class Noting(InlineExecutor):
    """Notes the tasks under way at each submission; with several workers, tasks wait for each other's messages."""

    def __init__(self, layout: Layout, n_workers: int, submitted: list[str]) -> None:
        super().__init__(layout)
        self.n_workers = n_workers
        self._submitted = submitted

    def submit(self, task: Task) -> None:
        self._submitted.append(f"{type(task).__name__} next to {len(self.waiting)}")
        super().submit(task)


@pytest.mark.parametrize(
    ("n_workers", "order"),
    [
        (1, ["Test next to 0", "Test next to 0", "Inspect next to 0"]),
        (2, ["Test next to 0", "Inspect next to 1", "Test next to 1"]),
        (3, ["Test next to 0", "Inspect next to 1", "Test next to 2"]),
    ],
)
def test_images_are_inspected_next_to_the_first_evaluation_if_there_are_workers(
    n_workers: int, order: list[str], tmp_path: Path
) -> None:
    expected, _ = ran(_study(), tmp_path / "expected")
    submitted: list[str] = []
    results = run_study(
        _study(), tmp_path / "runs", executor=lambda layout: Noting(layout, n_workers, submitted)
    )
    assert submitted[-3:] == order
    assert all(each.startswith("Train") for each in submitted[:-3])
    assert results.images == expected.images
    assert statistics(results) == statistics(expected)


def test_evaluation_that_fails_next_to_an_inspection_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = ran(_study(), tmp_path / "expected")
    ask = Noting.next_message

    def die(self: Noting, timeout: float | None = None) -> Message:
        message = ask(self)
        return Lost(message.task, "it was killed") if isinstance(message.task, Score) else message

    with monkeypatch.context() as context:
        context.setattr(Noting, "next_message", die)
        with pytest.raises(StoreError, match="it was killed"):
            run_study(_study(), tmp_path / "runs", executor=lambda layout: Noting(layout, 2, []))
    results, events = ran(_study(), tmp_path / "runs")
    assert results.images == expected.images
    assert statistics(results) == statistics(expected)
    assert len(_inspections(events)) <= 1
