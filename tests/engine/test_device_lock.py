"""The gate of a device: which thread waits for which."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import pytest

from convstudy.engine.device_lock import SharedExclusiveLock

# Long enough for a thread that does not wait to be seen, short enough to be waited for.
MOMENT = 0.05


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[threading.Event]:
    """Do some work in a thread of its own; yield what tells when it is done, which it has to be in the end."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield done
    thread.join(10)
    assert not thread.is_alive()


def _work_alone(shared_lock: SharedExclusiveLock) -> None:
    with shared_lock.shared(), shared_lock.exclusive():
        pass


def _work(shared_lock: SharedExclusiveLock) -> None:
    with shared_lock.shared():
        pass


def _holding(
    shared_lock: SharedExclusiveLock, end: threading.Event, rest: Callable[[], object] = lambda: None
) -> threading.Event:
    """Return what tells that a thread works, which it does until ``end``, coming by ``rest`` all the time."""
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
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


def test_whoever_wants_to_be_alone_waits_for_all_that_work() -> None:
    shared_lock, ends = SharedExclusiveLock(), [threading.Event(), threading.Event()]
    for end in ends:
        _holding(shared_lock, end)
    with _beside(lambda: _work_alone(shared_lock)) as done:
        for end in ends:
            assert not done.wait(MOMENT)
            end.set()
        assert done.wait(10)


def test_nobody_begins_or_is_alone_while_another_is() -> None:
    shared_lock = SharedExclusiveLock()
    with shared_lock.shared(), ExitStack() as beside:
        with shared_lock.exclusive():
            work = beside.enter_context(_beside(lambda: _work(shared_lock)))
            alone = beside.enter_context(_beside(lambda: _work_alone(shared_lock)))
            assert not work.wait(MOMENT)
            assert not alone.is_set()
        with shared_lock.released():
            assert work.wait(10)
            assert alone.wait(10)


def test_nobody_begins_while_another_waits_to_be_alone() -> None:
    """Else it would wait for ever, where there is always somebody who works."""
    shared_lock, end = SharedExclusiveLock(), threading.Event()
    _holding(shared_lock, end)
    with _beside(lambda: _work_alone(shared_lock)) as alone:
        _wait_for(lambda: shared_lock._n_waiting_exclusive == 1)
        with _beside(lambda: _work(shared_lock)) as work:
            assert not work.wait(MOMENT)
            end.set()
            assert alone.wait(10)
            assert work.wait(10)


@pytest.mark.parametrize("way", ["yield_to_exclusive", "released"])
def test_one_that_works_on_lets_another_be_alone(way: str) -> None:
    shared_lock, end = SharedExclusiveLock(), threading.Event()

    def rest() -> None:
        if way == "yield_to_exclusive":
            shared_lock.yield_to_exclusive()
        else:
            with shared_lock.released():
                time.sleep(0.001)

    _holding(shared_lock, end, rest)
    with _beside(lambda: _work_alone(shared_lock)) as done:
        assert done.wait(10)
        assert not end.is_set()
    end.set()
    _wait_for(lambda: shared_lock._n_shared == 0)


def test_who_does_not_work_passes_without_a_look() -> None:
    """Code that a processor shares with a device rests there too."""
    shared_lock = SharedExclusiveLock()
    with shared_lock.shared():
        with shared_lock.released(), shared_lock.released():
            shared_lock.yield_to_exclusive()
            assert shared_lock._n_shared == 0
        assert shared_lock._n_shared == 1
    with shared_lock.released(), _beside(lambda: _work_alone(shared_lock)) as done:
        shared_lock.yield_to_exclusive()
        assert done.wait(10)
    assert shared_lock._n_shared == 0


@pytest.mark.parametrize("where", ["shared", "released", "exclusive"])
def test_an_error_leaves_the_gate_open(where: str) -> None:
    shared_lock = SharedExclusiveLock()
    further = nullcontext() if where == "shared" else getattr(shared_lock, where)()
    with pytest.raises(ZeroDivisionError), shared_lock.shared(), further:
        raise ZeroDivisionError
    with _beside(lambda: _work_alone(shared_lock)) as alone, _beside(lambda: _work(shared_lock)) as work:
        assert alone.wait(10)
        assert work.wait(10)
