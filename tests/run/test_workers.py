"""Real worker processes: the same results as in this process, deaths survived, nothing left behind."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from convstudy.run import EpochEnded, Event, FitEnded, FitStarted, run_study
from convstudy.spec import Ablate, Variant
from convstudy.store import Store
from tests.run.studies import facts, ran, results_table, small_study, worker_pids, zombie_children

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc"
)


def test_results_do_not_depend_on_the_number_of_workers_nor_on_their_deaths(tmp_path: Path) -> None:
    inline, _ = ran(small_study(), tmp_path / "0")
    events: list[Event] = []
    killed: list[int] = []

    def kill_one(event: Event) -> None:
        """Kill each worker at the second fit that is told of, once."""
        events.append(event)
        if isinstance(event, EpochEnded) and not killed:
            killed.extend(worker_pids(tmp_path / "2"))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    two = run_study(small_study(), tmp_path / "2", 2, kill_one)
    assert killed
    assert facts(two) == facts(inline)
    assert results_table(two, tmp_path / "a") == results_table(inline, tmp_path / "b")
    started = [event.fit.id for event in events if isinstance(event, FitStarted)]
    ended = [event.fit.id for event in events if isinstance(event, FitEnded)]
    assert sorted(ended) == sorted(two.records)
    assert len(started) > len(ended)  # what the dead had in hand was begun again
    assert worker_pids(tmp_path / "2") == []
    assert zombie_children() == []


def test_a_fit_that_always_kills_its_worker_is_a_record_and_an_interruption_leaves_no_process(
    tmp_path: Path,
) -> None:
    study = small_study(
        search={},
        compare={},
        ablate={"x": Ablate(network="two", variants={"rmsprop": Variant(recipe={"optimizer": "rmsprop"})})},
    )
    n_threads = threading.active_count()

    def kill(event: Event) -> None:
        if isinstance(event, FitStarted) and event.fit.recipe.optimizer == "rmsprop":
            for pid in worker_pids(tmp_path):
                os.kill(pid, signal.SIGKILL)

    results = run_study(study, tmp_path, 1, kill)
    (failed,) = results.failed
    assert (failed.error_kind, failed.done) == ("crashed", False)
    assert "signal 9" in failed.error
    assert len(results.openings) == 1
    assert results.complete

    def interrupt(event: Event) -> None:
        if isinstance(event, FitStarted):
            assert worker_pids(tmp_path)
            raise KeyboardInterrupt

    # The next run tries the fit again, and is interrupted.
    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path, 1, interrupt)
    assert worker_pids(tmp_path) == []
    assert zombie_children() == []
    assert threading.active_count() == n_threads
    store = Store.open(tmp_path)
    assert [run.status for run in store.runs()] == ["interrupted"]
    store.close()
