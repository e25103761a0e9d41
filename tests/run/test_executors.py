"""What every executor keeps to, in whichever place it has tasks done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.history import History
from convstudy.plan import Fit, make_plan
from convstudy.record import Record
from convstudy.run.executors import DeviceExecutor, Executor, InlineExecutor, ProcessExecutor
from convstudy.run.tasks import (
    Advanced,
    Halted,
    Inspect,
    Inspected,
    Lost,
    Message,
    Started,
    Task,
    Train,
    Trained,
)
from convstudy.run.tasks import Test as Score
from convstudy.run.tasks import Tested as Scored
from convstudy.store import Layout
from tests.datasets import DIGITS
from tests.run.studies import small_study

PLACES: dict[str, Callable[[Layout], Executor]] = {
    "inline": InlineExecutor,
    "processes": lambda layout: ProcessExecutor(layout, 2, 1),
    "device": lambda layout: DeviceExecutor(layout, "cpu", 2),
}


def fits() -> tuple[Fit, ...]:
    """Return the two fits of a study that compares two networks; each takes a fraction of a second."""
    return make_plan(small_study(search={}, ablate={})).fits


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A runs folder."""
    History.open(tmp_path, create=True).close()
    return Layout(tmp_path)


def _all_messages(executor: Executor, tasks: list[Task]) -> list[Message]:
    """Have tasks done, as many at once as may be, and return all that was said."""
    waiting, said, n_under_way = list(tasks), [], 0
    while waiting or n_under_way:
        while waiting and n_under_way < executor.n_workers:
            executor.submit(waiting.pop(0))
            n_under_way += 1
        said.append(executor.next_message())
        n_under_way -= isinstance(said[-1], Trained | Scored | Inspected | Halted | Lost)
    return said


def _without_moment(record: Record) -> dict[str, object]:
    """Return a record without seconds and machine."""
    values = record.as_json()
    for epoch in values["history"]:
        del epoch["train_seconds"], epoch["evaluation_seconds"]
    return {**values, "environment": None}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """The records of the fits, by id, from the slow twin of all executors."""
    runs = tmp_path_factory.mktemp("inline")
    History.open(runs, create=True).close()
    with InlineExecutor(Layout(runs)) as executor:
        said = _all_messages(executor, [Train(fit) for fit in fits()])
    return {m.record.fit_id: _without_moment(m.record) for m in said if isinstance(m, Trained)}


@pytest.mark.parametrize("place", PLACES)
def test_every_task_starts_goes_on_and_ends_once(
    place: str, layout: Layout, expected: dict[str, dict[str, object]]
) -> None:
    with PLACES[place](layout) as executor:
        said = _all_messages(executor, [Train(fit) for fit in fits()])
        for fit in fits():
            own = [message for message in said if message.task == Train(fit)]
            assert [type(message) for message in own] == [Started, Advanced, Advanced, Trained]
            assert isinstance(own[-1], Trained)
            assert _without_moment(own[-1].record) == expected[fit.id]
            assert layout.artefact(fit.id, "weights").exists()
        (record,) = [m.record for m in said if isinstance(m, Trained) and m.record.fit_id == fits()[0].id]
        test = Score(fits()[0], record.weights_digest, 1)
        *_, scored = _all_messages(executor, [test])
        assert isinstance(scored, Scored)
        assert (scored.task, scored.error) == (test, "")
        assert 0.0 <= scored.scores["accuracy"] <= 1.0
        *_, inspected = _all_messages(executor, [Inspect(DIGITS)])
        assert isinstance(inspected, Inspected)
        assert inspected.facts is not None, inspected.error


@pytest.mark.parametrize("place", PLACES)
def test_a_file_that_the_system_refuses_halts_a_training(place: str, layout: Layout) -> None:
    fit = fits()[0]
    # A file in place of the folder of the checkpoint.
    layout.artefact(fit.lineage_id, "checkpoint").parent.parent.mkdir()
    layout.artefact(fit.lineage_id, "checkpoint").parent.write_bytes(b"")
    with PLACES[place](layout) as executor:
        *_, halted = _all_messages(executor, [Train(fit)])
    assert isinstance(halted, Halted)
    (problem,) = halted.problems
    assert problem.what == "this file cannot be written" and fit.id in str(problem.where)
    assert executor.waiting == ()


@pytest.mark.parametrize("place", PLACES)
def test_an_error_of_a_task_is_told_and_another_task_is_done(place: str, layout: Layout) -> None:
    with PLACES[place](layout) as executor:
        *_, scored = _all_messages(executor, [Score(fits()[0], "no such weights", 1)])
        assert isinstance(scored, Scored)
        assert "weights" in scored.error
        *_, trained = _all_messages(executor, [Train(fits()[1])])
        assert isinstance(trained, Trained)
        assert trained.record.done


@pytest.mark.parametrize("place", PLACES)
def test_leaving_stops_what_is_under_way_and_it_goes_on_another_time(
    place: str, layout: Layout, expected: dict[str, dict[str, object]]
) -> None:
    task = Train(fits()[0])
    n_threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), PLACES[place](layout) as executor:
        executor.submit(task)
        while not isinstance(executor.next_message(), Advanced):
            pass
        raise KeyboardInterrupt
    assert threading.active_count() == n_threads
    with PLACES[place](layout) as executor:
        *_, trained = _all_messages(executor, [task])
    assert isinstance(trained, Trained)
    assert _without_moment(trained.record) == expected[task.fit.id]
