"""Which device a run trains on; torch is asked only where there may be one."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

CUDA_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
AMD_DRIVER = Path("/dev/kfd")


def chosen_device(name: str) -> str:
    """Return ``cpu`` or ``cuda:N`` for a device that somebody asked for, or for ``auto``.

    Raises:
        UsageError: where there is no such device.
    """
    # The driver process of a run on the processor needs no torch: importing it takes seconds.
    if name == "cpu" or (name == "auto" and not _has_driver()):
        return "cpu"
    from convstudy.engine.devices import find_device

    return str(find_device(name))


def _has_driver() -> bool:
    """Tell whether this machine has the driver without which torch finds no device."""
    try:
        ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return AMD_DRIVER.exists()
    return True
