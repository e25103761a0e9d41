"""What a benchmark's command line takes: numbers that are too small end with a line that says so, not a traceback."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least(lowest: int) -> Callable[[str], int]:
    """Return a ``type`` for argparse: whole numbers from ``lowest`` on."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{number} is too small: {lowest} or more")
        return number

    return read
