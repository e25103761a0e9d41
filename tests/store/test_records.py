"""Records in brief say what whole records say, and as soon as another process has written, too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.errors import StoreError
from convstudy.plan import Fit, resolve
from convstudy.record import Epoch, Record
from convstudy.store import Store
from tests.plan.made import failed, finished, record, study
from tests.run.studies import drop_record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "runs", create=True)
    yield opened
    opened.close()


def _long(fit: Fit, counted_epoch: int) -> Record:
    """Return a record of four epochs with figures that only shortest-digits writing keeps."""
    history = tuple(
        Epoch(n, 0.1 / 3, 1 / n, n / 7, 1e-17 * n, 1 - n / 11, 123456.789, 2.5e-08) for n in range(1, 5)
    )
    return replace(record(fit), history=history, best_epoch=2, counted_epoch=counted_epoch)


def _filled(store: Store) -> list[Fit]:
    """Write records of all kinds: one epoch, some epochs, failed; one fit has none."""
    fits = list(finished(study(), lambda candidate, fit: record(fit))[0].fits)
    for number, fit in enumerate(fits[:-1]):
        made = [record(fit, 0.1 + number), _long(fit, 1), _long(fit, 4), failed(fit)][number % 4]
        store.save_record(fit, made)
    return fits


def test_briefs_say_what_the_records_say(store: Store) -> None:
    fits = _filled(store)
    assert len(fits) == 12
    assert set(store.briefs) == set(store.records) == {fit.id for fit in fits[:-1]}
    assert len(store.briefs) == len(store.records) == 11
    assert fits[-1].id not in store.briefs
    for fit_id, whole in store.records.items():
        brief = store.briefs[fit_id]
        for name in ("fit_id", "status", "done", "n_parameters", "weights_digest", "error_kind"):
            assert getattr(brief, name) == getattr(whole, name), name
        if whole.done:
            assert brief.counted == whole.counted
        else:
            with pytest.raises(LookupError, match="no epoch that counts"):
                _ = brief.counted


def test_plan_and_choices_are_the_same_from_briefs_and_from_records(store: Store) -> None:
    _, choices, records = finished(
        study(), lambda c, fit: record(fit, 0.5 + len(c.name) / 100 + fit.seed / 7)
    )
    plan, _, _ = finished(study(), lambda c, fit: records[fit.id])
    for fit in plan.fits:
        store.save_record(fit, records[fit.id])
    assert len(choices) == 2
    assert resolve(study(), store.briefs) == resolve(study(), store.records) == (plan, choices)


def test_a_brief_follows_what_is_written_here_and_elsewhere(store: Store) -> None:
    fit, other = _filled(store)[:2]
    reader = Store.open(store.layout.folder)
    assert reader.briefs[other.id].done
    store.save_record(fit, failed(fit))
    assert not store.briefs[fit.id].done
    drop_record(store, fit.id)
    assert fit.id not in store.briefs
    assert fit.id in reader.briefs  # it was done when it was read, and stays so for this reader
    late = Store.open(store.layout.folder)
    assert fit.id not in late.briefs
    store.save_record(fit, failed(fit))
    assert not late.briefs[fit.id].done
    store.save_record(fit, record(fit, 0.75))
    assert late.briefs[fit.id].counted.validation_accuracy == 0.75
    for each in (reader, late):
        each.close()


def test_a_damaged_record_is_said(store: Store) -> None:
    fits = _filled(store)
    with sqlite3.connect(store.layout.database) as connection:
        connection.execute("UPDATE fits SET record = '{\"status\": ' WHERE id = ?", (fits[5].id,))
    connection.close()
    with pytest.raises(StoreError, match="cannot be used") as caught:
        _ = fits[0].id in store.briefs
    assert caught.value.problems[0].where == str(store.layout.database)
