from __future__ import annotations

import pytest

from convstudy.analysis import curve
from convstudy.record import Record
from tests.scores import epoch_of


def record(*losses: float) -> Record:
    history = tuple(
        epoch_of(i, 0.1, (loss, 0.5), (loss * 2, 0.4), 1.0, 1.0) for i, loss in enumerate(losses, start=1)
    )
    return Record("id", "done", history)


def test_epoch_by_epoch() -> None:
    first, second = curve([record(3.0, 1.0), record(5.0, 2.0)])
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.train["log-loss"].mean == 4.0
    assert first.train["log-loss"].sd == pytest.approx(2**0.5)
    assert second.validation["log-loss"].mean == 3.0


def test_a_fit_that_stopped_early_leaves_the_rest_to_the_others() -> None:
    points = curve([record(3.0), record(5.0, 2.0)])
    assert [point.train["log-loss"].n for point in points] == [2, 1]
    assert points[1].train["log-loss"].mean == 2.0


def test_nothing_has_no_points() -> None:
    assert curve([]) == ()
    assert curve([record()]) == ()
