"""The gate of a device: which thread waits for which."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import pytest

from convstudy.engine.gate import Gate

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


def _work_alone(gate: Gate) -> None:
    with gate.working(), gate.alone():
        pass


def _work(gate: Gate) -> None:
    with gate.working():
        pass


def _holding(gate: Gate, end: threading.Event, rest: Callable[[], object] = lambda: None) -> threading.Event:
    """Return what tells that a thread works, which it does until ``end``, coming by ``rest`` all the time."""
    held = threading.Event()

    def hold() -> None:
        with gate.working():
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
    gate, ends = Gate(), [threading.Event(), threading.Event()]
    for end in ends:
        _holding(gate, end)
    with _beside(lambda: _work_alone(gate)) as done:
        for end in ends:
            assert not done.wait(MOMENT)
            end.set()
        assert done.wait(10)


def test_nobody_begins_or_is_alone_while_another_is() -> None:
    gate = Gate()
    with gate.working(), ExitStack() as beside:
        with gate.alone():
            work = beside.enter_context(_beside(lambda: _work(gate)))
            alone = beside.enter_context(_beside(lambda: _work_alone(gate)))
            assert not work.wait(MOMENT)
            assert not alone.is_set()
        with gate.resting():
            assert work.wait(10)
            assert alone.wait(10)


def test_nobody_begins_while_another_waits_to_be_alone() -> None:
    """Else it would wait for ever, where there is always somebody who works."""
    gate, end = Gate(), threading.Event()
    _holding(gate, end)
    with _beside(lambda: _work_alone(gate)) as alone:
        _wait_for(lambda: gate._n_waiting == 1)
        with _beside(lambda: _work(gate)) as work:
            assert not work.wait(MOMENT)
            end.set()
            assert alone.wait(10)
            assert work.wait(10)


@pytest.mark.parametrize("way", ["let_pass", "resting"])
def test_one_that_works_on_lets_another_be_alone(way: str) -> None:
    gate, end = Gate(), threading.Event()

    def rest() -> None:
        if way == "let_pass":
            gate.let_pass()
        else:
            with gate.resting():
                time.sleep(0.001)

    _holding(gate, end, rest)
    with _beside(lambda: _work_alone(gate)) as done:
        assert done.wait(10)
        assert not end.is_set()
    end.set()
    _wait_for(lambda: gate._n_working == 0)


def test_who_does_not_work_passes_without_a_look() -> None:
    """Code that a processor shares with a device rests there too."""
    gate = Gate()
    with gate.working():
        with gate.resting(), gate.resting():
            gate.let_pass()
            assert gate._n_working == 0
        assert gate._n_working == 1
    with gate.resting(), _beside(lambda: _work_alone(gate)) as done:
        gate.let_pass()
        assert done.wait(10)
    assert gate._n_working == 0


@pytest.mark.parametrize("where", ["working", "resting", "alone"])
def test_an_error_leaves_the_gate_open(where: str) -> None:
    gate = Gate()
    further = nullcontext() if where == "working" else getattr(gate, where)()
    with pytest.raises(ZeroDivisionError), gate.working(), further:
        raise ZeroDivisionError
    with _beside(lambda: _work_alone(gate)) as alone, _beside(lambda: _work(gate)) as work:
        assert alone.wait(10)
        assert work.wait(10)
