"""Runs, choices, test-set evaluations and results are read back after the folder is opened again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import BUILT_IN_DATASETS, dataset_statistics
from convstudy.errors import StoreError
from convstudy.history import History, resolving
from convstudy.plan import Fit, Plan, make_plan
from convstudy.record import Record
from convstudy.studyfile import Search
from tests.datasets import DIGITS, MNIST
from tests.plan.made import failed, finished, record, study
from tests.run.studies import drop_record
from tests.scores import scores


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History.open(tmp_path / "runs", create=True)
    yield opened
    opened.close()


def _again(history: History) -> History:
    """Open the same folder a second time, as another process does."""
    return History.open(history.layout.folder)


def _filled(history: History, n_records: int | None = None) -> tuple[str, Plan, dict[str, Record]]:
    """Write a run with this number of records; return its id, its last plan and the records."""
    run_id = history.begin_run(study())
    plan, choices, records = finished(study(), lambda candidate, fit: record(fit, 0.9 if fit.seed else 0.5))
    fits = {fit.id: fit for fit in plan.fits}
    written = dict(list(records.items())[:n_records])
    for fit_id, found in written.items():
        history.save_record(fits[fit_id], found)
    if n_records is None:
        for choice in choices:
            history.save_choice(run_id, choice)
    return run_id, plan, written


def test_records_are_read_back_after_reopening(history: History) -> None:
    run_id, plan, records = _filled(history)
    history.end_run(run_id, "complete")
    again = _again(history)
    assert dict(again.records) == records
    assert len(again.records) == len(records)
    results = again.results(run_id)
    assert results.study == study()
    assert results.plan == plan
    assert results.records == records
    assert [choice.stage for choice in results.choices] == ["search.kernel", "compare.all"]
    assert not results.complete  # no model was evaluated
    (summary,) = again.runs()
    assert (summary.run_id, summary.name, summary.dataset, summary.status) == (
        run_id,
        "made",
        "digits",
        "complete",
    )
    assert (summary.n_fits, summary.n_done, summary.n_failed) == (12, 12, 0)
    again.close()


def test_replaced_record_is_read_again(history: History) -> None:
    fit = finished(study(), lambda candidate, fit: record(fit))[0].fits[0]
    reader = _again(history)
    history.save_record(fit, failed(fit))
    assert not reader.records[fit.id].done
    history.save_record(fit, record(fit))
    assert history.records[fit.id].done
    assert reader.records[fit.id].done
    drop_record(history, fit.id)
    assert fit.id not in history.records
    with pytest.raises(KeyError):
        history.records[fit.id]
    reader.close()


def test_checkpoint_is_deleted_after_a_done_fit_and_kept_after_a_failed_fit(history: History) -> None:
    fit = finished(study(), lambda candidate, fit: record(fit))[0].fits[0]
    checkpoint = history.layout.artefact(fit.id, "checkpoint")
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"state")
    history.save_record(fit, failed(fit))
    assert checkpoint.exists()
    history.save_record(fit, record(fit))
    assert not checkpoint.exists()


def test_run_id_depends_on_the_content_of_the_study() -> None:
    name = History.run_id_of(study())
    assert name.startswith("made-")
    assert len(name) == len("made-") + 6
    assert History.run_id_of(study()) == name
    assert History.run_id_of(study(seeds=3)) != name


def test_study_name_selects_its_latest_run(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(f"2026-01-01T00:00:{second:02d}.000+00:00" for second in range(60))
    monkeypatch.setattr("convstudy.store.store._now", lambda: next(clock))
    first = history.begin_run(study())
    second = history.begin_run(study(seeds=3))
    other = history.begin_run(study(name="other"))
    assert history.results("made").run_id == second
    assert history.results(first).run_id == first
    history.begin_run(study())  # resumed
    assert history.results("made").run_id == first
    assert [run.run_id for run in history.runs()] == [second, other, first]
    assert history.results(first).created_at < history.results(first).updated_at


def test_run_uses_the_current_order_of_its_study(history: History) -> None:
    """The second of two searches of a network uses the choice of the first, so their order counts."""
    kernel = Search(network="one", parameters={"kernel": (3, 5)}, folds=2)
    rate = Search(network="one", parameters={"learning_rate": (0.1, 0.01)}, folds=2)
    before, after = study(search={"a": kernel, "b": rate}), study(search={"b": rate, "a": kernel})
    run_id = history.begin_run(before)
    assert history.begin_run(after) == run_id
    found = history.results(run_id)
    assert [stage.key for stage in found.plan.stages] == [stage.key for stage in make_plan(after).stages]
    assert found.plan == make_plan(after) != make_plan(before)


def test_unknown_run_is_rejected_with_the_nearest_name(history: History) -> None:
    with pytest.raises(StoreError, match="this folder has no runs"):
        history.results("made")
    run_id = history.begin_run(study())
    with pytest.raises(StoreError) as caught:
        history.results(run_id[:-1] + "x")
    assert run_id in caught.value.problems[0].hint


def test_choice_is_written_again_only_if_it_changes(history: History) -> None:
    run_id, _, _ = _filled(history)
    choice = history.results(run_id).choices[0]
    for chosen in (choice.chosen, choice.chosen, "kernel=9", choice.chosen):
        history.save_choice(run_id, replace(choice, chosen=chosen))
    rows = sqlite3.connect(history.layout.database).execute(
        "SELECT chosen FROM choices WHERE stage = ? ORDER BY number", (choice.stage,)
    )
    assert [chosen for (chosen,) in rows] == [choice.chosen, "kernel=9", choice.chosen]


def _tested(history: History, run_id: str, fit: Fit, accuracy: float = 0.9) -> None:
    number = history.begin_test_evaluation(run_id, fit, history.records[fit.id].weights_digest, "why")
    history.end_test_evaluation(number, scores(0.3, accuracy), 1.5)


def test_evaluations_are_counted_and_unscored_ones_are_reused(history: History) -> None:
    run_id, plan, _ = _filled(history)
    first, second = plan.tested_fits[:2]
    begun = history.begin_test_evaluation(run_id, first, "digest", "why")
    assert history.n_test_evaluations(DIGITS) == 1
    assert history.test_evaluation_of(first.id, "digest") is None
    # After an interruption, the second attempt has the same entry.
    assert _again(history).begin_test_evaluation(run_id, first, "digest", "why") == begun
    assert history.n_test_evaluations(DIGITS) == 1
    test_evaluation = history.end_test_evaluation(begun, scores(0.3, 0.9), 1.5)
    assert (test_evaluation.fit_id, test_evaluation.scores, test_evaluation.purpose) == (
        first.id,
        scores(0.3, 0.9),
        "why",
    )
    assert test_evaluation.n_images == 360
    assert _again(history).test_evaluation_of(first.id, "digest") == test_evaluation
    # Other weights of the same fit are another evaluation; so is another fit.
    assert history.test_evaluation_of(first.id, "other weights") is None
    assert history.begin_test_evaluation(run_id, first, "other weights", "why") != begun
    _tested(history, run_id, second)
    assert history.n_test_evaluations(DIGITS) == 3
    assert history.n_test_evaluations(MNIST) == 0
    results = history.results(run_id)
    assert set(results.test_evaluations) == {first.id, second.id}
    assert (results.n_test_evaluations, results.n_test_evaluations_before) == (3, 0)


def test_run_is_complete_when_all_fits_are_trained_and_evaluated(history: History) -> None:
    run_id, plan, _ = _filled(history)
    for fit in plan.tested_fits:
        assert not history.results(run_id).complete
        _tested(history, run_id, fit)
    results = history.results(run_id)
    assert results.complete
    candidate = plan.stage("compare.all").candidates[0]
    assert [record.fit_id for record in results.records_of(candidate)] == [fit.id for fit in candidate.fits]
    assert {fit.id for fit in candidate.fits} <= set(results.test_evaluations)
    # Another study comes later: all of these evaluations precede its own.
    other = history.begin_run(study(name="other"))
    later = history.results(other)
    assert later.complete
    assert later.n_test_evaluations == later.n_test_evaluations_before == 8


def test_unfinished_run_can_be_read(history: History) -> None:
    run_id, _, records = _filled(history, 5)
    results = history.results(run_id)
    assert results.records == records
    assert not results.complete
    assert [choice.stage for choice in results.choices] == ["search.kernel"]
    assert results.choice("compare.all") is None


def test_results_list_failed_records(history: History) -> None:
    run_id, plan, _ = _filled(history)
    history.save_record(plan.fits[0], failed(plan.fits[0]))
    assert [found.fit_id for found in history.results(run_id).failed] == [plan.fits[0].id]
    assert history.runs()[0].n_failed == 1


def test_one_process_writes_while_others_read(history: History) -> None:
    other = _again(history)
    with history.writing():
        run_id = history.begin_run(study())
        with pytest.raises(StoreError, match="another convstudy process"), other.writing():
            raise AssertionError("two writers")
        assert other.runs()[0].status == "running"
        assert other.results(run_id).run_id == run_id
        _filled(history, 3)
        assert len(other.results(run_id).records) == 3
    with other.writing():
        pass
    other.close()


def test_run_of_a_dead_process_is_interrupted(history: History) -> None:
    with history.writing():
        history.begin_run(study())
        assert history.runs()[0].status == "running"
    assert _again(history).runs()[0].status == "interrupted"
    # Also while another run is running in the same folder.
    with history.writing():
        history.begin_run(study(name="other"))
        assert {run.name: run.status for run in _again(history).runs()} == {
            "made": "interrupted",
            "other": "running",
        }


def test_dataset_statistics_are_read_back_and_a_damaged_file_is_ignored(history: History) -> None:
    data = BUILT_IN_DATASETS["digits"].load()
    some = data.train.take(np.arange(360))
    known = dataset_statistics(replace(data.info, n_train=360), some, some)
    assert history.dataset_statistics(DIGITS) is None
    whole = replace(
        known, train=replace(known.train, class_counts=tuple(np.bincount(data.train.labels).tolist()))
    )
    history.save_dataset_statistics(whole)
    assert _again(history).dataset_statistics(DIGITS) == whole
    path = history.layout.dataset_statistics(data.info.digest)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    text = path.read_text()
    for other in (text + " " * (1 << 24), text.replace(data.info.digest, "0" * 64), text[:-5], "\0"):
        path.write_text(other)
        assert history.dataset_statistics(DIGITS) is None
    half = path.with_name(f"{path.name}.123.partial")
    half.write_text("ha")
    with history.writing():
        assert not half.exists()


def test_full_disk_or_missing_table_raises_store_error(history: History) -> None:
    run_id, _, _ = _filled(history, 3)
    # SQLite reports a full disk at this limit.
    history.store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        for number in range(1000):
            history.begin_run(study(name=f"other{number}"))
    assert "full" in caught.value.problems[0].got
    assert str(caught.value.problems[0].where) == str(history.layout.database)
    history.close()
    sqlite3.connect(history.layout.database, isolation_level=None).execute("DROP TABLE runs")
    with pytest.raises(StoreError):
        _again(history).results(run_id)


def test_results_are_consistent_while_another_process_writes(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, plan, _ = _filled(history)
    failing = plan.fits[0]
    history.save_record(failing, failed(failing))
    reader = _again(history)
    original = resolving.resolve

    def drop_record_meanwhile(*arguments: Any) -> Any:
        resolved = original(*arguments)
        drop_record(history, failing.id)
        return resolved

    monkeypatch.setattr(resolving, "resolve", drop_record_meanwhile)
    assert [found.fit_id for found in reader.results(run_id).failed] == [failing.id]
    assert failing.id not in reader.records
    reader.close()


@pytest.mark.parametrize(
    "damage",
    [
        [1],
        {"study": 5},
        {"dataset": 5},
        {"dataset": None},
        {"dataset": {"digest": 5}},
        {"dataset": {"digest": None}},
        {"dataset": {"digest": "../../elsewhere"}},
        {"dataset": {"digest": "0" * 64 + "\n"}},
    ],
)
def test_damaged_study_of_a_run_is_one_error(history: History, damage: Any) -> None:
    run_id, _, _ = _filled(history)
    (run,) = history.store.runs()
    document = {**run.document, **damage} if isinstance(damage, dict) else damage
    with closing(sqlite3.connect(history.layout.database)) as database, database:
        database.execute("UPDATE runs SET document = ?", (json.dumps(document),))
    with pytest.raises(StoreError, match="the study of this run is damaged in the database"):
        _again(history).results(run_id)
    (summary,) = _again(history).runs()
    assert (summary.run_id, summary.status, summary.n_fits) == (run_id, "unreadable", 0)
