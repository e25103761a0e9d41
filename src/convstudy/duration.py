"""A time as people read it, the same in the terminal and in a report."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a time in at most two units, the smaller one in two digits, so that columns of times line up.

    >>> duration(3.14), duration(64.7), duration(7500), duration(90000)
    ('3.1 s', '1 min 05 s', '2 h 05 min', '1 d 01 h')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24:,} d {hours % 24:02d} h"
