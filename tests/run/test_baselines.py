"""Baselines are fitted once, after all choices, and stored; a failure does not fail the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convstudy.analysis import analyse
from convstudy.data import BUILT_IN_DATASETS, Fold, Holdout, baseline_predictions
from convstudy.run import Event, ImagesInspected, execute
from convstudy.run.tasks import (
    Inspect,
    Inspected,
    message_as_json,
    message_from_json,
    task_as_json,
    task_from_json,
)
from convstudy.store import Layout
from tests.run.studies import ran, small_study, statistics, stored

DIGITS = BUILT_IN_DATASETS["digits"]
FILES = ["baseline-fold-1-of-2-seed-0-subset-100", "baseline-fold-2-of-2-seed-0-subset-100"]
FILES.append("baseline-test-subset-100")


def files(runs: Path) -> list[Path]:
    return sorted(Layout(runs).dataset_folder(DIGITS.digest).glob("baseline-*"))


def inspected(events: list[Event]) -> list[ImagesInspected]:
    return [event for event in events if isinstance(event, ImagesInspected)]


def test_run_stores_the_baselines_of_its_folds_and_of_the_test_set(tmp_path: Path) -> None:
    results, _ = ran(small_study(), tmp_path)
    assert [path.stem for path in files(tmp_path)] == FILES
    found = results.baseline(Holdout(0.2, 0, 100))
    loaded = DIGITS.load()
    expected = baseline_predictions(loaded.train, loaded.test.open(lambda: None), Holdout(0.2, 0, 100))
    assert found is not None
    assert found["predicted"].tolist() == expected.predicted.tolist()
    assert found["n_train"].tolist() == [100, 100, 100]
    assert all(entry.test_evaluation.fit_id in results.records for entry in results.access_log)
    stages = analyse(results).baselines
    assert [(each.stage, each.measure.part) for each in stages] == [
        ("search.kernel", "validation"),
        ("compare.networks", "test"),
        ("ablate.best", "test"),
    ]
    assert [len(each.verdicts) for each in stages] == [1, 2, 3]


def test_second_run_and_another_study_use_the_stored_baselines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = ran(small_study(), tmp_path)
    times = [path.stat().st_mtime_ns for path in files(tmp_path)]
    fitted: list[str] = []
    monkeypatch.setattr(execute, "save_baselines", lambda *arguments: fitted.append("again"))
    again, events = ran(small_study(), tmp_path)
    assert (again.run_id, statistics(again)) == (first.run_id, statistics(first))
    _, others = ran(small_study(name="other"), tmp_path)
    assert inspected(events) == inspected(others) == [] and fitted == []
    assert [path.stat().st_mtime_ns for path in files(tmp_path)] == times


def test_older_or_damaged_folder_has_no_baselines_until_the_next_run(tmp_path: Path) -> None:
    first, _ = ran(small_study(), tmp_path)
    content = [path.read_bytes() for path in files(tmp_path)]
    for path in files(tmp_path):
        path.unlink()
    assert analyse(stored(tmp_path, small_study())).baselines == ()
    again, events = ran(small_study(), tmp_path)
    (event,) = inspected(events)
    assert (event.statistics, event.error, event.baselines_error) == (first.images, "", "")
    assert statistics(again) == statistics(first)
    # Times differ; everything else is the same.
    assert [len(path.read_bytes()) for path in files(tmp_path)] == [len(each) for each in content]
    test = files(tmp_path)[-1]
    damaged = bytearray(test.read_bytes())
    damaged[-1] ^= 1
    test.write_bytes(damaged)
    stages = analyse(stored(tmp_path, small_study())).baselines
    assert [each.measure.part for each in stages] == ["validation"]
    ran(small_study(), tmp_path)
    assert len(analyse(stored(tmp_path, small_study())).baselines) == 3


def test_failed_baselines_do_not_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("too many")

    with monkeypatch.context() as context:
        context.setattr(execute, "save_baselines", fail)
        results, events = ran(small_study(), tmp_path)
    (event,) = inspected(events)
    assert results.complete and results.images is not None
    assert (event.error, event.baselines_error) == ("", "MemoryError: too many")
    assert analyse(results).baselines == ()
    assert len(analyse(ran(small_study(), tmp_path)[0]).baselines) == 3


def test_baselines_are_not_fitted_before_all_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(execute, "run_fit", fail)
    ran(small_study(), tmp_path)
    assert files(tmp_path) == []


def test_baselines_in_a_worker_are_the_same(tmp_path: Path) -> None:
    here, _ = ran(small_study(), tmp_path / "0")
    there, _ = ran(small_study(), tmp_path / "1", workers=1)
    for split in (Holdout(0.2, 0, 100), here.plan.stage("search.kernel").candidates[0].fits[0].split):
        one, other = here.baseline(split), there.baseline(split)
        assert one is not None and other is not None
        assert one["predicted"].tolist() == other["predicted"].tolist()


def test_task_and_message_survive_json() -> None:
    task = Inspect(DIGITS, (Holdout(0.2, 0, 100), Fold(1, 3, 0, 100)), has_statistics=True)
    assert task_from_json(task_as_json(task)) == task
    message = Inspected(task, None, "", "why")
    assert message_from_json(task, message_as_json(message)) == message


def test_study_with_balanced_accuracy_compares_balanced_accuracy(tmp_path: Path) -> None:
    results, _ = ran(small_study(metric="balanced-accuracy", ablate={}), tmp_path)
    searched, compared = analyse(results).baselines
    assert searched.measure.metric == compared.measure.metric == "balanced-accuracy"
    found = results.baseline(Holdout(0.2, 0, 100))
    assert found is not None
    labels = found["labels"].astype(int)
    right = [
        [float((each[labels == label] == label).mean()) for label in range(10)] for each in found["predicted"]
    ]
    assert [each.score for each in compared.scores] == pytest.approx([sum(each) / 10 for each in right])
    best = max(each.score for each in compared.scores)
    rows = {row.name: row for row in analyse(results).stage_results[1].rows}
    for verdict in compared.verdicts:
        mean = rows[verdict.first].test["balanced-accuracy"].mean
        assert mean is not None
        assert verdict.difference.mean == pytest.approx(mean - best)
        assert verdict.difference.low is not None


def test_added_seeds_are_a_look_at_the_comparison_with_a_baseline(tmp_path: Path) -> None:
    def levels(seeds: int) -> set[float]:
        results, _ = ran(small_study(seeds=seeds, search={}, ablate={}), tmp_path)
        (compared,) = analyse(results).baselines
        return {round(verdict.difference.confidence, 4) for verdict in compared.verdicts}

    assert levels(2) == {0.95}
    (later,) = levels(3)
    assert later > 0.95
