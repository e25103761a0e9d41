"""Nested searches: no epoch is trained twice, and results depend neither on interruptions nor on workers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from convstudy.run import EpochEnded, Event, FitEnded, run_study
from convstudy.run import (
    EvaluatedOnTestSet as EvaluationResult,  # pytest would collect a name that begins with Test
)
from convstudy.store import Layout
from convstudy.studyfile import Search, Study
from tests.run.studies import KERNELS, ran, small_study, statistics, stored


def nested_study(**search: Any) -> Study:
    """Return the small study with a nested search, without its ablation."""
    values: dict[str, Any] = {"parameters": {"kernel": (3, 5)}, "folds": 2, "nested": True, **search}
    return small_study(search={"kernel": Search(network="one", **values)}, ablate={})


def test_nested_winners_are_scored_before_the_test_set_evaluation(tmp_path: Path) -> None:
    results, events = ran(nested_study(), tmp_path)
    assert results.complete
    assert [choice.stage for choice in results.choices] == [
        "search.kernel",
        "compare.networks",
        "inner.kernel.1",
        "inner.kernel.2",
    ]
    ended = [event.fit.id for event in events if isinstance(event, FitEnded)]
    # 2 kernels on 2 folds, 2 networks, and twice the whole search; the winners' outer fits are the search's own.
    assert len(ended) == len(set(ended)) == 4 + 2 + 2 * 4
    opened = [number for number, event in enumerate(events) if isinstance(event, EvaluationResult)]
    assert len(opened) == 2
    assert min(opened) > max(number for number, event in enumerate(events) if isinstance(event, FitEnded))


@pytest.mark.parametrize(
    "search", [{}, {"method": "halving", "budget": 0.5, "parameters": {"kernel": KERNELS}}]
)
def test_sampled_search_does_not_depend_on_workers_or_interruptions(
    search: dict[str, Any], tmp_path: Path
) -> None:
    study = nested_study(recipe={"epochs": 3}, **search)
    alone, events = ran(study, tmp_path / "alone")
    trained = [event.fit.trial_id for event in events if isinstance(event, EpochEnded)]
    # No epoch is trained twice: no trial has more epochs than the recipe.
    assert max(Counter(trained).values()) <= 3
    assert not list(Layout(tmp_path / "alone").folder.rglob("*checkpoint*"))
    assert statistics(ran(study, tmp_path / "many", workers=2)[0]) == statistics(alone)

    n_ended = 0

    def stop(event: Event) -> None:
        nonlocal n_ended
        n_ended += isinstance(event, FitEnded)
        if isinstance(event, FitEnded) and n_ended % 4 == 0:
            raise KeyboardInterrupt

    for _ in range(20):
        try:
            run_study(study, tmp_path / "stopped", 0, stop)
            break
        except KeyboardInterrupt:
            continue
    assert statistics(stored(tmp_path / "stopped", study)) == statistics(alone)


def test_search_that_becomes_nested_trains_only_new_fits(tmp_path: Path) -> None:
    plain = nested_study(nested=False)
    ran(plain, tmp_path)
    _, events = ran(nested_study(), tmp_path)
    assert sum(isinstance(event, FitEnded) for event in events) == 2 * 4
