"""Sampled searches: their results depend neither on interruptions nor on the number of workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from convstudy.history import Results
from convstudy.run import ChoiceMade, Event, FitEnded, SearchAdvanced, run_study
from convstudy.studyfile import Range, Search, Study
from tests.run.studies import ran, small_study, statistics, stored

VARY = {"kernel": Range(low=1, high=5), "learning_rate": Range(low=1e-3, high=0.3, log=True)}
N_TRIALS = 6


def drawing_study(method: str, trials: int = N_TRIALS) -> Study:
    """Return the small study with a search that draws kernels and learning rates, two folds of an epoch each."""
    search = Search(
        network="one",
        parameters=VARY,
        folds=2,
        method=method,
        trials=trials,
        recipe={"epochs": 1},  # type: ignore[arg-type]
    )
    return small_study(search={"drawn": search}, ablate={})


def _names(results: Results) -> list[str]:
    return [candidate.name for candidate in results.plan.stage("search.drawn").candidates]


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_sampled_search_does_not_depend_on_workers_or_interruptions(method: str, tmp_path: Path) -> None:
    study = drawing_study(method)
    alone, events = ran(study, tmp_path / "alone")
    assert alone.complete
    assert len(set(_names(alone))) == N_TRIALS
    assert statistics(ran(study, tmp_path / "many", workers=2)[0]) == statistics(alone)

    n_ended = 0

    def stop(event: Event) -> None:
        nonlocal n_ended
        n_ended += isinstance(event, FitEnded)
        if n_ended % 5 == 0 and isinstance(event, FitEnded):
            raise KeyboardInterrupt

    runs = tmp_path / "stopped"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_study(study, runs, 0, stop)
    assert statistics(ran(study, runs)[0]) == statistics(alone)
    # TPE needs the results of the first batch to suggest the second; random search has all trials from the start.
    advanced = [event for event in events if isinstance(event, SearchAdvanced)]
    assert len(advanced) == (1 if method == "tpe" else 0)
    assert sum(isinstance(event, ChoiceMade) for event in events) == 2


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_more_trials_train_only_new_fits(method: str, tmp_path: Path) -> None:
    first, _ = ran(drawing_study(method), tmp_path)
    more, events = ran(drawing_study(method, trials=N_TRIALS + 2), tmp_path)
    assert _names(more)[:N_TRIALS] == _names(first)
    searched = [e for e in events if isinstance(e, FitEnded) and e.fit.recipe.epochs == 1]
    assert len(searched) == 2 * 2
    assert stored(tmp_path, drawing_study(method)).choices == first.choices
