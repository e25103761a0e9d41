"""Where fits are trained: the devices that there are, and this thread's stream on one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convstudy.engine.capture import GATE
from convstudy.errors import Problem, UsageError, nearest

CPU = torch.device("cpu")


class _Streams(threading.local):
    """The streams of one thread, by device."""

    def __init__(self) -> None:
        self.by_device: dict[torch.device, torch.cuda.Stream] = {}


_streams = _Streams()


def find_device(name: str) -> torch.device:
    """Return the device of this name: ``auto`` (CUDA where torch has it), ``cpu``, ``cuda`` (the first) or ``cuda:N``.

    Raises:
        UsageError: where there is none of this name; it names those that there are.
    """
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    wanted = {"auto": there[min(1, len(there) - 1)], "cuda": "cuda:0"}.get(name, name)
    if wanted in there:
        return torch.device(wanted)
    mend = nearest(name, ["auto", "cuda", *there])
    if name.startswith("cuda"):
        mend = f"leave it out to train on the processor; torch {torch.__version__} "
        if len(there) > 1:
            mend += f"finds {len(there) - 1} CUDA devices here"
        else:
            mend += "finds no CUDA device here" if torch.version.cuda else "was built without CUDA"
    raise UsageError(Problem("there is no such device", "device", name, ", ".join(["auto", *there]), mend))


def device_name(device: torch.device) -> str:
    """Return what a record calls a device: ``cpu``, or ``cuda`` and the name of the card."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


@contextmanager
def working_on(device: torch.device) -> Iterator[None]:
    """Have all that this thread launches go to a device, on a stream of the thread's own; nothing on a processor."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device), torch.cuda.stream(_stream(device)), GATE.working():
        yield


def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return this thread's stream, one for all of its fits: cuBLAS keeps a workspace for each that it has seen."""
    streams = _streams.by_device
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return streams[device]
