"""Halving searches: no epoch is trained twice, and results depend neither on interruptions nor on workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.history import History, Results
from convstudy.plan import halving_epochs, own_epochs, resolve
from convstudy.record import Epoch
from convstudy.run import ChoiceMade, EpochEnded, Event, FitEnded, FitStarted, SearchAdvanced, run_study
from convstudy.store import Layout
from tests.run.studies import KERNELS, halving_study, ran, small_study, statistics, stored

KEY = "search.kernel"
# 5 fits of 1 epoch, 3 that resume for 2 more, 2 fits of 3 epochs on another fold.
N_EPOCHS = 5 + 3 * 2 + 2 * 3


def _epochs(events: list[Event]) -> Counter[str]:
    """Return the number of epochs of each trial of a search."""
    return Counter(
        event.fit.trial_id
        for event in events
        if isinstance(event, EpochEnded) and event.fit.recipe.epochs == 4
    )


def _measured(epoch: Epoch) -> Epoch:
    """Return an epoch without its seconds."""
    return replace(epoch, train_seconds=0.0, evaluation_seconds=0.0)


def test_no_epoch_is_trained_twice(tmp_path: Path) -> None:
    results, events = ran(halving_study(), tmp_path)
    stage = results.plan.stage(KEY)
    assert results.complete
    assert stage.pending == ()
    assert halving_epochs(tuple(rung.size for rung in stage.rungs)) == N_EPOCHS
    trained = _epochs(events)
    assert sum(trained.values()) == results.epochs_of(stage) == N_EPOCHS
    assert sorted(trained.values()) == [1, 1, 3, 3, 3, 3, 3]
    # The seconds of the run are the sum over its epochs, each counted once.
    epochs = [event.epoch for event in events if isinstance(event, EpochEnded)]
    assert results.seconds == pytest.approx(sum(e.train_seconds + e.evaluation_seconds for e in epochs))
    own = own_epochs(stage.fits, results.records)
    assert sum(len(epochs) for epochs in own.values()) == N_EPOCHS
    # No checkpoint is kept after the choice of the search.
    assert not list(tmp_path.glob("fits/*/checkpoint*"))
    assert stored(tmp_path, halving_study()).plan == results.plan


def test_halving_keeps_scores_of_the_full_grid(tmp_path: Path) -> None:
    """The grid is the reference: each history of a rung is the beginning of a grid history, which decides the rungs."""
    halved, _ = ran(halving_study(), tmp_path / "halved")
    grid, _ = ran(halving_study(method="grid"), tmp_path / "grid")
    stage = halved.plan.stage(KEY)
    for fit in stage.fits:
        whole = grid.records[fit.trial_id].history
        here = halved.records[fit.id].history
        assert len(here) == fit.n_epochs
        assert [_measured(e) for e in here] == [_measured(e) for e in whole[: len(here)]]
    first = stage.rungs[0]
    best = {
        f"kernel={kernel}": max(
            e.validation["accuracy"]
            for e in grid.records[grid.plan.stage(KEY).candidate(f"kernel={kernel}").fits[0].id].history[:1]
        )
        for kernel in KERNELS
    }
    assert {score.name: score.scores["accuracy"] for score in first.scores} == best


@pytest.mark.parametrize("after", [1, 4, 5, 6, 8, 9, 10])
def test_halving_stopped_after_any_record_resumes_to_identical_results(after: int, tmp_path: Path) -> None:
    whole, _ = ran(halving_study(), tmp_path / "whole")
    n_ended = 0

    def stop(event: Event) -> None:
        nonlocal n_ended
        n_ended += isinstance(event, FitEnded)
        if n_ended == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(halving_study(), tmp_path / "stopped", 0, stop)
    partial = stored(tmp_path / "stopped", halving_study())
    assert not partial.complete
    resumed, events = ran(halving_study(), tmp_path / "stopped")
    assert statistics(resumed) == statistics(whole)
    assert sum(_epochs(events).values()) <= N_EPOCHS - 1


def test_number_of_workers_does_not_change_results(tmp_path: Path) -> None:
    alone, _ = ran(halving_study(), tmp_path / "alone")
    many, _ = ran(halving_study(), tmp_path / "many", workers=3)
    assert statistics(many) == statistics(alone)


def test_screening_resumes_fits_of_earlier_rungs_and_equals_a_run_without_stops(tmp_path: Path) -> None:
    # 5 fits of 1 epoch, 3 that resume for 3 more, 3 fits of 4 epochs on another fold.
    screening = halving_study(method="screening", budget=0.7)
    whole, events = ran(screening, tmp_path / "whole", workers=2)
    stage = whole.plan.stage(KEY)
    assert [rung.size.fold_epochs for rung in stage.rungs] == [1, 8]
    trained = _epochs(events)
    assert sum(trained.values()) == whole.epochs_of(stage) == 5 + 3 * 3 + 3 * 4
    assert sorted(trained.values()) == [1, 1, 4, 4, 4, 4, 4, 4]
    n_ended = 0

    def stop(event: Event) -> None:
        nonlocal n_ended
        n_ended += isinstance(event, FitEnded)
        if n_ended == 6:  # in the second rung
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(screening, tmp_path / "stopped", 0, stop)
    resumed, _ = ran(screening, tmp_path / "stopped")
    assert statistics(resumed) == statistics(whole)


def test_event_follows_each_decided_rung(tmp_path: Path) -> None:
    results, events = ran(halving_study(), tmp_path)
    advanced = [event for event in events if isinstance(event, SearchAdvanced)]
    assert [event.stage for event in advanced] == [KEY, KEY]
    assert [sum(rung.decided for rung in e.plan.stage(KEY).rungs) for e in advanced] == [1, 2]
    choice = next(event for event in events if isinstance(event, ChoiceMade))
    assert choice.choice.stage == KEY
    assert events.index(advanced[-1]) < events.index(choice)
    # Each fit that starts after an event is in the plan of that event.
    plan = advanced[0].plan
    started = [e.fit.id for e in events[events.index(advanced[0]) :] if isinstance(e, FitStarted)]
    assert started[0] in {fit.id for fit in plan.settled_fits}
    assert results.choice(KEY) == choice.choice


def test_plan_is_resolved_from_the_records_alone(tmp_path: Path) -> None:
    results, _ = ran(halving_study(), tmp_path)
    plan, choices = resolve(halving_study(), results.records)
    assert (plan, choices) == (results.plan, results.choices)


def test_grid_and_halving_searches_share_their_fits(tmp_path: Path) -> None:
    """Both searches use one folder: shared fits are trained once, and longer fits do not change shorter ones."""
    alone, _ = ran(halving_study(), tmp_path / "alone")
    grid = halving_study(method="grid")
    for first, second in ((grid, halving_study()), (halving_study(), grid)):
        runs = tmp_path / f"both-{first.search['kernel'].method}"
        ran(first, runs)
        ran(second, runs)
        both = stored(runs, halving_study())
        assert statistics(both) == statistics(alone)
        assert stored(runs, grid).complete


def test_checkpoint_is_kept_for_an_epoch_budget_and_deleted_after_the_last_epoch(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, SearchAdvanced):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(halving_study(), tmp_path, 0, stop)
    results = stored(tmp_path, halving_study())
    layout = Layout(tmp_path)
    rung = results.plan.stage(KEY).rungs[0]
    assert all(layout.artefact(fit.trial_id, "checkpoint").exists() for fit in rung.fits)
    assert not any(layout.artefact(fit.id, "checkpoint").exists() for fit in rung.fits)
    history = History.open(tmp_path)
    fit = rung.fits[0]
    assert history.has_checkpoint(fit)
    whole = replace(fit, epoch_budget=None)
    with history.writing():
        history.save_record(whole, replace(history.records[fit.id], fit_id=whole.id))
    assert not history.has_checkpoint(fit)
    history.close()


def test_studies_without_halving_have_no_rungs(tmp_path: Path) -> None:
    results: Results = ran(small_study(), tmp_path)[0]
    assert all(stage.rungs == () and stage.pending == () for stage in results.plan.stages)
    assert results.epochs_of(results.plan.stage(KEY)) == results.plan.stage(KEY).grid_epochs == 2 * 2 * 2
