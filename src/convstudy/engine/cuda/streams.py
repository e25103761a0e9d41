"""The CUDA stream of each thread: fits in several threads of one process use one device at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convstudy.engine.device_lock import DEVICE_LOCK


class _Streams(threading.local):
    """The streams of one thread, by device."""

    def __init__(self) -> None:
        self.by_device: dict[torch.device, torch.cuda.Stream] = {}


_streams = _Streams()


@contextmanager
def working_on_stream(device: torch.device) -> Iterator[None]:
    """Send all that this thread launches to a CUDA device, on a stream of the thread's own, within the gate."""
    with torch.cuda.device(device), torch.cuda.stream(_stream(device)), DEVICE_LOCK.shared():
        yield


def wait_for_stream(device: torch.device) -> None:
    """Wait until a CUDA device has done all that this thread's stream holds; other threads can capture meanwhile."""
    with DEVICE_LOCK.released():
        torch.cuda.current_stream(device).synchronize()


def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return this thread's stream, one for all of its fits: cuBLAS keeps a workspace for each that it has seen."""
    streams = _streams.by_device
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return streams[device]
