"""Where fits are trained: the devices that there are, and this thread's stream on one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convstudy.engine.cuda.streams import wait_for_stream, working_on_stream
from convstudy.errors import Location, Problem, UsageError, nearest

CPU = torch.device("cpu")


def find_device(name: str) -> torch.device:
    """Return the device of this name: ``auto``, ``cpu``, ``cuda`` (the first) or ``cuda:N``.

    ``auto`` is the first CUDA device where torch can use it, else the processor.

    Warns:
        RuntimeWarning: where ``auto`` is the processor although there is a CUDA device, because torch cannot use it.

    Raises:
        UsageError: where there is none of this name, or it cannot be used; it names those that there are.
    """
    if name == "cpu":
        return CPU
    # Counted without the CUDA runtime, so that those count too which it cannot use.
    there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    wanted = {"auto": there[min(1, len(there) - 1)], "cuda": "cuda:0"}.get(name, name)
    reason = why_unusable(torch.device(wanted)) if wanted in there else ""
    if wanted in there and not reason:
        return torch.device(wanted)
    if name == "auto":
        what = f"torch finds {wanted} but cannot use it, so that fits are trained on the processor"
        warnings.warn(f"{what}: {reason}", RuntimeWarning, stacklevel=2)
        return CPU
    what, hint = "there is no such device", nearest(name, ["auto", "cuda", *there])
    if name.startswith("cuda"):
        hint = f"leave it out to train on the processor; torch {torch.__version__} "
        if reason:
            what, hint = "torch cannot use this device", f"{hint}says: {reason}"
        elif len(there) > 1:
            hint += f"finds {len(there) - 1} CUDA devices here"
        else:
            hint += "finds no CUDA device here" if torch.version.cuda else "was built without CUDA"
    raise UsageError(Problem(what, Location(subject="device"), name, ", ".join(["auto", *there]), hint))


def why_unusable(device: torch.device) -> str:
    """Return why torch cannot compute on a device that is there, in its own words; nothing where it can.

    Its driver may be too old for this torch, this torch may have no kernels for it, or somebody else may have all of
    its memory or the device for himself.
    """
    if device.type == "cpu":
        return ""
    try:
        float(torch.ones(1, device=device) + 1)
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return ""


def device_name(device: torch.device | str) -> str:
    """Return what a record calls a device: ``cpu``, or ``cuda`` and the name of the card.

    A driver that has failed does not tell the name, and the record of that failure has to be written all the same.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return device.type
    try:
        return f"cuda ({torch.cuda.get_device_name(device)})"
    except (RuntimeError, AssertionError):
        return str(device)


@contextmanager
def working_on(device: torch.device) -> Iterator[None]:
    """Send all that this thread launches to a device, on a stream of the thread's own; do nothing on a CPU."""
    if device.type != "cuda":
        yield
        return
    with working_on_stream(device):
        yield


def wait_for(device: torch.device) -> None:
    """Wait until a device has done all that this thread launched; do nothing on a CPU."""
    if device.type == "cuda":
        wait_for_stream(device)
