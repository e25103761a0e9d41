"""Verdicts on results with a known truth; tests/report/test_known_truth.py tests their text."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.analysis import StageResult, analyse
from convstudy.analysis.predictions import PredictionReader
from convstudy.history.results import Results
from tests.analysis.known import results_of, rows, study_of
from tests.analysis.test_looks import with_log
from tests.scores import scores


def only(results: Results) -> StageResult:
    (found,) = analyse(results).stage_results
    return found


def scattered(seed: int, n_wrong: int, salt: int, hard: int = 300) -> np.ndarray:
    """Return indices of wrong predictions among the ``hard`` first images, different for each seed."""
    return np.random.RandomState(1000 * salt + seed).permutation(hard)[:n_wrong]


def test_large_difference_is_better_by_accuracy_and_loss() -> None:
    results = results_of(
        study_of("mnist"), {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 90 + s, 2)}
    )
    stage_result = only(results)
    (verdict,) = stage_result.verdicts
    assert {(verdict.first, verdict.kind), (verdict.second, verdict.kind)} & {("a", "better"), ("b", "worse")}
    assert [sum(pair.n for pair in verdict.models), len(verdict.models)] == [50_000, 5]
    assert stage_result.groups == (("a",), ("b",))
    (loss,) = stage_result.losses
    assert (loss.kind, loss.first) == (verdict.kind, verdict.first)


def test_equal_candidates_with_enough_seeds_are_equivalent() -> None:
    results = results_of(
        study_of("mnist", seeds=20),
        {"a": lambda s: scattered(s, 30, 1, 60), "b": lambda s: scattered(s, 30 + s % 3, 2, 60)},
    )
    (verdict,) = only(results).verdicts
    assert verdict.kind == "equivalent"


def test_too_few_seeds_give_the_required_number() -> None:
    worse = (0, 18, 9)
    results = results_of(
        study_of("mnist", seeds=3),
        {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 40 + worse[s], 2)},
    )
    (verdict,) = only(results).verdicts
    assert verdict.kind == "inconclusive"
    required = verdict.required
    assert required and required.run_first == 10 and required.requirements == () and required.n_pairs == 3
    five = (*worse, 4, 12)
    results = results_of(
        study_of("mnist", seeds=5),
        {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 40 + five[s], 2)},
    )
    (verdict,) = only(results).verdicts
    required = verdict.required
    assert verdict.kind == "inconclusive" and required and required.better
    assert (required.pairs, required.n_pairs, required.n_images) == ("seeds", 5, 10_000)
    assert required.better.unit == "seeds"
    assert (
        required.better.fewest
        and required.better.most
        and 5 < required.better.fewest < required.better.most < 200
    )


def test_plan_is_for_the_level_of_the_next_look() -> None:
    """Added seeds test the comparison again on the same test set, at a stricter level."""
    worse = (0, 18, 9, 4, 12)
    results = results_of(
        study_of("mnist", seeds=5),
        {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 40 + worse[s], 2)},
    )
    (plain,) = only(results).verdicts
    (first,) = only(with_log(results, [(results.run_id, range(5))])).verdicts
    (second,) = only(with_log(results, [("before", range(3)), (results.run_id, (3, 4))])).verdicts
    assert (len(plain.looks), first.looks, second.looks) == (0, (5,), (3, 5))
    found = [
        each.required.better.fewest
        for each in (plain, first, second)
        if each.required and each.required.better
    ]
    assert None not in found and len(set(found)) == 3 and found == sorted(found, key=lambda n: n or 0)


def test_small_test_set_requires_more_test_images() -> None:
    """All seeds agree on three of 360 images that only a classifies correctly, so more seeds cannot help."""
    results = results_of(
        study_of("digits", seeds=5),
        {"a": lambda s: rows(0, 6 + s % 2), "b": lambda s: rows(0, 9 + s % 2)},
    )
    (verdict,) = only(results).verdicts
    assert verdict.kind == "inconclusive"
    required = verdict.required
    assert required and required.better and required.better.unit == "images"
    assert required.better.fewest is None or required.better.fewest > 360


def test_difference_of_the_size_of_the_margin_is_inconclusive() -> None:
    results = results_of(
        study_of("mnist", seeds=10), {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 50, 1)}
    )
    (verdict,) = only(results).verdicts
    assert abs(verdict.difference.mean or 0) == pytest.approx(0.001)
    assert verdict.kind == "inconclusive"


def test_verdicts_use_the_margin_of_the_study() -> None:
    wrong = {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 90, 2)}
    assert only(results_of(study_of("mnist"), wrong)).verdicts[0].is_significant
    wide = results_of(study_of("mnist", margin=1.0), wrong)
    assert only(wide).verdicts[0].kind == "equivalent"


def test_one_seed_has_no_variance_between_seeds() -> None:
    results = results_of(
        study_of("mnist", seeds=1), {"a": lambda s: rows(0, 40), "b": lambda s: rows(0, 400)}
    )
    stage_result = only(results)
    (verdict,) = stage_result.verdicts
    assert verdict.kind == "too few to say"
    # The images do distinguish the two models.
    assert verdict.models[0].exact_p < 1e-6
    assert verdict.difference.half_width_of("seeds") is None
    assert stage_result.groups == (("a", "b"),) or stage_result.groups == (("b", "a"),)


def test_failed_fit_leaves_the_common_seeds() -> None:
    results = results_of(
        study_of("mnist", networks=3, seeds=4),
        {name: lambda s, salt=salt: scattered(s, 40, salt) for salt, name in enumerate("abc")},  # type: ignore[misc]
        fails=["b"],
    )
    stage_result = only(results)
    assert {
        verdict.difference.n for verdict in stage_result.verdicts if "b" in (verdict.first, verdict.second)
    } == {3}
    assert {len(v.models) for v in stage_result.verdicts if "b" not in (v.first, v.second)} == {4}
    assert sum("accuracy" in each for each in stage_result.intervals.values()) == 3


def test_missing_predictions_widen_the_interval_and_have_no_loss_verdict() -> None:
    wrong = {"a": lambda s: scattered(s, 40, 1), "b": lambda s: scattered(s, 90 + s, 2)}
    known_result, lost = (only(results_of(study_of("mnist"), wrong, lost=lost)) for lost in (False, True))
    (known,), (unknown,) = known_result.verdicts, lost.verdicts
    assert (known.bounded, unknown.bounded) == (False, True)
    assert unknown.difference.low is not None and known.difference.low is not None
    assert unknown.difference.high is not None and known.difference.high is not None
    assert unknown.difference.high - unknown.difference.low > known.difference.high - known.difference.low
    assert lost.losses == () and not any(lost.intervals.values())


def test_comparison_has_verdicts_on_all_pairs_and_groups() -> None:
    levels = {"a": 40, "b": 41, "c": 150, "d": 152}
    results = results_of(
        study_of("mnist", networks=4, seeds=5),
        {name: lambda s, n=n: scattered(s, n + s % 3, n) for name, n in levels.items()},  # type: ignore[misc]
    )
    stage_result = only(results)
    assert len(stage_result.verdicts) == 6
    assert {verdict.n_comparisons for verdict in stage_result.verdicts} == {6}
    assert all(verdict.adjusted_p >= verdict.p for verdict in stage_result.verdicts)
    assert stage_result.groups == (("a", "b"), ("c", "d"))
    assert stage_result.letters == {"a": "a", "b": "a", "c": "b", "d": "b"}


def test_predictions_that_contradict_the_record_are_ignored() -> None:
    from dataclasses import replace

    results = results_of(study_of("digits", seeds=2), {"a": lambda s: rows(0, 5), "b": lambda s: rows(0, 9)})
    fit_id = next(iter(results.test_evaluations))
    other = replace(results.test_evaluations[fit_id], scores=scores(0.1, 0.5))
    assert PredictionReader(results).of(fit_id) is not None
    assert (
        PredictionReader(replace(results, test_evaluations={**results.test_evaluations, fit_id: other})).of(
            fit_id
        )
        is None
    )
    assert PredictionReader(results).of("no such fit") is None
