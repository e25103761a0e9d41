"""The shared-exclusive lock: which thread waits for which."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import pytest

from convstudy.engine.device_lock import SharedExclusiveLock

# Seconds: long enough to see a thread that does not wait, short enough for a test.
MOMENT = 0.05


@contextmanager
def _in_thread(work: Callable[[], object]) -> Iterator[threading.Event]:
    """Run work in another thread; yield an event that is set when it is done. It must be done at the end."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield done
    thread.join(10)
    assert not thread.is_alive()


def _exclusive_work(shared_lock: SharedExclusiveLock) -> None:
    with shared_lock.shared(), shared_lock.exclusive():
        pass


def _shared_work(shared_lock: SharedExclusiveLock) -> None:
    with shared_lock.shared():
        pass


def _holding(
    shared_lock: SharedExclusiveLock, end: threading.Event, rest: Callable[[], object] = lambda: None
) -> threading.Event:
    """Start a thread that holds shared mode until ``end`` and calls ``rest`` repeatedly; return when it holds it."""
    held = threading.Event()

    def hold() -> None:
        with shared_lock.shared():
            held.set()
            while not end.wait(0.001):
                rest()

    threading.Thread(target=hold, daemon=True).start()
    assert held.wait(10)
    return held


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_exclusive_waits_for_all_shared() -> None:
    shared_lock, ends = SharedExclusiveLock(), [threading.Event(), threading.Event()]
    for end in ends:
        _holding(shared_lock, end)
    with _in_thread(lambda: _exclusive_work(shared_lock)) as exclusive_done:
        for end in ends:
            assert not exclusive_done.wait(MOMENT)
            end.set()
        assert exclusive_done.wait(10)


def test_exclusive_mode_blocks_shared_and_exclusive() -> None:
    shared_lock = SharedExclusiveLock()
    with shared_lock.shared(), ExitStack() as threads:
        with shared_lock.exclusive():
            shared_done = threads.enter_context(_in_thread(lambda: _shared_work(shared_lock)))
            exclusive_done = threads.enter_context(_in_thread(lambda: _exclusive_work(shared_lock)))
            assert not shared_done.wait(MOMENT)
            assert not exclusive_done.is_set()
        with shared_lock.released():
            assert shared_done.wait(10)
            assert exclusive_done.wait(10)


def test_waiting_exclusive_blocks_new_shared() -> None:
    """Otherwise it would wait forever while some thread is always in shared mode."""
    shared_lock, end = SharedExclusiveLock(), threading.Event()
    _holding(shared_lock, end)
    with _in_thread(lambda: _exclusive_work(shared_lock)) as exclusive_done:
        _wait_for(lambda: shared_lock._n_waiting_exclusive == 1)
        with _in_thread(lambda: _shared_work(shared_lock)) as shared_done:
            assert not shared_done.wait(MOMENT)
            end.set()
            assert exclusive_done.wait(10)
            assert shared_done.wait(10)


@pytest.mark.parametrize("method", ["yield_to_exclusive", "released"])
def test_shared_thread_yields_to_exclusive(method: str) -> None:
    shared_lock, end = SharedExclusiveLock(), threading.Event()

    def rest() -> None:
        if method == "yield_to_exclusive":
            shared_lock.yield_to_exclusive()
        else:
            with shared_lock.released():
                time.sleep(0.001)

    _holding(shared_lock, end, rest)
    with _in_thread(lambda: _exclusive_work(shared_lock)) as exclusive_done:
        assert exclusive_done.wait(10)
        assert not end.is_set()
    end.set()
    _wait_for(lambda: shared_lock._n_shared == 0)


def test_thread_without_lock_is_not_blocked() -> None:
    """Code that runs on both CPU and GPU calls these methods without holding the lock."""
    shared_lock = SharedExclusiveLock()
    with shared_lock.shared():
        with shared_lock.released(), shared_lock.released():
            shared_lock.yield_to_exclusive()
            assert shared_lock._n_shared == 0
        assert shared_lock._n_shared == 1
    with shared_lock.released(), _in_thread(lambda: _exclusive_work(shared_lock)) as exclusive_done:
        shared_lock.yield_to_exclusive()
        assert exclusive_done.wait(10)
    assert shared_lock._n_shared == 0


@pytest.mark.parametrize("where", ["shared", "released", "exclusive"])
def test_error_releases_lock(where: str) -> None:
    shared_lock = SharedExclusiveLock()
    inner = nullcontext() if where == "shared" else getattr(shared_lock, where)()
    with pytest.raises(ZeroDivisionError), shared_lock.shared(), inner:
        raise ZeroDivisionError
    with (
        _in_thread(lambda: _exclusive_work(shared_lock)) as exclusive_done,
        _in_thread(lambda: _shared_work(shared_lock)) as shared_done,
    ):
        assert exclusive_done.wait(10)
        assert shared_done.wait(10)
