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


def test_curve_summarizes_each_epoch() -> None:
    first, second = curve([record(3.0, 1.0), record(5.0, 2.0)])
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.train["log-loss"].mean == 4.0
    assert first.train["log-loss"].sd == pytest.approx(2**0.5)
    assert second.validation["log-loss"].mean == 3.0


def test_later_epochs_exclude_fits_that_stopped_early() -> None:
    points = curve([record(3.0), record(5.0, 2.0)])
    assert [point.train["log-loss"].n for point in points] == [2, 1]
    assert points[1].train["log-loss"].mean == 2.0


def test_curve_without_epochs_is_empty() -> None:
    assert curve([]) == ()
    assert curve([record()]) == ()
