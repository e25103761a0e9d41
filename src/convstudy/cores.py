"""How many processor cores this process may use."""

from __future__ import annotations

import os


def n_cores() -> int:
    """Return how many cores the system lets this process use, where it says so; else how many the machine has.

    A batch system, ``taskset`` or a container may give a process four cores of a hundred.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
