"""Checks after training: each fires on results made for it and not on clean results."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.statistics.baseline_coverage import covers
from convstudy.analysis import analyse
from convstudy.checks import Finding, check_results
from convstudy.checks.baselines import without_baselines
from convstudy.checks.outcomes import edge_of, outlying
from convstudy.checks.searches import without_first
from convstudy.data import Fold, Holdout
from convstudy.history.results import Results
from convstudy.stats import RequiredSampleSize, Requirement
from convstudy.stats.two_way import two_way_difference
from convstudy.studyfile import Range, Search, Study
from tests.checks.made import LEVELS, ONE, level_of, results, settled, study, with_baselines


def reported(made: Results) -> tuple[Finding, ...]:
    return check_results(analyse(made)).reported


def levels(**changed: float) -> Callable[[str, int], float]:
    """Return accuracies with those of some candidates replaced; ``kernel_5`` stands for ``kernel=5``."""
    named = {name.replace("_", "="): level for name, level in changed.items()}
    return lambda name, number: (
        level_of(name, number) + named.get(name, 0.0) - (LEVELS.get(name, 0.965) if name in named else 0.0)
    )


def at(level: Callable[[str, int], float], **more: Any) -> Results:
    """Return results with these accuracies on validation and test images."""
    values = {"trace": lambda name, number: settled(level(name, number)), "test": level, **more}
    return results(**values)


def with_kernels(*kernels: int, **levels_of: float) -> Results:
    """Return results of a study that searches both networks over these kernels."""
    search = {
        n: Search(network=n, parameters={"kernel": kernels}, folds=5, recipe={"epochs": 3})
        for n in ("one", "two")
    }
    return at(levels(**levels_of), case=study(search=search))


def like_the_base(**more: Any) -> Results:
    """Return results in which the variant has the same weights and scores as its base."""

    def level(name: str, number: int) -> float:
        return level_of("one" if name == "tanh" else name, number)

    def weights(name: str, number: int, fit_id: str) -> str:
        return f"weights of one {number}" if name in ("one", "tanh") else fit_id

    return at(level, **{"weights": weights, **more})


def one_search() -> Study:
    """Return the study with a search of one network only, and no other question."""
    search = {"one": Search(network="one", parameters={"kernel": (3, 5)}, folds=5, recipe={"epochs": 3})}
    return study(search=search, compare={}, ablate={}, network={"one": ONE})


def one_seed_off(name: str, number: int) -> float:
    return level_of(name, number) - (0.02 if (name, number) == ("two", 3) else 0.0)


FIRES: dict[str, tuple[Callable[[], Results], tuple[str, ...]]] = {
    "failed-fit": (
        lambda: results(fails=lambda name, seed: "crashed" if (name, seed) == ("tanh", 2) else ""),
        ("ablate.best: tanh",),
    ),
    "same-weights": (lambda: like_the_base(), ("ablate.best: tanh",)),
    "winner-at-edge": (
        lambda: with_kernels(2, 3, 5, kernel_5=0.975),
        ("search.one.parameters.kernel", "search.two.parameters.kernel"),
    ),
    "difference-within-noise": (lambda: at(levels(two=0.9849)), ("compare.all",)),
    "no-better-than-first": (
        lambda: at(levels(kernel_5=0.9655), case=one_search()),
        ("search.one",),
    ),
    "no-better-than-baseline": (lambda: with_baselines(results(), 0.9601), ("compare.all", "ablate.best")),
    "overfitting": (
        lambda: results(
            trace=lambda name, number: settled(level_of(name, number), gap=0.06 if name == "tanh" else 0.005)
        ),
        ("ablate.best: tanh",),
    ),
    "seed-outlier": (lambda: at(one_seed_off), ("compare.all: two",)),
    "validation-test-gap": (
        lambda: results(test=lambda name, number: level_of(name, number) - 0.03 * (name == "tanh")),
        ("ablate.best: tanh",),
    ),
    "test-set-reused": (lambda: results(n_hypotheses_elsewhere=10), ("study.dataset",)),
}


# The runner-up of a search with two candidates is its first one.
COMPANIONS = {"no-better-than-first": {"difference-within-noise"}}


@pytest.mark.parametrize("check", FIRES)
def test_only_this_check_fires_on_results_made_for_it(check: str) -> None:
    make, where = FIRES[check]
    every = reported(make())
    found = [each for each in every if each.check not in COMPANIONS.get(check, ())]
    assert {each.check for each in every} - {check} == COMPANIONS.get(check, set())
    assert [(each.check, each.where) for each in found] == [(check, each) for each in where]
    assert all(each.what and each.hint for each in found)


def test_run_without_records_has_no_findings() -> None:
    made = results()
    from convstudy.plan import resolve

    plan, choices = resolve(made.study, {})
    begun = replace(made, plan=plan, choices=choices, records={}, test_evaluations={}, n_test_evaluations=0)
    assert reported(begun) == ()


# same-weights


def test_variant_identical_to_base_is_reported_with_its_seeds() -> None:
    (found,) = reported(like_the_base())
    assert found.what.startswith(
        "this variant changed nothing: its weights and scores equal those of the unmodified network"
    )
    assert "in all 5 fits" in found.what
    one_failed = like_the_base(fails=lambda name, seed: "crashed" if (name, seed) == ("tanh", 2) else "")
    (found,) = [each for each in reported(one_failed) if each.check == "same-weights"]
    assert "in 4 of 5 fits (seed 0, seed 1, seed 3 and seed 4)" in found.what


def test_verdict_on_variant_identical_to_base_has_no_required_sample_size() -> None:
    found = {
        v.first: v for stage_result in analyse(like_the_base()).stage_results for v in stage_result.verdicts
    }
    assert found["tanh"].same_models and found["tanh"].required is None
    assert [v.same_models for v in found.values()].count(True) == 1


def test_variant_that_differs_in_one_seed_is_not_reported() -> None:
    made = like_the_base(
        weights=lambda name, seed, fit_id: (
            f"{name if seed == 3 and name == 'tanh' else 'one'} {seed}" if name in ("one", "tanh") else fit_id
        )
    )
    assert "same-weights" not in {each.check for each in reported(made)}


def test_same_weights_with_different_scores_are_not_reported() -> None:
    # tta changes predictions but not weights.
    made = like_the_base(test=level_of)
    assert "same-weights" not in {each.check for each in reported(made)}


def test_identical_candidates_of_a_search_are_named() -> None:
    def level(name: str, number: int) -> float:
        return level_of("kernel=3" if name == "kernel=5" else name, number)

    made = at(
        level,
        weights=lambda name, fold, fit_id: f"a kernel {fold}" if name.startswith("kernel") else fit_id,
    )
    found = [each for each in reported(made) if each.check == "same-weights"]
    assert [each.where for each in found] == ["search.one", "search.two"]
    assert "kernel=3 and kernel=5 have the same weights and scores in all 5 fits" in found[0].what


# winner-at-edge


@pytest.mark.parametrize(
    ("tried", "value", "edge"),
    [
        ((3, 5, 7), 7, "highest"),
        ((3, 5, 7), 3, "lowest"),
        ((3, 5, 7), 5, ""),
        ((7, 3, 5), 5, ""),
        ((3, 7), 7, ""),
        ((3, 3, 7), 7, ""),
        ((1, 3, 5), 1, ""),
        ((0.0, 0.1, 0.2), 0.0, ""),
        ((0.0, 0.1, 0.2), 0.2, "highest"),
        (("adam", "sgd", "muon"), "sgd", ""),
        ((3, 5, "many"), 5, ""),
        ((True, False), True, ""),
        (Range(low=1e-4, high=1e-1, log=True), 1.2e-4, "lowest"),
        (Range(low=1e-4, high=1e-1, log=True), 2e-4, ""),
        (Range(low=0.0, high=0.5), 0.48, "highest"),
        (Range(low=0.0, high=0.5), 0.02, "lowest"),
        (Range(low=0.0, high=0.5), 0.03, ""),
        (Range(low=3, high=9, step=2), 9, "highest"),
        (Range(low=3, high=9, step=2), 7, ""),
        (Range(low=3, high=4), 4, ""),
        (Range(low=1, high=9), 1, ""),
    ],
)
def test_edge_of_lists_and_ranges(tried: Any, value: Any, edge: str) -> None:
    assert edge_of(tried, value) == edge


def test_best_candidate_inside_the_search_space_is_not_reported() -> None:
    assert reported(with_kernels(2, 3, 5, kernel_3=0.975)) == ()


# difference-within-noise


def test_best_candidate_is_reported_only_if_its_verdict_is_not_better() -> None:
    assert reported(at(levels())) == ()
    (finding,) = reported(at(levels(two=0.9849)))
    assert finding.what.startswith("two was selected over one; on the test images two is ahead by 0.10 p")
    equivalent = reported(
        at(levels(kernel_5=0.9651, kernel_3=0.965), case=study(search={"one": study().search["one"]}))
    )
    assert [(each.check, each.where) for each in equivalent] == [
        ("difference-within-noise", "search.one"),
        ("no-better-than-first", "search.one"),
    ]


@pytest.mark.parametrize(
    ("required", "hint"),
    [
        (None, "or use more seeds or images"),
        (RequiredSampleSize(0.001, "seeds", 3, 10_000, run_first=10), "or use more seeds or images"),
        (
            RequiredSampleSize(0.001, "seeds", 5, 10_000, Requirement("better", 0.002, "seeds"), shows=0.01),
            "or use more seeds or images",
        ),
        (
            RequiredSampleSize(0.001, "seeds", 5, 10_000, Requirement("better", 0.002, "seeds", 12, 37)),
            "or use more seeds or images (the verdict estimates the number)",
        ),
    ],
)
def test_hint_mentions_the_required_number_only_if_the_verdict_has_one(
    required: RequiredSampleSize | None, hint: str
) -> None:
    made = at(levels(two=0.9849))
    analysis = analyse(made)
    # stage_results is a cached property: a value in __dict__ replaces its computation.
    analysis.__dict__["stage_results"] = tuple(
        replace(
            each, verdicts=tuple(replace(v, kind="inconclusive", required=required) for v in each.verdicts)
        )
        for each in analysis.stage_results
    )
    hints = [
        each.hint
        for each in check_results(analysis).reported
        if (each.check, each.where) == ("difference-within-noise", "compare.all")
    ]
    assert len(hints) == 1 and hints[0].endswith(hint)


def test_best_candidate_that_is_worse_on_test_images_is_reported() -> None:
    made = results(test=lambda name, number: level_of(name, number) - 0.04 * (name == "one"))
    found = {each.check: each.what for each in reported(made)}
    what = found["difference-within-noise"]
    assert "on the test images two is ahead by 1.61 p" in what
    assert what.endswith(": the other candidate is better")


# no-better-than-first


def test_search_is_compared_with_the_value_that_its_network_states() -> None:
    def found(*kernels: int, stated: int = 3, **changed: float) -> list[Finding]:
        search = {"one": Search(network="one", parameters={"kernel": kernels}, folds=5, recipe={"epochs": 3})}
        network = {"one": ONE.model_copy(update={"parameters": {"kernel": stated}})}
        made = at(levels(**changed), case=study(search=search, compare={}, ablate={}, network=network))
        return [each for each in reported(made) if each.check == "no-better-than-first"]

    (note,) = found(2, 3, 5, kernel_2=0.95, kernel_3=0.9645, kernel_5=0.965)
    assert "kernel=5 is not clearly better than the study’s own kernel=3" in note.what
    assert "+0.0" in note.what and "95 % CI" in note.what
    (note,) = found(2, 3, 5, stated=7, kernel_2=0.9645, kernel_3=0.95, kernel_5=0.965)
    assert "than the first candidate kernel=2" in note.what
    # Clearly better, or the stated value itself:
    assert found(2, 3, 5, kernel_2=0.95, kernel_3=0.95, kernel_5=0.97) == []
    assert found(2, 3, 5, kernel_2=0.963, kernel_3=0.968, kernel_5=0.95) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"search": {}}, "the study has no search"),
        ({}, "every search selected the stated value or its first candidate"),
    ],
)
def test_search_without_a_comparison_is_not_applicable(changes: dict[str, Any], reason: str) -> None:
    made = at(levels(kernel_3=0.98), case=study(**changes))
    assert without_first(analyse(made)) == reason
    assert without_first(analyse(at(levels()))) == ""


# no-better-than-baseline


def test_networks_at_the_level_of_a_baseline_are_reported_with_difference_and_interval() -> None:
    compared, varied = (
        each
        for each in reported(with_baselines(results(), 0.9601))
        if each.check == "no-better-than-baseline"
    )
    assert "baseline nearest neighbours, which costs seconds, has a test accuracy of 96.01 %" in compared.what
    assert "one," not in compared.what  # 98.5 %
    assert "two, 0.00 p" in compared.what and "95 % CI" in compared.what
    # The unmodified network of the ablation is the network one of the comparison.
    assert "tanh, −3.0" in varied.what and varied.what.endswith("the baseline is better")
    assert "unmodified" not in varied.what
    assert compared.level == "warning"


@pytest.mark.parametrize(("accuracy", "n_found"), [(0.5, 0), (0.9, 0), (0.95, 1), (0.97, 2), (0.999, 2)])
def test_baselines_are_reported_only_if_networks_are_not_better(accuracy: float, n_found: int) -> None:
    found = reported(with_baselines(results(), accuracy))
    assert [each.check for each in found] == ["no-better-than-baseline"] * n_found


def test_verdicts_on_baselines_are_those_of_tables_with_a_constant_baseline() -> None:
    made = with_baselines(results(), 0.9601)
    analysis = analyse(made)
    (compared,) = [each for each in analysis.baselines if each.stage == "compare.all"]
    arrays = made.baseline(Holdout(0.1, 0))
    assert arrays is not None
    (row,) = [row for row in analysis.stage_results[2].rows if row.name == "two"]
    table = np.stack(
        [
            (each["probabilities"].argmax(axis=1) == each["labels"]).astype(float)
            for each in (made.arrays(fit.fit_id, "test") for fit in row.fits)
        ]
    )
    baseline = (arrays["predicted"][2] == arrays["labels"]).astype(float)
    expected = two_way_difference(table, np.broadcast_to(baseline, table.shape))
    (verdict,) = [each for each in compared.verdicts if each.first == "two"]
    assert (verdict.difference.low, verdict.difference.high) == pytest.approx((expected.low, expected.high))
    assert [round(each.score, 4) for each in compared.scores] == [0.0, 0.5, 0.9601]
    assert compared.best.name == "nearest neighbours" and compared.best.n_train == 50_000


def test_interval_of_a_difference_from_a_baseline_covers_new_images() -> None:
    """docs/statistics.md: 95.5 % for ten seeds and 359 images; the bound is four standard errors lower."""
    random = np.random.RandomState(0)
    n_covered = 0
    for _ in range(400):
        right = (random.uniform(size=(11, 359)) >= 0.06 * random.uniform(size=359)).astype(np.float64)
        n_covered += covers(right[:10], right[10])[0]
    assert n_covered / 400 > 0.955 - 4 * 0.0104


def test_one_seed_is_compared_by_the_interval_of_its_trained_model() -> None:
    made = results(study(seeds=1))
    weak = [each.check for each in reported(with_baselines(made, 0.9))]
    assert "no-better-than-baseline" not in weak
    (found,) = [each for each in reported(with_baselines(made, 0.98)) if each.where == "ablate.best"]
    assert "one seed: an interval for this trained model" in found.what


def test_missing_or_wrong_baselines_are_not_applicable() -> None:
    made = results()
    assert without_baselines(analyse(made)).startswith("the baselines are not computed yet")
    arrays = with_baselines(made, 0.9).baseline(Holdout(0.1, 0))
    assert arrays is not None
    for name, values in (
        ("predicted", arrays["predicted"][:2]),
        ("labels", arrays["labels"][1:]),
        ("labels", arrays["labels"] + 10),
        ("n_train", arrays["n_train"][:1]),
    ):
        wrong = {**arrays, name: values}
        assert analyse(replace(made, baseline=lambda split, wrong=wrong: wrong)).baselines == ()
    other = {**arrays, "labels": arrays["labels"] + 1}
    analysis = analyse(replace(made, baseline=lambda split: None if isinstance(split, Fold) else other))
    assert without_baselines(analysis) == "predictions of the networks are missing"


# overfitting


@pytest.mark.parametrize(("gap", "found"), [(0.06, True), (0.045, False)])
def test_gap_from_five_percentage_points_is_overfitting(gap: float, found: bool) -> None:
    made = results(
        trace=lambda name, number: settled(level_of(name, number), gap=gap if name == "tanh" else 0.005)
    )
    assert [each.check for each in reported(made)] == ["overfitting"] * found


def test_gap_on_few_validation_images_is_not_reported() -> None:
    made = FIRES["overfitting"][0]()
    few = {fit_id: replace(each, n_validation=60) for fit_id, each in made.records.items()}
    assert "overfitting" not in {each.check for each in reported(replace(made, records=few))}


def test_validation_score_within_the_interval_of_the_test_score_is_not_reported() -> None:
    made = results(test=lambda name, number: level_of(name, number) - 0.003 * (name == "tanh"))
    assert reported(made) == ()


# seed-outlier


def test_outliers_worked_by_hand() -> None:
    scores = {"a": 0.990, "b": 0.991, "c": 0.992, "d": 0.993, "e": 0.970}
    # median 0.991, deviations 0, 1, 1, 2, 21 ‰: their median is 1 ‰; 1 / 0.6745 × 1.206 = 1.79 ‰, five times: 8.9 ‰
    assert outlying(scores, 10**9) == ["e"]
    assert outlying({**scores, "e": 0.9821}, 10**9) == []
    assert outlying({**scores, "e": 0.9820}, 10**9) == ["e"]


def test_distance_within_the_sampling_error_of_the_images_is_no_outlier() -> None:
    scores = {"a": 0.990, "b": 0.991, "c": 0.992, "d": 0.993, "e": 0.970}
    # √(0.991 × 0.009 / 360) = 0.5 pp, five times: 2.5 pp
    assert outlying(scores, 360) == []
    assert outlying({**scores, "e": 0.965}, 360) == ["e"]


def test_equal_or_fewer_than_five_seeds_have_no_outlier() -> None:
    assert outlying(dict.fromkeys("abcde", 0.5) | {"e": 0.501}, 10_000) == []
    assert outlying(dict.fromkeys("abcde", 1.0), 100) == []
    assert outlying({"a": 0.9, "b": 0.9, "c": 0.9, "d": 0.1}, 10_000) == []


def test_seed_far_below_perfect_seeds_is_an_outlier() -> None:
    scores = dict.fromkeys("abcd", 1.0)
    assert outlying(scores | {"e": 0.1}, 100) == ["e"]
    assert outlying(scores | {"e": 0.98}, 100) == []


def test_false_outlier_rate_is_at_most_two_percent() -> None:
    """docs/checks.md: 2 % if seeds scatter by twice the sampling error of the images, near 0 if by once."""
    rng = random.Random(0)
    n_images = 10_000
    error = (0.98 * 0.02 / n_images) ** 0.5
    for spread, most in ((2 * error, 0.02), (error, 0.001)):
        n_wrong = sum(
            bool(outlying({str(i): rng.gauss(0.98, spread) for i in range(5)}, n_images)) for _ in range(4000)
        )
        assert n_wrong / 4000 <= most


# test-set-reused


@pytest.mark.parametrize(("elsewhere", "found"), [(9, False), (10, True), (0, False)])
def test_reused_test_set_is_reported_from_ten_hypotheses_of_other_runs(elsewhere: int, found: bool) -> None:
    made = results(n_hypotheses_elsewhere=elsewhere)
    assert len(made.test_evaluations) == 15, "5 seeds of 2 networks and a variant"
    assert [each.check for each in reported(made)] == ["test-set-reused"] * found
