"""Captures on a device that is made up: who waits for whom, and what is left of one that was broken off."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import pytest
import torch

from convstudy.engine import capture
from convstudy.engine.capture import CudaGraph, Gate

BROKEN_OFF = "CUDA error: operation failed due to a previous error during capture"
NO_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB."


class Device:
    """What a capture does to torch's allocator: a pool is recorded to from its begin to its end, and then in use.

    As in ``CUDAGraph.cpp`` and ``CUDACachingAllocator.cpp`` of torch 2.13. ``fails`` is where the next capture does.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails = ""
        self.recording: set[int] = set()
        self.uses: Counter[int] = Counter()
        self.n_pools = 0
        device = self

        class Graph:
            ended = False

            def capture_begin(self, pool: int, **_: Any) -> None:
                self.pool = pool
                if device.fails == "before":
                    raise RuntimeError("CUDA graphs must be captured on a non-default stream.")
                device.recording.add(pool)
                device.uses[pool] += 1

            def capture_end(self) -> None:
                if device.fails == "end":
                    raise RuntimeError(BROKEN_OFF)
                device.recording.remove(self.pool)
                self.ended = True
                if device.fails == "instantiate":
                    raise torch.OutOfMemoryError(NO_MEMORY)

            def reset(self) -> None:
                if self.ended:
                    device.release(0, self.pool)
                    self.ended = False

        cuda = torch.cuda
        monkeypatch.setattr(cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(cuda, "graph_pool_handle", self.pool_handle)
        monkeypatch.setattr(cuda, "current_device", lambda: 0)
        monkeypatch.setattr(cuda, "current_stream", lambda: self)
        monkeypatch.setattr(cuda, "stream", lambda _: nullcontext())
        monkeypatch.setattr(cuda, "synchronize", lambda: None)
        monkeypatch.setattr(cuda, "empty_cache", self.empty_cache)
        monkeypatch.setattr(torch._C, "_host_emptyCache", lambda: None, raising=False)
        monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", self.end, raising=False)
        monkeypatch.setattr(torch._C, "_cuda_releasePool", self.release, raising=False)
        monkeypatch.setattr(capture, "GATE", Gate())
        monkeypatch.setattr(capture, "_GIVEN_UP", [])

    def pool_handle(self) -> int:
        self.n_pools += 1
        return self.n_pools

    def synchronize(self) -> None:
        """Wait for the stream."""

    def empty_cache(self) -> None:
        if self.recording:
            raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    def end(self, device: int, pool: int) -> None:
        if pool not in self.recording:
            raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
        self.recording.remove(pool)

    def release(self, device: int, pool: int) -> None:
        assert self.uses[pool] > 0, "use_count >= 0"
        self.uses[pool] -= 1


def _fall(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("fails", "work", "error"),
    [
        ("end", _fall(torch.OutOfMemoryError(NO_MEMORY)), "out of memory"),
        ("end", lambda: None, "previous error during capture"),
        ("", _fall(RuntimeError("shapes differ")), "shapes differ"),
        ("", _fall(ZeroDivisionError("by zero")), "by zero"),
        ("before", lambda: None, "non-default stream"),
        ("instantiate", lambda: None, "out of memory"),
    ],
)
def test_a_capture_that_fails_gives_its_pool_back_and_the_next_one_is_made(
    fails: str, work: Callable[[], None], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch)
    device.fails = fails
    with capture.GATE.working(), pytest.raises((RuntimeError, ZeroDivisionError), match=error):
        CudaGraph(work)
    assert device.recording == set()
    assert +device.uses == Counter()
    device.fails = ""
    with capture.GATE.working():
        replay = CudaGraph(lambda: None)
        assert +device.uses == Counter({2: 1})
        replay.close()
    assert +device.uses == Counter()


def test_without_help_a_capture_that_was_broken_off_stops_all_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the test above is known to see it."""
    device = Device(monkeypatch)
    monkeypatch.setattr(capture, "_give_up", lambda *_: None)
    device.fails = "end"
    with capture.GATE.working(), pytest.raises(RuntimeError, match="previous error"):
        CudaGraph(lambda: None)
    device.fails = ""
    with capture.GATE.working(), pytest.raises(RuntimeError, match="captures_underway"):
        CudaGraph(lambda: None)


# Long enough for a thread that does not wait to be seen, short enough to be waited for.
MOMENT = 0.05


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[threading.Event]:
    """Do some work in a thread of its own; yield what tells when it is done, which it has to be in the end."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield done
    thread.join(10)
    assert not thread.is_alive()


def _work_alone(gate: Gate) -> None:
    with gate.working(), gate.alone():
        pass


def _work(gate: Gate) -> None:
    with gate.working():
        pass


def _holding(gate: Gate, end: threading.Event, rest: Callable[[], object] = lambda: None) -> threading.Event:
    """Return what tells that a thread works, which it does until ``end``, coming by ``rest`` all the time."""
    held = threading.Event()

    def hold() -> None:
        with gate.working():
            held.set()
            while not end.wait(0.001):
                rest()

    threading.Thread(target=hold, daemon=True).start()
    assert held.wait(10)
    return held


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_whoever_wants_to_be_alone_waits_for_all_that_work() -> None:
    gate, ends = Gate(), [threading.Event(), threading.Event()]
    for end in ends:
        _holding(gate, end)
    with _beside(lambda: _work_alone(gate)) as done:
        for end in ends:
            assert not done.wait(MOMENT)
            end.set()
        assert done.wait(10)


def test_nobody_begins_or_is_alone_while_another_is() -> None:
    gate = Gate()
    with gate.working(), ExitStack() as beside:
        with gate.alone():
            work = beside.enter_context(_beside(lambda: _work(gate)))
            alone = beside.enter_context(_beside(lambda: _work_alone(gate)))
            assert not work.wait(MOMENT)
            assert not alone.is_set()
        with gate.resting():
            assert work.wait(10)
            assert alone.wait(10)


def test_nobody_begins_while_another_waits_to_be_alone() -> None:
    """Else it would wait for ever, where there is always somebody who works."""
    gate, end = Gate(), threading.Event()
    _holding(gate, end)
    with _beside(lambda: _work_alone(gate)) as alone:
        _wait_for(lambda: gate._n_waiting == 1)
        with _beside(lambda: _work(gate)) as work:
            assert not work.wait(MOMENT)
            end.set()
            assert alone.wait(10)
            assert work.wait(10)


@pytest.mark.parametrize("way", ["let_pass", "resting"])
def test_one_that_works_on_lets_another_be_alone(way: str) -> None:
    gate, end = Gate(), threading.Event()

    def rest() -> None:
        if way == "let_pass":
            gate.let_pass()
        else:
            with gate.resting():
                time.sleep(0.001)

    _holding(gate, end, rest)
    with _beside(lambda: _work_alone(gate)) as done:
        assert done.wait(10)
        assert not end.is_set()
    end.set()
    _wait_for(lambda: gate._n_working == 0)


def test_who_does_not_work_passes_without_a_look() -> None:
    """Code that a processor shares with a device rests there too."""
    gate = Gate()
    with gate.working():
        with gate.resting(), gate.resting():
            gate.let_pass()
            assert gate._n_working == 0
        assert gate._n_working == 1
    with gate.resting(), _beside(lambda: _work_alone(gate)) as done:
        gate.let_pass()
        assert done.wait(10)
    assert gate._n_working == 0


@pytest.mark.parametrize("where", ["working", "resting", "alone"])
def test_an_error_leaves_the_gate_open(where: str) -> None:
    gate = Gate()
    further = nullcontext() if where == "working" else getattr(gate, where)()
    with pytest.raises(ZeroDivisionError), gate.working(), further:
        raise ZeroDivisionError
    with _beside(lambda: _work_alone(gate)) as alone, _beside(lambda: _work(gate)) as work:
        assert alone.wait(10)
        assert work.wait(10)
