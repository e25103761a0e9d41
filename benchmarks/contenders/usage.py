"""The processor time of a process and its ended children, on systems with ``resource``."""

from __future__ import annotations

import resource


def processor_seconds() -> float:
    """Return the seconds of processor time, user and system."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
