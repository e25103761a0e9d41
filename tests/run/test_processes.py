"""Worker processes: pipes, deaths and exit, with a simulated worker that needs no torch."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.data import BUILT_IN_DATASETS, dataset_statistics
from convstudy.errors import Location, Problem, StoreError
from convstudy.plan import Fit, make_plan
from convstudy.run.executors import processes
from convstudy.run.executors.processes import ProcessExecutor
from convstudy.run.tasks import (
    Halted,
    Inspect,
    Inspected,
    Lost,
    Message,
    Started,
    Train,
    Trained,
    message_as_json,
    message_from_json,
    task_as_json,
    task_from_json,
)
from convstudy.run.tasks import (
    Test as Score,
)
from convstudy.run.tasks import (
    Tested as Scored,
)
from convstudy.store import Layout
from tests.datasets import DIGITS
from tests.run.studies import small_study, worker_pids, zombie_children
from tests.scores import scores

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks for processes in /proc")

# Like convstudy.run.worker, but the learning rate of each task, times 100, selects what the worker does.
WORKER = r"""#!{python} -IS
import json, os, signal, sys
for line in sys.stdin:
    task = json.loads(line)
    way = round(task["fit"]["recipe"]["learning_rate"] * 100)
    say = lambda **values: print(json.dumps(values), flush=True)
    record = {{"fit_id": str(os.getpid()), "status": "done", "history": [], "environment": None}}
    if way == 6:
        os.kill(os.getpid(), signal.SIGKILL)  # before its first message
    say(kind="started")
    if way == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if way == 3:
        sys.stdout.write('{{"kind": "trai')  # an incomplete line
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if way == 4:
        sys.exit(7)
    if way == 9:
        signal.pause()
    if task["task"] == "test":
        say(kind="tested", scores={{"log-loss": 0.5, "accuracy": 0.25}}, seconds=0.0, error="", error_kind="")
    else:
        say(kind="trained", record=record)
    if way == 5:
        sys.exit(0)  # it dies while it is idle
"""
WELL, KILLED, TORN, EXITS, LEAVES, SILENT, HANGS = 1, 2, 3, 4, 5, 6, 9


def _fit(way: int) -> Fit:
    recipe = small_study().recipe.varied({"learning_rate": way / 100})
    return make_plan(small_study(recipe=recipe, search={})).fits[0]


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """A runs folder with the simulated workers; after the test no process, thread or open file must be left."""
    program = tmp_path / "worker"
    program.write_text(WORKER.format(python=sys.executable))
    program.chmod(0o755)
    runs = tmp_path / "runs"
    runs.mkdir()

    class System:
        executable = str(program)

    monkeypatch.setattr(processes, "sys", System)
    files, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    yield Layout(runs)
    assert worker_pids(runs) == []
    assert zombie_children() == []
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    assert threading.active_count() == threads


def _answers(executor: ProcessExecutor, fit: Fit) -> list[Message]:
    """Return all messages of one task."""
    executor.submit(Train(fit))
    messages = [executor.next_message()]
    while not isinstance(messages[-1], Trained | Scored | Lost):
        messages.append(executor.next_message())
    return messages


def test_worker_is_reused_for_the_next_task(layout: Layout) -> None:
    with ProcessExecutor(layout, 1, 1) as executor:
        first, second = _answers(executor, _fit(WELL)), _answers(executor, _fit(WELL))
        assert [type(message) for message in first] == [Started, Trained]
        assert isinstance(first[-1], Trained)
        assert isinstance(second[-1], Trained)
        assert first[-1].record.fit_id == second[-1].record.fit_id  # its process id
        executor.submit(Score(_fit(WELL), "digest", 3))
        executor.next_message()
        assert executor.next_message() == Scored(Score(_fit(WELL), "digest", 3), scores(0.5, 0.25), 0.0)
        assert len(worker_pids(layout.folder)) == 1


def test_workers_start_only_when_needed(layout: Layout) -> None:
    with ProcessExecutor(layout, 3, 1) as executor:
        assert worker_pids(layout.folder) == []
        _answers(executor, _fit(WELL))
        assert len(worker_pids(layout.folder)) == 1


@pytest.mark.parametrize(
    ("threads", "n_cores", "expected"),
    [((), 2, 2), ((1,), 2, 2), ((2,), 2, 1), ((8,), 2, 1), ((2,), 4, 2), ((4,), 4, 1), ((1, 1), 2, 2)],
)
def test_trainings_with_more_threads_leave_fewer_workers(
    threads: tuple[int, ...], n_cores: int, expected: int, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "n_cores", lambda: n_cores)
    with ProcessExecutor(layout, 2, 1) as executor:
        for number in threads:
            executor.submit(Train(replace(_fit(HANGS), threads=number)))
        assert executor.n_workers == expected
    assert executor.n_workers == 2


@pytest.mark.parametrize(
    ("way", "n_started", "reason"),
    [(KILLED, 1, "signal 9"), (TORN, 1, "signal 9"), (SILENT, 0, "signal 9"), (EXITS, 1, "status 7")],
)
def test_dead_worker_loses_its_task_and_is_replaced(
    way: int, n_started: int, reason: str, layout: Layout
) -> None:
    with ProcessExecutor(layout, 1, 1) as executor:
        *before, last = _answers(executor, _fit(way))
        assert [type(message) for message in before] == [Started] * n_started
        assert isinstance(last, Lost)
        assert last.task == Train(_fit(way))
        assert reason in last.reason
        assert zombie_children() == []
        assert isinstance(_answers(executor, _fit(WELL))[-1], Trained)
        assert len(worker_pids(layout.folder)) == 1


def test_worker_that_died_after_its_last_message_gets_no_task(layout: Layout) -> None:
    with ProcessExecutor(layout, 1, 1) as executor:
        for _ in range(3):
            assert isinstance(_answers(executor, _fit(LEAVES))[-1], Trained)
            while not executor._workers[-1].closed:
                time.sleep(0.01)
        assert isinstance(_answers(executor, _fit(WELL))[-1], Trained)


def test_no_worker_is_polled(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C inside a poll leaves Popen's lock locked, and waiting for the worker never returns."""

    def interrupted(self: subprocess.Popen[str]) -> int | None:
        self._waitpid_lock.acquire()  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "poll", interrupted)
        with ProcessExecutor(layout, 1, 1) as executor:
            assert isinstance(_answers(executor, _fit(WELL))[-1], Trained)
            assert isinstance(_answers(executor, _fit(WELL))[-1], Trained)
            executor.submit(Train(_fit(WELL)))
            executor.cancel(Train(_fit(WELL)))
    assert zombie_children() == []


def test_worker_that_dies_at_submission_loses_its_task(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The executor has not noticed the death yet, and sends the task to the dead worker."""
    with ProcessExecutor(layout, 1, 1) as executor:
        _answers(executor, _fit(WELL))
        (pid,) = worker_pids(layout.folder)
        worker = executor._workers[0]
        os.kill(pid, signal.SIGKILL)
        worker.process.wait()
        with monkeypatch.context() as patch:
            patch.setattr(processes._Worker, "idle", True)
            last = _answers(executor, _fit(WELL))[-1]
        assert isinstance(last, Lost)
        assert isinstance(_answers(executor, _fit(WELL))[-1], Trained)


def test_hanging_worker_is_killed_when_its_task_is_cancelled(layout: Layout) -> None:
    with ProcessExecutor(layout, 2, 1) as executor:
        task = Train(_fit(HANGS))
        executor.submit(task)
        assert executor.next_message() == Started(task)
        assert executor.next_message(timeout=0.01) is None
        executor.cancel(task)
        # Its death is no message about the task, and it gets no other task.
        assert isinstance(_answers(executor, _fit(WELL))[-1], Trained)
        while executor._workers[0].cancelled:
            assert executor.next_message(timeout=0.01) is None
        assert len(worker_pids(layout.folder)) == 1


def test_worker_that_cannot_be_started_is_one_error(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with ProcessExecutor(layout, 1, 1) as executor:
        monkeypatch.setattr(processes.subprocess, "Popen", refuse)
        with pytest.raises(StoreError, match="cannot be started"):
            executor.submit(Train(_fit(WELL)))


def test_results_do_not_depend_on_the_order_of_worker_messages(layout: Layout) -> None:
    ways = [WELL, KILLED, LEAVES, EXITS] * 5
    tasks = [Score(_fit(way), "digest", number) for number, way in enumerate(ways)]
    ends: list[Message] = []
    with ProcessExecutor(layout, 4, 1) as executor:
        waiting, n_under_way = list(tasks), 0
        while waiting or n_under_way:
            while waiting and n_under_way < 4:
                executor.submit(waiting.pop())
                n_under_way += 1
            message = executor.next_message()
            if not isinstance(message, Started):
                ends.append(message)
                n_under_way -= 1
            assert len(executor._workers) <= 8
    assert sorted(end.task.test_evaluation for end in ends if isinstance(end.task, Score)) == list(range(20))
    for end in ends:
        well = ways[end.task.test_evaluation] in (WELL, LEAVES) if isinstance(end.task, Score) else False
        # A worker that exits can have a new task already; then the executor must report the task as Lost.
        assert isinstance(end, Scored) == well or isinstance(end, Lost)


@pytest.mark.parametrize("own", [{}, {"MALLOC_MMAP_THRESHOLD_": "131072"}, {"OMP_NUM_THREADS": "5"}])
def test_worker_keeps_large_blocks_unless_the_user_set_the_variable(
    own: dict[str, str], layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*processes.KEEP_BLOCKS, "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    with ProcessExecutor(layout, 1, 3) as executor:
        _answers(executor, _fit(WELL))
        (pid,) = worker_pids(layout.folder)
        entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    found = dict(entry.split("=", 1) for entry in entries if "=" in entry)
    expected = {**processes.KEEP_BLOCKS, "OMP_NUM_THREADS": "3", **own}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("library", "largest"),
    [(("glibc", "2.31"), 1 << 25), (("glibc", "2.34"), 1 << 25), (("", ""), 1 << 25)]
    + [(("glibc", version), 1 << 30) for version in ("2.35", "2.36.9000", "2.41", "3.0")],
)
def test_malloc_thresholds_are_within_the_limits_of_each_c_library(
    library: tuple[str, str], largest: int
) -> None:
    """glibc before 2.35 rejects more than 32 MiB and uses only the other variable, which maps each block again."""
    assert processes.keep_blocks(*library) == {
        "MALLOC_MMAP_THRESHOLD_": str(largest),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    }


def test_exit_stops_running_tasks(layout: Layout) -> None:
    executor = ProcessExecutor(layout, 2, 1)
    with pytest.raises(KeyboardInterrupt), executor:
        executor.submit(Train(_fit(HANGS)))
        executor.submit(Train(_fit(HANGS)))
        executor.next_message()
        executor.next_message()
        assert len(worker_pids(layout.folder)) == 2
        raise KeyboardInterrupt


def test_tasks_and_messages_are_read_back_from_json() -> None:
    fit = _fit(WELL)
    for task in (Train(fit), Score(fit, "digest", 5)):
        assert task_from_json(json.loads(json.dumps(task_as_json(task)))) == task
        where = Location("a file", 3, ("a", 1), layer=(2, "shortcut"))
        halted = Halted(task, (Problem("no space", where, hint="free disk space"),))
        for message in (Started(task), Scored(task, scores(0.1, 0.2), 0.3, "no"), halted):
            assert message_from_json(task, json.loads(json.dumps(message_as_json(message)))) == message
        with pytest.raises(KeyError, match="lost"):
            message_from_json(task, {"kind": "lost", "reason": "only an executor sends it"})
    look = Inspect(DIGITS)
    assert task_from_json(json.loads(json.dumps(task_as_json(look)))) == look
    part = BUILT_IN_DATASETS["digits"].load().train
    shown = dataset_statistics(BUILT_IN_DATASETS["digits"], part, part.take(np.arange(360)))
    for message in (Inspected(look, shown), Inspected(look, error="no")):
        assert message_from_json(look, json.loads(json.dumps(message_as_json(message)))) == message


def test_worker_output_does_not_depend_on_the_locale(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with ProcessExecutor(layout, 1, 1) as executor:
        _answers(executor, _fit(WELL))
        (pid,) = worker_pids(layout.folder)
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"PYTHONIOENCODING=utf-8:backslashreplace" in entries
