"""Repeat work: capture it in a CUDA graph and replay the graph, or call the work again (reference implementation).

Two constraints shape this module (PyTorch's notes on CUDA graphs, "Constraints"). While a graph is captured, no other
thread of the process may run CUDA work. Replays draw new random numbers only from generators that are registered
with the graph. Each graph has its own memory pool, so that several graphs can replay at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import torch

from convstudy.engine.device_lock import DEVICE_LOCK


class Replay(Protocol):
    """Work that can be repeated until it is closed."""

    def __call__(self) -> None:
        """Run the work once."""
        ...

    def close(self) -> None:
        """Release memory and references; the replay must not be called afterwards."""
        ...


Capture = Callable[[Callable[[], None], Sequence[torch.Generator]], Replay]
"""A function that takes work and the generators that it draws from; returns a :class:`Replay` without running it."""


class EagerCalls:
    """Calls the work. This reference implementation of :class:`CudaGraph` also runs on a CPU."""

    def __init__(self, work: Callable[[], None], generators: Sequence[torch.Generator] = ()) -> None:
        self._work: Callable[[], None] | None = work

    def __call__(self) -> None:
        """Run the work once."""
        assert self._work is not None  # it is open
        self._work()

    def close(self) -> None:
        """Release the work."""
        self._work = None


class CudaGraph:
    """Captures work on the current stream and replays it there.

    Args:
        work: a function that launches kernels on the same tensors each time and does not synchronize. It must have run
            on this stream before, because libraries allocate workspaces and select kernels in their first calls.
        generators: the generators that the work draws from.
    """

    def __init__(self, work: Callable[[], None], generators: Sequence[torch.Generator] = ()) -> None:
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        # Capture on this fit's stream, not on torch's capture stream: cuBLAS already has a workspace for this stream.
        stream, pool = torch.cuda.current_stream(), torch.cuda.graph_pool_handle()
        with DEVICE_LOCK.exclusive():
            try:
                with torch.cuda.graph(graph, pool, stream, capture_error_mode="thread_local"):
                    work()
            except BaseException as error:
                _abort_capture(graph, pool)
                if isinstance(error, RuntimeError):
                    raise first_error(error) from None
                raise
        self._graph: torch.cuda.CUDAGraph | None = graph

    def __call__(self) -> None:
        """Launch the graph; the call returns before the GPU has finished."""
        assert self._graph is not None  # it is open
        self._graph.replay()

    def close(self) -> None:
        """Free the graph's memory."""
        if self._graph is not None:
            torch.cuda.current_stream().synchronize()
            with _CLOSING:
                self._graph.reset()
                self._graph = None


def _abort_capture(graph: torch.cuda.CUDAGraph, pool: Any) -> None:
    """Clean up after a failed capture. Torch cleans up only after a successful capture.

    Without this function, torch's allocator keeps the graph's pool and rejects every later capture of the process with
    "captures_underway.empty()". The function makes the calls that ``CUDAGraph::capture_end`` and ``reset`` skip if
    ``cudaStreamEndCapture`` fails (``aten/src/ATen/cuda/CUDAGraph.cpp``).
    """
    torch_c: Any = torch._C
    device = torch.cuda.current_device()
    # In torch 2.6, the function has the second name.
    end = getattr(torch_c, "_cuda_endAllocateToPool", None) or torch_c._cuda_endAllocateCurrentStreamToPool
    # The first call raises if the capture did not begin or has ended: then there is nothing to clean up.
    with suppress(RuntimeError):
        end(device, pool)
        torch_c._cuda_releasePool(device, pool)
    with suppress(RuntimeError), _CLOSING:
        graph.reset()
    _ABORTED.append(graph)


def first_error(error: RuntimeError) -> RuntimeError:
    """Return the error that caused a failed capture; ending the capture raises another with this one as context."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return error


# Graphs register with torch's default generator of the GPU, and unregistering is not thread-safe.
_CLOSING = threading.Lock()
# Keep aborted graphs alive: torch's pinned-memory allocator still asks them whether they are capturing.
_ABORTED: list[torch.cuda.CUDAGraph] = []
