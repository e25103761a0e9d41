"""The GPU executor with simulated tasks: concurrency, out-of-memory, cancellation and exit."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from convstudy.engine import fit as engine_fit
from convstudy.engine import training
from convstudy.history import History
from convstudy.plan import Fit, make_plan
from convstudy.record import Record
from convstudy.run import FitStarted, execute, run_study
from convstudy.run.executors import GpuExecutor
from convstudy.run.tasks import Inspect, Inspected, Lost, Message, Send, Started, Train, Trained
from convstudy.run.tasks import Test as Score
from convstudy.run.tasks import Tested as Scored
from convstudy.store import Layout
from convstudy.studyfile import Compare
from tests.datasets import DIGITS
from tests.run.studies import ran, small_study, statistics


class Memory:
    """A simulated device with memory for a number of tasks; ``execute`` replaces the real function."""

    def __init__(self, room: int, too_large: Fit | None = None) -> None:
        self.room = room
        self.too_large = too_large
        self._large = 0
        self.at_once: list[int] = []
        self.most = 0
        self.attempts: Counter[str] = Counter()
        self._under_way = 0
        self._lock = threading.Lock()

    def execute(self, task: Any, layout: Layout, send: Send, device: str, before_step: Any) -> None:
        """Sleep instead of training; report out-of-memory if too many tasks run at once."""
        send(Started(task))
        with self._lock:
            self.attempts[task.fit.id] += 1
            self._under_way += 1
            self._large += task.fit == self.too_large
            self.most = max(self.most, self._under_way)
            self.at_once.append(self._under_way)
        time.sleep(0.02)
        with self._lock:
            fits = self._under_way <= self.room and not self._large
        time.sleep(0.02)
        with self._lock:
            self._under_way -= 1
            self._large -= task.fit == self.too_large
        kind = "" if fits else "out-of-memory"
        if isinstance(task, Score):
            send(Scored(task, error=kind, error_kind=kind))
        else:
            send(Trained(task, Record(task.fit.id, "done" if fits else "failed", error_kind=kind)))


def _fits(n: int) -> list[Fit]:
    return list(make_plan(small_study(search={}, ablate={}, seeds=n)).fits)[:n]


def _last_messages(executor: GpuExecutor, tasks: list[Any]) -> list[Message]:
    """Submit tasks up to ``n_workers`` at once; return their last messages, after a check that each started once."""
    waiting, messages, n_under_way = list(tasks), [], 0
    while waiting or n_under_way:
        while waiting and n_under_way < executor.n_workers:
            executor.submit(waiting.pop(0))
            n_under_way += 1
        messages.append(executor.next_message())
        n_under_way -= not isinstance(messages[-1], Started)
    starts = Counter(message.task for message in messages if isinstance(message, Started))
    assert set(starts.values()) <= {1}
    return [message for message in messages if not isinstance(message, Started)]


@pytest.mark.parametrize(("room", "left"), [(8, 6), (4, 3), (3, 3), (2, 1), (1, 1)])
@pytest.mark.parametrize("kind", ["train", "test"])
def test_out_of_memory_halves_the_concurrency(
    kind: str, room: int, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(room)
    monkeypatch.setattr(execute, "execute", memory.execute)
    fits = _fits(12)
    tasks = [Train(fit) if kind == "train" else Score(fit, "digest", 1) for fit in fits]
    with GpuExecutor(Layout(tmp_path), "cpu", 6) as executor:
        ends = _last_messages(executor, tasks)
        assert executor.n_workers == left
    assert Counter(end.task for end in ends) == Counter(tasks)
    for end in ends:
        assert end.record.done if isinstance(end, Trained) else isinstance(end, Scored) and not end.error
    assert memory.most <= 6


def test_task_fails_only_if_it_runs_out_of_memory_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(0)
    monkeypatch.setattr(execute, "execute", memory.execute)
    fits = _fits(4)
    with GpuExecutor(Layout(tmp_path), "cpu", 4) as executor:
        ends = _last_messages(executor, [Train(fit) for fit in fits])
    assert [end.record.error_kind for end in ends if isinstance(end, Trained)] == ["out-of-memory"] * 4
    # Each task is tried with 4, with 2 and with 1 at once.
    assert sum(memory.attempts.values()) <= 4 * (4 + 2 + 1)
    with GpuExecutor(Layout(tmp_path), "cpu", 4) as executor:
        memory.attempts.clear()
        _last_messages(executor, [Train(fits[0])])
    assert memory.attempts[fits[0].id] == 1  # it ran alone from the start


@pytest.mark.parametrize(("room", "left"), [(6, 6), (4, 3)])
@pytest.mark.parametrize("place", [0, 7])
def test_concurrency_is_restored_after_a_too_large_task_has_failed_alone(
    place: int, room: int, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = _fits(24)
    memory = Memory(room, too_large=fits[place])
    monkeypatch.setattr(execute, "execute", memory.execute)
    with GpuExecutor(Layout(tmp_path), "cpu", 6) as executor:
        ends = _last_messages(executor, [Train(fit) for fit in fits])
        assert executor.n_workers == left
    failed = [end.task for end in ends if isinstance(end, Trained) and not end.record.done]
    assert failed == [Train(fits[place])]
    assert len(ends) == 24
    assert max(memory.at_once[-6:]) >= left  # the last tasks ran concurrently again


def test_ended_thread_loses_its_task_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_system_error(task: Any, layout: Layout, send: Send, device: str, before_step: Any) -> None:
        raise SystemError("the driver is gone")

    monkeypatch.setattr(execute, "execute", raise_system_error)
    with GpuExecutor(Layout(tmp_path), "cpu", 2) as executor:
        (end,) = _last_messages(executor, [Train(_fits(1)[0])])
        assert isinstance(end, Lost)
        assert "the driver is gone" in end.reason
        assert len(_last_messages(executor, [Train(fit) for fit in _fits(2)])) == 2


def test_task_is_lost_if_the_engine_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "convstudy.run.execute", None)
        with GpuExecutor(Layout(tmp_path), "cpu", 2) as executor:
            ends = _last_messages(executor, [Train(fit) for fit in _fits(3)])
    assert [type(end) for end in ends] == [Lost] * 3
    assert "ModuleNotFoundError" in ends[0].reason  # type: ignore[union-attr]


def test_cancelled_hanging_task_leaves_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Train(fit) for fit in _fits(2))
    end, steps = threading.Event(), []

    def hang(task: Any, layout: Layout, send: Send, device: str, before_step: Any) -> None:
        send(Started(task))
        if task == first:
            end.wait(30)
            before_step()
            steps.append(task)
        send(Trained(task, Record(task.fit.id, "done")))

    monkeypatch.setattr(execute, "execute", hang)
    n_threads = threading.active_count()
    with GpuExecutor(Layout(tmp_path), "cpu", 1) as executor:
        executor.submit(first)
        assert executor.next_message() == Started(first)
        assert executor.next_message(timeout=0.01) is None
        executor.cancel(first)
        executor.submit(second)
        assert executor.next_message() == Started(second)
        assert isinstance(executor.next_message(), Trained)
        # After the hang, the task ends before its next step and sends no message.
        end.set()
        while threading.active_count() > n_threads + 1:
            assert executor.next_message(timeout=0.01) is None
    assert steps == []
    assert threading.active_count() == n_threads


def test_waiting_task_can_be_cancelled(tmp_path: Path) -> None:
    with GpuExecutor(Layout(tmp_path), "cpu", 1) as executor:
        tasks = [Train(fit) for fit in _fits(2)]
        executor.n_workers = 0  # as after out-of-memory
        executor.submit(tasks[0])
        assert executor.waiting == (tasks[0],)
        executor.cancel(tasks[0])
        assert executor.waiting == ()


def test_exit_ends_a_training_during_an_epoch(tmp_path: Path) -> None:
    """Return a fit with epochs of many minutes."""
    recipe = small_study().recipe.varied({"batch_size": 1, "epochs": 10_000, "train_eval_samples": 1})
    (fit, *_) = make_plan(small_study(search={}, ablate={}, recipe=recipe, subset=None)).fits
    steps, original = [], training.Step.__call__

    def step(self: Any, *arguments: Any) -> Any:
        steps.append(True)
        if len(steps) == 3:
            begun.set()
        return original(self, *arguments)

    begun = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Step, "__call__", step)
        n_threads = threading.active_count()
        History.open(tmp_path, create=True).close()
        with pytest.raises(KeyboardInterrupt), GpuExecutor(Layout(tmp_path), "cpu", 2) as executor:
            executor.submit(Train(fit))
            assert isinstance(executor.next_message(), Started)
            assert begun.wait(60)
            raise KeyboardInterrupt
        assert threading.active_count() == n_threads
    assert 3 <= len(steps) < 1_000  # an epoch has more steps
    assert not Layout(tmp_path).artefact(fit.trial_id, "checkpoint").exists()


def test_exit_does_not_wait_for_the_inspection_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, ended = threading.Event(), threading.Event()

    def look(task: Any, layout: Layout, send: Send, device: str, before_step: Any) -> None:
        send(Started(task))
        end.wait(30)
        ended.set()
        send(Inspected(task))

    monkeypatch.setattr(execute, "execute", look)
    with pytest.raises(KeyboardInterrupt), GpuExecutor(Layout(tmp_path), "cpu", 2) as executor:
        executor.submit(Inspect(DIGITS))
        assert isinstance(executor.next_message(), Started)
        raise KeyboardInterrupt
    assert not ended.is_set()
    end.set()
    assert ended.wait(30)


def test_study_continues_with_fewer_fits_at_once_after_out_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch raises its out-of-memory error during training unless a fit runs alone."""
    study = small_study(search={}, ablate={}, compare={"n": Compare(networks=("one", "two"))}, seeds=2)
    expected, _ = ran(study, tmp_path / "alone")
    original, under_way, lock = engine_fit.train_epoch, set(), threading.Lock()
    n_failures = []

    def train_epoch(*arguments: Any) -> float:
        with lock:
            under_way.add(threading.get_ident())
        try:
            time.sleep(0.05)
            if len(under_way) > 1:
                n_failures.append(True)
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")
            return original(*arguments)
        finally:
            with lock:
                under_way.discard(threading.get_ident())

    monkeypatch.setattr(engine_fit, "train_epoch", train_epoch)
    executors = []

    def make(layout: Layout) -> GpuExecutor:
        executors.append(GpuExecutor(layout, "cpu", 4))
        return executors[0]

    events: list[Any] = []
    results = run_study(study, tmp_path / "device", listener=events.append, executor=make)
    assert n_failures
    assert executors[0].n_workers == 1
    assert statistics(results) == statistics(expected)
    starts = Counter(event.fit.id for event in events if isinstance(event, FitStarted))
    assert set(starts.values()) == {1}
