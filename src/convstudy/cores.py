"""The number of CPU cores that this process can use."""

from __future__ import annotations

import os


def n_cores() -> int:
    """Return the number of CPU cores of this process, or of the machine if the system does not limit processes.

    A batch system, ``taskset`` or a container can limit a process to a few cores.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
