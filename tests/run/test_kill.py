"""kill -9 at any moment, then a second run: results are identical byte for byte, and no worker is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from convstudy.history import History
from convstudy.run import FitStarted
from tests.run.driver import MOMENTS, MOMENTS_OF_HALVING
from tests.run.studies import halving_study, ran, results_table, small_study, statistics, worker_pids

ROOT = Path(__file__).resolve().parents[2]
# Time for the operating system to close the workers' input after their parent died; they exit at once then.
LONGEST_WAIT_SECONDS = 60.0


@pytest.fixture
def driver(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process whose children run the small study, or another one, up to each given moment."""
    study = getattr(request, "param", "small")
    command = [sys.executable, "-m", "tests.run.driver", str(tmp_path / "killed"), study]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield process
        process.kill()


def _kill_at(moment: str, driver: subprocess.Popen[str]) -> None:
    """Run the study, and kill its process but not its workers at the given moment."""
    assert driver.stdin is not None
    assert driver.stdout is not None
    print(moment, file=driver.stdin, flush=True)
    os.kill(int(driver.stdout.readline()), signal.SIGKILL)
    assert driver.stdout.readline() == "gone\n"


def _wait_until_no_worker_is_left(runs: Path) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while worker_pids(runs):
        assert time.monotonic() < deadline, "workers outlived their parent process"
        time.sleep(0.02)


# The test looks for workers of the killed driver in /proc, which only Linux has.
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc"
)


@needs_proc
def test_resume_after_kill_at_any_time_gives_identical_records(
    tmp_path: Path, driver: subprocess.Popen[str]
) -> None:
    study = small_study()
    undisturbed, _ = ran(study, tmp_path / "undisturbed")
    expected = results_table(undisturbed, tmp_path / "expected"), statistics(undisturbed)
    assert undisturbed.complete
    assert len(expected[0].splitlines()) > len(undisturbed.plan.fits)

    runs = tmp_path / "killed"
    n_done = []
    for number, moment in enumerate(MOMENTS):
        _kill_at(moment, driver)
        _wait_until_no_worker_is_left(runs)
        history = History.open(runs)
        (summary,) = history.runs()
        assert summary.status == "interrupted", moment
        n_done.append(summary.n_done)
        history.close()
        # Resume to the end in a copy; the next moment resumes from this state.
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(runs, copy)
        resumed, events = ran(study, copy)
        assert results_table(resumed, tmp_path / f"got-{number}") == expected[0], moment
        assert statistics(resumed) == expected[1], moment
        started = [event.fit.id for event in events if isinstance(event, FitStarted)]
        assert len(started) == len(set(started)) == len(undisturbed.records) - summary.n_done, moment
        assert not list(copy.glob("fits/*/*.partial")), moment
        assert not list(copy.glob("fits/*/checkpoint*")), moment
        # No model was evaluated twice.
        assert resumed.n_test_evaluations == len(undisturbed.test_evaluations), moment
    # The moments cover the run from the first fit to the last.
    assert n_done == sorted(n_done)
    assert n_done[0] == 0
    assert n_done[-1] == len(undisturbed.records)
    assert len(set(n_done)) >= 5


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("driver", ["halving"], indirect=True)
def test_resume_after_kill_during_halving_gives_identical_records(
    tmp_path: Path, driver: subprocess.Popen[str]
) -> None:
    study = halving_study()
    undisturbed, _ = ran(study, tmp_path / "undisturbed")
    expected = results_table(undisturbed, tmp_path / "expected"), statistics(undisturbed)
    runs = tmp_path / "killed"
    n_done = []
    for number, moment in enumerate(MOMENTS_OF_HALVING):
        _kill_at(moment, driver)
        _wait_until_no_worker_is_left(runs)
        history = History.open(runs)
        (summary,) = history.runs()
        n_done.append(summary.n_done)
        history.close()
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(runs, copy)
        resumed, _ = ran(study, copy, workers=2)
        assert results_table(resumed, tmp_path / f"got-{number}") == expected[0], moment
        assert statistics(resumed) == expected[1], moment
        assert not list(copy.glob("fits/*/checkpoint*")), moment
    assert n_done == sorted(n_done)
    assert len(set(n_done)) >= 4
