"""The replay of searches in ``benchmarks/search`` on grids with known scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.parts.fits import train_fits
from benchmarks.search import rules
from benchmarks.search.grids import KEY, KINDS
from benchmarks.search.recorded import Recorded
from benchmarks.search.search_methods import (
    COMPARED,
    Replay,
    another_grid,
    by_rule,
    differences,
    is_tuning,
    judged,
    methods,
    replayed,
    table,
)
from convstudy.history import History
from convstudy.plan import make_plan
from tests.engine.small import small_fit

KIND = KINDS["digits-kernel"]  # 5 candidates, 5 folds, 20 epochs
N, FOLDS, EPOCHS = 5, 5, 20
Value = Callable[[int, int, int], float]


def _grid(accuracy: Value, loss: Value = lambda place, fold, epoch: 1.0, repetition: int = 1) -> Recorded:
    def values(of: Value) -> tuple[tuple[tuple[float, ...], ...], ...]:
        return tuple(
            tuple(tuple(of(place, fold, epoch) for epoch in range(1, EPOCHS + 1)) for fold in range(FOLDS))
            for place in range(N)
        )

    names = tuple(f"kernel={kernel}" for kernel in KIND.parameters["kernel"])
    return Recorded(KIND.name, repetition, names, (10, 20, 30, 40, 50), values(accuracy), values(loss))


RISING = _grid(lambda place, fold, epoch: 0.5 + epoch / 100 + place / 50 + fold / 1_000)
# The best candidate of each fold differs after the first half of the epochs only.
CROSSING = _grid(lambda place, fold, epoch: 0.5 + epoch / 100 + (-place if epoch <= 10 else place) / 50)


def test_kinds_have_the_stated_sizes_and_repetitions_share_no_fits() -> None:
    assert len(KINDS) == 9
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.grid_epochs == kind.n_candidates * kind.folds * kind.epochs
    first, second = (make_plan(KIND.study(repetition)).stage(KEY) for repetition in (1, 2))
    assert (len(first.candidates), len(first.fits)) == (N, N * FOLDS)
    assert first.fits[0].n_epochs == EPOCHS
    assert not {fit.id for fit in first.fits} & {fit.id for fit in second.fits}


def test_tuning_grids_are_those_of_the_first_repetitions() -> None:
    assert [is_tuning(replace(RISING, repetition=number)) for number in (1, 2, 3, 4)] == [True] * 3 + [False]
    other = replace(RISING, kind="mnist-kernel")
    assert [is_tuning(replace(other, repetition=number)) for number in (1, 2, 3)] == [True, True, False]


def test_recorded_grid_round_trips_through_a_file(tmp_path: Path) -> None:
    RISING.write(tmp_path / "grid.json")
    assert Recorded.read(tmp_path / "grid.json") == RISING


def test_record_with_an_epoch_budget_is_the_beginning_of_the_full_record() -> None:
    fit = make_plan(KIND.study(1)).stage(KEY).fits[0].with_epoch_budget(7)
    record = CROSSING.record(fit, "kernel=3", 2)
    assert len(record.history) == 7
    assert record.history[-1].validation["accuracy"] == CROSSING.accuracies[2][2][6]
    assert record.selected.number == 7
    assert record.n_parameters == 30


def test_selected_scores_equal_those_of_records() -> None:
    """Accuracies rise and fall, with ties that the loss or the earlier epoch breaks."""
    wavy = _grid(
        lambda place, fold, epoch: 0.5 + (epoch * 7 + place) % 5 / 10,
        lambda place, fold, epoch: 1 + (epoch * 3 + fold) % 4 / 10,
    )
    fit = make_plan(KIND.study(1)).stage(KEY).fits[0]
    for epoch in (1, 2, 5, 11, 20):
        for place, fold in ((0, 0), (3, 2), (4, 4)):
            epoch_scores = wavy.record(
                fit.with_epoch_budget(epoch), wavy.names[place], fold
            ).selected.validation
            assert wavy.selected[0][place, fold, epoch - 1] == epoch_scores["accuracy"]
            assert wavy.selected[1][place, fold, epoch - 1] == epoch_scores["log-loss"]


@pytest.mark.parametrize("method", ["screening", "halving"])
def test_replays_find_the_best_candidate_if_curves_do_not_cross(method: str) -> None:
    for first_fold in range(FOLDS):
        selected, used = replayed(method, 0.15)(RISING, first_fold)
        assert (RISING.names[selected], selected) == ("kernel=5", RISING.winner)
        assert 0.1 < used <= 0.15


def test_replays_miss_the_best_candidate_if_curves_cross_later() -> None:
    """After 3 epochs of one fold the best three are 1, 2 and 3; after all epochs, the third is the best of these."""
    assert CROSSING.names[CROSSING.winner] == "kernel=5"
    selected, used = replayed("screening", 0.15)(CROSSING, 0)
    assert CROSSING.names[selected] == "kernel=3"
    assert used == (5 * 3 + 3 * 17) / 500


def test_rules_use_the_epochs_and_folds_that_they_state() -> None:
    assert by_rule(rules.i_epoch(2, 3))(RISING, 0) == (4, 5 * 6 / 500)
    assert by_rule(rules.i_epoch(2, 3))(CROSSING, 0) == (0, 5 * 6 / 500)
    by_loss = _grid(lambda place, fold, epoch: 0.5, lambda place, fold, epoch: 1 + abs(place - 3))
    assert by_rule(rules.i_epoch(1, 1, by_loss=True))(by_loss, 0) == (3, 5 / 500)
    # Reshuffled: candidate 1 starts on fold 3, the only one with a high score.
    lucky = _grid(lambda place, fold, epoch: 0.9 if fold == 3 else 0.5)
    assert by_rule(rules.reshuffled(1, 1))(lucky, 2) == (1, 5 / 500)


def test_forgiving_rule_stops_below_the_worst_fold_of_the_best() -> None:
    # The first candidate has folds from 0.70 to 0.74; the second is worse than 0.70, the third is between.
    levels = (0.70, 0.60, 0.705, 0.60, 0.90)
    grid = _grid(lambda place, fold, epoch: levels[place] + (fold / 100 if place == 0 else 0))
    assert by_rule(rules.forgiving(1))(grid, 0) == (4, (5 + 1 + 5 + 1 + 5) / 500)


def test_race_eliminates_by_paired_differences() -> None:
    # All differences are equal on every fold, so that two folds suffice.
    grid = _grid(lambda place, fold, epoch: 0.5, lambda place, fold, epoch: 1 + fold + abs(place - 2) / 10)
    assert by_rule(rules.race(1, 1.0))(grid, 0) == (2, 10 / 500)


def test_judgement_compares_with_the_winner_and_with_other_grids() -> None:
    other = _grid(
        lambda place, fold, epoch: 0.5 + abs(place - 3) / 100, repetition=2
    )  # candidate 0 is the best
    same = judged(RISING, RISING.winner, 0.1, [other])
    assert (same.kind, same.lost) == ("same", 0)
    assert same.lost_elsewhere == pytest.approx(0.02)
    noisy = _grid(lambda place, fold, epoch: 0.5 + place / 10 + (place * fold) % 3 / 1_000)
    worse = judged(noisy, 0, 0.1, [])
    assert (worse.kind, worse.lost_elsewhere) == ("better", None)
    assert worse.lost == pytest.approx(0.4, abs=0.01)


def test_another_grid_selects_the_winner_of_another_repetition() -> None:
    other = replace(CROSSING, repetition=2, accuracies=CROSSING.accuracies[::-1])
    assert another_grid([RISING, other])(RISING, 0) == (other.winner, 1.0)
    assert other.winner != RISING.winner


def test_table_has_means_over_grids_and_the_largest_loss() -> None:
    grids = [
        [Replay(0.12, "same", 0.0, 0.01), Replay(0.12, "better", 0.06, 0.03)],
        [Replay(0.14, "equivalent", 0.01, 0.0)],
    ]
    row = table({"m": grids}).splitlines()[-1]
    assert row == "| m | 13.0 % | 25 % | 50 % | 0 % | 25 % | 2.000 | 6.00 | 1.000 |"
    assert len(methods([RISING])) > 15


def test_differences_are_paired_by_grid() -> None:
    ours = [[Replay(0.1, "same", 0.0, None)], [Replay(0.1, "better", 0.02, None)]]
    theirs = [[Replay(0.1, "better", 0.01, None)], [Replay(0.1, "better", 0.05, None)]]
    rows = {name: each for pair in COMPARED for name, each in zip(pair, (ours, theirs), strict=True)}
    # Lost: -1 and -3 points; the same winner: 100 and 0 points.
    assert differences(rows).splitlines()[2].endswith("| 2 | -2.000 ± 1.000 | +50 ± 50 |")
    assert {name for pair in COMPARED for name in pair} <= set(methods([RISING]))


def test_filled_runs_folder_can_be_opened_again(tmp_path: Path) -> None:
    """A database without runs next to completed fits is rejected."""
    fit = small_fit()
    train_fits(tmp_path, [fit], workers=0)
    history = History.open(tmp_path)
    assert history.records[fit.id].done
    history.close()
    train_fits(tmp_path, [fit], workers=0)
