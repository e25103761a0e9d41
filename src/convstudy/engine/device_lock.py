"""Who may use a device: many threads at once, or one alone while it captures a graph.

Training, evaluation and checkpoints pass the gate on a CPU too; there it costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Inside(threading.local):
    """Whether this thread is working."""

    shared = False


class SharedExclusiveLock:
    """Lets many threads work on a device at once, or one alone.

    Whoever works comes by :meth:`yield_to_exclusive` often, and is :meth:`released` while it needs no device:
    there, another
    thread that wants to be alone does not wait for it. A thread that is not working, as on a processor, passes both
    without a look.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = _Inside()
        self._n_working = 0
        self._n_waiting = 0
        self._taken = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Work beside others."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Have nothing begun on the device for a while."""
        if not self._inside.shared:
            yield
            return
        self._end()
        try:
            yield
        finally:
            self._begin()

    def yield_to_exclusive(self) -> None:
        """Wait if another thread wants to be alone; costs nothing otherwise."""
        if self._n_waiting:
            with self.released():
                pass

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Work while nobody else does, within :meth:`shared`."""
        with self._changed:
            self._n_waiting += 1
            self._n_working -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._n_working and not self._taken)
            self._n_waiting -= 1
            self._taken = True
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._n_working += 1
                self._changed.notify_all()

    def _begin(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._n_waiting and not self._taken)
            self._n_working += 1
        self._inside.shared = True

    def _end(self) -> None:
        self._inside.shared = False
        with self._changed:
            self._n_working -= 1
            self._changed.notify_all()


DEVICE_LOCK = SharedExclusiveLock()
