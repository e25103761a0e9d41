"""A shared-exclusive lock of the GPU: many threads train at once, or one captures a CUDA graph.

While a graph is captured, no other thread of the process may launch CUDA work. Training, evaluation and checkpoints
call the lock on a CPU too, where it does nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _ThreadState(threading.local):
    holds_shared = False


class SharedExclusiveLock:
    """Lets many threads hold the lock in shared mode, or one in exclusive mode.

    A thread in shared mode must call :meth:`yield_to_exclusive` often, and enter :meth:`released` while it does not
    need the GPU; otherwise a thread that waits for exclusive mode waits long. In a thread that does not hold the lock,
    such as a thread that trains on a CPU, both methods do nothing. A thread that waits for exclusive mode has priority
    over threads that wait for shared mode.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thread = _ThreadState()
        self._n_shared = 0
        self._n_waiting_exclusive = 0
        self._is_exclusive = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock in shared mode."""
        self._acquire_shared()
        try:
            yield
        finally:
            self._release_shared()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Give up shared mode inside the context, in which the thread must not launch GPU work."""
        if not self._thread.holds_shared:
            yield
            return
        self._release_shared()
        try:
            yield
        finally:
            self._acquire_shared()

    def yield_to_exclusive(self) -> None:
        """If another thread waits for exclusive mode, wait until it has had exclusive mode."""
        # Read without locking: this runs before every step, and a stale value delays the other thread by one step.
        if self._n_waiting_exclusive:
            with self.released():
                pass

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock in exclusive mode; call it within :meth:`shared`."""
        with self._changed:
            self._n_waiting_exclusive += 1
            # Give up shared mode first: two threads that keep it while waiting for exclusive mode would deadlock.
            self._n_shared -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._n_shared and not self._is_exclusive)
            self._n_waiting_exclusive -= 1
            self._is_exclusive = True
        try:
            yield
        finally:
            with self._changed:
                self._is_exclusive = False
                self._n_shared += 1
                self._changed.notify_all()

    def _acquire_shared(self) -> None:
        with self._changed:
            # Also wait while another thread waits for exclusive mode: otherwise that thread might never get it.
            self._changed.wait_for(lambda: not self._n_waiting_exclusive and not self._is_exclusive)
            self._n_shared += 1
        self._thread.holds_shared = True

    def _release_shared(self) -> None:
        self._thread.holds_shared = False
        with self._changed:
            self._n_shared -= 1
            self._changed.notify_all()


DEVICE_LOCK = SharedExclusiveLock()
