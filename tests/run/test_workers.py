"""Real worker processes: the same results as in this process, also after deaths, and no process is left."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from convstudy.history import History
from convstudy.networks.modules.spectral.rule import ConvShape, by_spectrum
from convstudy.run import EpochEnded, Event, FitEnded, FitStarted, run_study
from convstudy.studyfile import Ablate, NetworkPattern, Recipe, Search, Variant
from tests.run.studies import ran, results_table, small_study, statistics, worker_pids, zombie_children

SEARCH = {"rate": Search(network="one", parameters={"learning_rate": (0.01, 0.001)}, folds=2)}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc"
)


def test_results_do_not_depend_on_the_number_of_workers_or_a_dead_worker(tmp_path: Path) -> None:
    inline, _ = ran(small_study(), tmp_path / "0")
    one, _ = ran(small_study(), tmp_path / "1", 1)
    assert statistics(one) == statistics(inline)
    events: list[Event] = []
    killed: list[int] = []

    def kill_one(event: Event) -> None:
        """Kill a worker at the event of the first epoch."""
        events.append(event)
        if isinstance(event, EpochEnded) and not killed:
            killed.append(worker_pids(tmp_path / "2")[0])
            os.kill(killed[0], signal.SIGKILL)

    two = run_study(small_study(), tmp_path / "2", 2, kill_one)
    assert killed
    assert statistics(two) == statistics(inline)
    assert results_table(two, tmp_path / "a") == results_table(inline, tmp_path / "b")
    ended = [event.fit.id for event in events if isinstance(event, FitEnded)]
    assert sorted(ended) == sorted(two.records)
    assert worker_pids(tmp_path / "2") == []
    assert zombie_children() == []


@pytest.mark.slow
def test_final_fit_with_two_threads_has_the_same_result_in_any_process_and_after_a_kill(
    tmp_path: Path,
) -> None:
    """A worker starts with OMP_NUM_THREADS of the study, which is 1 here; the last fit still uses two threads."""
    layers = ("conv 32 5 relu", "conv 16 5 relu", "max-pool 2", "batch-norm", "flatten", "dense 64 relu")
    study = small_study(
        subset=400,
        final_threads=2,
        network={"one": NetworkPattern(layers=layers)},
        search=SEARCH,
        compare={},
        ablate={},
    )
    inline, _ = ran(study, tmp_path / "0")
    (final,) = inline.plan.tested_fits
    assert final.threads == 2
    killed: list[int] = []

    def kill_in_final_fit(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.fit.id == final.id and not killed:
            killed.extend(worker_pids(tmp_path / "2"))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    two = run_study(study, tmp_path / "2", 2, kill_in_final_fit)
    assert killed
    assert statistics(two) == statistics(inline)
    assert two.records[final.id].weights_digest == inline.records[final.id].weights_digest
    assert two.images == inline.images


def test_convolutions_by_spectrum_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    """The second layer of a batch of 50 images of 26 × 26 is convolved by spectrum."""
    assert by_spectrum(ConvShape(50, 8, 26, 26, 16, 11))
    layers = ("conv 8 3 relu", "conv 16 11 relu", "global-average-pool")
    study = small_study(
        subset=125,
        recipe=Recipe(epochs=1, batch_size=50),
        network={"wide": NetworkPattern(layers=layers)},
        search={},
        compare={},
        ablate={
            "wide": Ablate(network="wide", variants={"direct": Variant(recipe={"conv_algorithm": "direct"})})
        },
    )
    inline, _ = ran(study, tmp_path / "0")
    two, _ = ran(study, tmp_path / "2", 2)
    assert statistics(two) == statistics(inline)
    digests = {record.weights_digest for record in inline.records.values()}
    assert len(digests) == 2  # both methods, which differ by rounding


def test_interrupted_run_leaves_no_process_and_no_thread(tmp_path: Path) -> None:
    n_threads = threading.active_count()

    def interrupt(event: Event) -> None:
        if isinstance(event, FitStarted):
            assert worker_pids(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(), tmp_path, 1, interrupt)
    assert worker_pids(tmp_path) == []
    assert zombie_children() == []
    assert threading.active_count() == n_threads
    history = History.open(tmp_path)
    assert [run.status for run in history.runs()] == ["interrupted"]
    history.close()
