"""No choice is made after a test score was seen, whatever failed before and is tried again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convstudy.data import Fold
from convstudy.engine import fit as engine_fit
from convstudy.plan import Fit
from convstudy.store import Results, Store
from tests.run.studies import ran, small_study, started


def fail_for_a_while(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Fit], bool]) -> None:
    """Let each fit that ``fails`` names end with an error that may pass, until the patch is undone."""
    original = engine_fit._start

    def start(fit: Fit, *rest: Any) -> Any:
        if fails(fit):
            raise OSError("the disk is full")
        return original(fit, *rest)

    monkeypatch.setattr(engine_fit, "_start", start)


def chosen(results: Results) -> str:
    choice = results.choice("compare.networks")
    assert choice is not None
    return choice.chosen


def test_while_a_choice_may_still_be_made_the_test_set_stays_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fail_for_a_while(patch, lambda fit: isinstance(fit.split, Fold))
        results, _ = ran(small_study(), tmp_path)
    assert (len(results.failed), dict(results.openings), results.n_openings) == (4, {}, 0)
    results, events = ran(small_study(), tmp_path)
    assert len(started(events)) == 4 + 1 + 2
    assert results.complete


def test_a_choice_is_not_made_anew_after_the_test_set_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(search={}, ablate={})
    better = next(name for name in ("one", "two") if name == chosen(ran(study, tmp_path / "whole")[0]))
    other = "two" if better == "one" else "one"
    with monkeypatch.context() as patch:
        fail_for_a_while(patch, lambda fit: fit.network == study.network[better].network())
        results, _ = ran(study, tmp_path)
    assert chosen(results) == other
    assert len(results.openings) == 1
    # It is tried again and would be chosen; but a test score has been seen.
    results, events = ran(study, tmp_path)
    assert started(events) == [results.plan.stage("compare.networks").candidate(better).fits[0].id]
    assert chosen(results) == other
    assert results.complete
    # So it is where another study has tried it again; that one chooses by itself.
    another, _ = ran(study.model_copy(update={"name": "another"}), tmp_path)
    assert chosen(another) == better
    store = Store.open(tmp_path)
    assert chosen(store.results(results.run_id)) == other
    assert {run.status for run in store.runs()} == {"complete"}
    store.close()
