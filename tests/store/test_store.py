"""A runs folder: what is written is there, what is damaged is said, and only one writes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from convstudy.data import image_facts, load_dataset
from convstudy.errors import StoreError
from convstudy.plan import Fit, Plan, make_plan
from convstudy.record import Record
from convstudy.store import Layout, Store, lock
from convstudy.store import store as store_module
from convstudy.store.database import SCHEMA_VERSION
from convstudy.store.lock import is_locked, locked
from convstudy.studyfile import Search
from tests.plan.made import failed, finished, record, study
from tests.run.studies import drop_record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "runs", create=True)
    yield opened
    opened.close()


def _again(store: Store) -> Store:
    """Return the same folder as another process would open it."""
    return Store.open(store.layout.folder)


def _filled(store: Store, n_records: int | None = None) -> tuple[str, Plan, dict[str, Record]]:
    """Write a run down as far as so many records; return its id, its last plan and the records."""
    run_id = store.begin_run(study())
    plan, choices, records = finished(study(), lambda candidate, fit: record(fit, 0.9 if fit.seed else 0.5))
    fits = {fit.id: fit for fit in plan.fits}
    written = dict(list(records.items())[:n_records])
    for fit_id, found in written.items():
        store.save_record(fits[fit_id], found)
    if n_records is None:
        for choice in choices:
            store.save_choice(run_id, choice)
    return run_id, plan, written


def test_records_survive_reopening(store: Store) -> None:
    run_id, plan, records = _filled(store)
    store.end_run(run_id, "complete")
    again = _again(store)
    assert dict(again.records) == records
    assert len(again.records) == len(records)
    results = again.results(run_id)
    assert results.study == study()
    assert results.plan == plan
    assert results.records == records
    assert [choice.stage for choice in results.choices] == ["search.kernel", "compare.all"]
    assert not results.complete  # nothing was tested
    (summary,) = again.runs()
    assert (summary.run_id, summary.name, summary.dataset, summary.status) == (
        run_id,
        "made",
        "digits",
        "complete",
    )
    assert (summary.n_fits, summary.n_done, summary.n_failed) == (12, 12, 0)
    again.close()


def test_a_record_takes_the_place_of_an_older_one_also_for_who_has_read_it(store: Store) -> None:
    fit = finished(study(), lambda candidate, fit: record(fit))[0].fits[0]
    reader = _again(store)
    store.save_record(fit, failed(fit))
    assert not reader.records[fit.id].done
    store.save_record(fit, record(fit))
    assert store.records[fit.id].done
    assert reader.records[fit.id].done
    drop_record(store, fit.id)
    assert fit.id not in store.records
    with pytest.raises(KeyError):
        store.records[fit.id]
    reader.close()


def test_a_checkpoint_goes_when_its_fit_is_done_and_stays_when_it_failed(store: Store) -> None:
    fit = finished(study(), lambda candidate, fit: record(fit))[0].fits[0]
    checkpoint = store.layout.artefact(fit.id, "checkpoint")
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"state")
    store.save_record(fit, failed(fit))
    assert checkpoint.exists()
    store.save_record(fit, record(fit))
    assert not checkpoint.exists()


def test_a_run_is_called_by_its_study_and_what_is_in_it() -> None:
    name = Store.run_id_of(study())
    assert name.startswith("made-")
    assert len(name) == len("made-") + 6
    assert Store.run_id_of(study()) == name
    assert Store.run_id_of(study(seeds=3)) != name


def test_a_studys_name_stands_for_its_latest_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(f"2026-01-01T00:00:{second:02d}.000+00:00" for second in range(60))
    monkeypatch.setattr("convstudy.store.store._now", lambda: next(clock))
    first = store.begin_run(study())
    second = store.begin_run(study(seeds=3))
    other = store.begin_run(study(name="other"))
    assert store.results("made").run_id == second
    assert store.results(first).run_id == first
    store.begin_run(study())  # gone on with
    assert store.results("made").run_id == first
    assert [run.run_id for run in store.runs()] == [second, other, first]
    assert store.results(first).created_at < store.results(first).updated_at


def test_a_run_follows_the_order_in_which_its_study_asks_now(store: Store) -> None:
    """The second of two searches of a network starts from what the first has chosen, so their order counts."""
    kernel = Search(network="one", vary={"kernel": (3, 5)}, folds=2)
    rate = Search(network="one", vary={"learning_rate": (0.1, 0.01)}, folds=2)
    before, after = study(search={"a": kernel, "b": rate}), study(search={"b": rate, "a": kernel})
    run_id = store.begin_run(before)
    assert store.begin_run(after) == run_id
    found = store.results(run_id)
    assert [stage.key for stage in found.plan.stages] == [stage.key for stage in make_plan(after).stages]
    assert found.plan == make_plan(after) != make_plan(before)


def test_an_unknown_run_is_refused_with_the_nearest_name(store: Store) -> None:
    with pytest.raises(StoreError, match="none yet"):
        store.results("made")
    run_id = store.begin_run(study())
    with pytest.raises(StoreError) as caught:
        store.results(run_id[:-1] + "x")
    assert run_id in caught.value.problems[0].mend


def test_a_choice_is_written_once_and_again_only_when_it_changes(store: Store) -> None:
    run_id, _, _ = _filled(store)
    choice = store.results(run_id).choices[0]
    for chosen in (choice.chosen, choice.chosen, "kernel=9", choice.chosen):
        store.save_choice(run_id, replace(choice, chosen=chosen))
    rows = sqlite3.connect(store.layout.database).execute(
        "SELECT chosen FROM choices WHERE stage = ? ORDER BY number", (choice.stage,)
    )
    assert [chosen for (chosen,) in rows] == [choice.chosen, "kernel=9", choice.chosen]


def _tested(store: Store, run_id: str, fit: Fit, accuracy: float = 0.9) -> None:
    number = store.begin_opening(run_id, fit, store.records[fit.id].weights_digest, "why")
    store.end_opening(number, 0.3, accuracy, 1.5)


def test_openings_are_counted_and_those_without_a_score_taken_up_again(store: Store) -> None:
    run_id, plan, _ = _filled(store)
    first, second = plan.tested_fits[:2]
    begun = store.begin_opening(run_id, first, "digest", "why")
    assert store.n_openings("digits") == 1
    assert store.opening_of(first.id, "digest") is None
    # Stopped in between, and run again: the same opening.
    assert _again(store).begin_opening(run_id, first, "digest", "why") == begun
    assert store.n_openings("digits") == 1
    opening = store.end_opening(begun, 0.3, 0.9, 1.5)
    assert (opening.fit_id, opening.loss, opening.accuracy, opening.purpose) == (first.id, 0.3, 0.9, "why")
    assert opening.n_images == 360
    assert _again(store).opening_of(first.id, "digest") == opening
    # Other weights of the same fit are another opening; so is another fit.
    assert store.opening_of(first.id, "other weights") is None
    assert store.begin_opening(run_id, first, "other weights", "why") != begun
    _tested(store, run_id, second)
    assert store.n_openings("digits") == 3
    assert store.n_openings("mnist") == 0
    results = store.results(run_id)
    assert set(results.openings) == {first.id, second.id}
    assert (results.n_openings, results.n_openings_before) == (3, 0)


def test_a_run_is_complete_when_everything_is_trained_and_tested(store: Store) -> None:
    run_id, plan, _ = _filled(store)
    for fit in plan.tested_fits:
        assert not store.results(run_id).complete
        _tested(store, run_id, fit)
    results = store.results(run_id)
    assert results.complete
    candidate = plan.stage("compare.all").candidates[0]
    assert [record.fit_id for record in results.records_of(candidate)] == [fit.id for fit in candidate.fits]
    assert len(results.openings_of(candidate)) == 2
    # Another study comes later: all of these openings were before its own.
    other = store.begin_run(study(name="other"))
    later = store.results(other)
    assert later.complete
    assert later.n_openings == later.n_openings_before == 8


def test_an_unfinished_run_can_be_read(store: Store) -> None:
    run_id, _, records = _filled(store, 5)
    results = store.results(run_id)
    assert results.records == records
    assert not results.complete
    assert [choice.stage for choice in results.choices] == ["search.kernel"]
    assert results.choice("compare.all") is None


def test_failed_records_are_told(store: Store) -> None:
    run_id, plan, _ = _filled(store)
    store.save_record(plan.fits[0], failed(plan.fits[0]))
    assert [found.fit_id for found in store.results(run_id).failed] == [plan.fits[0].id]
    assert store.runs()[0].n_failed == 1


def test_arrays_are_read_back_and_a_damaged_file_is_said(store: Store) -> None:
    path = store.layout.artefact("fit", "test")
    with pytest.raises(StoreError, match="run the study again"):
        store.arrays("fit", "test")
    path.parent.mkdir(parents=True)
    save_file({"labels": np.arange(3)}, path)
    assert store.arrays("fit", "test")["labels"].tolist() == [0, 1, 2]
    content = path.read_bytes()
    for damaged in (content[:-5], b"", b"\xff" * 50):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="cannot be read"):
            store.arrays("fit", "test")


def test_only_one_writes_and_others_read_meanwhile(store: Store) -> None:
    other = _again(store)
    with store.writing():
        run_id = store.begin_run(study())
        with pytest.raises(StoreError, match="another convstudy process"), other.writing():
            raise AssertionError("two writers")
        assert other.runs()[0].status == "running"
        assert other.results(run_id).run_id == run_id
        _filled(store, 3)
        assert len(other.results(run_id).records) == 3
    with other.writing():
        pass
    other.close()


def test_another_process_is_refused_too(store: Store) -> None:
    program = (
        "import sys; from pathlib import Path; from convstudy.store.lock import locked\n"
        "from convstudy.errors import StoreError\n"
        "try:\n    with locked(Path(sys.argv[1])): print('held')\n"
        "except StoreError: print('refused')"
    )

    def attempt() -> str:
        command = [sys.executable, "-c", program, str(store.layout.lock)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with store.writing():
        assert attempt() == "refused"
    assert attempt() == "held"


def test_who_asks_whether_a_folder_is_locked_stops_no_writer(tmp_path: Path) -> None:
    """To ask is to hold the lock for a moment; a writer that comes just then waits that long."""
    path = tmp_path / "lock"
    assert not is_locked(path)
    asked, done = threading.Event(), threading.Event()

    def ask() -> None:
        with locked(path):
            asked.set()
            done.wait(lock.PATIENCE_SECONDS / 5)

    thread = threading.Thread(target=ask)
    thread.start()
    asked.wait()
    assert is_locked(path)
    with locked(path, patience=30.0):
        assert is_locked(path)
    thread.join()
    assert not is_locked(path)


def test_a_run_whose_process_died_is_interrupted(store: Store) -> None:
    with store.writing():
        store.begin_run(study())
        assert store.runs()[0].status == "running"
    assert _again(store).runs()[0].status == "interrupted"
    # Also while another run goes on in the same folder.
    with store.writing():
        store.begin_run(study(name="other"))
        assert {run.name: run.status for run in _again(store).runs()} == {
            "made": "interrupted",
            "other": "running",
        }


def test_half_written_files_of_a_killed_process_go_with_the_next_run(store: Store) -> None:
    whole = store.layout.artefact("fit", "weights")
    whole.parent.mkdir(parents=True)
    whole.write_bytes(b"whole")
    half = whole.with_name(f"{whole.name}.123.partial")
    half.write_bytes(b"ha")
    with store.writing():
        assert whole.exists()
        assert not half.exists()


def test_half_written_files_of_a_killed_report_go_with_the_next_run(store: Store) -> None:
    run_id = store.begin_run(study())
    folders = store.layout.report_folders(run_id)
    assert len(folders) == 3
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / f"file.csv.{2**31 - 2}.partial").write_text("ha")
        (folder / f"file.csv.{os.getppid()}.partial").write_text("another process writes it")
    with store.writing():
        pass
    left = [file.name for folder in folders for file in folder.iterdir() if file.is_file()]
    assert left == [f"file.csv.{os.getppid()}.partial"] * 3


def test_facts_of_images_are_read_back_and_a_long_or_other_file_is_as_good_as_none(store: Store) -> None:
    data = load_dataset("digits")
    some = data.train.take(np.arange(360))
    known = image_facts(replace(data.info, n_train=360), some, some)
    assert store.image_facts("digits") is None
    whole = replace(
        known, train=replace(known.train, class_counts=tuple(np.bincount(data.train.labels).tolist()))
    )
    store.save_image_facts(whole)
    assert _again(store).image_facts("digits") == whole
    path = store.layout.image_facts(data.info.digest)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    text = path.read_text()
    for other in (text + " " * (1 << 20), text.replace(data.info.digest, "0" * 64), text[:-5], "\0"):
        path.write_text(other)
        assert store.image_facts("digits") is None
    half = path.with_name(f"{path.name}.123.partial")
    half.write_text("ha")
    with store.writing():
        assert not half.exists()


def test_where_nothing_was_run_there_is_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no runs here"):
        Store.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am no folder")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(StoreError, match="cannot be made"):
            Store.open(folder, create=True)
    layout = Layout(tmp_path)
    layout.database.write_bytes(b"this is no database at all, whatever it says" * 100)
    with pytest.raises(StoreError, match="no database of convstudy"):
        Store.open(tmp_path)
    layout.database.unlink()
    layout.database.mkdir()
    with pytest.raises(StoreError, match="must be a regular file; it is a folder"):
        Store.open(tmp_path)


def test_a_database_that_fails_in_use_is_said(store: Store) -> None:
    run_id, _, _ = _filled(store, 3)
    # A disk that is full, as far as SQLite can tell.
    store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        for number in range(1000):
            store.begin_run(study(name=f"other{number}"))
    assert "full" in caught.value.problems[0].got
    assert caught.value.problems[0].where == str(store.layout.database)
    store.close()
    sqlite3.connect(store.layout.database, isolation_level=None).execute("DROP TABLE runs")
    with pytest.raises(StoreError):
        _again(store).results(run_id)


def test_a_folder_written_by_a_later_version_is_left_alone(store: Store) -> None:
    connection = sqlite3.connect(store.layout.database, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="later version") as caught:
        _again(store)
    assert caught.value.problems[0].got == str(SCHEMA_VERSION + 1)


def test_a_database_of_the_first_version_is_read_and_its_failures_count_as_one_run(store: Store) -> None:
    run_id, _, records = _filled(store)
    fit = next(iter(records))
    crash = {**failed_by_crash(fit), "environment": None, "history": []}
    connection = sqlite3.connect(store.layout.database)
    connection.execute("DROP TABLE acceptances")
    connection.execute("UPDATE fits SET done = 0, record = ? WHERE id = ?", (json.dumps(crash), fit))
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    again = _again(store)
    assert again.results(run_id).acceptances == ()
    assert again.briefs[fit].n_failed_runs == again.records[fit].n_failed_runs == 0
    assert not again.briefs[fit].final
    assert again.records[fit].failed_after(again.records[fit]).n_failed_runs == 2
    again.accept_failures(run_id, [again.records[fit]], "known")
    assert again.outcomes(run_id)[fit].final and not again.outcomes("another")[fit].final
    again.close()


def failed_by_crash(fit_id: str) -> dict[str, Any]:
    """Return the record of a crash as the first version wrote it."""
    return {
        "fit_id": fit_id,
        "status": "failed",
        "error_kind": "crashed",
        "error": "killed",
        "n_parameters": 0,
    }


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(store: Store) -> None:
    store.close()
    folder = store.layout.folder
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        with pytest.raises(StoreError):
            opened = Store.open(folder, create=True)
            with opened.writing():
                opened.begin_run(study())
    finally:
        folder.chmod(0o755)


def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match="cannot be written"), locked(tmp_path / "lock"):
        raise AssertionError("it was made")


def test_results_are_those_of_one_moment_whatever_is_written_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, plan, _ = _filled(store)
    spoiled = plan.fits[0]
    store.save_record(spoiled, failed(spoiled))
    reader = _again(store)
    original = store_module.resolve

    def meddling(*arguments: Any) -> Any:
        resolved = original(*arguments)
        drop_record(store, spoiled.id)
        return resolved

    monkeypatch.setattr(store_module, "resolve", meddling)
    assert [found.fit_id for found in reader.results(run_id).failed] == [spoiled.id]
    assert spoiled.id not in reader.records
    reader.close()


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "convstudy.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (number INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store.open(tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["convstudy.sqlite"]


def test_a_full_disk_is_no_reason_for_another_folder(store: Store) -> None:
    """The hint was "use another folder with --runs", which would train everything again."""
    with store._connection as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError) as raised:
            for number in range(100):
                database.execute(
                    "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", (str(number), "n", "x" * 1000, "", "", "")
                )
    assert "database or disk is full" in str(raised.value)
    assert "make room on this disk, then run the same command again" in str(raised.value)
    assert "another folder" not in str(raised.value)
