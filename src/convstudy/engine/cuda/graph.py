"""Work to be done again and again: as plain calls, or captured in a CUDA graph and replayed.

Two rules of CUDA graphs shape this module (PyTorch's notes on CUDA graphs, "Constraints"): while a graph is captured,
no other thread of the process may have CUDA work run, and a captured random number is another one at each replay only
if its generator is registered with the graph. Every graph here has a memory pool of its own, so that graphs may be
replayed at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import torch

from convstudy.engine.device_lock import DEVICE_LOCK


class Replay(Protocol):
    """Work that can be done again."""

    def __call__(self) -> None:
        """Do it once."""
        ...

    def close(self) -> None:
        """Let go of what it holds; it is not called again."""
        ...


Capture = Callable[[Callable[[], None], Sequence[torch.Generator]], Replay]
"""Makes a :class:`Replay` of work, which it does not do yet, and of the generators that the work draws from."""


class EagerCalls:
    """Does the work by calling it: the slow twin of a graph, and what stands for one on a processor."""

    def __init__(self, work: Callable[[], None], generators: Sequence[torch.Generator] = ()) -> None:
        self._work: Callable[[], None] | None = work

    def __call__(self) -> None:
        """Do the work once."""
        assert self._work is not None  # it is open
        self._work()

    def close(self) -> None:
        """Let go of the work."""
        self._work = None


class CudaGraph:
    """Captures the work of the current stream and replays it there.

    Args:
        work: kernels only: nothing that asks the device, and the same tensors each time. It was done before on this
            stream, so that libraries have set themselves up.
        generators: those that it draws from.
    """

    def __init__(self, work: Callable[[], None], generators: Sequence[torch.Generator] = ()) -> None:
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        # The stream of this fit, not the one that torch keeps for captures: cuBLAS has its workspace there already.
        stream, pool = torch.cuda.current_stream(), torch.cuda.graph_pool_handle()
        with DEVICE_LOCK.exclusive():
            try:
                with torch.cuda.graph(graph, pool, stream, capture_error_mode="thread_local"):
                    work()
            except BaseException as error:
                _give_up(graph, pool)
                if isinstance(error, RuntimeError):
                    raise first_error(error) from None
                raise
        self._graph: torch.cuda.CUDAGraph | None = graph

    def __call__(self) -> None:
        """Replay the graph; the call returns before the device has done it."""
        assert self._graph is not None  # it is open
        self._graph.replay()

    def close(self) -> None:
        """Give the graph's memory back."""
        if self._graph is not None:
            torch.cuda.current_stream().synchronize()
            with _CLOSING:
                self._graph.reset()
                self._graph = None


def _give_up(graph: torch.cuda.CUDAGraph, pool: Any) -> None:
    """Have torch let go of a capture that was broken off, which it does itself only for one that has ended.

    Its allocator would go on taking that capture's memory from the pool, keep the pool, and refuse every later capture
    of the process ("captures_underway.empty()"). This is what ``CUDAGraph::capture_end`` and ``reset`` leave out when
    ``cudaStreamEndCapture`` fails (``aten/src/ATen/cuda/CUDAGraph.cpp``).
    """
    torch_c: Any = torch._C
    device = torch.cuda.current_device()
    # Torch 2.6 has another name for it.
    end = getattr(torch_c, "_cuda_endAllocateToPool", None) or torch_c._cuda_endAllocateCurrentStreamToPool
    # Where the capture has ended all the same or not begun, the first of these says so, and nothing is left to do.
    with suppress(RuntimeError):
        end(device, pool)
        torch_c._cuda_releasePool(device, pool)
    with suppress(RuntimeError), _CLOSING:
        graph.reset()
    _GIVEN_UP.append(graph)


def first_error(error: RuntimeError) -> RuntimeError:
    """Return the error that made a capture fail: ending one that failed is an error of its own, over that."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return error


# Graphs register themselves with torch's own generator of the device, and two must not leave it at once.
_CLOSING = threading.Lock()
# Torch's allocator of pinned memory goes on asking a graph that was given up whether it is being captured.
_GIVEN_UP: list[torch.cuda.CUDAGraph] = []
