"""Argument types of the benchmarks. A number that is too small gives a usage error instead of a traceback."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least(lowest: int) -> Callable[[str], int]:
    """Return a ``type`` for argparse that accepts integers of at least ``lowest``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be an integer; got {text!r}") from None
        if number < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}; got {number}")
        return number

    return read
