"""Record summaries equal the records, also after another process has written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.errors import StoreError
from convstudy.history import History
from convstudy.plan import Fit, resolve
from convstudy.record import Record
from tests.plan.made import failed, finished, record, study
from tests.run.studies import drop_record
from tests.scores import epoch_of


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History.open(tmp_path / "runs", create=True)
    yield opened
    opened.close()


def _long(fit: Fit, selected_epoch: int) -> Record:
    """Return a record of four epochs with floats that need all their digits."""
    history = tuple(
        epoch_of(n, 0.1 / 3, (1 / n, n / 7), (1e-17 * n, 1 - n / 11), 123456.789, 2.5e-08)
        for n in range(1, 5)
    )
    return replace(record(fit), history=history, best_epoch=2, selected_epoch=selected_epoch)


def _filled(history: History) -> list[Fit]:
    """Write records with one epoch, several epochs and a failure; one fit has none."""
    fits = list(finished(study(), lambda candidate, fit: record(fit))[0].fits)
    for number, fit in enumerate(fits[:-1]):
        made = [record(fit, 0.1 + number), _long(fit, 1), _long(fit, 4), failed(fit)][number % 4]
        history.save_record(fit, made)
    return fits


def test_record_summaries_equal_the_records(history: History) -> None:
    fits = _filled(history)
    assert len(fits) == 12
    assert set(history.record_summaries) == set(history.records) == {fit.id for fit in fits[:-1]}
    assert len(history.record_summaries) == len(history.records) == 11
    assert fits[-1].id not in history.record_summaries
    for fit_id, whole in history.records.items():
        record_summary = history.record_summaries[fit_id]
        for name in ("fit_id", "status", "done", "n_parameters", "weights_digest", "error_kind"):
            assert getattr(record_summary, name) == getattr(whole, name), name
        if whole.done:
            assert record_summary.selected == whole.selected
        else:
            with pytest.raises(LookupError, match="no selected epoch"):
                _ = record_summary.selected


def test_plan_and_choices_are_the_same_from_summaries_and_records(history: History) -> None:
    _, choices, records = finished(
        study(), lambda c, fit: record(fit, 0.5 + len(c.name) / 100 + fit.seed / 7)
    )
    plan, _, _ = finished(study(), lambda c, fit: records[fit.id])
    for fit in plan.fits:
        history.save_record(fit, records[fit.id])
    assert len(choices) == 2
    assert resolve(study(), history.record_summaries) == resolve(study(), history.records) == (plan, choices)


def test_record_summary_shows_later_writes_of_this_and_other_processes(history: History) -> None:
    fit, other = _filled(history)[:2]
    reader = History.open(history.layout.folder)
    assert reader.record_summaries[other.id].done
    history.save_record(fit, failed(fit))
    assert not history.record_summaries[fit.id].done
    drop_record(history, fit.id)
    assert fit.id not in history.record_summaries
    assert fit.id in reader.record_summaries  # it was done when it was read, so this reader keeps it
    late = History.open(history.layout.folder)
    assert fit.id not in late.record_summaries
    history.save_record(fit, failed(fit))
    assert not late.record_summaries[fit.id].done
    history.save_record(fit, record(fit, 0.75))
    assert late.record_summaries[fit.id].selected.validation["accuracy"] == 0.75
    for each in (reader, late):
        each.close()


def test_damaged_record_raises_store_error(history: History) -> None:
    fits = _filled(history)
    with sqlite3.connect(history.layout.database) as connection:
        connection.execute("UPDATE fits SET record = '{\"status\": ' WHERE id = ?", (fits[5].id,))
    connection.close()
    with pytest.raises(StoreError, match="cannot be used") as caught:
        _ = fits[0].id in history.record_summaries
    assert str(caught.value.problems[0].where) == str(history.layout.database)
