"""Fails a test that waits too long, such as a reader that blocks on a FIFO."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """Raise AssertionError in the test if it takes longer than this."""

    def fail(*_: object) -> None:
        raise AssertionError("the reader blocks on a FIFO")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
