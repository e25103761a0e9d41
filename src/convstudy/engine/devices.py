"""The devices that torch can use, their names, and the CUDA stream of a thread."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convstudy.engine.cuda.streams import wait_for_stream, working_on_stream
from convstudy.errors import Location, Problem, UsageError, nearest, one_of

CPU = torch.device("cpu")


def find_device(name: str) -> torch.device:
    """Return the device of this name: ``"auto"``, ``"cpu"``, ``"cuda"`` (the first GPU) or ``"cuda:N"``.

    ``"auto"`` is the first GPU if torch can use it, otherwise the CPU.

    Warns:
        RuntimeWarning: if ``"auto"`` is the CPU because torch cannot use the GPU that it finds.

    Raises:
        UsageError: if there is no such device or torch cannot use it; the error lists the devices.
    """
    if name == "cpu":
        return CPU
    # device_count needs no CUDA runtime, so it also counts GPUs that torch cannot use.
    available = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    requested = {"auto": available[min(1, len(available) - 1)], "cuda": "cuda:0"}.get(name, name)
    reason = why_unusable(torch.device(requested)) if requested in available else ""
    if requested in available and not reason:
        return torch.device(requested)
    if name == "auto":
        what = f"torch finds {requested} but cannot use it, so fits are trained on the CPU"
        warnings.warn(f"{what}: {reason}", RuntimeWarning, stacklevel=2)
        return CPU
    where = Location(subject="device")
    if reason:
        what, hint = f'torch cannot use "{name}": {reason}', "omit the device to train on the CPU"
        raise UsageError(Problem(what, where, name, hint=hint))
    hint = nearest(name, ["auto", "cuda", *available])
    if name.startswith("cuda"):
        hint = f"torch {torch.__version__} "
        if len(available) > 1:
            hint += f"finds {len(available) - 1} CUDA devices on this machine"
        else:
            hint += "finds no CUDA device on this machine" if torch.version.cuda else "was built without CUDA"
    raise UsageError(Problem("", where, f'"{name}"', one_of(["auto", *available]), hint))


def why_unusable(device: torch.device) -> str:
    """Return torch's error message if it cannot compute on an existing device, otherwise an empty string.

    Possible causes are a driver that is too old, a torch build without kernels for this GPU, or another process that
    has reserved the GPU or all of its memory.
    """
    if device.type == "cpu":
        return ""
    try:
        float(torch.ones(1, device=device) + 1)
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return ""


def device_name(device: torch.device | str) -> str:
    """Return the name of a device for records: ``"cpu"``, or ``"cuda"`` and the name of the GPU.

    A failed driver cannot report the GPU's name. Then the function returns ``"cuda:N"``.
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
    """Launch this thread's work on a GPU, on the thread's own stream; do nothing on a CPU."""
    if device.type != "cuda":
        yield
        return
    with working_on_stream(device):
        yield


def wait_for(device: torch.device) -> None:
    """Synchronize with this thread's stream on a GPU; do nothing on a CPU."""
    if device.type == "cuda":
        wait_for_stream(device)
