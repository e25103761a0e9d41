"""Give each thread its own CUDA stream, so that fits in several threads of a process share a GPU."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convstudy.engine.device_lock import DEVICE_LOCK


class _Streams(threading.local):
    def __init__(self) -> None:
        self.by_device: dict[torch.device, torch.cuda.Stream] = {}


_streams = _Streams()


@contextmanager
def working_on_stream(device: torch.device) -> Iterator[None]:
    """Launch this thread's work on a GPU, on the thread's own stream, with the device lock in shared mode."""
    with torch.cuda.device(device), torch.cuda.stream(_stream(device)), DEVICE_LOCK.shared():
        yield


def wait_for_stream(device: torch.device) -> None:
    """Synchronize with this thread's stream; meanwhile other threads can capture graphs."""
    with DEVICE_LOCK.released():
        torch.cuda.current_stream(device).synchronize()


def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return this thread's stream, the same for all its fits, because cuBLAS keeps a workspace for each stream."""
    streams = _streams.by_device
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return streams[device]
