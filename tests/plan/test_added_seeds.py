"""Seeds that a plan adds until validation scores decide each pair: a function of the study and the records alone."""

from __future__ import annotations

import json
import random

import pytest

from convstudy.history.resolving import resolved
from convstudy.plan import Candidate, Fit, make_plan, plan_cost, resolve
from convstudy.plan.added_seeds import counts_key, seed_counts
from convstudy.plan.stages import UNCHANGED
from convstudy.record import Record
from convstudy.studyfile import Ablate, Study, Variant
from tests.plan.made import failed, finished, record, study

KEY = "compare.all"


def growing(**changes: object) -> Study:
    """Return the study of a comparison of three networks, or of an ablation."""
    questions: dict[str, object] = {"search": {}, "ablate": {}, "max_seeds": 10}
    return study(**{**questions, **changes})


def score(candidate: Candidate, fit: Fit) -> Record:
    """Network three is clearly worse; one and two differ by less than the spread of the seeds."""
    mean = {"one": 0.900, "two": 0.904, "three": 0.86}[candidate.network_name]
    return record(fit, mean + random.Random(f"{candidate.network_name} {fit.seed}").uniform(-0.008, 0.008))


def counts(plan_or_study: Study, make: object = score) -> dict[str, int]:
    plan, _, _ = finished(plan_or_study, make)  # type: ignore[arg-type]
    return {each.name: len(each.fits) for each in plan.stage(KEY).candidates}


def test_a_new_plan_has_the_seeds_of_the_first_look_and_placeholders_for_the_others() -> None:
    plan = make_plan(growing())
    stage = plan.stage(KEY)
    assert [len(each.fits) for each in stage.candidates] == [3, 3, 3]
    assert len(stage.pending) == 3 * 7
    assert stage.looks == () and stage.n_candidates == 3
    assert {fit.id for fit in plan.settled_fits} == {fit.id for fit in stage.fits}
    assert not {fit.id for fit in stage.pending} & {fit.id for fit in plan.tested_fits}
    assert plan_cost(plan.fits).n_fits == 30


def test_fits_are_those_of_a_study_with_a_fixed_number_of_seeds() -> None:
    fixed = make_plan(growing(max_seeds=None, seeds=10)).stage(KEY)
    stage = make_plan(growing()).stage(KEY)
    assert {fit.id for fit in (*stage.fits, *stage.pending)} == {fit.id for fit in fixed.fits}


def test_a_dropped_candidate_gets_no_more_seeds_and_cannot_be_chosen() -> None:
    plan, choices, records = finished(growing(), score)
    stage = plan.stage(KEY)
    assert stage.pending == ()
    n_seeds = {each.name: len(each.fits) for each in stage.candidates}
    assert n_seeds["three"] < n_seeds["one"] == n_seeds["two"]
    assert any("three" in look.dropped for look in stage.looks)
    assert "three" not in stage.finalists
    assert len(records) == sum(n_seeds.values())
    (choice,) = choices
    assert choice.chosen in ("one", "two")


def test_plan_depends_neither_on_the_order_of_records_nor_on_later_seeds() -> None:
    plan, choices, records = finished(growing(), score)
    later = {
        fit.id: score(candidate, fit)
        for candidate in make_plan(growing(max_seeds=None, seeds=10)).stage(KEY).candidates
        for fit in candidate.fits
    }
    shuffled = list({**later, **records}.items())
    random.Random(1).shuffle(shuffled)
    assert resolve(growing(), dict(shuffled)) == (plan, choices)


def test_no_choice_is_made_while_a_seed_of_the_next_look_is_missing() -> None:
    _, _, records = finished(growing(), score)
    plan = make_plan(growing())
    first = {fit.id: records[fit.id] for fit in plan.settled_fits}
    after_first, choices = resolve(growing(), first)
    assert choices == ()
    assert len(after_first.stage(KEY).looks) == 1
    assert [len(each.fits) for each in after_first.stage(KEY).candidates] == [5, 5, 5]
    del first[plan.settled_fits[0].id]
    assert resolve(growing(), first)[0].stage(KEY).looks == ()


def test_no_look_is_taken_before_a_failed_fit_was_tried_again() -> None:
    _, _, records = finished(growing(), score)
    stage = make_plan(growing()).stage(KEY)
    crashed = stage.candidates[1].fits[1]
    records[crashed.id] = Record(crashed.id, "failed", error_kind="crashed", error="killed")
    plan, choices = resolve(growing(), records)
    assert choices == () and plan.stage(KEY).looks == ()
    assert [len(each.fits) for each in plan.stage(KEY).candidates] == [3, 3, 3]


def test_a_candidate_whose_fits_fail_is_not_trained_further() -> None:
    def make(candidate: Candidate, fit: Fit) -> Record:
        return failed(fit) if candidate.network_name == "two" else score(candidate, fit)

    assert counts(growing(), make)["two"] == 3


def test_one_failed_seed_does_not_end_a_candidate() -> None:
    def make(candidate: Candidate, fit: Fit) -> Record:
        return failed(fit) if (candidate.network_name, fit.seed) == ("two", 0) else score(candidate, fit)

    assert counts(growing(), make)["two"] > 3


def test_an_ablation_continues_its_unchanged_network_for_undecided_variants() -> None:
    asked = growing(
        compare={},
        ablate={
            "two": Ablate(
                network="two",
                variants={"bad": Variant(recipe={"optimizer": "sgd"}), "same": Variant(recipe={"epochs": 9})},
            )
        },
    )

    def make(candidate: Candidate, fit: Fit) -> Record:
        noise = random.Random(f"{candidate.name} {fit.seed}").uniform(-0.004, 0.004)
        return record(fit, {"bad": 0.5, "same": 0.907, UNCHANGED: 0.9}[candidate.name] + noise)

    plan, _, _ = finished(asked, make)
    n_seeds = {each.name: len(each.fits) for each in plan.stage("ablate.two").candidates}
    assert n_seeds["bad"] < n_seeds["same"] == n_seeds[UNCHANGED]


def test_candidates_that_wait_for_a_search_take_no_look() -> None:
    waiting = study(max_seeds=10)
    stage = make_plan(waiting).stage(KEY)
    assert stage.depends_on == ("search.kernel",)
    assert seed_counts(stage) == ""
    # Records of placeholders, such as those of another study, decide nothing.
    others = {fit.id: score(each, fit) for each in stage.candidates for fit in each.fits}
    assert resolve(waiting, others)[0].stage(KEY).looks == ()
    plan, choices, _ = finished(waiting, score)
    assert {choice.stage for choice in choices} == {"search.kernel", KEY}
    assert all(not each.pending for each in plan.stages)
    # The ablation of the best network trains its unchanged network in the comparison already.
    best = plan.stage("ablate.best").candidate(UNCHANGED).fits[0].id
    assert best in {fit.id for fit in plan.stage(KEY).fits}


def test_numbers_of_seeds_stay_after_a_test_set_evaluation() -> None:
    """A record that has changed since must not add seeds after a test score."""
    plan, choices, records = finished(growing(), score)
    made = {choice.stage: choice.chosen for choice in choices} | {
        counts_key(stage): seed_counts(stage) for stage in plan.stages
    }
    assert json.loads(made[counts_key(plan.stage(KEY))])["three"] == 5
    bad = plan.stage(KEY).candidate("three")
    changed = records | {fit.id: record(fit, 0.902) for fit in bad.fits}
    tested = {fit.id for fit in plan.tested_fits}
    kept, _ = resolved(growing(), changed, made, lambda: tested)
    assert [fit.id for fit in kept.fits] == [fit.id for fit in plan.fits]
    assert not any(stage.pending for stage in kept.stages)
    # Without a test score, the changed records decide.
    again, _ = resolved(growing(), changed, made, set)
    assert len(again.stage(KEY).candidate("three").fits) > 5


@pytest.mark.parametrize("most", [3, 4, 30])
def test_the_maximum_ends_every_stage(most: int) -> None:
    def close(candidate: Candidate, fit: Fit) -> Record:
        noise = random.Random(f"{candidate.name} {fit.seed}").uniform(-0.0012, 0.0012)
        return record(fit, {"one": 0.9, "two": 0.9015, "three": 0.903}[candidate.name] + noise)

    found = counts(growing(max_seeds=most), close)
    assert max(found.values()) <= most
    assert min(found.values()) >= 3
