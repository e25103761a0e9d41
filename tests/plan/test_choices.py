"""Choices follow from validation scores alone, in any order of the records."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.plan import Candidate, Choice, Fit, choose, make_plan, resolve
from convstudy.record import Record
from tests.plan.made import failed, finished, record, study
from tests.scores import scores

COMPARE = make_plan(study(search={}, ablate={})).stages[0]


def _choice(**scores_by_name: Any) -> Choice:
    """Return the choice among one, two and three, given an accuracy, record arguments, or None for a failed fit."""
    records: dict[str, Record] = {}
    for candidate in COMPARE.candidates:
        score = scores_by_name[candidate.name]
        for number, fit in enumerate(candidate.fits):
            if score is None:
                records[fit.id] = failed(fit) if number == 0 else record(fit, 1.0)
            else:
                records[fit.id] = record(fit, *(score if isinstance(score, tuple) else (score,)))
    choice = choose(COMPARE, records)
    assert choice is not None
    return choice


def test_highest_validation_accuracy_is_chosen() -> None:
    assert _choice(one=0.5, two=0.9, three=0.8).chosen == "two"


def test_ties_are_broken_by_loss_then_parameters_then_order() -> None:
    assert _choice(one=(0.9, 0.5, 1), two=(0.9, 0.4, 9), three=(0.9, 0.6, 1)).chosen == "two"
    assert _choice(one=(0.9, 0.5, 9), two=(0.9, 0.5, 9), three=(0.9, 0.5, 8)).chosen == "three"
    assert _choice(one=(0.8, 0.5, 9), two=(0.9, 0.5, 9), three=(0.9, 0.5, 9)).chosen == "two"


def test_candidate_with_failed_fit_is_scored_but_not_chosen() -> None:
    choice = _choice(one=0.5, two=None, three=0.4)
    assert choice.chosen == "one"
    two = choice.scores[1]
    assert (two.name, two.n_failed, two.scores["accuracy"]) == ("two", 1, 1.0)
    none_chosen = _choice(one=None, two=None, three=None)
    assert none_chosen.chosen == ""
    assert [score.n_failed for score in none_chosen.scores] == [1, 1, 1]


def test_candidate_scores_are_means_over_fits() -> None:
    records = {}
    for candidate in COMPARE.candidates:
        for fit, (accuracy, loss) in zip(candidate.fits, ((0.5, 1.0), (0.75, 3.0)), strict=True):
            records[fit.id] = record(fit, accuracy, loss, 7)
    choice = choose(COMPARE, records)
    assert choice is not None
    assert (choice.scores[0].scores, choice.scores[0].n_parameters) == (scores(2.0, 0.625), 7)


def test_no_choice_while_a_fit_or_a_dependency_is_missing() -> None:
    records = {fit.id: record(fit) for candidate in COMPARE.candidates for fit in candidate.fits}
    assert choose(COMPARE, records) is not None
    for fit_id in records:
        assert choose(COMPARE, {key: value for key, value in records.items() if key != fit_id}) is None
        crashed = Record(fit_id, "failed", error_kind="crashed", error="killed", n_failed_runs=2)
        assert choose(COMPARE, {**records, fit_id: crashed}) is None
        assert choose(COMPARE, {**records, fit_id: replace(crashed, n_failed_runs=3)}) is not None
        assert choose(COMPARE, {**records, fit_id: replace(crashed, accepted=True)}) is not None
    blocked = make_plan(study()).stage("compare.all")
    everything = {fit.id: record(fit) for candidate in blocked.candidates for fit in candidate.fits}
    assert choose(blocked, everything) is None


def test_resolve_makes_all_choices_that_follow_from_records() -> None:
    asked = study()
    plan, choices = resolve(asked, {})
    assert choices == ()
    searched = {fit.id: record(fit) for c in plan.stage("search.kernel").candidates for fit in c.fits}
    plan, choices = resolve(asked, searched)
    assert [choice.stage for choice in choices] == ["search.kernel"]
    assert plan.stage("compare.all").depends_on == ()
    every = {
        **searched,
        **{fit.id: record(fit) for c in plan.stage("compare.all").candidates for fit in c.fits},
    }
    plan, choices = resolve(asked, every)
    assert [choice.stage for choice in choices] == ["search.kernel", "compare.all"]
    assert plan.fits == plan.settled_fits


def test_failed_search_keeps_dependent_candidates_pending() -> None:
    plan, choices, records = finished(
        study(), lambda candidate, fit: failed(fit) if "kernel=" in candidate.name else record(fit)
    )
    assert [choice.chosen for choice in choices] == [""]
    assert plan.stage("compare.all").candidate("one").depends_on == ("search.kernel",)
    assert len(records) == 4 + 4  # the search, and the two networks without dependencies


def _random_records(seed: int) -> Any:
    """Return a function that makes pseudo-random records; some fits fail, many scores tie."""

    def make(candidate: Candidate, fit: Fit) -> Record:
        rng = random.Random(f"{seed} {fit.id}")
        if rng.random() < 0.1:
            return failed(fit)
        return record(fit, rng.choice([0.5, 0.6]), rng.choice([1.0, 2.0]), rng.choice([10, 20]))

    return make


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_choices_do_not_depend_on_order_of_records(seed: int, shuffler: random.Random) -> None:
    plan, choices, records = finished(study(), _random_records(seed))
    items = list(records.items())
    shuffler.shuffle(items)
    assert resolve(study(), dict(items)) == (plan, choices)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 9))
def test_choices_depend_on_validation_scores_only(seed: int, accuracy: float, loss: float) -> None:
    plan, choices, records = finished(study(), _random_records(seed))

    def other(found: Record) -> Record:
        """Change everything except validation scores, and add an epoch that is not selected."""
        if not found.done:
            return replace(found, error_kind="crashed", error="otherwise", n_failed_runs=3)
        (epoch,) = found.history
        selected = replace(epoch, train=scores(loss, accuracy), train_seconds=9.0, learning_rate=loss)
        later = replace(selected, number=2, validation=scores(0.0, 1 - epoch.validation["accuracy"]))
        return replace(found, history=(selected, later), n_train=1, weights_digest="another")

    assert resolve(study(), {fit_id: other(found) for fit_id, found in records.items()}) == (plan, choices)


@pytest.mark.parametrize("better", ["one", "two", "three"])
def test_ablation_of_best_uses_chosen_network(better: str) -> None:
    plan, choices, _ = finished(
        study(), lambda candidate, fit: record(fit, 0.9 if candidate.name == better else 0.5)
    )
    assert choices[-1].chosen == better
    assert {c.network_name for c in plan.stage("ablate.best").candidates} == {better}
