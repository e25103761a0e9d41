"""Failed captures on a simulated GPU must leave nothing behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from convstudy.engine.cuda import graph
from convstudy.engine.cuda.graph import CudaGraph
from convstudy.engine.device_lock import SharedExclusiveLock

CAPTURE_FAILED = "CUDA error: operation failed due to a previous error during capture"
NO_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB."


class Device:
    """Simulates torch's allocator during captures.

    It follows ``CUDAGraph.cpp`` and ``CUDACachingAllocator.cpp`` of torch 2.13.

    ``recording`` has the pools of captures in progress, ``uses`` counts references to pools. ``fails`` names the point
    at which the next capture fails.
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
                    raise RuntimeError(CAPTURE_FAILED)
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
        monkeypatch.setattr(graph, "DEVICE_LOCK", SharedExclusiveLock())
        monkeypatch.setattr(graph, "_ABORTED", [])

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


def _raising(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("fails", "work", "error"),
    [
        ("end", _raising(torch.OutOfMemoryError(NO_MEMORY)), "out of memory"),
        ("end", lambda: None, "previous error during capture"),
        ("", _raising(RuntimeError("shapes differ")), "shapes differ"),
        ("", _raising(ZeroDivisionError("by zero")), "by zero"),
        ("before", lambda: None, "non-default stream"),
        ("instantiate", lambda: None, "out of memory"),
    ],
)
def test_failed_capture_releases_its_pool_and_next_capture_succeeds(
    fails: str, work: Callable[[], None], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch)
    device.fails = fails
    with graph.DEVICE_LOCK.shared(), pytest.raises((RuntimeError, ZeroDivisionError), match=error):
        CudaGraph(work)
    assert device.recording == set()
    assert +device.uses == Counter()
    device.fails = ""
    with graph.DEVICE_LOCK.shared():
        replay = CudaGraph(lambda: None)
        assert +device.uses == Counter({2: 1})
        replay.close()
    assert +device.uses == Counter()


def test_simulated_failed_capture_blocks_later_captures_without_cleanup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shows that the test above detects a missing cleanup."""
    device = Device(monkeypatch)
    monkeypatch.setattr(graph, "_abort_capture", lambda *_: None)
    device.fails = "end"
    with graph.DEVICE_LOCK.shared(), pytest.raises(RuntimeError, match="previous error"):
        CudaGraph(lambda: None)
    device.fails = ""
    with graph.DEVICE_LOCK.shared(), pytest.raises(RuntimeError, match="captures_underway"):
        CudaGraph(lambda: None)
