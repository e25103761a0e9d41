"""The replay of halving in ``benchmarks/search/search_methods.py`` on simulated grids."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.parts.fits import train_fits
from benchmarks.search.search_methods import (
    KERNELS,
    KEY,
    Replay,
    Size,
    grid_fits,
    repeated,
    replay,
    shortened,
    table,
)
from convstudy.history import History
from convstudy.plan import Fit, make_plan
from convstudy.record import Record
from tests.engine.small import small_fit
from tests.scores import epoch_of

SIZE = Size(dataset="digits", subset=200, epochs=8, folds=3)


def _kernel(fit: Fit) -> int:
    return int(fit.network.texts[0].split()[2])


def _grid(repetition: int, crossing: bool = False) -> dict[str, Record]:
    """Return a grid in which larger kernels are better; if curves cross, only in the second half of the epochs."""
    records = {}
    for fit in grid_fits(SIZE, repetition):
        place = KERNELS.index(_kernel(fit))
        history = []
        for number in range(1, SIZE.epochs + 1):
            early = crossing and number <= SIZE.epochs // 2
            accuracy = 0.5 + number / 100 + (-place if early else place) / 50 + fit.seed % 7 / 10_000
            history.append(epoch_of(number, 0.1, (1.0, 0.5), (1 - accuracy, accuracy), 1.0, 0.1))
        records[fit.id] = Record(fit.id, "done", tuple(history), 8, 8, 100, 50, 1000, "digest")
    return records


def test_repetitions_share_no_fit_with_each_other_or_a_study() -> None:
    ids = [{fit.id for fit in grid_fits(SIZE, repetition)} for repetition in (1, 2, 3)]
    ids.append({fit.id for fit in make_plan(SIZE.study()).stage(KEY).fits})
    assert len(set.union(*ids)) == 4 * len(KERNELS) * SIZE.folds


def test_record_with_an_epoch_budget_is_the_beginning_of_the_full_record() -> None:
    fit = make_plan(SIZE.study(method="halving", budget=0.5)).stage(KEY).fits[0]
    assert fit.epoch_budget is not None
    whole = _grid(1)[repeated(make_plan(SIZE.study()).stage(KEY).fits[0], 1).id]
    record = shortened(whole, fit)
    assert (record.fit_id, record.history) == (fit.id, whole.history[: fit.epoch_budget])
    assert record.selected.number == fit.epoch_budget


@pytest.mark.parametrize("first_fold", range(3))
def test_halving_finds_the_best_candidate_if_learning_curves_do_not_cross(first_fold: int) -> None:
    found = replay(SIZE, _grid(1), 1, first_fold, 0.4)
    assert (found.winner, found.selected, found.lost) == ("kernel=11", "kernel=11", 0)
    assert 0.2 < found.used <= 0.4
    assert found.kind == "same"


def test_halving_misses_the_best_candidate_if_learning_curves_cross() -> None:
    found = replay(SIZE, _grid(2, crossing=True), 2, 0, 0.15)
    assert (found.winner, found.selected) == ("kernel=11", "kernel=2")
    assert found.lost == pytest.approx(4 / 50)
    # The same difference on each fold: without any variance there is no interval.
    assert found.kind == "inconclusive"


def test_table_counts_by_kind() -> None:
    replays = {
        0.15: [
            Replay("a", "a", 0.12, 0.0, "same"),
            Replay("a", "b", 0.14, 0.01, "equivalent"),
            Replay("a", "b", 0.14, 0.01, "inconclusive"),
            Replay("a", "c", 0.12, 0.06, "better"),
        ]
    }
    row = table(replays).splitlines()[-1]
    assert row == (
        "| 0.15 | 13.0 % | 4 | 1 (25 %) | 1 (25 %) | 1 (25 %) | 1 (25 %) | 0 (0 %) | 2.000 | 6.000 |"
    )


def test_filled_runs_folder_can_be_opened_again(tmp_path: Path) -> None:
    """A database without runs next to completed fits is rejected."""
    fit = small_fit()
    train_fits(tmp_path, [fit], workers=0)
    history = History.open(tmp_path)
    assert history.records[fit.id].done
    history.close()
    train_fits(tmp_path, [fit], workers=0)
