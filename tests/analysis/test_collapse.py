"""Collapsed seeds of a study: found on validation scores, counted, and left out of conditional verdicts."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest

from convstudy.analysis import Analysis, StageCollapse, StageResult, analyse
from convstudy.analysis.collapse import CandidateCollapse, CollapsedSeed, _chance
from convstudy.history.results import Results
from convstudy.metrics import metrics
from tests.checks.made import level_of, results, settled, study, with_baselines

Fallen = Collection[tuple[str, int]]


def fallen_results(
    fallen: Fallen, test_fallen: Fallen | None = None, level: float = 0.6, **more: object
) -> Results:
    """Return results in which some seeds of candidates have this accuracy on validation and on test images."""

    def accuracy(name: str, seed: int, where: Fallen) -> float:
        return level if (name, seed) in where else level_of(name, seed)

    on_test = fallen if test_fallen is None else test_fallen
    return results(
        trace=lambda name, seed: settled(accuracy(name, seed, fallen)),
        test=lambda name, seed: accuracy(name, seed, on_test) - 0.0005,
        **more,  # type: ignore[arg-type]
    )


def stage_of(made: Results, key: str = "compare.all") -> tuple[Analysis, StageResult, StageCollapse]:
    analysis = analyse(made)
    (stage_result,) = [each for each in analysis.stage_results if each.stage == key]
    assert stage_result.collapse is not None
    return analysis, stage_result, stage_result.collapse


def test_study_without_collapse_has_none() -> None:
    _, stage_result, collapse = stage_of(results())
    assert (collapse.affected, collapse.pairs) == ((), ())
    assert [verdict.n_collapsed for verdict in stage_result.verdicts] == [0]
    assert all(each.reliable for found in stage_result.intervals.values() for each in found.values())


def test_collapsed_seed_is_counted_and_left_out_of_the_conditional_verdict() -> None:
    _, stage_result, collapse = stage_of(fallen_results([("two", 3)]))
    one, two = collapse.candidates
    assert (len(one.seeds), len(two.seeds), two.n_seeds) == (0, 1, 5)
    assert two.seeds[0].part == "seed 3"
    assert two.seeds[0].learned == pytest.approx((two.seeds[0].score - 0.1) / 0.9)  # type: ignore[operator]
    (pair,) = collapse.pairs
    assert pair.trained is not None and pair.wins is not None
    assert (pair.first, pair.second, pair.trained.kind, pair.trained.difference.n) == (
        "one",
        "two",
        "better",
        4,
    )
    assert pair.trained.n_collapsed == 0
    assert pair.wins.estimate == 1
    (verdict,) = stage_result.verdicts
    assert (verdict.kind, verdict.n_collapsed, verdict.required) == ("inconclusive", 1, None)
    assert not stage_result.intervals["two"]["accuracy"].reliable
    assert stage_result.intervals["one"]["accuracy"].reliable


def test_conditional_verdicts_are_claims_of_the_same_family() -> None:
    _, stage_result, collapse = stage_of(fallen_results([("two", 3)]))
    (verdict,), (pair,) = stage_result.verdicts, collapse.pairs
    assert pair.trained is not None
    assert (verdict.n_comparisons, pair.trained.n_comparisons) == (2, 2)
    assert pair.trained.adjusted_p == pytest.approx(2 * pair.trained.p)
    _, untouched, _ = stage_of(results())
    assert untouched.verdicts[0].n_comparisons == 1


def test_leaving_out_collapsed_seeds_is_no_further_look_at_the_test_set() -> None:
    _, stage_result, collapse = stage_of(fallen_results([("two", 3)]))
    (verdict,), (pair,) = stage_result.verdicts, collapse.pairs
    assert pair.trained is not None
    assert (verdict.look, pair.trained.look, pair.trained.looks) == (1, 1, verdict.looks)
    assert pair.trained.difference.confidence == 0.95


def test_rule_uses_no_test_score() -> None:
    _, stage_result, collapse = stage_of(fallen_results([], test_fallen=[("two", 3)]))
    assert (collapse.affected, stage_result.verdicts[0].n_collapsed) == ((), 0)
    _, _, collapse = stage_of(fallen_results([("two", 3)], test_fallen=[]))
    assert [each.candidate for each in collapse.affected] == ["two"]


def test_candidate_whose_seeds_all_collapse_has_no_conditional_verdict() -> None:
    every = [("two", seed) for seed in range(5)]
    _, stage_result, collapse = stage_of(fallen_results(every, level=0.1))
    (pair,) = collapse.pairs
    assert (len(collapse.candidates[1].seeds), pair.trained) == (5, None)
    assert pair.fisher_p == pytest.approx(2 / math.comb(10, 5))
    assert stage_result.verdicts[0].n_comparisons == 1  # no further claim is possible
    assert stage_result.verdicts[0].kind == "better"


def test_one_remaining_pair_of_seeds_is_too_few_for_a_verdict() -> None:
    _, _, collapse = stage_of(fallen_results([("two", 0), ("two", 1), ("one", 2), ("one", 3)]))
    assert [pair.trained for pair in collapse.pairs] == [None]


def test_diverged_fit_counts_as_a_seed_that_did_not_train() -> None:
    made = results(fails=lambda name, seed: "diverged" if (name, seed) == ("two", 1) else "")
    _, stage_result, collapse = stage_of(made)
    two = collapse.candidates[1]
    assert (len(two.seeds), two.n_seeds, two.collapsed_parts) == (1, 5, frozenset())
    (pair,) = collapse.pairs
    # The ordinary verdict is already about fits that finished.
    assert (pair.trained, stage_result.verdicts[0].n_collapsed) == (None, 0)
    assert pair.wins is not None and pair.wins.estimate == 1


def test_other_failures_are_no_collapse() -> None:
    made = results(fails=lambda name, seed: "crashed" if (name, seed) == ("two", 1) else "")
    _, _, collapse = stage_of(made)
    assert (collapse.affected, collapse.candidates[1].n_seeds) == ((), 4)


def test_ablation_compares_variants_among_seeds_that_trained() -> None:
    _, stage_result, collapse = stage_of(fallen_results([("tanh", 2)]), "ablate.best")
    (pair,) = collapse.pairs
    assert (pair.first, pair.second) == ("tanh", "unmodified network")
    assert pair.trained is not None and pair.trained.kind == "worse"
    assert stage_result.verdicts[0].n_collapsed == 1


def test_search_has_no_collapse() -> None:
    assert [each.collapse for each in analyse(results()).stage_results if each.question == "search"] == [
        None,
        None,
    ]


def test_candidate_with_the_lower_loss_wins() -> None:
    case = study(metric="log-loss", equivalence_margin=None)
    _, _, collapse = stage_of(fallen_results([("two", 3)], case=case))
    (pair,) = collapse.pairs
    # A loss can be worse than at chance although the network has learned the classes.
    assert collapse.metric == "accuracy"
    assert pair.wins is not None


@pytest.mark.parametrize("name", [metric.name for metric in metrics().values() if metric.higher_is_better])
def test_constant_prediction_is_at_chance(name: str) -> None:
    counts = (60, 30, 10)
    expected = {
        "accuracy": 0.6,
        "balanced-accuracy": 1 / 3,
        "kappa": 0.0,
        "mcc": 0.0,
        "macro-f1": 0.75 / 3,
        "roc-auc": 0.5,
        "top-5-accuracy": 1.0,
    }
    assert _chance(name, counts) == pytest.approx(expected[name])


def test_chance_of_many_images_is_that_of_a_sample() -> None:
    assert _chance("accuracy", (500_000, 500_000)) == pytest.approx(0.5)
    assert _chance("balanced-accuracy", (50,) * 1000) == pytest.approx(0.001)


def test_calibration_with_a_collapsed_seed_has_no_reliable_interval() -> None:
    analysis, stage_result, _ = stage_of(fallen_results([("two", 3)]))
    by_name = {row.name: row for row in stage_result.rows}
    for name, reliable in (("one", True), ("two", False)):
        found = analysis.calibration(tuple(fit.fit_id for fit in by_name[name].fits))
        assert found is not None
        assert found.accuracy.reliable == reliable
        assert reliable or not found.is_miscalibrated


def test_two_candidates_near_chance_have_no_test_of_their_rates() -> None:
    every = [(name, seed) for name in ("one", "two") for seed in range(5)]
    _, _, collapse = stage_of(fallen_results(every, level=0.1))
    assert [(each.is_near_chance, len(each.seeds)) for each in collapse.candidates] == [(True, 5), (True, 5)]
    assert [pair.fisher_p for pair in collapse.pairs] == [None]


def test_verdict_against_a_baseline_has_the_collapsed_seeds() -> None:
    (baselines, *_) = analyse(with_baselines(fallen_results([("two", 3)]), 0.9)).baselines
    assert {each.first: each.n_collapsed for each in baselines.verdicts} == {"one": 0, "two": 1}


@pytest.mark.parametrize(("left", "n"), [((0, 1), 0), ((0, 2), 1)])
def test_conditional_verdict_needs_two_training_sets(left: tuple[int, int], n: int) -> None:
    """Seeds 0 and 1 share a training set: they show nothing of other sets."""
    fallen = [("two", seed) for seed in range(4) if seed not in left]
    made = fallen_results(fallen, case=study(seeds=4, resample="training"))
    _, _, collapse = stage_of(made)
    assert sum(pair.trained is not None for pair in collapse.pairs) == n


def test_candidate_of_which_most_seeds_trained_is_not_called_weak() -> None:
    seeds = tuple(CollapsedSeed(f"seed {number}", 0.1, 0.0) for number in range(4))
    assert CandidateCollapse("a", seeds, 4, is_near_chance=True).may_be_weak
    assert not CandidateCollapse("a", seeds, 4).may_be_weak
    assert not CandidateCollapse("a", seeds[:1], 4, is_near_chance=True).may_be_weak
