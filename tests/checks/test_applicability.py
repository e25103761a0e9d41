"""Each check says why it does not apply to a study, and a reason never hides a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from convstudy.analysis import Analysis, analyse
from convstudy.checks import CHECKS, applicability, check_plan, check_run
from convstudy.checks.check import Planned
from convstudy.plan import make_plan
from convstudy.studyfile import NetworkPattern, Study
from tests.checks import test_after, test_before, test_during, test_images
from tests.checks.made import results, study

PLAIN = NetworkPattern(layers=("flatten",))


def planned(changed: Study) -> Planned:
    return Planned(make_plan(changed), 0, ())


def analysed_cases() -> Iterator[tuple[str, Analysis]]:
    for module in (test_during, test_after, test_images):
        for name, (make, _) in module.FIRES.items():
            yield name, analyse(make())
    yield "clean", analyse(results())
    yield "unfinished", analyse(replace(results(), records={}, test_evaluations={}, choices=()))


def reasons(subject: Any, of: Callable[[Any], bool]) -> dict[str, str]:
    return {check.name: reason for check in CHECKS if of(check) and (reason := check.why_not(subject))}


def test_reason_of_a_check_never_hides_a_finding() -> None:
    n_reasons = 0
    for name, analysis in analysed_cases():
        for check in CHECKS:
            if check.when == "before":
                continue
            if check.why_not(analysis):
                n_reasons += 1
                assert list(check.find(analysis)) == [], (name, check.name)
    for name, (changes, _) in test_before.FIRES.items():
        values = dict(changes)
        evaluations, counts = values.pop("n_test_evaluations", 0), values.pop("class_counts", ())
        subject = Planned(make_plan(study(**values)), evaluations, counts)
        for check in CHECKS:
            if check.when == "before" and check.why_not(subject):
                n_reasons += 1
                assert list(check.find(subject)) == [], (name, check.name)
    assert n_reasons > 100


def test_every_check_that_does_not_always_apply_has_a_study_without_it() -> None:
    bare = study(
        search={}, compare={}, ablate={}, network={"flat": PLAIN}, metric="log-loss", equivalence_margin=0.0
    )
    empty = analyse(replace(results(bare), records={}, test_evaluations={}, choices=()))
    found = {
        **reasons(planned(bare), lambda check: check.when == "before"),
        **reasons(empty, lambda check: check.when != "before"),
    }
    always = {check.name for check in CHECKS if check.why_not is applicability.always}
    assert always == {"no-op-layer", "unused-network", "classes-balanced-twice"}
    assert set(found) == {check.name for check in CHECKS} - always
    assert all(reason[-1] not in ".,;" for reason in found.values())
    assert found["adamw-without-decay"] == "no recipe has adamw"
    assert found["seed-outlier"] == applicability.NO_CANDIDATE


def test_plan_lists_later_checks_as_not_applicable() -> None:
    found = check_plan(make_plan(study()))
    assert [each.check for each in found.outcomes] == [check.name for check in CHECKS]
    later = {check.name for check in CHECKS if check.when != "before"}
    assert {each.check for each in found.outcomes if each.reason == applicability.NOT_TRAINED} == later


def test_run_has_one_outcome_of_each_check_with_the_level_of_its_finding() -> None:
    make, _ = test_after.FIRES["seed-outlier"]
    made = make()
    found = {each.check: each for each in check_run(analyse(made)).outcomes}
    assert list(found) == [check.name for check in CHECKS]
    assert found["seed-outlier"].status == "warning"
    assert found["same-weights"].status == "passed"
    assert found["constant-images"].status == "not applicable"
    suppressing = made.study.model_copy(update={"suppress": {"seed-outlier": "known"}})
    again = check_run(analyse(replace(made, study=suppressing))).outcomes
    assert [(each.status, each.reason) for each in again if each.check == "seed-outlier"] == [
        ("suppressed", "known")
    ]


@pytest.mark.parametrize(("seeds", "reason"), [(5, ""), (4, "no network has 5 trained seeds or more")])
def test_outliers_need_five_trained_seeds(seeds: int, reason: str) -> None:
    assert applicability.without_five_seeds(analyse(results(study(seeds=seeds)))) == reason
