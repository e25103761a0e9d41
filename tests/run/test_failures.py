"""A failure that is not permanent: no choice depends on it, and the next run gives the undisturbed results."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors import SafetensorError

from convstudy.engine import fit as engine_fit
from convstudy.engine import test_set, weights
from convstudy.errors import StoreError, UsageError
from convstudy.history import History, Results
from convstudy.plan import Fit
from convstudy.report import write_report
from convstudy.run import ChoiceMade, Event, FitStarted, run_study
from convstudy.run import study as run_module
from convstudy.run.executors import InlineExecutor
from convstudy.run.tasks import Lost, Message, Started, Train
from convstudy.store import store as store_module
from convstudy.studyfile import Study
from tests.report.synthetic import analysed
from tests.run.studies import (
    halving_study,
    ran,
    results_table,
    small_study,
    started,
    statistics,
    stored,
    worker_pids,
)


class Killing(InlineExecutor):
    """An executor that loses the worker of some fits whenever it starts one of them."""

    def __init__(self, history: History, names: Callable[[Fit], bool]) -> None:
        super().__init__(history.layout)
        self._names = names

    def next_message(self, timeout: float | None = None) -> Message | None:
        task = self._tasks[0] if self._tasks else None
        if not self._messages and isinstance(task, Train) and self._names(task.fit):
            self._messages += [Started(task), Lost(self._tasks.popleft(), "killed (signal 9)")]
        return super().next_message()


def kill_workers(patch: pytest.MonkeyPatch, names: Callable[[Fit], bool]) -> None:
    """Let the worker of each given fit die, at the first attempt and at the second."""
    patch.setattr(run_module, "_executor", lambda study, history, *_: Killing(history, names))


def raise_in_training(error: Exception) -> Callable[[pytest.MonkeyPatch, Callable[[Fit], bool]], None]:
    """Return a patch with which each given fit ends with an error."""

    def disturb(patch: pytest.MonkeyPatch, names: Callable[[Fit], bool]) -> None:
        original = engine_fit._start

        def start(fit: Fit, *rest: Any) -> Any:
            if names(fit):
                raise error
            return original(fit, *rest)

        patch.setattr(engine_fit, "_start", start)

    return disturb


def refuse_files(kind: str, error: Exception) -> Callable[[pytest.MonkeyPatch, Callable[[Fit], bool]], None]:
    """Return a patch that rejects writing one kind of file of each given fit."""

    def disturb(patch: pytest.MonkeyPatch, names: Callable[[Fit], bool]) -> None:
        original, write = engine_fit._start, weights.save_file
        refused: list[bool] = [False]

        def start(fit: Fit, *rest: Any) -> Any:
            refused[0] = names(fit)
            return original(fit, *rest)

        def save_file(tensors: Any, path: Path, statistics: Any) -> None:
            if refused[0] and path.name.startswith(kind):
                raise error
            write(tensors, path, statistics)

        patch.setattr(engine_fit, "_start", start)
        patch.setattr(weights, "save_file", save_file)

    return disturb


NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
# Name of a disturbance -> its patch, and the error kind of the failed fits; no kind if the disturbance ends the run.
DISTURBANCES: dict[str, tuple[Callable[[pytest.MonkeyPatch, Callable[[Fit], bool]], None], str]] = {
    "killed twice": (kill_workers, "crashed"),
    "an exception": (raise_in_training(RuntimeError("the driver was busy")), "failed"),
    "no memory": (raise_in_training(MemoryError("no more")), "out-of-memory"),
    "no memory for a file": (raise_in_training(OSError(errno.ENOMEM, "no more")), "out-of-memory"),
    "checkpoint refused": (refuse_files("checkpoint", SafetensorError("I/O error: no space")), ""),
    "weights refused": (refuse_files("weights", NO_SPACE), ""),
    "predictions refused": (refuse_files("validation", OSError(errno.EDQUOT, "quota")), ""),
    "the disk fails": (raise_in_training(OSError(errno.EIO, "disk")), ""),
    "no file handles": (raise_in_training(OSError(errno.EMFILE, "too many")), ""),
    "read-only": (raise_in_training(OSError(errno.EROFS, "read-only")), ""),
}


@pytest.fixture(scope="module", autouse=True)
def _still_clocks() -> Iterator[None]:
    """Stop the clock, so that reports can be compared byte for byte."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (engine_fit, test_set):
            patch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 0.0))
        patch.setattr(store_module, "_now", lambda: "2026-01-01T00:00:00.000+00:00")
        yield


def report(results: Results, folder: Path) -> dict[str, bytes]:
    """Return the content of a report's tables and JSON document by file name."""
    write_report(*analysed(results), folder, ["csv", "json"])
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(found) > 10
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, dict[str, bytes]]:
    """Return the results of an undisturbed run, and its report."""
    results, _ = ran(small_study(), tmp_path_factory.mktemp("whole"))
    return results, report(results, tmp_path_factory.mktemp("report"))


def places(results: Results) -> dict[str, Fit]:
    """Return a fit of each stage: of the search's winner, the better network and a variant."""
    chosen = {choice.stage: choice.chosen for choice in results.choices}
    plan = results.plan
    return {
        "search": plan.stage("search.kernel").candidate(chosen["search.kernel"]).fits[1],
        "compare": plan.stage("compare.networks").candidate(chosen["compare.networks"]).fits[0],
        "ablate": plan.stage("ablate.best").candidate("rmsprop").fits[0],
    }


def assert_sealed(results: Results, stage: str) -> None:
    """Assert that a stage has no choice, no dependent fit was trained, and no test image was read."""
    asked = [key for key in ("search.kernel", "compare.networks") if key.startswith(stage)]
    assert [choice.stage for choice in results.choices if choice.stage in asked] == []
    assert set(results.records) <= {fit.id for fit in results.plan.settled_fits}
    assert (results.n_test_evaluations, dict(results.test_evaluations), results.images) == (0, {}, None)
    assert not results.complete


@pytest.mark.parametrize(
    ("how", "stage"),
    [(how, "compare") for how in DISTURBANCES]
    + [(how, stage) for how in ("killed twice", "checkpoint refused") for stage in ("search", "ablate")],
)
def test_run_with_any_dead_workers_has_the_records_of_an_undisturbed_run(
    how: str, stage: str, whole: tuple[Results, dict[str, bytes]], tmp_path: Path
) -> None:
    fit = places(whole[0])[stage]
    disturb, kind = DISTURBANCES[how]
    with pytest.MonkeyPatch.context() as patch:
        disturb(patch, lambda each: each.id == fit.id)
        if kind:
            results, _ = ran(small_study(), tmp_path / "runs")
            assert [(each.fit_id, each.error_kind) for each in results.failed] == [(fit.id, kind)]
            assert results.unfinished == results.failed
        else:
            with pytest.raises(StoreError) as caught:
                ran(small_study(), tmp_path / "runs")
            assert len(caught.value.problems) == 1
            results = stored(tmp_path / "runs", small_study())
            assert results.failed == ()
    assert_sealed(results, stage)
    again, events = ran(small_study(), tmp_path / "runs")
    assert fit.id in started(events)
    assert report(again, tmp_path / "report") == whole[1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for worker processes in /proc")
def test_worker_killed_twice_changes_no_record(
    whole: tuple[Results, dict[str, bytes]], tmp_path: Path
) -> None:
    fit, deaths = places(whole[0])["compare"], []

    def kill(event: Event) -> None:
        if isinstance(event, FitStarted) and event.fit.id == fit.id:
            for pid in worker_pids(tmp_path):
                os.kill(pid, signal.SIGKILL)
                deaths.append(pid)

    results = run_study(small_study(), tmp_path, 1, kill)
    assert [(each.fit_id, each.error_kind) for each in results.unfinished] == [(fit.id, "crashed")]
    assert len(deaths) == 2
    assert_sealed(results, "compare")
    again, _ = ran(small_study(), tmp_path, 1)
    assert statistics(again) == statistics(whole[0])
    assert results_table(again, tmp_path / "again") == results_table(whole[0], tmp_path / "whole")


@pytest.mark.parametrize("question", ["halving", "tpe", "random", "nested"])
def test_search_waits_for_a_failed_fit_that_is_retried(question: str, tmp_path: Path) -> None:
    study = {
        "halving": lambda: halving_study(),
        "tpe": lambda: halving_study(method="tpe", trials=5, parameters={"kernel": tuple(range(1, 9))}),
        "random": lambda: halving_study(method="random", trials=3),
        "nested": lambda: halving_study(method="grid", parameters={"kernel": (3, 5)}, nested=True),
    }[question]()
    undisturbed, _ = ran(study, tmp_path / "whole")
    stages = [
        s for s in undisturbed.plan.stages if s.question == ("inner" if question == "nested" else "search")
    ]
    fit = stages[-1].fits[0]
    with pytest.MonkeyPatch.context() as patch:
        kill_workers(patch, lambda each: each.id == fit.id)
        results, _ = ran(study, tmp_path / "runs")
    assert [each.fit_id for each in results.unfinished] == [fit.id]
    stage = results.plan.stage(stages[-1].key)
    assert results.choice(stage.key) is None
    assert not any(rung.decided for rung in stage.rungs)
    assert (results.n_test_evaluations, results.images) == (0, None)
    again, _ = ran(study, tmp_path / "runs")
    assert report(again, tmp_path / "again") == report(undisturbed, tmp_path / "report")


def _failing_x(study: Study, runs: Path, error: str = "the driver was busy", **options: Any) -> Results:
    """Run a study whose better network fails with an error."""
    with pytest.MonkeyPatch.context() as patch:
        network = study.network["one"].network()
        raise_in_training(RuntimeError(error))(patch, lambda fit: fit.network == network)
        return run_study(study, runs, 0, **options)


COMPARED = {"search": {}, "ablate": {}}


def test_same_error_in_three_runs_is_permanent(tmp_path: Path) -> None:
    study = small_study(**COMPARED)
    for number, size in enumerate(("1,234,567", "98.5"), start=1):
        results = _failing_x(study, tmp_path, f"no room for {size} bytes at 0x7f{number}")
        assert [each.n_failed_runs for each in results.unfinished] == [number]
        assert (results.choices, results.n_test_evaluations) == ((), 0)
    results = _failing_x(study, tmp_path, "no room for 4096 bytes at 0x55")
    assert results.unfinished == ()
    assert [each.n_failed_runs for each in results.failed] == [3]
    assert [choice.chosen for choice in results.choices] == ["two"]
    assert len(results.test_evaluations) == 1
    assert results.complete
    # It would fail in the same way, so it is not tried again.
    _, events = ran(study, tmp_path)
    assert started(events) == []


def test_different_errors_of_a_fit_are_counted_separately(tmp_path: Path) -> None:
    study = small_study(**COMPARED)
    for signal_number, count in ((9, 1), (9, 2), (6, 1)):
        (failed,) = _failing_x(study, tmp_path, f"ended by signal {signal_number}").unfinished
        assert failed.n_failed_runs == count
    results = _failing_x(study, tmp_path, "ended by signal 9")
    assert [(each.n_failed_runs, each.final) for each in results.failed] == [(3, True)]


def test_failed_runs_of_other_studies_count_too(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        results = _failing_x(small_study(name=name, **COMPARED), tmp_path)
    assert (results.unfinished, len(results.failed)) == ((), 1)
    # The other studies make their choices from the same record when they are run again.
    assert stored(tmp_path, small_study(name="a", **COMPARED)).choices != ()


def test_accepted_failures_are_stored_and_not_trained_again(tmp_path: Path) -> None:
    study = small_study(search={})
    first = _failing_x(study, tmp_path)
    (failed,) = first.unfinished
    results, events = ran(study, tmp_path, accept_failures="  too large\nfor this machine ")
    assert failed.fit_id not in started(events)
    assert [event.choice.chosen for event in events if isinstance(event, ChoiceMade)] == ["two"]
    (accepted,) = results.acceptances
    assert (accepted.fit_id, accepted.reason) == (failed.fit_id, "too large for this machine")
    assert (accepted.error_kind, accepted.error) == (failed.error_kind, failed.error)
    assert accepted.accepted_at == "2026-01-01T00:00:00.000+00:00"
    assert results.complete and [each.accepted for each in results.failed] == [True]
    assert len(results.test_evaluations) == 3  # the unchanged network and two variants
    again, events = ran(study, tmp_path)
    assert started(events) == [] and again.acceptances == (accepted,)
    # Another study has not accepted the failure and trains the fit. The choices and scores of this run stay.
    other, events = ran(study.model_copy(update={"name": "other"}), tmp_path)
    assert failed.fit_id in started(events) and other.acceptances == ()
    kept = stored(tmp_path, study)
    assert [(choice.chosen, choice.kept) for choice in kept.choices] == [
        ("two", other.choices[0].chosen != "two")
    ]


def test_failure_of_this_run_is_not_accepted(tmp_path: Path) -> None:
    study = small_study(**COMPARED)
    results = _failing_x(study, tmp_path, accept_failures="too large")
    assert len(results.unfinished) == 1 and results.acceptances == ()
    assert results.n_test_evaluations == 0
    results = _failing_x(study, tmp_path, accept_failures="too large")
    assert results.unfinished == () and len(results.acceptances) == 1
    assert len(results.test_evaluations) == 1


@pytest.mark.parametrize("reason", ["", "  \n", "a\x1b[31m", "a\udc80"])
def test_unprintable_reason_is_rejected(reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reason"):
        run_study(small_study(), tmp_path / "runs", 0, accept_failures=reason)
    assert not (tmp_path / "runs").exists()


def test_stored_choice_stays_once_a_model_has_a_test_score(tmp_path: Path) -> None:
    """The patch makes crashes permanent in the first run, so that it makes a choice and evaluates its models."""
    study = small_study(search={})
    undisturbed, _ = ran(study, tmp_path / "whole")
    better = undisturbed.choices[0].chosen
    worse = "two" if better == "one" else "one"
    with pytest.MonkeyPatch.context() as patch:
        network = study.network[better].network()
        kill_workers(patch, lambda fit: fit.network == network)
        patch.setattr("convstudy.record.PERMANENT_ERRORS", ("diverged", "crashed"))
        results, _ = ran(study, tmp_path / "runs")
        assert results.choices[0].chosen == worse and len(results.test_evaluations) == 3
    with pytest.MonkeyPatch.context() as patch:
        kill_workers(patch, lambda fit: fit.network == network)
        results, _ = ran(study, tmp_path / "runs")
    assert [(choice.chosen, choice.kept) for choice in results.choices] == [(worse, True)]
    assert not results.complete and len(results.test_evaluations) == 3
    results, _ = ran(study, tmp_path / "runs")
    assert [(choice.chosen, choice.kept) for choice in results.choices] == [(worse, True)]
    assert results.complete


def test_worker_that_ends_before_it_starts_a_fit_is_not_a_failed_fit(tmp_path: Path) -> None:
    class Unstartable(InlineExecutor):
        def next_message(self, timeout: float | None = None) -> Message | None:
            return Lost(self._tasks.popleft(), "ended with status 1")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "_executor", lambda study, history, *_: Unstartable(history.layout))
        with pytest.raises(StoreError, match=r"status 1[\s\S]*workers\.log"):
            ran(small_study(), tmp_path)
    assert stored(tmp_path, small_study()).records == {}
